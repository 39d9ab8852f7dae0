//! What a cycle does for finalizers and cleanups: before it is decided what is dead, and after.

use super::Cycle;
use heap_core::fault::{self, Fault};

impl Cycle<'_> {
    /// Marks what is reachable from objects that have a finalizer, and not those objects. All roots are taken. What is reachable
    /// from roots is marked before, so that only what may be dead is looked into.
    pub(super) fn keep_for_finalizers(&mut self) {
        let finalizers = &self.heap.finalizers;
        let forgotten = fault::on(Fault::FinalizerFieldsUnshaded) || fault::on(Fault::FinalizedEarly);
        if !finalizers.are_any() || forgotten {
            return;
        }
        self.drain();
        if fault::on(Fault::FinalizerOrderIgnored) {
            self.revive();
        }
        if !self.is_given_up {
            self.look_into_finalizable();
        }
    }

    /// The same, without marking from the roots before.
    pub(super) fn look_into_finalizable(&mut self) {
        let finalizers = &self.heap.finalizers;
        let (memory, marker) = (&self.heap.memory, &mut self.marker);
        // SAFETY: objects of the list are allocated slots of this heap (W1), and whole, since they are white and all roots are
        // taken.
        finalizers.look_into(memory, |object| unsafe { marker.look_into(object) });
    }

    /// Makes the finalizers of what is dead due, and brings it back for them.
    pub(super) fn revive(&self) {
        if fault::on(Fault::CleanupBeforeFinalizer) {
            self.queue_cleanups();
        }
        if !self.is_given_up {
            self.heap.finalizers.revive(&self.heap.memory, &self.heap.roots);
        }
    }

    /// The cleanups of what is dead are due.
    pub(super) fn queue_cleanups(&self) {
        if !self.is_given_up {
            self.heap.cleanups.queue_dead(&self.heap.memory);
        }
    }
}
