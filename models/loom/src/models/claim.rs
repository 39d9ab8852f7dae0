//! The sweep claim: exactly one winner in a generation, who sees what the last owner did, and whose sweep the next
//! owner sees.

use super::{Bound, explore, fails_without};
use crate::fault::step::Step;
use crate::span::claim::{FIRST_GENERATION, is_swept, rest, try_claim, try_take};
use crate::span::{Span, SpanId};
use loom::cell::UnsafeCell;
use loom::thread;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

const RACE: &str = "Causality violation";

/// A span and its slots, which belong to whoever has the span.
struct Swept {
    span: Span,
    /// How often they were written.
    slots: UnsafeCell<u32>,
    /// Claims won. Not loom's: it is no part of the protocol.
    won: AtomicU32,
}

// SAFETY: the slots are touched only through loom's cell, which reports two threads in it at once.
unsafe impl Sync for Swept {}

impl Swept {
    fn new() -> Arc<Self> {
        Arc::new(Self { span: Span::free(), slots: UnsafeCell::new(0), won: AtomicU32::new(0) })
    }

    fn write(&self) -> u32 {
        self.slots.with_mut(|slots| {
            // SAFETY: loom's cell has checked that nobody else is in it.
            unsafe { *slots += 1 };
            // SAFETY: as above.
            unsafe { *slots }
        })
    }

    fn read(&self) -> u32 {
        // SAFETY: loom's cell has checked that nobody writes meanwhile.
        self.slots.with(|slots| unsafe { *slots })
    }

    /// Sweeps if nobody else does. Says whether the span is known to be swept.
    fn sweep(&self, generation: u64) -> bool {
        match try_claim(&self.span, SpanId(7), generation) {
            Some(claim) => {
                self.won.fetch_add(1, Relaxed);
                self.write();
                assert_eq!(claim.settle(), SpanId(7));
                true
            }
            None => is_swept(&self.span, generation),
        }
    }
}

const ONE_GENERATION: &[(Step, &str)] = &[
    (Step::ClaimedInTwoSteps, RACE),
    (Step::ClaimedRelaxed, RACE),
    (Step::SettledRelaxed, RACE),
    (Step::SweptReadRelaxed, RACE),
];

/// Exhausted for 3 threads: an owner that writes and gives the span away, two sweepers of the same generation, who read
/// the slots if they find the span swept. Under a second.
#[test]
fn one_sweeper_wins_and_everybody_sees_the_sweep() {
    explore(Bound::None, ONE_GENERATION, || {
        let generation = FIRST_GENERATION + 2;
        let swept = Swept::new();
        let sweepers: Vec<_> = (0..2)
            .map(|_| {
                let swept = Arc::clone(&swept);
                thread::spawn(move || {
                    if swept.sweep(generation) {
                        assert_eq!(swept.read(), 2, "the owner's write and the sweep");
                    }
                })
            })
            .collect();
        swept.write();
        swept.span.make(FIRST_GENERATION);
        for sweeper in sweepers {
            sweeper.join().expect("a sweeper does not panic");
        }
        swept.sweep(generation);
        assert_eq!(swept.won.load(Relaxed), 1, "one winner");
        assert_eq!(swept.read(), 2, "swept once");
    });
}

const TWO_GENERATIONS: &[(Step, &str)] = &[(Step::ClaimedRelaxed, RACE), (Step::SettledRelaxed, RACE)];

/// Exhausted for 3 threads (the collector and two sweepers) and 2 generations: each is won once, and the winner of the
/// second sees the sweep of the first. Under a second.
#[test]
fn each_generation_is_won_once() {
    explore(Bound::None, TWO_GENERATIONS, || {
        let (first, second) = (FIRST_GENERATION + 2, FIRST_GENERATION + 4);
        let swept = Swept::new();
        swept.span.make(FIRST_GENERATION);
        let sweepers: Vec<_> = (0..2)
            .map(|_| {
                let swept = Arc::clone(&swept);
                thread::spawn(move || {
                    swept.sweep(first);
                    // As if the generation had moved on: it fails unless the first one is settled.
                    swept.sweep(second);
                })
            })
            .collect();
        for sweeper in sweepers {
            sweeper.join().expect("a sweeper does not panic");
        }
        swept.sweep(second);
        assert_eq!(swept.won.load(Relaxed), 2, "one winner in each generation");
        assert_eq!(swept.read(), 2, "swept twice");
    });
}

const LATE: &[(Step, &str)] = &[
    (Step::TakenUnclaimed, RACE),
    (Step::RestedRelaxed, RACE),
    (Step::ClaimedInTwoSteps, RACE),
    (Step::ClaimedRelaxed, RACE),
];

/// Exhausted for 3 threads: an owner that lets the span rest, a late mutator that takes it if it can, writes and gives it back
/// with the generation that it knows, and a sweeper of the next generation. Under a second.
#[test]
fn a_late_mutator_takes_or_a_sweeper_claims() {
    explore(Bound::None, LATE, || {
        let (known, next) = (FIRST_GENERATION, FIRST_GENERATION + 2);
        let swept = Swept::new();
        let late = {
            let swept = Arc::clone(&swept);
            thread::spawn(move || {
                let is_taken = try_take(&swept.span, known);
                if is_taken {
                    swept.write();
                    rest(&swept.span, known);
                }
                u32::from(is_taken)
            })
        };
        let sweeper = {
            let swept = Arc::clone(&swept);
            thread::spawn(move || {
                swept.sweep(next);
            })
        };
        swept.write();
        rest(&swept.span, known);
        let taken = late.join().expect("the mutator does not panic");
        sweeper.join().expect("the sweeper does not panic");
        assert!(swept.sweep(next), "what a late mutator gives back is unswept or swept");
        assert_eq!(swept.won.load(Relaxed), 1, "one winner");
        assert_eq!(swept.read(), 2 + taken, "the owner's write, the late mutator's and the sweep");
        assert!(!try_take(&swept.span, known), "nobody late takes what is swept");
    });
}

#[test]
fn the_models_fail_without_a_step() {
    fails_without("models::claim::a_late_mutator_takes_or_a_sweeper_claims", LATE);
    fails_without("models::claim::one_sweeper_wins_and_everybody_sees_the_sweep", ONE_GENERATION);
    fails_without("models::claim::each_generation_is_won_once", TWO_GENERATIONS);
}
