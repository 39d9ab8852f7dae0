//! Roots of runtimes: a mutator's own, and those in the heap's table, which all threads may use.

use super::Inside;
use crate::handle::Handle;
use crate::hints::FoundIn;
use crate::own_roots::{Own, OwnIndex, OwnRoots, Owner, Range, RootVisitor};
use crate::roots::RootIndex;
use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

/// Names a range or a callback of one mutator.
#[derive(PartialEq, Eq, Debug)]
#[must_use = "only with it can what was registered be changed or removed"]
pub struct RootId {
    /// Whose it is.
    owner: Owner,
    index: OwnIndex,
    not_send: PhantomData<*const ()>,
}

impl Inside<'_> {
    /// Registers `len` words from `first` on, each null or the address of an object, as roots of this mutator's own.
    ///
    /// # Safety
    /// R2 and R3.
    pub unsafe fn add_exact(&self, first: *const *mut u8, len: usize) -> RootId {
        self.own(Own::Exact(Range { first: first.cast(), len }))
    }

    /// Registers `len` words from `first` on, which may be anything, as roots of this mutator's own. They are read as ambiguous
    /// words in objects are.
    ///
    /// # Safety
    /// R2 and R3.
    pub unsafe fn add_ambiguous(&self, first: *const u64, len: usize) -> RootId {
        self.own(Own::Ambiguous(Range { first: first.cast(), len }))
    }

    /// Registers a callback that reports roots of this mutator's own. It is called at the mutator's safepoints, or on the
    /// collector's thread while the mutator is outside. If it panics, the process is aborted: what it did not report would be
    /// freed in use.
    ///
    /// # Safety
    /// R2 and R3.
    pub unsafe fn add_callback(&self, callback: impl FnMut(&mut RootVisitor<'_>) + Send + 'static) -> RootId {
        self.own(Own::Callback(Box::new(callback)))
    }

    /// Says where a range is now, and how long: a stack has grown, or moved.
    ///
    /// # Panics
    /// If `id` is not that of a range of this mutator's.
    ///
    /// # Safety
    /// R2 and R3 of the range as it is now.
    pub unsafe fn set_range(&self, id: &RootId, first: *const u64, len: usize) {
        let is_range = self.owner(id).set_range(id.index, Range { first: first.cast(), len });
        assert!(is_range, "a callback is no range: remove it, and add a range");
    }

    /// Removes a range or a callback, which is dropped. What it led to is safe until the next safepoint.
    ///
    /// # Panics
    /// If `id` is another mutator's; and with the panics of the callback's drop.
    #[expect(clippy::needless_pass_by_value, reason = "it is of no use any more")]
    pub fn remove(&self, id: RootId) {
        drop(self.owner(&id).remove(id.index));
    }

    fn own(&self, own: Own) -> RootId {
        let roots = self.mu.own_roots();
        RootId { owner: roots.owner(), index: roots.add(own), not_send: PhantomData }
    }

    /// This mutator's own roots, of which `id` is one.
    fn owner(&self, id: &RootId) -> &OwnRoots {
        let roots = self.mu.own_roots();
        assert!(roots.owner() == id.owner, "a root of one mutator's own was changed by another");
        roots
    }

    /// Makes a root in the heap's table, which any thread may use.
    ///
    /// # Safety
    /// R3 and R4 of `object`.
    pub unsafe fn root(&self, object: NonNull<u8>) -> Root {
        let heap = self.mu.heap();
        if self.checks() {
            self.check_given(object, FoundIn::RootTable);
        }
        Root { index: heap.roots.add(&heap.memory, object.addr().get()), heap: heap.clone() }
    }

    /// The object of a root.
    ///
    /// # Panics
    /// If the root is of another heap.
    #[must_use]
    pub fn get(&self, root: &Root) -> NonNull<u8> {
        assert!(
            root.heap.id == self.mu.heap().id,
            "a root of one heap was read through a mutator of another"
        );
        let word = root.heap.roots.get(root.index);
        let object = root.heap.memory.pages().space().base().as_ptr().with_addr(word);
        NonNull::new(object).unwrap_or_else(|| heap_core::bug!("root {:?} is null", root.index))
    }
}

/// A reference from outside the heap that belongs to no mutator: it keeps its object, and its heap, until it is dropped.
pub struct Root {
    heap: Handle,
    index: RootIndex,
}

impl Clone for Root {
    fn clone(&self) -> Self {
        Self { index: self.heap.roots.duplicate(&self.heap.memory, self.index), heap: self.heap.clone() }
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        self.heap.roots.remove(self.index);
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("raw::Root").field("index", &self.index).finish_non_exhaustive()
    }
}

const _: fn() = || {
    fn shared_by_threads<T: Send + Sync>() {}
    shared_by_threads::<Root>();
};
