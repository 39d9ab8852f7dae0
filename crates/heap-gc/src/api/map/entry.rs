//! `GcMapEntry`: a key and whether it is in the map, looked up once for several operations.
//!
//! An entry does not keep the map from changing. If it has changed since the key was looked up (M7), the key is looked up again.

use super::GcMap;
use super::table::{At, Table};
use crate::mutator::{Mu, refused};
use crate::trace::Trace;
use core::fmt;
use core::hash::{BuildHasher, Hash};
use heap_core::error::AllocError;

impl<'gc, K: Trace + Copy + Eq + Hash + 'gc, V: Trace + Copy + 'gc, S: BuildHasher> GcMap<'gc, K, V, S> {
    /// A key's entry, there or not.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// use tricolor::{GcMap, Heap};
    /// let heap = Heap::new()?;
    /// heap.attach()?.enter(|mu| {
    ///     let counts = GcMap::new();
    ///     for letter in "tricolor".chars() {
    ///         counts.entry(mu, letter).and_modify(|count| count + 1).or_insert(1);
    ///     }
    ///     assert_eq!((counts.get(&'o'), counts.get(&'t'), counts.get(&'x')), (Some(2), Some(1), None));
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn entry<'a>(&'a self, mu: &'a Mu<'gc>, key: K) -> GcMapEntry<'a, 'gc, K, V, S> {
        let hash = self.hash_of(&key);
        let found = self.find(hash, |found| *found == key);
        let changes = self.changes.get();
        match found {
            Some((table, at)) => {
                GcMapEntry::Occupied(GcMapOccupied { map: self, mu, key, table, at, changes })
            }
            None => GcMapEntry::Vacant(GcMapVacant { map: self, mu, key, hash, changes }),
        }
    }
}

/// A key's entry in a [`GcMap`]. See [`GcMap::entry`].
pub enum GcMapEntry<'a, 'gc, K, V, S> {
    /// The key is there.
    Occupied(GcMapOccupied<'a, 'gc, K, V, S>),
    /// The key is not there.
    Vacant(GcMapVacant<'a, 'gc, K, V, S>),
}

/// The entry of a key that is in a [`GcMap`].
pub struct GcMapOccupied<'a, 'gc, K, V, S> {
    map: &'a GcMap<'gc, K, V, S>,
    mu: &'a Mu<'gc>,
    key: K,
    table: Table<K, V>,
    at: usize,
    changes: u64,
}

/// The entry of a key that is not in a [`GcMap`].
pub struct GcMapVacant<'a, 'gc, K, V, S> {
    map: &'a GcMap<'gc, K, V, S>,
    mu: &'a Mu<'gc>,
    key: K,
    hash: u64,
    changes: u64,
}

impl<'gc, K: Trace + Copy + Eq + Hash + 'gc, V: Trace + Copy + 'gc, S: BuildHasher>
    GcMapEntry<'_, 'gc, K, V, S>
{
    /// The key that was asked for.
    pub fn key(&self) -> K {
        match self {
            Self::Occupied(entry) => entry.key,
            Self::Vacant(entry) => entry.key,
        }
    }

    /// The value; `value` is put there if there is none.
    ///
    /// # Panics
    /// If the map has to grow and there is no memory for it; [`GcMapEntry::try_or_insert`] returns the error instead.
    #[inline]
    pub fn or_insert(self, value: V) -> V {
        self.or_insert_with(|| value)
    }

    /// The value; `value` is put there if there is none, unless that fails.
    ///
    /// # Errors
    /// See [`AllocError`]. The map is as before.
    ///
    /// # Panics
    /// If the key was there, and was taken out since.
    #[inline]
    pub fn try_or_insert(self, value: V) -> Result<V, AllocError> {
        self.try_or_insert_with(|| Ok(value))
    }

    /// The value; the default is put there if there is none.
    ///
    /// # Panics
    /// If the map has to grow and there is no memory for it; [`GcMapEntry::try_or_default`] returns the error instead.
    #[inline]
    pub fn or_default(self) -> V
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }

    /// The value; the default is put there if there is none, unless that fails.
    ///
    /// # Errors
    /// See [`AllocError`]. The map is as before.
    ///
    /// # Panics
    /// If the key was there, and was taken out since.
    #[inline]
    pub fn try_or_default(self) -> Result<V, AllocError>
    where
        V: Default,
    {
        self.try_or_insert_with(|| Ok(V::default()))
    }

    /// The value; what `make` makes is put there if there is none. `make` may use the map: if it gives the key a value, that is
    /// replaced.
    ///
    /// # Panics
    /// If the map has to grow and there is no memory for it ([`GcMapEntry::try_or_insert_with`] returns the error instead),
    /// and with the panics of `make`.
    #[inline]
    pub fn or_insert_with(self, make: impl FnOnce() -> V) -> V {
        self.try_or_insert_with(|| Ok(make())).unwrap_or_else(|error| refused(&error))
    }

    /// The value; what `make` makes is put there if there is none, unless that fails.
    ///
    /// # Errors
    /// That of `make`, or see [`AllocError`].
    ///
    /// # Panics
    /// If the key was there, and was taken out since.
    #[inline]
    pub fn try_or_insert_with(self, make: impl FnOnce() -> Result<V, AllocError>) -> Result<V, AllocError> {
        match self {
            Self::Occupied(entry) => Ok(entry.get()),
            Self::Vacant(entry) => {
                let value = make()?;
                entry.try_insert(value)?;
                Ok(value)
            }
        }
    }

    /// Changes the value if there is one.
    ///
    /// # Panics
    /// With the panics of `change`; and if the key was there, and was taken out since.
    #[inline]
    #[must_use]
    pub fn and_modify(self, change: impl FnOnce(V) -> V) -> Self {
        if let Self::Occupied(entry) = &self {
            entry.insert(change(entry.get()));
        }
        self
    }
}

