//! Elements that are looked for, and the vector as a `Vec` of Rust.
//!
//! `Eq` and closures are a user's code and may change the vector: each element is asked for by its index, by value, when its turn
//! comes, as an iterator does.

use super::GcVec;
use core::cmp::Ordering;

/// Searching.
impl<T: Copy> GcVec<'_, T> {
    /// The elements, as they are now. They are the caller's until the `enter` is over.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// use tricolor::{GcVec, Heap};
    /// let heap = Heap::new()?;
    /// heap.attach()?.enter(|mu| {
    ///     let numbers = GcVec::new();
    ///     numbers.extend(mu, [1, 2, 3]);
    ///     // Not a walk through what it changes.
    ///     numbers.to_vec().iter().for_each(|number| numbers.push(mu, number * 10));
    ///     assert!(numbers.iter().eq([1, 2, 3, 10, 20, 30]));
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn to_vec(&self) -> Vec<T> {
        let mut elements = Vec::with_capacity(if const { size_of::<T>() == 0 } { 0 } else { self.len() });
        elements.extend(self.iter());
        elements
    }

    /// Whether an element is there.
    #[must_use]
    pub fn contains(&self, value: &T) -> bool
    where
        T: PartialEq,
    {
        self.iter().any(|element| element == *value)
    }

    /// Where a value is in a vector that is sorted; any of its places, if it is there more than once.
    ///
    /// # Errors
    /// If it is not there, the index at which it could be inserted. In a vector that is not sorted the answer has no meaning.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// use tricolor::{GcVec, Heap};
    /// let heap = Heap::new()?;
    /// heap.attach()?.enter(|mu| {
    ///     let sorted = GcVec::new();
    ///     for number in [5, 1, 4, 1, 3] {
    ///         let at = sorted.binary_search(&number).unwrap_or_else(|at| at);
    ///         sorted.insert(mu, at, number);
    ///     }
    ///     assert!(sorted.iter().eq([1, 1, 3, 4, 5]));
    ///     assert_eq!((sorted.binary_search(&4), sorted.binary_search(&2)), (Ok(3), Err(2)));
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn binary_search(&self, value: &T) -> Result<usize, usize>
    where
        T: Ord,
    {
        self.binary_search_by(|element| element.cmp(value))
    }

    /// Where the element is that `is` says is the one, in a vector that is sorted by what `is` says: first those that are less
    /// than what is looked for, and last those that are greater.
    ///
    /// # Errors
    /// If none is, the index at which it could be inserted.
    pub fn binary_search_by(&self, mut is: impl FnMut(T) -> Ordering) -> Result<usize, usize> {
        let (mut from, mut to) = (0, self.len());
        while from < to {
            let middle = from.midpoint(to);
            // What has been taken out meanwhile is past the end.
            match self.get(middle).map_or(Ordering::Greater, &mut is) {
                Ordering::Less => from = middle + 1,
                Ordering::Equal => return Ok(middle),
                Ordering::Greater => to = middle,
            }
        }
        Err(from)
    }

    /// How many elements come before the first of which `is_before` says no, in a vector where none comes after that of which it
    /// says yes.
    #[must_use]
    pub fn partition_point(&self, mut is_before: impl FnMut(T) -> bool) -> usize {
        let is = |element| if is_before(element) { Ordering::Less } else { Ordering::Greater };
        self.binary_search_by(is).unwrap_or_else(|at| at)
    }
}
