//! Promise: a `GcMap` does what a `HashMap` does, whatever its keys and values are, and loses nothing while
//! collections run between its operations and beside them.
//!
//! Operations come from a seed. Each is done to the map in the heap and to a `HashMap` of numbers, and the two are compared: a
//! key or value that leads to an object must find its number there.

use crate::support::beside_a_collector;
use heap_testkit::random::{Random, scrambled};
use heap_testkit::run::Cell as Settings;
use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};
use tricolor::{AllocError, Collector, Gc, GcMap, GcMapEntry, GcStr, Heap, Mu, Root, Trace};

/// Something that keys and values lead to.
#[derive(Trace)]
pub(crate) struct Item {
    number: u64,
    check: u64,
}

pub(crate) fn made<'gc>(mu: &Mu<'gc>, number: u64) -> Gc<'gc, Item> {
    mu.alloc(Item { number, check: scrambled(number) })
}

pub(crate) fn number(item: Gc<'_, Item>) -> u64 {
    assert_eq!(item.check, scrambled(item.number), "an item is lost");
    item.number
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        assert_eq!(
            (self.check, other.check),
            (scrambled(self.number), scrambled(other.number)),
            "an item is lost"
        );
        self.number == other.number
    }
}

impl Eq for Item {}

impl Hash for Item {
    fn hash<H: Hasher>(&self, state: &mut H) {
        assert_eq!(self.check, scrambled(self.number), "an item is lost");
        self.number.hash(state);
    }
}

/// A key that leads to an item.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Trace)]
struct Named<'gc>(Gc<'gc, Item>);

/// A word of which the collector does not know what it is.
#[derive(Clone, Copy, Trace)]
enum Either<'gc> {
    Number(u64),
    Item(Gc<'gc, Item>),
}

/// Hashes that are all in one group.
#[derive(Clone, Default)]
pub(crate) struct Alike;

impl BuildHasher for Alike {
    type Hasher = AlikeHasher;

    fn build_hasher(&self) -> AlikeHasher {
        AlikeHasher
    }
}

pub(crate) struct AlikeHasher;

impl Hasher for AlikeHasher {
    fn finish(&self) -> u64 {
        7
    }

    fn write(&mut self, _: &[u8]) {}
}

