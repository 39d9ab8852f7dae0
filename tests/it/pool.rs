//! Promise: what is put into a pool is used again, survives one collection and not two, and costs no allocation.

use crate::support::{self, is_well, panic_text, sharing_beside_a_collector, within};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use tricolor::{
    Collector, Gc, GcCell, GcSlice, Heap, Leaf, Lent, Mu, Mutator, Pool, Rebrand, Root, Trace, Tracer,
    TypeMask, Weak,
};

fn heaps() -> impl Iterator<Item = Heap> {
    support::heaps(|| Heap::builder().gc_off())
}

/// Counts its drops.
struct Tick(Arc<AtomicU32>);

impl Drop for Tick {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

fn ticks() -> (Arc<AtomicU32>, impl Fn() -> Leaf<Tick>) {
    let drops = Arc::<AtomicU32>::default();
    let count = Arc::clone(&drops);
    (drops, move || Leaf::new(Tick(Arc::clone(&count))))
}

#[test]
fn a_value_survives_one_collection_and_not_two() {
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        let (drops, tick) = ticks();
        let pool: Pool<Leaf<Tick>> = Pool::new(&heap);
        mutator.enter(|mu| (0..5).for_each(|_| pool.put(mu, tick())));
        mutator.collect();
        assert_eq!(mutator.enter(|mu| pool.len(mu)), 5);
        assert_eq!(drops.load(SeqCst), 0);
        mutator.collect();
        assert!(mutator.enter(|mu| pool.is_empty(mu)));
        assert_eq!(drops.load(SeqCst), 5, "each is dropped, once");
        mutator.collect();
        assert_eq!(drops.load(SeqCst), 5);
        is_well(&heap);
    }
}

#[test]
fn an_object_survives_one_collection_and_not_two_with_all_that_it_leads_to() {
    crate::pool_scenes::aged();
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        let pool: Pool<Gc<'static, GcCell<Gc<'static, [u64; 4]>>>> = Pool::new(&heap);
        let weak: Root<Weak<'static, [u64; 4]>> = mutator.enter(|mu| {
            let inner = mu.alloc([7_u64; 4]);
            pool.put(mu, mu.alloc(GcCell::new(inner)));
            mu.root(mu.alloc(mu.downgrade(inner)))
        });
        mutator.collect();
        is_well(&heap);
        assert_eq!(mutator.enter(|mu| weak.get(mu).upgrade(mu).map(|inner| inner[3])), Some(7));
        mutator.collect();
        assert!(mutator.enter(|mu| weak.get(mu).upgrade(mu).is_none()), "nothing keeps it any more");
        is_well(&heap);
    }
}

#[test]
fn what_is_taken_and_put_again_is_as_young_as_before() {
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        let pool: Pool<String> = Pool::new(&heap);
        mutator.enter(|mu| pool.put(mu, String::from("kept")));
        for _ in 0..5 {
            mutator.collect();
            mutator.enter(|mu| drop(pool.lend(mu, || panic!("it is in the pool"))));
        }
        mutator.collect();
        mutator.collect();
        assert_eq!(mutator.enter(|mu| pool.take(mu)), None);
    }
}

/// Task 8 of the practice: a kilobyte is used again and again. With one collection for each use it still is; with two it is made
/// anew each time.
#[test]
fn a_buffer_that_is_used_all_the_time_is_allocated_once() {
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        let pool: Pool<Gc<'static, GcSlice<GcCell<u64>>>> = Pool::new(&heap);
        let mut allocated = |collections: usize, uses: usize| {
            let before = heap.figures().memory.mallocs;
            for number in 0..uses {
                mutator.enter(|mu| {
                    let buffer = pool.lend(mu, || mu.alloc_slice(128, |_| GcCell::new(0)));
                    buffer[number % 128].set(mu, 1 + number as u64);
                });
                (0..collections).for_each(|_| mutator.collect());
            }
            mutator.collect();
            heap.figures().memory.mallocs - before
        };
        assert_eq!(allocated(0, 1), 1, "the first time it is made");
        assert_eq!(allocated(0, 10_000), 0, "allocations in 10 000 uses");
        assert_eq!(allocated(1, 50), 0, "allocations in 50 uses with a collection each");
        assert_eq!(allocated(2, 50), 50, "allocations in 50 uses with two collections each");
        is_well(&heap);
    }
}

