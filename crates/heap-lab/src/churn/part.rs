//! A part of the live heap: a forest and a hash table, of one mutator.
//!
//! ```text
//!   forest  [ ● ● ● … ]──▶ a full tree of 127 nodes of 16 bytes       an operation replaces one,
//!   table   [ ● ∅ ● … ]──▶ { next, key, 4 words }──▶ …                deletes four entries and inserts four
//! ```
//! The table is of fixed size and chained: as many buckets as entries, rounded up to a power of two. Which keys are in it
//! is kept outside the heap, so that an operation can choose among them.

use crate::shapes::{Random, Tree, tree};
use std::hint::black_box;
use tricolor::{Gc, GcCell, GcSlice, Mu, Mutator, Root, Trace};

/// Nodes of a tree that one operation replaces, or one request builds: a full tree of depth 6.
const NODES: usize = 127;
/// Bytes of a tree and its place in the forest.
const TREE: usize = NODES * 16 + 8;
/// Bytes of an entry and its bucket.
const ENTRY: usize = 48 + 8;
/// Live bytes for each entry: the table is a thirtieth of the heap, and half a million entries in a gibibyte.
const BYTES_PER_ENTRY: usize = 2048;
/// Entries that an operation replaces.
const REPLACED: usize = 4;
/// Entries that a request reads.
const READ: usize = 16;
/// Trees or entries that are made in one `enter` at the beginning: enough to be fast, few enough to be short.
const BATCH: usize = 16;

/// How large a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    /// Trees of its forest.
    pub(crate) trees: usize,
    /// Entries of its table.
    pub(crate) entries: usize,
}

/// What each of `mutators` gets of a heap of `live` bytes, and what a server of requests gets, if there is one.
pub(super) fn shares(live: u64, mutators: usize, has_server: bool) -> (Share, Share) {
    let live = usize::try_from(live).unwrap_or(usize::MAX);
    let entries = live / BYTES_PER_ENTRY;
    let each = (entries / (mutators + usize::from(has_server))).max(READ);
    let trees = (live.saturating_sub(entries * ENTRY) / TREE / mutators).max(1);
    (Share { trees, entries: each }, Share { trees: 0, entries: each })
}

#[derive(Trace)]
struct Entry<'gc> {
    next: GcCell<Option<Gc<'gc, Entry<'gc>>>>,
    key: u64,
    words: [u64; 4],
}

/// The end of a chain, or what comes next in it.
type Place<'gc> = GcCell<Option<Gc<'gc, Entry<'gc>>>>;
type Forest<'gc> = GcSlice<GcCell<Option<Gc<'gc, Tree<'gc>>>>>;
type Table<'gc> = GcSlice<Place<'gc>>;

fn empty_forest<'gc>(mu: &Mu<'gc>, trees: usize) -> Gc<'gc, Forest<'gc>> {
    mu.alloc_slice(trees, |_| GcCell::new(None))
}

fn empty_table<'gc>(mu: &Mu<'gc>, buckets: usize) -> Gc<'gc, Table<'gc>> {
    mu.alloc_slice(buckets, |_| GcCell::new(None))
}

/// The bucket of a key, which is random by itself.
fn bucket<'gc>(table: Gc<'gc, Table<'gc>>, key: u64) -> &'gc Place<'gc> {
    #[expect(clippy::cast_possible_truncation, reason = "the low bits of a random key")]
    let low = key as usize;
    &table.as_slice()[low & (table.len() - 1)]
}

fn insert<'gc>(mu: &Mu<'gc>, table: Gc<'gc, Table<'gc>>, key: u64) {
    let place = bucket(table, key);
    let entry = Entry { next: GcCell::new(place.get()), key, words: [key; 4] };
    place.set(mu, Some(mu.alloc(entry)));
}

fn remove<'gc>(mu: &Mu<'gc>, table: Gc<'gc, Table<'gc>>, key: u64) -> bool {
    let mut place = bucket(table, key);
    while let Some(entry) = place.get() {
        if entry.key == key {
            place.set(mu, entry.next.get());
            return true;
        }
        place = &Gc::get(entry).next;
    }
    false
}

