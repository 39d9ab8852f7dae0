//! Reaching slots of a span: whoever comes after one of two markers finds what that one has marked, and that the span was
//! reached.

use super::{Bound, explore, fails_without};
use crate::fault::step::Step;
use crate::span::reached::Mark;
use crate::sync::atomic::{
    AtomicU8,
    Ordering::{Acquire, Relaxed, Release},
};
use loom::thread::{self, JoinHandle};
use std::sync::Arc;

const BEFORE: u8 = 3;
const NOW: u8 = 4;

/// Two slots of one span, and which of their markers have done.
struct Reached {
    slots: [AtomicU8; 2],
    span: AtomicU8,
    done: [AtomicU8; 2],
}

impl Reached {
    fn new() -> Arc<Self> {
        let two = |byte| [AtomicU8::new(byte), AtomicU8::new(byte)];
        Arc::new(Self { slots: two(BEFORE), span: AtomicU8::new(BEFORE), done: two(0) })
    }

    fn mark(&self, slot: usize) -> Mark<'_> {
        Mark::new(&self.slots[slot], &self.span)
    }

    /// Two threads that mark, and then say so: as the queue does for a marker that finds it dry, and a mutator that answers.
    fn marked_by_two(self: &Arc<Self>, mark: fn(&Self, usize)) -> Vec<JoinHandle<()>> {
        let one = |who: usize| {
            let span = Arc::clone(self);
            thread::spawn(move || {
                mark(&span, who);
                span.done[who].store(1, Release);
            })
        };
        vec![one(0), one(1)]
    }

    /// What a sweep finds of a slot: nothing, if the span says nothing.
    fn is_live(&self, slot: usize) -> bool {
        self.span.load(Relaxed) == NOW && self.mark(slot).get() == NOW
    }
}

const STEPS: &[(Step, &str)] = &[(Step::SpanToldOnce, "what was reached is live")];

/// Exhausted for 3 threads: two markers, and one who comes after one of them or after both. Under a second.
#[test]
fn what_was_reached_is_live() {
    explore(Bound::None, STEPS, || {
        let span = Reached::new();
        let markers = span.marked_by_two(|span, slot| span.mark(slot).set(NOW));
        for slot in 0..2 {
            if span.done[slot].load(Acquire) == 1 {
                assert!(span.is_live(slot), "what was reached is live");
            }
        }
        for marker in markers {
            marker.join().expect("a marker does not panic");
        }
        assert!(span.is_live(0) && span.is_live(1), "what was reached is live");
    });
}

/// Exhausted for 3 threads: a mutator that shades a slot, a marker that finds it shaded or reaches it, and one who has heard of
/// both. Under a second.
#[test]
fn a_slot_that_two_reach_is_live_when_both_have_answered() {
    explore(Bound::None, STEPS, || {
        let span = Reached::new();
        let both = span.marked_by_two(|span, _| {
            if span.mark(0).get() != NOW {
                span.mark(0).set(NOW);
            }
        });
        if (0..2).all(|who| span.done[who].load(Acquire) == 1) {
            assert!(span.is_live(0), "what was reached is live");
        }
        for one in both {
            one.join().expect("nobody panics");
        }
        assert!(span.is_live(0), "what was reached is live");
    });
}

#[test]
fn a_slot_that_two_reach_is_lost_without_a_step() {
    fails_without("models::reached::a_slot_that_two_reach_is_live_when_both_have_answered", STEPS);
}

#[test]
fn what_was_reached_is_lost_without_a_step() {
    fails_without("models::reached::what_was_reached_is_live", STEPS);
}
