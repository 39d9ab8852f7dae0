//! Churn: mutators that keep a live heap changing, and somebody who feels what the collector does to it.
//!
//! ```text
//!   mutator 0   ─op─op─op──────gap──────op─op─▶     each its own part of the heap (`part`), one `enter` an operation
//!   mutator 1   ─op─op─op─op─────gap────op─op─▶
//!   observer    ─·─·──·─·──────────·─·─·─·─·──▶     who is asked what it felt (`observe`)
//!   heap        ────────[  cycle  ]───────────▶     its own figures of every cycle
//! ```
//! First everybody plants; when all have, the heap is collected, so that its goal follows from what lives; then the
//! clocks start for all at once. An operation that takes longer than [`GAP`] is kept as a gap of its mutator.
//!
//! What is felt is not only the collector: with more threads than processors, it is the scheduler as well. The mode
//! without collections shows how much.
//!
//! Called by the `pause` bench and the `pause` experiment.

pub(crate) mod floor;
mod observe;
mod part;

use crate::choice::choices;
use crate::error::LabError;
use crate::measure::collector::{Cycle, Mode, Window, Work};
use crate::measure::latency::Latencies;
use crate::measure::machine;
use crate::measure::mmu::{Gap, Gaps};
use crate::measure::resident::{peak, reset_peak, resident};
use crate::measure::time::Stopwatch;
use crate::measure::trace_line::watched;
use floor::{Floor, Idle, plain_bytes};
use part::Part;
use part::{Share, shares};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use tricolor::{Heap, HeapBuilder, Mutator};

choices! {
    /// Who says what the collector feels like.
    Observer, "observer" {
        /// The mutators: each times its own operations, from the end of the one before.
        OwnOps = "self",
        /// Another mutator, which reads the clock in a loop: the worst gap of every 100 µs.
        Spin = "spin",
        /// Another mutator, which serves 2000 requests a second: the time from when each was due.
        Requests = "req",
    }
}

/// Operations between two pieces that only calculate.
const BETWEEN_IDLE: u64 = 16;
/// An operation that takes longer is a gap. The usual one takes 5 µs; as much of every gap is work, so utilisation errs
/// low by that, and high by what shorter gaps hide.
pub(crate) const GAP: Duration = Duration::from_micros(20);
/// How much longer than asked a churn goes on for the cycles it was promised.
const PATIENCE: u32 = 10;
/// But not less than this: on a busy machine a cycle may take its time to begin.
const LEAST_PATIENCE: Duration = Duration::from_secs(30);

/// What to churn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    /// Live bytes.
    pub(crate) live: u64,
    /// Threads that change them.
    pub(crate) mutators: usize,
    /// How long.
    pub(crate) time: Duration,
    /// Cycles to wait for beyond that, within reason.
    pub(crate) cycles: usize,
    /// How the heap is collected.
    pub(crate) mode: Mode,
    /// Who says what it feels like.
    pub(crate) observer: Observer,
    /// What the collector's work is compared with.
    pub(crate) floor: Floor,
    /// What random choices follow from.
    pub(crate) seed: u64,
}

/// What a churn gave.
#[derive(Clone, Debug)]
pub(crate) struct Churned {
    /// By the clock.
    pub(crate) took: Duration,
    /// Processor time of all threads.
    pub(crate) cpu: Duration,
    /// Operations of all mutators.
    pub(crate) operations: u64,
    /// Bytes of slots after planting.
    pub(crate) live_bytes: usize,
    /// Objects after planting.
    pub(crate) live_objects: u64,
    /// Bytes allocated while it lasted.
    pub(crate) allocated: usize,
    /// What the observer felt.
    pub(crate) felt: Latencies,
    /// The gaps of each mutator, in the order of time.
    pub(crate) gaps: Vec<Vec<Gap>>,
    /// Cycles that ended while it lasted, and when.
    pub(crate) cycles: Vec<(Duration, Cycle)>,
    /// The collector's own work on mutators.
    pub(crate) work: Option<Work>,
    /// What the machine adds to any work.
    pub(crate) idle: Idle,
    /// Resident bytes at the end.
    pub(crate) rss: u64,
    /// The most resident bytes while it lasted.
    pub(crate) peak_rss: u64,
}

