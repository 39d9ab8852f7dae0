//! Promise: a weak map keeps a value as long as something else keeps its key and the map, and a weak set nothing at all.

use crate::support::{beside_a_collector, is_well, panic_text, within};
use std::hash::{BuildHasher, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use tricolor::{
    AllocError, Collector, Gc, GcCell, GcStr, GcVec, Heap, HeapBuilder, Interner, Leaf, Root, Trace, Weak,
    WeakMap, WeakSet,
};

fn heaps() -> impl Iterator<Item = Heap> {
    let builders: [fn(HeapBuilder) -> HeapBuilder; 4] = [
        |builder| builder,
        |builder| builder.collector(Collector::StopTheWorld).verify_every(1),
        |builder| builder.verify_every(1).poison(0xA5),
        |builder| builder.own_threads(false),
    ];
    builders.into_iter().map(|with| with(Heap::builder()).build().expect("a heap"))
}

fn objects(heap: &Heap) -> u64 {
    heap.figures().memory.heap_objects
}

/// What keys and values are here.
#[derive(Trace)]
struct Node<'gc> {
    name: u64,
    to: [GcCell<Option<Gc<'gc, Node<'gc>>>>; 2],
    map: GcCell<Option<Gc<'gc, Nodes<'gc>>>>,
}

type Nodes<'gc> = WeakMap<'gc, Node<'gc>, Node<'gc>>;

fn node<'gc>(mu: &tricolor::Mu<'gc>, name: u64) -> Gc<'gc, Node<'gc>> {
    mu.alloc(Node { name, to: [GcCell::new(None), GcCell::new(None)], map: GcCell::new(None) })
}

#[test]
fn a_value_stays_as_long_as_its_key() {
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        let (map, key): (Root<Nodes<'static>>, Root<Node<'static>>) = mutator.enter(|mu| {
            let (map, key) = (mu.alloc(WeakMap::new()), node(mu, 1));
            assert!(map.insert(mu, key, node(mu, 2)).is_none());
            map.insert(mu, node(mu, 3), node(mu, 4));
            (mu.root(map), mu.root(key))
        });
        for _ in 0..3 {
            mutator.collect();
            mutator.enter(|mu| {
                let (map, key) = (map.get(mu), key.get(mu));
                assert_eq!(map.get(mu, key).map(|value| value.name), Some(2));
                assert!(map.contains_key(key));
                assert!(map.get(mu, map.get(mu, key).unwrap()).is_none(), "a value is no key");
            });
            is_well(&heap);
        }
        // The map, its tables, two ephemerons, of which one is over, and a key with its value.
        assert_eq!(objects(&heap), 3 + 2 + 2);
        drop(key);
        mutator.collect();
        assert_eq!(objects(&heap), 3 + 2);
        mutator.enter(|mu| map.get(mu).shrink_to_fit(mu));
        mutator.collect();
        assert_eq!(objects(&heap), 1);
        is_well(&heap);
    }
}

#[test]
fn a_value_that_leads_to_its_key_does_not_keep_it() {
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        let map: Root<Nodes<'static>> = mutator.enter(|mu| {
            let map = mu.alloc(WeakMap::new());
            for name in 0..100 {
                let (key, value) = (node(mu, name), node(mu, name));
                value.to[0].set(mu, Some(key));
                value.map.set(mu, Some(map));
                map.insert(mu, key, value);
                // Also as its own value.
                let own = node(mu, name);
                map.insert(mu, own, own);
            }
            mu.root(map)
        });
        mutator.collect();
        mutator.enter(|mu| map.get(mu).shrink_to_fit(mu));
        mutator.collect();
        assert_eq!(objects(&heap), 1);
        is_well(&heap);
    }
}

