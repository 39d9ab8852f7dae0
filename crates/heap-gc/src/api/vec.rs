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
//! * **Growing.** The new buffer is allocated first: there a mutator may be asked, and the barrier go on or off. From then to
//!   the end of the operation nobody asks. It is filled while only this thread knows it, so by plain copies, and is *whole*
//!   before it is shaded or stored. Then the vector's word is [replaced](bulk::replace): the old buffer is shaded, with all that it
//!   leads to, since it keeps its contents. After the roots are taken the new one is black, and what it leads to was in the
//!   hands of this thread, or in the old buffer, or both: it is protected. Before, it is white, and shaded itself, because the
//!   vector may be in something that was scanned.
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
//! * A user's code runs in the middle of two methods, and may change the vector there. [`extend`](GcVec::extend) is a push for
//!   each element, and its iterator runs between two of them. [`copy_within`](GcVec::copy_within) asks the range for its
//!   bounds before it looks at the length. An allocation runs none: listeners and drops run outside `enter`.
//! * The vector is not `Sync` (a `Cell` in it), so one thread uses it, as with a [`GcCell`](crate::GcCell). It can be moved, and so
//!   change its thread, while it is not in the heap; then nobody else has it.
//! * It carries the brand of its heap, also if its elements have none. So a vector of numbers cannot be put into another
//!   heap, whose collector would not know the buffer, nor outlive its `enter` outside the heap, where nothing keeps the buffer
//!   alive. Every method that writes takes the `Mu` of the same brand.
//! * It is not `Clone`, and what is in the heap cannot be moved out, so V4 holds: two vectors with one buffer and two lengths
//!   would break V2.
//! * A collection frees a buffer only when nothing leads to it; while a vector is in somebody's hands inside `enter`, nothing
//!   in it is freed.

mod room;

use crate::api::slice::{GcSlice, range_within};
use crate::barrier::{self, bulk};
use crate::gc::Gc;
use crate::mutator::{Mu, refused};
use crate::object::slice_header;
use crate::trace::{Rebrand, Trace};
use core::cell::{Cell, UnsafeCell};
use core::fmt;
use core::mem::offset_of;
use core::ops::{Range, RangeBounds};
use core::ptr;
use heap_core::error::AllocError;
use heap_core::layout::TypeMask;
use heap_core::units::Bytes;

/// What leads to a buffer, if there is one.
type Buffer<'gc, T> = Option<Gc<'gc, GcSlice<T>>>;

/// A sequence of `T` in the heap that can grow and shrink, by the one thread that uses the object it is in.
///
/// It is a field of an object, or an object itself: two words, which lead to a buffer of their own in the heap. It is changed
/// by shared reference and with the [`Mu`], as a [`GcCell`](crate::GcCell) is, and like it holds `Copy` values: references, options of them,
/// numbers, small structs and enums of these. Elements go in and out by value.
///
/// Operations cost what those of [`Vec`] do. While a collection marks, an operation that removes, overwrites or moves elements
/// also tells the collector of each, and so takes longer by as much; a push does not, once the collector has asked this thread
/// for its roots. With elements that hold no references nothing is ever told.
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
        self.buffer().map_or(0, Gc::len)
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

    /// An iterator over the elements, by value. What is changed while it is under way it sees, if it has not been there.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// use tricolor::{GcVec, Heap};
    /// let heap = Heap::new()?;
    /// heap.attach()?.enter(|mu| {
    ///     let numbers = GcVec::new();
    ///     numbers.extend(mu, [1, 2, 3]);
    ///     let mut seen = Vec::new();
    ///     for number in &numbers {
    ///         seen.push(number);
    ///         if number == 1 {
    ///             numbers.pop(mu);
    ///         }
    ///     }
    ///     assert_eq!(seen, [1, 2]);
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn iter(&self) -> GcVecIter<'_, 'gc, T> {
        GcVecIter { vec: self, next: 0 }
    }

    #[inline(always)]
    fn buffer(&self) -> Buffer<'gc, T> {
        // SAFETY: the vector is not `Sync`, so only this thread writes to it; no reference to the word is ever handed out.
        unsafe { *self.buffer.get() }
    }

    /// The place of an index. Without a buffer, some address that is aligned for an element and not null: it is never looked at
    /// (V1), unless elements have no size.
    #[inline(always)]
    fn place(&self, index: usize) -> *mut T {
        let start = self.buffer().map_or(ptr::null_mut(), |buffer| Gc::as_ptr(buffer).as_ptr().cast::<u8>());
        start.wrapping_add(slice_header(align_of::<T>())).cast::<T>().wrapping_add(index)
    }
}

