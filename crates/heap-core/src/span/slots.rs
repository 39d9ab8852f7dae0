//! Alloc bits: which slots of a span are taken, and the search for the next run of free ones.
//!
//! Bit `i` is one if slot `i` was live at the last sweep, or has been handed out since as part of a run. A run is
//! taken whole: its bits are set when a mutator gets it, and those of the slots it did not use are cleared when it
//! gives the run back.
//!
//! The words are atomics because the marker looks an ambiguous word up here while the owner works. Only the span's
//! owner writes. A marker that sees a slot of a run as taken also sees the marks that the run was given before: taking
//! releases, and [`is_taken`] acquires.

use crate::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use crate::units::narrow;

/// Free slots next to each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Run {
    /// The first.
    pub start: u32,
    /// How many; at least one.
    pub len: u32,
}

/// The first run of free slots at or after `from`, below `slots`, of at most `most` slots.
#[inline]
#[must_use]
pub fn next_run(bits: &[AtomicU64], slots: u32, from: u32, most: u32) -> Option<Run> {
    let start = next_with(bits, slots, from, |word| !word)?;
    let end = next_with(bits, slots.min(start.saturating_add(most)), start, |word| word);
    let end = end.unwrap_or(slots.min(start.saturating_add(most)));
    Some(Run { start, len: end - start })
}

/// The first slot at or after `from`, below `limit`, whose bit is one after `seen` has looked at its word.
#[inline]
fn next_with(bits: &[AtomicU64], limit: u32, from: u32, seen: impl Fn(u64) -> u64) -> Option<u32> {
    if from >= limit {
        return None;
    }
    let mut word = (from / 64) as usize;
    let mut here = seen(bits[word].load(Relaxed)) & (u64::MAX << (from % 64));
    loop {
        if here != 0 {
            let slot = narrow(word) * 64 + here.trailing_zeros();
            return (slot < limit).then_some(slot);
        }
        word += 1;
        if word >= bits.len() || word * 64 >= limit as usize {
            return None;
        }
        here = seen(bits[word].load(Relaxed));
    }
}

/// Takes the slots of a run. Owner only.
#[inline]
pub fn take(bits: &[AtomicU64], run: Run) {
    each_word(run, |word, mask| bits[word].store(bits[word].load(Relaxed) | mask, Release));
}

/// Gives the slots of a run back. Owner only.
#[inline]
pub fn give_back(bits: &[AtomicU64], run: Run) {
    each_word(run, |word, mask| bits[word].store(bits[word].load(Relaxed) & !mask, Relaxed));
}

/// Calls `f` with every word a run lies in and the mask of its slots there.
#[inline]
fn each_word(run: Run, mut f: impl FnMut(usize, u64)) {
    let (mut at, end) = (run.start, run.start + run.len);
    while at < end {
        let upto = end.min((at / 64 + 1) * 64);
        let mask = (u64::MAX >> (64 - (upto - at))) << (at % 64);
        f((at / 64) as usize, mask);
        at = upto;
    }
}

/// Whether a slot is taken.
#[inline]
#[must_use]
pub fn is_taken(bits: &[AtomicU64], slot: u32) -> bool {
    bits.get((slot / 64) as usize).is_some_and(|word| word.load(Acquire) >> (slot % 64) & 1 == 1)
}

/// How many slots are taken.
#[must_use]
pub fn count(bits: &[AtomicU64]) -> u32 {
    bits.iter().map(|word| word.load(Relaxed).count_ones()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(words: &[u64]) -> Vec<AtomicU64> {
        words.iter().map(|&word| AtomicU64::new(word)).collect()
    }

    #[test]
    fn runs_are_found_across_words_and_end_at_the_limit() {
        let all_free = bits(&[0, 0]);
        assert_eq!(next_run(&all_free, 100, 0, 1024), Some(Run { start: 0, len: 100 }));
        assert_eq!(next_run(&all_free, 100, 60, 10), Some(Run { start: 60, len: 10 }));
        assert_eq!(next_run(&all_free, 100, 100, 10), None);
        let full = bits(&[u64::MAX, u64::MAX]);
        assert_eq!(next_run(&full, 128, 0, 1024), None);
        let holes = bits(&[!(1 << 63), !1]);
        assert_eq!(next_run(&holes, 128, 0, 1024), Some(Run { start: 63, len: 2 }));
        assert_eq!(next_run(&holes, 64, 0, 1024), Some(Run { start: 63, len: 1 }));
    }

    #[test]
    fn taking_and_giving_back_every_run_of_a_small_span_is_exact() {
        for start in 0..130 {
            for len in 1..=130 - start {
                let b = bits(&[0, 0, 0]);
                let run = Run { start, len };
                take(&b, run);
                assert_eq!(count(&b), len);
                for slot in 0..192 {
                    assert_eq!(is_taken(&b, slot), (start..start + len).contains(&slot));
                }
                assert_eq!(next_run(&b, 192, start, 1024).map(|r| r.start), Some(start + len));
                give_back(&b, run);
                assert_eq!(count(&b), 0);
            }
        }
    }
}
