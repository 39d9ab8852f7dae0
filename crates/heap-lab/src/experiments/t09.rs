//! t09: references against values. What a pointer costs the collector.

use crate::beside::{Beside, Row};
use crate::claim::{Claims, Tolerance};
use crate::error::LabError;
use crate::experiment::{Effort, Experiment, Lab, Trial};
use crate::measure::collector::last_cycle;
use crate::measure::spread::Spread;
use crate::measure::time::{Stopwatch, millis, nanos};
use crate::record::{Axis, Bar, Plot, Record, Scale, Series, Shape, Source, Table, Ticks};
use crate::shapes::{self, Live, MarkShape};
use crate::unit::{Unit, digits};
use heap_core::units::Bytes;
use std::any::Any;
use tricolor::{Collector, CycleFigures, Mutator};

/// See the module.
pub(super) struct PointersAndValues;

/// Bytes of an object: three words.
const OBJECT: usize = 24;

/// The heaps that are compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Pointers,
    Nulls,
    Integers,
    Flat,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Pointers, Self::Nulls, Self::Integers, Self::Flat];

    fn name(self) -> &'static str {
        match self {
            Self::Pointers => "three references",
            Self::Nulls => "three nulls",
            Self::Integers => "three integers",
            Self::Flat => "integers in one array",
        }
    }

    /// Words that marking reads for `count` objects: one of the array for each object, and the object's own.
    fn words(self, count: usize) -> usize {
        match self {
            Self::Pointers | Self::Nulls => count + 3 * count,
            Self::Integers => count,
            Self::Flat => 0,
        }
    }

    fn build(self, mutator: &mut Mutator, count: usize) -> Box<dyn Any> {
        let shape = match self {
            Self::Pointers => MarkShape::Ptr3,
            Self::Nulls => MarkShape::Ptr3Nil,
            Self::Integers => MarkShape::Int3,
            Self::Flat => {
                let all = |mutator: &mut Mutator| {
                    mutator.enter(|mu| mu.root(mu.alloc_slice(count, |_| [1u64, 2, 3])))
                };
                return Box::new(all(mutator));
            }
        };
        let live: Live = shapes::build(mutator, shape, count, 1);
        Box::new(live)
    }
}

/// What one kind of heap cost, cycle by cycle.
struct Cost {
    kind: Kind,
    /// Milliseconds of the first cycle, which also sweeps what building left.
    first: f64,
    wall: Spread,
    mark: Spread,
    pause: Spread,
    /// The share of each pause that was marking.
    marking: Spread,
    /// Bytes scanned by each cycle, the first included: the least and the most.
    scanned: (f64, f64),
    last: CycleFigures,
}

impl Cost {
    fn mark_per_object(&self, count: usize) -> f64 {
        self.mark.median() / count as f64
    }
}

