//! Promise: a collection waits for those who run, not for those who sleep; what goes wrong on a thread says so there.

use crate::support::{panic_text, within};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Duration;
use tricolor::{AttachError, Heap, Leaf, Root};

const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn a_thread_has_one_mutator_of_a_heap_and_may_have_another_of_another() {
    let (heap, other) = (Heap::new().unwrap(), Heap::new().unwrap());
    let mutator = heap.attach().unwrap();
    let error = heap.attach().map(drop).unwrap_err();
    assert_eq!(error, AttachError::AlreadyAttached);
    assert!(error.to_string().contains("this thread already has a mutator"), "{error}");
    let _fine = other.attach().unwrap();
    assert_eq!(heap.figures().mutators, 1);
    drop(mutator);
    assert_eq!(heap.figures().mutators, 0);
    drop(heap.attach().unwrap());
}

#[test]
fn a_collection_inside_enter_panics_and_says_why() {
    within(LIMIT, || {
        let heap = Heap::new().unwrap();
        let mut mutator = heap.attach().unwrap();
        let inside: [fn(&Heap); 3] = [
            Heap::collect,
            |heap| drop(heap.verify()),
            |heap| {
                let _bytes = heap.release_free_memory();
            },
        ];
        for forbidden in inside {
            let panic = catch_unwind(AssertUnwindSafe(|| mutator.enter(|_| forbidden(&heap)))).unwrap_err();
            assert!(panic_text(&*panic).contains("inside `enter`"), "{}", panic_text(&*panic));
        }
        mutator.collect();
        assert_eq!(heap.verify(), []);
    });
}

/// The same, while another thread waits for this one to come out: neither may wait for the other.
#[test]
fn a_collection_inside_enter_panics_also_while_another_thread_is_collecting() {
    within(LIMIT, || {
        let heap = Heap::new().unwrap();
        let (collecting, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let collector = {
            let (heap, collecting, done) = (heap.clone(), Arc::clone(&collecting), Arc::clone(&done));
            thread::spawn(move || {
                while !done.load(SeqCst) {
                    collecting.store(true, SeqCst);
                    heap.collect();
                }
            })
        };
        let mut mutator = heap.attach().unwrap();
        for _ in 0..50 {
            let panic = catch_unwind(AssertUnwindSafe(|| {
                mutator.enter(|mu| {
                    while !collecting.swap(false, SeqCst) && !mu.should_yield() {
                        thread::yield_now();
                    }
                    heap.collect();
                });
            }));
            assert!(panic_text(&*panic.unwrap_err()).contains("inside `enter`"));
        }
        done.store(true, SeqCst);
        collector.join().unwrap();
    });
}

#[test]
fn figures_may_be_read_anywhere_while_others_collect() {
    within(LIMIT, || {
        let heap = Heap::builder().gc_percent(1).build().unwrap();
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !done.load(SeqCst) {
                        heap.collect();
                    }
                });
            }
            let mut mutator = heap.attach().unwrap();
            let mut last = 0;
            for round in 0..2000_u64 {
                // Inside, too: a reader must not wait for a collector that waits for it.
                let cycles = if round % 2 == 0 {
                    heap.figures().cycles
                } else {
                    mutator.enter(|_| heap.figures().cycles)
                };
                assert!(cycles >= last);
                last = cycles;
                mutator.enter(|mu| {
                    let _garbage = mu.alloc([round; 50]);
                });
            }
            done.store(true, SeqCst);
        });
    });
}

#[test]
fn mutators_that_sleep_or_are_parked_delay_nobody() {
    within(LIMIT, || {
        let heap = Heap::new().unwrap();
        let (asleep, is_asleep) = mpsc::channel();
        let mut wake = Vec::new();
        let mut threads = Vec::new();
        for way in 0..4_u64 {
            let (call, called) = mpsc::channel::<()>();
            wake.push(call);
            let (heap, asleep) = (heap.clone(), asleep.clone());
            threads.push(thread::spawn(move || {
                let mut mutator = heap.attach().unwrap();
                let root: Root<u64> = mutator.enter(|mu| mu.root(mu.alloc(way)));
                asleep.send(()).unwrap();
                if way % 2 == 0 {
                    mutator.park(|| called.recv().ok());
                } else {
                    called.recv().ok();
                }
                mutator.enter(|mu| *root.get(mu))
            }));
        }
        for _ in 0..4 {
            is_asleep.recv().unwrap();
        }
        for _ in 0..100 {
            heap.collect();
        }
        assert_eq!(heap.figures().mutators, 4);
        assert_eq!(heap.figures().cycles, 100);
        drop(wake);
        let numbers: Vec<u64> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert_eq!(numbers, [0, 1, 2, 3], "what a sleeping thread had rooted was kept");
    });
}

