//! Sampling: which allocations somebody wants to know of.
//!
//! Bytes are sampled at random: each byte that is allocated is a sampled one with the same small probability, one in *mean*
//! bytes, and an object is sampled if one of its bytes is (a Poisson process over bytes; Go's profiles do the same). So an object
//! of `size` bytes is sampled with probability
//!
//! ```text
//!   p = 1 - exp(-size / mean)
//! ```
//!
//! and stands for `1 / p` objects ([`weight`]): what is added up so is right on average, and its variance is known, `(1 - p) / p`
//! for each object.
//!
//! The process forgets: how far it is to the next sampled byte does not depend on what was allocated before. So each layout of each
//! mutator may have a process of its own, which are one process together; a gap may be thrown away and drawn again at any
//! time that does not depend on it; and what is drawn is not bytes but whole objects to pass over ([`Dice::pass_over`]).
//! [`crate::cache`] shortens a run to that many slots, so that the allocation of the sampled one meets the slow path.
#![forbid(unsafe_code)]

use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use crate::units::Bytes;

/// How often objects of a heap are sampled. Written by whoever changes it, read when runs are handed out; a mutator that has a run
/// hears of a change with its next one.
#[derive(Debug, Default)]
pub struct Sampling {
    /// Bytes from one sampled byte to the next, on average; 0 for none, 1 for every object. And [`HAS_SAMPLED`], in the same word:
    /// who has seen a mean sees that, too.
    mean: AtomicUsize,
    /// What the next dice begins with.
    seed: AtomicU64,
}

/// In [`Sampling::mean`]: it was above 0 at some time. A mean has no use for this bit, with which it would be more than there is memory.
const HAS_SAMPLED: usize = 1 << (usize::BITS - 1);

impl Sampling {
    /// Bytes from one sampled byte to the next, on average: 0 for none at all, 1 for every object.
    #[inline]
    #[must_use]
    pub fn mean(&self) -> Bytes {
        Bytes::new(self.mean.load(Relaxed) & !HAS_SAMPLED)
    }

    /// Whether an object may have been sampled, now or before the mean became 0.
    #[inline]
    #[must_use]
    pub fn has_sampled(&self) -> bool {
        self.mean.load(Relaxed) & HAS_SAMPLED != 0
    }

    /// Changes the mean. One of more than half the address space is that half.
    pub fn set_mean(&self, mean: Bytes) {
        match mean.get().min(!HAS_SAMPLED) {
            0 => _ = self.mean.fetch_and(HAS_SAMPLED, Relaxed),
            mean => self.mean.store(mean | HAS_SAMPLED, Relaxed),
        }
    }

    /// Dice that no other has. A heap gives out the same ones in the same order every time.
    #[must_use]
    pub fn dice(&self) -> Dice {
        Dice(mixed(self.seed.fetch_add(STEP, Relaxed)))
    }
}

/// 2^64 over the golden ratio: successive multiples are far from each other.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// The finalizer of SplitMix64 (Steele, Lea and Flood, 2014).
fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// A source of random numbers: SplitMix64. Not for secrets.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The dice of somebody who gets some when he first needs them.
    pub fn of<'a>(dice: &'a mut Option<Self>, sampling: &Sampling) -> &'a mut Self {
        dice.get_or_insert_with(|| sampling.dice())
    }

    /// A number above 0 and up to 1.
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(STEP);
        ((mixed(self.0) >> 11) + 1) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// How many objects of `size` come before the next that is sampled.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "a cast of a float saturates")]
    pub fn pass_over(&mut self, mean: Bytes, size: Bytes) -> u64 {
        if mean.get() <= 1 {
            return 0;
        }
        let gap = -self.unit().ln() * mean.get() as f64;
        (gap / size.get() as f64) as u64
    }

    /// Whether one object of `size` is sampled.
    #[must_use]
    pub fn hits(&mut self, mean: Bytes, size: Bytes) -> bool {
        mean > Bytes::ZERO && self.pass_over(mean, size) == 0
    }
}

/// How many objects a sampled one stands for: see the module's text.
///
/// ```
/// use heap_core::{sample::weight, units::Bytes};
/// assert_eq!(weight(Bytes::new(1), Bytes::new(48)), 1.0);
/// let rare = weight(Bytes::kib(512), Bytes::new(64));
/// assert!((rare - 8192.5).abs() < 0.1, "{rare}");
/// ```
#[must_use]
pub fn weight(mean: Bytes, size: Bytes) -> f64 {
    if mean.get() <= 1 {
        return 1.0;
    }
    // 1 - e^-x, exact for small x.
    let hit = -(-(size.get() as f64) / mean.get() as f64).exp_m1();
    1.0 / hit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_hit_as_often_as_their_size_says_and_weights_make_up_for_it() {
        const OBJECTS: u64 = 1_000_000;
        let sampling = Sampling::default();
        for (mean, size) in [(512, 16), (4096, 48), (1000, 5000), (512 << 10, 1 << 20), (1, 8), (2, 8)] {
            let (mean, size) = (Bytes::new(mean), Bytes::new(size));
            let mut dice = sampling.dice();
            let (mut hits, mut at) = (0_u64, 0_u64);
            loop {
                at = at.saturating_add(dice.pass_over(mean, size));
                if at >= OBJECTS {
                    break;
                }
                (hits, at) = (hits + 1, at + 1);
            }
            let weight = weight(mean, size);
            let p = 1.0 / weight;
            // Five standard deviations of the sum of so many independent draws.
            let bound = 5.0 * (OBJECTS as f64 * (1.0 - p) / p).sqrt();
            let guessed = hits as f64 * weight;
            assert!(
                (guessed - OBJECTS as f64).abs() <= bound + 0.5,
                "{mean} and {size}: {guessed} of {OBJECTS}, bound {bound}"
            );
        }
    }

    #[test]
    fn that_something_was_sampled_is_not_forgotten() {
        let sampling = Sampling::default();
        sampling.set_mean(Bytes::ZERO);
        assert!(!sampling.has_sampled());
        for (mean, told) in [(512, 512), (0, 0), (usize::MAX, usize::MAX / 2), (0, 0)] {
            sampling.set_mean(Bytes::new(mean));
            assert_eq!((sampling.mean(), sampling.has_sampled()), (Bytes::new(told), true));
        }
    }

    #[test]
    fn nothing_is_hit_when_sampling_is_off_and_everything_at_one_byte() {
        let mut dice = Sampling::default().dice();
        for size in [1, 16, 1 << 20] {
            assert!(!dice.hits(Bytes::ZERO, Bytes::new(size)));
            assert!(dice.hits(Bytes::new(1), Bytes::new(size)));
        }
    }

    #[test]
    fn dice_of_one_heap_differ_and_those_of_two_heaps_do_not() {
        let draws = |dice: &mut Dice| -> Vec<u64> {
            (0..8).map(|_| dice.pass_over(Bytes::mib(1), Bytes::new(8))).collect()
        };
        let (one, other) = (Sampling::default(), Sampling::default());
        let first = draws(&mut one.dice());
        assert_eq!(first, draws(&mut other.dice()));
        assert_ne!(first, draws(&mut one.dice()));
    }
}
