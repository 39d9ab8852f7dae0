//! Promise: heaps are values. Many may live at a time, they share nothing, and one that ends leaves nothing behind.

use crate::support::{panic_text, resident};
use std::panic::{AssertUnwindSafe, catch_unwind};
use tricolor::core::os::sim::SimOs;
use tricolor::{Heap, Root};

#[test]
fn two_heaps_share_nothing() {
    let (one, two) = (Heap::new().unwrap(), Heap::new().unwrap());
    let (mut first, mut second) = (one.attach().unwrap(), two.attach().unwrap());
    let root: Root<u128> = first.enter(|mu| mu.root(mu.alloc(11_u128)));
    let other: Root<u128> = second.enter(|mu| mu.root(mu.alloc(22_u128)));
    for _ in 0..10 {
        one.collect();
    }
    assert_eq!((one.figures().cycles, two.figures().cycles), (10, 0));
    // The one may be entered inside the other.
    let sum = first.enter(|mu| second.enter(|inner| *root.get(mu) + *other.get(inner)));
    assert_eq!(sum, 33);
    let panic = catch_unwind(AssertUnwindSafe(|| second.enter(|mu| *root.get(mu)))).unwrap_err();
    assert!(panic_text(&*panic).contains("a root of one heap was read through a mutator of another"));
    drop(first);
    drop(one);
    assert_eq!(second.enter(|mu| *other.get(mu)), 22);
    drop(root);
    assert_eq!(two.verify(), []);
}

#[test]
fn a_heap_collects_while_another_is_entered() {
    let (one, two) = (Heap::new().unwrap(), Heap::new().unwrap());
    let mut first = one.attach().unwrap();
    first.enter(|mu| {
        let object = mu.alloc([1_u64; 4]);
        two.collect();
        assert_eq!(*object, [1; 4]);
    });
    assert_eq!((one.figures().cycles, two.figures().cycles), (0, 1));
}

fn live_and_die() {
    let heap = Heap::builder().workers(1).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let root: Root<[u64; 100]> = mutator.enter(|mu| {
        for number in 0..500_u64 {
            let _garbage = mu.alloc([number; 100]);
            let _text = mu.alloc_str("a heap of its own");
        }
        mu.root(mu.alloc([9_u64; 100]))
    });
    mutator.collect();
    assert_eq!(mutator.enter(|mu| root.get(mu)[99]), 9);
}

#[test]
fn a_thousand_heaps_leave_no_memory_behind() {
    for _ in 0..50 {
        live_and_die();
    }
    let before = resident();
    for _ in 0..1000 {
        live_and_die();
    }
    let grown = resident().saturating_sub(before);
    // Each heap had half a megabyte. Other tests run beside this one, hence the room.
    // The sanitizer's own memory grows with the addresses it was told about.
    let bound = if cfg!(feature = "asan") { usize::MAX } else { 100 << 20 };
    assert!(grown < bound, "resident memory grew by {grown} bytes over a thousand heaps");
}

#[test]
fn a_heap_that_ends_gives_every_reservation_and_table_back() {
    let os = SimOs::new();
    for _ in 0..5 {
        let heap = Heap::builder().reservation(8 << 20).os(os.clone()).build().unwrap();
        assert!(os.live() > 0);
        let mut mutator = heap.attach().unwrap();
        let root: Root<u64> = mutator.enter(|mu| mu.root(mu.alloc(1_u64)));
        drop(heap);
        drop(mutator);
        assert!(os.live() > 0, "a root keeps its heap");
        drop(root);
        assert_eq!((os.live(), os.ready_bytes().get()), (0, 0));
    }
}

#[test]
fn two_hundred_heaps_may_live_at_a_time() {
    let heaps: Vec<Heap> = (0..200).map(|_| Heap::builder().workers(1).build().unwrap()).collect();
    let roots: Vec<Root<u64>> = (0_u64..)
        .zip(&heaps)
        .map(|(number, heap)| heap.attach().unwrap().enter(|mu| mu.root(mu.alloc(number))))
        .collect();
    for ((number, heap), root) in (0_u64..).zip(&heaps).zip(&roots) {
        heap.collect();
        assert_eq!(heap.attach().unwrap().enter(|mu| *root.get(mu)), number);
    }
}
