//! Strings, and the set of all of them.

use std::hash::{Hash, Hasher};
use tricolor::{AllocError, Gc, GcMap, GcSlice, Mu, Trace};

/// A string. There is one for all strings of the same bytes, so equal strings are the same object.
#[derive(Trace)]
pub(crate) struct Text<'gc> {
    pub(crate) hash: u32,
    pub(crate) bytes: Gc<'gc, GcSlice<u8>>,
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes.as_slice() == other.bytes.as_slice()
    }
}

impl Eq for Text<'_> {}

impl Hash for Text<'_> {
    /// Hashes the hash that it keeps.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.hash.hash(state);
    }
}

/// A string as a key.
pub(crate) type Key<'gc> = Gc<'gc, Text<'gc>>;

/// All strings of an interpreter, each once. It keeps them: nobody but this set knows that it does, so a set that does not could
/// take its place.
#[derive(Trace)]
pub(crate) struct Strings<'gc> {
    texts: GcMap<'gc, Key<'gc>, ()>,
}

/// FNV-1a.
fn hash(bytes: &[u8]) -> u32 {
    bytes.iter().fold(2_166_136_261, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619))
}

impl<'gc> Strings<'gc> {
    pub(crate) fn new() -> Self {
        Self { texts: GcMap::new() }
    }

    /// The one string of these bytes.
    pub(crate) fn intern(&self, mu: &Mu<'gc>, bytes: &[u8]) -> Result<Key<'gc>, AllocError> {
        let hash = hash(bytes);
        let is = |text: &Key<'gc>| text.hash == hash && text.bytes.as_slice() == bytes;
        let make = || {
            let bytes = mu.try_alloc_slice(bytes.len(), |index| bytes[index])?;
            Ok((mu.try_alloc(Text { hash, bytes })?, ()))
        };
        let (text, ()) = self.texts.try_get_or_insert_by(mu, self.texts.hash_of(&hash), is, make)?;
        Ok(text)
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
            assert_eq!(strings.texts.len(), 1000);
        });
    }
}
