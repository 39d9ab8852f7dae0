//! `WeakHeap`: a handle on a heap that does not keep it.

use crate::handle::WeakHandle;
use crate::heap::Heap;
use core::fmt;

/// A handle on a [`Heap`] that does not keep it: for who looks at a heap from beside, and has no say in how long it lives.
///
/// ```
/// # extern crate heap_gc as tricolor;
/// let heap = tricolor::Heap::new()?;
/// let weak = heap.downgrade();
/// assert_eq!(weak.upgrade().expect("it lives").figures().cycles, 0);
/// drop(heap);
/// assert!(weak.upgrade().is_none());
/// # Ok::<(), tricolor::BuildError>(())
/// ```
#[derive(Clone)]
pub struct WeakHeap(WeakHandle);

impl WeakHeap {
    /// The heap, as long as something else keeps it. Takes a lock that is this heap's and held for some nanoseconds.
    ///
    /// The answer is a handle like any other: if it is the last one when it is dropped, the heap goes then, on that thread.
    #[must_use]
    pub fn upgrade(&self) -> Option<Heap> {
        self.0.upgrade().map(|shared| Heap { shared })
    }
}

impl Heap {
    /// A handle that does not keep the heap.
    #[must_use]
    pub fn downgrade(&self) -> WeakHeap {
        WeakHeap(self.shared.downgrade())
    }
}

const _: fn() = || {
    fn shared_by_threads<T: Send + Sync>() {}
    shared_by_threads::<WeakHeap>();
};

impl fmt::Debug for WeakHeap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WeakHeap").field(&self.upgrade()).finish()
    }
}
