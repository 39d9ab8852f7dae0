//! `GcSlice` and `GcStr`: sequences in the heap, their length with them.

use crate::api::cell::GcCell;
use crate::barrier::bulk;
use crate::gc::Gc;
use crate::mutator::{Mu, refused};
use crate::object::slice_header;
use crate::trace::{Rebrand, Trace, Tracer};
use core::borrow::Borrow;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;
use core::ops::{Bound, Range, RangeBounds};
use core::ptr::NonNull;
use heap_core::error::AllocError;
use heap_core::layout::TypeMask;

/// A sequence of `T` in the heap, of a length fixed when it is made.
///
/// It is used through its reference: `Gc<GcSlice<T>>` is one word and has [`as_slice`](Gc::as_slice) and
/// [`len`](Gc::len). To change elements, make them [`GcCell`]s.
///
/// ```
/// # extern crate heap_gc as tricolor;
/// use tricolor::{GcCell, Heap};
/// let heap = Heap::new()?;
/// heap.attach()?.enter(|mu| {
///     let squares = mu.alloc_slice(10, |i| GcCell::new(i * i));
///     squares[3].set(mu, 0);
///     assert_eq!(squares.iter().map(GcCell::get).sum::<usize>(), 285 - 9);
/// });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[repr(C)]
pub struct GcSlice<T> {
    len: usize,
    elements: PhantomData<[T]>,
}

/// A string in the heap, immutable.
///
/// ```
/// # extern crate heap_gc as tricolor;
/// use tricolor::Heap;
/// let heap = Heap::new()?;
/// heap.attach()?.enter(|mu| {
///     let word = mu.alloc_str("grey");
///     assert_eq!(word.as_str(), "grey");
/// });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[repr(transparent)]
pub struct GcStr {
    bytes: GcSlice<u8>,
}

impl<'gc> Mu<'gc> {
    /// Makes a slice of `len` elements, the i-th being `element(i)`.
    ///
    /// # Panics
    /// If there is no memory for it ([`Mu::try_alloc_slice`] returns the error instead), and with the panics of
    /// `element`; the elements made so far are then dropped if the slice dies, which it does.
    pub fn alloc_slice<T: Trace + 'gc>(
        &self,
        len: usize,
        element: impl FnMut(usize) -> T,
    ) -> Gc<'gc, GcSlice<T>> {
        self.try_alloc_slice(len, element).unwrap_or_else(|error| refused(&error))
    }

    /// Makes a slice of `len` elements, or says why not. `element` is not called then.
    ///
    /// # Errors
    /// See [`AllocError`]: also for lengths whose bytes do not fit in the address space, and for alignments above a page.
    pub fn try_alloc_slice<T: Trace + 'gc>(
        &self,
        len: usize,
        mut element: impl FnMut(usize) -> T,
    ) -> Result<Gc<'gc, GcSlice<T>>, AllocError> {
        let slot = self.slice_slot::<T>(len)?;
        let header = slot.cast::<usize>();
        // The header counts the elements made, so that an unfinished slice is a whole one of what there is.
        // SAFETY: the slot begins with a header word.
        unsafe { header.write(0) };
        let first = slot.as_ptr().wrapping_add(slice_header(align_of::<T>())).cast::<T>();
        for index in 0..len {
            let value = element(index);
            // SAFETY: the slot has room for `len` elements after its header, aligned for them, and is not seen by others.
            unsafe { first.wrapping_add(index).write(value) };
            if const { core::mem::needs_drop::<T>() } {
                // SAFETY: as the first write of the header.
                unsafe { header.write(index + 1) };
            }
        }
        // SAFETY: as the first write of the header.
        unsafe { header.write(len) };
        // SAFETY: a whole slice in an allocated slot of this heap.
        Ok(unsafe { Gc::from_raw(slot.cast()) })
    }

    /// Copies a slice into the heap.
    ///
    /// # Panics
    /// If there is no memory for it.
    pub fn alloc_copy<T: Trace + Copy + 'gc>(&self, elements: &[T]) -> Gc<'gc, GcSlice<T>> {
        let made = self.slice_slot::<T>(elements.len());
        let slot = made.unwrap_or_else(|error| refused(&error));
        let first = slot.as_ptr().wrapping_add(slice_header(align_of::<T>())).cast::<T>();
        // SAFETY: the slot has room for the elements after its header, aligned for them; it is new, so nothing overlaps.
        unsafe { core::ptr::copy_nonoverlapping(elements.as_ptr(), first, elements.len()) };
        // SAFETY: the slot begins with a header word.
        unsafe { slot.cast::<usize>().write(elements.len()) };
        // SAFETY: a whole slice in an allocated slot of this heap.
        unsafe { Gc::from_raw(slot.cast()) }
    }

    /// Copies a string into the heap.
    ///
    /// # Panics
    /// If there is no memory for it.
    pub fn alloc_str(&self, text: &str) -> Gc<'gc, GcStr> {
        let bytes: NonNull<GcSlice<u8>> = Gc::as_ptr(self.alloc_copy(text.as_bytes()));
        // SAFETY: a `GcStr` is a slice of bytes, and these are UTF-8.
        unsafe { Gc::from_raw(bytes.cast()) }
    }
}

