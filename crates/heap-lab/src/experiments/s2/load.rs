//! A load: a heap that is churned and collected, an observer, and its clients.

use super::scrape::{Client, value};
use crate::error::LabError;
use crate::measure::latency::Latencies;
use crate::measure::time::process_cpu;
use crate::serve::workload::{Live, Workload};
use crate::serve::{ADDRESS, builder, observe};
use heap_observe::{Observer, Recorder, Watched};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};
use tricolor::Heap;

/// Between two scrapes.
pub(super) const PERIOD: Duration = Duration::from_millis(3);
/// Clients that do not finish what they ask.
pub(super) const SLOW: usize = 8;
/// Scrapes between two new clients of that kind: so many come and go in the time that one is borne.
const BETWEEN_SLOW: u32 = 125;
/// Between two pictures for the page.
const PAGE: Duration = Duration::from_secs(1);
/// Cells of such a picture.
const PICTURE: &str = "/heap.json?cells=2000";
/// Scrapes for the processor time of one.
const ALONE: u32 = 300;

/// What to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// Live bytes.
    pub(super) live: u64,
    /// Scrapes.
    pub(super) scrapes: u32,
}

/// What came of it.
pub(super) struct Loaded {
    /// From when a scrape was sent.
    pub(super) felt: Latencies,
    /// From when it was due.
    pub(super) due: Latencies,
    /// How late a thread is that sleeps as long as the scraper does.
    pub(super) beside: Latencies,
    /// Scrapes without a whole reply.
    pub(super) refused: u32,
    /// Violations that a verification found afterwards.
    pub(super) broken: usize,
    /// Bytes that lived.
    pub(super) live_bytes: usize,
    /// Collections meanwhile.
    pub(super) cycles: u64,
    /// Pictures that were taken for the page.
    pub(super) pictures: u32,
    /// Nanoseconds of processor time of a scrape while nobody else is at work.
    pub(super) cpu_alone: f64,
    /// The least and the most that was told: HeapInuse / HeapAlloc, and the same of spans at rest.
    pub(super) fragmentation: (f64, f64),
    pub(super) at_rest: (f64, f64),
}

/// What the scraper found.
struct Scraped {
    felt: Latencies,
    due: Latencies,
    refused: u32,
    fragmentation: (f64, f64),
    at_rest: (f64, f64),
}

impl Load {
    /// Does it.
    ///
    /// # Errors
    /// When the heap cannot be built or the observer not be reached.
    pub(super) fn run(&self) -> Result<Loaded, LabError> {
        let recorder = Recorder::new();
        let heap = recorder.listen(builder(self.live)).build()?;
        let observer = observe(Watched::new("load", &heap).recorder(&recorder), ADDRESS)?;
        let (stop, pictures) = (AtomicBool::new(false), AtomicU32::new(0));
        let loaded = thread::scope(|scope| {
            let (planted, has_planted) = channel();
            let (go, start) = channel::<()>();
            let (heap, observer, stop, pictures) = (&heap, &observer, &stop, &pictures);
            let mutator = scope.spawn(move || {
                churn(heap, self.live, stop, || {
                    planted.send(()).ok();
                    start.recv().ok();
                })
            });
            // If it failed, joining says why.
            let loaded = has_planted.recv().ok().map(|()| {
                let alone = alone(observer);
                let before = heap.figures();
                go.send(()).ok();
                let beside = scope.spawn(move || sleeper(stop));
                let page = scope.spawn(move || page(observer, stop, pictures));
                let mut slow = Vec::new();
                let scraped = scrape(observer, self.scrapes, &mut slow);
                let after = heap.figures();
                stop.store(true, Relaxed);
                let beside = beside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
                page.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
                let (scraped, cpu_alone) = (scraped?, alone?);
                Ok::<_, LabError>(Loaded {
                    felt: scraped.felt,
                    due: scraped.due,
                    beside,
                    refused: scraped.refused,
                    broken: 0,
                    live_bytes: after.last_cycle.map_or(0, |cycle| cycle.live.get()),
                    cycles: after.cycles - before.cycles,
                    pictures: 0,
                    cpu_alone,
                    fragmentation: scraped.fragmentation,
                    at_rest: scraped.at_rest,
                })
            });
            stop.store(true, Relaxed);
            drop(go);
            mutator.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            loaded.unwrap_or_else(|| Err(LabError::Measure(String::from("nothing was planted"))))
        });
        let mut loaded = loaded?;
        loaded.pictures = pictures.load(Relaxed);
        loaded.broken = heap.verify().len();
        Ok(loaded)
    }
}

