//! Something to be done with an object that nothing leads to any more.

use crate::finalizer::Call;
use crate::gc::Gc;
use crate::mutator::{Mu, Mutator};
use crate::trace::{Branded, Rebrand};
use core::any::Any;
use core::ptr::NonNull;

impl<'gc> Mu<'gc> {
    /// Has `f` called with `object`, once, after a collection has found that nothing leads to it but finalizers. Says whether
    /// that takes the place of a finalizer that this thread has set for it before.
    ///
    /// `f` gets the object as it was, with all it leads to, and may do with it what code inside [`enter`](crate::Mutator::enter)
    /// may: also store it where it is found again. Then it lives on, without a finalizer, until one is set again. If it does not,
    /// the next collection finds the object dead, and only then its drop runs, its [cleanups](Mu::cleanup) and its memory is
    /// free. What needs no object is better done by a cleanup.
    ///
    /// **Order.** Of two objects of which one leads to the other, both with a finalizer, the one that is led to has its turn in a
    /// later collection than the other: when that one is dead. So whatever `f` finds has not been finalized, unless it was before
    /// `object` became garbage. **An object that leads back to itself, also through others, is never found so**, and stays: hold
    /// the reference back in a [`Weak`](crate::Weak), or give the object a part that has the finalizer. In which order others are
    /// called is not said.
    ///
    /// **Where and when.** At a safepoint of this mutator, on its thread, inside: at the end of `enter`, in
    /// [`safepoint`](crate::Mutator::safepoint) or [`collect`](crate::Mutator::collect), never inside an allocation. Not by
    /// [`Heap::collect`](crate::Heap::collect), nor while its thread stays away: what is due then waits, and keeps its object. So
    /// `f` need not be `Send`, and may hold any [`Root`](crate::Root), though one that leads to the object keeps it for good.
    /// When the mutator goes its finalizers are forgotten, also those that are due, and so none runs when the heap ends. An
    /// object that threads share has a finalizer of each thread that sets one; for one that any thread may run there is
    /// [`Mu::set_shared_finalizer`].
    ///
    /// [Weak references](crate::Weak) to the object find nothing from before `f` is called, and never again. Those to what it
    /// leads to do.
    ///
    /// An object of less than 16 bytes without references or a drop shares its slot with others, and is found so with all of
    /// them.
    ///
    /// A panic of `f` does not keep others from being called, and goes on, as one of a drop does, in the call that came to the
    /// safepoint.
    ///
    /// Takes a short lock. A cycle looks at each object with a finalizer twice, and what such an object leads to is found
    /// dead one collection later than the object.
    ///
    /// # Examples
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// # use heap_derive::Trace;
    /// use tricolor::{GcCell, Gc, Heap, Root};
    ///
    /// #[derive(Trace)]
    /// struct Spare<'gc> {
    ///     buffer: GcCell<Option<Gc<'gc, [u64; 100]>>>,
    /// }
    ///
    /// // A buffer that nobody uses is kept for the next who needs one.
    /// let heap = Heap::new()?;
    /// let mut mutator = heap.attach()?;
    /// let spare: Root<Spare<'static>> = mutator.enter(|mu| mu.root(mu.alloc(Spare { buffer: GcCell::new(None) })));
    /// let place = spare.clone();
    /// mutator.enter(|mu| {
    ///     mu.set_finalizer(mu.alloc([7_u64; 100]), move |mu, buffer| place.get(mu).buffer.set(mu, Some(buffer)));
    /// });
    /// mutator.collect();
    /// assert_eq!(mutator.enter(|mu| spare.get(mu).buffer.take(mu).map(|buffer| buffer[99])), Some(7));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_finalizer<T: Branded<'gc> + 'gc>(
        &self,
        object: Gc<'gc, T>,
        f: impl for<'a> FnOnce(&Mu<'a>, Gc<'a, T::At<'a>>) + 'static,
    ) -> bool {
        // SAFETY: the list is that of this thread's mutator, since a `Mu` stays on its thread.
        let call = unsafe { Call::of_thread(move |mutator, object| run::<T>(f, mutator, object)) };
        let old = self.heap().finalizers.set(self.mutator().finalizers(), Gc::addr(object), call);
        old.is_some()
    }

    /// As [`Mu::set_finalizer`], to be called by whichever mutator of the heap comes by, on that one's thread; also by those that
    /// come when this one has gone. Only for what threads may share. An object has one such, whichever thread set it.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
    /// use std::sync::Arc;
    /// use tricolor::Heap;
    ///
    /// let heap = Heap::new()?;
    /// let sum = Arc::new(AtomicU32::new(0));
    /// std::thread::scope(|threads| {
    ///     let task = || {
    ///         heap.attach().unwrap().enter(|mu| {
    ///             let sum = Arc::clone(&sum);
    ///             let add = move |_: &tricolor::Mu<'_>, job: tricolor::Gc<'_, [u32; 4]>| _ = sum.fetch_add(job[3], SeqCst);
    ///             mu.set_shared_finalizer(mu.alloc([0, 0, 0, 5_u32]), add);
    ///         });
    ///     };
    ///     threads.spawn(task).join().unwrap();
    /// });
    /// heap.attach()?.collect();
    /// assert_eq!(sum.load(SeqCst), 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_shared_finalizer<T: Branded<'gc> + 'gc>(
        &self,
        object: Gc<'gc, T>,
        f: impl for<'a> FnOnce(&Mu<'a>, Gc<'a, T::At<'a>>) + Send + 'static,
    ) -> bool
    where
        T::At<'static>: Send + Sync,
    {
        let finalizers = &self.heap().finalizers;
        let call = Call::shared(move |mutator, object| run::<T>(f, mutator, object));
        let old = finalizers.set(finalizers.shared(), Gc::addr(object), call);
        old.is_some()
    }

    /// Takes back the finalizer that this thread has set for an object. Says whether there was one: then it is not called, and
    /// was dropped.
    ///
    /// # Panics
    /// With the panics of drops of what it holds; it is taken back then.
    pub fn clear_finalizer<T: Rebrand + 'gc>(&self, object: Gc<'gc, T>) -> bool {
        self.heap().finalizers.clear(self.mutator().finalizers(), Gc::addr(object))
    }

    /// Takes back the shared finalizer of an object: see [`Mu::clear_finalizer`].
    ///
    /// # Panics
    /// With the panics of drops of what it holds; it is taken back then.
    pub fn clear_shared_finalizer<T: Rebrand + 'gc>(&self, object: Gc<'gc, T>) -> bool {
        self.heap().finalizers.clear(self.heap().finalizers.shared(), Gc::addr(object))
    }
}

/// Runs the finalizer of an object at an address, as `f` was given with a reference to a `T` that was there.
fn run<'gc, T: Branded<'gc> + 'gc>(
    f: impl for<'a> FnOnce(&Mu<'a>, Gc<'a, T::At<'a>>),
    mutator: &dyn Any,
    object: usize,
) {
    let Some(mutator) = mutator.downcast_ref::<Mutator>() else {
        heap_core::bug!("a finalizer is run by no mutator")
    };
    // SAFETY: whoever runs a finalizer is inside.
    let mu = unsafe { mutator.mu() };
    let base = mutator.heap().memory.pages().space().base();
    let object = base.as_ptr().with_addr(object).cast::<T::At<'_>>();
    let Some(object) = NonNull::new(object) else { heap_core::bug!("a finalizer of null") };
    // SAFETY: it is called with the address of the object that it was set for, of type `T` up to its brand (duty of `Rebrand`),
    // which is kept by a root, and then by this mutator's being inside.
    f(&mu, unsafe { Gc::from_raw(object) });
}