#[test]
fn memory_outside_the_heap_is_the_same_memory() {
    let heap = Heap::new().unwrap();
    let pool: Pool<Vec<u8>> = Pool::new(&heap);
    heap.attach().unwrap().enter(|mu| {
        let first = pool.lend(mu, || vec![0; 1024]).as_ptr();
        for _ in 0..1000 {
            assert_eq!(pool.lend(mu, Vec::new).as_ptr(), first);
        }
        assert_eq!(pool.len(mu), 1);
    });
}

#[test]
fn the_part_of_a_thread_that_sleeps_ages() {
    for heap in heaps() {
        let (drops, tick) = ticks();
        let values: Pool<Leaf<Tick>> = Pool::new(&heap);
        let objects: Pool<Gc<'static, [u64; 4]>> = Pool::new(&heap);
        let (put, was_put) = mpsc::channel();
        let (wake, woken) = mpsc::channel::<()>();
        thread::scope(|threads| {
            let (heap, values, objects, tick) = (&heap, &values, &objects, &tick);
            threads.spawn(move || {
                let mut mutator = heap.attach().unwrap();
                mutator.enter(|mu| {
                    values.put(mu, tick());
                    objects.put(mu, mu.alloc([1_u64; 4]));
                });
                mutator.park(|| {
                    put.send(()).unwrap();
                    woken.recv().ok();
                });
                mutator.enter(|mu| assert!(values.is_empty(mu) && objects.is_empty(mu)));
            });
            was_put.recv().unwrap();
            heap.collect();
            assert_eq!((drops.load(SeqCst), heap.figures().memory.heap_objects), (0, 1));
            heap.collect();
            assert_eq!((drops.load(SeqCst), heap.figures().memory.heap_objects), (1, 0));
            wake.send(()).unwrap();
        });
        is_well(&heap);
    }
}

#[test]
fn a_mutator_does_not_find_what_another_has_put_and_its_part_goes_with_it() {
    for heap in heaps() {
        let (drops, tick) = ticks();
        let values: Pool<Leaf<Tick>> = Pool::new(&heap);
        let objects: Pool<Gc<'static, [u64; 4]>> = Pool::new(&heap);
        let mut mutator = heap.attach().unwrap();
        mutator.enter(|mu| values.put(mu, tick()));
        thread::scope(|threads| {
            threads.spawn(|| {
                let mut mutator = heap.attach().unwrap();
                mutator.enter(|mu| {
                    assert!(values.take(mu).is_none());
                    values.put(mu, tick());
                    objects.put(mu, mu.alloc([1_u64; 4]));
                });
                drop(mutator);
                assert_eq!(drops.load(SeqCst), 1);
            });
        });
        let (theirs, tick) = ((heap.clone(), values.clone()), tick());
        let forgotten = thread::spawn(move || {
            let mut mutator = theirs.0.attach().unwrap();
            mutator.enter(|mu| theirs.1.put(mu, tick));
            core::mem::forget(mutator);
        });
        forgotten.join().unwrap();
        mutator.collect();
        assert_eq!((drops.load(SeqCst), heap.figures().memory.heap_objects), (2, 0));
        assert_eq!(mutator.enter(|mu| values.len(mu)), 1);
    }
}

#[test]
fn what_is_in_pools_is_dropped_when_the_heap_ends() {
    for heap in heaps() {
        let (drops, tick) = ticks();
        let pool: Pool<Leaf<Tick>> = Pool::new(&heap);
        let mut mutator = heap.attach().unwrap();
        mutator.enter(|mu| (0..3).for_each(|_| pool.put(mu, tick())));
        drop(mutator);
        assert_eq!(drops.load(SeqCst), 3);
        drop(heap);
        drop(pool);
        assert_eq!(drops.load(SeqCst), 3);
    }
}

