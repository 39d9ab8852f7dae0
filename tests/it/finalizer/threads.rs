//! Finalizers of threads that come and go, of what threads share, of many objects, and at the heap's end.

use super::{Names, Node, Tick, heaps, is_well, look, node, place};
use crate::support::within;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::Duration;
use tricolor::core::stress::STRESSED;
use tricolor::{Collector, Gc, GcVec, Heap, Mu, Root};

#[test]
fn a_mutator_that_goes_takes_its_finalizers_with_it() {
    for heap in heaps() {
        let names = Names::default();
        let (cleanups, kept) = (Arc::new(AtomicU32::new(0)), place(&mut heap.attach().unwrap()));
        let mut mutator = heap.attach().unwrap();
        mutator.enter(|mu| {
            let dead = node(mu, 1, None);
            names.set(mu, dead);
            let cleanups = Arc::clone(&cleanups);
            mu.cleanup(dead, move || _ = cleanups.fetch_add(1, SeqCst));
            let living = node(mu, 2, None);
            names.set(mu, living);
            kept.get(mu).set(mu, Some(living));
        });
        // One is due, one is not.
        heap.collect();
        assert_eq!((heap.figures().finalizers.queued, Rc::strong_count(&names.0)), (1, 3));
        drop(mutator);
        assert_eq!(Rc::strong_count(&names.0), 1, "what they held is dropped");
        let figures = heap.figures().finalizers;
        assert_eq!((figures.forgotten, figures.waiting, heap.figures().roots), (2, 0, 1));
        let mut mutator = heap.attach().unwrap();
        mutator.collect();
        assert_eq!((names.sorted(), cleanups.load(SeqCst)), (vec![], 1));
        mutator.enter(|mu| assert_eq!(look(kept.get(mu).get().unwrap()), 2));
        // The thread has a new list.
        mutator.enter(|mu| assert!(!names.set(mu, kept.get(mu).take(mu).unwrap())));
        mutator.collect();
        assert_eq!(names.sorted(), [2]);
        is_well(&heap);
    }
}

#[test]
fn a_drop_that_panics_when_finalizers_are_forgotten_stays_there() {
    struct Bomb(Rc<Cell<u32>>);
    impl Drop for Bomb {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
            panic!("bomb");
        }
    }
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    let drops = Rc::new(Cell::new(0));
    mutator.enter(|mu| {
        for name in 0..5 {
            let bomb = Bomb(Rc::clone(&drops));
            mu.set_finalizer(node(mu, name, None), move |_, _| drop(bomb));
        }
    });
    drop(mutator);
    assert_eq!(drops.get(), 5);
    heap.collect();
    assert_eq!(heap.figures().memory.heap_objects, 0);
    is_well(&heap);
}

#[test]
fn a_thread_that_ends_with_its_mutator_forgets_its_finalizers() {
    let heap = Heap::new().unwrap();
    let dropped = Arc::new(AtomicU32::new(0));
    let theirs = Arc::clone(&dropped);
    let other = heap.clone();
    thread::spawn(move || {
        let mut mutator = other.attach().unwrap();
        mutator.enter(|mu| {
            let tick = Tick(theirs);
            mu.set_finalizer(node(mu, 1, None), move |_, _| drop(tick));
        });
        core::mem::forget(mutator);
    })
    .join()
    .unwrap();
    // The thread's own data is dropped after it can be joined, or before.
    let soon = std::time::Instant::now() + Duration::from_secs(20);
    while heap.figures().finalizers.forgotten == 0 {
        assert!(std::time::Instant::now() < soon, "it is not forgotten");
        thread::sleep(Duration::from_millis(1));
    }
    heap.collect();
    assert_eq!((dropped.load(SeqCst), heap.figures().memory.heap_objects), (1, 0));
    is_well(&heap);
}

#[test]
fn a_shared_finalizer_runs_on_whichever_thread_comes_by() {
    for heap in heaps() {
        let sum = Arc::new(AtomicU64::new(0));
        thread::scope(|threads| {
            threads.spawn(|| {
                heap.attach().unwrap().enter(|mu| {
                    for number in 1..=10_u64 {
                        let sum = Arc::clone(&sum);
                        let object = mu.alloc([number; 4]);
                        assert!(!mu.set_shared_finalizer(object, move |_, object| _ =
                            sum.fetch_add(object[3], SeqCst)));
                        if number == 5 {
                            assert!(!mu.clear_finalizer(object), "it is a shared one");
                            assert!(mu.clear_shared_finalizer(object));
                        }
                    }
                });
            });
        });
        // Its setter has gone, and without a mutator nobody runs it.
        heap.collect();
        assert_eq!((sum.load(SeqCst), heap.figures().finalizers.queued), (0, 9));
        heap.attach().unwrap().safepoint();
        assert_eq!(sum.load(SeqCst), 50);
        heap.collect();
        assert_eq!(heap.figures().memory.heap_objects, 0);
        assert_eq!(heap.figures().finalizers.forgotten, 0);
    }
}