/// How keys and values of a map are made, and what their numbers are.
struct Kind<'gc, K, V> {
    key: fn(&Mu<'gc>, u64) -> K,
    key_number: fn(K) -> u64,
    value: fn(&Mu<'gc>, u64) -> V,
    value_number: fn(V) -> u64,
}

type Model = HashMap<u64, u64>;

/// One operation.
fn operate<'gc, K: Trace + Copy + Eq + Hash + 'gc, V: Trace + Copy + 'gc, S: BuildHasher>(
    random: &mut Random,
    mu: &Mu<'gc>,
    map: &GcMap<'gc, K, V, S>,
    model: &mut Model,
    kind: &Kind<'gc, K, V>,
    keys: u64,
) {
    let number = random.below(keys);
    let key = (kind.key)(mu, number);
    let number = (kind.key_number)(key);
    let value = (kind.value)(mu, u64::from(random.word()));
    let new = (kind.value_number)(value);
    let value_number = kind.value_number;
    match random.below(21) {
        0..4 => assert_eq!(map.insert(mu, key, value).map(value_number), model.insert(number, new)),
        4 => {
            assert_eq!(
                map.try_insert(mu, key, value).expect("there is memory").map(value_number),
                model.insert(number, new)
            );
        }
        5..8 => assert_eq!(map.remove(mu, &key).map(value_number), model.remove(&number)),
        8 => {
            let found = map.remove_entry(mu, &key);
            let found = found.map(|(key, value)| ((kind.key_number)(key), value_number(value)));
            assert_eq!(found, model.remove_entry(&number));
        }
        9 => {
            let found = map.entry(mu, key).or_insert(value);
            assert_eq!(value_number(found), *model.entry(number).or_insert(new));
        }
        10 => match map.entry(mu, key) {
            GcMapEntry::Occupied(entry) if random.below(2) == 0 => {
                assert_eq!(Some(value_number(entry.remove())), model.remove(&number));
            }
            GcMapEntry::Occupied(entry) => {
                assert_eq!(Some(value_number(entry.insert(value))), model.insert(number, new));
                assert_eq!(value_number(entry.get()), new);
            }
            GcMapEntry::Vacant(entry) => {
                entry.insert(value);
                assert_eq!(model.insert(number, new), None);
            }
        },
        11 => {
            let _entry = map.entry(mu, key).and_modify(|_| value);
            model.entry(number).and_modify(|old| *old = new);
        }
        12 if random.below(6) == 0 => {
            let rest = random.below(3);
            map.retain(mu, |key, _| (kind.key_number)(*key) % 3 != rest);
            model.retain(|key, _| key % 3 != rest);
        }
        13 if random.below(20) == 0 => {
            map.clear(mu);
            model.clear();
        }
        14 if random.below(4) == 0 => map.shrink_to_fit(mu),
        15 if random.below(4) == 0 => map.reserve(mu, random.index(100)),
        16 if random.below(10) == 0 => {
            let mut drain = map.drain(mu);
            for _ in 0..random.below(20) {
                let Some((key, value)) = drain.next() else { break };
                assert_eq!(model.remove(&(kind.key_number)(key)), Some(value_number(value)));
            }
            drop(drain);
            model.clear();
        }
        17 => {
            let found = map.get_or_insert_with(mu, key, || value);
            assert_eq!(value_number(found), *model.entry(number).or_insert(new));
        }
        18 => {
            let found = map.update(mu, &key, |_| value).map(value_number);
            assert_eq!(found, model.get_mut(&number).map(|old| std::mem::replace(old, new)).map(|_| new));
        }
        19 if random.below(10) == 0 => {
            map.update_all(mu, |_, _| value);
            model.values_mut().for_each(|old| *old = new);
        }
        _ => {
            let hash = map.hash_of(&key);
            let (_, found) = map.get_or_insert_by(mu, hash, |found| *found == key, || (key, value));
            assert_eq!(value_number(found), *model.entry(number).or_insert(new));
        }
    }
    assert_eq!(map.len(), model.len());
    assert!(map.capacity() >= map.len());
    let asked = (kind.key)(mu, random.below(keys));
    let asked_number = (kind.key_number)(asked);
    assert_eq!(map.get(&asked).map(value_number), model.get(&asked_number).copied());
    assert_eq!(map.contains_key(&asked), model.contains_key(&asked_number));
    let by = map.get_by(map.hash_of(&asked), |found| *found == asked);
    assert_eq!(by.map(|(_, value)| value_number(value)), model.get(&asked_number).copied());
}

fn compare<'gc, K: Copy + Eq + Hash, V: Copy, S: BuildHasher>(
    map: &GcMap<'gc, K, V, S>,
    model: &Model,
    kind: &Kind<'gc, K, V>,
) {
    let mut found: Vec<_> =
        map.iter().map(|(key, value)| ((kind.key_number)(key), (kind.value_number)(value))).collect();
    let mut expected: Vec<_> = model.iter().map(|(key, value)| (*key, *value)).collect();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
    assert_eq!(map.keys().count(), map.values().count());
}

fn fits<'gc, K: Trace + Copy, V: Trace + Copy, S: Default>(_: &Kind<'gc, K, V>) -> GcMap<'gc, K, V, S> {
    GcMap::with_hasher(S::default())
}

/// Maps of one kind, under every setting: after every few operations everything is collected and compared.
macro_rules! like_a_hash_map {
    ($($name:ident: $key:ty, $value:ty, $hasher:ty, $keys:expr, $kind:expr;)*) => {
        $(
            #[test]
            fn $name() {
                for (seed, settings) in (0..).zip(Settings::UNLIMITED.into_iter().cycle()).take(8) {
                    let heap = settings.builder(seed).build().unwrap();
                    let mut mutator = heap.attach().unwrap();
                    let root: Root<GcMap<'static, $key, $value, $hasher>> =
                        mutator.enter(|mu| mu.root(mu.alloc(fits(&$kind))));
                    let (mut random, mut model) = (Random::new(seed), Model::new());
                    for _ in 0..120 {
                        mutator.enter(|mu| {
                            for _ in 0..random.below(12) {
                                operate(&mut random, mu, &root.get(mu), &mut model, &$kind, $keys);
                            }
                        });
                        if random.below(8) == 0 {
                            mutator.collect();
                            mutator.enter(|mu| compare(&root.get(mu), &model, &$kind));
                        }
                    }
                    let found = heap.verify();
                    assert!(found.is_empty(), "seed {seed}, {settings:?}: {}", found[0]);
                }
            }
        )*

        /// The same on three threads of one heap, while a fourth collects all the time, with every cycle verified.
        fn change_beside(collector: Collector) {
            beside_a_collector(collector, |mutator, seed| {
                            $(
                                *seed += 1;
                                let (mut random, mut model) = (Random::new(*seed), Model::new());
                                let root: Root<GcMap<'static, $key, $value, $hasher>> =
                                    mutator.enter(|mu| mu.root(mu.alloc(fits(&$kind))));
                                for _ in 0..40 {
                                    mutator.enter(|mu| {
                                        for _ in 0..8 {
                                            operate(&mut random, mu, &root.get(mu), &mut model, &$kind, $keys);
                                        }
                                    });
                                }
                                mutator.enter(|mu| compare(&root.get(mu), &model, &$kind));
                            )*
            });
        }
    };
}

