//! Entries that come and go.
//!
//! **Taking out.** A search passes a group only if none of its sixteen bytes is `EMPTY`. So a place becomes `EMPTY` again if its
//! group has another one: no search for any key has ever gone past this group since it has one, and none need go past it now.
//! Otherwise it becomes `DELETED`, and searches go on. Those are few, and go when the map gets new tables.

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

    /// The value of a key; if it has none, what `make` makes, once it is there. `make` may use the map: if it gives the key a
    /// value, that is replaced.
    ///
    /// # Panics
    /// If the map has to grow and there is no memory for it ([`GcMap::try_get_or_insert_with`] returns the error instead), and
    /// with the panics of `make`.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// use tricolor::{GcMap, Heap, Mu};
    ///
    /// /// How many ways lead up so many steps, of which one or two are taken at once.
    /// fn ways<'gc>(mu: &Mu<'gc>, known: &GcMap<'gc, u64, u64>, steps: u64) -> u64 {
    ///     known.get_or_insert_with(mu, steps, || match steps {
    ///         0 | 1 => 1,
    ///         _ => ways(mu, known, steps - 1) + ways(mu, known, steps - 2),
    ///     })
    /// }
    ///
    /// let heap = Heap::new()?;
    /// assert_eq!(heap.attach()?.enter(|mu| ways(mu, &GcMap::new(), 50)), 20_365_011_074);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn get_or_insert_with(&self, mu: &Mu<'gc>, key: K, make: impl FnOnce() -> V) -> V {
        self.entry(mu, key).or_insert_with(make)
    }

    /// The same, where `make` may fail.
    ///
    /// # Errors
    /// That of `make`, or see [`AllocError`]. The key has no value then, unless `make` gave it one.
    ///
    /// # Panics
    /// With the panics of `make`.
    #[inline]
    pub fn try_get_or_insert_with(
        &self,
        mu: &Mu<'gc>,
        key: K,
        make: impl FnOnce() -> Result<V, AllocError>,
    ) -> Result<V, AllocError> {
        self.entry(mu, key).try_or_insert_with(make)
    }

    /// Changes the value of a key to what `change` makes of it, and returns that; nothing if the key has none. `change` may use
    /// the map.
    ///
    /// # Panics
    /// With the panics of `change`, and if it takes the key out.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// use tricolor::{GcMap, Heap};
    /// let heap = Heap::new()?;
    /// heap.attach()?.enter(|mu| {
    ///     let stock = GcMap::new();
    ///     stock.insert(mu, 'a', 3);
    ///     assert_eq!(stock.update(mu, &'a', |count| count - 1), Some(2));
    ///     assert_eq!(stock.update(mu, &'b', |count| count - 1), None);
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn update<Q: ?Sized + Hash + Eq>(
        &self,
        mu: &Mu<'gc>,
        key: &Q,
        change: impl FnOnce(V) -> V,
    ) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let at = self.find(self.hash_of(key), |found| found.borrow() == key)?;
        // SAFETY: an entry was found there, and nothing came between.
        Some(unsafe { self.update_at(mu, at, |_, value| change(value)) })
    }

    /// Changes each value to what `change` makes of it. `change` may use the map: the walk is that of [`GcMap::iter`].
    ///
    /// # Panics
    /// With the panics of `change`, and if it takes the key out that it was asked about; values that it has made before are
    /// there.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// use tricolor::{GcMap, Heap};
    /// let heap = Heap::new()?;
    /// heap.attach()?.enter(|mu| {
    ///     let ages = GcMap::new();
    ///     ages.extend(mu, [('a', 0), ('b', 5)]);
    ///     ages.update_all(mu, |_, age| age + 1);
    ///     assert_eq!((ages.get(&'a'), ages.get(&'b')), (Some(1), Some(6)));
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn update_all(&self, mu: &Mu<'gc>, mut change: impl FnMut(&K, V) -> V) {
        let mut walk = self.iter();
        while let Some((at, _)) = walk.next_at() {
            // SAFETY: an entry was found there, and nothing came between.
            unsafe { self.update_at(mu, at, &mut change) };
        }
    }

    /// Changes the value in a place of the map's table to what `change` makes of it, and returns that.
    ///
    /// # Safety
    /// 1. The place holds an entry.
    ///
    /// # Panics
    /// If `change` takes the entry out.
    unsafe fn update_at(&self, mu: &Mu<'gc>, at: At<K, V>, change: impl FnOnce(&K, V) -> V) -> V {
        // SAFETY: duty 1.
        let (key, value) = unsafe { Self::entry_in(&at.0, at.1) };
        let changes = self.changes.get();
        let value = change(&key, value);
        let found = if self.changes.get() == changes {
            Some(at)
        } else {
            self.find(self.hash_of(&key), |found| *found == key)
        };
        let (table, at) = found.unwrap_or_else(|| panic!("the entry was taken out of the map"));
        // SAFETY: it holds an entry: unchanged since duty 1 was seen to, or just found.
        unsafe { self.exchange_value(mu, &table, at, value) };
        value
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
        unsafe { bulk::put(barrier, || to, table.place(at), entry) };
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
        // SAFETY: 1: the places of the table, which only this thread uses (M5). 2: they hold values (M2) or, which needs no drop
        // either, nothing (M3). 3: M6.
        unsafe { bulk::erase(barrier, to, table.place(0), places) };
        // SAFETY: they were just cleared.
        unsafe { table.set_empty() };
        self.len.set(0);
        self.left.set(room::capacity(places));
        self.note_change();
    }

    /// Takes the entries of that many groups, from one on, out for which `keep` says no; it does not use the map. Returns the
    /// group to go on with, if there are more.
    pub(in crate::api) fn retain_some(
        &self,
        mu: &Mu<'gc>,
        from: usize,
        groups: usize,
        mut keep: impl FnMut(&K, &V) -> bool,
    ) -> Option<usize> {
        let table = self.table()?;
        let end = from.saturating_add(groups).min(table.groups());
        for number in from..end {
            // SAFETY: one of the table's groups.
            for bit in unsafe { table.group(number) }.full() {
                let at = number * WIDTH + bit;
                // SAFETY: its control byte is a tag.
                let (key, value) = unsafe { Self::entry_in(&table, at) };
                if !keep(&key, &value) {
                    // SAFETY: as above: nothing has changed.
                    unsafe { self.take_out(mu, &table, at) };
                }
            }
        }
        (end < table.groups()).then_some(end)
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