#[test]
fn no_finalizer_runs_when_the_heap_ends() {
    let heap = Heap::new().unwrap();
    let (ran, dropped) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    {
        let mut mutator = heap.attach().unwrap();
        mutator.enter(|mu| {
            for number in 0..10_u64 {
                let (ran, tick) = (Arc::clone(&ran), Tick(Arc::clone(&dropped)));
                let note = move |_: &Mu<'_>, _: Gc<'_, [u64; 4]>| {
                    drop(tick);
                    ran.fetch_add(1, SeqCst);
                };
                mu.set_shared_finalizer(mu.alloc([number; 4]), note);
            }
        });
    }
    heap.collect();
    drop(heap);
    assert_eq!((ran.load(SeqCst), dropped.load(SeqCst)), (0, 10));
}

#[test]
fn hundreds_of_thousands_of_finalizers_are_no_trouble() {
    const MANY: u64 = 300_000;
    let heap = Heap::new().unwrap();
    within(Duration::from_secs(240), move || {
        let mut mutator = heap.attach().unwrap();
        let count = Rc::new(Cell::new(0_u64));
        let roots: Root<GcVec<'static, Gc<'static, Node<'static>>>> =
            mutator.enter(|mu| mu.root(mu.alloc(GcVec::<Gc<'_, Node<'_>>>::new())));
        for round in 0..MANY / 1000 {
            mutator.enter(|mu| {
                for at in 0..1000 {
                    let (object, count) = (node(mu, round * 1000 + at, None), Rc::clone(&count));
                    mu.set_finalizer(object, move |_, node| count.set(count.get() + look(node) % 2));
                    // Odd ones die.
                    if at % 2 == 0 {
                        roots.get(mu).push(mu, object);
                    }
                }
            });
        }
        mutator.collect();
        assert_eq!(count.get(), MANY / 2);
        let figures = heap.figures().finalizers;
        assert_eq!(figures.waiting as u64, MANY / 2);
        assert!(figures.table.get() as u64 > MANY / 2 * 48);
        mutator.enter(|mu| {
            let roots = roots.get(mu);
            while let Some(object) = roots.pop(mu) {
                assert!(mu.clear_finalizer(object));
            }
        });
        let figures = heap.figures().finalizers;
        assert_eq!((figures.waiting, figures.table.get()), (0, 0), "lists that are empty take no memory");
        mutator.collect();
        assert_eq!(count.get(), MANY / 2);
        is_well(&heap);
    });
}

/// Threads set, clear, replace and let go, keep what is finalized for a while, come and go, beside collections that are verified.
fn churned(collector: Collector) {
    let heap = Heap::builder().collector(collector).verify_every(2).poison(0xA5).workers(2).build().unwrap();
    let rounds = if STRESSED { 40 } else { 250 };
    let over = AtomicBool::new(false);
    let ran = AtomicU64::new(0);
    thread::scope(|threads| {
        let workers: Vec<_> = (0..3_u64)
            .map(|seed| {
                let (heap, ran) = (&heap, &ran);
                threads.spawn(move || {
                    let mut number = seed;
                    let mut next = move || {
                        number = number
                            .wrapping_mul(6_364_136_223_846_793_005)
                            .wrapping_add(1_442_695_040_888_963_407);
                        (number >> 33) as usize
                    };
                    for _ in 0..4 {
                        let mut mutator = heap.attach().unwrap();
                        let (back, count) = (place(&mut mutator), Rc::new(Cell::new(0)));
                        let mut roots: Vec<Root<Node<'static>>> = Vec::new();
                        for name in 0..rounds {
                            mutator.enter(|mu| {
                                for _ in 0..10 {
                                    let child = (next() % 3 > 0).then(|| node(mu, name + 1, None));
                                    let object = node(mu, name, child);
                                    let (back, count) = (back.clone(), Rc::clone(&count));
                                    let keeps = next() % 4 == 0;
                                    mu.set_finalizer(object, move |mu, node| {
                                        let name = look(node);
                                        if let Some(child) = node.next.get() {
                                            assert_eq!(look(child), name + 1);
                                        }
                                        count.set(count.get() + 1);
                                        if keeps {
                                            back.get(mu).set(mu, Some(node));
                                        }
                                    });
                                    match next() % 6 {
                                        0 => roots.push(mu.root(object)),
                                        1 => assert!(mu.clear_finalizer(object)),
                                        2 => {
                                            // Led to by another that has one.
                                            let outer = node(mu, name.wrapping_sub(1), Some(object));
                                            mu.set_finalizer(outer, |_, outer| {
                                                assert_eq!(
                                                    look(outer.next.get().unwrap()),
                                                    look(outer).wrapping_add(1)
                                                );
                                            });
                                        }
                                        _ => {}
                                    }
                                }
                                if let Some(node) = back.get(mu).get() {
                                    look(node);
                                }
                            });
                            if roots.len() > 30 {
                                roots.swap_remove(next() % 30);
                            }
                        }
                        mutator.collect();
                        ran.fetch_add(count.get(), SeqCst);
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
    assert!(ran.load(SeqCst) > 0);
    heap.collect();
    is_well(&heap);
    assert_eq!((heap.figures().finalizers.waiting, heap.figures().memory.heap_objects), (0, 0));
}

#[test]
fn finalizers_are_set_and_run_beside_collections() {
    within(Duration::from_secs(120), || churned(Collector::Concurrent));
}

#[test]
fn the_same_in_stopped_worlds() {
    within(Duration::from_secs(120), || churned(Collector::StopTheWorld));
}
