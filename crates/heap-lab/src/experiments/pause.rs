//! pause: what a mutator feels while it churns a live heap, in every mode of collection there is.

use crate::claim::{Claims, Prediction, Tolerance};
use crate::error::LabError;
use crate::experiment::{Experiment, Lab, Trial};
use crate::measure::latency::{Latencies, PERCENTILES};
use crate::measure::machine;
use crate::measure::spread::Spread;
use crate::measure::time::{millis, nanos};
use crate::record::{Axis, Plot, Record, Scale, Series, Shape, Source, Table, Ticks};
use crate::shapes::{Random, Tree, tree};
use crate::unit::{Unit, binary, digits};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tricolor::{Gc, GcCell, GcSlice, HeapBuilder, Mu, Mutator, Root};

/// See the module.
pub(super) struct Pause;

/// Nodes of a tree that one operation replaces: a full tree of depth 6.
const NODES: usize = 127;
/// Bytes of its slots.
const TREE: usize = NODES * 16;
/// Live bytes, unless the user says otherwise.
const LIVE: (u64, u64) = (32 << 20, 256 << 20);
/// How much smaller the heap is that the model is calibrated on.
const SMALLER: usize = 4;
/// Collections that the churn is long enough for.
const CYCLES: (usize, usize) = (8, 16);
/// Bytes that the mode without collections may allocate: it gives nothing back.
const FLOOR_BYTES: usize = 512 << 20;

/// An array of trees: the live heap.
type Forest = GcSlice<GcCell<Option<Gc<'static, Tree<'static>>>>>;

fn plant(mutator: &mut Mutator, trees: usize) -> Root<Forest> {
    mutator.enter(|mu| mu.root(mu.alloc_slice(trees, |_| GcCell::new(tree(mu, NODES)))))
}

/// A mode of collection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// No collection: the floor of the method.
    Off,
    /// The world stops while so many workers mark.
    Stop(usize),
}

impl Mode {
    fn name(self) -> String {
        match self {
            Self::Off => String::from("no collection"),
            Self::Stop(1) => String::from("stop, 1 worker"),
            Self::Stop(workers) => format!("stop, {workers} workers"),
        }
    }

    fn builder(self, trial: &Trial<'_>) -> HeapBuilder {
        match self {
            Self::Off => trial.heap(),
            Self::Stop(workers) => trial.heap().gc_percent(100).workers(workers),
        }
    }
}

/// One collection as an observer saw it.
#[derive(Clone, Copy)]
struct Stop {
    at: Duration,
    pause: Duration,
}

/// What churning in one mode gave.
struct Churn {
    mode: Mode,
    latencies: Latencies,
    stops: Vec<Stop>,
    took: Duration,
    operations: u64,
}

impl Churn {
    fn longest(&self) -> Duration {
        self.stops.iter().map(|stop| stop.pause).max().unwrap_or_default()
    }
}

/// Replaces one tree of the forest by a new one.
fn replace<'gc>(mu: &Mu<'gc>, forest: Gc<'gc, GcSlice<GcCell<Option<Gc<'gc, Tree<'gc>>>>>>, place: usize) {
    forest[place].set(mu, tree(mu, NODES));
}