#[test]
fn a_map_that_dies_keeps_no_value_and_a_map_that_is_a_value_is_kept_by_its_key() {
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        let (outer, key): (Root<Nodes<'static>>, Root<Node<'static>>) = mutator.enter(|mu| {
            let (outer, key) = (mu.alloc(WeakMap::new()), node(mu, 1));
            let (inner, holder) = (mu.alloc(WeakMap::new()), node(mu, 2));
            holder.map.set(mu, Some(inner));
            outer.insert(mu, key, holder);
            inner.insert(mu, key, node(mu, 3));
            // Of a map that nothing keeps.
            mu.alloc(WeakMap::new()).insert(mu, key, node(mu, 4));
            (mu.root(outer), mu.root(key))
        });
        mutator.collect();
        mutator.enter(|mu| {
            let inner = outer.get(mu).get(mu, key.get(mu)).unwrap().map.get().unwrap();
            assert_eq!(inner.get(mu, key.get(mu)).map(|value| value.name), Some(3));
        });
        // Two maps with their tables and an ephemeron each, the key, and two values.
        assert_eq!(objects(&heap), 2 * 4 + 1 + 2);
        is_well(&heap);
        drop(outer);
        mutator.collect();
        assert_eq!(objects(&heap), 1, "the key");
        is_well(&heap);
    }
}

#[test]
fn keys_and_values_of_all_sorts() {
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        type Strings<'gc> = WeakMap<'gc, GcStr, Leaf<String>>;
        type Larges<'gc> = WeakMap<'gc, [u64; 9000], [u64; 9000]>;
        let (strings, key): (Root<Strings<'static>>, Root<GcStr>) = mutator.enter(|mu| {
            let (map, key) = (mu.alloc(WeakMap::new()), mu.alloc_str("key"));
            map.insert(mu, key, mu.alloc(Leaf::new("of the first".to_string())));
            map.insert(mu, mu.alloc_str("key"), mu.alloc(Leaf::new("of the second".to_string())));
            assert_eq!(map.len(), 2, "equal strings are two keys");
            (mu.root(map), mu.root(key))
        });
        let (larges, large): (Root<Larges<'static>>, Root<[u64; 9000]>) = mutator.enter(|mu| {
            let (map, key) = (mu.alloc(WeakMap::new()), mu.alloc([1_u64; 9000]));
            map.insert(mu, key, mu.alloc([2_u64; 9000]));
            (mu.root(map), mu.root(key))
        });
        for _ in 0..2 {
            mutator.collect();
            mutator.enter(|mu| {
                let found = strings.get(mu).get(mu, key.get(mu)).expect("it is kept");
                assert_eq!(**found, "of the first");
                assert_eq!(larges.get(mu).get(mu, large.get(mu)).expect("it is kept")[8999], 2);
            });
            is_well(&heap);
        }
    }
}

/// A chain in an order that no walk through a list follows: each value leads to the key of the next link. If each link took a
/// look at all others, it would take 10¹⁰ of them, some minutes.
#[test]
fn a_long_chain_takes_no_longer_than_its_length() {
    const LINKS: usize = 100_000;
    within(Duration::from_secs(100), || {
        for collector in [Collector::Concurrent, Collector::StopTheWorld] {
            let heap = Heap::builder().collector(collector).gc_off().build().unwrap();
            let mut mutator = heap.attach().unwrap();
            let (map, first): (Root<Nodes<'static>>, Root<Node<'static>>) = mutator.enter(|mu| {
                let map = mu.alloc(WeakMap::new());
                let keys: Vec<_> = (0..=LINKS as u64).map(|name| node(mu, name)).collect();
                // 7919 is prime: it comes to every link.
                for step in 0..LINKS {
                    let at = step * 7919 % LINKS;
                    let value = node(mu, at as u64);
                    value.to[0].set(mu, Some(keys[at + 1]));
                    map.insert(mu, keys[at], value);
                }
                (mu.root(map), mu.root(keys[0]))
            });
            mutator.collect();
            mutator.enter(|mu| {
                let mut key = first.get(mu);
                for at in 0..LINKS {
                    assert_eq!(key.name, at as u64);
                    key = map.get(mu).get(mu, key).expect("its key is kept").to[0].get().expect("a link");
                }
            });
            is_well(&heap);
            drop(first);
            mutator.collect();
            assert_eq!(objects(&heap), 3 + LINKS as u64, "the map, and ephemerons that are over");
        }
    });
}

