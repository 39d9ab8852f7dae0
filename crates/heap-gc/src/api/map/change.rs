//! Entries that come and go.
//!
//! **Taking out.** A search passes a group only if none of its sixteen bytes is `EMPTY`. So a place becomes `EMPTY` again if its
//! group has another one: no search for any key has ever gone past this group since it has one, and none need go past it now. Otherwise
//! it becomes `DELETED`, and searches go on. Those are few, and go when the map gets new tables.

use super::group::{DELETED, EMPTY, WIDTH, tag};
use super::table::{At, Table};
use super::{GcMap, room};
use crate::barrier::{self, Barrier, bulk};
use crate::mutator::{Mu, Refusal, refused};
use crate::trace::Trace;
use core::borrow::Borrow;
use core::hash::{BuildHasher, Hash};
use core::mem::offset_of;
use heap_core::error::AllocError;
use heap_core::fault::{self, Fault};

/// Changing.
impl<'gc, K: Trace + Copy + Eq + Hash + 'gc, V: Trace + Copy + 'gc, S: BuildHasher> GcMap<'gc, K, V, S> {
    /// Gives a key a value, and returns the one it had. A key that is there stays as it is.
    ///
    /// # Panics
    /// If the map has to grow and there is no memory for it; [`GcMap::try_insert`] returns the error instead.
    #[inline]
    pub fn insert(&self, mu: &Mu<'gc>, key: K, value: V) -> Option<V> {
        self.try_insert(mu, key, value).unwrap_or_else(|error| refused(&error))
    }

    /// Gives a key a value, and returns the one it had, or says why not.
    ///
    /// # Errors
    /// See [`AllocError`]. The map is as before.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// use tricolor::{AllocError, GcMap, Heap};
    /// let heap = Heap::builder().hard_limit(1 << 20).build()?;
    /// heap.attach()?.enter(|mu| {
    ///     let squares = GcMap::new();
    ///     let error = (0_u64..).find_map(|n| squares.try_insert(mu, n, n * n).err());
    ///     assert!(matches!(error, Some(AllocError::Limit { .. })));
    ///     let last = squares.len() as u64 - 1;
    ///     assert_eq!(squares.get(&last), Some(last * last));
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_insert(&self, mu: &Mu<'gc>, key: K, value: V) -> Result<Option<V>, AllocError> {
        let hash = self.hash_of(&key);
        if let Some((table, at)) = self.find(hash, |found| *found == key) {
            // SAFETY: an entry was found there, and nothing came between.
            return Ok(Some(unsafe { self.exchange_value(mu, &table, at, value) }));
        }
        self.put(mu, hash, (key, value))?;
        Ok(None)
    }

    /// Inserts entries, one after another. The iterator may use the map, too.
    ///
    /// # Panics
    /// If the map has to grow and there is no memory for it ([`GcMap::try_extend`] returns the error instead), and with the
    /// panics of the iterator; what it gave before is in the map.
    pub fn extend(&self, mu: &Mu<'gc>, entries: impl IntoIterator<Item = (K, V)>) {
        self.try_extend(mu, entries).unwrap_or_else(|refusal| refused(&refusal.error));
    }

    /// Inserts entries, one after another, as far as there is memory. The iterator may use the map, too.
    ///
    /// # Errors
    /// The entry for which there was no memory, and why. Those before it are in the map, and the iterator was not asked for
    /// those after it.
    ///
    /// # Panics
    /// With the panics of the iterator; what it gave before is in the map.
    pub fn try_extend(
        &self,
        mu: &Mu<'gc>,
        entries: impl IntoIterator<Item = (K, V)>,
    ) -> Result<(), Refusal<(K, V)>> {
        for (key, value) in entries {
            self.try_insert(mu, key, value).map_err(|error| Refusal { error, value: (key, value) })?;
        }
        Ok(())
    }

    /// Takes a key out, and returns its value.
    #[inline]
    pub fn remove<Q: ?Sized + Hash + Eq>(&self, mu: &Mu<'gc>, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        Some(self.remove_entry(mu, key)?.1)
    }