like_a_hash_map! {
    maps_of_numbers: u64, u64, tricolor::MapHasher, 200,
        Kind { key: |_, at| at, key_number: |key| key, value: |_, at| at, value_number: |value| value };
    maps_of_few_numbers: u8, u16, tricolor::MapHasher, 12,
        Kind {
            key: |_, at| at.to_le_bytes()[0],
            key_number: u64::from,
            value: |_, at| u16::from(at.to_le_bytes()[0]),
            value_number: u64::from,
        };
    sets_of_references: Named<'static>, (), tricolor::MapHasher, 100,
        Kind { key: |mu, at| Named(made(mu, at)), key_number: |key| number(key.0), value: |_, _| (), value_number: |()| 0 };
    maps_of_references: Gc<'static, Item>, Gc<'static, Item>, std::hash::RandomState, 100,
        Kind { key: made, key_number: number, value: made, value_number: number };
    maps_from_numbers_to_optional_references: u32, Option<Gc<'static, Item>>, Alike, 70,
        Kind {
            key: |_, at| u32::try_from(at).unwrap(),
            key_number: u64::from,
            value: |mu, at| (at % 3 > 0).then(|| made(mu, at)),
            value_number: |value| value.map_or(7, number),
        };
    maps_from_strings_to_words: Gc<'static, GcStr>, Either<'static>, tricolor::MapHasher, 60,
        Kind {
            key: |mu, at| mu.alloc_str(&at.to_string()),
            key_number: |key| key.as_str().parse().expect("a number"),
            value: |mu, at| if at % 2 == 0 { Either::Number(at) } else { Either::Item(made(mu, at)) },
            value_number: |value| match value {
                Either::Number(number) => number,
                Either::Item(item) => number(item),
            },
        };
    maps_of_nothing: (), Gc<'static, Item>, tricolor::MapHasher, 3,
        Kind { key: |_, _| (), key_number: |()| 0, value: made, value_number: number };
}

#[test]
fn maps_change_while_a_collector_marks_beside_them() {
    change_beside(Collector::Concurrent);
}

#[test]
fn maps_change_between_the_stops_of_a_collector() {
    change_beside(Collector::StopTheWorld);
}

#[test]
fn a_map_is_a_field_and_outlives_collections() {
    #[derive(Trace)]
    struct Scope<'gc> {
        outer: Option<Gc<'gc, Scope<'gc>>>,
        names: GcMap<'gc, Gc<'gc, GcStr>, Gc<'gc, Item>>,
    }
    let heap = Heap::builder().collect_every(1).poison(0xDD).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let root: Root<Scope<'static>> = mutator.enter(|mu| {
        let outer = mu.alloc(Scope { outer: None, names: GcMap::new() });
        let inner = mu.alloc(Scope { outer: Some(outer), names: GcMap::with_capacity(mu, 10) });
        mu.root(inner)
    });
    for at in 0..300_u64 {
        mutator.enter(|mu| {
            let scope = root.get(mu);
            scope.names.insert(mu, mu.alloc_str(&format!("name {at}")), made(mu, at));
            scope.outer.unwrap().names.insert(mu, mu.alloc_str("last"), made(mu, at));
        });
        mutator.collect();
    }
    mutator.enter(|mu| {
        let scope = root.get(mu);
        assert!((0..300).all(|at| scope.names.get(format!("name {at}").as_str()).map(number) == Some(at)));
        assert_eq!(scope.outer.unwrap().names.get("last").map(number), Some(299));
        assert_eq!(scope.names.get("nobody").map(number), None);
        let small: GcMap<'_, u8, u8> = GcMap::default();
        small.insert(mu, 1, 2);
        assert_eq!(format!("{small:?}"), "{1: 2}");
    });
    assert_eq!(heap.verify(), vec![]);
}