impl<'gc, T> Gc<'gc, GcSlice<T>> {
    /// The elements.
    #[inline]
    #[must_use]
    pub fn as_slice(self) -> &'gc [T] {
        let start = Gc::as_ptr(self).as_ptr().cast::<u8>();
        let first = start.wrapping_add(slice_header(align_of::<T>())).cast::<T>();
        // SAFETY: that many initialised elements follow the header (`try_alloc_slice`), for as long as `'gc`; the
        // reference's pointer is good for the whole slot.
        unsafe { core::slice::from_raw_parts(first, self.len) }
    }

    /// How many elements there are.
    #[inline]
    #[must_use]
    pub fn len(self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[inline]
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len == 0
    }

    /// An iterator over the elements.
    #[inline]
    pub fn iter(self) -> core::slice::Iter<'gc, T> {
        self.as_slice().iter()
    }
}

/// Changing many cells at once: the collector is asked once whether it has to hear of it, and not once for each.
impl<'gc, T: Trace + Copy + 'gc> Gc<'gc, GcSlice<GcCell<T>>> {
    /// Gives every cell the same value.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// use tricolor::{GcCell, Heap};
    /// let heap = Heap::new()?;
    /// heap.attach()?.enter(|mu| {
    ///     let row = mu.alloc_slice(80, |_| GcCell::new(None));
    ///     row.fill(mu, Some(mu.alloc(' ')));
    ///     assert!(row.iter().all(|cell| *cell.get().unwrap() == ' '));
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fill(self, mu: &Mu<'gc>, value: T) {
        let (barrier, to) = mu.barrier();
        // SAFETY: 1, 2: the cells are this slice's (`cells`). 3: all have the brand of `mu`'s heap.
        unsafe { bulk::fill(barrier, to, self.cells(), self.len(), value) };
    }

    /// Copies values into the cells from the index `from` on.
    ///
    /// # Panics
    /// If they go past the end; nothing is changed then.
    pub fn write(self, mu: &Mu<'gc>, from: usize, values: &[T]) {
        let places = self.cells().wrapping_add(self.within(from, values.len()));
        let (barrier, to) = mu.barrier();
        // SAFETY: 1, 2: the cells are this slice's, and as many (`within`). 3: a slice is whole, and of values that nobody can
        // change. 4: all have the brand of `mu`'s heap.
        unsafe { bulk::overwrite(barrier, to, values.as_ptr(), places, values.len()) };
    }

    /// Copies values into all cells.
    ///
    /// # Panics
    /// If there are not as many values as cells; nothing is changed then.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// use tricolor::{GcCell, Heap};
    /// let heap = Heap::new()?;
    /// heap.attach()?.enter(|mu| {
    ///     let cells = mu.alloc_slice(3, |_| GcCell::new(0));
    ///     cells.copy_from_slice(mu, &[1, 2, 3]);
    ///     assert!(cells.iter().map(GcCell::get).eq([1, 2, 3]));
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn copy_from_slice(self, mu: &Mu<'gc>, values: &[T]) {
        let (cells, count) = (self.len(), values.len());
        assert!(cells == count, "{count} values were to be copied into {cells} cells");
        self.write(mu, 0, values);
    }

    /// Copies the values of cells of another slice, or of this one, which may overlap.
    ///
    /// # Panics
    /// If `count` cells from `from` on, or from `other_from` on, go past an end; nothing is changed then.
    pub fn copy_from(self, mu: &Mu<'gc>, from: usize, other: Self, other_from: usize, count: usize) {
        let places = self.cells().wrapping_add(self.within(from, count));
        let values = other.cells().wrapping_add(other.within(other_from, count));
        let (barrier, to) = mu.barrier();
        // SAFETY: 1, 2: the cells are this slice's, and as many (`within`). 3: those are the other's, which only this thread uses.
        // 4: all have the brand of `mu`'s heap.
        unsafe { bulk::overwrite(barrier, to, values, places, count) };
    }

    /// Copies the values of a range of cells to those from the index `to` on. The two may overlap.
    ///
    /// # Panics
    /// If either goes past the end; nothing is changed then.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// use tricolor::{GcCell, Heap};
    /// let heap = Heap::new()?;
    /// heap.attach()?.enter(|mu| {
    ///     let cells = mu.alloc_slice(5, |i| GcCell::new(i));
    ///     cells.copy_within(mu, 0..3, 1);
    ///     assert!(cells.iter().map(GcCell::get).eq([0, 0, 1, 2, 4]));
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn copy_within(self, mu: &Mu<'gc>, range: impl RangeBounds<usize>, to: usize) {
        let Range { start, end } = range_within(&range, || self.len());
        self.copy_from(mu, to, self, start, end - start);
    }

    /// Exchanges the values of two cells.
    ///
    /// # Panics
    /// If there is no cell of one of the indices.
    pub fn swap(self, mu: &Mu<'gc>, a: usize, b: usize) {
        let cells = self.cells();
        let (a, b) = (cells.wrapping_add(self.within(a, 1)), cells.wrapping_add(self.within(b, 1)));
        let (barrier, to) = mu.barrier();
        // SAFETY: 1, 2: cells of this slice (`within`). 3: they have the brand of `mu`'s heap.
        unsafe { bulk::exchange(barrier, to, a, b) };
    }

    /// The first of the cells, which hold values, and which only this thread uses, since a cell is not `Sync`.
    fn cells(self) -> *mut T {
        let start = Gc::as_ptr(self).as_ptr().cast::<u8>();
        start.wrapping_add(slice_header(align_of::<T>())).cast()
    }

    /// `from`, if there are `count` cells from there on.
    fn within(self, from: usize, count: usize) -> usize {
        let end = from.checked_add(count).filter(|&end| end <= self.len());
        assert!(end.is_some(), "{count} cells from the index {from} on go past the end of {}", self.len());
        from
    }
}

