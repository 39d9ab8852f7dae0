//! Something to be done once an object is dead.

use crate::cleanup::Cleanup;
use crate::gc::Gc;
use crate::mutator::Mu;
use crate::trace::Trace;

impl<'gc> Mu<'gc> {
    /// Has `f` called once, after a collection has found `object` dead.
    ///
    /// `f` gets no reference to the object, which is gone for good: what it needs to know it takes with it. It may be called at a
    /// safepoint of any mutator, on that one's thread, by [`Heap::collect`](crate::Heap::collect), or by
    /// [`Heap::step`](crate::Heap::step), outside `enter` and never inside an allocation; hence `Send`. If it has not been called
    /// when the heap ends it is called then. So the heap's end is the latest moment; there is no earliest one, and a mutator that
    /// stays inside `enter` calls nothing meanwhile.
    ///
    /// An object may have several. In which order cleanups are called, also those of one object, is not said, nor whether they
    /// are called before or after drops. [Weak references](crate::Weak) to the object find nothing from before `f` is called. A
    /// [`Root`](crate::Root) of the object in `f` keeps the object, and so the cleanup is never due before the heap ends; and
    /// such a root keeps the heap.
    ///
    /// An object of less than 16 bytes without references or a drop shares its slot with others, and its cleanup is due when all
    /// of them are dead.
    ///
    /// Takes a short lock. A cycle looks at every cleanup that waits.
    ///
    /// A panic of `f` does not keep other cleanups from being called, and goes on, as one of a drop does, in the call that came
    /// to the safepoint; at the heap's end it stays there.
    ///
    /// # Examples
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// use std::sync::mpsc;
    /// use tricolor::Heap;
    ///
    /// let heap = Heap::new()?;
    /// let mut mutator = heap.attach()?;
    /// let (closed, told) = mpsc::channel();
    /// mutator.enter(|mu| {
    ///     let handle = 7_u64;
    ///     let wrapper = mu.alloc([handle; 4]);
    ///     mu.cleanup(wrapper, move || closed.send(handle).expect("somebody listens"));
    /// });
    /// mutator.collect();
    /// assert_eq!(told.try_recv(), Ok(7));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cleanup<T: Trace + 'gc>(&self, object: Gc<'gc, T>, f: impl FnOnce() + Send + 'static) -> Cleanup {
        self.heap().cleanups.add(Gc::addr(object), Box::new(f))
    }
}
