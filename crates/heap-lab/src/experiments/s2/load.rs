//! A load: a heap that is churned and collected, an observer, and its clients.

use super::scrape::{Client, value, whole};
use crate::error::LabError;
use crate::measure::latency::Latencies;
use crate::measure::time::process_cpu;
use crate::measure::turns::Turns;
use crate::serve::workload::{Live, Workload};
use crate::serve::{ADDRESS, builder, observe};
use heap_core::os::shorten_slice;
use heap_observe::{Observer, Recorder, Watched};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, channel};
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
/// The observer's thread that answers.
const SERVER: &str = "heap-observer";

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
    /// The same, without the time that the server's thread, and the client's that takes the reply, waited for a processor meanwhile.
    pub(super) beyond: Latencies,
    /// From when it was due.
    pub(super) due: Latencies,
    /// How late a thread is that only sleeps until each scrape is due.
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
    beyond: Latencies,
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
                let scraped = scrape(observer, self.scrapes);
                let after = heap.figures();
                stop.store(true, Relaxed);
                let beside = beside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
                page.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
                let (scraped, cpu_alone) = (scraped?, alone?);
                Ok::<_, LabError>(Loaded {
                    felt: scraped.felt,
                    beyond: scraped.beyond,
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

/// A thread that only sleeps, until one moment after the other: how late it is at each.
fn sleeper(stop: &AtomicBool) -> Result<Latencies, LabError> {
    shorten_slice();
    let mut late = Latencies::new()?;
    let mut due = Instant::now();
    while !stop.load(Relaxed) {
        due += PERIOD;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        late.record(due.elapsed());
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

/// Scrapes at an even pace, whether the last was answered or not: one thread asks, and another takes what comes. Both stand for a
/// client on another machine, with processors of its own: they ask for short slices here, and who waits for a reply has not
/// just had the processor to send the request.
fn scrape(observer: &Observer, scrapes: u32) -> Result<Scraped, LabError> {
    let mut asks = Client::new(observer)?;
    let takes = asks.end()?;
    let (note, notes) = channel();
    let (introduce, introduced) = channel();
    let begun = Instant::now() + PERIOD;
    thread::scope(|scope| {
        let taker = scope.spawn(move || {
            introduce.send(Turns::own()).ok();
            take(takes, &notes, scrapes)
        });
        let asker = scope.spawn(move || {
            shorten_slice();
            let (server, taker) = (Turns::named(SERVER), introduced.recv().ok());
            let mut slow = Vec::new();
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
                thread::sleep(due.saturating_duration_since(Instant::now()));
                let waited = [server.waited(), taker.as_ref().and_then(Turns::waited)];
                note.send(Asked { due, sent: Instant::now(), waited }).ok();
                // If the connection has ended, whoever takes sees that.
                asks.ask("/metrics").ok();
            }
            Ok(())
        });
        let asked = asker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let taken = taker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        asked.and(taken)
    })
}

/// A scrape that was asked for.
struct Asked {
    due: Instant,
    sent: Instant,
    /// How long the server's thread, and the one that takes replies, had waited for a processor until then.
    waited: [Option<Duration>; 2],
}

/// Takes so many replies.
fn take(mut client: Client, notes: &Receiver<Asked>, scrapes: u32) -> Result<Scraped, LabError> {
    shorten_slice();
    let (server, own) = (Turns::named(SERVER), Turns::own());
    let (mut felt, mut beyond, mut due_to_end) = (Latencies::new()?, Latencies::new()?, Latencies::new()?);
    let none = (f64::INFINITY, f64::NEG_INFINITY);
    let (mut refused, mut fragmentation, mut at_rest) = (0, none, none);
    for number in 0..scrapes {
        let Ok(document) = client.take() else {
            // Nothing comes after that.
            refused = scrapes - number;
            break;
        };
        let now = Instant::now();
        let waited = [server.waited(), own.waited()];
        let Ok(asked) = notes.recv() else {
            return Err(LabError::Measure(String::from("a reply to nobody")));
        };
        let since = |which: usize| Some(waited[which]?.saturating_sub(asked.waited[which]?));
        let waits: Duration = [since(0), since(1)].into_iter().flatten().sum();
        let Ok(text) = whole(document) else {
            refused += 1;
            continue;
        };
        let took = now.saturating_duration_since(asked.sent);
        felt.record(took);
        beyond.record(took.saturating_sub(waits));
        due_to_end.record(now.saturating_duration_since(asked.due));
        let widen = |range: &mut (f64, f64), name: &str| {
            if let Some(value) = value(text, &format!("{name}{{heap=\"load\"}}")) {
                *range = (range.0.min(value), range.1.max(value));
            }
        };
        widen(&mut fragmentation, "tricolor_fragmentation_ratio");
        widen(&mut at_rest, "tricolor_fragmentation_at_rest_ratio");
    }
    Ok(Scraped { felt, beyond, due: due_to_end, refused, fragmentation, at_rest })
}
