//! Promise: what a vector, a map or a cell calls in the middle of an operation may use it, change it, empty it and make it grow, at
//! every call. The operation ends, or panics, and what is left is whole: every element leads to an object, in every cycle that
//! comes after.

use heap_testkit::random::{Random, scrambled};
use std::cell::RefCell;
use std::cmp::Ordering;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tricolor::{Gc, GcCell, GcMap, GcVec, Heap, Mu, Root, Trace};

/// What elements lead to.
#[derive(Trace)]
pub(crate) struct Item {
    pub(crate) number: u64,
    pub(crate) check: u64,
}

pub(crate) type Element<'gc> = Gc<'gc, Item>;

#[derive(Trace)]
pub(crate) struct State<'gc> {
    pub(crate) vector: GcVec<'gc, Element<'gc>>,
    pub(crate) map: GcMap<'gc, u64, Element<'gc>>,
    pub(crate) cell: GcCell<Option<Element<'gc>>>,
}

pub(crate) fn made<'gc>(mu: &Mu<'gc>, number: u64) -> Element<'gc> {
    mu.alloc(Item { number, check: scrambled(number) })
}

pub(crate) fn number(element: Element<'_>) -> u64 {
    assert_eq!(element.check, scrambled(element.number), "an element leads to no item");
    element.number
}

/// One change of what is under an operation.
fn interfere<'gc>(mu: &Mu<'gc>, state: &State<'gc>, random: &mut Random) {
    let (vector, map) = (&state.vector, &state.map);
    let some = u64::from(random.word());
    let _garbage = made(mu, some);
    match random.below(14) {
        0 => vector.clear(mu),
        1 => vector.truncate(mu, vector.len() / 2),
        2 => (0..9).for_each(|number| vector.push(mu, made(mu, some + number))),
        3 => drop(vector.drain(mu, vector.len() / 3..)),
        4 => vector.shrink_to_fit(mu),
        5 => vector.reverse(mu),
        6 => vector.retain(mu, |element| number(element).is_multiple_of(2)),
        7 => map.clear(mu),
        8 => map.retain(mu, |key, _| key % 2 == 0),
        9 => map.extend(mu, (some..some + 40).map(|key| (key % 100, made(mu, key)))),
        10 => map.shrink_to_fit(mu),
        11 => _ = map.remove(mu, &(some % 30)),
        12 => state.cell.set(mu, Some(made(mu, some))),
        _ => {}
    }
}

/// An operation, with what is to be called in its middle.
type Op = for<'gc> fn(&Mu<'gc>, &State<'gc>, &mut dyn FnMut());

const OPS: &[(&str, Op)] = &[
    ("GcVec::retain", |mu, state, call| {
        state.vector.retain(mu, |element| {
            call();
            !number(element).is_multiple_of(3)
        });
    }),
    ("GcVec::dedup_by_key", |mu, state, call| {
        state.vector.dedup_by_key(mu, |element| {
            call();
            number(element) / 4
        });
    }),
    ("GcVec::sort_by", |mu, state, call| {
        let call = RefCell::new(call);
        state.vector.sort_by(mu, |a, b| {
            call.borrow_mut()();
            number(*b).cmp(&number(*a))
        });
    }),
    ("GcVec::binary_search_by", |_, state, call| {
        let found = state.vector.binary_search_by(|element| {
            call();
            number(element).cmp(&5)
        });
        assert!(found.is_err() || found.is_ok());
    }),
    ("GcVec::binary_search_by, always to the end", |_, state, call| {
        let found = state.vector.binary_search_by(|element| {
            call();
            number(element);
            Ordering::Less
        });
        assert!(found.is_err());
    }),
    ("GcVec::iter, from both ends", |_, state, call| {
        let mut iter = state.vector.iter();
        while let (Some(first), last) = (iter.next(), iter.next_back()) {
            call();
            number(first);
            last.map(number);
        }
    }),
    ("GcVec::extend", |mu, state, call| {
        let elements = (0..20).map(|each| {
            call();
            made(mu, each)
        });
        state.vector.extend(mu, elements);
    }),
    ("GcMap::retain", |mu, state, call| {
        state.map.retain(mu, |_, element| {
            call();
            !number(*element).is_multiple_of(3)
        });
    }),
    ("GcMap::update", |mu, state, call| {
        state.map.update(mu, &3, |element| {
            call();
            made(mu, number(element) + 1)
        });
    }),
    ("GcMap::update_all", |mu, state, call| {
        state.map.update_all(mu, |_, element| {
            call();
            made(mu, number(element) + 1)
        });
    }),
    ("GcMap::get_or_insert_with", |mu, state, call| {
        let element = state.map.get_or_insert_with(mu, 1 << 40, || {
            call();
            made(mu, 7)
        });
        number(element);
    }),
    ("GcMapEntry::and_modify", |mu, state, call| {
        let entry = state.map.entry(mu, 4).and_modify(|element| {
            call();
            made(mu, number(element) + 1)
        });
        number(entry.or_insert_with(|| made(mu, 4)));
    }),
    ("GcMap::extend", |mu, state, call| {
        let entries = (0..20).map(|each| {
            call();
            (each * 3, made(mu, each))
        });
        state.map.extend(mu, entries);
    }),
    ("GcMap::iter", |_, state, call| {
        for (_, element) in &state.map {
            call();
            number(element);
        }
    }),
    ("GcMap::drain", |mu, state, call| {
        for (_, element) in state.map.drain(mu).take(50) {
            call();
            number(element);
        }
    }),
    ("GcMap::get_by", |_, state, call| {
        let hash = state.map.hash_of(&3);
        let found = state.map.get_by(hash, |key| {
            call();
            *key == 3
        });
        found.map(|(_, element)| number(element));
    }),
    ("GcCell::update", |mu, state, call| {
        let element = state.cell.update(mu, |element| {
            call();
            element.map(|element| made(mu, number(element) + 1))
        });
        element.map(number);
    }),
];

