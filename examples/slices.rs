//! Sequences in the heap: `GcSlice` and `GcStr`, one word to refer to, their length with them.
//!
//! A small table of words, by their first letter, with lists that grow by being replaced.
//!
//! Run with `cargo run --example slices`.

use tricolor::{Gc, GcCell, GcSlice, GcStr, Heap, Mu, Root, Trace};

const TEXT: &str =
    "the grey object is marked and not yet scanned the white one is not reached and the black one is done";

type Words<'gc> = Gc<'gc, GcSlice<Gc<'gc, GcStr>>>;

/// The words by their first letter. The slice of a letter is replaced when a word is added, so it is in a `GcCell`.
#[derive(Trace)]
struct Table<'gc> {
    letters: Gc<'gc, GcSlice<GcCell<Option<Words<'gc>>>>>,
}

impl<'gc> Table<'gc> {
    fn new(mu: &Mu<'gc>) -> Self {
        Self { letters: mu.alloc_slice(26, |_| GcCell::new(None)) }
    }

    /// The words with that first letter, in the order of their coming.
    fn of(&self, letter: u8) -> &'gc [Gc<'gc, GcStr>] {
        self.letters[usize::from(letter - b'a')].get().map_or(&[], Gc::as_slice)
    }

    /// Adds a word, if it is new.
    fn add(&self, mu: &Mu<'gc>, word: &str) {
        let letter = word.as_bytes()[0];
        let old = self.of(letter);
        if old.iter().any(|known| known.as_str() == word) {
            return;
        }
        let new = mu.alloc_str(word);
        let words = mu.alloc_slice(old.len() + 1, |index| old.get(index).copied().unwrap_or(new));
        self.letters[usize::from(letter - b'a')].set(mu, Some(words));
    }
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let heap = Heap::builder().verify_every(1).build()?;
    let mut mutator = heap.attach()?;
    let table: Root<Table<'static>> = mutator.enter(|mu| mu.root(mu.alloc(Table::new(mu))));
    for word in TEXT.split(' ') {
        mutator.enter(|mu| table.get(mu).add(mu, word));
        mutator.collect();
    }

    let found: Vec<String> = mutator.enter(|mu| {
        let table = table.get(mu);
        (b'a'..=b'z').flat_map(|letter| table.of(letter)).map(|word| word.as_str().to_owned()).collect()
    });
    let mut expected: Vec<&str> = TEXT.split(' ').collect();
    expected.sort_unstable();
    expected.dedup();
    let mut sorted = found.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, expected, "every word is there once");
    assert!(found.is_sorted_by_key(|word| word.as_bytes()[0]), "by first letter");

    // An element is read and copied like one of a slice; a slice of plain numbers is not looked into by the collector.
    mutator.enter(|mu| {
        let squares = mu.alloc_copy(&[0_u64, 1, 4, 9, 16]);
        assert_eq!((squares.len(), squares[3], squares.iter().sum::<u64>()), (5, 9, 30));
    });
    println!("{} words in {} collections: {}", found.len(), heap.figures().cycles, found.join(" "));
    Ok(())
}
