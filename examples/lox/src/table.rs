//! Tables in the heap: a map keyed by strings, and the set of all strings.
//!
//! Both are open-addressing tables with linear probing on a slice of cells, never more than three quarters full, doubled
//! by moving everything into a new slice. Nothing is ever removed, so an empty place ends every search.

use crate::object::Text;
use std::cell::Cell;
use tricolor::{AllocError, Gc, GcCell, GcSlice, Mu, Trace};

/// A string as a key.
type Key<'gc> = Gc<'gc, Text<'gc>>;

/// One place of a [`Table`].
#[derive(Trace)]
pub(crate) struct Entry<'gc, V> {
    key: GcCell<Option<Key<'gc>>>,
    value: GcCell<Option<V>>,
}

/// A map from strings to values. Strings are compared by identity, which is that of their bytes ([`Strings`]).
#[derive(Trace)]
pub(crate) struct Table<'gc, V> {
    entries: GcCell<Option<Gc<'gc, GcSlice<Entry<'gc, V>>>>>,
    count: Cell<usize>,
}

/// The places of the first slice.
const FIRST: usize = 8;

/// Whether a table of so many places is too full for one more.
fn is_full(count: usize, places: usize) -> bool {
    (count + 1) * 4 > places * 3
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

/// The places of [`Strings`].
type Places<'gc> = Gc<'gc, GcSlice<GcCell<Option<Key<'gc>>>>>;

/// All strings of an interpreter, each once. It keeps them: nobody but this set knows that it does, so a set that does not could
/// take its place.
#[derive(Trace)]
pub(crate) struct Strings<'gc> {
    places: GcCell<Option<Places<'gc>>>,
    count: Cell<usize>,
}

/// FNV-1a.
fn hash(bytes: &[u8]) -> u32 {
    bytes.iter().fold(2_166_136_261, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619))
}

/// The string of these bytes, or the empty place where it belongs.
fn find_bytes<'gc>(places: &[GcCell<Option<Key<'gc>>>], hash: u32, bytes: &[u8]) -> Result<Key<'gc>, usize> {
    let mask = places.len().wrapping_sub(1);
    let mut index = hash as usize & mask;
    while let Some(found) = places[index].get() {
        if found.hash == hash && found.bytes.as_slice() == bytes {
            return Ok(found);
        }
        index = (index + 1) & mask;
    }
    Err(index)
}

impl<'gc> Strings<'gc> {
    pub(crate) const fn new() -> Self {
        Self { places: GcCell::new(None), count: Cell::new(0) }
    }

    /// The one string of these bytes.
    pub(crate) fn intern(&self, mu: &Mu<'gc>, bytes: &[u8]) -> Result<Key<'gc>, AllocError> {
        let hash = hash(bytes);
        if let Some(places) = self.places.get()
            && let Ok(found) = find_bytes(places.as_slice(), hash, bytes)
        {
            return Ok(found);
        }
        let places = self.with_room(mu)?;
        let text = mu.try_alloc_slice(bytes.len(), |index| bytes[index])?;
        let text = mu.try_alloc(Text { hash, bytes: text })?;
        if let Err(index) = find_bytes(places.as_slice(), hash, bytes) {
            places[index].set(mu, Some(text));
            self.count.set(self.count.get() + 1);
        }
        Ok(text)
    }

    /// The places, with an empty one to spare.
    fn with_room(&self, mu: &Mu<'gc>) -> Result<Places<'gc>, AllocError> {
        let old = self.places.get();
        if let Some(old) = old
            && !is_full(self.count.get(), old.len())
        {
            return Ok(old);
        }
        let len = old.map_or(FIRST, |old| old.len() * 2);
        let places = mu.try_alloc_slice(len, |_| GcCell::new(None))?;
        let mask = len - 1;
        for text in old.iter().flat_map(|old| old.iter()).filter_map(GcCell::get) {
            let mut index = text.hash as usize & mask;
            while places[index].get().is_some() {
                index = (index + 1) & mask;
            }
            places[index].set(mu, Some(text));
        }
        self.places.set(mu, Some(places));
        Ok(places)
    }
}

#[cfg(test)]
mod tests {
    use super::{Strings, Table};
    use tricolor::{Gc, Heap};

    #[test]
    fn equal_bytes_are_the_same_string_however_the_set_grows() {
        let heap = Heap::new().expect("a heap");
        heap.attach().expect("a mutator").enter(|mu| {
            let strings = Strings::new();
            let intern = |number: usize| {
                strings.intern(mu, format!("name {number}").as_bytes()).expect("there is no limit")
            };
            let all: Vec<_> = (0..1000).map(intern).collect();
            assert!(all.iter().enumerate().all(|(number, &text)| Gc::ptr_eq(text, intern(number))));
            assert_eq!(strings.count.get(), 1000);
        });
    }

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