/// Collects heaps of `count` objects of each kind in turn, so that whatever disturbs the machine disturbs all alike.
fn compare(
    trial: &mut Trial<'_>,
    count: usize,
    cycles: usize,
    go: &mut Beside<'_>,
) -> Result<Vec<Cost>, LabError> {
    let mut heaps = Vec::new();
    for kind in Kind::ALL {
        trial.stage(format!("building {} of {}", digits(count as f64), kind.name()));
        let heap = trial.heap_of_one_worker().collector(Collector::StopTheWorld).build()?;
        let mut mutator = heap.attach()?;
        let live = kind.build(&mut mutator, count);
        // The first cycle also sweeps what building left; it is not counted.
        let watch = Stopwatch::start();
        mutator.collect();
        let first = millis(watch.lap().wall);
        let scanned = last_cycle(mutator.figures())?.scanned_bytes.get() as f64;
        heaps.push((kind, mutator, live, (first, (scanned, scanned))));
    }
    let mut samples: Vec<[Vec<f64>; 4]> = Kind::ALL.iter().map(|_| Default::default()).collect();
    for cycle in 0..cycles {
        trial.stage(format!("{} objects: cycle {} of {cycles}", digits(count as f64), cycle + 1));
        if cycle % 3 == 0 {
            go.sample();
        }
        for ((_, mutator, _, (_, scanned)), [walls, marks, pauses, shares]) in
            heaps.iter_mut().zip(&mut samples)
        {
            let watch = Stopwatch::start();
            mutator.collect();
            walls.push(millis(watch.lap().wall));
            let last = last_cycle(mutator.figures())?;
            let bytes = last.scanned_bytes.get() as f64;
            *scanned = (scanned.0.min(bytes), scanned.1.max(bytes));
            marks.push(nanos(last.mark_cpu));
            pauses.push(millis(last.pause));
            shares.push(nanos(last.mark) / nanos(last.pause));
        }
    }
    let mut costs = Vec::new();
    for ((kind, mutator, live, (first, scanned)), [walls, marks, pauses, shares]) in
        heaps.into_iter().zip(samples)
    {
        let name = format!("{} × {}", digits(count as f64), kind.name());
        let last = last_cycle(mutator.figures())?;
        trial.figure(format!("{name}: bytes scanned"), last.scanned_bytes.get() as f64);
        trial.figure(format!("{name}: live bytes"), last.live.get() as f64);
        trial.figure(format!("{name}: live slots"), last.live_objects as f64);
        costs.push(Cost {
            kind,
            first,
            wall: trial.samples(&format!("{name}: cycle wall, ms"), walls)?,
            mark: trial.samples(&format!("{name}: mark CPU, ns"), marks)?,
            pause: trial.samples(&format!("{name}: pause, ms"), pauses)?,
            marking: trial.samples(&format!("{name}: share of the pause that is marking"), shares)?,
            scanned,
            last,
        });
        drop(live);
    }
    Ok(costs)
}

