//! `GcVecIter`: the elements of a vector, one after another.
//!
//! It keeps an index and no pointer, and asks the vector for each element: so the vector may change, and its buffer go, while
//! the iterator is under way.

use super::GcVec;
use core::fmt;

impl<'gc, T: Copy> GcVec<'gc, T> {
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
        GcVecIter { vec: self, next: 0, end: usize::MAX }
    }
}

/// An iterator over the elements of a [`GcVec`], by value. See [`GcVec::iter`].
pub struct GcVecIter<'a, 'gc, T> {
    vec: &'a GcVec<'gc, T>,
    next: usize,
    /// Elements from here on have come from the back.
    end: usize,
}

impl<T: Copy> Iterator for GcVecIter<'_, '_, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        if self.next >= self.end {
            return None;
        }
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

impl<T: Copy> DoubleEndedIterator for GcVecIter<'_, '_, T> {
    /// The last element that has not come: of those that are there when it is first asked, and before those that have come so.
    #[inline]
    fn next_back(&mut self) -> Option<T> {
        let last = self.end.min(self.vec.len()).checked_sub(1).filter(|last| *last >= self.next)?;
        self.end = last;
        self.vec.get(last)
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

impl<T: Copy> fmt::Debug for GcVecIter<'_, '_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GcVecIter at {} of {}", self.next, self.vec.len())
    }
}
