//! `GcMapDrain`: the entries of a map, taken out one after another.

use super::GcMap;
use super::table::Walk;
use crate::mutator::Mu;
use crate::trace::Trace;
use core::fmt;

impl<'gc, K: Trace + Copy + 'gc, V: Trace + Copy + 'gc, S> GcMap<'gc, K, V, S> {
    /// An iterator that takes the entries out one after another, and all that are left when it is dropped. The room for
    /// them stays. What is put into the map while it is under way may be taken out, too.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// use tricolor::{GcMap, Heap};
    /// let heap = Heap::new()?;
    /// heap.attach()?.enter(|mu| {
    ///     let numbers = GcMap::new();
    ///     numbers.extend(mu, (0..100_u64).map(|number| (number, 1)));
    ///     assert_eq!(numbers.drain(mu).map(|(_, one)| one).sum::<u64>(), 100);
    ///     assert!(numbers.is_empty());
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn drain<'a>(&'a self, mu: &'a Mu<'gc>) -> GcMapDrain<'a, 'gc, K, V, S> {
        GcMapDrain { map: self, mu, walk: self.table().map(Walk::new) }
    }
}

/// An iterator that takes the entries of a [`GcMap`] out. See [`GcMap::drain`].
pub struct GcMapDrain<'a, 'gc, K: Trace + Copy + 'gc, V: Trace + Copy + 'gc, S> {
    map: &'a GcMap<'gc, K, V, S>,
    mu: &'a Mu<'gc>,
    walk: Option<Walk<K, V>>,
}

impl<'gc, K: Trace + Copy + 'gc, V: Trace + Copy + 'gc, S> Iterator for GcMapDrain<'_, 'gc, K, V, S> {
    type Item = (K, V);

    fn next(&mut self) -> Option<(K, V)> {
        if !self.walk.as_ref().is_some_and(|walk| self.map.has(&walk.table)) {
            // The map has got other tables, or had none.
            self.walk = self.map.table().map(Walk::new);
        }
        let walk = self.walk.as_mut()?;
        let at = walk.next()?;
        // SAFETY: the place holds an entry (M2) of the map's table, and nothing came between.
        Some(unsafe { self.map.take_out(self.mu, &walk.table, at) })
    }
}

impl<'gc, K: Trace + Copy + 'gc, V: Trace + Copy + 'gc, S> Drop for GcMapDrain<'_, 'gc, K, V, S> {
    fn drop(&mut self) {
        self.map.clear(self.mu);
    }
}

impl<'gc, K: Trace + Copy + 'gc, V: Trace + Copy + 'gc, S> fmt::Debug for GcMapDrain<'_, 'gc, K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GcMapDrain of a map of {}", self.map.len())
    }
}