#[test]
fn what_is_over_is_taken_out_and_its_address_is_nobodys() {
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        let map: Root<Nodes<'static>> = mutator.enter(|mu| mu.root(mu.alloc(Nodes::new())));
        for round in 0..50_u64 {
            mutator.enter(|mu| {
                for name in 0..200 {
                    let key = node(mu, name);
                    assert!(map.get(mu).get(mu, key).is_none(), "a new object has no value");
                    map.get(mu).insert(mu, key, node(mu, round));
                    assert_eq!(map.get(mu).get(mu, key).map(|value| value.name), Some(round));
                }
            });
            mutator.collect();
            assert!(mutator.enter(|mu| map.get(mu).len()) <= 800);
        }
        assert!(objects(&heap) <= 3 + 800, "{} objects", objects(&heap));
        is_well(&heap);
    }
}

#[test]
fn replaced_removed_and_cleared() {
    for heap in heaps() {
        heap.attach().unwrap().enter(|mu| {
            let map = Nodes::new();
            let key = node(mu, 1);
            assert!(map.is_empty() && map.remove(mu, key).is_none());
            assert!(map.insert(mu, key, node(mu, 2)).is_none());
            assert_eq!(map.insert(mu, key, node(mu, 3)).map(|old| old.name), Some(2));
            assert_eq!(map.remove(mu, key).map(|old| old.name), Some(3));
            assert!(map.is_empty() && !map.contains_key(key));
            map.insert(mu, key, node(mu, 4));
            map.clear(mu);
            assert!(map.get(mu, key).is_none());
            assert_eq!(map.get_or_insert_with(mu, key, || node(mu, 5)).name, 5);
            assert_eq!(map.get_or_insert_with(mu, key, || panic!("it is there")).name, 5);
            let other = node(mu, 6);
            let one = map.get_or_insert_with(mu, other, || {
                map.insert(mu, other, node(mu, 7));
                node(mu, 8)
            });
            assert_eq!(one.name, 7, "what was put in meanwhile stays");
            assert_eq!(format!("{map:?}"), "WeakMap of at most 2");
        });
        heap.collect();
        assert_eq!(objects(&heap), 0);
        is_well(&heap);
    }
}

#[test]
fn a_limit_is_an_error_and_the_map_is_as_before() {
    let heap = Heap::builder().hard_limit(2 << 20).build().unwrap();
    heap.attach().unwrap().enter(|mu| {
        let (map, first) = (Nodes::new(), node(mu, 1));
        map.insert(mu, first, first);
        let mut last = first;
        let error = loop {
            let made = mu.try_alloc(Node {
                name: 0,
                to: [GcCell::new(Some(last)), GcCell::new(None)],
                map: GcCell::new(None),
            });
            match made.and_then(|key| map.try_insert(mu, key, first).map(|_| key)) {
                Ok(key) => last = key,
                Err(error) => break error,
            }
        };
        assert!(matches!(error, AllocError::Limit { .. }));
        let mut at = Some(last);
        let mut entries = 0;
        while let Some(key) = at {
            assert!(map.contains_key(key));
            (at, entries) = (key.to[0].get(), entries + 1);
        }
        assert_eq!(map.len(), entries);
    });
    is_well(&heap);
}

