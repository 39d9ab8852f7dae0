//! The plan: what the arguments mean, and carrying it out.
//!
//! ```text
//!   Args (as typed)  ->  Plan (what it means, all checked)  ->  carry_out  ->  Verdict (exit code)
//! ```
//! Everything that can be wrong with the arguments is found before anything runs: ids, sizes, directories, and that
//! the files to be written can be created. Results go to standard output; progress and errors to standard error.

use crate::args::{self, Args, Command, Run};
use crate::bench::{self, Asked, Bench, Huge, Width};
use crate::classes::{self, Show};
use crate::compare::Compare;
use crate::compare::statistic::Demand;
use crate::error::LabError;
use crate::escape::Escape;
use crate::experiment::{Effort, Experiment, Extension, Lab, Options, Until, measure};
use crate::experiments;
use crate::guest::Guest;
use crate::imports::GoRoot;
use crate::measure::collector::Mode;
use crate::measure::machine::Machine;
use crate::measure::trace_file;
use crate::peer::{GoPeer, Peers, Wanted};
use crate::predict;
use crate::progress::Progress;
use crate::report::html::Html;
use crate::report::json::Json;
use crate::report::markdown::Markdown;
use crate::report::text::Text;
use crate::report::{Format, Report};
use crate::saved::Run as Saved;
use crate::serve::workload::Workload;
use crate::serve::{self, Serve};
use crate::simulate::Simulate;
use crate::size::parse_size;
use crate::snapshot::{Question, Snapshot, take};
use crate::unit::binary;
use serde_json::json;
use std::fs::{self, File};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// What the lab was asked for, all of it checked.
pub(crate) enum Plan {
    /// Name the experiments.
    List {
        /// As JSON rather than as text.
        json: bool,
    },
    /// Run experiments.
    Run {
        /// Which, in order.
        experiments: Vec<&'static dyn Experiment>,
        /// How much, and with what choices.
        effort: Effort,
        /// The user's choices.
        options: Options,
        /// Where results go.
        outputs: Outputs,
        /// How often.
        repeat: u16,
    },
    /// Say what experiments claim.
    Predict {
        /// Which, in order.
        experiments: Vec<&'static dyn Experiment>,
        /// For how much work, and with what choices.
        lab: Lab,
        /// As JSON rather than as text.
        json: bool,
    },
    /// Show size classes.
    Classes(Show),
    /// Simulate what is not at hand.
    Simulate {
        /// What.
        simulate: Simulate,
        /// As JSON rather than as text.
        json: bool,
    },
    /// Say what of a Go package is on the heap.
    Escape(Escape),
    /// Compare saved runs.
    Compare(Compare),
    /// Say what keeps what in a heap.
    Snapshot(Snapshot),
    /// Show a heap in the browser.
    Serve(Serve),
    /// Be the program of an experiment.
    Guest(Guest),
    /// Time one shape.
    Bench {
        /// Which.
        bench: Bench,
        /// Its arguments as typed, for the outcome.
        args: Vec<String>,
        /// What its heap is to be like.
        asked: Asked,
        /// As JSON rather than as text.
        json: bool,
        /// Where to write what the heap did.
        trace: Option<PathBuf>,
    },
}

/// Where the results of a run go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outputs {
    /// JSON rather than text on standard output.
    pub(crate) json: bool,
    /// A page.
    pub(crate) html: Option<PathBuf>,
    /// Markdown.
    pub(crate) markdown: Option<PathBuf>,
    /// What `compare` reads.
    pub(crate) save: Option<PathBuf>,
    /// What the heaps did.
    pub(crate) trace: Option<PathBuf>,
    /// Whether the page's path ends the output, because nobody said where to put it.
    pub(crate) say_where: bool,
}

/// What the process says at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Every claim holds, or nothing was claimed.
    Holds,
    /// Some claim does not hold.
    Fails,
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Holds => Self::SUCCESS,
            Verdict::Fails => Self::from(1),
        }
    }
}

/// The exit code of an error.
pub(crate) const ERROR: u8 = 2;