#[test]
fn a_pool_without_handles_is_emptied_and_its_place_is_anothers() {
    for heap in heaps() {
        let (drops, tick) = ticks();
        let mut mutator = heap.attach().unwrap();
        let values: Pool<Leaf<Tick>> = Pool::new(&heap);
        mutator.enter(|mu| values.clone().put(mu, tick()));
        mutator.enter(|mu| assert_eq!(values.len(mu), 1, "a clone is the same pool"));
        drop(values);
        mutator.collect();
        assert_eq!(drops.load(SeqCst), 1, "nobody can take it: one collection is enough");
        let values: Pool<Leaf<Tick>> = Pool::new(&heap);
        mutator.enter(|mu| (0..3).for_each(|_| values.put(mu, tick())));
        drop(values);
        let others: Pool<Gc<'static, u64>> = Pool::new(&heap);
        mutator.enter(|mu| {
            assert!(others.take(mu).is_none(), "a value of another pool was found");
            others.put(mu, mu.alloc(9));
        });
        mutator.safepoint();
        assert_eq!(drops.load(SeqCst), 4);
        assert_eq!(mutator.enter(|mu| others.take(mu).map(|number| *number)), Some(9));
        is_well(&heap);
    }
}

#[test]
fn no_more_are_kept_than_may_be() {
    for heap in heaps() {
        let (drops, tick) = ticks();
        let mut mutator = heap.attach().unwrap();
        let pool: Pool<Leaf<Tick>> = Pool::with_most(&heap, 2);
        mutator.enter(|mu| (0..5).for_each(|_| pool.put(mu, tick())));
        assert_eq!(drops.load(SeqCst), 3);
        mutator.collect();
        mutator.enter(|mu| {
            pool.put(mu, tick());
            assert_eq!(pool.len(mu), 2, "the aged ones count");
        });
        let none: Pool<Leaf<Tick>> = Pool::with_most(&heap, 0);
        mutator.enter(|mu| none.put(mu, tick()));
        assert_eq!(drops.load(SeqCst), 5);
    }
}

#[test]
fn a_constructor_that_panics_leaves_everything_as_it_was() {
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        let pool: Pool<Gc<'static, [u64; 4]>> = Pool::new(&heap);
        for _ in 0..3 {
            let panic = catch_unwind(AssertUnwindSafe(|| {
                mutator.enter(|mu| {
                    let _lent = pool.lend(mu, || {
                        let _half = mu.alloc([1_u64; 4]);
                        pool.put(mu, mu.alloc([2_u64; 4]));
                        panic!("not made")
                    });
                });
            }));
            assert_eq!(panic_text(&*panic.unwrap_err()), "not made");
            is_well(&heap);
            let put_before = mutator.enter(|mu| pool.take(mu).map(|object| object[0]));
            assert_eq!(put_before, Some(2));
            mutator.enter(|mu| assert!(pool.take(mu).is_none()));
            mutator.collect();
            is_well(&heap);
        }
    }
}

#[test]
fn what_was_lent_when_its_user_panicked_is_not_put_back() {
    for heap in heaps() {
        let (drops, tick) = ticks();
        let mut mutator = heap.attach().unwrap();
        let pool: Pool<Leaf<Tick>> = Pool::new(&heap);
        let panic = catch_unwind(AssertUnwindSafe(|| {
            mutator.enter(|mu| {
                let _lent = pool.lend(mu, &tick);
                panic!("half done");
            });
        }));
        assert_eq!(panic_text(&*panic.unwrap_err()), "half done");
        assert_eq!(drops.load(SeqCst), 1);
        mutator.enter(|mu| {
            assert!(pool.is_empty(mu));
            let kept = Lent::keep(pool.lend(mu, &tick));
            assert!(pool.is_empty(mu));
            pool.put(mu, kept);
            assert_eq!(pool.len(mu), 1);
        });
        is_well(&heap);
    }
}