    /// Takes a key out, and returns it and its value.
    #[inline]
    pub fn remove_entry<Q: ?Sized + Hash + Eq>(&self, mu: &Mu<'gc>, key: &Q) -> Option<(K, V)>
    where
        K: Borrow<Q>,
    {
        self.remove_by(mu, self.hash_of(key), |found| found.borrow() == key)
    }

    /// Takes the entries out for which `keep` says no. It may use the map: the walk is that of [`GcMap::iter`].
    ///
    /// # Panics
    /// With the panics of `keep`; what it has said no to before is out.
    pub fn retain(&self, mu: &Mu<'gc>, mut keep: impl FnMut(&K, &V) -> bool) {
        let mut walk = self.iter();
        while let Some((at, (key, value))) = walk.next_at() {
            let changes = self.changes.get();
            if keep(&key, &value) {
                continue;
            }
            let found = if self.changes.get() == changes {
                Some(at)
            } else {
                self.find(self.hash_of(&key), |found| *found == key)
            };
            if let Some((table, at)) = found {
                // SAFETY: it holds an entry: unchanged since the walk came there, or just found.
                unsafe { self.take_out(mu, &table, at) };
            }
        }
    }

    /// Puts an entry into the first free place on the way of its hash, or, if that would leave too few empty ones, into new
    /// tables. Its key is not in the map.
    #[inline(always)]
    pub(super) fn put(&self, mu: &Mu<'gc>, hash: u64, entry: (K, V)) -> Result<(), AllocError> {
        let free = self.table().map(|table| (table, table.free(hash)));
        // SAFETY: an index that was just found.
        let byte = |(table, at): At<K, V>| unsafe { table.byte(at) };
        let (table, at) = match free {
            Some(free) if self.left.get() > 0 || byte(free) == DELETED => free,
            Some(_) | None => self.grow_for(mu, hash)?,
        };
        if byte((table, at)) == EMPTY {
            self.left.set(self.left.get() - 1);
        }
        let (barrier, to) = mu.barrier();
        // SAFETY: 1: a place that only this thread uses (M5). 2: it is free (M3). 3: M6.
        unsafe { bulk::put(barrier, to, table.place(at), entry) };
        // SAFETY: 1: a place. 2: it holds an entry now, with that hash.
        unsafe { table.set_byte(at, tag(hash)) };
        self.len.set(self.len.get() + 1);
        self.note_change();
        Ok(())
    }

    /// Makes room for an entry with that hash, and says where.
    #[cold]
    #[inline(never)]
    fn grow_for(&self, mu: &Mu<'gc>, hash: u64) -> Result<At<K, V>, AllocError> {
        self.grow(mu, 1)?;
        let table = self.table().unwrap_or_else(|| unreachable!("a map that has grown has a table (M1)"));
        Ok((table, table.free(hash)))
    }
}

impl<'gc, K: Trace + Copy + 'gc, V: Trace + Copy + 'gc, S> GcMap<'gc, K, V, S> {
    /// Takes all entries out. The room for them stays.
    pub fn clear(&self, mu: &Mu<'gc>) {
        let Some(table) = self.table() else { return };
        let places = self.places();
        if self.left.get() == room::capacity(places) {
            return;
        }
        let (barrier, to) = mu.barrier();
        // SAFETY: 1: the places of the table, which only this thread uses (M5). 2: they hold values (M2) or, which needs no drop either,
        // nothing (M3). 3: M6.
        unsafe { bulk::erase(barrier, to, table.place(0), places) };
        // SAFETY: they were just cleared.
        unsafe { table.set_empty() };
        self.len.set(0);
        self.left.set(room::capacity(places));
        self.note_change();
    }

    /// Changes the value in a place of the map's table and returns the old one.
    ///
    /// # Safety
    /// 1. The place holds an entry.
    #[inline(always)]
    pub(super) unsafe fn exchange_value(&self, mu: &Mu<'gc>, table: &Table<K, V>, at: usize, value: V) -> V {
        // SAFETY: duty 1.
        let (_, old) = unsafe { Self::entry_in(table, at) };
        let place = table.place(at).wrapping_byte_add(offset_of!((K, V), 1)).cast::<V>();
        let (barrier, to) = mu.barrier();
        // SAFETY: 1: the value of an entry (duty 1) in a place that only this thread uses (M5). 2: `V` is `Copy`. 3: M6.
        unsafe { barrier::store(barrier, to, place, value) };
        old
    }

    /// Takes the entry in a place of the map's table out and returns it. See the head of the file.
    ///
    /// # Safety
    /// 1. The place holds an entry.
    #[inline]
    pub(super) unsafe fn take_out(&self, mu: &Mu<'gc>, table: &Table<K, V>, at: usize) -> (K, V) {
        // SAFETY: duty 1.
        let entry = unsafe { Self::entry_in(table, at) };
        self.erase(mu, table, at);
        // SAFETY: the group of a place (duty 1).
        let group = unsafe { table.group(at / WIDTH) };
        let byte = if group.has_empty() || fault::on(Fault::SearchCut) {
            self.left.set(self.left.get() + 1);
            EMPTY
        } else {
            DELETED
        };
        // SAFETY: 1: a place (duty 1). 2: it was just cleared.
        unsafe { table.set_byte(at, byte) };
        self.len.set(self.len.get() - 1);
        self.note_change();
        entry
    }

    /// Clears a place of the map's table.
    #[inline(always)]
    fn erase(&self, mu: &Mu<'gc>, table: &Table<K, V>, at: usize) {
        let (barrier, to) = mu.barrier();
        let off = Barrier::off_if(Fault::EntryUnshaded);
        let barrier = off.as_ref().unwrap_or(barrier);
        // SAFETY: 1: a place that only this thread uses (M5). 2: an entry is `Copy`. 3: M6.
        unsafe { bulk::erase(barrier, to, table.place(at), 1) };
    }
}
