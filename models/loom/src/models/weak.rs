//! The word of weak places: what a load finds is not freed and is scanned, and what lives is found.

use super::{Bound, explore, fails_without};
use crate::fault::step::Step;
use crate::verdict::Verdict;
use loom::sync::atomic::{
    AtomicBool, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};
use loom::thread;
use std::sync::Arc;

const FREED: &str = "an object was found, and freed";
const UNSCANNED: &str = "an object was found, and what it leads to is not marked";
const MISSED: &str = "an object that lives was not found";

/// One object, which a weak place leads to; and the rounds *dry*, as far as they concern it.
struct Ending {
    verdict: Verdict,
    mark: AtomicBool,
    /// The object is in the queue: it has to be scanned. Its mutator's answer comes after.
    queued: AtomicUsize,
    /// The rounds that each mutator has answered.
    answered: [AtomicUsize; 2],
}

impl Ending {
    fn new() -> Arc<Self> {
        let verdict = Verdict::default();
        verdict.open();
        Arc::new(Self {
            verdict,
            mark: AtomicBool::new(false),
            queued: AtomicUsize::new(0),
            answered: Default::default(),
        })
    }

    fn answer(&self, mutator: usize, round: usize) {
        self.answered[mutator].store(round, Release);
    }

    fn wait_for(&self, mutator: usize, round: usize) {
        while self.answered[mutator].load(Acquire) < round {
            thread::yield_now();
        }
    }

    /// A weak load, of a mutator whose barrier is on. Says whether it finds the object, and whether it shades it.
    fn load(&self) -> (bool, bool) {
        let mut shades = false;
        let found = self.mark.load(Relaxed)
            || self.verdict.finds(
                || self.mark.load(Relaxed),
                || {
                    self.mark.store(true, Relaxed);
                    shades = true;
                },
            );
        (found, shades)
    }
}

/// A mutator loads between its answers to two rounds, and hands over what it has shaded in the second.
fn found_late() {
    let ending = Ending::new();
    let mutator = {
        let ending = Arc::clone(&ending);
        thread::spawn(move || {
            ending.answer(0, 1);
            let (found, shades) = ending.load();
            ending.queued.fetch_add(usize::from(shades), Relaxed);
            ending.answer(0, 2);
            (found, shades)
        })
    };
    ending.wait_for(0, 1);
    // Dry: nothing was shaded before the answer.
    let (mut is_dead, mut scanned) = (false, 0);
    if ending.verdict.decide() {
        is_dead = !ending.mark.load(Relaxed);
    } else {
        ending.verdict.open();
        ending.wait_for(0, 2);
        scanned = ending.queued.swap(0, Relaxed);
        assert!(ending.verdict.decide(), "nobody has loaded since");
    }
    let (found, shades) = mutator.join().expect("a load does not panic");
    assert!(!(found && is_dead), "{FREED}");
    assert!(!shades || scanned == 1, "{UNSCANNED}");
}

const FOUND_LATE: &[(Step, &str)] = &[(Step::WeakUntold, UNSCANNED), (Step::DecidedInTwoSteps, UNSCANNED)];

/// Exhausted.
#[test]
fn what_is_found_is_kept() {
    explore(Bound::None, FOUND_LATE, found_late);
}

#[test]
fn what_is_found_is_kept_without_a_step() {
    fails_without("models::weak::what_is_found_is_kept", FOUND_LATE);
}

/// One mutator shades the object before it answers, which leads nowhere, so nobody is told; another loads after it has answered.
fn shaded_by_another() {
    let ending = Ending::new();
    let shader = {
        let ending = Arc::clone(&ending);
        thread::spawn(move || {
            ending.mark.store(true, Relaxed);
            ending.answer(0, 1);
        })
    };
    let loader = {
        let ending = Arc::clone(&ending);
        thread::spawn(move || {
            ending.answer(1, 1);
            ending.load().0
        })
    };
    ending.wait_for(0, 1);
    ending.wait_for(1, 1);
    if ending.verdict.decide() {
        assert!(ending.mark.load(Relaxed), "{FREED}");
    }
    shader.join().expect("a store does not panic");
    assert!(loader.join().expect("a load does not panic"), "{MISSED}");
}

const SHADED: &[(Step, &str)] = &[
    (Step::MarkUnlooked, MISSED),
    (Step::DecidedRelaxed, MISSED),
    (Step::DecisionReadRelaxed, MISSED),
];

/// Exhausted.
#[test]
fn what_lives_is_found() {
    explore(Bound::None, SHADED, shaded_by_another);
}

#[test]
fn what_lives_is_found_without_a_step() {
    fails_without("models::weak::what_lives_is_found", SHADED);
}