#[test]
fn drops_that_panic_do_not_keep_others_from_running() {
    struct Loud(Arc<AtomicU32>, bool);
    impl Drop for Loud {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
            assert!(!self.1, "loud");
        }
    }
    for heap in heaps() {
        let drops = Arc::<AtomicU32>::default();
        let pool: Pool<Leaf<Loud>> = Pool::new(&heap);
        let mut mutator = heap.attach().unwrap();
        let put = |mutator: &mut Mutator| {
            mutator.enter(|mu| {
                (0..6).for_each(|at| pool.put(mu, Leaf::new(Loud(Arc::clone(&drops), at % 2 == 0))));
            });
        };
        put(&mut mutator);
        mutator.collect();
        let panic = catch_unwind(AssertUnwindSafe(|| mutator.collect()));
        assert_eq!(panic_text(&*panic.unwrap_err()), "loud");
        assert_eq!(drops.load(SeqCst), 6);
        is_well(&heap);
        mutator.collect();
        put(&mut mutator);
        let panic = catch_unwind(AssertUnwindSafe(|| drop(mutator)));
        assert_eq!(panic_text(&*panic.unwrap_err()), "loud");
        assert_eq!(drops.load(SeqCst), 12);
        is_well(&heap);
        let mut mutator = heap.attach().unwrap();
        put(&mut mutator);
        // A thread that ends with its mutator leaves the drops to others.
        let (theirs, pool, count) = (heap.clone(), pool.clone(), Arc::clone(&drops));
        let forgotten = thread::spawn(move || {
            let mut mutator = theirs.attach().unwrap();
            mutator.enter(|mu| (0..6).for_each(|_| pool.put(mu, Leaf::new(Loud(Arc::clone(&count), true)))));
            core::mem::forget(mutator);
        });
        forgotten.join().unwrap();
        let panic = catch_unwind(AssertUnwindSafe(|| drop(mutator)));
        assert!(panic.is_err());
        assert_eq!(drops.load(SeqCst), 24);
    }
}

#[test]
fn a_pool_of_another_heap_is_refused() {
    let (one, other) = (Heap::new().unwrap(), Heap::new().unwrap());
    let pool: Pool<u64> = Pool::new(&one);
    let same_place: Pool<u64> = Pool::new(&other);
    let mut mutator = other.attach().unwrap();
    mutator.enter(|mu| same_place.put(mu, 1));
    let panic = catch_unwind(AssertUnwindSafe(|| mutator.enter(|mu| pool.take(mu))));
    assert!(
        panic_text(&*panic.unwrap_err()).contains("a pool of one heap was used through a mutator of another")
    );
    assert_eq!(mutator.enter(|mu| same_place.take(mu)), Some(1));
    drop(one);
    let panic = catch_unwind(AssertUnwindSafe(|| mutator.enter(|mu| pool.put(mu, 2))));
    assert!(panic.is_err());
}

#[derive(Trace, Clone, Copy)]
enum Either<'gc> {
    Number(u64),
    Object(Gc<'gc, [u64; 4]>),
}

#[derive(Trace)]
struct Mixed<'gc> {
    text: String,
    either: Either<'gc>,
    object: Option<Gc<'gc, [u64; 4]>>,
    cell: GcCell<Option<Gc<'gc, [u64; 4]>>>,
}

#[derive(Trace)]
#[trace(by_hand)]
struct ByHand<'gc> {
    objects: Vec<Gc<'gc, [u64; 4]>>,
}

// SAFETY: 1: no word of its own. 2: all references of the vector are reported. 3: it only reads. 4: a vector of `Copy` elements
// reads none of them when it is dropped.
unsafe impl Trace for ByHand<'_> {
    const MASK: TypeMask = TypeMask::noscan(size_of::<Self>());
    const BY_HAND: bool = true;

    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.objects.iter().for_each(|&object| tracer.gc(object));
    }
}

