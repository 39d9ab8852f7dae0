//! A map in the heap, keyed by strings.
//!
//! It is an open-addressing table with linear probing on a slice of cells, never more than three quarters full, doubled by moving
//! everything into a new slice. Nothing is ever removed, so an empty place ends every search. A `GcMap` would compare strings by
//! their bytes; here the address is enough, for each has one object, and most maps are the few fields of an instance.

use crate::text::Key;
use std::cell::Cell;
use tricolor::{AllocError, Gc, GcCell, GcSlice, Mu, Trace};

/// The places of the first slice.
const FIRST: usize = 8;

/// Whether a table of so many places is too full for one more.
fn is_full(count: usize, places: usize) -> bool {
    (count + 1) * 4 > places * 3
}

/// One place of a [`Table`].
#[derive(Trace)]
pub(crate) struct Entry<'gc, V> {
    key: GcCell<Option<Key<'gc>>>,
    value: GcCell<Option<V>>,
}

/// A map from strings to values. Strings are compared by identity, which is that of their bytes.
#[derive(Trace)]
pub(crate) struct Table<'gc, V> {
    entries: GcCell<Option<Gc<'gc, GcSlice<Entry<'gc, V>>>>>,
    count: Cell<usize>,
}

/// The index of the key, or of the empty place where it belongs. The places are a power of two, and one is empty.
#[inline(always)]
fn find<V>(entries: &[Entry<'_, V>], key: Key<'_>) -> usize {
    let mask = entries.len().wrapping_sub(1);
    let mut index = key.hash as usize & mask;
    loop {
        match entries[index].key.get() {
            Some(found) if Gc::addr(found) != Gc::addr(key) => index = (index + 1) & mask,
            Some(_) | None => return index,
        }
    }
}

impl<'gc, V: Trace + Copy + 'gc> Table<'gc, V> {
    /// An empty table, which takes no memory.
    pub(crate) const fn new() -> Self {
        Self { entries: GcCell::new(None), count: Cell::new(0) }
    }

    /// The value of a key.
    #[inline(always)]
    pub(crate) fn get(&self, key: Key<'gc>) -> Option<V> {
        let entries = self.entries.get()?.as_slice();
        entries[find(entries, key)].value.get()
    }

    /// Gives a key a value. The table is as before if there is no memory.
    #[inline(always)]
    pub(crate) fn set(&self, mu: &Mu<'gc>, key: Key<'gc>, value: V) -> Result<(), AllocError> {
        if let Some(entries) = self.entries.get() {
            let entries = entries.as_slice();
            let entry = &entries[find(entries, key)];
            if entry.key.get().is_some() {
                entry.value.set(mu, Some(value));
                return Ok(());
            }
            if !is_full(self.count.get(), entries.len()) {
                entry.key.set(mu, Some(key));
                entry.value.set(mu, Some(value));
                self.count.set(self.count.get() + 1);
                return Ok(());
            }
        }
        self.grow(mu)?;
        self.set_new(mu, key, value);
        Ok(())
    }

    /// Sets a key that is not there, and for which there is room.
    fn set_new(&self, mu: &Mu<'gc>, key: Key<'gc>, value: V) {
        let Some(entries) = self.entries.get() else { return };
        let entries = entries.as_slice();
        let entry = &entries[find(entries, key)];
        entry.key.set(mu, Some(key));
        entry.value.set(mu, Some(value));
        self.count.set(self.count.get() + 1);
    }

    #[cold]
    #[inline(never)]
    fn grow(&self, mu: &Mu<'gc>) -> Result<(), AllocError> {
        let old = self.entries.get();
        let places = old.map_or(FIRST, |old| old.len() * 2);
        let entries =
            mu.try_alloc_slice(places, |_| Entry { key: GcCell::new(None), value: GcCell::new(None) })?;
        let slice = entries.as_slice();
        for entry in old.iter().flat_map(|old| old.iter()) {
            if let Some(key) = entry.key.get() {
                let place = &slice[find(slice, key)];
                place.key.set(mu, Some(key));
                place.value.set(mu, entry.value.get());
            }
        }
        self.entries.set(mu, Some(entries));
        Ok(())
    }

    /// Copies every entry of another table into this one.
    pub(crate) fn set_all(&self, mu: &Mu<'gc>, other: &Self) -> Result<(), AllocError> {
        for entry in other.entries.get().iter().flat_map(|entries| entries.iter()) {
            if let (Some(key), Some(value)) = (entry.key.get(), entry.value.get()) {
                self.set(mu, key, value)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Table;
    use crate::text::Strings;
    use tricolor::Heap;

    #[test]
    fn a_table_keeps_what_it_was_given_last() {
        let heap = Heap::new().expect("a heap");
        heap.attach().expect("a mutator").enter(|mu| {
            let (strings, table, copy) = (Strings::new(), Table::new(), Table::new());
            let key = |number: u64| strings.intern(mu, &number.to_le_bytes()).expect("there is no limit");
            assert_eq!(table.get(key(0)), None);
            for round in 0..2 {
                for number in 0..500_u64 {
                    table.set(mu, key(number), number * 2 + round).expect("there is no limit");
                }
            }
            copy.set_all(mu, &table).expect("there is no limit");
            for number in 0..500_u64 {
                assert_eq!(
                    (table.get(key(number)), copy.get(key(number))),
                    (Some(number * 2 + 1), table.get(key(number)))
                );
            }
            assert_eq!((table.get(key(500)), table.count.get(), copy.count.get()), (None, 500, 500));
        });
    }
}
