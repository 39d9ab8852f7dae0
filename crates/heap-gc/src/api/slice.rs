//! `GcSlice`: a sequence in the heap, its length with it.

mod compare;

use crate::api::cell::GcCell;
use crate::barrier::bulk;
use crate::gc::Gc;
use crate::mutator::{Mu, refused};
use crate::object::slice_header;
use crate::trace::{Rebrand, Trace, Tracer};
use core::marker::PhantomData;
use core::ops::{Bound, Index, Range, RangeBounds};
use core::slice::SliceIndex;
use heap_core::error::AllocError;
use heap_core::layout::TypeMask;

/// A sequence of `T` in the heap, of a length fixed when it is made.
///
/// It is used through its reference: `Gc<GcSlice<T>>` is one word and has [`as_slice`](Gc::as_slice) and
/// [`len`](Gc::len), is indexed and iterated over, and compares, hashes and prints as the slice does. To change elements, make
/// them [`GcCell`]s.
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
#[expect(missing_debug_implementations, reason = "its reference has one, which can see the elements")]
pub struct GcSlice<T> {
    len: usize,
    elements: PhantomData<[T]>,
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
        self.try_alloc_slice_with(len, |index| Ok(element(index)))
    }

    /// Makes a slice of `len` elements, the i-th being `element(i)`, which may fail: elements are often allocations, too.
    ///
    /// # Errors
    /// See [`AllocError`], and `element` is not called then; or that of `element`, and then the elements made so far are garbage.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// use tricolor::{AllocError, Gc, GcSlice, GcStr, Heap, Mu};
    ///
    /// fn words<'gc>(mu: &Mu<'gc>, text: &[&str]) -> Result<Gc<'gc, GcSlice<Gc<'gc, GcStr>>>, AllocError> {
    ///     mu.try_alloc_slice_with(text.len(), |index| mu.try_alloc_str(text[index]))
    /// }
    ///
    /// let heap = Heap::new()?;
    /// let longest = heap.attach()?.enter(|mu| Ok::<_, AllocError>(words(mu, &["white", "grey"])?[0].len()))?;
    /// assert_eq!(longest, 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_alloc_slice_with<T: Trace + 'gc, E: From<AllocError>>(
        &self,
        len: usize,
        mut element: impl FnMut(usize) -> Result<T, E>,
    ) -> Result<Gc<'gc, GcSlice<T>>, E> {
        let slot = self.slice_slot::<T>(len)?;
        let header = slot.cast::<usize>();
        // The header counts the elements made, so that an unfinished slice is a whole one of what there is.
        // SAFETY: the slot begins with a header word.
        unsafe { header.write(0) };
        let first = slot.as_ptr().wrapping_add(slice_header(align_of::<T>())).cast::<T>();
        for index in 0..len {
            let value = element(index)?;
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
    /// If there is no memory for it; [`Mu::try_alloc_copy`] returns the error instead.
    pub fn alloc_copy<T: Trace + Copy + 'gc>(&self, elements: &[T]) -> Gc<'gc, GcSlice<T>> {
        self.try_alloc_copy(elements).unwrap_or_else(|error| refused(&error))
    }

    /// Copies a slice into the heap, or says why not.
    ///
    /// # Errors
    /// See [`AllocError`]. The heap is as before.
    pub fn try_alloc_copy<T: Trace + Copy + 'gc>(
        &self,
        elements: &[T],
    ) -> Result<Gc<'gc, GcSlice<T>>, AllocError> {
        let slot = self.slice_slot::<T>(elements.len())?;
        let first = slot.as_ptr().wrapping_add(slice_header(align_of::<T>())).cast::<T>();
        // SAFETY: the slot has room for the elements after its header, aligned for them; it is new, so nothing overlaps.
        unsafe { core::ptr::copy_nonoverlapping(elements.as_ptr(), first, elements.len()) };
        // SAFETY: the slot begins with a header word.
        unsafe { slot.cast::<usize>().write(elements.len()) };
        // SAFETY: a whole slice in an allocated slot of this heap.
        Ok(unsafe { Gc::from_raw(slot.cast()) })
    }
}

impl<'gc, T> Gc<'gc, GcSlice<T>> {
    /// The elements.
    #[inline]
    #[must_use]
    pub fn as_slice(self) -> &'gc [T] {
        let (first, len) = parts(self);
        // SAFETY: that many initialised elements follow the header (`try_alloc_slice_with`), for as long as `'gc`; the
        // reference's pointer is good for the whole slot.
        unsafe { core::slice::from_raw_parts(first, len) }
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

/// The elements, for as long as the reference is borrowed: what traits ask for.
fn elements<'a, T>(of: &'a Gc<'_, GcSlice<T>>) -> &'a [T] {
    let (first, len) = parts(*of);
    // SAFETY: as in `as_slice`; the reference is good for as long as it can be borrowed.
    unsafe { core::slice::from_raw_parts(first, len) }
}

/// Where the elements are, and how many.
#[inline]
fn parts<T>(of: Gc<'_, GcSlice<T>>) -> (*const T, usize) {
    let start = Gc::as_ptr(of).as_ptr().cast::<u8>();
    (start.wrapping_add(slice_header(align_of::<T>())).cast::<T>(), of.len)
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
        // SAFETY: 1, 2: the cells are this slice's, and as many (`within`). 3: those are the other's, which only this thread
        // uses. 4: all have the brand of `mu`'s heap.
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

/// By an index, or a range of them.
impl<'gc, T: 'gc, I: SliceIndex<[T]>> Index<I> for Gc<'gc, GcSlice<T>> {
    type Output = I::Output;

    #[inline]
    fn index(&self, index: I) -> &I::Output {
        &(*self).as_slice()[index]
    }
}

impl<'gc, T: 'gc> IntoIterator for Gc<'gc, GcSlice<T>> {
    type Item = &'gc T;
    type IntoIter = core::slice::Iter<'gc, T>;

    #[inline]
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
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
