//! Promise: a cleanup runs once, after its object was found dead and not before, at a safepoint and never inside an
//! allocation; it can be stopped until then; one that panics keeps neither the others from running nor the heap from being
//! sound; what waits when the heap ends runs then.

use crate::support::{self, is_well, panic_text, within};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use tricolor::{Cleanup, Collector, Gc, GcCell, GcSlice, GcStr, Heap, Leaf, MemoryLimit, Root, Weak};

fn heaps() -> impl Iterator<Item = Heap> {
    support::heaps(Heap::builder)
}

/// Counts by name how often something happened.
struct Times(Vec<AtomicU32>);

impl Times {
    fn new(names: usize) -> Arc<Self> {
        Arc::new(Self((0..names).map(|_| AtomicU32::new(0)).collect()))
    }

    fn add(self: &Arc<Self>, name: usize) -> impl FnOnce() + Send + use<> {
        let times = Arc::clone(self);
        move || _ = times.0[name].fetch_add(1, SeqCst)
    }

    fn get(&self, name: usize) -> u32 {
        self.0[name].load(SeqCst)
    }

    fn total(&self) -> u32 {
        self.0.iter().map(|times| times.load(SeqCst)).sum()
    }
}

#[test]
fn each_cleanup_runs_once_after_its_object_died() {
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        let times = Times::new(1000);
        let mut roots: Vec<Root<[u64; 3]>> = mutator.enter(|mu| {
            let make = |name: usize| {
                let object = mu.alloc([name as u64; 3]);
                mu.cleanup(object, times.add(name));
                object
            };
            (0..1000).map(make).filter(|object| object[0] % 3 == 0).map(|object| mu.root(object)).collect()
        });
        assert_eq!(times.total(), 0);
        for round in 0..3 {
            mutator.collect();
            for name in 0..1000 {
                assert_eq!(times.get(name), u32::from(name % 3 != 0), "{name} in round {round}");
            }
            is_well(&heap);
        }
        let figures = heap.figures().cleanups;
        assert_eq!((figures.waiting, figures.queued, figures.run, figures.stopped), (334, 666, 666, 0));
        roots.truncate(100);
        mutator.collect();
        assert_eq!(times.total(), 900);
        drop(roots);
        mutator.collect();
        assert!((0..1000).all(|name| times.get(name) == 1));
        assert_eq!(heap.figures().memory.heap_objects, 0, "a cleanup keeps nothing");
    }
}

macro_rules! cleaned_up {
    ($($name:ident: $type:ty, |$mu:ident| $make:expr;)*) => {
        $(
            #[test]
            fn $name() {
                for heap in heaps() {
                    let mut mutator = heap.attach().unwrap();
                    let times = Times::new(1);
                    let root: Root<$type> = mutator.enter(|$mu| {
                        let object = $make;
                        $mu.cleanup(object, times.add(0));
                        $mu.root(object)
                    });
                    mutator.collect();
                    assert_eq!(times.total(), 0);
                    drop(root);
                    mutator.collect();
                    assert_eq!(times.total(), 1);
                    is_well(&heap);
                }
            }
        )*
    };
}

