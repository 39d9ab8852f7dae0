//! Promise: `release_free_memory` gives free memory back to the system, really; the figures say so; and the heap can use it
//! again. In the background, free memory goes back by and by, and harms nobody.

use crate::support::{length_from, resident, within};
use std::thread;
use std::time::{Duration, Instant};
use tricolor::core::os::OsOp;
use tricolor::core::os::sim::SimOs;
use tricolor::core::units::Bytes;
use tricolor::{Gc, GcCell, GcSlice, Heap, HeapBuilder, Root, Scavenge};

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

/// Waits until `is_so`, at most ten seconds, and says whether it came to be.
fn comes_true(is_so: impl FnMut() -> bool) -> bool {
    comes_true_within(Duration::from_secs(10), is_so)
}

fn comes_true_within(limit: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < limit {
        if is_so() {
            return true;
        }
        thread::sleep(Duration::from_millis(5));
    }
    false
}

/// A heap of which `size` bytes were in use in objects of 1 KiB until just now, and were collected on request.
fn dropped(builder: &HeapBuilder, size: usize) -> Heap {
    let heap = builder.build().unwrap();
    let mut mutator = heap.attach().unwrap();
    mutator.enter(|mu| {
        for number in 0..(size / 1024) as u64 {
            let _garbage = mu.alloc([number; 128]);
        }
    });
    mutator.collect();
    drop(mutator);
    heap
}

/// `TRICOLOR_SCAV_MIB=1024 cargo test --release --test it by_itself -- --nocapture` says how long a GiB takes.
#[test]
fn in_the_background_resident_memory_falls_by_itself() {
    // More than in the other tests, so that theirs do not count for long.
    let large = length_from("TRICOLOR_SCAV_MIB", 192) << 20;
    let before = resident();
    let heap = dropped(&Heap::builder(), large);
    let begun = Instant::now();
    let free = heap.figures().memory.heap_idle.get();
    assert!(free >= large * 9 / 10, "{free}");
    let left = || resident().saturating_sub(before);
    // Ten seconds, and in proportion for more than usual.
    let limit = Duration::from_secs(10).mul_f64((large as f64 / (192 << 20) as f64).max(1.0));
    // Both: memory that other tests give back is not this heap's.
    let released = || heap.figures().scavenge.background.get();
    let fallen = comes_true_within(limit, || left() <= free * 15 / 100 && released() >= free * 85 / 100);
    let (waited, figures) = (begun.elapsed(), heap.figures());
    println!(
        "{} of {} bytes released after {waited:?}, {} resident, {:.2} % of a processor",
        figures.scavenge.background,
        Bytes::new(free),
        Bytes::new(left()),
        figures.scavenge.background_cpu.as_secs_f64() / waited.as_secs_f64() * 100.0
    );
    assert!(fallen, "{} bytes of {free} are resident after {waited:?}: {:?}", left(), figures.scavenge);
    assert!(figures.scavenge.has_thread);
    assert_eq!((figures.scavenge.on_request, figures.scavenge.refused), (Bytes::ZERO, 0));
    assert_eq!(heap.verify(), []);
}

#[test]
fn a_heap_without_a_surplus_has_no_scavenging_thread() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    for _ in 0..20 {
        mutator.enter(|mu| {
            for number in 0..1000_u64 {
                let _garbage = mu.alloc([number; 16]);
            }
        });
        mutator.collect();
    }
    let figures = heap.figures();
    assert_eq!((figures.cycles, figures.scavenge.has_thread), (20, false));
    assert_eq!(figures.scavenge.background, Bytes::ZERO);
}

#[test]
fn a_heap_that_scavenges_on_request_does_nothing_by_itself() {
    let heap = dropped(&Heap::builder().scavenge(Scavenge::OnRequest), SIZE);
    let beside = dropped(&Heap::builder(), SIZE);
    assert!(comes_true(|| beside.figures().scavenge.background > Bytes::ZERO), "the other kind has begun");
    let figures = heap.figures();
    assert!(!figures.scavenge.has_thread);
    assert_eq!(figures.scavenge.background, Bytes::ZERO);
    let released = heap.release_free_memory();
    assert!(released >= SIZE * 9 / 10, "{released}");
    assert_eq!(heap.figures().scavenge.on_request, Bytes::new(released));
}

#[test]
fn a_heap_dropped_while_it_scavenges_leaves_nothing_behind() {
    for wait in [0, 1, 3, 20] {
        let os = SimOs::new();
        let heap = dropped(&Heap::builder().reservation(64 << 20).os(os.clone()), 32 << 20);
        assert!(heap.figures().scavenge.has_thread);
        thread::sleep(Duration::from_millis(wait));
        // The thread holds the reservation while it lives.
        within(Duration::from_secs(30), move || drop(heap));
        assert_eq!((os.live(), os.ready_bytes()), (0, Bytes::ZERO));
    }
}

#[test]
fn a_heap_verifies_while_it_scavenges() {
    for round in 0..8 {
        let os = SimOs::new();
        let builder = Heap::builder().reservation(64 << 20).os(os.clone()).verify_every(1);
        let heap = dropped(&builder, 16 << 20);
        let mut mutator = heap.attach().unwrap();
        assert!(heap.figures().scavenge.has_thread);
        for number in 0..10_u64 {
            assert_eq!(heap.verify(), [], "round {round}");
            mutator.enter(|mu| {
                for _ in 0..200 {
                    assert_eq!(*mu.alloc([number; 128]), [number; 128]);
                }
            });
            mutator.collect();
        }
        assert!(comes_true(|| heap.figures().scavenge.background > Bytes::ZERO));
        let _bytes = mutator.release_free_memory();
        let memory = heap.figures().memory;
        assert_eq!(memory.heap_released, memory.heap_idle, "every free page is released");
        assert_eq!(os.ready_bytes(), memory.heap_inuse, "what is ready is what is in spans");
        memory.check().unwrap();
    }
}

#[test]
fn a_system_that_refuses_stops_the_scavenger_until_the_next_cycle() {
    let os = SimOs::new();
    let heap = Heap::builder().reservation(64 << 20).os(os.clone()).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    mutator.enter(|mu| {
        for number in 0..20_000_u64 {
            let _garbage = mu.alloc([number; 128]);
        }
    });
    os.fail_from(1);
    mutator.collect();
    assert!(comes_true(|| heap.figures().scavenge.refused > 0));
    let figures = heap.figures();
    assert_eq!((figures.scavenge.background, figures.scavenge.refused), (Bytes::ZERO, 1));
    os.fail_never();
    assert_eq!(heap.verify(), []);
    mutator.collect();
    assert!(comes_true(|| heap.figures().scavenge.background > Bytes::ZERO), "{:?}", heap.figures().scavenge);
    assert_eq!(mutator.enter(|mu| *mu.alloc([5_u64; 64])), [5; 64]);
    assert_eq!(heap.verify(), []);
}
