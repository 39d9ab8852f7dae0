//! Strings, and the set of all of them.

use std::hash::{Hash, Hasher};
use tricolor::{AllocError, Gc, GcSlice, Mu, Trace, WeakSet};

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

/// All strings of an interpreter, each once, as long as something else keeps it.
#[derive(Trace)]
pub(crate) struct Strings<'gc> {
    texts: WeakSet<'gc, Text<'gc>>,
}

/// FNV-1a.
fn hash(bytes: &[u8]) -> u32 {
    bytes.iter().fold(2_166_136_261, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619))
}

impl<'gc> Strings<'gc> {
    pub(crate) fn new() -> Self {
        Self { texts: WeakSet::new() }
    }

    /// The one string of these bytes.
    pub(crate) fn intern(&self, mu: &Mu<'gc>, bytes: &[u8]) -> Result<Key<'gc>, AllocError> {
        let hash = hash(bytes);
        let is = |text: Key<'gc>| text.bytes.as_slice() == bytes;
        self.texts.try_get_or_insert_by(mu, self.texts.hash_of(&hash), is, || {
            let bytes = mu.try_alloc_slice(bytes.len(), |index| bytes[index])?;
            mu.try_alloc(Text { hash, bytes })
        })
    }

    /// The one string of the bytes of two. `scratch` is room for them.
    #[inline(never)]
    pub(crate) fn concatenate(
        &self,
        mu: &Mu<'gc>,
        scratch: &mut Vec<u8>,
        a: Key<'gc>,
        b: Key<'gc>,
    ) -> Result<Key<'gc>, AllocError> {
        scratch.clear();
        scratch.extend_from_slice(a.bytes.as_slice());
        scratch.extend_from_slice(b.bytes.as_slice());
        self.intern(mu, scratch)
    }
}

#[cfg(test)]
mod tests {
    use super::Strings;
    use tricolor::{Gc, Heap, Root};

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

    #[test]
    fn strings_that_nothing_keeps_are_forgotten() {
        let heap = Heap::new().expect("a heap");
        let mut mutator = heap.attach().expect("a mutator");
        let strings: Root<Strings<'static>> = mutator.enter(|mu| mu.root(mu.alloc(Strings::new())));
        let kept: Root<super::Text<'static>> = mutator.enter(|mu| {
            let strings = strings.get(mu);
            let intern = |text: &[u8]| strings.intern(mu, text).expect("there is no limit");
            (0..1000_u32).for_each(|number| _ = intern(&number.to_le_bytes()));
            mu.root(intern(b"kept"))
        });
        mutator.collect();
        assert!(heap.figures().memory.heap_objects < 2000, "the places, and no text");
        mutator.enter(|mu| {
            let strings = strings.get(mu);
            let again = strings.intern(mu, b"kept").expect("there is no limit");
            assert!(Gc::ptr_eq(again, kept.get(mu)));
            (0..1000_u32).for_each(|number| {
                strings.intern(mu, &number.to_be_bytes()).expect("there is no limit");
            });
        });
        mutator.collect();
        mutator.enter(|mu| assert!(strings.get(mu).texts.len() < 1800, "what is dead is taken out"));
    }
}