#[test]
fn a_collection_waits_for_a_mutator_that_is_inside() {
    within(LIMIT, || {
        let heap = Heap::new().unwrap();
        let mut mutator = heap.attach().unwrap();
        let collected = Arc::new(AtomicBool::new(false));
        let collector = mutator.enter(|mu| {
            let object = mu.alloc([5_u64; 8]);
            let collector = {
                let (heap, collected) = (heap.clone(), Arc::clone(&collected));
                thread::spawn(move || {
                    heap.collect();
                    collected.store(true, SeqCst);
                })
            };
            while !mu.should_yield() {
                thread::yield_now();
            }
            thread::sleep(Duration::from_millis(20));
            assert!(!collected.load(SeqCst), "the world stopped while somebody was inside");
            assert_eq!(*object, [5; 8]);
            collector
        });
        collector.join().unwrap();
        assert!(collected.load(SeqCst));
        assert_eq!(heap.figures().memory.heap_objects, 0);
    });
}

#[test]
fn threads_may_come_and_go_while_others_collect() {
    within(LIMIT, || {
        let heap = Heap::builder().gc_percent(1).poison(0xEE).verify_every(8).build().unwrap();
        let (done, sum) = (AtomicBool::new(false), AtomicU64::new(0));
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !done.load(SeqCst) {
                        heap.collect();
                        thread::yield_now();
                    }
                });
            }
            let visitors: Vec<_> = (0..4_u64)
                .map(|visitor| {
                    let (heap, sum) = (&heap, &sum);
                    scope.spawn(move || {
                        for visit in 0..40 {
                            let mut mutator = heap.attach().unwrap();
                            let root: Root<[u64; 20]> = mutator.enter(|mu| mu.root(mu.alloc([visitor; 20])));
                            for _ in 0..5 {
                                mutator.enter(|mu| {
                                    for _ in 0..50 {
                                        let _garbage = mu.alloc([visit; 20]);
                                    }
                                });
                                mutator.enter(|mu| assert_eq!(*root.get(mu), [visitor; 20]));
                            }
                            if visit % 3 == 0 {
                                drop(mutator);
                                mutator = heap.attach().unwrap();
                            }
                            sum.fetch_add(mutator.enter(|mu| root.get(mu)[7]), SeqCst);
                        }
                    })
                })
                .collect();
            for visitor in visitors {
                visitor.join().unwrap();
            }
            done.store(true, SeqCst);
        });
        assert_eq!(sum.load(SeqCst), 40 * (1 + 2 + 3));
        heap.collect();
        assert_eq!((heap.figures().mutators, heap.figures().roots), (0, 0));
        assert_eq!(heap.figures().memory.heap_objects, 0);
        assert_eq!(heap.verify(), []);
    });
}

#[test]
fn a_thread_that_panics_inside_enter_leaves_the_heap_usable() {
    within(LIMIT, || {
        let heap = Heap::new().unwrap();
        let theirs = heap.clone();
        let dead = thread::spawn(move || {
            let mut mutator = theirs.attach().unwrap();
            mutator.enter(|mu| {
                let _object = mu.alloc(Leaf::new(vec![1; 100]));
                panic!("on purpose");
            });
        });
        assert_eq!(panic_text(&*dead.join().unwrap_err()), "on purpose");
        heap.collect();
        heap.collect();
        assert_eq!(heap.figures().mutators, 0);
        assert_eq!(heap.figures().memory.heap_objects, 0);
        assert_eq!(heap.verify(), []);
    });
}

#[test]
fn a_mutator_that_is_forgotten_holds_nobody_up() {
    within(LIMIT, || {
        let heap = Heap::new().unwrap();
        let theirs = heap.clone();
        thread::spawn(move || {
            let mut mutator = theirs.attach().unwrap();
            mutator.enter(|mu| {
                let _object = mu.alloc([0_u64; 100]);
            });
            core::mem::forget(mutator);
        })
        .join()
        .unwrap();
        heap.collect();
        assert_eq!(heap.figures().memory.heap_objects, 0);
        assert_eq!(heap.verify(), []);
    });
}

