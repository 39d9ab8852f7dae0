//! s2: a live observer of fragmentation. What it says is held to a model, and how long it takes to say it is measured by a load
//! generator, at two sizes of heap, while the heap's program and collector are at work.

mod load;
mod scrape;
mod sieve;

use crate::beside::{Beside, Row};
use crate::claim::{Claims, Prediction, Tolerance};
use crate::error::LabError;
use crate::experiment::{Experiment, Lab, Trial};
use crate::measure::time::nanos;
use crate::record::{Axis, Plot, Record, Scale, Series, Shape, Source, Table, Ticks};
use crate::unit::{Unit, binary, digits};
use heap_core::size_class::SizeClass;
use load::{Load, Loaded};
use sieve::Sieve;
use std::time::Duration;

/// See the module.
pub(super) struct Observed;

/// Live bytes of the small heap and of the large one, unless the user says how large that is.
const SMALL: u64 = 8 << 20;
const LARGE: (u64, u64) = (96 << 20, 1 << 30);
/// Scrapes of each.
const SCRAPES: (u32, u32) = (1500, 10_000);
/// What a scrape may take, p99: the practice text's. On a machine that has other things to do, threads wait for processors for longer than
/// that, so what is judged is what a scrape takes beyond it; whether it holds by the clock as well is said.
const BOUND: Duration = Duration::from_millis(1);
/// Others that a scrape waits for while they wait for a processor: who holds a lock, and the kernel's thread for the network.
const WAKINGS: f64 = 2.0;
/// How much longer the median may be at the large heap: what it reads is as much, but comes from caches that marking has emptied.
const GROWTH: f64 = 2.0;
/// Processor time of a scrape, the client's half included: some 50 families and 10 system calls.
const CPU: Duration = Duration::from_micros(400);
/// Slots of these sizes are sieved: every so many-th object is kept.
const SIZES: [usize; 2] = [48, 512];
const KEPT: [usize; 4] = [1, 8, 64, 512];
/// Spans of each sieve, and of each class.
const SPANS: (usize, usize) = (64, 512);
const SPANS_OF_CLASS: usize = 6;

impl Experiment for Observed {
    fn id(&self) -> &'static str {
        "s2"
    }

    fn title(&self) -> &'static str {
        "Observing fragmentation"
    }

    fn question(&self) -> &'static str {
        "Can an endpoint say how fragmented a heap is, truly and in less than a millisecond, whatever the heap's size?"
    }

    fn run(&self, lab: &Lab) -> Result<Record, LabError> {
        let live = lab.options.live.unwrap_or_else(|| lab.size(LARGE.0, LARGE.1));
        let spans = lab.size(SPANS.0, SPANS.1);
        let sieves: Vec<_> = SIZES
            .iter()
            .flat_map(|size| KEPT.map(|every| Sieve { class: SizeClass::for_bytes(*size), every, spans }))
            .collect();
        let mut claims = Claims::new();
        let of_sieves: Vec<_> = sieves.iter().map(|sieve| claim_sieve(&mut claims, sieve)).collect();
        let lone = claims.predict(
            "size classes of which the number of spans with one object is wrong",
            format!("of each class with several slots {SPANS_OF_CLASS} spans are filled, and the first object of each is kept"),
            0.0,
            Unit::Count,
            Tolerance::Exact,
        );
        let of_load = claim_load(&mut claims, live);

        let mut trial = lab.begin(self, claims)?;
        trial.method(
            "What is judged is what GET /metrics says, over a socket. Sieves: spans are filled one after the other with objects of one \
             class, every k-th is kept, and the heap is collected.",
        );
        let mut table = Table::new(
            "Every k-th object kept, as /metrics says it",
            ["slot", "k", "bytes of spans for each of objects", "model", "spans with one object", "model"],
        );
        for (sieve, (ratio, lone)) in sieves.iter().zip(of_sieves) {
            trial.stage(format!("every {}th of {} bytes", sieve.every, sieve.class.size().get()));
            let (model, told) = (sieve.model(), sieve.run(trial.heap())?);
            trial.judge(ratio, told.ratio);
            trial.judge(lone, told.lone);
            table.row([
                sieve.class.size().to_string(),
                sieve.every.to_string(),
                digits(told.ratio),
                digits(model.ratio),
                digits(told.lone),
                digits(model.lone),
            ]);
        }
        trial.table(table);
        trial.stage("one object of each span, in every class");
        let wrong = sieve::wrong_classes(trial.heap(), SPANS_OF_CLASS)?;
        trial.fact("classes that are wrong", format!("{wrong:?}"));
        trial.judge(lone, wrong.len() as f64);
        // What is felt with several threads at work needs as many processors as ours has.
        let (live_bytes, scrapes) = (live.to_string(), lab.size(500, 5_000).to_string());
        let go = Beside::runs(lab, &[("", &["task", "s2", &live_bytes, &scrapes])]).with_all_processors();
        measure_load(&mut trial, of_load, live, go)?;
        for text in FINDINGS {
            trial.finding(*text);
        }
        trial.finish()
    }
}

