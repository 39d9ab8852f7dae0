//! Promise: whatever a user's code does in the middle of an operation of a `GcMap` (keys that panic when they are hashed or
//! compared, keys that lie, closures that change the map), the map is whole after it, and so is the heap.

use crate::map::{Alike, Item, made, number};
use std::cell::Cell;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use tricolor::{Gc, GcMap, GcMapEntry, GcStr, Heap, Mu, Root, Trace};

type Model = HashMap<u64, u64>;

thread_local! {
    /// After how many calls a [`Fuse`] panics.
    static LEFT: Cell<u64> = const { Cell::new(u64::MAX) };
}

/// A key whose hash and comparison panic after some calls.
#[derive(Clone, Copy, Debug, Trace)]
struct Fuse<'gc>(Gc<'gc, u64>);

fn burn() {
    let left = LEFT.get();
    assert!(left > 0, "the fuse is burnt");
    LEFT.set(left - 1);
}

impl PartialEq for Fuse<'_> {
    fn eq(&self, other: &Self) -> bool {
        burn();
        *self.0 == *other.0
    }
}

impl Eq for Fuse<'_> {}

impl Hash for Fuse<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        burn();
        self.0.hash(state);
    }
}

/// Every operation, with keys that panic at the n-th call, for every n: the map is as before or as after, and whole.
fn with_fuses<S: BuildHasher + Default + Send + 'static>() {
    type Fuses<'gc, S> = GcMap<'gc, Fuse<'gc>, u64, S>;
    let heap = Heap::builder().poison(0xDD).collect_every(64).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let root: Root<Fuses<'static, S>> =
        mutator.enter(|mu| mu.root(mu.alloc(Fuses::with_hasher(S::default()))));
    let mut model = Model::new();
    for round in 0..400_u64 {
        let (key, length) = (round * 7 % 40, round / 10 % 40);
        mutator.enter(|mu| {
            let map = root.get(mu);
            let fuse = Fuse(mu.alloc(key));
            let mut after = model.clone();
            LEFT.set(length);
            let done = catch_unwind(AssertUnwindSafe(|| match round % 6 {
                0 | 1 => {
                    map.insert(mu, fuse, round);
                    after.insert(key, round);
                }
                2 => {
                    map.remove(mu, &fuse);
                    after.remove(&key);
                }
                3 => {
                    map.reserve(mu, 2 * map.capacity() + 1);
                }
                4 => {
                    map.shrink_to_fit(mu);
                }
                _ => {
                    map.entry(mu, fuse).or_insert(round);
                    after.entry(key).or_insert(round);
                }
            }));
            LEFT.set(u64::MAX);
            if done.is_ok() {
                model = after;
            }
            // As before the operation or as after it.
            assert_eq!(map.len(), model.len());
            let found: Model = map.iter().map(|(key, value)| (*key.0, value)).collect();
            assert_eq!(found, model, "round {round}");
            for (key, value) in &model {
                assert_eq!(map.get(&Fuse(mu.alloc(*key))), Some(*value));
            }
        });
    }
    assert!(model.len() > 5);
    mutator.collect();
    assert_eq!(heap.verify(), vec![]);
}

#[test]
fn a_panic_in_hash_or_eq_leaves_the_map_whole() {
    with_fuses::<tricolor::MapHasher>();
    with_fuses::<Alike>();
}

fn panics<R>(run: impl FnOnce() -> R) -> bool {
    catch_unwind(AssertUnwindSafe(run)).is_err()
}

#[test]
fn a_question_that_changes_the_map_ends_in_a_panic_and_the_map_is_whole() {
    let heap = Heap::builder().poison(0xDD).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let root: Root<GcMap<'static, u64, Gc<'static, Item>>> = mutator.enter(|mu| {
        let map = mu.alloc(GcMap::new());
        map.extend(mu, (0..14_u64).map(|key| (key, made(mu, key))));
        mu.root(map)
    });
    /// What a question may do to the map under the one who asks it.
    type Change = for<'gc> fn(&Mu<'gc>, &GcMap<'gc, u64, Gc<'gc, Item>>);
    let changes: [Change; 5] = [
        |mu, map| {
            map.remove(mu, &3);
            map.insert(mu, 3, made(mu, 3));
        },
        |mu, map| map.reserve(mu, 4 * map.capacity()),
        |mu, map| {
            map.clear(mu);
            map.extend(mu, (0..14_u64).map(|key| (key, made(mu, key))));
        },
        |mu, map| map.shrink_to_fit(mu),
        |mu, map| {
            for key in 1000..3000 {
                map.insert(mu, key, made(mu, key));
                map.remove(mu, &key);
            }
        },
    ];
    mutator.enter(|mu| {
        let map = root.get(mu);
        for change in changes {
            map.reserve(mu, 100);
            let hash = map.hash_of(&3_u64);
            let is = |key: &u64| {
                change(mu, &map);
                *key == 3
            };
            assert!(panics(|| map.get_by(hash, is)));
            map.reserve(mu, 100);
            assert!(panics(|| map.remove_by(mu, hash, is)));
            map.reserve(mu, 100);
            assert!(panics(|| map.get_or_insert_by(mu, hash, is, || unreachable!("it is there"))));
            // Reading is no change, and changing a value is none of the places.
            let read = map.get_by(hash, |key| {
                map.get(key).is_some() && map.insert(mu, 5, made(mu, 5)).is_some() && *key == 3
            });
            assert_eq!(read.map(|(_, value)| number(value)), Some(3));
            let mut keys: Vec<_> = map.iter().map(|(key, value)| (key, number(value))).collect();
            keys.sort_unstable();
            assert!(keys.into_iter().eq((0..14).map(|key| (key, key))));
        }
    });
    mutator.collect();
    assert_eq!(heap.verify(), vec![]);
}

