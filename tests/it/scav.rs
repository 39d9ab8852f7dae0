//! Promise: `release_free_memory` gives free memory back to the system, really; the figures say so; and the heap can use it
//! again.

use crate::support::resident;
use tricolor::core::os::OsOp;
use tricolor::core::os::sim::SimOs;
use tricolor::core::units::Bytes;
use tricolor::{Gc, GcCell, GcSlice, Heap, Root};

const SIZE: usize = 128 << 20;

#[test]
fn resident_memory_falls_by_what_was_released_and_the_figures_agree() {
    let heap = Heap::builder().gc_off().build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let kept: Root<[u64; 128]> = mutator.enter(|mu| {
        for number in 0..(SIZE / 1024) as u64 {
            let _garbage = mu.alloc([number; 128]);
        }
        mu.root(mu.alloc([77_u64; 128]))
    });
    let full = resident();
    assert!(heap.figures().memory.heap_inuse.get() >= SIZE);
    let released = mutator.release_free_memory();
    let fallen = full.saturating_sub(resident());
    assert!(released >= SIZE * 9 / 10, "{released} of {SIZE} bytes were released");
    // Other tests run beside this one and take memory of their own, hence the room.
    assert!(fallen >= SIZE / 2, "resident memory fell by {fallen} of {released} bytes");
    let memory = heap.figures().memory;
    assert_eq!(memory.heap_released, memory.heap_idle, "every free page is released");
    assert_eq!(memory.heap_objects, 1);
    memory.check().unwrap();
    assert_eq!(heap.verify(), []);
    assert_eq!(mutator.enter(|mu| *root_words(&kept, mu)), [77; 128]);
    assert_eq!(mutator.release_free_memory(), 0, "there is nothing more to release");
    // And again: released pages read zero and are charged once.
    mutator.enter(|mu| {
        for number in 0..10_000_u64 {
            assert_eq!(*mu.alloc([number; 128]), [number; 128]);
        }
    });
    let memory = heap.figures().memory;
    assert!(memory.heap_released < memory.heap_idle + memory.heap_inuse);
    assert_eq!(heap.verify(), []);
}

fn root_words<'gc>(root: &Root<[u64; 128]>, mu: &tricolor::Mu<'gc>) -> Gc<'gc, [u64; 128]> {
    root.get(mu)
}

#[test]
fn released_memory_reads_zero_when_it_is_used_again() {
    let os = SimOs::new();
    let heap = Heap::builder().reservation(16 << 20).os(os.clone()).gc_off().build().unwrap();
    let mut mutator = heap.attach().unwrap();
    for round in 0..4 {
        let root: Root<GcSlice<GcCell<Option<Gc<'static, u64>>>>> = mutator.enter(|mu| {
            // Garbage of all sizes, and a large object whose places the collector reads: they must be empty.
            for len in (1..200).step_by(3) {
                let _garbage = mu.alloc_slice(len, |_| u64::MAX);
            }
            mu.root(mu.alloc_slice(10_000, |_| GcCell::new(None::<Gc<'_, u64>>)))
        });
        mutator.collect();
        mutator.enter(|mu| assert!(root.get(mu).iter().all(|place| place.get().is_none())));
        let in_use = heap.figures().memory.heap_inuse;
        assert!(os.ready_bytes() >= in_use);
        drop(root);
        assert!(mutator.release_free_memory() > 0, "round {round}");
        let memory = heap.figures().memory;
        assert_eq!(os.ready_bytes(), memory.heap_inuse, "what is ready is what is in spans");
        assert_eq!(memory.heap_released, memory.heap_idle);
        assert_eq!(heap.verify(), []);
    }
    assert!(os.calls_of(OsOp::Release) >= 4);
}

#[test]
fn a_system_that_refuses_to_take_memory_costs_only_the_saving() {
    let os = SimOs::new();
    let heap = Heap::builder().reservation(16 << 20).os(os.clone()).gc_off().build().unwrap();
    let mut mutator = heap.attach().unwrap();
    mutator.enter(|mu| {
        for number in 0..2000_u64 {
            let _garbage = mu.alloc([number; 64]);
        }
    });
    mutator.collect();
    let ready = os.ready_bytes();
    assert!(ready > Bytes::ZERO);
    os.fail_from(1);
    assert_eq!(mutator.release_free_memory(), 0);
    os.fail_never();
    assert_eq!(os.ready_bytes(), ready);
    assert_eq!(heap.verify(), []);
    assert_eq!(mutator.enter(|mu| *mu.alloc([5_u64; 64])), [5; 64]);
    assert!(mutator.release_free_memory() > 0);
    assert_eq!(heap.verify(), []);
}