cleaned_up! {
    of_a_large_object: [u64; 9000], |mu| mu.alloc([1_u64; 9000]);
    of_a_slice: GcSlice<u64>, |mu| mu.alloc_slice(30, |at| at as u64);
    of_a_large_slice_of_references: GcSlice<GcCell<Option<Gc<'static, u64>>>>,
        |mu| mu.alloc_slice(9000, |_| GcCell::new(None::<Gc<'_, u64>>));
    of_a_string: GcStr, |mu| mu.alloc_str("a string of some length");
    of_an_object_with_a_drop: Leaf<String>, |mu| mu.alloc(Leaf::new(String::from("text")));
    of_a_tiny_object_that_is_alone: u8, |mu| mu.alloc(1_u8);
}

#[test]
fn tiny_objects_that_share_a_slot_are_dead_together() {
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        let times = Times::new(2);
        let root: Root<u8> = mutator.enter(|mu| {
            let (one, two) = (mu.alloc(1_u8), mu.alloc(2_u8));
            assert_eq!(Gc::addr(one) / 16, Gc::addr(two) / 16, "they share one");
            mu.cleanup(one, times.add(0));
            mu.cleanup(two, times.add(1));
            mu.root(two)
        });
        mutator.collect();
        assert_eq!(times.total(), 0);
        assert_eq!(mutator.enter(|mu| *root.get(mu)), 2);
        drop(root);
        mutator.collect();
        assert_eq!((times.get(0), times.get(1)), (1, 1));
    }
}

#[test]
fn an_object_may_have_several_and_each_is_stopped_by_itself() {
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        let times = Times::new(10);
        let (cleanups, root): (Vec<Cleanup>, Root<[u64; 4]>) = mutator.enter(|mu| {
            let object = mu.alloc([1_u64; 4]);
            ((0..10).map(|name| mu.cleanup(object, times.add(name))).collect(), mu.root(object))
        });
        for cleanup in cleanups.iter().step_by(2) {
            assert!(cleanup.stop());
            assert!(!cleanup.stop(), "it is stopped");
            assert!(!cleanup.clone().stop(), "whoever says it");
        }
        mutator.collect();
        assert_eq!(times.total(), 0);
        drop(root);
        mutator.collect();
        for name in 0..10 {
            assert_eq!(times.get(name), u32::from(name % 2 == 1), "{name}");
        }
        assert!(!cleanups.iter().any(Cleanup::stop), "the others have run");
        let figures = heap.figures().cleanups;
        assert_eq!((figures.waiting, figures.run, figures.stopped), (0, 5, 5));
    }
}

#[test]
fn a_cleanup_is_stopped_for_good_while_others_use_its_place() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    let times = Times::new(2);
    let root: Root<[u64; 4]> = mutator.enter(|mu| mu.root(mu.alloc([1_u64; 4])));
    let first = mutator.enter(|mu| mu.cleanup(root.get(mu), times.add(0)));
    assert!(first.stop());
    let second = mutator.enter(|mu| mu.cleanup(root.get(mu), times.add(1)));
    assert!(!first.stop(), "another's cleanup is not stopped with a handle that was used");
    drop((second, root));
    mutator.collect();
    assert_eq!((times.get(0), times.get(1)), (0, 1), "a handle that is dropped stops nothing");
}

#[test]
fn what_a_stopped_cleanup_holds_is_dropped_at_once() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("bomb");
        }
    }
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    let (held, counted) = (Arc::new(()), Arc::new(()));
    let (bomb, plain) = mutator.enter(|mu| {
        let object = mu.alloc([1_u64; 4]);
        let (bomb, held) = (Bomb, Arc::clone(&held));
        let bomb = mu.cleanup(object, move || drop((bomb, held)));
        let counted = Arc::clone(&counted);
        (bomb, mu.cleanup(object, move || drop(counted)))
    });
    assert_eq!((Arc::strong_count(&held), Arc::strong_count(&counted)), (2, 2));
    assert!(plain.stop());
    assert_eq!(Arc::strong_count(&counted), 1);
    let panic = catch_unwind(AssertUnwindSafe(|| bomb.stop())).unwrap_err();
    assert_eq!(panic_text(&*panic), "bomb");
    assert_eq!(Arc::strong_count(&held), 1);
    assert!(!bomb.stop(), "it is stopped all the same");
    mutator.collect();
    is_well(&heap);
}

