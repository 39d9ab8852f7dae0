//! Observers with a thread of their own: one that looks at the clock, one that serves.
//!
//! Both are mutators of the heap, so they are asked and held up like any other. Both end when they are told to.

use super::part::Part;
use crate::measure::latency::Latencies;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tricolor::Mutator;

/// How often the worst gap is noted.
const TICK: Duration = Duration::from_micros(100);
/// Time between two requests: 2000 a second.
const BETWEEN: Duration = Duration::from_micros(500);

/// The worst gap of every tick. A gap over several ticks counts once for each, shortened by one tick every time: so
/// many of those who come at random would have waited so long.
pub(super) struct Ticks {
    last: Instant,
    tick_ends: Instant,
    worst: Duration,
}

impl Ticks {
    pub(super) fn new(start: Instant) -> Self {
        Self { last: start, tick_ends: start + TICK, worst: Duration::ZERO }
    }

    /// The clock was read.
    pub(super) fn read(&mut self, now: Instant, felt: &mut Latencies) {
        let gap = now - self.last;
        self.last = now;
        self.worst = self.worst.max(gap);
        let mut rest = gap;
        while now >= self.tick_ends {
            felt.record(self.worst);
            self.tick_ends += TICK;
            rest = rest.saturating_sub(TICK);
            self.worst = rest;
        }
    }
}

/// Reads the clock in a loop, with a safepoint before each reading.
pub(super) fn spin(mutator: &mut Mutator, start: Instant, stop: &AtomicBool, felt: &mut Latencies) {
    let mut ticks = Ticks::new(start.max(Instant::now()));
    while !stop.load(Ordering::Relaxed) {
        mutator.safepoint();
        ticks.read(Instant::now(), felt);
    }
}

/// Serves an open stream of requests: one is due every [`BETWEEN`], whether or not the one before is done.
pub(super) fn requests(
    mutator: &mut Mutator,
    part: &mut Part,
    start: Instant,
    stop: &AtomicBool,
    felt: &mut Latencies,
) {
    let mut due = start;
    while !stop.load(Ordering::Relaxed) {
        due += BETWEEN;
        // Sleeping in the kernel, as a server does that waits for its clients.
        if let Some(early) = due.checked_duration_since(Instant::now()) {
            mutator.park(|| thread::sleep(early));
        }
        part.serve(mutator);
        felt.record(due.elapsed());
    }
}