/// Churns a forest of so many trees, and times every operation from the end of the one before.
fn churn(trial: &Trial<'_>, mode: Mode, trees: usize, operations: u64, seed: u64) -> Result<Churn, LabError> {
    let start = Instant::now();
    let stops: Arc<Mutex<Vec<Stop>>> = Arc::default();
    let seen = Arc::clone(&stops);
    let builder = mode.builder(trial).on_cycle(move |cycle| {
        let stop = Stop { at: start.elapsed(), pause: cycle.stopping + cycle.pause };
        seen.lock().unwrap_or_else(PoisonError::into_inner).push(stop);
    });
    let heap = builder.build()?;
    let mut mutator = heap.attach()?;
    let forest = plant(&mut mutator, trees);
    // Set the goal by what lives now, so that the churn begins in the steady state.
    mutator.collect();
    let planted = start.elapsed();
    stops.lock().unwrap_or_else(PoisonError::into_inner).clear();

    let mut random = Random::new(seed);
    let mut latencies = Latencies::new()?;
    let begin = Instant::now();
    let mut last = begin;
    for _ in 0..operations {
        let place = random.below(trees);
        mutator.enter(|mu| replace(mu, forest.get(mu), place));
        let now = Instant::now();
        latencies.record(now - last);
        last = now;
    }
    let took = begin.elapsed();
    let mut stops = stops.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for stop in &mut stops {
        stop.at = stop.at.saturating_sub(planted);
    }
    Ok(Churn { mode, latencies, stops, took, operations })
}

/// Nanoseconds of a pause with one worker for each live object, in a heap that is [`SMALLER`] times as small.
fn calibrate(lab: &Lab, trees: usize) -> Result<f64, LabError> {
    let heap = tricolor::Heap::builder().gc_off().workers(1).build()?;
    let mut mutator = heap.attach()?;
    let forest = plant(&mut mutator, (trees / SMALLER).max(1));
    let mut random = Random::new(lab.options.seed);
    let mut samples = Vec::new();
    for _ in 0..5 {
        // Churn it as the real one will be, so that its trees lie as scattered.
        for _ in 0..trees / SMALLER {
            let place = random.below((trees / SMALLER).max(1));
            mutator.enter(|mu| replace(mu, forest.get(mu), place));
        }
        mutator.collect();
        if let Some(cycle) = mutator.figures().last_cycle {
            samples.push(nanos(cycle.pause) / cycle.live_objects.max(1) as f64);
        }
    }
    let none = || LabError::Measure(String::from("calibrating gave no pauses"));
    Spread::of(samples).map(|spread| spread.median()).ok_or_else(none)
}

struct Claimed {
    mode: Mode,
    cycles: Prediction,
    pause: Prediction,
    felt: Prediction,
    median: Prediction,
}

fn claim(claims: &mut Claims, mode: Mode, cycles: usize, objects: usize, each: f64) -> Claimed {
    let name = mode.name();
    let proportional = objects as f64 * each / 1e6;
    let model = format!(
        "{} live objects × {} measured on a heap {SMALLER} × as small: in proportion to what lives",
        digits(objects as f64),
        Unit::Nanos.show(each)
    );
    let (model, most, tolerance) = match mode {
        // Larger heaps miss more caches, and a neighbour on the machine may double any pause.
        Mode::Off | Mode::Stop(1) => (model, proportional, Tolerance::Relative(1.0)),
        Mode::Stop(_) => (
            String::from(
                "shorter than one worker's where each has a core; workers wait for each other, so three times that where others use the cores too",
            ),
            proportional * 3.0,
            Tolerance::AtMost,
        ),
    };
    Claimed {
        mode,
        cycles: claims.predict(
            format!("collections, {name}"),
            "bytes allocated over the runway, which is what lives when the heap may double",
            cycles as f64,
            Unit::Cycles,
            Tolerance::Relative(0.15),
        ),
        pause: claims.predict(
            format!("median pause, {name}"),
            model,
            most,
            Unit::Millis,
            tolerance,
        ),
        felt: claims.predict(
            format!("longest operation over longest pause, {name}"),
            "the operation that ran into the collection waits for all of it",
            1.0,
            Unit::Times,
            Tolerance::AtLeast,
        ),
        median: claims.predict(
            format!("median operation, {name}, over no collection"),
            "between collections nothing is slower: no barrier is on, and memory that is reused is warmer than fresh",
            1.5,
            Unit::Times,
            Tolerance::AtMost,
        ),
    }
}

