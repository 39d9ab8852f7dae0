//! Promise: a panic in a user's code, wherever the library calls it and at whichever call, goes on to the caller and leaves the
//! heap whole: it is verified, collected, and used again.
//!
//! Each row of a table does something that calls a user's code. It is done with a fuse that burns at the first call, at the
//! second, and so on, until it is long enough. (A hand-written `trace` is not among them: it promises not to panic.)

mod listeners;

use crate::reentrant::{Element, Item, State, fill, look, made, number};
use crate::support::panic_text;
use std::borrow::Borrow;
use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use tricolor::{
    AtomicGc, Collector, Gc, GcCell, GcMap, GcMapEntry, GcSlice, GcVec, Heap, HeapBuilder, Leaf, Mu, Root,
    Trace, WeakMap, WeakSet,
};

/// Calls until the panic; none when it is negative.
#[derive(Clone)]
struct Fuse(Arc<AtomicI64>);

impl Fuse {
    fn burn(&self) {
        if self.0.fetch_sub(1, SeqCst) == 0 {
            // Past the hook, which would print each of some thousand.
            resume_unwind(Box::new("the fuse is burnt"));
        }
    }

    fn set(&self, calls: i64) {
        self.0.store(calls, SeqCst);
    }
}

thread_local! {
    /// The fuse of what runs on this thread.
    static FUSE: Fuse = Fuse(Arc::new(AtomicI64::new(-1)));
    /// Whether drops burn it.
    static ARMED: Cell<bool> = const { Cell::new(false) };
}

fn burn() {
    FUSE.with(Fuse::burn);
}

/// A key whose hash, comparison, borrowing and printing burn the fuse.
#[derive(Clone, Copy, Trace)]
struct Key<'gc>(Gc<'gc, u64>);

impl PartialEq for Key<'_> {
    fn eq(&self, other: &Self) -> bool {
        burn();
        *self.0 == *other.0
    }
}

impl Eq for Key<'_> {}

impl PartialOrd for Key<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        burn();
        self.0.cmp(&other.0)
    }
}

impl Hash for Key<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        burn();
        self.0.hash(state);
    }
}

impl Borrow<u64> for Key<'_> {
    fn borrow(&self) -> &u64 {
        burn();
        Gc::get(self.0)
    }
}

impl fmt::Debug for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        burn();
        self.0.fmt(f)
    }
}

/// Makes hashers that burn the fuse when they are made; all keys in a few groups, so that some are compared.
#[derive(Default)]
struct Burning(BuildHasherDefault<DefaultHasher>);

impl BuildHasher for Burning {
    type Hasher = Few;

    fn build_hasher(&self) -> Few {
        burn();
        Few(self.0.build_hasher())
    }
}

struct Few(DefaultHasher);

impl Hasher for Few {
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    fn finish(&self) -> u64 {
        self.0.finish() & 3
    }
}

/// Its drop burns the fuse.
struct Bomb(u64);

impl Drop for Bomb {
    fn drop(&mut self) {
        if ARMED.get() {
            burn();
        }
    }
}

/// What operations change.
#[derive(Trace)]
struct Rig<'gc> {
    state: Gc<'gc, State<'gc>>,
    keys: GcMap<'gc, Key<'gc>, Element<'gc>, Burning>,
    list: GcVec<'gc, Key<'gc>>,
    shared: AtomicGc<'gc, Item>,
}

fn key<'gc>(mu: &Mu<'gc>, number: u64) -> Key<'gc> {
    Key(mu.alloc(number))
}

/// What is there before each operation.
fn prepare<'gc>(mu: &Mu<'gc>, rig: &Rig<'gc>) {
    fill(mu, &rig.state);
    rig.keys.clear(mu);
    rig.keys.extend(mu, (0..12).map(|number| (key(mu, number), made(mu, number))));
    rig.list.clear(mu);
    rig.list.extend(mu, (0..12).map(|number| key(mu, number * 5 % 12)));
    rig.shared.store(mu, Some(made(mu, 3)));
}

fn look_at(rig: &Rig<'_>) {
    look(&rig.state);
    rig.keys.iter().for_each(|(key, element)| {
        number(element);
        assert!(rig.keys.get(&key).is_some_and(|found| Gc::ptr_eq(found, element)));
    });
    assert_eq!(rig.keys.iter().count(), rig.keys.len());
    assert!(rig.list.iter().all(|key| *key.0 < 1000));
    rig.shared.load().map(number);
}

type Op = for<'gc> fn(&Mu<'gc>, &Rig<'gc>);