impl Experiment for PointersAndValues {
    fn id(&self) -> &'static str {
        "t09"
    }

    fn title(&self) -> &'static str {
        "References against values"
    }

    fn question(&self) -> &'static str {
        "What do three references in an object cost the collector, compared with three integers in the same 24 bytes?"
    }

    fn extension(&self) -> Option<&'static str> {
        Some("each cycle by itself, the first included")
    }

    fn run(&self, lab: &Lab) -> Result<Record, LabError> {
        let counts: &[usize] = match lab.effort {
            Effort::Quick => &[1_000_000],
            Effort::Full => &[1_000_000, 10_000_000],
        };
        let count = counts[counts.len() - 1];
        let mut claims = Claims::new();
        let scanned: Vec<_> = Kind::ALL
            .into_iter()
            .map(|kind| {
                let prediction = claims.predict(
                    format!("bytes scanned, {}", kind.name()),
                    match kind {
                        Kind::Pointers => "8 of the array and 24 of the object, for each",
                        Kind::Nulls => "the same: a null is known to be one only when it has been read",
                        Kind::Integers => {
                            "8 of the array for each; the mask of the object is empty, so it is not read"
                        }
                        Kind::Flat => "one object with an empty mask: nothing is read at all",
                    },
                    (kind.words(count) * 8) as f64,
                    Unit::Bytes,
                    Tolerance::Relative(0.001),
                );
                (kind, prediction)
            })
            .collect();
        let live = claims.predict(
            "live bytes, three integers",
            "24 bytes a slot and the array; the same as with references",
            (count * OBJECT + Bytes::new(count * 8 + 8).pages_ceil().bytes().get()) as f64,
            Unit::Bytes,
            Tolerance::Relative(0.001),
        );
        let ratio = claims.predict_time(
            "mark CPU, three references over three integers",
            "four words read for each object instead of one, and three looked up in the heap: at least twice the work",
            2.0,
            Unit::Times,
            Tolerance::AtLeast,
        );
        let nulls = claims.predict_time(
            "mark CPU, three nulls over three references",
            "read, but not looked up: never more",
            1.0,
            Unit::Times,
            Tolerance::AtMost,
        );
        let flat = claims.predict_time(
            "mark CPU, integers in one array over three integers",
            "one mark instead of a million: under a hundredth",
            0.01,
            Unit::Times,
            Tolerance::AtMost,
        );
        let stopped = claims.predict_time(
            "share of the pause that is marking, three references",
            "the world stands still for this experiment: the pause is marking and little else",
            0.9,
            Unit::Times,
            Tolerance::AtLeast,
        );
        let pauses = claims.predict_time(
            "least pause, three references over three integers",
            "at least twice the marking, which is nine tenths of the pause at least",
            2.0 * 0.9,
            Unit::Times,
            Tolerance::AtLeast,
        );
        let alike = lab.extension(&mut claims, |claims| {
            claims.predict(
                "bytes scanned, most over least of all cycles, the first included",
                "what lives is the same in every cycle, and so is the work: what varies from one to the next is the machine's",
                1.0,
                Unit::Times,
                Tolerance::Exact,
            )
        });
        let mut trial = lab.begin(self, claims)?;
        trial.method(
            "An array of references keeps the objects alive. The kinds are collected in turn, one forced cycle each, and \
             the medians are compared; the first cycle is not counted. One marking worker unless --workers says \
             otherwise, so that CPU is not inflated by sharing a core. CPU is the processor time of marking. The collections \
             stop the world, so that there is a pause to compare with.",
        );

        let cycles = lab.size(7, 11);
        let mut all = Vec::new();
        // Of a million objects, as the first of ours.
        let mut go = Beside::runs(
            lab,
            &[
                ("ptr3 ", &["mark", "ptr3", "1000000", "5"]),
                ("ptr3n ", &["mark", "ptr3n", "1000000", "5"]),
                ("int3 ", &["mark", "int3", "1000000", "5"]),
            ],
        );
        for count in counts {
            all.push((*count, compare(&mut trial, *count, cycles, &mut go)?));
        }
        let (first, costs_of_first) = &all[0];
        let rows: Vec<Row> = costs_of_first
            .iter()
            .zip(["ptr3", "ptr3n", "int3"])
            .map(|(cost, shape)| {
                let key = format!("{shape} mark_cpu_ns_per_object");
                let label = format!("mark CPU an object, {} × {}", digits(*first as f64), cost.kind.name());
                Row::new(label, key, cost.mark_per_object(*first), Unit::NanosPerObject)
            })
            .collect();
        go.show(&mut trial, &rows)?;
        let (_, costs) = &all[all.len() - 1];
        let of = |kind: Kind| {
            let missing = || LabError::Measure(format!("no figures of {}", kind.name()));
            costs.iter().find(|cost| cost.kind == kind).ok_or_else(missing)
        };
        let (pointers, integers) = (of(Kind::Pointers)?, of(Kind::Integers)?);
        for (kind, prediction) in scanned {
            trial.judge(prediction, of(kind)?.last.scanned_bytes.get() as f64);
        }
        trial.judge(live, integers.last.live.get() as f64);
        trial.judge(ratio, pointers.mark.median() / integers.mark.median());
        trial.judge(nulls, of(Kind::Nulls)?.mark.median() / pointers.mark.median());
        trial.judge(flat, of(Kind::Flat)?.mark.median() / integers.mark.median());
        trial.judge(stopped, pointers.marking.median());

        // By the clock, so what disturbs a pause only adds to it.
        trial.judge(pauses, pointers.pause.min() / integers.pause.min());
        if let Some(alike) = alike {
            trial.judge(alike, pointers.scanned.1 / pointers.scanned.0);
            trial.plot(cycle_plot(*first, costs_of_first));
        }
        trial.table(table(&all));
        for (count, costs) in &all {
            trial.plot(mark_plot(*count, costs));
        }
        for text in FINDINGS {
            trial.finding(*text);
        }
        trial.finish()
    }
}

