//! What once broke the heap from safe code, or hung it: threads that use it in ways that cross.
//!
//! Each of these found a mistake when it was written. They are races, so each runs for a bounded time and proves only that
//! the mistake is not back in an easy form.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};
use tricolor::{Gc, GcCell, Heap, Leaf, Root, Trace};

const TIME: Duration = Duration::from_millis(700);

#[derive(Trace)]
struct Node<'gc> {
    next: GcCell<Option<Gc<'gc, Node<'gc>>>>,
    value: u64,
    copy: [u64; 5],
}

#[test]
fn a_root_may_be_cloned_while_another_thread_points_it_elsewhere_and_collects() {
    let heap = Heap::builder().poison(0xDD).workers(1).gc_off().build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let root: Arc<Root<[u64; 4]>> = Arc::new(mutator.enter(|mu| mu.root(mu.alloc([7_u64; 4]))));
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut mutator = heap.attach().unwrap();
                while !stop.load(Relaxed) {
                    let clones: Vec<Root<_>> = (0..256).map(|_| Root::clone(&root)).collect();
                    mutator.enter(|mu| clones.iter().for_each(|clone| assert_eq!(*clone.get(mu), [7; 4])));
                }
            });
        }
        let began = Instant::now();
        while began.elapsed() < TIME {
            mutator.enter(|mu| root.set(mu, mu.alloc([7_u64; 4])));
            mutator.collect();
        }
        stop.store(true, Relaxed);
    });
}

#[test]
fn threads_that_all_collect_keep_each_others_objects() {
    let heap = Heap::builder().poison(0xDD).workers(2).build().unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut mutator = heap.attach().unwrap();
                let count = 2000_u64;
                let root = mutator.enter(|mu| {
                    let mut head = None;
                    for value in 0..count {
                        let _garbage = mu.alloc([value; 7]);
                        head = Some(mu.alloc(Node { next: GcCell::new(head), value, copy: [value; 5] }));
                    }
                    mu.root(head.unwrap())
                });
                let began = Instant::now();
                while began.elapsed() < TIME {
                    mutator.collect();
                    mutator.enter(|mu| {
                        let (mut at, mut wanted) = (Some(root.get(mu)), count);
                        while let Some(node) = at {
                            wanted -= 1;
                            assert_eq!((node.value, node.copy), (wanted, [wanted; 5]));
                            at = node.next.get();
                        }
                        assert_eq!(wanted, 0);
                        (0..100).for_each(|_| {
                            mu.alloc(Node { next: GcCell::new(None), value: u64::MAX, copy: [u64::MAX; 5] });
                        });
                    });
                }
            });
        }
    });
    assert_eq!(heap.verify(), vec![]);
}

#[test]
fn roots_may_be_dropped_while_a_cycle_is_verified() {
    let heap = Heap::builder().workers(1).verify_every(1).build().unwrap();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut mutator = heap.attach().unwrap();
            while !stop.load(Relaxed) {
                let roots: Vec<Root<u64>> =
                    mutator.enter(|mu| (0..50_u64).map(|number| mu.root(mu.alloc(number))).collect());
                drop(roots);
            }
        });
        let began = Instant::now();
        while began.elapsed() < TIME {
            heap.collect();
        }
        stop.store(true, Relaxed);
    });
}

#[test]
fn two_heaps_may_be_entered_in_either_order_while_they_collect_themselves() {
    let (one, other) = (
        Heap::builder().collect_every(1).workers(1).build().unwrap(),
        Heap::builder().collect_every(1).workers(1).build().unwrap(),
    );
    let (done, finished) = std::sync::mpsc::channel();
    for (outer, inner) in [(one.clone(), other.clone()), (other, one)] {
        let done = done.clone();
        thread::spawn(move || {
            let (mut outer, mut inner) = (outer.attach().unwrap(), inner.attach().unwrap());
            for _ in 0..3000 {
                outer.enter(|mu| {
                    mu.alloc([1_u64; 4]);
                    inner.enter(|mu| {
                        mu.alloc([1_u64; 4]);
                    });
                });
            }
            done.send(()).unwrap();
        });
    }
    for _ in 0..2 {
        finished.recv_timeout(Duration::from_secs(120)).expect("the threads wait for each other");
    }
}

#[test]
fn a_layout_that_slept_for_two_cycles_does_not_take_anothers_span() {
    let heap = Heap::builder().workers(1).gc_off().build().unwrap();
    let mut mutator = heap.attach().unwrap();
    for round in 0..20_u64 {
        // One layout is used and forgotten; its spans are freed, and another layout gets their records.
        mutator.enter(|mu| {
            (0..2000).for_each(|value| {
                std::hint::black_box(mu.alloc_slice(3, |_| value));
            });
        });
        mutator.collect();
        let root = mutator.enter(|mu| {
            let all = mu.alloc_slice(2000, |index| mu.alloc((round, index, [round; 4])));
            mu.root(all)
        });
        mutator.collect();
        mutator.collect();
        mutator.enter(|mu| {
            (0..2000).for_each(|value| {
                std::hint::black_box(mu.alloc_slice(3, |_| value));
            });
        });
        mutator.enter(|mu| {
            for (index, object) in root.get(mu).iter().enumerate() {
                assert_eq!(**object, (round, index, [round; 4]));
            }
        });
    }
}