#[test]
fn values_keep_what_they_lead_to_whatever_their_type() {
    fn kept<R: Rebrand + 'static>(
        heap: &Heap,
        make: impl for<'gc> Fn(&Mu<'gc>) -> R::At<'gc>,
        objects: u64,
        look: impl for<'gc> Fn(&Mu<'gc>, R::At<'gc>),
    ) {
        let pool: Pool<R> = Pool::new(heap);
        let mut mutator = heap.attach().unwrap();
        mutator.enter(|mu| pool.put(mu, make(mu)));
        mutator.collect();
        is_well(heap);
        assert_eq!(heap.figures().memory.heap_objects, objects);
        mutator.enter(|mu| look(mu, pool.take(mu).expect("it was put")));
        mutator.enter(|mu| pool.put(mu, make(mu)));
        mutator.collect();
        mutator.collect();
        assert_eq!(heap.figures().memory.heap_objects, 0);
    }
    for heap in heaps() {
        kept::<Either<'static>>(
            &heap,
            |mu| Either::Object(mu.alloc([3; 4])),
            1,
            |_, found| assert!(matches!(found, Either::Object(object) if object[1] == 3)),
        );
        kept::<Either<'static>>(
            &heap,
            |_| Either::Number(3),
            0,
            |_, found| assert!(matches!(found, Either::Number(3))),
        );
        kept::<Mixed<'static>>(
            &heap,
            |mu| Mixed {
                text: String::from("mixed"),
                either: Either::Object(mu.alloc([1; 4])),
                object: Some(mu.alloc([2; 4])),
                cell: GcCell::new(Some(mu.alloc([3; 4]))),
            },
            3,
            |mu, found| {
                assert_eq!(found.text, "mixed");
                assert!(matches!(found.either, Either::Object(object) if object[0] == 1));
                assert_eq!(found.object.map(|object| object[0]), Some(2));
                assert_eq!(found.cell.take(mu).map(|object| object[0]), Some(3));
            },
        );
        kept::<ByHand<'static>>(
            &heap,
            |mu| ByHand { objects: (0..10).map(|number| mu.alloc([number; 4])).collect() },
            10,
            |_, found| assert!((0..).zip(&found.objects).all(|(number, object)| object[2] == number)),
        );
        kept::<()>(&heap, |_| (), 0, |_, ()| ());
    }
}

/// Three threads use two pools for two seconds, while a fourth collects all the time with every cycle verified.
#[test]
fn pools_are_used_beside_a_collector() {
    type Cells = Pool<Gc<'static, GcCell<Gc<'static, u64>>>>;
    fn round(mutator: &mut Mutator, objects: &Cells, buffers: &Pool<Vec<u8>>, number: &mut u64) {
        mutator.enter(|mu| {
            let mut taken = Vec::new();
            for _ in 0..1 + *number % 7 {
                let cell = objects.take_or_else(mu, || mu.alloc(GcCell::new(mu.alloc(*number))));
                assert_eq!(*cell.get() >> 32, *number >> 32, "it was this thread's");
                cell.set(mu, mu.alloc(*number));
                taken.push(cell);
                *number += 1;
            }
            let mut buffer = buffers.lend(mu, || Vec::with_capacity(64));
            buffer.clear();
            buffer.resize(64, 7);
            taken.drain(..).skip(1).for_each(|cell| objects.put(mu, cell));
        });
    }
    for collector in [Collector::Concurrent, Collector::StopTheWorld] {
        within(Duration::from_secs(120), move || {
            let pools = |heap: &Heap| (Cells::new(heap), Pool::new(heap));
            sharing_beside_a_collector(collector, pools, |(objects, buffers), mutator, number| {
                round(mutator, objects, buffers, number);
            });
        });
    }
}