impl Plan {
    /// What these arguments mean.
    ///
    /// # Errors
    /// When a name does not exist or a value makes no sense.
    pub(crate) fn of(args: Args) -> Result<Self, LabError> {
        match args.command {
            None => {
                let run = Run { ids: vec![String::from("headline")], seed: 1, repeat: 1, ..Run::default() };
                let Self::Run { experiments, effort, options, outputs, repeat } = Self::of_run(run)? else {
                    return Err(LabError::Argument(String::from("a run was planned as something else")));
                };
                let outputs = Outputs { html: Some(default_page()), say_where: true, ..outputs };
                Ok(Self::Run { experiments, effort, options, outputs, repeat })
            }
            Some(Command::List { json }) => Ok(Self::List { json }),
            Some(Command::Run(run)) => Self::of_run(run),
            Some(Command::Classes { explain, csv }) => Ok(Self::Classes(if csv {
                Show::Csv
            } else if explain.is_empty() {
                Show::Table
            } else {
                Show::Explain(explain)
            })),
            Some(Command::Compare(compare)) => checked_compare(compare).map(Self::Compare),
            Some(Command::Simulate(args)) if args.check => {
                Self::of_run(Run { ids: vec![String::from("scale")], seed: 1, ..Run::default() })
            }
            Some(Command::Simulate(args)) => Ok(Self::Simulate {
                simulate: Simulate::parse(&args.heap, &args.workers, args.memory)?,
                json: args.json,
            }),
            Some(Command::Escape(escape)) => Ok(Self::Escape(Escape {
                files: escape.files,
                explain: escape.m > 1,
                json: escape.json,
                tables: escape.tables,
                goroot: GoRoot::named(&escape.goroot),
            })),
            Some(Command::Snapshot(typed)) => Ok(Self::Snapshot(if typed.take {
                let workload = take::Workload::named(&typed.workload)?;
                Snapshot::Take { file: typed.file, workload, objects: typed.objects as usize }
            } else {
                let question =
                    Question { top: typed.top, node: typed.node, kind: typed.kind, json: typed.json };
                Snapshot::Ask { file: typed.file, question }
            })),
            Some(Command::Serve(typed)) => Ok(Self::Serve(Serve {
                workload: Workload::named(&typed.workload)?,
                address: typed.addr,
                live: typed.live.as_deref().map_or(Ok(serve::LIVE), parse_size)?,
                time: typed.seconds.map(checked_seconds).transpose()?,
            })),
            Some(Command::Guest(typed)) => Guest::named(&typed.name, &typed.args).map(Self::Guest),
            Some(Command::Bench(bench)) => Ok(Self::Bench {
                asked: Asked {
                    workers: checked_workers(bench.workers)?,
                    mode: bench.collector.as_deref().map(Mode::named).transpose()?,
                    width: bench.vectors.as_deref().map(Width::named).transpose()?,
                    huge: bench.huge_pages.as_deref().map(Huge::named).transpose()?,
                },
                bench: Bench::parse(
                    &bench.kind,
                    &bench.args,
                    &bench::pause::Typed {
                        live: bench.live,
                        mutators: bench.mutators,
                        seconds: bench.seconds,
                        collector: bench.collector,
                        observer: bench.observer,
                    },
                )?,
                args: bench.args,
                json: bench.json,
                trace: bench.trace,
            }),
        }
    }

    fn of_run(run: Run) -> Result<Self, LabError> {
        let wanted = Wanted::typed("choice of --go", run.go.as_deref())?;
        let peers = Wanted::typed("choice of --peers", run.peers.as_deref())?;
        let experiments = experiments::select(&run.ids)?;
        let effort = if run.quick { Effort::Quick } else { Effort::Full };
        let options = Options {
            input: checked_input(run.input)?,
            live: run.live.as_deref().map(parse_size).transpose()?,
            workers: checked_workers(run.workers)?,
            seed: run.seed,
            go: GoPeer::wanted(wanted, run.go_bin.as_deref())?,
            go_required: wanted == Wanted::Required,
            peers: Peers::wanted(peers, run.peers_dir.as_deref())?,
            extension: run.extension.as_deref().map_or(Ok(Extension::default()), Extension::named)?,
            until: if run.predict { Until::Predicted } else { Until::Judged },
        };
        if run.predict {
            let lab = Lab { effort, options, progress: Progress::shown(experiments.len()) };
            return Ok(Self::Predict { experiments, lab, json: run.json });
        }
        Ok(Self::Run {
            experiments,
            effort,
            options,
            outputs: Outputs {
                json: run.json,
                html: run.html,
                markdown: run.markdown,
                save: run.save,
                trace: run.trace,
                say_where: false,
            },
            repeat: run.repeat.max(1),
        })
    }