/// What calls a user's code inside `enter`: the operation, and whose code it is.
const INSIDE: &[(&str, Op)] = &[
    ("enter", |mu, rig| {
        let vector = &rig.state.vector;
        for number in 0..6 {
            _ = mu.alloc_slice(vector.len() % 5, |_| mu.alloc_str("garbage"));
            burn();
            vector.push(mu, made(mu, number));
            burn();
            rig.state.cell.set(mu, vector.pop(mu));
            burn();
            let _root: Root<u64> = mu.root(mu.alloc(number));
            burn();
        }
    }),
    ("alloc_slice: element", |mu, _| {
        _ = mu.alloc_slice(6, |index| {
            burn();
            made(mu, index as u64)
        });
    }),
    ("alloc_slice: element, with a drop", |mu, _| {
        _ = mu.alloc_slice(6, |index| {
            burn();
            (mu.alloc(index), Leaf::new(Bomb(7)))
        });
    }),
    ("frame: body, elements, and drops of what is in it", |mu, rig| {
        ARMED.set(true);
        mu.frame(|f| {
            f.alloc_drop(Bomb(1));
            burn();
            let row = f.alloc_slice(3, |index| {
                burn();
                made(mu, index as u64)
            });
            f.frame(|inner| {
                inner.alloc_drop(Bomb(2));
                burn();
                rig.state.vector.push(mu, *inner.alloc(row[2]));
            });
            f.alloc_drop(Bomb(3));
        });
        ARMED.set(false);
    }),
    ("try_alloc_slice_with: element of a large slice", |mu, _| {
        let made = mu.try_alloc_slice_with(20_000, |index| {
            if index % 7000 == 0 {
                burn();
            }
            mu.try_alloc(index).map(Some)
        });
        assert!(made.is_ok());
    }),
    ("GcVec::extend: iterator", |mu, rig| {
        rig.state.vector.extend(mu, (0..6).inspect(|_| burn()).map(|number| made(mu, number)));
    }),
    ("GcVec::retain: keep", |mu, rig| {
        rig.state.vector.retain(mu, |element| {
            burn();
            number(element) % 4 == 1
        });
    }),
    ("GcVec::dedup: Eq", |mu, rig| rig.list.dedup(mu)),
    ("GcVec::dedup_by_key: key", |mu, rig| {
        rig.state.vector.dedup_by_key(mu, |element| {
            burn();
            number(element) / 3
        });
    }),
    ("GcVec::sort: Ord", |mu, rig| rig.list.sort(mu)),
    ("GcVec::sort_by: compare", |mu, rig| {
        rig.state.vector.sort_by(mu, |a, b| {
            burn();
            number(*b).cmp(&number(*a))
        });
    }),
    ("GcVec::binary_search: Ord", |mu, rig| {
        let found = rig.list.binary_search(&key(mu, 5));
        assert!(found.is_ok_and(|at| at < 12) || found.is_err_and(|at| at <= 12));
    }),
    ("GcVec::contains: Eq", |mu, rig| assert!(!rig.list.contains(&key(mu, 100)))),
    ("GcVec: Debug", |_, rig| assert!(format!("{:?}", rig.list).starts_with('['))),
    ("GcVec::iter: body", |mu, rig| {
        for element in &rig.state.vector {
            burn();
            rig.state.vector.set(mu, 0, element);
        }
    }),
    ("GcMap::insert: Hash, Eq, and what grows", |mu, rig| {
        (0..24).for_each(|number| _ = rig.keys.insert(mu, key(mu, number), made(mu, number)));
    }),
    ("GcMap::get: Hash and Borrow", |_, rig| {
        assert!(rig.keys.get(&5).is_some() && rig.keys.get(&50).is_none());
    }),
    ("GcMap::remove: Hash and Borrow", |mu, rig| _ = rig.keys.remove(mu, &5)),
    ("GcMap::reserve: Hash", |mu, rig| rig.keys.reserve(mu, 3 * rig.keys.capacity())),
    ("GcMap::shrink_to_fit: Hash", |mu, rig| {
        rig.keys.reserve(mu, 200);
        rig.keys.shrink_to_fit(mu);
    }),
    ("GcMap::retain: keep, and Hash after a change", |mu, rig| {
        rig.keys.retain(mu, |kept, _| {
            burn();
            rig.keys.insert(mu, key(mu, *kept.0 + 20), made(mu, 1));
            *kept.0 % 2 == 0
        });
    }),
    ("GcMap::extend: iterator", |mu, rig| {
        rig.state.map.extend(mu, (0..60).step_by(9).inspect(|_| burn()).map(|key| (key, made(mu, key))));
    }),
    ("GcMap::entry: Hash and Eq", |mu, rig| {
        _ = rig.keys.entry(mu, key(mu, 3)).or_insert(made(mu, 1));
        _ = rig.keys.entry(mu, key(mu, 30)).or_insert(made(mu, 1));
    }),
    ("GcMapEntry::or_insert_with: make", |mu, rig| {
        _ = rig.state.map.entry(mu, 70).or_insert_with(|| {
            burn();
            let element = made(mu, 70);
            rig.state.map.insert(mu, 71, element);
            burn();
            element
        });
    }),
    ("GcMapEntry::and_modify: change", |mu, rig| {
        _ = rig.state.map.entry(mu, 7).and_modify(|element| {
            burn();
            made(mu, number(element))
        });
    }),
    ("GcMapOccupied, after a change: Hash and Eq", |mu, rig| {
        let GcMapEntry::Occupied(entry) = rig.keys.entry(mu, key(mu, 3)) else { panic!("it is there") };
        rig.keys.insert(mu, key(mu, 40), made(mu, 40));
        entry.insert(made(mu, 41));
        rig.keys.reserve(mu, 100);
        number(entry.remove());
    }),
    ("GcMap::get_or_insert_by: is and make", |mu, rig| {
        let hash = rig.state.map.hash_of(&80);
        _ = rig.state.map.get_or_insert_by(
            mu,
            hash,
            |key| {
                burn();
                *key == 80
            },
            || {
                burn();
                (80, made(mu, 80))
            },
        );
    }),
    ("GcMap::get_or_insert_with: make", |mu, rig| {
        _ = rig.state.map.get_or_insert_with(mu, 90, || {
            burn();
            made(mu, 90)
        });
    }),
    ("GcMap::update: change", |mu, rig| {
        _ = rig.state.map.update(mu, &3, |element| {
            burn();
            made(mu, number(element) + 1)
        });
    }),
    ("GcMap::update_all: change", |mu, rig| {
        rig.state.map.update_all(mu, |_, element| {
            burn();
            made(mu, number(element) + 1)
        });
    }),
    ("GcMap::iter: body, and Hash after a change", |mu, rig| {
        for (at, element) in &rig.keys {
            burn();
            rig.keys.insert(mu, key(mu, *at.0 + 100), element);
            if rig.keys.len() > 20 {
                break;
            }
        }
    }),
    ("GcMap::drain: body", |mu, rig| rig.state.map.drain(mu).for_each(|_| burn())),
    ("GcMap: Debug", |_, rig| assert!(format!("{:?}", rig.keys.keys().collect::<Vec<_>>()).starts_with('['))),
    ("WeakMap::get_or_insert_with: make", |mu, _| {
        let (notes, key) = (WeakMap::new(), made(mu, 1));
        _ = notes.get_or_insert_with(mu, key, || {
            burn();
            notes.insert(mu, key, made(mu, 2));
            burn();
            made(mu, 3)
        });
        assert_eq!(notes.get(mu, key).map(number), Some(2));
    }),
    ("WeakSet::get_or_insert_by: is and make", |mu, _| {
        let items = WeakSet::new();
        for wanted in [1, 2, 1] {
            let is = |item: Element<'_>| {
                burn();
                number(item) == wanted
            };
            let make = || {
                burn();
                made(mu, wanted)
            };
            number(items.get_or_insert_by(mu, 7, is, make));
        }
        assert_eq!(items.len(), 2);
    }),
    ("GcCell::update: change", |mu, rig| {
        _ = rig.state.cell.update(mu, |element| {
            burn();
            element.map(|element| made(mu, number(element)))
        });
    }),
    ("AtomicGc::fetch_update: change", |mu, rig| {
        let changed = rig.shared.fetch_update(mu, |element| {
            burn();
            rig.shared.store(mu, Some(made(mu, 10)));
            burn();
            element.filter(|element| number(*element) == 10).map(|_| None)
        });
        assert!(changed.is_err() || rig.shared.load().is_none());
    }),
    ("AtomicGc::get_or_insert_with: make", |mu, rig| {
        rig.shared.take(mu);
        _ = rig.shared.get_or_insert_with(mu, || {
            burn();
            made(mu, 1)
        });
    }),
    ("slice: Eq, Ord, Hash and Debug", |mu, rig| {
        let (a, b) = (mu.alloc_copy(&rig.list.to_vec()), mu.alloc_copy(&rig.list.to_vec()));
        assert!(a == b && a.cmp(&b).is_eq());
        a.hash(&mut DefaultHasher::new());
        assert_eq!(format!("{a:?}"), format!("{b:?}"));
    }),
];