#[test]
fn a_million_numbers_come_and_go() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    let count = if cfg!(feature = "stress") { 100_000 } else { 1_000_000_u64 };
    let root: Root<GcMap<'static, u64, u64>> =
        mutator.enter(|mu| mu.root(mu.alloc(GcMap::<u64, u64>::new())));
    for from in (0..count).step_by(50_000) {
        mutator.enter(|mu| root.get(mu).extend(mu, (from..from + 50_000).map(|at| (scrambled(at), at))));
        mutator.safepoint();
    }
    mutator.collect();
    mutator.enter(|mu| {
        let map = root.get(mu);
        assert!((0..count).all(|at| map.get(&scrambled(at)) == Some(at)));
        assert_eq!(map.values().sum::<u64>(), (0..count).sum());
        map.retain(mu, |_, at| at % 1000 == 0);
        map.shrink_to_fit(mu);
        assert!(map.capacity() < 4 * map.len());
    });
    mutator.collect();
    mutator.collect();
    mutator
        .enter(|mu| assert!((0..count).step_by(1000).all(|at| root.get(mu).get(&scrambled(at)) == Some(at))));
    assert!(heap.figures().memory.heap_inuse.get() < 4 << 20, "the tables that were outgrown are gone");
    assert_eq!(heap.verify(), vec![]);
}

#[test]
fn a_map_that_is_refused_memory_is_as_before() {
    let heap = Heap::builder().hard_limit(2 << 20).gc_off().build().unwrap();
    let mut mutator = heap.attach().unwrap();
    mutator.enter(|mu| {
        let map = GcMap::<u64, Option<Gc<'_, u64>>>::new();
        let value = Some(mu.alloc(1));
        let error = (0..).find_map(|at| map.try_insert(mu, at, value).err()).unwrap();
        assert!(matches!(error, AllocError::Limit { .. }), "{error}");
        let (len, capacity) = (map.len(), map.capacity());
        assert_eq!(len, capacity, "it was full");
        assert!(map.try_reserve(mu, 1).is_err());
        assert!(matches!(map.try_reserve(mu, usize::MAX), Err(AllocError::TooLarge { .. })));
        assert!(map.try_reserve(mu, usize::MAX / 9).is_err());
        let full = len as u64;
        assert!(catch_unwind(AssertUnwindSafe(|| map.insert(mu, full, value))).is_err());
        assert!(map.entry(mu, full).try_or_insert_with(|| Ok(None)).is_err());
        let hash = map.hash_of(&full);
        assert!(map.try_get_or_insert_by(mu, hash, |key| *key == full, || Ok((full, None))).is_err());
        map.shrink_to_fit(mu);
        assert_eq!((map.len(), map.capacity()), (len, capacity));
        assert!((0..full).all(|at| map.get(&at) == Some(value)) && map.get(&full).is_none());
        // What is there is changed without memory, and a place that became free is taken.
        assert_eq!(map.try_insert(mu, 3, None), Ok(Some(value)));
        assert_eq!(map.remove(mu, &7), Some(value));
        assert!(map.insert(mu, 7, None).is_none());
        assert_eq!(map.len(), len);
    });
    assert_eq!(heap.verify(), vec![]);
}

// ---- iterators ----

#[test]
fn an_iterator_gives_each_entry_once_whatever_the_map_does() {
    let heap = Heap::builder().poison(0xDD).build().unwrap();
    heap.attach().unwrap().enter(|mu| {
        for at in [0, 1, 20, 99] {
            let map = GcMap::new();
            map.extend(mu, (0..100_u64).map(|key| (key, made(mu, key))));
            let (mut seen, mut gone) = (Vec::new(), BTreeSet::new());
            for (step, (key, value)) in map.iter().enumerate() {
                assert!(number(value) == key || (key % 2 == 0 && number(value) == key + 1000));
                assert!(!gone.contains(&key), "{key} was taken out");
                if key < 100 {
                    seen.push(key);
                }
                if step == at {
                    // Other tables, and then others again.
                    map.extend(mu, (100..1000).map(|key| (key, made(mu, key))));
                    for key in (0..100).filter(|key| key % 3 == 0) {
                        map.remove(mu, &key);
                        gone.insert(key);
                    }
                    for key in (0..100).filter(|key| key % 3 > 0 && key % 2 == 0) {
                        map.insert(mu, key, made(mu, key + 1000));
                    }
                    map.retain(mu, |key, _| *key < 100);
                    map.shrink_to_fit(mu);
                }
            }
            let all: BTreeSet<u64> = seen.iter().copied().collect();
            assert_eq!(all.len(), seen.len(), "each once");
            assert!((0..100).all(|key| all.contains(&key) || gone.contains(&key)), "all that stayed");
        }
    });
}