fn find<'gc>(table: Gc<'gc, Table<'gc>>, key: u64) -> Option<u64> {
    let mut place = bucket(table, key);
    while let Some(entry) = place.get() {
        if entry.key == key {
            return Some(entry.words[0]);
        }
        place = &Gc::get(entry).next;
    }
    None
}

/// A part, and the choices its operations make.
pub(super) struct Part {
    forest: Root<Forest<'static>>,
    trees: usize,
    table: Root<Table<'static>>,
    keys: Vec<u64>,
    random: Random,
}

impl Part {
    /// Makes a part of that size. Equal seeds make equal parts and equal choices.
    pub(super) fn plant(mutator: &mut Mutator, share: Share, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let forest = mutator.enter(|mu| mu.root(empty_forest(mu, share.trees)));
        let buckets = share.entries.next_power_of_two();
        let table = mutator.enter(|mu| mu.root(empty_table(mu, buckets)));
        for first in (0..share.trees).step_by(BATCH) {
            mutator.enter(|mu| {
                let forest = forest.get(mu);
                for place in first..(first + BATCH).min(share.trees) {
                    forest[place].set(mu, tree(mu, NODES));
                }
            });
        }
        let keys: Vec<u64> = (0..share.entries).map(|_| random.bits()).collect();
        for batch in keys.chunks(BATCH) {
            mutator.enter(|mu| {
                let table = table.get(mu);
                batch.iter().for_each(|key| insert(mu, table, *key));
            });
        }
        Self { forest, trees: share.trees, table, keys, random }
    }

    /// One operation, in one `enter`: a tree and four entries are replaced.
    pub(super) fn replace(&mut self, mutator: &mut Mutator) {
        let Self { forest, trees, table, keys, random } = self;
        mutator.enter(|mu| {
            forest.get(mu)[random.below(*trees)].set(mu, tree(mu, NODES));
            let table = table.get(mu);
            for _ in 0..REPLACED {
                let chosen = random.below(keys.len());
                let key = &mut keys[chosen];
                let was_there = remove(mu, table, *key);
                debug_assert!(was_there, "the table lost key {key}");
                *key = random.bits();
                insert(mu, table, *key);
            }
        });
    }

    /// One request, in one `enter`: a tree is built and dropped, and entries are read. Says how many were found.
    pub(super) fn serve(&mut self, mutator: &mut Mutator) -> usize {
        let Self { table, keys, random, .. } = self;
        mutator.enter(|mu| {
            black_box(tree(mu, NODES));
            let table = table.get(mu);
            (0..READ).filter(|_| black_box(find(table, keys[random.below(keys.len())])).is_some()).count()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tricolor::Heap;

    #[test]
    fn the_shares_are_about_what_was_asked_for() {
        for (mutators, has_server) in [(1, false), (2, true), (7, true)] {
            let live = 256u64 << 20;
            let (mutator, server) = shares(live, mutators, has_server);
            let trees = mutators * mutator.trees * TREE;
            let entries = (mutators * mutator.entries + usize::from(has_server) * server.entries) * ENTRY;
            let off = (trees + entries) as f64 / live as f64;
            assert!((0.99..=1.0).contains(&off), "{mutators}: {off}");
        }
    }

    #[test]
    fn an_operation_leaves_as_much_alive_as_it_found() {
        let heap = Heap::builder().gc_off().build().expect("a heap");
        let mut mutator = heap.attach().expect("attached");
        let mut part = Part::plant(&mut mutator, Share { trees: 5, entries: 40 }, 3);
        mutator.collect();
        let before = heap.figures().memory.heap_objects;
        // The two arrays, the trees and the entries.
        assert_eq!(before, 2 + 5 * NODES as u64 + 40);
        for _ in 0..100 {
            part.replace(&mut mutator);
        }
        assert_eq!(part.serve(&mut mutator), READ);
        mutator.collect();
        assert_eq!(heap.figures().memory.heap_objects, before);
    }
}
