//! Elements that are changed where they are: the length stays.

use super::GcVec;
use crate::barrier::{self, bulk};
use crate::mutator::Mu;
use crate::trace::Trace;

/// Changing elements.
impl<'gc, T: Trace + Copy + 'gc> GcVec<'gc, T> {
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
}
