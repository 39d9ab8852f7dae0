//! The floor: pieces of work in which the collector has no part, measured as its own pieces are.
//!
//! ```text
//!   mutator 0   ─op─op─[arithmetic]─op─op─ … ─▌ arithmetic ▌ memory ▌     each as long as the collector's
//!   mutator 1   ─op─[arithmetic]─op─op─ … ────▌ arithmetic ▌ memory ▌     work on one mutator
//!                     churn                     afterwards, both at once
//! ```
//! What such a piece takes longer than usual is the machine's. Arithmetic stays in registers, so it shows the timer, other
//! threads and a host that runs somebody else. Marking touches memory, and a virtual machine whose host looks for a page, moves it
//! or takes it back stands still at the touch. That is what pieces show that change random words of plain memory.
//!
//! Called by a mutator of [`churn`](super::churn). Does not touch a heap.

use crate::error::LabError;
use crate::measure::latency::Latencies;
use crate::measure::time::thread_cpu;
use crate::shapes::Random;
use std::hint::black_box;
use std::time::{Duration, Instant};
use tricolor::PauseFigures;

/// How much work that is not the collector's shows what the machine adds to any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Floor {
    /// Arithmetic between operations.
    Beside,
    /// When the churn has ended, more of it and then as much in memory, until each has taken as much processor time as the
    /// collector's work on mutators: the worst of few is no measure for the worst of many.
    AsLong,
}

/// Steps of a piece of arithmetic: about as long as most of the collector's pieces.
const STEPS: u64 = 2000;
/// Random words of a piece in memory: as long, where a miss takes 50 ns beside others.
const PLACES: usize = 64;
/// The most plain memory: what is in no heap has to be touched first, and that takes seconds.
const MOST_PLAIN: u64 = 4 << 30;

/// Bytes of plain memory that all mutators have together, beside a heap that takes `resident` bytes, where the system has `available` ones: as
/// much as the heap, for more memory stands still more often, but no more than half of what there is.
pub(super) fn plain_bytes(resident: u64, available: u64) -> u64 {
    resident.min(available / 2).min(MOST_PLAIN)
}

/// Pieces of one kind.
#[derive(Clone, Debug)]
pub(crate) struct Pieces {
    /// Processor time of each.
    pub(crate) times: Latencies,
    /// Of all together.
    pub(crate) total: Duration,
    /// The most of one whose thread kept its processor.
    pub(crate) max_unbroken: Duration,
    /// How many took longer than [`PauseFigures::LONG`].
    pub(crate) long: u64,
}

impl Pieces {
    fn none() -> Result<Self, LabError> {
        Ok(Self { times: Latencies::new()?, total: Duration::ZERO, max_unbroken: Duration::ZERO, long: 0 })
    }

    /// Does one, and notes how long that took: by the clocks that the collector's pieces are measured with, on the same thread.
    fn measure(&mut self, piece: impl FnOnce()) {
        let (wall, begun) = (Instant::now(), thread_cpu());
        piece();
        let (wall, cpu) = (wall.elapsed(), thread_cpu().saturating_sub(begun));
        let cpu = PauseFigures::used(wall, cpu);
        self.times.record(cpu);
        self.total += cpu;
        self.long += u64::from(cpu > PauseFigures::LONG);
        if PauseFigures::is_unbroken(wall, cpu) {
            self.max_unbroken = self.max_unbroken.max(cpu);
        }
    }

    fn add(&mut self, other: &Self) -> Result<(), LabError> {
        self.total += other.total;
        self.long += other.long;
        self.max_unbroken = self.max_unbroken.max(other.max_unbroken);
        self.times.add(&other.times)
    }
}

/// What the machine adds to work that is not the collector's.
#[derive(Clone, Debug)]
pub(crate) struct Idle {
    /// To arithmetic.
    pub(crate) arithmetic: Pieces,
    /// To work in plain memory.
    pub(crate) memory: Pieces,
    /// Bytes of that memory.
    pub(crate) plain: u64,
}

