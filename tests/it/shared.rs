//! Promise: what several threads change through an `AtomicGc` is changed once by each, and nothing that one of them has in its
//! hands is freed, nor its address given to another object.

use crate::support::within;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering::SeqCst};
use std::sync::{OnceLock, RwLock};
use std::thread;
use std::time::Duration;
use tricolor::{AtomicGc, Collector, Gc, GcStr, Heap, Mu, Root, Trace};

const LIMIT: Duration = Duration::from_secs(60);

#[derive(Trace)]
struct Link<'gc> {
    value: u64,
    below: Option<Gc<'gc, Link<'gc>>>,
    /// What shows that the link was poisoned.
    again: u64,
}

#[derive(Trace)]
struct Stack<'gc> {
    top: AtomicGc<'gc, Link<'gc>>,
    name: AtomicGc<'gc, GcStr>,
}

impl<'gc> Stack<'gc> {
    fn push(&self, mu: &Mu<'gc>, value: u64) {
        let link = |below| mu.alloc(Link { value, below, again: value });
        self.top.fetch_update(mu, |top| Some(Some(link(top)))).ok().expect("it never says no");
    }

    fn pop(&self, mu: &Mu<'gc>) -> Option<u64> {
        let link = self.top.fetch_update(mu, |top| top.map(|link| link.below)).ok()??;
        assert_eq!(link.value, link.again);
        Some(link.value)
    }
}

#[test]
fn a_stack_of_several_threads_loses_nothing_and_gives_nothing_twice() {
    const EACH: u64 = 4000;
    for collector in [Collector::Concurrent, Collector::StopTheWorld] {
        within(LIMIT, move || {
            let heap = Heap::builder().collector(collector).poison(0xDD).verify_every(1).build().unwrap();
            let stack: Root<Stack<'static>> = heap
                .attach()
                .unwrap()
                .enter(|mu| mu.root(mu.alloc(Stack { top: AtomicGc::new(None), name: AtomicGc::new(None) })));
            let (sum, popped, done) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
            thread::scope(|threads| {
                let workers: Vec<_> = (0..3)
                    .map(|thread| {
                        let (heap, stack, sum, popped) = (&heap, &stack, &sum, &popped);
                        threads.spawn(move || {
                            let mut mutator = heap.attach().unwrap();
                            let note = |value: Option<u64>| {
                                popped.fetch_add(u64::from(value.is_some()), SeqCst);
                                sum.fetch_add(value.unwrap_or(0), SeqCst);
                            };
                            for value in thread * EACH..(thread + 1) * EACH {
                                mutator.enter(|mu| {
                                    let stack = stack.get(mu);
                                    stack.push(mu, value);
                                    if value % 3 > 0 {
                                        note(stack.pop(mu));
                                    }
                                });
                            }
                        })
                    })
                    .collect();
                threads.spawn(|| {
                    while !done.load(SeqCst) {
                        heap.collect();
                    }
                });
                workers.into_iter().for_each(|worker| worker.join().unwrap());
                done.store(true, SeqCst);
            });
            let mut mutator = heap.attach().unwrap();
            let (rest, left) = mutator.enter(|mu| {
                let left: Vec<_> = std::iter::from_fn(|| stack.get(mu).pop(mu)).collect();
                (left.iter().sum::<u64>(), left.len() as u64)
            });
            assert_eq!(
                (popped.into_inner() + left, sum.into_inner() + rest),
                (3 * EACH, (0..3 * EACH).sum())
            );
            assert_eq!(heap.verify(), []);
        });
    }
}

