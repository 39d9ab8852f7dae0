//! The limiter: when collecting costs too much, memory is given up instead.
//!
//! A bucket. Collecting fills it, mutators drain it:
//!
//! ```text
//!   fill    += gc - 3/4 * mutators        ¹ processor time of a window; never below 0, nor above 10 capacities
//!   mutators = wall * processors - idle - gc
//!   capacity = 1 s * processors
//!   on  when fill >= capacity;  off again when fill <= 15/16 * capacity     ²
//!   rest     = (fill - 15/16 * capacity) / (3/4 * processors)                how long until off, if nobody collects
//! ```
//!
//! While it is on, mutators do not assist and no cycle begins for the goal: a limit below what lives is passed, the program goes on. Cycles
//! that were asked for, or without which memory is refused, begin. A collector that marks with a part of a processor rests; one that has whole
//! threads goes on.
//!
//! L1  In any window of time `t`, `gc <= (4 * capacity + 3 * t * processors) / 7`, as long as no more than 3/7 of the processors collect while
//!     it is on: fill at its end is at most the capacity. With `t` = 8 s that is one half, and less of anything longer.
//!
//! ¹ Go's bucket drains at the full rate of the mutators, so that its bound is one half in the long run and more in every
//! window. It also forgets what does not fit; here up to ten capacities are remembered and rested for, because a collection
//! that stops the world spends them in one go. ² Go switches off at once when the bucket is not full any more; a
//! sixteenth of distance makes a collector that must wait, wait 83 ms at once and not at every tick. With one half it waited 667 ms, in which two mutators
//! made 1.4 GB of a heap of 64 MiB.
//!
//! Called with a window whenever somebody looks at a clock anyway: at the ends of cycles and every few milliseconds while
//! marking. Windows must not overlap.

#![forbid(unsafe_code)]

use core::time::Duration;

/// A second of each processor: more lets a rush of collections last longer, less makes one large collection look like one.
const CAPACITY: Duration = Duration::from_secs(1);
/// Capacities that are remembered.
const MOST: u128 = 10;
/// What a nanosecond of collecting adds to the fill.
const GC_WEIGHT: u128 = 4;
/// What one of mutators takes from it.
const MUTATOR_WEIGHT: u128 = 3;
/// How full it still is when it is off again, in sixteenths of a capacity.
const OFF_AT: u128 = 15;

/// A stretch of time and who had the processors.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Window {
    /// How long it was.
    pub wall: Duration,
    /// Processor time of collecting: background marking, assists, and all processors while the world is stopped.
    pub gc_cpu: Duration,
    /// Processor time that nobody wanted. Zero when not known: the limiter then believes that mutators had it, and
    /// switches on later.
    pub idle_cpu: Duration,
}

/// Whether collecting is limited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Limiting {
    /// It is not.
    Off,
    /// No assists, and no cycle begins.
    On {
        /// Until then, if nobody collects meanwhile.
        rest: Duration,
    },
}

/// Limits the processor time of collecting to one half.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct CpuLimiter {
    processors: u128,
    /// In quarters of a nanosecond, of all processors together.
    fill: u128,
    on: bool,
}

impl CpuLimiter {
    /// An empty bucket.
    #[must_use]
    pub(crate) fn new(processors: usize) -> Self {
        Self { processors: processors.max(1) as u128, fill: 0, on: false }
    }

    /// Accounts for a window, and says what holds from now.
    pub(crate) fn spend(&mut self, window: Window) -> Limiting {
        let all = window.wall.as_nanos().saturating_mul(self.processors);
        let gc = window.gc_cpu.as_nanos();
        let mutators = all.saturating_sub(window.idle_cpu.as_nanos()).saturating_sub(gc);
        let filled = self.fill.saturating_add(gc.saturating_mul(GC_WEIGHT));
        let drained = filled.saturating_sub(mutators.saturating_mul(MUTATOR_WEIGHT));
        self.fill = drained.min(self.capacity() * MOST); // ¹
        self.on = if self.on { self.fill > self.off_at() } else { self.fill >= self.capacity() }; // ²
        self.limiting()
    }

    /// What holds now.
    #[must_use]
    pub(crate) fn limiting(&self) -> Limiting {
        if !self.on {
            return Limiting::Off;
        }
        let over = self.fill.saturating_sub(self.off_at());
        let nanos = over.div_ceil(MUTATOR_WEIGHT * self.processors);
        Limiting::On { rest: Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)) }
    }

    fn off_at(&self) -> u128 {
        self.capacity() / 16 * OFF_AT
    }

    fn capacity(&self) -> u128 {
        CAPACITY.as_nanos() * self.processors * GC_WEIGHT
    }
}