/// The heap's program: plants, waits for the start, and replaces objects until it is told to stop.
fn churn(heap: &Heap, live: u64, stop: &AtomicBool, wait: impl FnOnce()) -> Result<(), LabError> {
    let mut mutator = heap.attach()?;
    let mut live = Live::plant(&mut mutator, Workload::Mixed, live, 1, || stop.load(Relaxed));
    mutator.collect();
    mutator.park(wait);
    while !stop.load(Relaxed) {
        live.replace(&mut mutator);
    }
    Ok(())
}

/// Processor time of a scrape while the program waits.
fn alone(observer: &Observer) -> Result<f64, LabError> {
    let mut client = Client::new(observer)?;
    client.metrics()?;
    let begun = process_cpu();
    for _ in 0..ALONE {
        client.metrics()?;
    }
    Ok((process_cpu() - begun).as_secs_f64() * 1e9 / f64::from(ALONE))
}

/// A thread that only sleeps: how late it is.
fn sleeper(stop: &AtomicBool) -> Result<Latencies, LabError> {
    let mut late = Latencies::new()?;
    while !stop.load(Relaxed) {
        let begun = Instant::now();
        thread::sleep(PERIOD);
        late.record(begun.elapsed().saturating_sub(PERIOD));
    }
    Ok(late)
}

/// The page's part: a picture every second.
fn page(observer: &Observer, stop: &AtomicBool, pictures: &AtomicU32) -> Result<(), LabError> {
    let mut client = Client::new(observer)?;
    while !stop.load(Relaxed) {
        client.get(PICTURE)?;
        pictures.fetch_add(1, Relaxed);
        let next = Instant::now() + PAGE;
        while Instant::now() < next && !stop.load(Relaxed) {
            thread::sleep(Duration::from_millis(20));
        }
    }
    Ok(())
}

/// Scrapes at an even pace. A scrape that was due while another was under way is sent at once, and late.
fn scrape(observer: &Observer, scrapes: u32, slow: &mut Vec<Client>) -> Result<Scraped, LabError> {
    let (mut felt, mut due_to_end) = (Latencies::new()?, Latencies::new()?);
    let mut client = Client::new(observer)?;
    let none = (f64::INFINITY, f64::NEG_INFINITY);
    let (mut refused, mut fragmentation, mut at_rest) = (0, none, none);
    let begun = Instant::now();
    for number in 0..scrapes {
        // Who does not go on is cut off after some seconds, and others come.
        if number % BETWEEN_SLOW == 0 {
            let mut one = Client::new(observer)?;
            one.begin();
            slow.push(one);
            if slow.len() > SLOW {
                slow.remove(0);
            }
        }
        let due = begun + PERIOD * number;
        if let Some(early) = due.checked_duration_since(Instant::now()) {
            thread::sleep(early);
        }
        let sent = Instant::now();
        match client.metrics() {
            Ok(text) => {
                felt.record(sent.elapsed());
                due_to_end.record(due.elapsed());
                let widen = |range: &mut (f64, f64), name: &str| {
                    if let Some(value) = value(text, &format!("{name}{{heap=\"load\"}}")) {
                        *range = (range.0.min(value), range.1.max(value));
                    }
                };
                widen(&mut fragmentation, "tricolor_fragmentation_ratio");
                widen(&mut at_rest, "tricolor_fragmentation_at_rest_ratio");
            }
            Err(_) => {
                refused += 1;
                client = Client::new(observer)?;
            }
        }
    }
    Ok(Scraped { felt, due: due_to_end, refused, fragmentation, at_rest })
}