/// Generated: nodes, fields, roots and entries, beside a model that follows them naively.
#[test]
fn exactly_what_the_model_says_stays() {
    const NODES: usize = 24;
    for (seed, heap) in (1..40_u64).flat_map(|seed| heaps().map(move |heap| (seed, heap))) {
        let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut below = |many: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            usize::try_from(random >> 8).unwrap() % many
        };
        let mut mutator = heap.attach().unwrap();
        let maps: [Root<Nodes<'static>>; 2] =
            [(), ()].map(|()| mutator.enter(|mu| mu.root(mu.alloc(Nodes::new()))));
        // All that were made: how to find each, what it leads to, and which entries it has.
        type All<'gc> = GcVec<'gc, Weak<'gc, Node<'gc>>>;
        let weak: Root<All<'static>> = mutator.enter(|mu| mu.root(mu.alloc(All::new())));
        let mut edges: Vec<[Option<usize>; 2]> = Vec::new();
        let mut entries: [Vec<(usize, usize)>; 2] = Default::default();
        let mut roots: Vec<(usize, Root<Node<'static>>)> = Vec::new();
        let mut alive: Vec<bool> = Vec::new();
        for _ in 0..8 {
            mutator.enter(|mu| {
                let find = |at: usize| weak.get(mu).get(at).and_then(|weak| weak.upgrade(mu));
                for _ in 0..below(30) {
                    let living: Vec<usize> = (0..alive.len()).filter(|&at| alive[at]).collect();
                    if living.len() < 2 || (below(3) == 0 && living.len() < NODES) {
                        let new = node(mu, alive.len() as u64);
                        weak.get(mu).push(mu, mu.downgrade(new));
                        roots.push((alive.len(), mu.root(new)));
                        alive.push(true);
                        edges.push([None, None]);
                        continue;
                    }
                    let (one, other) = (living[below(living.len())], living[below(living.len())]);
                    let (from, to) = (find(one).expect("alive"), find(other).expect("alive"));
                    let map = below(2);
                    match below(6) {
                        0 | 1 => {
                            let old = maps[map].get(mu).insert(mu, from, to);
                            let before = entries[map].iter().position(|&(key, _)| key == one);
                            let before = before.map(|at| entries[map].swap_remove(at).1);
                            assert_eq!(old.map(|old| usize::try_from(old.name).unwrap()), before);
                            entries[map].push((one, other));
                        }
                        2 => {
                            let old = maps[map].get(mu).remove(mu, from);
                            let before = entries[map].iter().position(|&(key, _)| key == one);
                            assert_eq!(old.is_some(), before.is_some());
                            before.map(|at| entries[map].swap_remove(at));
                        }
                        3 => {
                            let (field, is) = (below(2), below(2) == 0);
                            from.to[field].set(mu, is.then_some(to));
                            edges[one][field] = is.then_some(other);
                        }
                        _ => {
                            if !roots.is_empty() {
                                roots.swap_remove(below(roots.len()));
                            }
                        }
                    }
                }
            });
            mutator.collect();
            let mut reached = vec![false; alive.len()];
            let mut list: Vec<usize> = roots.iter().map(|(at, _)| *at).collect();
            while let Some(at) = list.pop() {
                if !core::mem::replace(&mut reached[at], true) {
                    list.extend(edges[at].iter().flatten());
                }
                if list.is_empty() {
                    let all = entries.iter().flatten();
                    list.extend(
                        all.filter(|(key, value)| reached[*key] && !reached[*value]).map(|(_, to)| to),
                    );
                }
            }
            alive = reached;
            mutator.enter(|mu| {
                for (at, &is_alive) in alive.iter().enumerate() {
                    let found = weak.get(mu).get(at).and_then(|weak| weak.upgrade(mu));
                    assert_eq!(found.is_some(), is_alive, "seed {seed}: node {at}");
                    assert!(found.is_none_or(|node| node.name == at as u64));
                }
                for (map, entries) in maps.iter().zip(&mut entries) {
                    entries.retain(|(key, _)| alive[*key]);
                    for &(key, value) in entries.iter() {
                        let key = weak.get(mu).get(key).and_then(|weak| weak.upgrade(mu)).expect("alive");
                        assert_eq!(map.get(mu).get(mu, key).map(|value| value.name), Some(value as u64));
                    }
                }
            });
            is_well(&heap);
        }
    }
}

fn in_maps_beside_a_collector(collector: Collector) {
    beside_a_collector(collector, |mutator, number| {
        let (map, keys): (Root<Nodes<'static>>, Vec<Root<Node<'static>>>) = mutator.enter(|mu| {
            let map = mu.alloc(WeakMap::new());
            let keys = (0..20_u64).map(|at| {
                let key = node(mu, *number + at);
                let value = node(mu, *number + at);
                value.to[0].set(mu, Some(key));
                map.insert(mu, key, value);
                map.insert(mu, node(mu, 0), key);
                mu.root(key)
            });
            let keys = keys.collect();
            (mu.root(map), keys)
        });
        for round in 0..5_u64 {
            mutator.safepoint();
            mutator.enter(|mu| {
                for (at, key) in (0..).zip(&keys) {
                    let (map, key) = (map.get(mu), key.get(mu));
                    let value = map.get(mu, key).expect("its key is kept");
                    assert_eq!((value.name, key.name), (*number + at, *number + at));
                    assert!(Gc::ptr_eq(value.to[0].get().expect("the key"), key));
                    if at % 5 == round {
                        let next = node(mu, value.name);
                        next.to.iter().for_each(|place| place.set(mu, Some(key)));
                        map.insert(mu, key, next).expect("it was there");
                    }
                    map.insert(mu, node(mu, 1), value);
                }
            });
        }
        *number += 20;
    });
}

#[test]
fn values_stay_beside_a_collector() {
    within(Duration::from_secs(120), || in_maps_beside_a_collector(Collector::Concurrent));
}

#[test]
fn values_stay_beside_a_collector_that_stops_the_world() {
    within(Duration::from_secs(120), || in_maps_beside_a_collector(Collector::StopTheWorld));
}

#[test]
fn strings_are_interned_once_and_forgotten() {
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        let names: Root<Interner<'static>> = mutator.enter(|mu| mu.root(mu.alloc(Interner::new())));
        let kept: Vec<Root<GcStr>> = mutator.enter(|mu| {
            (0..100).map(|at| mu.root(names.get(mu).intern(mu, &format!("name {at}")))).collect()
        });
        for round in 0..20 {
            mutator.enter(|mu| {
                let names = names.get(mu);
                for (at, kept) in kept.iter().enumerate() {
                    assert!(Gc::ptr_eq(names.intern(mu, &format!("name {at}")), kept.get(mu)));
                }
                for at in 0..200 {
                    let text = format!("of round {round}, {at}");
                    assert!(names.find(mu, &text).is_none());
                    assert!(Gc::ptr_eq(names.intern(mu, &text), names.intern(mu, &text)));
                }
                assert!(names.intern(mu, "").as_str().is_empty());
            });
            mutator.collect();
            mutator.enter(|mu| {
                assert!(names.get(mu).find(mu, &format!("of round {round}, 7")).is_none(), "nobody keeps it");
                assert!(names.get(mu).len() <= 900, "{} entries", names.get(mu).len());
            });
            is_well(&heap);
        }
        drop(kept);
        mutator.collect();
        mutator.enter(|mu| names.get(mu).shrink_to_fit(mu));
        mutator.collect();
        assert_eq!(objects(&heap), 1, "the set");
        mutator.enter(|mu| assert!(names.get(mu).is_empty()));
    }
}

