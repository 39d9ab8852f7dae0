//! The word by which weak loads take part in the end of marking: its table is at the head of [`crate::weak`], its model is
//! `models/loom/src/models/weak.rs`.
#![forbid(unsafe_code)]

use heap_core::fault::step::{self, Step};
use heap_core::fault::{self, Fault};
use heap_core::sync::atomic::{
    AtomicU8,
    Ordering::{Relaxed, SeqCst},
};
use heap_core::sync::point;

const OPEN: u8 = 0;
const AGAIN: u8 = 1;
const DECIDED: u8 = 2;
const CLEARED: u8 = 3;

/// How far the end of marking is, for who loads a weak place. See the module's text.
#[derive(Debug)]
pub(crate) struct Verdict(AtomicU8);

impl Default for Verdict {
    fn default() -> Self {
        Self(AtomicU8::new(CLEARED))
    }
}

impl Verdict {
    /// A cycle begins, or every mutator is about to be asked for what it has shaded.
    pub(crate) fn open(&self) {
        self.0.swap(OPEN, SeqCst);
    }

    /// Decides that what is unmarked is dead, unless an unmarked object was loaded since [`Verdict::open`].
    pub(crate) fn decide(&self) -> bool {
        if step::without(Step::DecidedInTwoSteps) {
            let is_open = self.0.load(SeqCst) == OPEN;
            self.0.store(DECIDED, SeqCst);
            return is_open;
        }
        let order = step::order(Step::DecidedRelaxed, SeqCst);
        self.0.compare_exchange(OPEN, DECIDED, order, Relaxed).is_ok()
    }

    /// Nobody reads a word any more that was cleared.
    pub(crate) fn end(&self) {
        if !fault::on(Fault::WeakDecidedKept) {
            self.0.swap(CLEARED, SeqCst);
        }
    }

    /// Whether a load finds an object that it has seen unmarked. `shade` marks it, and keeps it for who scans it.
    pub(crate) fn finds(&self, is_marked: impl FnOnce() -> bool, shade: impl FnOnce()) -> bool {
        point("weak: unmarked, before the word of the heap is looked at");
        let untold = fault::on(Fault::WeakUntold) || step::without(Step::WeakUntold);
        let again = if untold { OPEN } else { AGAIN };
        let decided = step::order(Step::DecisionReadRelaxed, SeqCst);
        match self.0.compare_exchange(OPEN, again, SeqCst, decided) {
            Ok(_) | Err(AGAIN) => {
                point("weak: told, before it is shaded");
                shade();
                true
            }
            Err(DECIDED) => !step::without(Step::MarkUnlooked) && is_marked(),
            Err(_) => true,
        }
    }
}