#[test]
fn all_threads_get_the_one_that_was_there_first() {
    within(LIMIT, || {
        let heap = Heap::builder().poison(0xDD).verify_every(1).build().unwrap();
        for _ in 0..100 {
            let stack: Root<Stack<'static>> = heap
                .attach()
                .unwrap()
                .enter(|mu| mu.root(mu.alloc(Stack { top: AtomicGc::new(None), name: AtomicGc::new(None) })));
            let names: Vec<String> = thread::scope(|threads| {
                let name = |thread: u64| {
                    let (heap, stack) = (&heap, &stack);
                    threads.spawn(move || {
                        let mut mutator = heap.attach().unwrap();
                        mutator.enter(|mu| {
                            let name = &stack.get(mu).name;
                            let got =
                                name.get_or_insert_with(mu, || mu.alloc_str(&format!("thread {thread}")));
                            assert!(name.load().is_some_and(|name| Gc::ptr_eq(name, got)));
                            got.to_string()
                        })
                    })
                };
                let threads: Vec<_> = (0..3).map(name).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert!(names.iter().all(|name| *name == names[0]), "{names:?}");
        }
        assert_eq!(heap.verify(), []);
    });
}

#[test]
fn a_change_may_use_the_place_say_no_and_panic() {
    let heap = Heap::builder().verify_every(1).build().unwrap();
    heap.attach().unwrap().enter(|mu| {
        let place = AtomicGc::new(Some(mu.alloc(1_u64)));
        let value = || place.load().map(|number| *number);
        // Another value is there when it has been asked, so it is asked again.
        let mut asked = Vec::new();
        let before = place.fetch_update(mu, |now| {
            let now = now.map_or(0, |now| *now);
            asked.push(now);
            if now < 3 {
                place.store(mu, Some(mu.alloc(now + 1)));
            }
            Some(Some(mu.alloc(now * 10)))
        });
        assert_eq!((before.ok().flatten().map(|before| *before), value()), (Some(3), Some(30)));
        assert!(asked.iter().rev().take(3).eq(&[3, 2, 1]), "{asked:?}");
        assert_eq!(place.fetch_update(mu, |_| None).err().flatten().map(|now| *now), Some(30));
        let panic = catch_unwind(AssertUnwindSafe(|| place.fetch_update(mu, |_| panic!("no"))));
        assert!(panic.is_err() && value() == Some(30));
        assert_eq!(place.take(mu).map(|number| *number), Some(30));
        assert!(place.take(mu).is_none());
        let panic = catch_unwind(AssertUnwindSafe(|| place.get_or_insert_with(mu, || panic!("no"))));
        assert!(panic.is_err() && value().is_none());
        let inner = mu.alloc(5);
        // What `make` puts there itself was there first.
        let got = place.get_or_insert_with(mu, || {
            place.store(mu, Some(inner));
            mu.alloc(6)
        });
        assert!(Gc::ptr_eq(got, inner));
        while place.compare_exchange_weak(mu, Some(inner), None).is_err() {}
        assert_eq!(place.compare_exchange_weak(mu, Some(inner), None).err(), Some(None));
    });
    assert_eq!(heap.verify(), []);
}

/// Atomics and locks beside references: a type of them goes to other threads.
#[derive(Trace)]
struct Shared<'gc> {
    count: AtomicI32,
    texts: RwLock<Vec<String>>,
    once: OnceLock<u64>,
    next: AtomicGc<'gc, Shared<'gc>>,
}

#[test]
fn atomics_and_locks_of_numbers_are_shared_in_objects() {
    let heap = Heap::builder().verify_every(1).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let root: Root<Shared<'static>> = mutator.enter(|mu| {
        let shared = |next| {
            let next = AtomicGc::new(next);
            mu.alloc(Shared {
                count: AtomicI32::new(0),
                texts: RwLock::default(),
                once: OnceLock::new(),
                next,
            })
        };
        mu.root(shared(Some(shared(None))))
    });
    thread::scope(|threads| {
        for thread in 0..3 {
            let (heap, root) = (&heap, &root);
            threads.spawn(move || {
                heap.attach().unwrap().enter(|mu| {
                    let shared = root.get(mu).next.load().expect("there is a second");
                    shared.count.fetch_sub(1, SeqCst);
                    shared.texts.write().unwrap().push(format!("{thread}"));
                    shared.once.get_or_init(|| thread);
                });
            });
        }
    });
    mutator.collect();
    mutator.enter(|mu| {
        let shared = root.get(mu).next.load().expect("there is a second");
        assert_eq!((shared.count.load(SeqCst), shared.texts.read().unwrap().len()), (-3, 3));
        assert!(shared.once.get().is_some_and(|first| *first < 3));
    });
    drop(root);
    mutator.collect();
    assert_eq!(heap.verify(), []);
}