impl Experiment for Pause {
    fn id(&self) -> &'static str {
        "pause"
    }

    fn title(&self) -> &'static str {
        "Pauses of a churning heap"
    }

    fn question(&self) -> &'static str {
        "How long can an operation take while the heap it changes is collected, from the median to the worst case?"
    }

    fn run(&self, lab: &Lab) -> Result<Record, LabError> {
        let live = lab.options.live.unwrap_or_else(|| lab.size(LIVE.0, LIVE.1));
        // Twice what lives, because the heap may double between collections.
        machine::must_fit(live.saturating_mul(2), "--live")?;
        let trees = (usize::try_from(live).unwrap_or(usize::MAX) / TREE).max(SMALLER);
        let objects = trees * NODES + 1;
        let cycles = lab.size(CYCLES.0, CYCLES.1);
        let all = std::thread::available_parallelism().map_or(1, |cores| cores.get());
        let workers = lab.options.workers.unwrap_or(all);
        let mut modes = vec![Mode::Stop(1)];
        if workers > 1 {
            modes.push(Mode::Stop(workers));
        }

        lab.progress.stage("calibrating on a smaller heap");
        let mut claims = Claims::new();
        let each = calibrate(lab, trees)?;
        let claimed: Vec<Claimed> =
            modes.into_iter().map(|mode| claim(&mut claims, mode, cycles, objects, each)).collect();
        let mut trial = lab.begin(self, claims);
        trial.method(format!(
            "A live heap of {} trees of {NODES} nodes, {}. An operation replaces a random tree by a new one; its latency \
             runs from the end of the operation before, so that nothing can hide between two. A pause is from the call to \
             stop until the world is let go. Histograms keep three digits from 1 ns to 10 minutes.",
            digits(trees as f64),
            binary((trees * TREE) as f64),
        ));
        trial.figure("live_bytes", (trees * TREE) as f64);
        trial.figure("live_objects", objects as f64);

        let seed = lab.options.seed;
        // Half a runway more, so that the last collection does not hang on one operation.
        let operations = (trees * cycles + trees / 2) as u64;
        trial.stage("churning without collections");
        let floor = churn(&trial, Mode::Off, trees, operations.min((FLOOR_BYTES / TREE) as u64), seed)?;
        let mut churns = Vec::new();
        for one in claimed {
            trial.stage(format!("churning: {}", one.mode.name()));
            let churn = churn(&trial, one.mode, trees, operations, seed)?;
            let pauses: Vec<f64> = churn.stops.iter().map(|stop| millis(stop.pause)).collect();
            let pauses = trial.samples(&format!("{}: pauses, ms", one.mode.name()), pauses)?;
            trial.judge(one.cycles, churn.stops.len() as f64);
            trial.judge(one.pause, pauses.median());
            // The histogram keeps three digits: allow the last.
            trial.judge(one.felt, churn.latencies.max() * 1.001 / nanos(churn.longest()));
            trial.judge(one.median, churn.latencies.at(50.0) / floor.latencies.at(50.0));
            churns.push(churn);
        }
        churns.push(floor);
        for churn in &churns {
            keep_figures(&mut trial, churn);
        }
        trial.table(percentiles(&churns));
        trial.plot(curves(&churns));
        trial.plot(timeline(&churns));
        for text in FINDINGS {
            trial.finding(*text);
        }
        trial.finish()
    }
}

fn keep_figures(trial: &mut Trial<'_>, churn: &Churn) {
    let name = churn.mode.name();
    trial.figure(format!("{name}: operations"), churn.operations as f64);
    trial
        .figure(format!("{name}: operations per second"), churn.operations as f64 / churn.took.as_secs_f64());
    trial.figure(format!("{name}: mean, ns"), churn.latencies.mean());
    trial.figure(format!("{name}: latencies beyond the histogram"), churn.latencies.clamped() as f64);
    for percentile in PERCENTILES {
        trial.figure(format!("{name}: p{percentile}, ns"), churn.latencies.at(percentile));
    }
    let stopped: Duration = churn.stops.iter().map(|stop| stop.pause).sum();
    trial.figure(
        format!("{name}: share of time stopped, %"),
        100.0 * stopped.as_secs_f64() / churn.took.as_secs_f64(),
    );
}