    /// Does it.
    ///
    /// # Errors
    /// When something kept it from being done.
    pub(crate) fn carry_out(self) -> Result<Verdict, LabError> {
        match self {
            Self::List { json } => print(&list(json)).map(|()| Verdict::Holds),
            Self::Simulate { simulate, json } => {
                let progress = Progress::shown(1);
                progress.experiment("simulate", "measuring steps, then simulating");
                let text = simulate.show(json, &|stage| progress.stage(stage))?;
                drop(progress);
                print(&text).map(|()| Verdict::Holds)
            }
            Self::Escape(escape) => print(&escape.show()?).map(|()| Verdict::Holds),
            Self::Compare(compare) => {
                let (text, has_regressions) = compare.carry_out()?;
                print(&text)?;
                Ok(if has_regressions { Verdict::Fails } else { Verdict::Holds })
            }
            Self::Snapshot(snapshot) => print(&snapshot.carry_out()?).map(|()| Verdict::Holds),
            Self::Serve(serve) => serve.run(|url| print(&format!("{url}\n"))).map(|()| Verdict::Holds),
            Self::Guest(guest) => guest.run().map(|()| Verdict::Holds),
            Self::Predict { experiments, lab, json } => {
                print(&predict::show(&experiments, &lab, json)?).map(|()| Verdict::Holds)
            }
            Self::Classes(show) => print(&classes::show(&show)?).map(|()| Verdict::Holds),
            Self::Bench { bench, args, asked, json, trace } => {
                let outcome = with_trace(trace.as_deref(), || bench.run(args, asked))?;
                let text = if json { format!("{outcome}\n") } else { bench::text(&outcome) };
                print(&text).map(|()| Verdict::Holds)
            }
            Self::Run { experiments, effort, options, outputs, repeat } => {
                outputs.probe()?;
                with_trace(outputs.trace.as_deref(), || {
                    let mut holds = true;
                    for left in (0..repeat).rev() {
                        let report = run(&experiments, effort, options.clone())?;
                        holds &= report.holds();
                        outputs.save(&experiments, &report)?;
                        if left == 0 {
                            outputs.write(&report)?;
                        }
                    }
                    Ok(if holds { Verdict::Holds } else { Verdict::Fails })
                })
            }
        }
    }
}

/// Does something, and writes what the heaps did meanwhile, if that is asked for.
fn with_trace<T>(path: Option<&Path>, work: impl FnOnce() -> Result<T, LabError>) -> Result<T, LabError> {
    let Some(path) = path else { return work() };
    trace_file::begin(path)?;
    let outcome = work()?;
    eprintln!("{}", trace_file::end(path)?);
    Ok(outcome)
}