/// Three threads, each with a set and few texts, some of whose strings it keeps: what is kept is found, and nothing is there twice.
fn interned_beside_a_collector(collector: Collector) {
    beside_a_collector(collector, |mutator, number| {
        let names: Root<Interner<'static>> = mutator.enter(|mu| mu.root(mu.alloc(Interner::new())));
        let mut kept: Vec<(String, Root<GcStr>)> = Vec::new();
        for at in 0..200_u64 {
            *number = number.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(at | 1);
            let text = format!("a text that is not tiny: {}", *number >> 33 & 15);
            mutator.enter(|mu| {
                let found = names.get(mu).intern(mu, &text);
                assert_eq!(found.as_str(), text);
                assert!(Gc::ptr_eq(found, names.get(mu).intern(mu, &text)));
                if let Some((_, known)) = kept.iter().find(|(known, _)| *known == text) {
                    assert!(Gc::ptr_eq(known.get(mu), found), "two strings of one text");
                } else if *number >> 40 & 1 == 0 {
                    kept.push((text, mu.root(found)));
                }
            });
            if *number >> 41 & 3 == 0 && !kept.is_empty() {
                kept.swap_remove(usize::try_from(*number >> 50).unwrap() % kept.len());
            }
        }
    });
}

#[test]
fn strings_are_interned_once_beside_a_collector() {
    within(Duration::from_secs(120), || interned_beside_a_collector(Collector::Concurrent));
}

#[test]
fn strings_are_interned_once_beside_a_collector_that_stops_the_world() {
    within(Duration::from_secs(120), || interned_beside_a_collector(Collector::StopTheWorld));
}