#[test]
fn a_panic_with_a_payload_that_panics_again_is_one_panic() {
    struct Angry;
    impl Drop for Angry {
        fn drop(&mut self) {
            std::panic::panic_any(Payload);
        }
    }
    struct Payload;
    impl Drop for Payload {
        fn drop(&mut self) {
            if !thread::panicking() {
                panic!("a payload that was dropped");
            }
        }
    }
    let heap = Heap::builder().workers(1).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    mutator.enter(|mu| {
        (0..5).for_each(|_| {
            std::hint::black_box(mu.alloc(Leaf::new(Angry)));
        });
    });
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| mutator.collect())).unwrap_err();
    assert!(panic.is::<Payload>());
    std::mem::forget(panic);
    mutator.collect();
    assert_eq!(heap.verify(), vec![]);
}

#[test]
fn a_heap_may_be_filled_with_one_size_after_another() {
    // Blocks of mark bytes are reused by length: every length must have room for its own peak.
    let heap = Heap::builder().reservation(16 << 20).workers(1).gc_off().build().unwrap();
    let mut mutator = heap.attach().unwrap();
    fn fill<T: Trace + Copy + 'static>(mutator: &mut tricolor::Mutator, value: T) {
        let refused = mutator.enter(|mu| (0..4 << 20).find_map(|_| mu.try_alloc(value).err()));
        assert!(refused.is_some(), "a heap of 16 MiB holds no more than 4 Mi objects");
        mutator.collect();
        assert_eq!(mutator.figures().memory.heap_objects, 0);
    }
    fill(&mut mutator, None::<&'static u8>);
    fill(&mut mutator, [1_u64; 2]);
    fill(&mut mutator, [1_u64; 3]);
    fill(&mut mutator, [1_u64; 4]);
    fill(&mut mutator, [1_u64; 6]);
    fill(&mut mutator, [1_u64; 8]);
    fill(&mut mutator, [1_u64; 128]);
    assert_eq!(heap.verify(), vec![]);
}

#[test]
fn nothing_is_refused_while_the_dead_are_not_swept() {
    let heap = Heap::builder().hard_limit(16 << 20).workers(1).gc_off().build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let live = mutator.enter(|mu| {
        let all = mu.alloc_slice(7 << 10, |_| mu.alloc([1_u64; 128]));
        mu.root(all)
    });
    // Lives between the dead, so that no span is empty, and then only dead ones.
    mutator.enter(|mu| while mu.try_alloc([2_u64; 64]).is_ok() {});
    // Refused: so the next safepoint, the end of that `enter`, has collected. Nothing is swept yet.
    assert_eq!(mutator.figures().cycles, 1);
    mutator.enter(|mu| {
        for _ in 0..10_000 {
            mu.try_alloc([3_u64; 32]).expect("half of the heap is dead");
        }
    });
    drop(live);
}

#[test]
fn a_request_that_can_never_be_met_leaves_the_heap_small() {
    let heap = Heap::builder().reservation(1 << 40).workers(1).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    mutator.enter(|mu| mu.try_alloc_slice(isize::MAX as usize - 64, |_| 0_u8).map(|_| ()).unwrap_err());
    assert!(heap.figures().memory.heap_sys.get() <= 4 << 20);
}

/// Where [`a_process_that_ends_inside_enter_frees_nothing_that_other_threads_use`] is the process that ends.
const ENDS: &str = "TRICOLOR_TEST_ENDS_INSIDE";

/// A thread's own data are dropped when it ends the process, also its hold on a heap in whose `enter` it is, and other threads run
/// on: here one with references that were lent to it, and one that collects.
#[test]
#[cfg_attr(miri, ignore = "starts a process")]
fn a_process_that_ends_inside_enter_frees_nothing_that_other_threads_use() {
    struct Slow;
    impl Drop for Slow {
        fn drop(&mut self) {
            thread::sleep(TIME);
        }
    }
    thread_local! {
        /// Is dropped after what the heap has there, since it is used before.
        static SLOW: Slow = const { Slow };
        static KEPT: std::cell::RefCell<Option<tricolor::Mutator>> = const { std::cell::RefCell::new(None) };
    }
    fn end_inside(mutator: &mut tricolor::Mutator, is_at_end: &AtomicBool) {
        mutator.enter(|mu| {
            let all: Vec<Gc<'_, [u64; 8]>> = (0..1000).map(|_| mu.alloc([1_u64; 8])).collect();
            thread::scope(|scope| {
                scope.spawn(|| {
                    while all.iter().all(|object| **object == [1; 8]) {}
                    std::process::abort();
                });
                is_at_end.store(true, Relaxed);
                std::process::exit(0);
            })
        });
    }
    if let Ok(kept) = std::env::var(ENDS) {
        let heap = Heap::builder().poison(0xDD).workers(1).build().unwrap();
        let is_at_end = Arc::new(AtomicBool::new(false));
        SLOW.with(|_| ());
        let ends = Arc::clone(&is_at_end);
        let theirs = (kept != "the heap's last handle").then(|| heap.clone());
        thread::spawn(move || {
            let Some(mut mutator) = theirs.map(|heap| heap.attach().unwrap()) else { return };
            while !ends.load(Relaxed) {
                thread::yield_now();
            }
            loop {
                mutator.collect();
                mutator.enter(|mu| (0..1000).for_each(|_| _ = mu.alloc([7_u64; 8])));
            }
        });
        let mut mutator = heap.attach().unwrap();
        drop(heap);
        if kept == "in a variable" {
            end_inside(&mut mutator, &is_at_end);
        } else {
            KEPT.with(|kept| end_inside(kept.borrow_mut().insert(mutator), &is_at_end));
        }
    }
    let name = "attacks::a_process_that_ends_inside_enter_frees_nothing_that_other_threads_use";
    for kept in ["in a variable", "the thread's own", "the heap's last handle"] {
        let outcome = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env(ENDS, kept)
            .output()
            .unwrap();
        assert!(outcome.status.success(), "its mutator is {kept}: {outcome:?}");
    }
}
