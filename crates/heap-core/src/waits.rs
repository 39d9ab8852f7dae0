//! Waits: how long allocations were kept, as counts by powers of two.
//!
//! ```text
//!   bucket   0      1        2        3        …  i                   …  24
//!   wait     0 ns   < 1 µs   < 2 µs   < 4 µs      < 2^(i-1) µs           longer
//! ```
//!
//! A wait is rare and on a cold path, so two clocks may be read for it; counting is four relaxed additions. The buckets are
//! wide: what they are for is to see whether a bound holds, and the longest is kept exactly.
//!
//! Written by whoever has waited, read by anybody; a wait that ends meanwhile may be in one count and not yet in another.

use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};
use core::time::Duration;

/// Buckets. The last but one ends at 2^23 µs, some 8 s.
const BUCKETS: usize = 25;

/// Waits of one kind. See the module's text.
#[derive(Debug)]
pub struct Waits {
    total: AtomicU64,
    max: AtomicU64,
    max_cpu: AtomicU64,
    buckets: [AtomicU64; BUCKETS],
}

/// What was waited.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct WaitFigures {
    /// How many waits.
    pub count: u64,
    /// All together, by the clock.
    pub total: Duration,
    /// The longest, by the clock.
    pub max: Duration,
    /// The most processor time that one took on the thread that waited: less than `max` where the thread had to wait for a
    /// processor, or for another thread.
    pub max_cpu: Duration,
    /// Waits by length: of nothing; below 1 µs; below 2 µs; and so on, doubling; the last are longer than some 8 s.
    pub buckets: [u64; BUCKETS],
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn bucket(nanos: u64) -> usize {
    let bits = u64::BITS - (nanos / 1000).leading_zeros();
    if nanos == 0 { 0 } else { (bits as usize + 1).min(BUCKETS - 1) }
}

impl Waits {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            total: AtomicU64::new(0),
            max: AtomicU64::new(0),
            max_cpu: AtomicU64::new(0),
            buckets: core::array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    /// Counts a wait, of which the thread worked for `cpu`.
    pub fn add(&self, wall: Duration, cpu: Duration) {
        self.buckets[bucket(nanos(wall))].fetch_add(1, Relaxed);
        self.total.fetch_add(nanos(wall), Relaxed);
        self.max.fetch_max(nanos(wall), Relaxed);
        self.max_cpu.fetch_max(nanos(cpu), Relaxed);
    }

    /// What was waited so far.
    #[must_use]
    pub fn figures(&self) -> WaitFigures {
        let buckets = core::array::from_fn(|at| self.buckets[at].load(Relaxed));
        let time = |word: &AtomicU64| Duration::from_nanos(word.load(Relaxed));
        WaitFigures {
            count: buckets.iter().sum(),
            total: time(&self.total),
            max: time(&self.max),
            max_cpu: time(&self.max_cpu),
            buckets,
        }
    }
}

impl Default for Waits {
    fn default() -> Self {
        Self::new()
    }
}

impl WaitFigures {
    /// The end of a bucket; `None` for the last, which has none.
    #[must_use]
    pub fn end_of(bucket: usize) -> Option<Duration> {
        match bucket {
            0 => Some(Duration::ZERO),
            _ if bucket < BUCKETS - 1 => Some(Duration::from_micros(1 << (bucket - 1))),
            _ => None,
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