impl<'gc, K: Trace + Copy + Eq + Hash + 'gc, V: Trace + Copy + 'gc, S: BuildHasher>
    GcMapOccupied<'_, 'gc, K, V, S>
{
    /// Where it is now, in the map's table.
    #[inline]
    #[track_caller]
    fn place(&self) -> At<K, V> {
        if self.map.changes.get() == self.changes {
            return (self.table, self.at);
        }
        let hash = self.map.hash_of(&self.key);
        let found = self.map.find(hash, |found| *found == self.key);
        found.unwrap_or_else(|| panic!("the entry was taken out of the map"))
    }

    /// The key that was asked for.
    pub fn key(&self) -> K {
        self.key
    }

    /// The value.
    ///
    /// # Panics
    /// If the key was taken out since.
    #[inline]
    #[track_caller]
    pub fn get(&self) -> V {
        let (table, at) = self.place();
        // SAFETY: an entry was found there, and nothing came between.
        unsafe { GcMap::<K, V, S>::entry_in(&table, at) }.1
    }

    /// Changes the value, and returns the old one.
    ///
    /// # Panics
    /// If the key was taken out since.
    #[inline]
    #[track_caller]
    pub fn insert(&self, value: V) -> V {
        let (table, at) = self.place();
        // SAFETY: an entry was found there, and nothing came between.
        unsafe { self.map.exchange_value(self.mu, &table, at, value) }
    }

    /// Takes the entry out, and returns its value.
    ///
    /// # Panics
    /// If the key was taken out since.
    #[inline]
    #[track_caller]
    pub fn remove(self) -> V {
        self.remove_entry().1
    }

    /// Takes the entry out, and returns it.
    ///
    /// # Panics
    /// If the key was taken out since.
    #[inline]
    #[track_caller]
    pub fn remove_entry(self) -> (K, V) {
        let (table, at) = self.place();
        // SAFETY: an entry was found there, and nothing came between.
        unsafe { self.map.take_out(self.mu, &table, at) }
    }
}

impl<'gc, K: Trace + Copy + Eq + Hash + 'gc, V: Trace + Copy + 'gc, S: BuildHasher>
    GcMapVacant<'_, 'gc, K, V, S>
{
    /// The key that was asked for.
    pub fn key(&self) -> K {
        self.key
    }

    /// Gives the key a value.
    ///
    /// # Panics
    /// If the map has to grow and there is no memory for it; [`GcMapVacant::try_insert`] returns the error instead.
    #[inline]
    pub fn insert(self, value: V) {
        self.try_insert(value).unwrap_or_else(|error| refused(&error));
    }

    /// Gives the key a value, or says why not.
    ///
    /// # Errors
    /// See [`AllocError`]. The map is as before.
    #[inline]
    pub fn try_insert(self, value: V) -> Result<(), AllocError> {
        let Self { map, mu, key, hash, changes } = self;
        if map.changes.get() == changes {
            return map.put(mu, hash, (key, value));
        }
        map.try_insert(mu, key, value)?;
        Ok(())
    }
}

impl<K: Copy + fmt::Debug, V, S> fmt::Debug for GcMapEntry<'_, '_, K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Occupied(entry) => entry.fmt(f),
            Self::Vacant(entry) => entry.fmt(f),
        }
    }
}

impl<K: Copy + fmt::Debug, V, S> fmt::Debug for GcMapOccupied<'_, '_, K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GcMapOccupied").field("key", &self.key).finish_non_exhaustive()
    }
}

impl<K: Copy + fmt::Debug, V, S> fmt::Debug for GcMapVacant<'_, '_, K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GcMapVacant").field("key", &self.key).finish_non_exhaustive()
    }
}