#[test]
fn an_object_of_a_weak_set_is_found_by_what_it_is_asked() {
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        mutator.enter(|mu| {
            let set: WeakSet<'_, [u64; 3]> = WeakSet::new();
            // All with the same hash.
            let point = |x: u64| {
                set.get_or_insert_by(
                    mu,
                    7,
                    |found| found[0] == x,
                    || {
                        assert!(set.get_by(mu, 7, |found| found[0] == x).is_none());
                        mu.alloc([x, x, x])
                    },
                )
            };
            let all: Vec<_> = (0..50).map(point).collect();
            assert!(all.iter().zip(0..).all(|(&one, x)| Gc::ptr_eq(one, point(x))));
            assert_eq!(set.len(), 50);
            assert!(
                set.remove_by(mu, 7, |found| found[0] == 9).is_some_and(|taken| Gc::ptr_eq(taken, all[9]))
            );
            assert!(set.get_by(mu, 7, |found| found[0] == 9).is_none());
            assert!(!Gc::ptr_eq(point(9), all[9]), "another was made");
            // One is put in while one is made.
            let set_in = |x: u64| set.get_or_insert_by(mu, 8, |found| found[0] == x, || mu.alloc([x; 3]));
            let found = set.get_or_insert_by(
                mu,
                8,
                |found| found[0] == 1,
                || {
                    set_in(1);
                    mu.alloc([1; 3])
                },
            );
            assert!(Gc::ptr_eq(found, set_in(1)), "the first stays");
            set.clear(mu);
            assert!(set.is_empty() && set.get_by(mu, 7, |_| true).is_none());
        });
        mutator.collect();
        assert_eq!(objects(&heap), 0);
    }
}

#[derive(Default)]
struct Panics;

impl BuildHasher for Panics {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        Self
    }
}

impl Hasher for Panics {
    fn finish(&self) -> u64 {
        panic!("hash");
    }

    fn write(&mut self, _: &[u8]) {}
}

#[test]
fn panics_of_what_is_called_leave_the_heap_whole() {
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        type Set<'gc> = WeakSet<'gc, [u64; 3]>;
        let set: Root<Set<'static>> = mutator.enter(|mu| mu.root(mu.alloc(Set::new())));
        let map: Root<Nodes<'static>> = mutator.enter(|mu| mu.root(mu.alloc(Nodes::new())));
        let kept: Root<[u64; 3]> = mutator.enter(|mu| {
            mu.root(set.get(mu).get_or_insert_by(mu, 1, |_| panic!("nothing to ask"), || mu.alloc([1; 3])))
        });
        let mut says = |words: &str, f: &dyn for<'gc> Fn(&tricolor::Mu<'gc>)| {
            let panic = catch_unwind(AssertUnwindSafe(|| mutator.enter(|mu| f(mu)))).expect_err(words);
            assert!(panic_text(&*panic).contains(words), "{:?}", panic_text(&*panic));
            mutator.enter(|mu| {
                assert_eq!(set.get(mu).len(), 1);
                assert!(map.get(mu).is_empty());
                let found = set.get(mu).get_by(mu, 1, |found| found[0] == 1);
                assert!(found.is_some_and(|found| Gc::ptr_eq(found, kept.get(mu))));
            });
            is_well(&heap);
            heap.collect();
        };
        says("is", &|mu| _ = set.get(mu).get_by(mu, 1, |_| panic!("is")));
        says("is", &|mu| _ = set.get(mu).remove_by(mu, 1, |_| panic!("is")));
        says("make", &|mu| _ = set.get(mu).get_or_insert_by(mu, 2, |_| false, || panic!("make")));
        says("changed", &|mu| {
            let set = set.get(mu);
            set.get_by(mu, 1, |_| {
                // In and out again: the set is what it was.
                set.get_or_insert_by(mu, 3, |_| false, || mu.alloc([3; 3]));
                set.remove_by(mu, 3, |_| true).is_none()
            });
        });
        says("make", &|mu| _ = map.get(mu).get_or_insert_with(mu, node(mu, 1), || panic!("make")));
        says("hash", &|mu| _ = Interner::with_hasher(Panics).intern(mu, "text"));
    }
}