#[test]
fn cleanups_run_at_safepoints_and_never_inside() {
    let heap = Heap::builder().gc_percent(1).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let (inside, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let made = within(Duration::from_secs(60), {
        let heap = heap.clone();
        drop(mutator);
        let (inside, seen) = (Arc::clone(&inside), Arc::clone(&seen));
        move || {
            let mut mutator = heap.attach().unwrap();
            let mut made = 0;
            while seen.load(SeqCst) < 1000 {
                mutator.enter(|mu| {
                    inside.store(true, SeqCst);
                    for _ in 0..100 {
                        let (inside, seen) = (Arc::clone(&inside), Arc::clone(&seen));
                        mu.cleanup(mu.alloc([0_u64; 30]), move || {
                            assert!(!inside.load(SeqCst), "a cleanup ran inside `enter`");
                            seen.fetch_add(1, SeqCst);
                        });
                    }
                    inside.store(false, SeqCst);
                });
                made += 100;
            }
            made
        }
    });
    mutator = heap.attach().unwrap();
    mutator.collect();
    assert_eq!(seen.load(SeqCst), made);
}

#[test]
fn a_weak_reference_finds_nothing_when_the_cleanup_runs() {
    for heap in heaps() {
        let found = Arc::new(AtomicU32::new(0));
        // On a thread of its own, without a mutator, the cleanup attaches and looks.
        let weak: Root<Weak<'static, [u64; 4]>> = heap.attach().unwrap().enter(|mu| {
            let object = mu.alloc([7_u64; 4]);
            let weak = mu.root(mu.alloc(mu.downgrade(object)));
            let (theirs, heap, found) = (weak.clone(), Heap::clone(&heap), Arc::clone(&found));
            mu.cleanup(object, move || {
                let is_there = heap.attach().unwrap().enter(|mu| theirs.get(mu).upgrade(mu).is_some());
                found.store(1 + u32::from(is_there), SeqCst);
            });
            assert!(weak.get(mu).upgrade(mu).is_some());
            weak
        });
        heap.collect();
        assert_eq!(found.load(SeqCst), 1, "1: it ran and found nothing");
        drop(weak);
    }
}

#[test]
fn a_cleanup_that_panics_reaches_the_caller_after_all_ran_and_leaves_the_heap_sound() {
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        let times = Times::new(100);
        mutator.enter(|mu| {
            for name in 0..100 {
                let done = times.add(name);
                mu.cleanup(mu.alloc([name; 4]), move || {
                    done();
                    assert!(name % 10 != 4, "bomb {name}");
                });
            }
        });
        let panic = catch_unwind(AssertUnwindSafe(|| mutator.collect())).unwrap_err();
        assert!(panic_text(&*panic).starts_with("bomb "), "{}", panic_text(&*panic));
        assert_eq!(times.total(), 100, "the others ran");
        is_well(&heap);
        mutator.collect();
        assert_eq!(times.total(), 100, "none ran twice");
        assert_eq!(mutator.enter(|mu| *mu.alloc(5_u64)), 5);
    }
}

#[test]
fn a_panic_in_enter_does_not_meet_that_of_a_cleanup() {
    let heap = Heap::builder().own_threads(false).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let times = Times::new(1);
    mutator.enter(|mu| {
        let done = times.add(0);
        mu.cleanup(mu.alloc([1_u64; 4]), move || {
            done();
            panic!("the cleanup's");
        });
    });
    thread::scope(|threads| {
        // Makes it due without running it: this thread is inside nothing, and another collects.
        let panic = threads.spawn(|| heap.collect()).join().unwrap_err();
        assert_eq!(panic_text(&*panic), "the cleanup's");
    });
    let panic = catch_unwind(AssertUnwindSafe(|| mutator.enter(|_| panic!("the closure's")))).unwrap_err();
    assert_eq!(panic_text(&*panic), "the closure's");
    assert_eq!(times.total(), 1);
}

