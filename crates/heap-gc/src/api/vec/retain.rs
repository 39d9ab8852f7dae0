//! Elements that go from anywhere in the vector, many at once.
//!
//! `keep` is a user's code. It runs between one element and the next, may use the vector, and may panic. So each step asks how
//! long the vector is, and what is to be closed up is closed up in the drop of a [`Gap`].

use super::GcVec;
use crate::api::slice::range_within;
use crate::mutator::Mu;
use crate::trace::Trace;
use core::ops::{Range, RangeBounds};
use heap_core::fault::{self, Fault};

/// Taking elements out.
impl<'gc, T: Trace + Copy + 'gc> GcVec<'gc, T> {
    /// Takes the elements out of which `keep` says no. The others stay in their order.
    ///
    /// `keep` may use the vector: the walk is that of [`GcVec::iter`]. Between the elements that it has kept and those that it
    /// has not seen there may be some that have gone, or moved already.
    ///
    /// # Panics
    /// With the panics of `keep`; what it has said no to before is out.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// use tricolor::{GcVec, Heap};
    /// let heap = Heap::new()?;
    /// heap.attach()?.enter(|mu| {
    ///     let numbers = GcVec::new();
    ///     numbers.extend(mu, 0..10);
    ///     numbers.retain(mu, |number| number % 3 == 0);
    ///     assert!(numbers.iter().eq([0, 3, 6, 9]));
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn retain(&self, mu: &Mu<'gc>, mut keep: impl FnMut(T) -> bool) {
        self.retain_after(mu, |_, element| keep(element));
    }

    /// Takes elements out that are equal to the one before them: what is sorted has each once then.
    ///
    /// # Panics
    /// With the panics of `Eq`; what was found equal before is out.
    pub fn dedup(&self, mu: &Mu<'gc>)
    where
        T: PartialEq,
    {
        self.retain_after(mu, |last, element| last.is_none_or(|last| last != element));
    }

    /// Takes elements out that have the same key as the one before them.
    ///
    /// # Panics
    /// With the panics of `key`; what was found to have the same before is out.
    pub fn dedup_by_key<K: PartialEq>(&self, mu: &Mu<'gc>, mut key: impl FnMut(T) -> K) {
        self.retain_after(mu, |last, element| last.is_none_or(|last| key(last) != key(element)));
    }

    /// Takes a range of elements out, those behind it come nearer, and gives them to the caller, who has them until the `enter`
    /// is over. They are out when it returns, whatever becomes of the iterator.
    ///
    /// # Panics
    /// If the range goes past the end; nothing is changed then.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// use tricolor::{GcVec, Heap};
    /// let heap = Heap::new()?;
    /// heap.attach()?.enter(|mu| {
    ///     let queue = GcVec::new();
    ///     queue.extend(mu, 0..10);
    ///     assert_eq!(queue.drain(mu, ..4).sum::<u64>(), 0 + 1 + 2 + 3);
    ///     assert_eq!((queue.len(), queue.first()), (6, Some(4)));
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn drain(&self, mu: &Mu<'gc>, range: impl RangeBounds<usize>) -> std::vec::IntoIter<T> {
        let range = range_within(&range, || self.len());
        let elements: Vec<T> = self.iter().skip(range.start).take(range.len()).collect();
        self.close(mu, range);
        elements.into_iter()
    }

    /// [`GcVec::retain`], where `keep` is also given the last element that was kept.
    fn retain_after(&self, mu: &Mu<'gc>, mut keep: impl FnMut(Option<T>, T) -> bool) {
        let mut gap = Gap { vec: self, mu, places: 0..0 };
        while let Some(element) = self.get(gap.places.end) {
            let last = gap.places.start.checked_sub(1).and_then(|last| self.get(last));
            if keep(last, element) {
                // It may have taken out what was before the gap.
                if !gap.places.is_empty() && gap.places.start < self.len() {
                    self.set(mu, gap.places.start, element);
                }
                gap.places.start += 1;
            }
            gap.places.end += 1;
        }
    }

    /// Takes a range of elements out, which there are.
    fn close(&self, mu: &Mu<'gc>, range: Range<usize>) {
        if !range.is_empty() {
            let len = self.len();
            self.copy_places(mu, range.end..len, range.start);
            self.truncate(mu, len - range.len());
        }
    }
}

/// Places whose elements have gone or moved, closed up when it is dropped.
struct Gap<'a, 'gc, T: Trace + Copy + 'gc> {
    vec: &'a GcVec<'gc, T>,
    mu: &'a Mu<'gc>,
    places: Range<usize>,
}

impl<'gc, T: Trace + Copy + 'gc> Drop for Gap<'_, 'gc, T> {
    fn drop(&mut self) {
        if fault::on(Fault::GapLeft) {
            return;
        }
        let end = self.places.end.min(self.vec.len());
        self.vec.close(self.mu, self.places.start.min(end)..end);
    }
}
