//! Promise: the drop of a dead object runs once, at a safepoint, never inside somebody's allocation; a drop that panics
//! keeps neither the others from running nor the heap from being sound; what lives at the end is dropped with the heap.

use crate::support::panic_text;
use heap_testkit::drops::{Register, Stone};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant};
use tricolor::{Heap, Leaf, Root};

#[test]
fn each_dead_object_is_dropped_once_and_no_living_one() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    let register = Register::new();
    let roots: Vec<Root<Leaf<Stone>>> = mutator.enter(|mu| {
        let make = |name| mu.alloc(Leaf::new(Stone::new(name, &register)));
        (0..1000).map(make).filter(|stone| stone.name() % 3 == 0).map(|stone| mu.root(stone)).collect()
    });
    for round in 0..3 {
        mutator.collect();
        for name in 0..1000 {
            assert_eq!(register.times(name), u32::from(name % 3 != 0), "{name} in round {round}");
        }
    }
    drop(roots);
    mutator.collect();
    assert_eq!(register.total(), 1000);
    mutator.collect();
    assert_eq!(heap.figures().memory.heap_objects, 0);
}

/// Notes whether it is dropped while the thread is inside.
struct Spy {
    inside: Arc<AtomicBool>,
    seen: Arc<AtomicU32>,
}

impl Drop for Spy {
    fn drop(&mut self) {
        assert!(!self.inside.load(SeqCst), "a drop ran inside `enter`");
        self.seen.fetch_add(1, SeqCst);
    }
}

#[test]
fn drops_run_at_safepoints_and_never_inside() {
    let heap = Heap::builder().gc_percent(1).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let (inside, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let (began, mut made) = (Instant::now(), 0);
    // Cycles run by themselves, and what they find dead is dropped at a safepoint once it was swept.
    while seen.load(SeqCst) < 1000 {
        assert!(began.elapsed() < Duration::from_secs(60), "{seen:?} drops of {made}");
        mutator.enter(|mu| {
            inside.store(true, SeqCst);
            for _ in 0..100 {
                let _spy = mu.alloc(Leaf::new(Spy { inside: Arc::clone(&inside), seen: Arc::clone(&seen) }));
                let _more = mu.alloc([0_u64; 30]);
            }
            inside.store(false, SeqCst);
        });
        made += 100;
    }
    mutator.collect();
    assert_eq!(seen.load(SeqCst), made);
}

#[test]
fn a_drop_may_use_the_heap_it_is_dropped_by() {
    struct Allocates(Heap, Arc<AtomicU32>);
    impl Drop for Allocates {
        fn drop(&mut self) {
            // On a thread with a mutator of the heap there can be no other; figures and collections are allowed.
            self.0.collect();
            assert!(self.0.figures().memory.check().is_ok());
            self.1.fetch_add(1, SeqCst);
        }
    }
    let heap = Heap::new().unwrap();
    let count = Arc::new(AtomicU32::new(0));
    let mut mutator = heap.attach().unwrap();
    mutator.enter(|mu| {
        for _ in 0..10 {
            let _object = mu.alloc(Leaf::new(Allocates(heap.clone(), Arc::clone(&count))));
        }
    });
    mutator.collect();
    assert_eq!(count.load(SeqCst), 10);
    assert_eq!(heap.verify(), []);
}

/// Panics when dropped, if it is told to.
struct Bomb {
    stone: Stone,
    armed: bool,
}

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(!self.armed, "bomb {}", self.stone.name());
    }
}

#[test]
fn a_drop_that_panics_reaches_the_caller_after_all_drops_ran_and_leaves_the_heap_sound() {
    let heap = Heap::builder().verify_every(1).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let register = Register::new();
    mutator.enter(|mu| {
        for name in 0..100 {
            let stone = Stone::new(name, &register);
            let _object = mu.alloc(Leaf::new(Bomb { stone, armed: name % 10 == 4 }));
        }
    });
    let panic = catch_unwind(AssertUnwindSafe(|| mutator.collect())).unwrap_err();
    assert!(panic_text(&*panic).starts_with("bomb "), "{}", panic_text(&*panic));
    assert_eq!(register.total(), 100, "the others ran, and what the bombs hold was dropped, too");
    assert_eq!(heap.verify(), []);
    mutator.collect();
    assert_eq!(register.total(), 100, "no drop ran twice");
    assert_eq!(heap.figures().memory.heap_objects, 0);
    assert_eq!(mutator.enter(|mu| *mu.alloc(5_u64)), 5);
}

#[test]
fn what_lives_when_the_heap_ends_is_dropped_then_and_a_panic_there_stays_there() {
    let register = Register::new();
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    let root: Root<Leaf<Stone>> = mutator.enter(|mu| {
        for name in 1..50 {
            let stone = Stone::new(name, &register);
            let _object = mu.alloc(Leaf::new(Bomb { stone, armed: name % 7 == 0 }));
        }
        mu.root(mu.alloc(Leaf::new(Stone::new(0, &register))))
    });
    drop(heap);
    drop(mutator);
    assert_eq!(register.total(), 0, "a root keeps the heap");
    drop(root);
    assert_eq!(register.total(), 50);
    assert!((0..50).all(|name| register.times(name) == 1));
}

#[test]
fn a_slice_whose_making_panics_drops_what_was_made() {
    let heap = Heap::builder().verify_every(1).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let register = Register::new();
    let panic = catch_unwind(AssertUnwindSafe(|| {
        mutator.enter(|mu| {
            let _slice = mu.alloc_slice(10, |index| {
                assert!(index < 6, "the sixth");
                Leaf::new(Stone::new(index as u64, &register))
            });
        });
    }));
    assert_eq!(panic_text(&*panic.unwrap_err()), "the sixth");
    assert_eq!(register.total(), 0);
    mutator.collect();
    assert_eq!(register.total(), 6);
    assert_eq!(heap.verify(), []);
}

#[test]
fn a_value_that_could_not_be_allocated_is_dropped_at_once() {
    let heap = Heap::builder().hard_limit(16 << 10).gc_off().build().unwrap();
    let register = Register::new();
    let refused = heap.attach().unwrap().enter(|mu| {
        let mut refused = 0;
        for name in 0..5000 {
            refused += u64::from(mu.try_alloc(Leaf::new(Stone::new(name, &register))).is_err());
        }
        refused
    });
    assert!(refused > 0);
    assert_eq!(register.total(), refused);
}