#[test]
fn an_iterator_ends_when_the_map_loses_its_tables() {
    Heap::new().unwrap().attach().unwrap().enter(|mu| {
        let map = GcMap::new();
        map.extend(mu, (0..100_u64).map(|key| (key, ())));
        let mut iter = map.iter();
        assert!(iter.next().is_some());
        map.clear(mu);
        assert!(iter.next().is_none());
        map.extend(mu, (0..100_u64).map(|key| (key, ())));
        let mut iter = map.iter();
        assert!(iter.next().is_some());
        map.clear(mu);
        map.shrink_to_fit(mu);
        assert!(iter.next().is_none() && map.capacity() == 0);
        map.insert(mu, 5, ());
        assert!(iter.next().is_none_or(|(key, ())| key == 5));
    });
}

#[test]
fn an_iterator_keeps_the_tables_that_it_began_with_beside_a_collector() {
    let heap = Heap::builder().poison(0xDD).verify_every(1).workers(2).build().unwrap();
    let stop = AtomicBool::new(false);
    let (heap, stop) = (&heap, &stop);
    thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(move || {
                let mut mutator = heap.attach().unwrap();
                let root: Root<GcMap<'static, u64, Gc<'static, Item>>> =
                    mutator.enter(|mu| mu.root(mu.alloc(GcMap::<u64, Gc<'_, Item>>::new())));
                while !stop.load(SeqCst) {
                    mutator.enter(|mu| {
                        let map = root.get(mu);
                        map.clear(mu);
                        map.shrink_to_fit(mu);
                        map.extend(mu, (0..200).map(|key| (key, made(mu, key))));
                        let mut seen = 0;
                        for (step, (key, value)) in map.iter().enumerate() {
                            assert_eq!(number(value), key);
                            seen += 1;
                            if step % 20 == 0 {
                                map.reserve(mu, 300 * (step / 20 + 1));
                                // Where the tables before these were, if they were freed.
                                for at in 0..50_u64 {
                                    mu.alloc_slice(400, |_| at);
                                }
                            }
                        }
                        assert_eq!(seen, 200);
                    });
                }
            });
        }
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(1) {
            heap.collect();
        }
        stop.store(true, SeqCst);
    });
    assert_eq!(heap.verify(), vec![]);
}

#[test]
fn maps_hash_with_seeds_of_their_own() {
    let hashes: BTreeSet<u64> = (0..20).map(|_| GcMap::<u64, ()>::new().hash_of(&1_u64)).collect();
    assert!(hashes.len() > 10, "{} of 20 maps differ", hashes.len());
}

#[test]
fn what_is_put_there_while_a_map_is_drained_is_taken_out_too() {
    Heap::new().unwrap().attach().unwrap().enter(|mu| {
        let map = GcMap::new();
        map.extend(mu, (0..50_u64).map(|key| (key, ())));
        let mut drain = map.drain(mu);
        let mut taken: BTreeSet<u64> = drain.by_ref().take(10).map(|(key, ())| key).collect();
        map.extend(mu, (50..500_u64).map(|key| (key, ())));
        taken.extend(drain.map(|(key, ())| key));
        assert!(map.is_empty() && taken.into_iter().eq(0..500));
        map.insert(mu, 1, ());
        std::mem::forget(map.drain(mu));
        assert_eq!(map.len(), 1);
    });
}

#[test]
fn retain_may_use_the_map() {
    Heap::new().unwrap().attach().unwrap().enter(|mu| {
        let map = GcMap::new();
        map.extend(mu, (0..100_u64).map(|key| (key, made(mu, key))));
        map.retain(mu, |key, _| {
            // Other tables, in the hands of `retain`; and it is done by another.
            if *key == 30 {
                map.reserve(mu, 1000);
            }
            if *key % 10 == 0 {
                map.remove(mu, key);
            }
            *key % 2 == 1
        });
        let left: BTreeSet<u64> = map.keys().collect();
        assert!(left.into_iter().eq((0..100).filter(|key| key % 2 == 1)));
    });
}