/// Runs the experiments one after the other.
fn run(
    experiments: &[&'static dyn Experiment],
    effort: Effort,
    options: Options,
) -> Result<Report, LabError> {
    let machine = Machine::here();
    let start = Instant::now();
    let settings = settings(effort, &options);
    let lab = Lab { effort, options, progress: Progress::shown(experiments.len()) };
    let mut records = Vec::with_capacity(experiments.len());
    for experiment in experiments {
        lab.progress.experiment(experiment.id(), experiment.title());
        records.push(measure(*experiment, &lab)?);
        lab.progress.done();
    }
    Ok(Report { machine, command: command_line(), settings, took: start.elapsed(), records })
}

/// How much is done, and what was chosen, in names and values.
fn settings(effort: Effort, options: &Options) -> Vec<(&'static str, String)> {
    let or_default = |value: Option<String>| value.unwrap_or_else(|| String::from("not chosen"));
    let mut settings = vec![
        ("effort", String::from(if effort == Effort::Quick { "quick" } else { "full" })),
        ("seed", options.seed.to_string()),
        ("extensions", options.extension.word().to_owned()),
        ("marking workers", or_default(options.workers.map(|workers| workers.to_string()))),
        ("live bytes", or_default(options.live.map(|live| binary(live as f64)))),
    ];
    if !options.input.is_empty() {
        let input: Vec<String> = options.input.iter().map(|path| path.display().to_string()).collect();
        settings.push(("input", input.join(", ")));
    }
    settings
}

/// The command as typed, with the program's bare name, for whoever wants to do it again.
fn command_line() -> String {
    std::iter::once(String::from("heap-lab")).chain(std::env::args().skip(1)).collect::<Vec<_>>().join(" ")
}

impl Outputs {
    /// Creates the files now, so that a run of minutes does not end in "permission denied".
    fn probe(&self) -> Result<(), LabError> {
        for path in [&self.html, &self.markdown, &self.save, &self.trace].into_iter().flatten() {
            if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                fs::create_dir_all(parent).map_err(LabError::io("create", parent))?;
            }
            File::options().append(true).create(true).open(path).map_err(LabError::io("write", path))?;
        }
        Ok(())
    }

    /// Adds the run to the file of saved ones, if one was named.
    fn save(&self, experiments: &[&'static dyn Experiment], report: &Report) -> Result<(), LabError> {
        let Some(path) = &self.save else { return Ok(()) };
        let mut run = Saved::here(&report.machine, &report.command);
        for (experiment, record) in experiments.iter().zip(&report.records) {
            run.record(experiment.krate(), record);
        }
        run.append(path)
    }

    fn write(&self, report: &Report) -> Result<(), LabError> {
        if self.json {
            print(&Json.render(report))?;
        } else {
            let colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            print(&Text { colour }.render(report))?;
        }
        let files: [(&Option<PathBuf>, &dyn Format); 2] = [(&self.html, &Html), (&self.markdown, &Markdown)];
        for (path, format) in files {
            if let Some(path) = path {
                fs::write(path, format.render(report)).map_err(LabError::io("write", path))?;
            }
        }
        if let Some(path) = self.html.as_ref().filter(|_| self.say_where) {
            let shown = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
            print(&format!("\n{}\n", shown.display()))?;
        }
        Ok(())
    }
}

/// Writes to standard output. A reader that went away is not an error: it has seen enough.
fn print(text: &str) -> Result<(), LabError> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(LabError::io("write to", Path::new("standard output"))(error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn list(json: bool) -> String {
    let all = experiments::ALL;
    if json {
        let items: Vec<_> = all
            .iter()
            .map(|one| {
                json!({
                    "id": one.id(),
                    "title": one.title(),
                    "question": one.question(),
                    "extension": one.extension(),
                    "crate": one.krate(),
                    "headline": experiments::HEADLINE.contains(&one.id()),
                })
            })
            .collect();
        return format!("{}\n", serde_json::Value::from(items));
    }
    let mut text: String = all
        .iter()
        .map(|one| {
            let star = if experiments::HEADLINE.contains(&one.id()) { "*" } else { " " };
            let also = one.extension().map(|text| format!("         Also: {text}\n")).unwrap_or_default();
            format!("{star} {:<6} {}\n         {}\n{also}", one.id(), one.title(), one.question())
        })
        .collect();
    text.push_str("\n* headline: what `heap-lab` runs when it is given nothing.\n");
    text
}

/// Where the page goes when nobody says: beside other build products if there are any, else here.
fn default_page() -> PathBuf {
    let target = Path::new("target");
    if target.is_dir() {
        target.join("heap-lab").join("headline.html")
    } else {
        PathBuf::from("heap-lab.html")
    }
}

fn checked_input(input: Vec<PathBuf>) -> Result<Vec<PathBuf>, LabError> {
    for path in &input {
        fs::read_dir(path).map_err(LabError::io("read the directory", path))?;
    }
    Ok(input)
}

fn checked_compare(typed: args::Compare) -> Result<Compare, LabError> {
    let within = |name: &str, value: f64, most: f64| {
        if (0.0..=most).contains(&value) {
            Ok(value)
        } else {
            Err(LabError::Argument(format!("{name} is {value}, but must be from 0 to {most}")))
        }
    };
    Ok(Compare {
        base: typed.base,
        new: typed.new,
        demand: Demand {
            alpha: within("--alpha", typed.alpha, 0.5)?.max(1e-9),
            effect: within("--effect", typed.effect, 1000.0)? / 100.0,
            exact: within("--exact", typed.exact, 1000.0)? / 100.0,
        },
        common: typed.common,
        json: typed.json,
    })
}

fn checked_seconds(seconds: f64) -> Result<Duration, LabError> {
    match Duration::try_from_secs_f64(seconds) {
        Ok(time) if time > Duration::ZERO => Ok(time),
        Ok(_) | Err(_) => {
            Err(LabError::Argument(format!("--seconds is {seconds}, but must be a time above 0")))
        }
    }
}

fn checked_workers(workers: Option<usize>) -> Result<Option<usize>, LabError> {
    /// More workers than any machine has threads: a typing error.
    const MOST: usize = 1024;
    match workers {
        Some(count) if count == 0 || count > MOST => {
            Err(LabError::Argument(format!("--workers is {count}, but must be from 1 to {MOST}")))
        }
        checked => Ok(checked),
    }
}

#[cfg(test)]
mod tests;