pub(crate) fn fill<'gc>(mu: &Mu<'gc>, state: &State<'gc>) {
    state.vector.clear(mu);
    state.vector.extend(mu, (0..40).map(|each| made(mu, each)));
    state.map.clear(mu);
    state.map.extend(mu, (0..40).map(|each| (each, made(mu, each))));
    state.cell.set(mu, Some(made(mu, 1)));
}

pub(crate) fn look(state: &State<'_>) {
    state.vector.iter().for_each(|element| _ = number(element));
    assert_eq!(state.vector.iter().count(), state.vector.len());
    state.map.iter().for_each(|(key, element)| {
        number(element);
        assert!(state.map.get(&key).is_some_and(|found| Gc::ptr_eq(found, element)));
    });
    assert_eq!(state.map.iter().count(), state.map.len());
    state.cell.get().map(number);
}

#[test]
fn what_is_called_in_the_middle_may_change_what_it_is_called_by() {
    let heap = Heap::builder().gc_percent(5).poison(0xDD).verify_every(4).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let root: Root<State<'static>> = mutator.enter(|mu| {
        mu.root(mu.alloc(State { vector: GcVec::new(), map: GcMap::new(), cell: GcCell::new(None) }))
    });
    let mut panics = 0;
    for (name, op) in OPS {
        for seed in 0..120 {
            let mut random = Random::new(seed);
            mutator.enter(|mu| {
                let state = root.get(mu);
                fill(mu, &state);
                // Some seeds interfere at each call, some seldom, and all of them stop at last: or a map would grow for ever.
                let (mut calls, each) = (0, 1 + random.below(12));
                let mut call = || {
                    calls += 1;
                    if calls < 200 && random.below(each) == 0 {
                        interfere(mu, &state, &mut random);
                    }
                };
                // Panics that are documented: what was asked about has gone.
                panics += u64::from(catch_unwind(AssertUnwindSafe(|| op(mu, &state, &mut call))).is_err());
                look(&state);
            });
            if seed % 8 == 0 {
                mutator.collect();
                mutator.enter(|mu| look(&root.get(mu)));
            }
        }
        assert_eq!(heap.verify(), [], "{name}");
    }
    assert!(panics > 0, "no documented panic was met");
}

#[test]
fn what_retain_and_sort_leave_when_they_are_interfered_with() {
    let heap = Heap::new().unwrap();
    heap.attach().unwrap().enter(|mu| {
        let numbers = GcVec::new();
        let fill = |count: u64| {
            numbers.clear(mu);
            numbers.extend(mu, 0..count);
        };
        fill(6);
        // What is put at the end meanwhile is asked about, too.
        numbers.retain(mu, |number| {
            if number == 2 {
                numbers.push(mu, 12);
            }
            number % 2 == 0
        });
        assert_eq!(numbers.to_vec(), [0, 2, 4, 12]);
        fill(6);
        let panic = catch_unwind(AssertUnwindSafe(|| {
            numbers.retain(mu, |number| {
                assert!(number < 4);
                number % 2 == 0
            });
        }));
        assert!(panic.is_err());
        assert_eq!(numbers.to_vec(), [0, 2, 4, 5], "what was said no to is out, once");
        fill(4);
        numbers.sort_by(mu, |a, b| {
            if numbers.len() < 8 {
                numbers.push(mu, 9);
            }
            b.cmp(a)
        });
        assert!(numbers.to_vec().starts_with(&[3, 2, 1, 0, 9]), "{numbers:?}");
        fill(4);
        let panic = catch_unwind(AssertUnwindSafe(|| {
            numbers.sort_by(mu, |a, b| {
                numbers.truncate(mu, 2);
                b.cmp(a)
            });
        }));
        assert!(panic.is_err());
        assert_eq!(numbers.to_vec(), [0, 1]);
        assert!(numbers.contains(&1) && !numbers.contains(&2));
        numbers.extend(mu, [1, 1, 0]);
        numbers.dedup(mu);
        assert_eq!(numbers.to_vec(), [0, 1, 0]);
        let (a, b) = (GcCell::new(1), GcCell::new(2));
        a.swap(mu, &b);
        a.swap(mu, &a);
        assert_eq!((a.get(), b.get()), (2, 1));
    });
}