#[test]
fn what_waits_when_the_heap_ends_runs_then_and_a_panic_there_stays_there() {
    let times = Times::new(50);
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    let (root, cleanups): (Root<[usize; 4]>, Vec<Cleanup>) = mutator.enter(|mu| {
        let make = |name: usize| {
            let object = mu.alloc([name; 4]);
            let done = times.add(name);
            let cleanup = mu.cleanup(object, move || {
                done();
                assert!(name % 7 != 3, "bomb");
            });
            (object, cleanup)
        };
        let (kept, first) = make(0);
        let mut cleanups = vec![first];
        cleanups.extend((1..50).map(|name| make(name).1));
        (mu.root(kept), cleanups)
    });
    assert!(cleanups[49].stop());
    drop((heap, mutator));
    assert_eq!(times.total(), 0, "a root keeps the heap");
    drop(root);
    assert!((0..49).all(|name| times.get(name) == 1));
    assert_eq!(times.get(49), 0);
    assert!(!cleanups.iter().any(Cleanup::stop), "the heap has ended");
}

#[test]
fn a_mutator_that_goes_leaves_its_cleanups_to_the_others() {
    let heap = Heap::builder().own_threads(false).build().unwrap();
    let times = Times::new(20);
    thread::scope(|threads| {
        threads.spawn(|| {
            heap.attach().unwrap().enter(|mu| {
                for name in 0..20 {
                    mu.cleanup(mu.alloc([name; 4]), times.add(name));
                }
            });
        });
    });
    let mut mutator = heap.attach().unwrap();
    mutator.collect();
    assert!((0..20).all(|name| times.get(name) == 1));
}

#[test]
fn a_cleanup_may_use_its_heap() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    let times = Times::new(10);
    mutator.enter(|mu| {
        for name in 0..10 {
            let (heap, done) = (heap.clone(), times.add(name));
            mu.cleanup(mu.alloc([name; 4]), move || {
                heap.collect();
                assert!(heap.figures().memory.check().is_ok());
                done();
            });
        }
    });
    mutator.collect();
    assert_eq!(times.total(), 10);
    is_well(&heap);
}

#[test]
fn a_root_in_a_cleanup_keeps_its_object() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    let cleanup = mutator.enter(|mu| {
        let object = mu.alloc([1_u64; 4]);
        let root: Root<[u64; 4]> = mu.root(object);
        mu.cleanup(object, move || drop(root))
    });
    mutator.collect();
    assert_eq!((heap.figures().memory.heap_objects, heap.figures().cleanups.waiting), (1, 1));
    assert!(cleanup.stop());
    mutator.collect();
    assert_eq!(heap.figures().memory.heap_objects, 0);
}

/// Were a cleanup looked for in the list of all, this would take days.
#[test]
fn a_million_cleanups_are_no_trouble() {
    const MANY: usize = if cfg!(miri) { 1000 } else { 1_000_000 };
    let heap = Heap::new().unwrap();
    let count = Arc::new(AtomicU64::new(0));
    within(Duration::from_secs(240), move || {
        let mut mutator = heap.attach().unwrap();
        let mut handles = Vec::new();
        let root: Root<GcSlice<[usize; 2]>> =
            mutator.enter(|mu| mu.root(mu.alloc_slice(1, |_| [0_usize; 2])));
        for _ in 0..MANY / 1000 {
            mutator.enter(|mu| {
                for at in 0..1000 {
                    let count = Arc::clone(&count);
                    let job = move || _ = count.fetch_add(1, SeqCst);
                    // Every other waits for something that lives, so the list stays long.
                    if at % 2 == 0 {
                        handles.push(mu.cleanup(root.get(mu), job));
                    } else {
                        mu.cleanup(mu.alloc([at; 2]), job);
                    }
                }
            });
        }
        let table = heap.figures().cleanups.table.get();
        mutator.collect();
        assert_eq!(count.load(SeqCst), MANY as u64 / 2);
        assert_eq!(heap.figures().cleanups.waiting, MANY / 2);
        assert!(table >= MANY / 2 * 32, "{table} bytes for the list");
        assert!(handles.iter().rev().all(Cleanup::stop));
        assert_eq!(heap.figures().cleanups.waiting, 0);
        assert!(heap.figures().cleanups.table.get() < table / 10, "a list that is empty takes little");
        is_well(&heap);
    });
}

