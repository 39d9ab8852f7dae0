//! `GcMapIter`: the entries of a map, one after another, while the map may change.
//!
//! It walks through the tables that the map had when it began, and keeps them: inside `enter` nothing is freed. While they are
//! the map's, it sees what goes, since it asks the control byte of a place when it comes there. If the map has got others,
//! nothing changes in the old ones any more (M5), and they have each key that was there then: it is looked up in the map as it
//! is.

use super::GcMap;
use super::table::{At, Table, Walk};
use core::fmt;
use core::hash::{BuildHasher, Hash};

impl<'gc, K: Copy, V: Copy, S> GcMap<'gc, K, V, S> {
    /// An iterator over the entries, by value, in no order.
    ///
    /// The map may change while it is under way. An entry that is there all the time comes once, with the value it has when
    /// it comes. One that is taken out before does not come, and one that is put there in the meantime may come or not; what is
    /// taken out and put there again may come twice.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// use tricolor::{GcMap, Heap};
    /// let heap = Heap::new()?;
    /// heap.attach()?.enter(|mu| {
    ///     let numbers = GcMap::new();
    ///     numbers.extend(mu, (0..100_u64).map(|number| (number, ())));
    ///     let mut seen = 0;
    ///     for (number, ()) in &numbers {
    ///         seen += 1;
    ///         // The other of a pair.
    ///         numbers.remove(mu, &(number ^ 1));
    ///     }
    ///     assert_eq!((seen, numbers.len()), (50, 50));
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn iter(&self) -> GcMapIter<'_, 'gc, K, V, S> {
        GcMapIter { map: self, walk: self.table().map(Walk::new) }
    }

    /// Whether a table is still the map's.
    #[inline(always)]
    pub(super) fn has(&self, table: &Table<K, V>) -> bool {
        self.table().is_some_and(|now| now.is(table))
    }
}

impl<'gc, K: Copy + Eq + Hash, V: Copy, S: BuildHasher> GcMap<'gc, K, V, S> {
    /// The keys. See [`GcMap::iter`].
    pub fn keys(&self) -> impl Iterator<Item = K> + use<'_, 'gc, K, V, S> {
        self.iter().map(|(key, _)| key)
    }

    /// The values. See [`GcMap::iter`].
    pub fn values(&self) -> impl Iterator<Item = V> + use<'_, 'gc, K, V, S> {
        self.iter().map(|(_, value)| value)
    }
}

/// An iterator over the entries of a [`GcMap`], by value. See [`GcMap::iter`].
pub struct GcMapIter<'a, 'gc, K, V, S> {
    map: &'a GcMap<'gc, K, V, S>,
    walk: Option<Walk<K, V>>,
}

impl<K: Copy + Eq + Hash, V: Copy, S: BuildHasher> GcMapIter<'_, '_, K, V, S> {
    /// Where the map has the next entry, and the entry.
    #[inline]
    pub(super) fn next_at(&mut self) -> Option<(At<K, V>, (K, V))> {
        let walk = self.walk.as_mut()?;
        loop {
            let index = walk.next()?;
            // SAFETY: its control byte is a tag (M2), also in a table that the map had (M5).
            let entry = unsafe { GcMap::<K, V, S>::entry_in(&walk.table, index) };
            if self.map.has(&walk.table) {
                return Some(((walk.table, index), entry));
            }
            let key = entry.0;
            if let Some((table, at)) = self.map.find(self.map.hash_of(&key), |found| *found == key) {
                // SAFETY: an entry was found there, and nothing came between.
                return Some(((table, at), unsafe { GcMap::<K, V, S>::entry_in(&table, at) }));
            }
        }
    }
}

impl<K: Copy + Eq + Hash, V: Copy, S: BuildHasher> Iterator for GcMapIter<'_, '_, K, V, S> {
    type Item = (K, V);

    #[inline]
    fn next(&mut self) -> Option<(K, V)> {
        Some(self.next_at()?.1)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        // Entries may be taken out before it gets there, or put in.
        (0, None)
    }
}

impl<'a, 'gc, K: Copy + Eq + Hash, V: Copy, S: BuildHasher> IntoIterator for &'a GcMap<'gc, K, V, S> {
    type Item = (K, V);
    type IntoIter = GcMapIter<'a, 'gc, K, V, S>;

    #[inline]
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<K: Copy, V: Copy, S> fmt::Debug for GcMapIter<'_, '_, K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GcMapIter over a map of {}", self.map.len())
    }
}
