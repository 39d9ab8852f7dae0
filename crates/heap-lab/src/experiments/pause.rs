//! pause: what a mutator feels while it churns a live heap, in every mode of collection there is, and in Go.

mod plots;
mod side;

use crate::churn::floor::Floor;
use crate::churn::{GAP, Observer, Wish, churn};
use crate::claim::{Claims, Prediction, Tolerance};
use crate::error::LabError;
use crate::experiment::{Experiment, Lab, Trial};
use crate::measure::collector::{Cycle, Mode};
use crate::measure::machine;
use crate::measure::spread::Spread;
use crate::measure::time::{millis, nanos};
use crate::measure::trace_line::traced;
use crate::peer::GoPeer;
use crate::record::Record;
use crate::unit::{Unit, binary, digits};
use side::{PERCENTILES, Side};
use std::time::Duration;
use tricolor::{Heap, HeapBuilder};

/// See the module.
pub(super) struct Pause;

/// Live bytes, unless the user says otherwise. A heap [`SMALLER`] times as small must not fit into the processor's caches, or the
/// model is calibrated on another machine: with 32 MiB it said 5 to 16 ms of a pause of 10.
const LIVE: (u64, u64) = (128 << 20, 256 << 20);
/// How long each churn takes.
const TIME: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));
/// How long one without collections takes: it gives nothing back.
const FLOOR_TIME: Duration = Duration::from_millis(1000);
/// Bytes that one without collections may need beside what lives.
const FLOOR_BYTES: u64 = 2 << 30;
/// Mutators.
const MUTATORS: usize = 2;
/// How much smaller the heap is that the model is calibrated on.
const SMALLER: u64 = 4;
/// Collections that a churn waits for, so that a median stands on something.
const CYCLES: usize = 8;
/// What a collector that does not stop the world may do on a mutator at a time, p99.9 of processor time. By the clock it is
/// the scheduler that says, when there are more threads than processors.
const WORK: Duration = Duration::from_micros(50);
/// The same, p99.99. The worst of a million is shown and not judged: on a shared virtual machine one microsecond of arithmetic
/// is seen to take up to 400 µs of processor time, once in a few hundred thousand times.
const WORST_WORK: Duration = Duration::from_micros(200);
/// The part of Go's p99.9 of requests that such a collector may have.
const OF_GO: f64 = 0.3;

/// Heaps as the user wants them.
fn builder(lab: &Lab) -> HeapBuilder {
    let builder = traced(Heap::builder());
    match lab.options.workers {
        Some(workers) => builder.workers(workers),
        None => builder,
    }
}

fn wish(lab: &Lab, live: u64, mode: Mode, observer: Observer) -> Wish {
    let time = lab.size(TIME.0, TIME.1);
    Wish {
        live,
        mutators: MUTATORS,
        time: if mode == Mode::Off { time.min(FLOOR_TIME) } else { time },
        cycles: if mode == Mode::Off { 0 } else { CYCLES },
        mode,
        observer,
        floor: Floor::Beside,
        seed: lab.options.seed,
    }
}

fn median(samples: Vec<f64>, what: &str) -> Result<f64, LabError> {
    let none = || LabError::Measure(format!("no usable samples of {what}"));
    Spread::of(samples).map(|spread| spread.median()).ok_or_else(none)
}

/// Nanoseconds of a pause for each live object, in a heap that is [`SMALLER`] times as small.
fn calibrate(lab: &Lab, live: u64) -> Result<f64, LabError> {
    let small = Wish {
        time: lab.size(TIME.0, TIME.1) / 4,
        ..wish(lab, live / SMALLER, Mode::StopTheWorld, Observer::OwnOps)
    };
    let each = |cycle: &Cycle| Some(nanos(cycle.pause?) / cycle.live_objects.max(1) as f64);
    let churned = churn(&builder(lab), &small)?;
    median(churned.cycles.iter().filter_map(|(_, cycle)| each(cycle)).collect(), "pauses of a smaller heap")
}

