//! Looking up by a hash and a question: keys that nobody has made yet.

use super::GcMap;
use crate::mutator::{Mu, refused};
use crate::trace::Trace;
use core::hash::{BuildHasher, Hash};
use heap_core::error::AllocError;

impl<K: Copy, V: Copy, S: BuildHasher> GcMap<'_, K, V, S> {
    /// The hash of a key, or of what is like a key, in this map.
    #[inline(always)]
    #[must_use]
    pub fn hash_of<Q: ?Sized + Hash>(&self, key: &Q) -> u64 {
        self.hasher.hash_one(key)
    }
}

impl<K: Copy, V: Copy, S> GcMap<'_, K, V, S> {
    /// The entry whose key has that hash ([`GcMap::hash_of`]) and is the one that `is` says. `is` is asked of keys that may have
    /// another hash, too.
    ///
    /// # Panics
    /// If `is` changes the map.
    #[inline]
    pub fn get_by(&self, hash: u64, is: impl FnMut(&K) -> bool) -> Option<(K, V)> {
        let (table, at) = self.find(hash, is)?;
        // SAFETY: an entry was found there, and nothing came between.
        Some(unsafe { Self::entry_in(&table, at) })
    }
}

impl<'gc, K: Trace + Copy + 'gc, V: Trace + Copy + 'gc, S> GcMap<'gc, K, V, S> {
    /// Takes out the entry whose key has that hash and is the one that `is` says, and returns it.
    ///
    /// # Panics
    /// If `is` changes the map.
    #[inline]
    pub fn remove_by(&self, mu: &Mu<'gc>, hash: u64, is: impl FnMut(&K) -> bool) -> Option<(K, V)> {
        let (table, at) = self.find(hash, is)?;
        // SAFETY: an entry was found there, and nothing came between.
        Some(unsafe { self.take_out(mu, &table, at) })
    }
}

impl<'gc, K: Trace + Copy + Eq + Hash + 'gc, V: Trace + Copy + 'gc, S: BuildHasher> GcMap<'gc, K, V, S> {
    /// The entry whose key has that hash and is the one that `is` says; if there is none, the one that `make` makes, whose key
    /// has that hash, too. A key with another one is not found again.
    ///
    /// `make` may use the map. If it puts such an entry there, that is the one.
    ///
    /// # Panics
    /// If `is` changes the map, or the map has to grow and there is no memory for it ([`GcMap::try_get_or_insert_by`] returns
    /// the error instead); in builds with assertions, if the hash is another.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// use tricolor::{Gc, GcMap, GcStr, Heap, Mu};
    ///
    /// /// The one string in the heap with that text.
    /// fn intern<'gc>(
    ///     mu: &Mu<'gc>,
    ///     strings: &GcMap<'gc, Gc<'gc, GcStr>, ()>,
    ///     text: &str,
    /// ) -> Gc<'gc, GcStr> {
    ///     let hash = strings.hash_of(text);
    ///     strings.get_or_insert_by(mu, hash, |key| key.as_str() == text, || (mu.alloc_str(text), ())).0
    /// }
    ///
    /// let heap = Heap::new()?;
    /// heap.attach()?.enter(|mu| {
    ///     let strings = GcMap::new();
    ///     let (a, b) = (intern(mu, &strings, "grey"), intern(mu, &strings, "grey"));
    ///     assert!(Gc::ptr_eq(a, b));
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get_or_insert_by(
        &self,
        mu: &Mu<'gc>,
        hash: u64,
        is: impl FnMut(&K) -> bool,
        make: impl FnOnce() -> (K, V),
    ) -> (K, V) {
        self.try_get_or_insert_by(mu, hash, is, || Ok(make())).unwrap_or_else(|error| refused(&error))
    }

    /// The same, where `make` may fail.
    ///
    /// # Errors
    /// That of `make`, or see [`AllocError`]. There is no such entry then, unless `make` put it there.
    ///
    /// # Panics
    /// If `is` changes the map; in builds with assertions, if the hash is another.
    pub fn try_get_or_insert_by(
        &self,
        mu: &Mu<'gc>,
        hash: u64,
        mut is: impl FnMut(&K) -> bool,
        make: impl FnOnce() -> Result<(K, V), AllocError>,
    ) -> Result<(K, V), AllocError> {
        if let Some((table, at)) = self.find(hash, &mut is) {
            // SAFETY: an entry was found there, and nothing came between.
            return Ok(unsafe { Self::entry_in(&table, at) });
        }
        let changes = self.changes.get();
        let entry = make()?;
        debug_assert_eq!(self.hash_of(&entry.0), hash, "the hash of the key that was made");
        if self.changes.get() != changes
            && let Some((table, at)) = self.find(hash, is)
        {
            // SAFETY: an entry was found there, and nothing came between.
            return Ok(unsafe { Self::entry_in(&table, at) });
        }
        self.put(mu, hash, entry)?;
        Ok(entry)
    }
}
