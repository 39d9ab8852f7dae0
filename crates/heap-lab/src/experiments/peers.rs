//! peers: the benches' shapes on other memory managers, beside ours.
//!
//! Every run is a process: this program's `bench`, Go's peer, and the programs of `benches/peers`, in turn, forwards and then backwards.
//! What others take is a figure and no claim; what is claimed is that all did the same work, and what follows from how they are made.

use crate::claim::{Claims, Prediction, Tolerance};
use crate::error::LabError;
use crate::experiment::{Experiment, Lab, Trial};
use crate::guest::this_program;
use crate::measure::spread::Spread;
use crate::peer::{Answer, GoPeer, Peer, figures};
use crate::record::{Bar, OF_PEER, OVER, Plot, Record, Shape, Source, Table};
use crate::unit::Unit;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// See the module.
pub(super) struct SideBySide;

/// A shape, and what of its figures is shown.
struct Work {
    /// Its name in the report.
    name: &'static str,
    /// What times are given for.
    each: &'static str,
    /// The bench's arguments.
    args: Vec<String>,
    /// How many objects it is about, why, and how far off a runtime's own objects may put a count.
    objects: f64,
    model: String,
    tolerance: Tolerance,
}

/// Nodes of the binary trees of that depth: of the stretch tree, the one that lives, and those that die.
fn nodes(depth: u32) -> f64 {
    let full = |depth: u32| f64::from(2u32 << depth) - 1.0;
    let dying = (4..=depth).step_by(2).map(|each| f64::from(1u32 << (depth - each + 4)) * full(each));
    full(depth + 1) + full(depth) + dying.sum::<f64>()
}

fn works(lab: &Lab) -> Vec<Work> {
    let words = |text: String| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let depth = lab.size(14, 18);
    let trees = Work {
        name: "trees",
        each: "a node made, and let go",
        args: words(format!("trees {depth}")),
        objects: nodes(depth),
        model: format!("the nodes of binary trees up to depth {}", depth + 1),
        tolerance: Tolerance::Exact,
    };
    let alloc = |shape: &str, bytes: u32, name: &'static str| Work {
        name,
        each: "an object made, and let go",
        args: words(format!("alloc {shape} gc")),
        objects: f64::from(2u32 << 30) / f64::from(bytes),
        model: format!("2 GiB in objects of {bytes} bytes"),
        tolerance: Tolerance::Exact,
    };
    let mark = |shape: &str, name: &'static str, count: u32| Work {
        name,
        each: "a collection, for each live object",
        args: words(format!("mark {shape} {count} 5")),
        objects: f64::from(count),
        model: String::from("as many as were built; a runtime has a few of its own"),
        tolerance: Tolerance::Relative(0.002),
    };
    let mut works = vec![trees, alloc("s64", 64, "objects of 64 bytes")];
    works.extend(lab.size(None, Some(alloc("n16", 16, "objects of 16 bytes without references"))));
    works.push(mark("tree", "marking a tree", lab.size(200_000, 2_000_000)));
    works
}

/// Whose figures they are.
enum Manager<'lab> {
    /// Ours: this program.
    Here(PathBuf),
    Go(&'lab GoPeer),
    Other(&'lab Peer),
}

impl Manager<'_> {
    fn name(&self) -> &str {
        match self {
            Self::Here(_) => "here",
            Self::Go(_) => "Go",
            Self::Other(peer) => peer.name,
        }
    }

    fn run(&self, lab: &Lab, args: &[String]) -> Result<Answer, LabError> {
        match self {
            Self::Here(program) => here(program, lab.options.workers.unwrap_or(1), args).map(Answer::Figures),
            Self::Go(go) => go.run_with(args, Some(1)).map(Answer::Figures),
            Self::Other(peer) => peer.run(args),
        }
    }
}

/// A bench of this program, in a process of its own.
fn here(program: &Path, workers: usize, args: &[String]) -> Result<Value, LabError> {
    let output = Command::new(program)
        .arg("bench")
        .args(args)
        .args(["--json", "--workers", &workers.to_string()])
        .output()
        .map_err(LabError::io("run", program))?;
    figures(&format!("bench {}", args.join(" ")), &output)
}