/// A range of indices below a length, which is asked for last: a range is a user's code, and may change how long something is.
///
/// # Panics
/// If it begins past its end, or ends past the length.
pub(super) fn range_within(range: &impl RangeBounds<usize>, len: impl FnOnce() -> usize) -> Range<usize> {
    let (start, end) = (range.start_bound().cloned(), range.end_bound().cloned());
    let len = len();
    let start = match start {
        Bound::Included(start) => Some(start),
        Bound::Excluded(before) => before.checked_add(1),
        Bound::Unbounded => Some(0),
    };
    let end = match end {
        Bound::Included(last) => last.checked_add(1),
        Bound::Excluded(end) => Some(end),
        Bound::Unbounded => Some(len),
    };
    match (start, end) {
        (Some(start), Some(end)) if start <= end && end <= len => start..end,
        _ => panic!("the range from {start:?} to {end:?} is not one of the indices of {len} elements"),
    }
}

impl<'gc, T: 'gc> core::ops::Index<usize> for Gc<'gc, GcSlice<T>> {
    type Output = T;

    #[inline]
    fn index(&self, index: usize) -> &T {
        &(*self).as_slice()[index]
    }
}

impl<'gc> Gc<'gc, GcStr> {
    /// The text.
    #[inline]
    #[must_use]
    pub fn as_str(self) -> &'gc str {
        // SAFETY: a `GcStr` is a slice of bytes (transparent).
        let bytes: Gc<'gc, GcSlice<u8>> = unsafe { Gc::from_raw(Gc::as_ptr(self).cast()) };
        // SAFETY: UTF-8 since it was made (`alloc_str`).
        unsafe { core::str::from_utf8_unchecked(bytes.as_slice()) }
    }
}

impl PartialEq for Gc<'_, GcStr> {
    /// Compares the texts.
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Gc<'_, GcStr> {}

impl Hash for Gc<'_, GcStr> {
    /// Hashes the text, as a `str` is hashed.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl Borrow<str> for Gc<'_, GcStr> {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

// SAFETY: 1: the type's own bytes are the length; the elements' words are in the layout of the slot, made from the mask
// of `T`. 2: hand-traced elements are traced by the layout's function. 4: by the elements' promise.
unsafe impl<T: Trace> Trace for GcSlice<T> {
    const MASK: TypeMask = TypeMask::noscan(size_of::<Self>());

    fn trace(&self, _: &mut Tracer<'_>) {}
}

// SAFETY: the elements are rebranded.
unsafe impl<T: Rebrand> Rebrand for GcSlice<T> {
    type At<'gc> = GcSlice<T::At<'gc>>;
}

// SAFETY: bytes.
unsafe impl Trace for GcStr {
    const MASK: TypeMask = TypeMask::noscan(size_of::<Self>());
}

// SAFETY: there is no brand to replace.
unsafe impl Rebrand for GcStr {
    type At<'gc> = Self;
}

impl<T> fmt::Debug for GcSlice<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GcSlice of {}", self.len)
    }
}

impl fmt::Debug for GcStr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GcStr of {} bytes", self.bytes.len)
    }
}