/// What is said of a mode before it runs.
struct Claimed {
    mode: Mode,
    growth: Prediction,
    median: Prediction,
    /// Of a mode that stops the world: the median pause, and what an operation feels of the longest.
    stops: Option<(Prediction, Prediction)>,
    /// Of a mode that does not: work on mutators, p99.9 and p99.99.
    work: Option<(Prediction, Prediction)>,
}

fn claim(claims: &mut Claims, mode: Mode, objects: f64, each: f64) -> Claimed {
    let name = mode.word();
    let stops = mode == Mode::StopTheWorld;
    let (growth, by) = if stops {
        ("a heap may grow by what lives in it; then it is collected", Tolerance::Relative(0.1))
    } else {
        ("what is allocated while it is marked is within the goal, twice what lives", Tolerance::AtMost)
    };
    Claimed {
        mode,
        growth: claims.predict_time(
            format!("heap at its fullest over what lives, median, {name}"),
            growth,
            if stops { 2.0 } else { 2.1 },
            Unit::Times,
            by,
        ),
        median: claims.predict_time(
            format!("median operation, {name}, over no collection"),
            "between collections nothing is slower: no barrier is on, and memory that is reused is warmer than fresh",
            1.5,
            Unit::Times,
            Tolerance::AtMost,
        ),
        stops: stops.then(|| {
            let model = format!(
                "{} live objects × {} measured on a heap {SMALLER} × as small: in proportion to what lives",
                digits(objects),
                Unit::Nanos.show(each)
            );
            // Larger heaps miss more caches, and a neighbour on the machine may double any pause.
            let doubled = Tolerance::Relative(1.0);
            (
                claims.predict_time(format!("median pause, {name}"), model, objects * each / 1e6, Unit::Millis, doubled),
                claims.predict_time(
                    format!("longest operation over longest pause, {name}"),
                    "the operation that ran into the collection waits for all of it",
                    1.0,
                    Unit::Times,
                    Tolerance::AtLeast,
                ),
            )
        }),
        work: (mode == Mode::Concurrent).then(|| {
            let model = "an answer looks at one mutator's own cache and buffer, a refill sweeps so many spans, an assist is cut into pieces";
            let mut at_most = |what: &str, bar: Duration| {
                claims.predict_time(format!("{what}, {name}"), model, nanos(bar), Unit::Nanos, Tolerance::AtMost)
            };
            (
                at_most("collector's work on a mutator at a time, p99.9 of processor time", WORK),
                at_most("collector's work on a mutator at a time, p99.99 of processor time", WORST_WORK),
            )
        }),
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
        "How long can an operation or a request take while the heap is collected, from the median to the worst case?"
    }

    fn run(&self, lab: &Lab) -> Result<Record, LabError> {
        let live = lab.options.live.unwrap_or_else(|| lab.size(LIVE.0, LIVE.1));
        machine::must_fit(live.saturating_add(live.max(FLOOR_BYTES)), "--live")?;
        let go = lab.options.go.clone();

        lab.progress.stage("calibrating on a smaller heap");
        let each = calibrate(lab, live)?;
        let mut claims = Claims::new();
        // A node has 16 bytes, and nearly everything that lives is a node.
        let objects = live as f64 / 16.0;
        let modes = Mode::REPORTED.iter().copied().filter(|mode| *mode != Mode::Off);
        let claimed: Vec<Claimed> = modes.map(|mode| claim(&mut claims, mode, objects, each)).collect();
        let is_concurrent = Mode::REPORTED.contains(&Mode::Concurrent);
        let of_go = (is_concurrent && go.is_some()).then(|| {
            claims.predict_time(
                "p99.9 of requests, concurrent, over Go's in the same run",
                "Go's requests wait behind assists and its scheduler; here an assist is short and threads are the kernel's",
                OF_GO,
                Unit::Times,
                Tolerance::AtMost,
            )
        });

        let mut trial = lab.begin(self, claims)?;
        trial.method(method(live));
        let sides = measure(&trial, lab, live, go.as_ref())?;
        let find =
            |name: &str, observer| sides.iter().find(|one| one.name == name && one.observer == observer);
        for one in claimed {
            judge(&mut trial, one, &sides)?;
        }
        if let Some(of_go) = of_go {
            let ours =
                find(Mode::Concurrent.word(), Observer::Requests).map_or(f64::NAN, |side| side.at(99.9));
            let theirs = sides.iter().find(|one| one.ours.is_none() && one.observer == Observer::Requests);
            trial.judge(of_go, ours / theirs.map_or(f64::NAN, |side| side.at(99.9)));
        }
        show(&mut trial, &sides);
        side::beside_go(&mut trial, &sides);
        if go.is_none() {
            trial.finding("Go beside it: none (not found, or not asked for).");
        }
        trial.fact("go", if go.is_some() { "measured in this run" } else { "none" });
        for text in FINDINGS {
            trial.finding(*text);
        }
        trial.finish()
    }
}

