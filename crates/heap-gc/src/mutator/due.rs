//! What is due at a mutator's safepoint because objects died: drops and cleanups, outside, and then finalizers, inside.

use super::Mutator;
use crate::dead;
use crate::event::Event;
use crate::finalizer::Due;
use crate::log::Track;
use crate::unwind::FirstPanic;
use heap_core::sync::thread;

impl Mutator {
    /// Runs drops, cleanups and finalizers that are due. The mutator is outside.
    ///
    /// # Panics
    /// As [`dead::run_due`].
    #[cold]
    pub(super) fn run_due(&self) {
        if thread::panicking() {
            return;
        }
        let mut panics = FirstPanic::default();
        dead::run_with(&self.heap, &mut panics);
        if !self.is_finalizing.replace(true) {
            let begun = self.heap.log.begin();
            let mut finalizers = 0;
            for list in [&self.finalizers, self.heap.finalizers.shared()] {
                if list.is_due() {
                    for due in list.take_due() {
                        finalizers += 1;
                        panics.note(|| self.finalize(due));
                    }
                }
            }
            self.is_finalizing.set(false);
            if finalizers > 0 {
                self.heap.log.end(begun, Track::here(), || Event::RanDue {
                    drops: 0,
                    cleanups: 0,
                    finalizers,
                });
            }
        }
        panics.go_on();
    }

    /// Runs a finalizer, inside.
    fn finalize(&self, due: Due) {
        /// Leaves when dropped, also when a finalizer panics; runs nothing that is due.
        struct Finalizing<'a> {
            mutator: &'a Mutator,
            /// Inside a raw layer's stay, of which this is a safepoint.
            was_raw: bool,
        }
        impl Drop for Finalizing<'_> {
            fn drop(&mut self) {
                // SAFETY: inside, as since it was made.
                unsafe { self.mutator.part() }.is_raw.set(self.was_raw);
                self.mutator.leave();
            }
        }
        self.go_inside();
        // SAFETY: inside since the line above.
        let was_raw = unsafe { self.part() }.is_raw.replace(false);
        let _finalizing = Finalizing { mutator: self, was_raw };
        let object = self.heap.roots.get(due.root);
        // From here it is in this mutator's hands.
        self.heap.roots.remove(due.root);
        self.heap.finalizers.runs();
        due.call.call(self, object);
    }
}
