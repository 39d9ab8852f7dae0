//! `Root`: a reference from outside the heap, which keeps its object alive.

use crate::gc::Gc;
use crate::handle::Handle;
use crate::mutator::Mu;
use crate::roots::RootIndex;
use crate::trace::{Branded, Rebrand, Trace};
use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

/// A reference from outside the heap: it outlives `enter` and keeps its object alive.
///
/// `R` is the object's type with `'static` for its brand, as in `Root<Node<'static>>`; the compiler finds it. Making,
/// cloning and dropping a root takes a short lock; reading it, too. Moving one to another thread costs nothing. A root keeps the
/// heap's memory, but not a mutator: to look at the object one is needed.
///
/// A root that is kept inside the heap it leads into (in a [`Leaf`](crate::Leaf)) keeps that whole heap for as long as its
/// object is not collected: also for good, if it is the last handle.
///
/// A root is `Send` if its object may be used by another thread, that is if `R` is `Send + Sync`. Types with a
/// [`GcCell`](crate::GcCell) are not.
///
/// ```
/// # extern crate heap_gc as tricolor;
/// use tricolor::{Heap, Root};
/// let heap = Heap::new()?;
/// let mut mutator = heap.attach()?;
/// let root: Root<u64> = mutator.enter(|mu| mu.root(mu.alloc(1_u64)));
/// let same = root.clone();
/// drop(root);
/// mutator.collect();
/// assert_eq!(mutator.enter(|mu| *same.get(mu)), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Root<R: Rebrand> {
    heap: Handle,
    index: RootIndex,
    /// Invariant in `R`, because a root can be set; not `Send` by itself.
    object: PhantomData<*mut R>,
}

// SAFETY: a root gives shared access to the object on any thread that has a mutator, and may be what keeps it from being
// dropped on another: `R` is `Send + Sync`. The table it points into takes care of itself.
unsafe impl<R: Rebrand + Send + Sync> Send for Root<R> {}
// SAFETY: as above.
unsafe impl<R: Rebrand + Send + Sync> Sync for Root<R> {}

impl<'gc> Mu<'gc> {
    /// Makes a root for an object.
    #[must_use = "a root that is dropped keeps nothing alive"]
    pub fn root<T: Branded<'gc> + 'gc>(&self, object: Gc<'gc, T>) -> Root<T::At<'static>>
    where
        T::At<'static>: Rebrand,
    {
        let heap = self.heap();
        let index = heap.roots.add(&heap.memory, Gc::addr(object));
        Root { heap: heap.clone(), index, object: PhantomData }
    }
}

impl<R: Rebrand> Root<R> {
    /// The object.
    ///
    /// # Panics
    /// If the root is of another heap than the mutator.
    #[inline]
    #[must_use]
    pub fn get<'gc>(&self, mu: &Mu<'gc>) -> Gc<'gc, R::At<'gc>> {
        assert!(
            self.heap.id == mu.heap().id,
            "a root of one heap was read through a mutator of another: use a mutator of the root's heap"
        );
        let word = self.heap.roots.get(self.index);
        let object = self.heap.memory.pages().space().base().as_ptr().with_addr(word).cast::<R::At<'gc>>();
        let Some(object) = NonNull::new(object) else { heap_core::bug!("root {:?} is null", self.index) };
        // SAFETY: the entry holds the address of an object of type `R` up to its brand (`Mu::root`, `set`, duty of
        // `Rebrand`), of this heap, kept alive by the entry.
        unsafe { Gc::from_raw(object) }
    }

    /// Points the root to another object of its heap.
    ///
    /// # Panics
    /// If the root is of another heap than the mutator.
    pub fn set<'gc>(&self, mu: &Mu<'gc>, object: Gc<'gc, R::At<'gc>>)
    where
        R::At<'gc>: Trace,
    {
        assert!(
            self.heap.id == mu.heap().id,
            "a root of one heap was set through a mutator of another: use a mutator of the root's heap"
        );
        self.heap.roots.set(&self.heap.memory, self.index, Gc::addr(object));
    }
}

impl<R: Rebrand> Clone for Root<R> {
    fn clone(&self) -> Self {
        let index = self.heap.roots.duplicate(&self.heap.memory, self.index);
        Self { heap: self.heap.clone(), index, object: PhantomData }
    }
}

impl<R: Rebrand> Drop for Root<R> {
    fn drop(&mut self) {
        self.heap.roots.remove(self.index);
    }
}

impl<R: Rebrand> fmt::Debug for Root<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Root").field("heap", &self.heap.id).field("index", &self.index).finish()
    }
}