impl Idle {
    /// Nothing measured yet.
    ///
    /// # Errors
    /// When a histogram cannot be made.
    pub(super) fn none() -> Result<Self, LabError> {
        Ok(Self { arithmetic: Pieces::none()?, memory: Pieces::none()?, plain: 0 })
    }

    /// One piece of arithmetic.
    pub(super) fn calculate(&mut self) {
        self.arithmetic.measure(|| {
            black_box((0..STEPS).fold(0_u64, |sum, step| black_box(sum.rotate_left(7) ^ step)));
        });
    }

    /// As many pieces of each kind as take `each` of processor time, the memory being of `bytes`.
    pub(super) fn go_on(&mut self, each: Duration, bytes: u64, seed: u64) {
        while self.arithmetic.total < each {
            self.calculate();
        }
        if self.memory.total >= each {
            return;
        }
        self.plain = bytes;
        let mut plain = Plain::new(bytes, seed);
        while self.memory.total < each {
            self.memory.measure(|| plain.change());
        }
    }

    /// Adds what another thread measured.
    ///
    /// # Errors
    /// When the histograms do not fit together.
    pub(super) fn add(&mut self, other: &Self) -> Result<(), LabError> {
        self.plain += other.plain;
        self.arithmetic.add(&other.arithmetic)?;
        self.memory.add(&other.memory)
    }
}

/// Memory of no heap, which is there: each page has been touched.
struct Plain {
    words: Vec<u64>,
    random: Random,
}

impl Plain {
    fn new(bytes: u64, seed: u64) -> Self {
        let words = usize::try_from(bytes / 8).unwrap_or(usize::MAX).max(1);
        Self { words: (0..words as u64).collect(), random: Random::new(seed) }
    }

    /// Changes some random words.
    fn change(&mut self) {
        for _ in 0..PLACES {
            let place = self.random.below(self.words.len());
            self.words[place] = self.words[place].rotate_left(1);
        }
        black_box(&mut self.words);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::time::nanos;

    #[test]
    fn plain_memory_is_as_much_as_the_heap_takes_if_there_is_so_much() {
        const GIB: u64 = 1 << 30;
        assert_eq!(plain_bytes(GIB, 16 * GIB), GIB);
        assert_eq!(plain_bytes(12 * GIB, 16 * GIB), MOST_PLAIN);
        assert_eq!(plain_bytes(3 * GIB, 2 * GIB), GIB, "the heap is there as well");
    }

    #[test]
    fn each_kind_takes_as_long_as_was_asked_for() {
        let mut idle = Idle::none().expect("bounds");
        let each = Duration::from_millis(2);
        idle.go_on(each, 1 << 20, 1);
        for pieces in [&idle.arithmetic, &idle.memory] {
            assert!(pieces.total >= each && pieces.times.count() > 1, "{pieces:?}");
            let (most, count) = (pieces.times.max(), pieces.times.count() as f64);
            assert!(nanos(pieces.max_unbroken) <= most && nanos(pieces.total) <= most * count, "{pieces:?}");
        }
    }

    #[test]
    fn nothing_is_measured_where_nothing_was_asked_for() {
        let mut idle = Idle::none().expect("bounds");
        idle.go_on(Duration::ZERO, 1 << 40, 1);
        assert_eq!((idle.arithmetic.times.count(), idle.memory.times.count()), (0, 0));
    }

    #[test]
    fn a_piece_in_memory_changes_other_words_each_time() {
        let mut plain = Plain::new(1 << 16, 1);
        let before = plain.words.clone();
        let changed = |plain: &Plain, before: &[u64]| {
            plain.words.iter().zip(before).filter(|(now, then)| now != then).count()
        };
        plain.change();
        let first = changed(&plain, &before);
        assert!((PLACES / 2..=PLACES).contains(&first), "{first}");
        plain.change();
        assert!(changed(&plain, &before) > first);
    }
}