/// Threads ask for cleanups, stop some, and let go, while collections that are verified run beside.
fn churned(collector: Collector) {
    let heap = Heap::builder().collector(collector).verify_every(3).poison(0xA5).build().unwrap();
    let (made, ran, stopped) =
        (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let rounds = if heap_core_is_stressed() { 60 } else { 300 };
    let over = AtomicBool::new(false);
    thread::scope(|threads| {
        let workers: Vec<_> = (0..3_u64)
            .map(|seed| {
                let (heap, made, ran, stopped) = (&heap, &made, &ran, &stopped);
                threads.spawn(move || {
                    let mut mutator = heap.attach().unwrap();
                    let mut number = seed;
                    let mut next = || {
                        number = number
                            .wrapping_mul(6_364_136_223_846_793_005)
                            .wrapping_add(1_442_695_040_888_963_407);
                        (number >> 33) as usize
                    };
                    let mut kept: Vec<(Root<[u64; 4]>, Arc<AtomicBool>)> = Vec::new();
                    let mut handles: Vec<Cleanup> = Vec::new();
                    for _ in 0..rounds {
                        mutator.enter(|mu| {
                            for _ in 0..20 {
                                let object = mu.alloc([seed; 4]);
                                let may_run = Arc::new(AtomicBool::new(true));
                                let (ran, may) = (Arc::clone(ran), Arc::clone(&may_run));
                                handles.push(mu.cleanup(object, move || {
                                    assert!(may.load(SeqCst), "a cleanup ran while its object was kept");
                                    ran.fetch_add(1, SeqCst);
                                }));
                                made.fetch_add(1, SeqCst);
                                if next() % 4 == 0 {
                                    may_run.store(false, SeqCst);
                                    kept.push((mu.root(object), may_run));
                                }
                            }
                        });
                        if kept.len() > 50 {
                            let (root, may_run) = kept.swap_remove(next() % 50);
                            assert_eq!(mutator.enter(|mu| root.get(mu)[3]), seed);
                            may_run.store(true, SeqCst);
                            drop(root);
                        }
                        if handles.len() > 100 {
                            let handle = handles.swap_remove(next() % 100);
                            stopped.fetch_add(u64::from(handle.stop()), SeqCst);
                        }
                    }
                    for (_, may_run) in &kept {
                        may_run.store(true, SeqCst);
                    }
                })
            })
            .collect();
        let (heap, over) = (&heap, &over);
        threads.spawn(move || {
            while !over.load(SeqCst) {
                heap.collect();
            }
        });
        for worker in workers {
            worker.join().unwrap();
        }
        over.store(true, SeqCst);
    });
    heap.collect();
    assert_eq!(ran.load(SeqCst) + stopped.load(SeqCst), made.load(SeqCst));
    is_well(&heap);
}

fn heap_core_is_stressed() -> bool {
    tricolor::core::stress::STRESSED
}

#[test]
fn cleanups_are_asked_for_stopped_and_run_beside_collections() {
    within(Duration::from_secs(120), || churned(Collector::Concurrent));
}

#[test]
fn the_same_in_stopped_worlds() {
    within(Duration::from_secs(120), || churned(Collector::StopTheWorld));
}

#[test]
fn the_list_counts_against_the_memory_limit() {
    let limit = MemoryLimit::Bytes(128 << 20);
    let heap = Heap::builder().gc_off().memory_limit(limit).own_threads(false).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    mutator.collect();
    let before = heap.figures().goal;
    let root: Root<[u64; 4]> = mutator.enter(|mu| mu.root(mu.alloc([1_u64; 4])));
    let (told, _tells) = mpsc::channel::<()>();
    mutator.enter(|mu| {
        for _ in 0..600_000 {
            let told = told.clone();
            mu.cleanup(root.get(mu), move || drop(told));
        }
    });
    mutator.collect();
    let (after, table) = (heap.figures().goal, heap.figures().cleanups.table);
    assert!(table.get() > 18 << 20, "{table:?}");
    assert!(after + table <= before, "the goal was {before:?} and is {after:?}, with a list of {table:?}");
}
