//! What a runtime wants done when its objects are dead, or about to be.

use super::Inside;
use crate::cleanup::Cleanup;
use crate::finalizer::Call;
use crate::hints::FoundIn;
use crate::mutator::Mutator as Attached;
use core::any::Any;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

impl Inside<'_> {
    /// Has `f` called once, after a collection has found `object` dead: see [`Mu::cleanup`](crate::Mu::cleanup).
    ///
    /// # Safety
    /// R3 and R4 of `object`, which is no hinted one ([`Inside::alloc_hinted`]): that may be in a frame.
    pub unsafe fn cleanup(&self, object: NonNull<u8>, f: impl FnOnce() + Send + 'static) -> Cleanup {
        self.check_watch(object);
        self.insist_in_heap(object);
        self.mu.heap().cleanups.add(object.addr().get(), Box::new(f))
    }

    /// Has `f` called with `object`, once, on this thread, after a collection has found that nothing leads to it but finalizers:
    /// see [`Mu::set_finalizer`](crate::Mu::set_finalizer). Says whether that takes the place of one that this thread has set
    /// before.
    ///
    /// The object is as it was, and the thread's until the first safepoint in `f`; then it is another reference (R1).
    ///
    /// # Safety
    /// R3 and R4 of `object`, which is no hinted one; and of `f`, that it keeps R1 to R8, as the runtime does at any safepoint of
    ///    its own.
    pub unsafe fn set_finalizer(
        &self,
        object: NonNull<u8>,
        f: impl FnOnce(&Inside<'_>, NonNull<u8>) + 'static,
    ) -> bool {
        self.check_watch(object);
        self.insist_in_heap(object);
        // SAFETY: the list is that of this thread's mutator, since an `Inside` stays on its thread.
        let call = unsafe { Call::of_thread(move |mutator, object| run(f, mutator, object)) };
        let finalizers = &self.mutator.heap().finalizers;
        let old = finalizers.set(self.mutator.finalizers(), object.addr().get(), call);
        old.is_some()
    }

    /// The same for whichever thread of the heap comes by: see [`Mu::set_shared_finalizer`](crate::Mu::set_shared_finalizer).
    ///
    /// # Safety
    /// As for [`Inside::set_finalizer`], on any thread.
    pub unsafe fn set_shared_finalizer(
        &self,
        object: NonNull<u8>,
        f: impl FnOnce(&Inside<'_>, NonNull<u8>) + Send + 'static,
    ) -> bool {
        self.check_watch(object);
        self.insist_in_heap(object);
        let call = Call::shared(move |mutator, object| run(f, mutator, object));
        let finalizers = &self.mutator.heap().finalizers;
        let old = finalizers.set(finalizers.shared(), object.addr().get(), call);
        old.is_some()
    }

    fn check_watch(&self, object: NonNull<u8>) {
        if self.checks() {
            self.check_given(object, FoundIn::Watch);
        }
    }

    /// Takes back the finalizer that this thread has set for an object. Says whether there was one: then it is not called, and
    /// was dropped.
    ///
    /// # Panics
    /// With the panics of drops of what it holds; it is taken back then.
    pub fn clear_finalizer(&self, object: NonNull<u8>) -> bool {
        self.mutator.heap().finalizers.clear(self.mutator.finalizers(), object.addr().get())
    }

    /// Takes back the shared finalizer of an object.
    ///
    /// # Panics
    /// As [`Inside::clear_finalizer`].
    pub fn clear_shared_finalizer(&self, object: NonNull<u8>) -> bool {
        let finalizers = &self.mutator.heap().finalizers;
        finalizers.clear(finalizers.shared(), object.addr().get())
    }

    /// In debug builds, that an object is in a slot.
    fn insist_in_heap(&self, object: NonNull<u8>) {
        debug_assert!(
            self.mu.heap().memory.map().resolve(object.addr().get()).is_some(),
            "R4: no object, or one in a frame"
        );
    }
}

/// A safepoint comes when it is dropped, also with a panic.
struct Leaves<'a, 'm>(&'a Inside<'m>);

impl Drop for Leaves<'_, '_> {
    fn drop(&mut self) {
        if self.0.checks() {
            self.0.check_safepoint();
        }
    }
}

/// Runs a finalizer with the stay of a mutator that is inside, which ends when it returns.
fn run(f: impl FnOnce(&Inside<'_>, NonNull<u8>), mutator: &dyn Any, object: usize) {
    let Some(mutator) = mutator.downcast_ref::<Attached>() else {
        heap_core::bug!("a finalizer is run by no mutator")
    };
    // SAFETY: whoever runs a finalizer is inside; and out only while `Inside::outside` runs, which uses nothing of it.
    let mu = unsafe { mutator.mu() };
    // Whoever runs it leaves.
    let inside = ManuallyDrop::new(Inside { mu, mutator, hints: mutator.heap().hints });
    let object = mutator.heap().memory.pages().space().base().as_ptr().with_addr(object);
    let _leaves = Leaves(&inside);
    f(&inside, NonNull::new(object).unwrap_or_else(|| heap_core::bug!("a finalizer of null")));
}