fn claim_sieve(claims: &mut Claims, sieve: &Sieve) -> (Prediction, Prediction) {
    let (model, what) =
        (sieve.model(), format!("{} of {} bytes", kept(sieve.every), sieve.class.size().get()));
    let ratio = claims.predict(
        format!("bytes of spans for each byte of an object: {what}"),
        format!(
            "spans of {} slots in which a multiple of {} lies, over those",
            sieve.class.slots(),
            sieve.every
        ),
        model.ratio,
        Unit::Times,
        Tolerance::Relative(1e-9),
    );
    let lone = claims.predict(
        format!("spans with one object: {what}"),
        "spans in which one multiple lies",
        model.lone,
        Unit::Spans,
        Tolerance::Exact,
    );
    (ratio, lone)
}

fn kept(every: usize) -> String {
    if every == 1 { String::from("all kept") } else { format!("one in {every} kept") }
}

/// Predictions about scrapes under load.
struct OfLoad {
    p99: Prediction,
    growth: Prediction,
    cpu: Prediction,
    refused: Prediction,
    broken: Prediction,
}

fn claim_load(claims: &mut Claims, live: u64) -> OfLoad {
    OfLoad {
        p99: claims.predict_time(
            format!(
                "a scrape at {} live under load, p99, beyond what its threads, and two that only sleep, waited for a processor",
                binary(live as f64)
            ),
            "no walk, no stop, and no lock that anybody holds for long: some hundred loads and 30 KB of text; what the server's thread and \
             the client's waited meanwhile the system counts; how late others were, on whom they wait, is that of a thread that only sleeps",
            nanos(BOUND),
            Unit::Nanos,
            Tolerance::AtMost,
        ),
        growth: claims.predict_time(
            "its median over that at 8 MiB",
            "what is read does not depend on the heap's size",
            GROWTH,
            Unit::Times,
            Tolerance::AtMost,
        ),
        cpu: claims.predict_time(
            "processor time of a scrape, the client's included, nobody else at work",
            "50 families in text, a dozen system calls",
            nanos(CPU),
            Unit::Nanos,
            Tolerance::AtMost,
        ),
        refused: claims.predict(
            "scrapes without a whole reply",
            "slow and idle clients beside them cost only themselves",
            0.0,
            Unit::Count,
            Tolerance::Exact,
        ),
        broken: claims.predict(
            "invariants of the heap that do not hold afterwards",
            "an observer writes nothing",
            0.0,
            Unit::Count,
            Tolerance::Exact,
        ),
    }
}

fn measure_load(
    trial: &mut Trial<'_>,
    claimed: OfLoad,
    live: u64,
    mut go: Beside<'_>,
) -> Result<(), LabError> {
    let scrapes = trial.size(SCRAPES.0, SCRAPES.1);
    let mut runs = Vec::new();
    for (name, live) in [("small", SMALL), ("large", live)] {
        trial.stage(format!("{scrapes} scrapes of {}", binary(live as f64)));
        go.sample();
        runs.push((name, Load { live, scrapes }.run()?));
    }
    let [(_, small), (_, large)] = &runs[..] else {
        return Err(LabError::Measure(String::from("two heaps were to be measured")));
    };
    go.show(
        trial,
        &[
            Row::new("a scrape of the large heap, p50", "p50 ns", large.felt.at(50.0), Unit::Nanos),
            Row::new("the same, p99", "p99 ns", large.felt.at(99.0), Unit::Nanos),
            Row::new(
                "its processor time, the client's included, alone",
                "alone: cpu ns",
                large.cpu_alone,
                Unit::Nanos,
            ),
        ],
    )?;
    trial.judge(claimed.p99, (large.beyond.at(99.0) - WAKINGS * large.beside.at(99.0)).max(0.0));
    trial.judge(claimed.growth, large.beyond.at(50.0) / small.beyond.at(50.0));
    trial.judge(claimed.cpu, small.cpu_alone);
    trial.judge(claimed.refused, f64::from(small.refused + large.refused));
    trial.judge(claimed.broken, (small.broken + large.broken) as f64);
    let mut table = Table::new(
        "Scrapes under load",
        [
            "live",
            "scrapes",
            "p50",
            "p90",
            "p99",
            "p99.9",
            "worst",
            "p99 beyond waiting",
            "p99 from when due",
            "a clock beside, p99",
            "collections",
        ],
    );
    for (name, run) in &runs {
        row(&mut table, run);
        for (percentile, word) in [(50.0, "p50"), (99.0, "p99"), (99.9, "p99.9"), (100.0, "worst")] {
            trial.figure(format!("{name}: scrape, {word}"), run.felt.at(percentile));
        }
        trial.figure(format!("{name}: beyond waiting, p50"), run.beyond.at(50.0));
        trial.figure(format!("{name}: beyond waiting, p99"), run.beyond.at(99.0));
        trial.figure(format!("{name}: from when due, p99"), run.due.at(99.0));
        trial.figure(format!("{name}: a clock beside, p99"), run.beside.at(99.0));
        trial.figure(format!("{name}: live bytes"), run.live_bytes as f64);
        trial.figure(format!("{name}: collections"), run.cycles as f64);
        trial.figure(format!("{name}: pictures of the page"), f64::from(run.pictures));
        trial.figure(format!("{name}: processor time of a scrape alone"), run.cpu_alone);
        trial.figure(format!("{name}: HeapInuse / HeapAlloc, least"), run.fragmentation.0);
        trial.figure(format!("{name}: HeapInuse / HeapAlloc, most"), run.fragmentation.1);
        trial.figure(format!("{name}: at rest, least"), run.at_rest.0);
        trial.figure(format!("{name}: at rest, most"), run.at_rest.1);
    }
    trial.table(table);
    trial.finding(by_the_clock(large));
    trial.plot(curves(small, large));
    trial.method(format!(
        "Load: a thread replaces objects of the heap without a pause and the heap is collected as it will; {} clients have begun a \
         request and do not go on; one asks for the page's picture every second; one scrapes every {} ms over a connection that it keeps, \
         whether the last scrape was answered or not: one thread asks and another takes the replies. Each is timed from when it was sent to \
         the last byte. They stand for a client on another machine, so they ask for short slices of this one's processors, as the \
         observer's thread does. A thread beside sleeps until the same moments and reads the clock: what that is late by is the machine's.",
        load::SLOW,
        load::PERIOD.as_millis(),
    ));
    Ok(())
}

