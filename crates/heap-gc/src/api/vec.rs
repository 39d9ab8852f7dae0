//! `GcVec`: a sequence in the heap that grows.
//!
//! ```text
//!   GcVec in some object              its buffer, an object of its own
//!   [buffer][len = 3]                 [places = 7][a][b][c][0][0][0][0]
//!       │                              ▲           values ──┘ nothing ──┘
//!       └──────────────────────────────┘
//! ```
//!
//! The buffer is a slice of as many elements as there are *places*, and its header says so once and for all. A marker scans
//! the whole of it through the mask of the element, and never reads the length, which is the vector's alone. So a push is one
//! store into a place, and the collector need not be told how long the vector is.
//!
//! Invariants
//!   V1  `len` is at most the number of places; without a buffer there are none (or any number of elements of no size)
//!   V2  the first `len` places hold values
//!   V3  the other places hold nothing: the words that the mask names are zero
//!   V4  a buffer belongs to one vector: no other reference to it is ever made, and none into it is handed out
//!   V5  everything that a vector or its buffer leads to has the vector's brand
//!
//! # Beside a marker
//!
//! The barrier's argument (`barrier.rs`) is about fields of objects; the buffer's places are such fields, and so is the word
//! that leads to the buffer. What is special:
//!
//! * **Growing.** See `vec/buffer.rs`.
//! * **Removing.** What is removed is in the hands of the caller only: it is shaded as any value that is overwritten is,
//!   and its place is cleared (V3). A place above the length that kept it would keep it alive, for a reader that never comes.
//! * **Moving.** An element that goes from one place to another may go from where a marker has not been to where it has. Each
//!   place that is overwritten is shaded (`barrier/bulk.rs`).
//! * **Pushing.** Nothing is overwritten (V3), so once the roots are taken a push shades nothing.
//!
//! # Why safe code cannot misuse it
//!
//! * Elements are `Copy` and go in and out by value, so no reference to a place lives while another call changes it, and
//!   nothing is to be dropped.
//! * A user's code runs in the middle of some methods, and may change the vector there. [`extend`](GcVec::extend) is a push for
//!   each element, which finds or makes its place after the iterator was asked for anything. Methods that take a range look at
//!   the length after the range was asked for its bounds. Searches and [`retain`](GcVec::retain) ask for each element by its
//!   index, when its turn comes; sorting is done on a copy. An allocation runs no such code: listeners and drops run outside
//!   `enter`.
//! * The vector is not `Sync` (a `Cell` in it), so one thread uses it, as with a [`GcCell`](crate::GcCell). It can be moved, and
//!   so change its thread, while it is not in the heap; then nobody else has it.
//! * It carries the brand of its heap, also if its elements have none. So a vector of numbers cannot be put into another
//!   heap, whose collector would not know the buffer, nor outlive its `enter` outside the heap, where nothing keeps the buffer
//!   alive. Every method that writes takes the `Mu` of the same brand.
//! * It is not `Clone`, and what is in the heap cannot be moved out, so V4 holds: two vectors with one buffer and two lengths
//!   would break V2.
//! * Who gives a buffer back gives the vector away ([`give_back`](GcVec::give_back)), which no object has: see `vec/buffer.rs`.
//! * A collection frees a buffer only when nothing leads to it; while a vector is in somebody's hands inside `enter`, nothing
//!   in it is freed.

mod buffer;
mod elements;
mod end;
mod iter;
mod order;
mod retain;
mod room;
mod search;
mod sort;

pub use iter::GcVecIter;

use crate::api::slice::GcSlice;
use crate::gc::Gc;
use crate::object::slice_header;
use crate::trace::{Rebrand, Trace};
use core::cell::{Cell, UnsafeCell};
use core::fmt;
use core::mem::offset_of;
use core::ptr;
use heap_core::layout::TypeMask;

/// What leads to a buffer, if there is one.
type Buffer<'gc, T> = Option<Gc<'gc, GcSlice<T>>>;