fn table(all: &[(usize, Vec<Cost>)]) -> Table {
    let mut table = Table::new(
        "One cycle, medians",
        ["heap", "cycle wall", "mark CPU an object", "scanned", "pause", "spread of the wall"],
    );
    for (count, costs) in all {
        for cost in costs {
            table.row([
                format!("{} × {}", digits(*count as f64), cost.kind.name()),
                Unit::Millis.show(cost.wall.median()),
                Unit::Nanos.show(cost.mark_per_object(*count)),
                Unit::Bytes.tick(cost.last.scanned_bytes.get() as f64),
                Unit::Millis.show(cost.pause.median()),
                format!("± {}", Unit::Millis.show(cost.wall.mad())),
            ]);
        }
    }
    table
}

fn mark_plot(count: usize, costs: &[Cost]) -> Plot {
    let mut bars: Vec<Bar> = costs
        .iter()
        .map(|cost| {
            let samples: Vec<f64> = cost.mark.samples().iter().map(|nanos| nanos / count as f64).collect();
            Bar::of(cost.kind.name(), cost.mark_per_object(count), &samples)
        })
        .collect();
    // Go 1.27.3, GOMAXPROCS=1, the same shapes at this size, on a machine of another day.
    let go = if count >= 10_000_000 { [18.4, 9.84, 8.39] } else { [18.6, 9.96, 8.65] };
    for (kind, value) in Kind::ALL.into_iter().zip(go) {
        bars.push(Bar::reference(format!("{}, Go 1.27.3", kind.name()), value));
    }
    Plot {
        title: format!("Mark CPU for each of {} objects", digits(count as f64)),
        reading: String::from("References are read and followed; integers are not even read."),
        shape: Shape::Bars { unit: Unit::NanosPerObject, bars },
    }
}

/// The wall time of each cycle, the first included.
fn cycle_plot(count: usize, costs: &[Cost]) -> Plot {
    let series = costs.iter().map(|cost| {
        let cycles = std::iter::once(&cost.first).chain(cost.wall.samples());
        Series {
            label: cost.kind.name().to_owned(),
            points: cycles.enumerate().map(|(cycle, wall)| ((cycle + 1) as f64, *wall)).collect(),
            source: Source::Measured,
        }
    });
    Plot {
        title: format!("Cycles one by one, {} objects", digits(count as f64)),
        reading: String::from("The first also sweeps what building left; after that one is as the other."),
        shape: Shape::Lines {
            x: Axis { label: String::from("cycle"), scale: Scale::Linear, ticks: Ticks::Unit(Unit::Count) },
            y: Axis { label: String::from("wall"), scale: Scale::Log, ticks: Ticks::Unit(Unit::Millis) },
            series: series.collect(),
        },
    }
}

const FINDINGS: &[&str] = &[
    "A practice text measures this by Go's pause times and expects them two to five times as long. In Go the pauses do not \
     move at all, because marking runs beside the program: what moves is mark CPU. Go 1.27.3 measures 279 ms against 125 ms \
     for ten collections of a million objects, 2.2 ×, and 161 ms with null pointers, 1.3 ×.",
    "Here the world was stopped for marking, so the pause moves too, by as much as the mark CPU. That is a property of the \
     mode, not of references: marked beside the program, as a heap is unless it is told otherwise, the same work is done and \
     nobody waits for it. The experiment `pause` shows both.",
    "The object of integers costs a mark and no more: its span says that nothing in it is a reference. So the whole price of \
     a pointer in a heap is being read, every cycle, and what it leads to.",
    "Where Go is measured beside it: what Go says of its marking is elapsed time of the threads that mark, so on a machine with other work it \
     says too much. Ours is processor time.",
    "The cheapest object is the one that is not there: the same integers in one array cost one mark for all.",
];
