//! A cache that forgets what was not used for longest: a hash index and a list through its entries, all in the heap.
//!
//! An entry is in two structures at once and refers to its neighbours both ways. Who owns it is no question: it lives as
//! long as something leads to it, also after it was evicted, for who still looks at it.
//!
//! Run with `cargo run --example lru`.

use tricolor::{Gc, GcCell, GcSlice, GcStr, Heap, Mu, Root, Trace};

const CAPACITY: usize = 100;
const KEYS: u64 = 1_000;

type Place<'gc> = GcCell<Option<Gc<'gc, Entry<'gc>>>>;

#[derive(Trace)]
struct Entry<'gc> {
    key: u64,
    value: Gc<'gc, GcStr>,
    newer: Place<'gc>,
    older: Place<'gc>,
    /// The next entry of the same bucket.
    chain: Place<'gc>,
}

#[derive(Trace)]
struct Cache<'gc> {
    /// A power of two of them.
    buckets: Gc<'gc, GcSlice<Place<'gc>>>,
    newest: Place<'gc>,
    oldest: Place<'gc>,
    len: GcCell<usize>,
}

impl<'gc> Cache<'gc> {
    fn new(mu: &Mu<'gc>) -> Self {
        let buckets = mu.alloc_slice(CAPACITY.next_power_of_two(), |_| GcCell::new(None));
        Self { buckets, newest: GcCell::new(None), oldest: GcCell::new(None), len: GcCell::new(0) }
    }

    fn bucket(&self, key: u64) -> &'gc Place<'gc> {
        let hash = key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        let hash = usize::try_from(hash).expect("32 bits");
        &self.buckets.as_slice()[hash & (self.buckets.len() - 1)]
    }

    fn find(&self, key: u64) -> Option<Gc<'gc, Entry<'gc>>> {
        core::iter::successors(self.bucket(key).get(), |entry| entry.chain.get())
            .find(|entry| entry.key == key)
    }

    /// The value of a key, which is the newest now.
    fn get(&self, mu: &Mu<'gc>, key: u64) -> Option<Gc<'gc, GcStr>> {
        let entry = self.find(key)?;
        self.unlink(mu, entry);
        self.link(mu, entry);
        Some(entry.value)
    }

    /// Adds a key that is not there; the oldest goes if the cache is full.
    fn insert(&self, mu: &Mu<'gc>, key: u64, value: Gc<'gc, GcStr>) {
        if self.len.get() == CAPACITY {
            self.evict(mu);
        }
        let bucket = self.bucket(key);
        let none = || GcCell::new(None);
        let chain = GcCell::new(bucket.get());
        let entry = mu.alloc(Entry { key, value, newer: none(), older: none(), chain });
        bucket.set(mu, Some(entry));
        self.link(mu, entry);
        self.len.set(mu, self.len.get() + 1);
    }

    fn evict(&self, mu: &Mu<'gc>) {
        let Some(oldest) = self.oldest.get() else { return };
        self.unlink(mu, oldest);
        let mut place = self.bucket(oldest.key);
        while let Some(entry) = place.get() {
            if Gc::ptr_eq(entry, oldest) {
                place.set(mu, entry.chain.get());
                break;
            }
            place = &Gc::get(entry).chain;
        }
        self.len.set(mu, self.len.get() - 1);
    }

    fn link(&self, mu: &Mu<'gc>, entry: Gc<'gc, Entry<'gc>>) {
        let before = self.newest.replace(mu, Some(entry));
        entry.older.set(mu, before);
        before.map_or(&self.oldest, |before| &Gc::get(before).newer).set(mu, Some(entry));
    }

    fn unlink(&self, mu: &Mu<'gc>, entry: Gc<'gc, Entry<'gc>>) {
        let (newer, older) = (entry.newer.take(mu), entry.older.take(mu));
        newer.map_or(&self.newest, |newer| &Gc::get(newer).older).set(mu, older);
        older.map_or(&self.oldest, |older| &Gc::get(older).newer).set(mu, newer);
    }
}

/// What is costly to make, so that a cache is worth its while.
fn text(key: u64) -> String {
    format!("the text that belongs to {key}")
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let heap = Heap::builder().verify_every(1).build()?;
    let mut mutator = heap.attach()?;
    let cache: Root<Cache<'static>> = mutator.enter(|mu| mu.root(mu.alloc(Cache::new(mu))));

    let (mut hits, mut random) = (0, 1_u64);
    for step in 0..20_000 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Small keys come more often.
        let key = (random >> 33) % KEYS * ((random >> 43) % KEYS) / KEYS;
        mutator.enter(|mu| {
            let cache = cache.get(mu);
            let found = cache.get(mu, key);
            hits += u32::from(found.is_some());
            let value = found.unwrap_or_else(|| {
                let made = mu.alloc_str(&text(key));
                cache.insert(mu, key, made);
                made
            });
            assert_eq!(value.as_str(), text(key));
        });
        if step % 1_000 == 0 {
            mutator.collect();
        }
    }

    mutator.collect();
    // The entries and their texts, the buckets and the cache: what was evicted is gone.
    assert_eq!(heap.figures().memory.heap_objects, 2 * CAPACITY as u64 + 2);
    mutator.enter(|mu| {
        let cache = cache.get(mu);
        let from_newest = core::iter::successors(cache.newest.get(), |entry| entry.older.get());
        let mut keys: Vec<u64> = from_newest.map(|entry| entry.key).collect();
        let from_oldest = core::iter::successors(cache.oldest.get(), |entry| entry.newer.get());
        assert!(from_oldest.map(|entry| entry.key).eq(keys.iter().rev().copied()), "one list, both ways");
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), CAPACITY, "every key is there once");
        assert!(keys.iter().all(|&key| cache.find(key).is_some()), "and is found");
    });
    println!("{hits} hits of 20000, {} collections", heap.figures().cycles);
    Ok(())
}