/// Writing.
impl<'gc, T: Trace + Copy + 'gc> GcVec<'gc, T> {
    /// An empty vector with room for that many elements, at least.
    ///
    /// # Panics
    /// If there is no memory for it.
    #[must_use]
    pub fn with_capacity(mu: &Mu<'gc>, capacity: usize) -> Self {
        let vec = Self::new();
        vec.reserve(mu, capacity);
        vec
    }

    /// Puts an element at the end.
    ///
    /// # Panics
    /// If the vector has to grow and there is no memory for it; [`GcVec::try_push`] returns the error instead.
    #[inline]
    pub fn push(&self, mu: &Mu<'gc>, value: T) {
        if self.len() == self.capacity() {
            self.grow_or_panic(mu, 1);
        }
        self.put(mu, value);
    }

    /// Puts an element at the end, or says why not.
    ///
    /// # Errors
    /// See [`AllocError`]. The vector is as before.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// use tricolor::{AllocError, GcVec, Heap};
    /// let heap = Heap::builder().hard_limit(1 << 20).build()?;
    /// heap.attach()?.enter(|mu| {
    ///     let numbers = GcVec::new();
    ///     let error = (0_u64..).find_map(|number| numbers.try_push(mu, number).err());
    ///     assert!(matches!(error, Some(AllocError::Limit { .. })));
    ///     assert_eq!(numbers.last(), Some(numbers.len() as u64 - 1));
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_push(&self, mu: &Mu<'gc>, value: T) -> Result<(), AllocError> {
        self.try_reserve(mu, 1)?;
        self.put(mu, value);
        Ok(())
    }

    /// Takes the last element out.
    #[inline]
    pub fn pop(&self, mu: &Mu<'gc>) -> Option<T> {
        let last = self.len().checked_sub(1)?;
        let value = self.get(last);
        self.truncate(mu, last);
        value
    }

    /// Changes the element at an index.
    ///
    /// # Panics
    /// If there is none.
    #[inline]
    #[track_caller]
    pub fn set(&self, mu: &Mu<'gc>, index: usize, value: T) {
        self.insist(index);
        let (barrier, to) = mu.barrier();
        // SAFETY: 1: a place that holds a value (V2) and that only this thread uses (V4). 2: `T` is `Copy`. 3: V5.
        unsafe { barrier::store(barrier, to, self.place(index), value) };
    }

    /// Changes the element at an index and returns the old one.
    ///
    /// # Panics
    /// If there is none.
    #[inline]
    #[track_caller]
    pub fn replace(&self, mu: &Mu<'gc>, index: usize, value: T) -> T {
        self.insist(index);
        // SAFETY: a place that holds a value (V2).
        let old = unsafe { self.place(index).read() };
        self.set(mu, index, value);
        old
    }

    /// Exchanges two elements.
    ///
    /// # Panics
    /// If there is no element at one of the indices.
    #[track_caller]
    pub fn swap(&self, mu: &Mu<'gc>, a: usize, b: usize) {
        self.insist(a);
        self.insist(b);
        let (barrier, to) = mu.barrier();
        // SAFETY: 1, 2: places that hold values (V2) and that only this thread uses (V4). 3: V5.
        unsafe { bulk::exchange(barrier, to, self.place(a), self.place(b)) };
    }

    /// Takes the element at an index out and puts the last into its place, in constant time.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn swap_remove(&self, mu: &Mu<'gc>, index: usize) -> T {
        self.insist(index);
        self.swap(mu, index, self.len() - 1);
        self.pop_known(mu)
    }

    /// Puts an element at an index, and those from there on one further.
    ///
    /// # Panics
    /// If the index is above the length, and if the vector has to grow and there is no memory for it.
    #[track_caller]
    pub fn insert(&self, mu: &Mu<'gc>, index: usize, value: T) {
        let len = self.len();
        assert!(index <= len, "an element was to be inserted at the index {index} of a vector of {len}");
        if index == len {
            return self.push(mu, value);
        }
        self.reserve(mu, 1);
        let (barrier, to) = mu.barrier();
        let place = self.place(index);
        // SAFETY: 1: there is room for one more (`reserve`), in places that only this thread uses (V4). 2: V2, and the last holds
        // nothing (V3). 3: V2. 4: V5.
        unsafe { bulk::overwrite(barrier, to, place, place.wrapping_add(1), len - index) };
        // SAFETY: 1: it holds a value (V2), still. 2: `T` is `Copy`. 3: V5.
        unsafe { barrier::store(barrier, to, place, value) };
        self.len.set(len + 1);
    }

    /// Takes the element at an index out, and puts those behind it one nearer.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn remove(&self, mu: &Mu<'gc>, index: usize) -> T {
        self.insist(index);
        // SAFETY: a place that holds a value (V2).
        let value = unsafe { self.place(index).read() };
        let last = self.len() - 1;
        self.copy_places(mu, index + 1..last + 1, index);
        self.truncate(mu, last);
        value
    }

    /// Takes all elements from that length on out. The room for them stays.
    #[inline]
    pub fn truncate(&self, mu: &Mu<'gc>, len: usize) {
        let Some(removed @ 1..) = self.len().checked_sub(len) else { return };
        let (barrier, to) = mu.barrier();
        // SAFETY: 1: places that hold values (V2) and that only this thread uses (V4). 2: `T` is `Copy`. 3: V5.
        unsafe { bulk::erase(barrier, to, self.place(len), removed) };
        self.len.set(len);
    }

    /// Takes all elements out. The room for them stays.
    pub fn clear(&self, mu: &Mu<'gc>) {
        self.truncate(mu, 0);
    }

    /// Makes the vector that long: by leaving out what is behind, or by adding `value` as often as it takes.
    ///
    /// # Panics
    /// If it has to grow and there is no memory for it.
    pub fn resize(&self, mu: &Mu<'gc>, len: usize, value: T) {
        self.truncate(mu, len);
        let more = len - self.len();
        self.reserve(mu, more);
        let (barrier, to) = mu.barrier();
        // SAFETY: 1: there is room for as many more (`reserve`), in places that only this thread uses (V4). 2: they hold nothing (V3),
        // in which is no reference. 3: V5.
        unsafe { bulk::fill(barrier, to, self.place(self.len()), more, value) };
        self.len.set(len);
    }

    /// Gives every element the same value.
    pub fn fill(&self, mu: &Mu<'gc>, value: T) {
        let (barrier, to) = mu.barrier();
        // SAFETY: 1: places that hold values (V2) and that only this thread uses (V4). 2: `T` is `Copy`. 3: V5.
        unsafe { bulk::fill(barrier, to, self.place(0), self.len(), value) };
    }

    /// Copies values over the elements from the index `from` on.
    ///
    /// # Panics
    /// If they go past the end; nothing is changed then.
    #[track_caller]
    pub fn write(&self, mu: &Mu<'gc>, from: usize, values: &[T]) {
        let (len, count) = (self.len(), values.len());
        let end = from.checked_add(count).filter(|&end| end <= len);
        assert!(
            end.is_some(),
            "{count} values from the index {from} on go past the end of a vector of {len}"
        );
        let (barrier, to) = mu.barrier();
        // SAFETY: 1, 2: places that hold values (V2) and that only this thread uses (V4). 3: a slice is whole, and is not of this
        // vector, which hands none out (V4). 4: V5.
        unsafe { bulk::overwrite(barrier, to, values.as_ptr(), self.place(from), count) };
    }

    /// Puts copies of values at the end.
    ///
    /// # Panics
    /// If the vector has to grow and there is no memory for it.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// use tricolor::{GcVec, Heap};
    /// let heap = Heap::new()?;
    /// heap.attach()?.enter(|mu| {
    ///     let bytes = GcVec::with_capacity(mu, 11);
    ///     bytes.extend_from_slice(mu, b"tri");
    ///     bytes.extend_from_slice(mu, b"color");
    ///     assert!(bytes.iter().eq(*b"tricolor"));
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn extend_from_slice(&self, mu: &Mu<'gc>, values: &[T]) {
        let (len, count) = (self.len(), values.len());
        self.reserve(mu, count);
        let (barrier, to) = mu.barrier();
        // SAFETY: 1: there is room for as many more (`reserve`), in places that only this thread uses (V4). 2: V3. 3: a slice is
        // whole, and is not of this vector, which hands none out (V4). 4: V5.
        unsafe { bulk::append(barrier, to, values.as_ptr(), self.place(len), count) };
        self.len.set(len + count);
    }

    /// Puts what an iterator gives at the end. The iterator may use the vector, too.
    ///
    /// # Panics
    /// If the vector has to grow and there is no memory for it, and with the panics of the iterator; what it gave before is in
    /// the vector.
    pub fn extend(&self, mu: &Mu<'gc>, values: impl IntoIterator<Item = T>) {
        let mut values = values.into_iter();
        while let Some(value) = values.next() {
            if self.len() == self.capacity() {
                // As many as it says, but not more memory than a push would take if that is nonsense.
                let more = values.size_hint().0.saturating_add(1);
                if self.try_reserve(mu, more).is_err() {
                    self.grow_or_panic(mu, 1);
                }
            }
            self.put(mu, value);
        }
    }

    /// Copies a range of elements over those from the index `to` on. The two may overlap.
    ///
    /// # Panics
    /// If either goes past the end; nothing is changed then.
    pub fn copy_within(&self, mu: &Mu<'gc>, range: impl RangeBounds<usize>, to: usize) {
        let range = range_within(&range, || self.len());
        let len = self.len();
        let end = to.checked_add(range.len()).filter(|&end| end <= len);
        assert!(end.is_some(), "{} elements do not fit at the index {to} of a vector of {len}", range.len());
        self.copy_places(mu, range, to);
    }

    /// Turns the order of the elements round.
    pub fn reverse(&self, mu: &Mu<'gc>) {
        let (barrier, to) = mu.barrier();
        // SAFETY: 1, 2: places that hold values (V2) and that only this thread uses (V4). 3: V5.
        unsafe { bulk::reverse(barrier, to, self.place(0), self.len()) };
    }

    /// Moves the first `by` elements to the end, in their order.
    ///
    /// # Panics
    /// If there are not as many.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// use tricolor::{GcVec, Heap};
    /// let heap = Heap::new()?;
    /// heap.attach()?.enter(|mu| {
    ///     let numbers = GcVec::new();
    ///     numbers.extend(mu, 0..5);
    ///     numbers.rotate_left(mu, 2);
    ///     assert!(numbers.iter().eq([2, 3, 4, 0, 1]));
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn rotate_left(&self, mu: &Mu<'gc>, by: usize) {
        let len = self.len();
        assert!(by <= len, "a vector of {len} was to be rotated by {by}");
        self.turn(mu, len - by);
    }

    /// Moves the last `by` elements to the front, in their order.
    ///
    /// # Panics
    /// If there are not as many.
    pub fn rotate_right(&self, mu: &Mu<'gc>, by: usize) {
        let len = self.len();
        assert!(by <= len, "a vector of {len} was to be rotated by {by}");
        self.turn(mu, by);
    }

    /// Makes room for that many more elements, at least, and for twice as many as there was.
    ///
    /// # Panics
    /// If there is no memory for it; [`GcVec::try_reserve`] returns the error instead.
    #[inline]
    pub fn reserve(&self, mu: &Mu<'gc>, more: usize) {
        if self.capacity() - self.len() < more {
            self.grow_or_panic(mu, more);
        }
    }

    /// Makes room for that many more elements, or says why not.
    ///
    /// # Errors
    /// See [`AllocError`]: also for more elements than fit in the address space. The vector is as before.
    #[inline]
    pub fn try_reserve(&self, mu: &Mu<'gc>, more: usize) -> Result<(), AllocError> {
        if self.capacity() - self.len() < more { self.grow(mu, more) } else { Ok(()) }
    }

    /// Gives back room that is not used, as far as the heap's size classes let it. If there is no memory for the smaller
    /// buffer, the vector keeps the one it has.
    pub fn shrink_to_fit(&self, mu: &Mu<'gc>) {
        if const { size_of::<T>() == 0 } {
            return;
        }
        if self.is_empty() {
            self.exchange_buffer(mu, None);
        } else if room::rounded::<T>(self.len()) < self.capacity() {
            // Refused: as before.
            let _refusal = self.move_to_room_for(mu, self.len());
        }
    }

    /// Puts an element into the place after the last, which there is.
    #[inline(always)]
    fn put(&self, mu: &Mu<'gc>, value: T) {
        let len = self.len();
        let (barrier, to) = mu.barrier();
        // SAFETY: 1: callers have seen that there is another place; only this thread uses it (V4). 2: V3. 3: V5.
        unsafe { bulk::put(barrier, to, self.place(len), value) };
        self.len.set(len + 1);
    }

    /// Takes the last element out, which there is.
    fn pop_known(&self, mu: &Mu<'gc>) -> T {
        let last = self.len() - 1;
        // SAFETY: a place that holds a value (V2).
        let value = unsafe { self.place(last).read() };
        self.truncate(mu, last);
        value
    }

    /// Copies a range of elements over those from the index `to` on; neither goes past the end.
    fn copy_places(&self, mu: &Mu<'gc>, range: Range<usize>, index: usize) {
        let (barrier, to) = mu.barrier();
        // SAFETY: 1 to 3: places that hold values (V2) and that only this thread uses (V4). 4: V5.
        unsafe { bulk::overwrite(barrier, to, self.place(range.start), self.place(index), range.len()) };
    }

    /// Moves the last `by` elements, of which there are as many, to the front.
    fn turn(&self, mu: &Mu<'gc>, by: usize) {
        let (barrier, to) = mu.barrier();
        // SAFETY: 1, 2: places that hold values (V2) and that only this thread uses (V4). 3: V5. 4: callers have seen that.
        unsafe { bulk::rotate(barrier, to, self.place(0), self.len(), by) };
    }

    #[inline(always)]
    #[track_caller]
    fn insist(&self, index: usize) {
        if index >= self.len() {
            no_element(index, self.len());
        }
    }

    #[cold]
    #[inline(never)]
    fn grow_or_panic(&self, mu: &Mu<'gc>, more: usize) {
        self.grow(mu, more).unwrap_or_else(|error| refused(&error));
    }

    /// The slow twin of [`GcVec::reserve`].
    #[cold]
    #[inline(never)]
    fn grow(&self, mu: &Mu<'gc>, more: usize) -> Result<(), AllocError> {
        let too_large = AllocError::TooLarge { count: usize::MAX, size: Bytes::new(size_of::<T>()) };
        let least = self.len().checked_add(more).ok_or(too_large)?;
        self.move_to_room_for(mu, room::grown::<T>(self.capacity(), least))
    }

    /// Moves the elements to a buffer with room for that many, which are not fewer. See the module's text.
    fn move_to_room_for(&self, mu: &Mu<'gc>, count: usize) -> Result<(), AllocError> {
        let places = room::rounded::<T>(count);
        let slot = mu.slice_slot::<T>(places)?;
        // SAFETY: the slot begins with a header word, and is not seen by others.
        unsafe { slot.cast::<usize>().write(places) };
        let first = slot.as_ptr().wrapping_add(slice_header(align_of::<T>())).cast::<T>();
        // SAFETY: the elements are whole (V2); the slot has room for them after its header, aligned for them, and is new.
        unsafe { ptr::copy_nonoverlapping(self.place(0), first, self.len()) };
        // SAFETY: the address of an allocated slot of this heap with its header. That not all its elements are values is this
        // module's to know (V2): nobody else gets the reference (V4).
        self.exchange_buffer(mu, Some(unsafe { Gc::from_raw(slot.cast()) }));
        Ok(())
    }

    /// Points the vector to another buffer, which holds the same elements.
    fn exchange_buffer(&self, mu: &Mu<'gc>, buffer: Buffer<'gc, T>) {
        let (barrier, to) = mu.barrier();
        // SAFETY: 1: the vector's own word, which only this thread writes. 2: V5, and the buffer is whole. 3: nobody writes to a
        // buffer that was given up.
        unsafe { bulk::replace(barrier, to, self.buffer.get(), buffer) };
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn no_element(index: usize, len: usize) -> ! {
    panic!("there is no element at the index {index} of a vector of {len}");
}

/// An iterator over the elements of a [`GcVec`], by value. See [`GcVec::iter`].
pub struct GcVecIter<'a, 'gc, T> {
    vec: &'a GcVec<'gc, T>,
    next: usize,
}

impl<T: Copy> Iterator for GcVecIter<'_, '_, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        let value = self.vec.get(self.next)?;
        self.next += 1;
        Some(value)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        // Elements may be taken out before it gets there, or put in.
        (0, None)
    }

    #[inline]
    fn nth(&mut self, n: usize) -> Option<T> {
        self.next = self.next.saturating_add(n).min(self.vec.len());
        self.next()
    }
}

impl<'a, 'gc, T: Copy> IntoIterator for &'a GcVec<'gc, T> {
    type Item = T;
    type IntoIter = GcVecIter<'a, 'gc, T>;

    #[inline]
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

// SAFETY: 1: the first word is null or a reference of the vector's brand, the other a number. 2: nothing is elsewhere: the elements'
// words are in the layout of the buffer, made from the mask of `T`, which is not traced by hand (`GcVec::new`). 4: it needs
// no drop.
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

impl<T: Copy> fmt::Debug for GcVecIter<'_, '_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GcVecIter at {} of {}", self.next, self.vec.len())
    }
}

#[cfg(test)]
mod tests;
