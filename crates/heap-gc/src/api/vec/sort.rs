//! Sorting: on a copy, since comparing is a user's code, which may use the vector and panic.

use super::GcVec;
use crate::mutator::Mu;
use crate::trace::Trace;
use core::cmp::Ordering;

/// Sorting.
impl<'gc, T: Trace + Copy + 'gc> GcVec<'gc, T> {
    /// Sorts the elements. Equal ones stay in their order.
    ///
    /// # Panics
    /// As [`GcVec::sort_by`].
    pub fn sort(&self, mu: &Mu<'gc>)
    where
        T: Ord,
    {
        self.sort_by(mu, T::cmp);
    }

    /// Sorts the elements by a key. Equal ones stay in their order.
    ///
    /// # Panics
    /// As [`GcVec::sort_by`].
    pub fn sort_by_key<K: Ord>(&self, mu: &Mu<'gc>, mut key: impl FnMut(T) -> K) {
        self.sort_by(mu, |a, b| key(*a).cmp(&key(*b)));
    }

    /// Sorts the elements as `compare` says. Equal ones stay in their order. It takes as much memory of the process as the
    /// elements.
    ///
    /// `compare` sees the vector as it was. What it puts behind the elements stays there; what else it changes is overwritten.
    ///
    /// # Panics
    /// With the panics of `compare`, if that is no order, and if it takes elements out; nothing is changed then, but by
    /// `compare`.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// use tricolor::{GcVec, Heap};
    /// let heap = Heap::new()?;
    /// heap.attach()?.enter(|mu| {
    ///     let words = GcVec::new();
    ///     words.extend(mu, ["white", "black", "grey"].map(|word| mu.alloc_str(word)));
    ///     words.sort_by(mu, |a, b| a.len().cmp(&b.len()));
    ///     assert!(words.iter().eq(["grey", "white", "black"]));
    ///     words.sort(mu);
    ///     assert!(words.iter().eq(["black", "grey", "white"]));
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sort_by(&self, mu: &Mu<'gc>, compare: impl FnMut(&T, &T) -> Ordering) {
        let mut sorted = self.to_vec();
        sorted.sort_by(compare);
        self.write(mu, 0, &sorted);
    }
}
