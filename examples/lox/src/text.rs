//! Strings, and the set of all of them.
//!
//! The set is an open-addressing table with linear probing on a slice of cells, like the maps ([`is_full`] is for both).

use std::cell::Cell;
use tricolor::{AllocError, Gc, GcCell, GcSlice, Mu, Trace};

/// A string. There is one for all strings of the same bytes, so equal strings are the same object.
#[derive(Trace)]
pub(crate) struct Text<'gc> {
    pub(crate) hash: u32,
    pub(crate) bytes: Gc<'gc, GcSlice<u8>>,
}

/// A string as a key.
pub(crate) type Key<'gc> = Gc<'gc, Text<'gc>>;

/// The places of the first slice.
pub(crate) const FIRST: usize = 8;

/// Whether a table of so many places is too full for one more.
pub(crate) fn is_full(count: usize, places: usize) -> bool {
    (count + 1) * 4 > places * 3
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
    use super::Strings;
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
}