/// What is shown of a run: its name, its unit, and how it follows from the fields that all print.
type Figure = (&'static str, Unit, fn(&Value) -> f64);

const FIGURES: [Figure; 3] = [
    ("cpu ns", Unit::Nanos, |run| run["cpu_s"].as_f64().unwrap_or(f64::NAN) * 1e9 / times(run)),
    ("wall ns", Unit::Nanos, |run| run["wall_s"].as_f64().unwrap_or(f64::NAN) * 1e9 / times(run)),
    ("peak resident", Unit::Bytes, |run| run["peak_rss_bytes"].as_f64().unwrap_or(f64::NAN)),
];

/// How often something was done to an object.
fn times(run: &Value) -> f64 {
    let cycles = if run["bench"] == "mark" { run["cycles"].as_f64().unwrap_or(f64::NAN) } else { 1.0 };
    run["objects"].as_f64().unwrap_or(f64::NAN) * cycles
}

/// What a manager gave in all rounds of a work.
#[derive(Default)]
struct Column {
    objects: Vec<f64>,
    figures: [Vec<f64>; FIGURES.len()],
    /// Why there is nothing, if it is not that it has no such shape.
    trouble: Option<String>,
    left_out: bool,
}

impl Column {
    fn take(&mut self, answer: Answer) {
        match answer {
            Answer::Figures(run) => {
                self.objects.push(run["objects"].as_f64().unwrap_or(f64::NAN));
                for (samples, (_, _, of)) in self.figures.iter_mut().zip(FIGURES) {
                    samples.push(of(&run));
                }
            }
            Answer::NoSuchShape => self.left_out = true,
            Answer::Absent(why) => (self.left_out, self.trouble) = (true, Some(why)),
        }
    }
}

/// Runs a work on all managers, so many times in turn.
fn measure(lab: &Lab, managers: &[Manager<'_>], work: &Work, rounds: usize) -> Result<Vec<Column>, LabError> {
    let mut columns: Vec<Column> = managers.iter().map(|_| Column::default()).collect();
    for round in 0..rounds {
        let mut order: Vec<usize> = (0..managers.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for at in order.into_iter().filter(|at| !columns[*at].left_out).collect::<Vec<_>>() {
            lab.progress.stage(format!("{}: {}, {} of {rounds}", work.name, managers[at].name(), round + 1));
            match managers[at].run(lab, &work.args) {
                Ok(answer) => columns[at].take(answer),
                Err(error) if matches!(managers[at], Manager::Here(_)) => return Err(error),
                Err(error) => columns[at].take(Answer::Absent(error.to_string())),
            }
        }
    }
    Ok(columns)
}

/// How many times as much processor time an operation may take here as with gc-arena, at most.
const OVER_GC_ARENA: f64 = 1.0;

/// Puts the columns of a work into the record; gives the medians of processor time, by manager.
fn show(
    trial: &mut Trial<'_>,
    work: &Work,
    managers: &[Manager<'_>],
    columns: Vec<Column>,
) -> Result<Vec<f64>, LabError> {
    let mut table = Table::new(
        format!("{}: heap-lab bench {}; times are of {}", work.name, work.args.join(" "), work.each),
        [
            "memory manager",
            "processor",
            "here over it",
            "wall",
            "here over it",
            "at the peak",
            "here over it",
        ],
    );
    let (mut all, mut bars, mut ours) = (Vec::new(), Vec::new(), [f64::NAN; FIGURES.len()]);
    for (manager, column) in managers.iter().zip(columns) {
        let name = manager.name();
        let is_here = matches!(manager, Manager::Here(_));
        let mut cells = vec![name.to_owned()];
        let mut medians = [f64::NAN; FIGURES.len()];
        if !column.left_out {
            for (at, (samples, (figure, unit, _))) in column.figures.into_iter().zip(FIGURES).enumerate() {
                let whose = if is_here { String::new() } else { format!("{OF_PEER}{name}, ") };
                let spread = trial.samples(&format!("{whose}{}: {figure}", work.name), samples)?;
                medians[at] = spread.median();
                if at == 0 {
                    bars.push(bar(name, is_here, &spread));
                }
                cells.push(unit.show(medians[at]));
                if is_here {
                    ours[at] = medians[at];
                    cells.push(String::new());
                } else {
                    let ratio = ours[at] / medians[at];
                    trial.figure(format!("{OVER}{name}: {}, {figure}", work.name), ratio);
                    cells.push(Unit::Times.show(ratio));
                }
            }
            table.row(cells);
        }
        all.push(medians[0]);
    }
    trial.table(table);
    trial.plot(Plot {
        title: format!("Processor time, {}", work.name),
        reading: format!("Of {}, in each memory manager that was run.", work.each),
        shape: Shape::Bars { unit: Unit::Nanos, bars },
    });
    Ok(all)
}

fn bar(name: &str, is_here: bool, spread: &Spread) -> Bar {
    let source = if is_here { Source::Measured } else { Source::Reference };
    Bar { source, ..Bar::of(name, spread.median(), spread.samples()) }
}

impl Experiment for SideBySide {
    fn id(&self) -> &'static str {
        "peers"
    }

    fn title(&self) -> &'static str {
        "Beside other memory managers"
    }

    fn question(&self) -> &'static str {
        "What do the same trees, allocations and collections take with Go, gc-arena, Boehm's collector, mimalloc and malloc?"
    }

    fn run(&self, lab: &Lab) -> Result<Record, LabError> {
        let works = works(lab);
        let peers = &lab.options.peers;
        let mut managers = vec![Manager::Here(this_program()?)];
        managers.extend(lab.options.go.as_ref().map(Manager::Go));
        managers.extend(peers.found.iter().map(Manager::Other));
        let gc_arena = managers.iter().position(|one| one.name() == "gc-arena");
        let mut claims = Claims::new();
        let counted: Vec<Prediction> = works
            .iter()
            .map(|work| {
                let name = format!("objects, {}: the count that is furthest off, of all programs", work.name);
                claims.predict(name, &*work.model, work.objects, Unit::Objects, work.tolerance)
            })
            .collect();
        let over = gc_arena.map(|_| {
            claims.predict_time(
                "processor time of a tree's node, here over gc-arena",
                "there each node is a malloc of its own with two words in front, in a list that is swept; here a bump and a byte",
                OVER_GC_ARENA,
                Unit::Times,
                Tolerance::AtMost,
            )
        });
        let mut trial = lab.begin(self, claims)?;
        let rounds = lab.size(3, 7);
        trial.method(format!(
            "Each run is a process; {rounds} rounds, every memory manager once in each, forwards and then backwards; medians. Processor \
             time is of all threads. One marking thread each: --workers 1 here, GOMAXPROCS=1, GC_MARKERS=1."
        ));
        trial.method(
            "mimalloc and malloc are freed by hand, so they know what no collector does: when an object is dead. Objects that are let go \
             one by one are freed there in parts of 4 MiB, which is what a collector lets lie. They mark nothing.",
        );

        let mut of_trees = Vec::new();
        for (work, claimed) in works.iter().zip(counted) {
            let columns = measure(lab, &managers, work, rounds)?;
            for (manager, column) in managers.iter().zip(&columns) {
                let Some(why) = &column.trouble else { continue };
                let required = match manager {
                    Manager::Here(_) => true,
                    Manager::Go(_) => lab.options.go_required,
                    Manager::Other(_) => peers.required,
                };
                if required {
                    return Err(LabError::Measure(format!("{}: {why}", manager.name())));
                }
                trial.finding(format!("{}: {} left out, since {why}.", work.name, manager.name()));
            }
            let off = |count: &f64| (count - work.objects).abs();
            let counts = columns.iter().flat_map(|column| column.objects.iter().copied());
            let furthest = counts.max_by(|one, other| off(one).total_cmp(&off(other)));
            trial.judge(claimed, furthest.unwrap_or(f64::NAN));
            let medians = show(&mut trial, work, &managers, columns)?;
            if work.name == "trees" {
                of_trees = medians;
            }
        }
        if let (Some(over), Some(at)) = (over, gc_arena) {
            trial.judge(over, of_trees[0] / of_trees[at]);
        }
        trial.fact("managers", managers.iter().map(Manager::name).collect::<Vec<_>>());
        if !peers.missing.is_empty() {
            trial.finding(format!(
                "Not found, and so not beside it: {}. `just peers` builds them.",
                peers.missing.join(", ")
            ));
        }
        if managers.len() == 1 {
            trial.finding("Nobody was measured beside it: none was found, or none asked for.");
        }
        for text in FINDINGS {
            trial.finding(*text);
        }
        trial.finish()
    }
}

const FINDINGS: &[&str] = &[
    "A ratio says what this program takes, and no more: benches/peers/README.md has what the figures do not show. gc-arena collects \
     only between two mutations, Boehm's collector looks for pointers in every word of an object and of the stack, and Go and this heap \
     collect beside the program.",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Effort, Options};
    use crate::peer::{Peers, Wanted};
    use crate::progress::Progress;
    use crate::scratch::Scratch;
    use std::fs;

    #[test]
    fn trees_have_as_many_nodes_as_the_bench_counts() {
        // Depth 6: 255 + 127, 64 trees of 31 nodes and 16 of 127.
        assert_eq!(nodes(6), 255.0 + 127.0 + 64.0 * 31.0 + 16.0 * 127.0);
        let run = serde_json::json!({"bench": "trees", "objects": 4398});
        assert_eq!((nodes(6), times(&run)), (4398.0, 4398.0));
    }

    #[test]
    fn each_is_run_in_every_round_and_one_that_cannot_is_left_out_with_the_reason() {
        let folder = Scratch::new().expect("a folder");
        let takes = |seconds: &str| {
            format!(
                "echo $0 >> {}/runs; echo '{{\"bench\":\"alloc\",\"objects\":10,\"cpu_s\":{seconds},\"wall_s\":1,\"peak_rss_bytes\":64}}'",
                folder.path().display()
            )
        };
        let here = folder.script("here", &takes("2e-8"));
        folder.script("peers-system", &takes("8e-8"));
        folder.script("peers-mimalloc", "exit 2");
        folder.script("peers-boehm", "echo no libgc >&2; exit 3");
        let peers = Peers::wanted(Wanted::Auto, Some(folder.path())).expect("three are there");
        let lab = Lab { effort: Effort::Quick, options: Options::default(), progress: Progress::hidden() };
        let mut managers = vec![Manager::Here(here)];
        managers.extend(peers.found.iter().map(Manager::Other));
        let work = &works(&lab)[1];
        let columns = measure(&lab, &managers, work, 3).expect("measured");
        assert_eq!(columns.iter().map(|one| one.objects.len()).collect::<Vec<_>>(), [3, 0, 0, 3]);
        let troubles: Vec<_> = columns.iter().map(|one| one.trouble.as_deref()).collect();
        assert_eq!(troubles, [None, Some("no libgc"), None, None]);
        let runs = fs::read_to_string(folder.file("runs")).expect("noted");
        let names: Vec<_> = runs.lines().map(|line| line.rsplit('/').next().unwrap_or_default()).collect();
        let forwards = ["here", "peers-system"];
        assert_eq!(names, [forwards, ["peers-system", "here"], forwards].concat());

        let mut trial = lab.begin(&SideBySide, Claims::new()).expect("measuring");
        let medians = show(&mut trial, work, &managers, columns).expect("shown");
        assert_eq!((medians[0], medians[3]), (2.0, 8.0));
        let record = trial.finish().expect("finished");
        let cells: Vec<_> = record.tables[0].rows.iter().map(|row| [&*row[0], &*row[1], &*row[2]]).collect();
        assert_eq!(cells, [["here", "2 ns", ""], ["system malloc", "8 ns", "0.25×"]]);
        assert_eq!(record.figures["here over system malloc: objects of 64 bytes, cpu ns"], 0.25);
    }

    #[test]
    fn a_collection_is_something_that_is_done_to_each_object() {
        let run = serde_json::json!({"bench": "mark", "objects": 100, "cycles": 5, "cpu_s": 1e-6});
        assert_eq!(times(&run), 500.0);
        assert_eq!(FIGURES[0].2(&run), 2.0);
        assert!(FIGURES[1].2(&run).is_nan());
    }
}