#[test]
fn what_makes_a_value_may_change_the_map() {
    let heap = Heap::builder().poison(0xDD).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    mutator.enter(|mu| {
        for before in [0, 1, 3, 7, 14, 28, 100_u64] {
            let map = GcMap::new();
            map.extend(mu, (0..before).map(|key| (key, made(mu, key))));
            let key = 5000;
            // It puts the same key there, and much more.
            let found = map.entry(mu, key).or_insert_with(|| {
                map.extend(mu, (1000..6000).map(|key| (key, made(mu, key + 1))));
                made(mu, key)
            });
            assert_eq!((number(found), map.get(&key).map(number)), (key, Some(key)));
            assert_eq!(map.len() as u64, before + 5000);
            map.remove(mu, &key);
            let hash = map.hash_of(&key);
            let make = || {
                map.clear(mu);
                map.shrink_to_fit(mu);
                map.insert(mu, key, made(mu, 1));
                (key, made(mu, 2))
            };
            let (_, found) = map.get_or_insert_by(mu, hash, |found| *found == key, make);
            assert_eq!((number(found), map.len()), (1, 1), "the one that was put there");
            let GcMapEntry::Occupied(entry) = map.entry(mu, key) else { panic!("it is there") };
            map.reserve(mu, 1000);
            assert_eq!(number(entry.insert(made(mu, 3))), 1);
            map.remove(mu, &key);
            assert!(panics(|| entry.get()));
            assert!(panics(|| entry.remove()));
            let GcMapEntry::Vacant(entry) = map.entry(mu, key) else { panic!("it is not there") };
            map.clear(mu);
            map.shrink_to_fit(mu);
            entry.insert(made(mu, 4));
            assert_eq!(map.get(&key).map(number), Some(4));
        }
    });
    mutator.collect();
    assert_eq!(heap.verify(), vec![]);
}

/// A key that breaks the rules: it is equal to nothing, and hashes as it likes.
#[derive(Clone, Copy, Trace)]
struct Liar;

impl PartialEq for Liar {
    fn eq(&self, _: &Self) -> bool {
        false
    }
}

impl Eq for Liar {}

impl Hash for Liar {
    fn hash<H: Hasher>(&self, state: &mut H) {
        burn();
        LEFT.get().hash(state);
    }
}

#[test]
fn keys_that_lie_are_lost_and_nothing_else() {
    let heap = Heap::builder().poison(0xDD).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    mutator.enter(|mu| {
        LEFT.set(u64::MAX);
        let map = GcMap::new();
        for at in 0..1000 {
            assert!(map.insert(mu, Liar, made(mu, at)).is_none());
        }
        assert_eq!(map.len(), 1000);
        assert!(map.get(&Liar).is_none() && map.remove(mu, &Liar).is_none());
        assert_eq!(map.iter().map(|(_, value)| number(value)).sum::<u64>(), 499_500);
        let mut iter = map.iter();
        assert!(iter.next().is_some());
        map.reserve(mu, 10_000);
        assert!(iter.next().is_none());
        map.retain(mu, |_, value| number(*value).is_multiple_of(2));
        assert_eq!(map.drain(mu).count(), 500);
    });
    mutator.collect();
    assert_eq!(heap.verify(), vec![]);
}

#[test]
fn strings_are_found_by_their_text_and_none_is_made_twice() {
    let heap = Heap::builder().collect_every(16).poison(0xDD).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    type Strings<'gc> = GcMap<'gc, Gc<'gc, GcStr>, u64>;
    let root: Root<Strings<'static>> = mutator.enter(|mu| mu.root(mu.alloc(Strings::new())));
    for round in 0..2000_u64 {
        mutator.enter(|mu| {
            let strings = root.get(mu);
            let text = format!("string {}", round % 97);
            let mut made = 0;
            let make = || {
                made += 1;
                (mu.alloc_str(&text), round)
            };
            let hash = strings.hash_of(text.as_str());
            let (string, first) = strings.get_or_insert_by(mu, hash, |key| key.as_str() == text, make);
            assert_eq!((string.as_str(), first), (text.as_str(), round % 97));
            assert_eq!(made, u64::from(round < 97));
            assert_eq!(strings.get(text.as_str()), Some(first));
        });
    }
    assert_eq!(heap.verify(), vec![]);
}