#[test]
fn collections_asked_for_by_many_threads_at_once_all_happen() {
    within(LIMIT, || {
        let heap = Heap::new().unwrap();
        let barrier = Arc::new(Barrier::new(4));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let (heap, barrier) = (heap.clone(), Arc::clone(&barrier));
                thread::spawn(move || {
                    let mut mutator = heap.attach().unwrap();
                    let root: Root<[u64; 9]> = mutator.enter(|mu| mu.root(mu.alloc([3_u64; 9])));
                    barrier.wait();
                    for _ in 0..100 {
                        mutator.enter(|mu| {
                            let _garbage = mu.alloc([4_u64; 9]);
                        });
                        mutator.collect();
                        assert_eq!(mutator.enter(|mu| *root.get(mu)), [3; 9]);
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(heap.figures().cycles_asked, 400);
        assert_eq!(heap.verify(), []);
    });
}

/// As when the system refuses them: nothing depends on the heap's own threads.
#[test]
fn a_heap_without_threads_of_its_own_is_collected_by_its_mutators() {
    within(LIMIT, || {
        let heap = Heap::builder().own_threads(false).least_heap(4 << 20).verify_every(4).build().unwrap();
        let work = |heap: Heap| {
            let mut mutator = heap.attach().unwrap();
            let root: Root<u64> = mutator.enter(|mu| mu.root(mu.alloc(7_u64)));
            for round in 0..2000_u64 {
                mutator.enter(|mu| (0..100).for_each(|i| _ = mu.alloc([i + round; 8])));
            }
            assert_eq!(mutator.enter(|mu| *root.get(mu)), 7);
        };
        let others: Vec<_> =
            (0..2).map(|_| heap.clone()).map(|heap| thread::spawn(move || work(heap))).collect();
        work(heap.clone());
        others.into_iter().for_each(|other| other.join().unwrap());
        let figures = heap.figures();
        assert!(figures.cycles > 3, "{} cycles", figures.cycles);
        assert!(!figures.scavenge.has_thread);
    });
}

/// A thread that ends without leaving what it entered, or with its mutator forgotten, keeps no collection waiting.
#[test]
fn a_thread_that_ends_with_its_mutator_hangs_nobody() {
    within(LIMIT, || {
        let heap = Heap::builder().verify_every(1).poison(0xEE).build().unwrap();
        for round in 0..20_u64 {
            let theirs = heap.clone();
            thread::spawn(move || {
                let mut mutator = theirs.attach().unwrap();
                mutator.enter(|mu| (0..100).for_each(|i| _ = mu.alloc([i + round; 4])));
                std::mem::forget(mutator);
            })
            .join()
            .unwrap();
            assert_eq!(heap.figures().mutators, 0, "it was let go of when its thread ended");
            heap.collect();
            assert_eq!(heap.figures().memory.heap_objects, 0);
        }
        thread_local! {
            static LATE: std::cell::RefCell<Option<tricolor::Mutator>> = const { std::cell::RefCell::new(None) };
        }
        // A mutator that is dropped after, or before, the thread's mutators were let go of.
        let theirs = heap.clone();
        thread::spawn(move || LATE.with(|late| *late.borrow_mut() = theirs.attach().ok())).join().unwrap();
        heap.collect();
        assert_eq!(heap.figures().mutators, 0);
    });
}

/// Each hands out less than one mutator alone may keep to itself, and all together more than the heap is to grow by.
#[test]
fn what_many_mutators_have_allocated_that_are_idle_since_counts() {
    const THREADS: usize = 400;
    within(LIMIT, || {
        let heap = Heap::builder().least_heap(4 << 20).own_threads(false).build().unwrap();
        heap.collect();
        let done = Barrier::new(THREADS + 1);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                let spawned = thread::Builder::new().stack_size(256 << 10).spawn_scoped(scope, || {
                    let mut mutator = heap.attach().unwrap();
                    mutator.enter(|mu| (0..16_u64).for_each(|number| _ = mu.alloc([number; 128])));
                    done.wait();
                });
                assert!(spawned.is_ok());
            }
            done.wait();
        });
        let figures = heap.figures();
        assert!(figures.cycles > figures.cycles_asked, "{} MiB, and no cycle was due", THREADS / 64);
    });
}