fn method(live: u64) -> String {
    format!(
        "A live heap of {}: forests of binary trees of 127 nodes, and hash tables. Each of {MUTATORS} mutators changes its own \
         part; one operation, in one `enter`, replaces a tree and four entries of a table, and its latency runs from the end of the \
         operation before, so that nothing can hide between two. Requests come 2000 a second to a thread of their own, each a tree \
         and 16 look-ups; their latency runs from when they were due. A gap is an operation longer than {}; utilisation is \
         computed from the gaps. The concurrent heap measures its own work on mutators, which costs it about a microsecond for every \
         span that a mutator exchanges. Without collections the same runs for at most {}. All threads compete for the processors: what \
         is felt without collections is the machine's.",
        binary(live as f64),
        Unit::Nanos.show(nanos(GAP)),
        Unit::Millis.show(millis(FLOOR_TIME)),
    )
}

/// Every side under both observers, one after the other.
fn measure(trial: &Trial<'_>, lab: &Lab, live: u64, go: Option<&GoPeer>) -> Result<Vec<Side>, LabError> {
    let mut sides = Vec::new();
    for observer in [Observer::OwnOps, Observer::Requests] {
        for mode in Mode::REPORTED {
            trial.stage(format!("churning: {}, {}", mode.word(), observer.word()));
            let churned = churn(&builder(lab), &wish(lab, live, *mode, observer))?;
            sides.push(Side::ours(*mode, observer, churned));
        }
        if let Some(go) = go {
            trial.stage(format!("churning: Go, {}", observer.word()));
            let args = [
                ("--live", live.to_string()),
                ("--mutators", MUTATORS.to_string()),
                ("--seconds", lab.size(TIME.0, TIME.1).as_secs_f64().to_string()),
                ("--observer", observer.word().to_owned()),
            ];
            let args = args.into_iter().flat_map(|(name, value)| [name.to_owned(), value]);
            let printed = go.run(&std::iter::once(String::from("pause")).chain(args).collect::<Vec<_>>())?;
            sides.push(Side::go(observer, &printed));
        }
    }
    Ok(sides)
}

