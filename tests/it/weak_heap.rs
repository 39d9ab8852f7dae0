//! Promise: a weak handle does not keep a heap, gives a handle as long as there is one, and the heap goes once, whoever lets go last.

use crate::support::within;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;
use tricolor::{Heap, Leaf};

/// Counts its drops.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn a_weak_handle_does_not_keep_the_heap() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let heap = Heap::new().unwrap();
    let weak = heap.downgrade();
    let mut mutator = heap.attach().unwrap();
    let root = mutator.enter(|mu| mu.root(mu.alloc(Leaf::new(Counted(Arc::clone(&dropped))))));
    drop(heap);
    // A mutator and a root are handles, too.
    weak.upgrade().expect("there is a mutator").collect();
    drop(mutator);
    assert_eq!(weak.upgrade().expect("there is a root").figures().cycles, 1);
    assert_eq!(dropped.load(SeqCst), 0);
    drop(root);
    assert_eq!(dropped.load(SeqCst), 1);
    assert!(weak.upgrade().is_none() && weak.clone().upgrade().is_none());
}

#[test]
fn a_handle_of_a_weak_one_keeps_the_heap_and_its_collector() {
    let heap = Heap::builder().least_heap(1 << 20).build().unwrap();
    let weak = heap.downgrade();
    for _ in 0..3 {
        drop(weak.upgrade().unwrap());
    }
    let last = weak.upgrade().unwrap();
    drop(heap);
    let last = within(Duration::from_secs(30), move || {
        let mut mutator = last.attach().unwrap();
        // Nobody asks for a cycle: the heap's own thread must run it.
        while last.figures().cycles == 0 {
            mutator.enter(|mu| (0..1000).for_each(|_| _ = mu.alloc([0_u64; 8])));
        }
        last
    });
    drop(last);
    assert!(weak.upgrade().is_none());
}

#[test]
fn who_comes_while_the_last_goes_finds_the_heap_whole_or_gone() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let rounds = if cfg!(debug_assertions) { 200 } else { 1000 };
    for _ in 0..rounds {
        let heap = Heap::builder().reservation(64 << 20).build().unwrap();
        heap.attach().unwrap().enter(|mu| _ = mu.alloc(Leaf::new(Counted(Arc::clone(&dropped)))));
        let start = Barrier::new(3);
        thread::scope(|scope| {
            for _ in 0..2 {
                let (weak, start) = (heap.downgrade(), &start);
                scope.spawn(move || {
                    start.wait();
                    // Two who ask without end would keep it between them.
                    for heap in (0..20).map_while(|_| weak.upgrade()) {
                        assert_eq!(heap.figures().memory.heap_objects, 1);
                    }
                });
            }
            let heap = heap;
            start.wait();
            drop(heap);
        });
    }
    assert_eq!(dropped.load(SeqCst), rounds, "each heap has gone, once");
}
