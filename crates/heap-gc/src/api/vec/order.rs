//! The order of a vector's elements: those that go from one place to another, alone or because one comes or goes before them.

use super::GcVec;
use crate::api::slice::range_within;
use crate::barrier::{self, bulk};
use crate::mutator::{Mu, refused};
use crate::trace::Trace;
use core::ops::{Range, RangeBounds};
use heap_core::error::AllocError;

/// Moving elements.
impl<'gc, T: Trace + Copy + 'gc> GcVec<'gc, T> {
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
    /// If the index is above the length, and if the vector has to grow and there is no memory for it;
    /// [`GcVec::try_insert`] returns the error instead.
    #[track_caller]
    pub fn insert(&self, mu: &Mu<'gc>, index: usize, value: T) {
        self.try_insert(mu, index, value).unwrap_or_else(|error| refused(&error));
    }

    /// Puts an element at an index, and those from there on one further, or says why not.
    ///
    /// # Errors
    /// See [`AllocError`]. The vector is as before.
    ///
    /// # Panics
    /// If the index is above the length.
    #[track_caller]
    pub fn try_insert(&self, mu: &Mu<'gc>, index: usize, value: T) -> Result<(), AllocError> {
        let len = self.len();
        assert!(index <= len, "an element was to be inserted at the index {index} of a vector of {len}");
        if index == len {
            return self.try_push(mu, value);
        }
        self.try_reserve(mu, 1)?;
        let (barrier, to) = mu.barrier();
        let place = self.place(index);
        // SAFETY: 1: there is room for one more (`reserve`), in places that only this thread uses (V4). 2: V2, and the last holds
        // nothing (V3). 3: V2. 4: V5.
        unsafe { bulk::overwrite(barrier, to, place, place.wrapping_add(1), len - index) };
        // SAFETY: 1: it holds a value (V2), still. 2: `T` is `Copy`. 3: V5.
        unsafe { barrier::store(barrier, to, place, value) };
        self.len.set(len + 1);
        Ok(())
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

    /// Copies a range of elements over those from the index `to` on; neither goes past the end.
    pub(super) fn copy_places(&self, mu: &Mu<'gc>, range: Range<usize>, index: usize) {
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
}