/// A sequence of `T` in the heap that can grow and shrink, by the one thread that uses the object it is in.
///
/// It is a field of an object, or an object itself: two words, which lead to a buffer of their own in the heap. It is changed
/// by shared reference and with the [`Mu`](crate::Mu), as a [`GcCell`](crate::GcCell) is, and like it holds `Copy` values:
/// references, options of them, numbers, small structs and enums of these. Elements go in and out by value.
///
/// Operations cost what those of [`Vec`] do. While a collection marks, an operation that removes, overwrites or moves elements
/// also tells the collector of each, and so takes longer by as much; a push does not, once the collector has asked this thread
/// for its roots. With elements that hold no references nothing is ever told. A vector that is in no object can hand its memory
/// to the next when it is done with ([`GcVec::give_back`]).
///
/// ```
/// # extern crate heap_gc as tricolor;
/// use heap_derive::Trace;
/// use tricolor::{Gc, GcVec, Heap, Root};
/// # use heap_gc;
///
/// #[derive(Trace)]
/// struct Tree<'gc> {
///     name: u64,
///     below: GcVec<'gc, Gc<'gc, Tree<'gc>>>,
/// }
///
/// let heap = Heap::new()?;
/// let mut mutator = heap.attach()?;
/// let root: Root<Tree<'static>> = mutator.enter(|mu| {
///     let root = mu.alloc(Tree { name: 0, below: GcVec::new() });
///     for name in 1..10 {
///         root.below.push(mu, mu.alloc(Tree { name, below: GcVec::new() }));
///     }
///     mu.root(root)
/// });
/// mutator.collect();
/// mutator.enter(|mu| {
///     let root = root.get(mu);
///     assert_eq!(root.below.pop(mu).map(|last| last.name), Some(9));
///     assert_eq!(root.below.iter().map(|tree| tree.name).sum::<u64>(), (1..9).sum());
/// });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[repr(C)]
pub struct GcVec<'gc, T> {
    /// Written by its one thread through the barrier; markers read it.
    buffer: UnsafeCell<Buffer<'gc, T>>,
    len: Cell<usize>,
}

impl<T: Trace + Copy> GcVec<'_, T> {
    /// An empty vector. It takes no memory for elements before the first is pushed.
    #[inline]
    #[must_use]
    pub const fn new() -> Self {
        const { assert!(!T::BY_HAND, "a type traced by hand may not change under the collector") };
        Self { buffer: UnsafeCell::new(None), len: Cell::new(0) }
    }
}

/// Reading.
impl<'gc, T: Copy> GcVec<'gc, T> {
    /// How many elements there are.
    #[inline(always)]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len.get()
    }

    /// Whether there are none.
    #[inline(always)]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many elements there is room for without other memory. `usize::MAX` for elements of no size.
    #[inline(always)]
    #[must_use]
    pub fn capacity(&self) -> usize {
        if const { size_of::<T>() == 0 } {
            return usize::MAX;
        }
        self.buffer().map_or(0, |buffer| buffer.len())
    }

    /// The element at an index, if there is one.
    #[inline(always)]
    #[must_use]
    pub fn get(&self, index: usize) -> Option<T> {
        // SAFETY: a place that holds a value (V2).
        (index < self.len()).then(|| unsafe { self.place(index).read() })
    }

    /// The first element.
    #[inline]
    #[must_use]
    pub fn first(&self) -> Option<T> {
        self.get(0)
    }

    /// The last element.
    #[inline]
    #[must_use]
    pub fn last(&self) -> Option<T> {
        self.get(self.len().checked_sub(1)?)
    }

    #[inline(always)]
    fn buffer(&self) -> Buffer<'gc, T> {
        // SAFETY: the vector is not `Sync`, so only this thread writes to it; no reference to the word is ever handed out.
        unsafe { *self.buffer.get() }
    }

    #[inline(always)]
    #[track_caller]
    fn insist(&self, index: usize) {
        if index >= self.len() {
            no_element(index, self.len());
        }
    }

    /// The place of an index. Without a buffer, some address that is aligned for an element and not null: it is never looked at
    /// (V1), unless elements have no size.
    #[inline(always)]
    fn place(&self, index: usize) -> *mut T {
        let start = self.buffer().map_or(ptr::null_mut(), |buffer| Gc::as_ptr(buffer).as_ptr().cast::<u8>());
        start.wrapping_add(slice_header(align_of::<T>())).cast::<T>().wrapping_add(index)
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn no_element(index: usize, len: usize) -> ! {
    panic!("there is no element at the index {index} of a vector of {len}");
}

// SAFETY: 1: the first word is null or a reference of the vector's brand, the other a number. 2: nothing is elsewhere: the
// elements' words are in the layout of the buffer, made from the mask of `T`, which is not traced by hand (`GcVec::new`). 4: it
// needs no drop.
unsafe impl<T: Trace> Trace for GcVec<'_, T> {
    const MASK: TypeMask =
        TypeMask::noscan(size_of::<Self>()).with(offset_of!(Self, buffer), &TypeMask::pointer());
}

// SAFETY: both brands are replaced.
unsafe impl<T: Rebrand> Rebrand for GcVec<'_, T> {
    type At<'gc> = GcVec<'gc, T::At<'gc>>;
}

impl<T: Trace + Copy> Default for GcVec<'_, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Copy + fmt::Debug> fmt::Debug for GcVec<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests;