/// Judges what was said of a mode by what its mutators felt.
fn judge(trial: &mut Trial<'_>, claimed: Claimed, sides: &[Side]) -> Result<(), LabError> {
    let felt = |mode: Mode| {
        let is_it = |side: &&Side| {
            side.observer == Observer::OwnOps && side.ours.as_ref().is_some_and(|(one, _)| *one == mode)
        };
        let none = || LabError::Measure(format!("{} was not run", mode.word()));
        sides.iter().find(is_it).ok_or_else(none)
    };
    let (side, floor) = (felt(claimed.mode)?, felt(Mode::Off)?);
    let Some((_, churned)) = &side.ours else { return Ok(()) };
    let cycles = || churned.cycles.iter().map(|(_, cycle)| cycle);
    let name = claimed.mode.word();
    let fullest = |cycle: &Cycle| cycle.heap_at_end.unwrap_or(cycle.heap_before) as f64;
    let growth = cycles().map(|cycle| fullest(cycle) / cycle.live.max(1) as f64).collect();
    let growth = trial.samples(&format!("{name}: heap at its fullest over what lives"), growth)?;
    trial.judge(claimed.growth, growth.median());
    trial.judge(claimed.median, side.at(50.0) / floor.at(50.0));
    if let Some((pause, longest)) = claimed.stops {
        let pauses = cycles().filter_map(Cycle::stopped).map(millis).collect();
        let pauses = trial.samples(&format!("{name}: pauses, ms"), pauses)?;
        trial.judge(pause, pauses.median());
        // The histogram keeps three digits: allow the last.
        trial.judge(longest, side.at(100.0) * 1.001 / (pauses.max() * 1e6));
    }
    if let Some((p999, worst)) = claimed.work {
        // What the heap does not say cannot hold.
        let work = churned.work.as_ref().and_then(|work| work.cpu);
        trial.judge(p999, work.map_or(f64::NAN, |cpu| nanos(cpu.p999)));
        trial.judge(worst, work.map_or(f64::NAN, |cpu| nanos(cpu.p9999)));
    }
    Ok(())
}

/// Figures, tables and plots.
fn show(trial: &mut Trial<'_>, sides: &[Side]) {
    for side in sides {
        let name = format!("{}, {}", side.name, side.observer.word());
        trial.figure(format!("{name}: operations per second"), side.operations_per_second);
        trial.figure(format!("{name}: collections"), side.cycles);
        for ((_, percentile, _), nanos) in PERCENTILES.iter().zip(&side.latencies) {
            trial.figure(format!("{name}: {percentile}, ns"), *nanos);
        }
        if let Some((_, churned)) = &side.ours {
            trial.figure(format!("{name}: live bytes"), churned.live_bytes as f64);
            trial.figure(format!("{name}: latencies beyond the histogram"), churned.felt.clamped() as f64);
            trial.figure(format!("{name}: mean, ns"), churned.felt.mean());
        }
    }
    let of = |observer| sides.iter().filter(|side| side.observer == observer).collect::<Vec<_>>();
    let (own, requests) = (of(Observer::OwnOps), of(Observer::Requests));
    trial.table(plots::latencies("Latency of an operation", &own));
    trial.table(plots::latencies("Latency of a request", &requests));
    trial.table(plots::handshakes(&own));
    trial.table(plots::utilisation_table(&own));
    trial.plot(plots::curves("Latency of an operation, by percentile", &own));
    trial.plot(plots::curves("Latency of a request, by percentile", &requests));
    trial.plot(plots::utilisation(&own));
    trial.plot(plots::gaps(&own));
}

const FINDINGS: &[&str] = &[
    "Where the collector runs beside the mutators, its work on them comes in pieces of some microseconds of processor time. With \
     as many mutators as processors its own thread competes with them, and a piece, like any other operation, lasts some \
     milliseconds by the clock when its thread has to wait for a processor: that is why the pieces are judged by processor time \
     and the operations are shown by the clock.",
    "A collector that stops the world pauses for as long as the live heap is large, and the churn decides only how often. \
     Percentiles show the pause where one operation in so many meets a collection, so a fine p99 says nothing about the worst \
     case; requests that were due meanwhile all feel it.",
    "Marking beside the program shortens the stops and not the work. Go 1.27 stops for less than 0.1 ms at GOMAXPROCS=1 over a \
     live heap of 950 MiB, but the operations of its mutator still reach 15 ms at p99.99 and 22 ms at worst, because it is made to \
     assist and shares its processor with the marker.",
];