/// Whether the practice text's bound holds as it stands, on this machine and now.
fn by_the_clock(run: &Loaded) -> String {
    let (felt, beside) = (run.felt.at(99.0), run.beside.at(99.0));
    let verdict = if felt < nanos(BOUND) { "within" } else { "not within" };
    format!(
        "By the clock alone, p99 of a scrape was {}, {verdict} the practice text's millisecond; a thread that only sleeps was late by {} \
         (p99), which is the machine's.",
        Unit::Nanos.show(felt),
        Unit::Nanos.show(beside),
    )
}

fn row(table: &mut Table, run: &Loaded) {
    let at = |percentile| Unit::Nanos.show(run.felt.at(percentile));
    table.row([
        binary(run.live_bytes as f64),
        digits(run.felt.count() as f64),
        at(50.0),
        at(90.0),
        at(99.0),
        at(99.9),
        at(100.0),
        Unit::Nanos.show(run.beyond.at(99.0)),
        Unit::Nanos.show(run.due.at(99.0)),
        Unit::Nanos.show(run.beside.at(99.0)),
        digits(run.cycles as f64),
    ]);
}

fn curves(small: &Loaded, large: &Loaded) -> Plot {
    let percentiles = [50.0, 75.0, 90.0, 95.0, 99.0, 99.5, 99.9];
    let place = |percentile: f64| 1.0 / (100.0 - percentile);
    let series = |label: &str, run: &Loaded| Series {
        label: label.to_owned(),
        points: percentiles.map(|percentile| (place(percentile), run.felt.at(percentile))).to_vec(),
        source: Source::Measured,
    };
    Plot {
        title: String::from("A scrape under load"),
        reading: String::from(
            "Both heaps take about as long: what a scrape reads does not grow with the heap.",
        ),
        shape: Shape::Lines {
            x: Axis {
                label: String::from("percentile"),
                scale: Scale::Log,
                ticks: Ticks::Named(percentiles.map(|at| (place(at), format!("p{at}"))).to_vec()),
            },
            y: Axis { label: String::from("time"), scale: Scale::Log, ticks: Ticks::Unit(Unit::Nanos) },
            series: vec![
                series(&format!("{} live", binary(small.live_bytes as f64)), small),
                series(&format!("{} live", binary(large.live_bytes as f64)), large),
            ],
        },
    }
}

const FINDINGS: &[&str] = &[
    "Nothing is cached. The practice text has to cache because runtime.ReadMemStats stops the world and walks; here counters are kept where \
     spans come to rest, and reading them is a few microseconds for any heap. So the window between two samples is the scraper's to choose.",
    "HeapInuse - HeapAlloc, and their ratio, saw with each collection: the dead count as allocated until they are swept. The figures at \
     rest do not count what is in threads' hands, and the number of spans with one object changes only when one is swept or handed back. \
     Alarms belong on spans with one object and on pinned bytes; the ratio is to be read at its highest over some collections.",
];

#[cfg(test)]
mod tests;