fn percentiles(churns: &[Churn]) -> Table {
    let names: Vec<String> = churns.iter().map(|churn| churn.mode.name()).collect();
    let mut table = Table::new(
        "Latency of an operation",
        std::iter::once("percentile").chain(names.iter().map(String::as_str)),
    );
    for percentile in PERCENTILES {
        let name = if percentile == 100.0 { String::from("worst") } else { format!("p{percentile}") };
        // A percentile finer than the number of samples would be the worst case under another name.
        let shown = |churn: &Churn| {
            let supported = (1.0 - percentile / 100.0) * churn.latencies.count() as f64 >= 1.0;
            if percentile == 100.0 || supported {
                Unit::Nanos.show(churn.latencies.at(percentile))
            } else {
                String::from("too few")
            }
        };
        table.row(std::iter::once(name).chain(churns.iter().map(shown)));
    }
    let count = churns.iter().map(|churn| digits(churn.operations as f64));
    table.row(std::iter::once(String::from("operations")).chain(count));
    let stops = churns.iter().map(|churn| digits(churn.stops.len() as f64));
    table.row(std::iter::once(String::from("collections")).chain(stops));
    table
}

fn curves(churns: &[Churn]) -> Plot {
    let nines = ["0", "90", "99", "99.9", "99.99", "99.999", "99.9999"];
    Plot {
        title: String::from("Latency of an operation, by percentile"),
        reading: String::from(
            "Flat until the share of operations that meet a collection; there it is the pause.",
        ),
        shape: Shape::Lines {
            x: Axis {
                label: String::from("percentile"),
                scale: Scale::Linear,
                ticks: Ticks::Named(
                    nines
                        .into_iter()
                        .enumerate()
                        .map(|(index, name)| (index as f64, name.to_owned()))
                        .collect(),
                ),
            },
            y: Axis {
                label: String::from("one operation"),
                scale: Scale::Log,
                ticks: Ticks::Unit(Unit::Nanos),
            },
            series: churns
                .iter()
                .map(|churn| Series {
                    label: churn.mode.name(),
                    points: churn.latencies.curve(),
                    source: Source::Measured,
                })
                .collect(),
        },
    }
}

fn timeline(churns: &[Churn]) -> Plot {
    let series = churns
        .iter()
        .filter(|churn| !churn.stops.is_empty())
        .map(|churn| Series {
            label: churn.mode.name(),
            points: churn.stops.iter().map(|stop| (millis(stop.at), millis(stop.pause))).collect(),
            source: Source::Measured,
        })
        .collect();
    Plot {
        title: String::from("Pauses over time"),
        reading: String::from(
            "Each point is a collection: as long as what lives is large, and as often as it is replaced.",
        ),
        shape: Shape::Lines {
            x: Axis {
                label: String::from("since the churn began"),
                scale: Scale::Linear,
                ticks: Ticks::Unit(Unit::Millis),
            },
            y: Axis { label: String::from("pause"), scale: Scale::Linear, ticks: Ticks::Unit(Unit::Millis) },
            series,
        },
    }
}

const FINDINGS: &[&str] = &[
    "A collector that stops the world pauses for as long as the live heap is large, and the churn decides only how often. \
     Percentiles show the pause where one operation in so many meets a collection, so a fine p99 says nothing about the worst \
     case.",
    "More workers shorten the pause and not the work. Go 1.27 marks beside the program: over a live heap of 950 MiB its stops \
     stay below 0.1 ms at GOMAXPROCS=1, but the operations of its mutator still reach 15 ms at p99.99 and 22 ms at worst, \
     because it is made to assist and shares its processor with the marker.",
];