fn checked() -> HeapBuilder {
    Heap::builder().reservation(64 << 20).poison(0xDD).verify_every(1)
}

/// Runs `run` with longer and longer fuses, until one is long enough, and `after` each time. The number of panics.
fn with_each_fuse(fuse: &Fuse, name: &str, mut run: impl FnMut(), mut after: impl FnMut()) -> i64 {
    let (mut calls, mut panics) = (0, 0);
    loop {
        fuse.set(calls);
        let outcome = catch_unwind(AssertUnwindSafe(&mut run));
        fuse.set(-1);
        ARMED.set(false);
        after();
        let Err(panic) = outcome else { break };
        assert_eq!(panic_text(&*panic), "the fuse is burnt", "{name}");
        // All of the first twenty, then some.
        calls += 1 + calls / 20;
        panics += 1;
    }
    assert!(panics > 0, "{name}: no user's code was called");
    panics
}

fn rig(mu: &Mu<'_>) -> Root<Rig<'static>> {
    let state = mu.alloc(State { vector: GcVec::new(), map: GcMap::new(), cell: GcCell::new(None) });
    mu.root(mu.alloc(Rig {
        state,
        keys: GcMap::with_hasher(Burning::default()),
        list: GcVec::new(),
        shared: AtomicGc::new(None),
    }))
}

#[test]
fn a_panic_inside_leaves_the_heap_whole() {
    for collector in [Collector::Concurrent, Collector::StopTheWorld] {
        let heap = checked().collector(collector).gc_percent(10).build().unwrap();
        let mut mutator = heap.attach().unwrap();
        let root = mutator.enter(rig);
        let fuse = FUSE.with(Fuse::clone);
        for (name, op) in INSIDE {
            // The heap is looked at where the panic was caught, and outside, when the mutator has left because of it.
            mutator.enter(|mu| {
                let rig = root.get(mu);
                prepare(mu, &rig);
                let again = || {
                    look_at(&rig);
                    prepare(mu, &rig);
                };
                with_each_fuse(&fuse, name, || op(mu, &rig), again);
            });
            let mutator = RefCell::new(&mut mutator);
            let again = || {
                let mutator = &mut **mutator.borrow_mut();
                mutator.enter(|mu| look_at(&root.get(mu)));
                mutator.collect();
                assert_eq!(heap.verify(), [], "{name}");
                mutator.enter(|mu| {
                    look_at(&root.get(mu));
                    prepare(mu, &root.get(mu));
                });
            };
            let run = || mutator.borrow_mut().enter(|mu| op(mu, &root.get(mu)));
            with_each_fuse(&fuse, name, run, again);
        }
        mutator.collect();
        assert_eq!(heap.verify(), []);
    }
}

/// Makes garbage with drops, one by one and in slices, with cleanups and with finalizers, beside what is kept.
fn bombs(mu: &Mu<'_>) -> Root<GcSlice<Leaf<Bomb>>> {
    for number in 0..5 {
        _ = mu.alloc(Leaf::new(Bomb(number)));
    }
    _ = mu.alloc_slice(3, |index| (mu.alloc(index), Leaf::new(Bomb(10))));
    for _ in 0..2 {
        mu.cleanup(mu.alloc([0_u64; 4]), || drop(Bomb(11)));
        mu.set_finalizer(mu.alloc([0_u64; 4]), |mu, object| {
            drop(Bomb(object[0]));
            drop(mu.root(object));
        });
    }
    mu.root(mu.alloc_slice(4, |index| Leaf::new(Bomb(index as u64))))
}

#[test]
fn a_panic_in_a_drop_leaves_the_heap_whole() {
    for collector in [Collector::Concurrent, Collector::StopTheWorld] {
        let fuse = FUSE.with(Fuse::clone);
        for at_the_edge in [false, true] {
            // At the edge the cycle has to be the mutator's, or the drop might be some other time.
            if at_the_edge && collector == Collector::Concurrent {
                continue;
            }
            let builder = checked().collector(collector);
            let builder = if at_the_edge { builder.collect_every(1) } else { builder.gc_off() };
            let heap = builder.build().unwrap();
            let (mut mutator, mut kept) = (heap.attach().unwrap(), Vec::new());
            let run = || {
                ARMED.set(true);
                kept.push(mutator.enter(bombs));
                if at_the_edge {
                    (0..3).for_each(|_| mutator.enter(|mu| _ = mu.alloc([1_u64; 5])));
                } else {
                    mutator.collect();
                }
            };
            let panics = with_each_fuse(&fuse, "drops, cleanups and finalizers", run, || {
                assert_eq!(heap.verify(), []);
            });
            assert!(panics >= 12, "{panics}, {collector:?}, at the edge: {at_the_edge}");
            mutator.enter(|mu| {
                for root in &kept {
                    assert!(root.get(mu).iter().map(|bomb| bomb.0).eq(0..4));
                }
            });
            drop(kept);
            (0..3).for_each(|_| mutator.collect());
            assert_eq!(heap.figures().memory.heap_objects, 0);
            assert_eq!(heap.verify(), []);
        }
    }
}