impl Churned {
    /// The gaps, to ask for utilisation.
    pub(crate) fn utilisation(&self) -> Vec<Gaps> {
        self.gaps.iter().map(|gaps| Gaps::new(gaps, nanos(self.took))).collect()
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// What one thread found.
struct Found {
    operations: u64,
    felt: Latencies,
    idle: Idle,
    gaps: Option<Vec<Gap>>,
}

impl Found {
    fn nothing() -> Result<Self, LabError> {
        Ok(Self { operations: 0, felt: Latencies::new()?, idle: Idle::none()?, gaps: None })
    }
}

/// What a thread is to do when the churn has ended.
struct Rest {
    /// Processor time of pieces of each kind.
    each: Duration,
    /// Bytes of plain memory for them.
    plain: u64,
}

/// A thread's side of the start and the end: it says when it has planted, is told when the clocks started, and in the end what
/// is left to do.
struct Post {
    planted: Sender<()>,
    start: Receiver<Instant>,
    rest: Receiver<Rest>,
}

/// The other side.
struct Office {
    planted: Receiver<()>,
    start: Sender<Instant>,
    rest: Sender<Rest>,
}

impl Post {
    /// Waits for the start, letting the collector go on. `None` if it was called off.
    fn wait(&self, mutator: &mut Mutator) -> Option<Instant> {
        self.planted.send(()).ok()?;
        mutator.park(|| self.start.recv().ok())
    }
}

/// One mutator: plants, waits, and changes its part until it is told to stop.
fn mutate(heap: &Heap, share: Share, seed: u64, post: Post, stop: &AtomicBool) -> Result<Found, LabError> {
    let mut mutator = heap.attach()?;
    let mut part = Part::plant(&mut mutator, share, seed);
    let mut found = Found::nothing()?;
    let Some(start) = post.wait(&mut mutator) else { return Ok(found) };
    let mut gaps = Vec::new();
    let mut last = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        part.replace(&mut mutator);
        let now = Instant::now();
        let took = now - last;
        found.felt.record(took);
        if took > GAP {
            gaps.push(Gap { start: nanos(last - start), end: nanos(now - start) });
        }
        last = now;
        found.operations += 1;
        if found.operations.is_multiple_of(BETWEEN_IDLE) {
            found.idle.calculate();
            last = Instant::now();
        }
    }
    found.gaps = Some(gaps);
    // Who is told nothing is done.
    if let Ok(Rest { each, plain }) = post.rest.recv() {
        found.idle.go_on(each, plain, seed);
    }
    Ok(found)
}

/// The observer's thread, where it is one of its own.
fn observe(heap: &Heap, wish: &Wish, share: Share, post: Post, stop: &AtomicBool) -> Result<Found, LabError> {
    let mut mutator = heap.attach()?;
    let mut felt = Latencies::new()?;
    if wish.observer == Observer::Requests {
        let mut part = Part::plant(&mut mutator, share, wish.seed ^ u64::MAX);
        if let Some(start) = post.wait(&mut mutator) {
            observe::requests(&mut mutator, &mut part, start, stop, &mut felt);
        }
    } else if let Some(start) = post.wait(&mut mutator) {
        observe::spin(&mut mutator, start, stop, &mut felt);
    }
    Ok(Found { felt, ..Found::nothing()? })
}

/// Plants, churns for the time that was asked for, and says what was felt.
///
/// # Errors
/// When the heap cannot be built, when a thread cannot attach, or when the system cannot be read.
pub(crate) fn churn(builder: &HeapBuilder, wish: &Wish) -> Result<Churned, LabError> {
    let seen: Arc<Mutex<Vec<(Instant, Cycle)>>> = Arc::default();
    let writer = Arc::clone(&seen);
    let heap = watched(wish.mode.configure(builder), move |cycle| {
        writer.lock().unwrap_or_else(PoisonError::into_inner).push((Instant::now(), cycle.clone()));
    })
    .build()?;
    let (share, server) = shares(wish.live, wish.mutators, wish.observer == Observer::Requests);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let (heap, stop) = (&heap, &stop);
        let mut offices = Vec::new();
        let mut post = || {
            let ((planted, has_planted), (go, start), (more, rest)) = (channel(), channel(), channel());
            offices.push(Office { planted: has_planted, start: go, rest: more });
            Post { planted, start, rest }
        };
        let mut threads = Vec::new();
        for number in 0..wish.mutators {
            let (post, seed) = (post(), wish.seed.wrapping_add(number as u64 * 0x1_0000_0001));
            threads.push(scope.spawn(move || mutate(heap, share, seed, post, stop)));
        }
        if wish.observer != Observer::OwnOps {
            let post = post();
            threads.push(scope.spawn(move || observe(heap, wish, server, post, stop)));
        }
        // A thread that failed has dropped its end. Then nobody is started, and joining says why it failed.
        let all_planted = offices.iter().all(|office| office.planted.recv().is_ok());
        let timed = all_planted.then(|| time(heap, wish, &seen, &offices, stop));
        // Who still waits is not waited for.
        drop(offices);
        let mut found = Vec::new();
        for thread in threads {
            let panicked = |_| LabError::Heap(String::from("a mutator thread panicked"));
            found.push(thread.join().map_err(panicked)??);
        }
        let timed = timed.ok_or_else(|| LabError::Heap(String::from("a mutator thread did not start")))??;
        merge(timed, found, wish.observer)
    })
}

/// Starts everybody, waits, stops them, and says what could be seen from outside.
fn time(
    heap: &Heap,
    wish: &Wish,
    seen: &Mutex<Vec<(Instant, Cycle)>>,
    offices: &[Office],
    stop: &AtomicBool,
) -> Result<Churned, LabError> {
    let seen = || seen.lock().unwrap_or_else(PoisonError::into_inner);
    // What lives now sets the goal, and the churn begins in the steady state.
    heap.collect();
    let before = heap.figures();
    seen().clear();
    let window = Window::open(heap);
    // Where the kernel refuses, the peak is that of planting, and errs high.
    reset_peak();
    let (watch, start) = (Stopwatch::start(), Instant::now());
    for office in offices {
        // Who is not there any more will say so when joined.
        let _ = office.start.send(start);
    }
    thread::sleep(wish.time);
    while seen().len() < wish.cycles && start.elapsed() < (wish.time * PATIENCE).max(LEAST_PATIENCE) {
        thread::sleep(Duration::from_millis(5));
    }
    stop.store(true, Ordering::Relaxed);
    let lap = watch.lap();
    let work = window.close(heap);
    let after = heap.figures();
    let (rss, peak_rss) = (resident()?, peak()?);
    if let (Floor::AsLong, Some(cpu)) = (wish.floor, work.as_ref().and_then(|work| work.cpu)) {
        let each = cpu.total / u32::try_from(wish.mutators).unwrap_or(u32::MAX);
        let plain = plain_bytes(rss, machine::available(rss).unwrap_or(rss)) / wish.mutators as u64;
        for office in offices {
            let _ = office.rest.send(Rest { each, plain });
        }
    }
    let ended = |(end, cycle): &(Instant, Cycle)| (end.saturating_duration_since(start), cycle.clone());
    let cycles = seen().iter().map(ended).collect();
    Ok(Churned {
        took: lap.wall,
        cpu: lap.cpu,
        operations: 0,
        live_bytes: before.memory.heap_alloc.get(),
        live_objects: before.memory.heap_objects,
        allocated: after.memory.total_alloc.get() - before.memory.total_alloc.get(),
        felt: Latencies::new()?,
        idle: Idle::none()?,
        gaps: Vec::new(),
        cycles,
        work,
        rss,
        peak_rss,
    })
}

/// Adds what the threads found.
fn merge(mut churned: Churned, found: Vec<Found>, observer: Observer) -> Result<Churned, LabError> {
    for one in found {
        churned.operations += one.operations;
        churned.idle.add(&one.idle)?;
        let is_mutator = one.gaps.is_some();
        if is_mutator == (observer == Observer::OwnOps) {
            churned.felt.add(&one.felt)?;
        }
        churned.gaps.extend(one.gaps);
    }
    Ok(churned)
}

#[cfg(test)]
mod tests;
