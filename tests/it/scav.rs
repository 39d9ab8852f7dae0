//! Promise: `release_free_memory` gives free memory back to the system, really; the figures say so; and the heap can use it
//! again. In the background, free memory goes back by and by, and harms nobody.

use crate::released::{self, comes_true, held};
use crate::support::{resident, within};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use tricolor::core::os::OsOp;
use tricolor::core::os::sim::SimOs;
use tricolor::core::units::Bytes;
use tricolor::{By, Event, Gc, GcCell, GcSlice, Heap, HeapBuilder, MemoryLimit, Root, Scavenge};

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

#[test]
fn a_heap_that_falls_idle_after_a_cycle_of_its_own_gives_its_pages_back() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    let kept: Root<GcSlice<u8>> = mutator.enter(|mu| mu.root(mu.alloc_slice(32 << 20, |_| 1_u8)));
    mutator.collect();
    let released = heap.figures().scavenge.background;
    drop(kept);
    let cycles = heap.figures().cycles;
    while heap.figures().cycles == cycles {
        mutator.enter(|mu| (0..1000_u64).for_each(|number| _ = mu.alloc([number; 16])));
    }
    drop(mutator);
    // 32 MiB were live, and as much was allocated since.
    let returned = || heap.figures().scavenge.background.get() - released.get();
    assert!(comes_true(|| returned() > 40 << 20), "{} bytes: {:?}", returned(), heap.figures().scavenge);
    assert_eq!(heap.verify(), []);
}

#[test]
fn a_heap_without_threads_gives_pages_back_in_idle_moments() {
    for (scavenge, gives) in [(Scavenge::Background, true), (Scavenge::OnRequest, false)] {
        let told = Arc::new(Mutex::new(Bytes::ZERO));
        let sum = Arc::clone(&told);
        let builder = Heap::builder().own_threads(false).scavenge(scavenge).on_event(move |event| {
            if let Event::Scavenged(round) = event {
                assert_eq!(round.by, By::Idle);
                *sum.lock().unwrap() += round.released;
            }
        });
        let heap = builder.build().unwrap();
        let mut mutator = heap.attach().unwrap();
        mutator.enter(|mu| (0..50_000_u64).for_each(|number| _ = mu.alloc([number; 128])));
        mutator.collect();
        let before = held(&heap);
        assert!(before > 45 << 20);
        let mut moments = 0;
        while heap.idle(Duration::from_micros(200)) {
            moments += 1;
            assert!(moments < 100_000, "it comes to an end");
        }
        let figures = heap.figures().scavenge;
        assert!(!figures.has_thread);
        assert_eq!(figures.background, Bytes::ZERO);
        assert_eq!(*told.lock().unwrap(), figures.idle, "each moment in which pages went back is told");
        assert_eq!(figures.idle > Bytes::mib(40), gives, "{scavenge:?}: {figures:?}");
        assert_eq!(held(&heap) < 8 << 20, gives, "{} of {before} held", held(&heap));
        assert_eq!(heap.verify(), []);
    }
}

#[test]
fn a_budget_without_end_ends_when_there_is_nothing_to_do() {
    let heap = dropped(&Heap::builder().own_threads(false), 16 << 20);
    within(Duration::from_secs(60), move || {
        while heap.step(Duration::MAX) {}
        while heap.idle(Duration::MAX) {}
        assert!(heap.figures().scavenge.idle > Bytes::mib(8), "{:?}", heap.figures().scavenge);
    });
}

#[test]
fn a_refused_release_is_an_event_and_the_accounts_stay_right() {
    released::refused_release();
    let os = SimOs::new();
    let told: Arc<Mutex<Vec<Event>>> = Arc::default();
    let theirs = Arc::clone(&told);
    let builder = Heap::builder().reservation(64 << 20).os(os.clone()).scavenge(Scavenge::OnRequest);
    let heap = dropped(&builder.on_event(move |event| theirs.lock().unwrap().push(event.clone())), 16 << 20);
    let refused = |told: &mut Vec<Event>| {
        let (mut refusals, mut rounds) = (Vec::new(), Vec::new());
        for event in std::mem::take(told) {
            if let Event::ReleaseRefused { bytes, code } = event {
                refusals.push((bytes, code));
            } else if let Event::Scavenged(round) = event {
                rounds.push((round.released, round.refused));
            }
        }
        (refusals, rounds)
    };
    assert_eq!(refused(&mut told.lock().unwrap()), (vec![], vec![]));
    os.fail_from(1);
    assert_eq!(heap.release_free_memory(), 0);
    os.fail_never();
    let (refusals, rounds) = refused(&mut told.lock().unwrap());
    let [(bytes, code)] = refusals[..] else { panic!("{refusals:?}") };
    assert!(bytes > Bytes::ZERO && code != 0);
    assert!(matches!(rounds[..], [(Bytes::ZERO, refused)] if refused > 1), "{rounds:?}");
    let released = heap.release_free_memory();
    assert_eq!(refused(&mut told.lock().unwrap()), (vec![], vec![(Bytes::new(released), 0)]));
}

#[test]
fn an_allocation_that_passes_the_memory_limit_gives_free_pages_back_first() {
    released::limit_kept_by_allocations();
}

#[test]
fn the_background_keeps_a_part_of_the_memory_limit_free() {
    released::limit_kept_in_the_background();
}

#[test]
fn what_was_dense_when_the_cycle_ended_is_spared() {
    released::dense_chunk_spared();
}

#[test]
fn who_waits_for_pages_is_not_overtaken() {
    released::waiter_looks_first();
}

/// Allocates, drops, idles and releases near a memory limit, and takes every refusal as it comes.
fn live_near_a_limit(heap: &Heap) {
    let mut mutator = heap.attach().unwrap();
    let mut kept: Vec<Root<[u8; 20_000]>> = Vec::new();
    for round in 0..4 {
        for number in 0..60_u8 {
            let made = mutator.enter(|mu| {
                let small = mu.try_alloc_slice(usize::from(number) * 10, |_| number).map(drop);
                let large = mu.try_alloc_slice(37_500, |_| u64::from(number)).map(drop);
                small.and(large).and_then(|()| mu.try_alloc([number; 20_000])).map(|object| mu.root(object))
            });
            kept.extend(made.ok());
        }
        let mut number = 0;
        kept.retain(|_| {
            number += 1;
            number % 3 == round % 3
        });
        // Longer than what is free between what is kept: in one `enter` nothing is collected, and the limit is passed.
        mutator.enter(|mu| {
            for number in 0..30_u8 {
                let _made = mu.try_alloc_slice(37_500, |_| u64::from(number));
            }
        });
        heap.idle(Duration::from_micros(100));
        if round % 2 == 1 {
            let _some = heap.release_free_memory();
        }
    }
    mutator.enter(|mu| {
        for root in &kept {
            let object = root.get(mu);
            assert!(object.iter().all(|byte| *byte == object[0]));
        }
    });
}

#[test]
fn whatever_call_fails_what_is_ready_is_what_is_retained() {
    let builder = |os: &Arc<SimOs>| {
        Heap::builder()
            .reservation(32 << 20)
            .os(os.clone())
            .least_heap(1 << 20)
            .own_threads(false)
            .memory_limit(MemoryLimit::Bytes(8 << 20))
    };
    let calls = {
        let os = SimOs::new();
        let heap = builder(&os).build().unwrap();
        live_near_a_limit(&heap);
        assert!(heap.figures().scavenge.calls > 0 && heap.figures().scavenge.assisted > Bytes::ZERO);
        os.calls()
    };
    type Arm = fn(&SimOs, u64);
    let arms: [Arm; 3] = [SimOs::fail_nth, SimOs::fail_from, |os, n| os.fail_nth_of(OsOp::Release, n)];
    for arm in arms {
        for n in (1..=calls).filter(|n| *n <= 10 || n % 97 == 0) {
            let os = SimOs::new();
            let heap = builder(&os).build().unwrap();
            arm(&os, n);
            live_near_a_limit(&heap);
            os.fail_never();
            assert_eq!(heap.verify(), [], "call {n}");
            let memory = heap.figures().memory;
            memory.check().unwrap();
            assert_eq!(os.ready_bytes(), memory.heap_sys - memory.heap_released, "call {n}");
            live_near_a_limit(&heap);
            assert_eq!(heap.verify(), [], "call {n}, and then memory again");
            let memory = heap.figures().memory;
            assert_eq!(os.ready_bytes(), memory.heap_sys - memory.heap_released, "call {n}, and then");
            drop(heap);
            assert_eq!((os.live(), os.ready_bytes()), (0, Bytes::ZERO), "call {n}");
        }
    }
}

/// A table is as resident as a page.
#[test]
fn what_a_memory_limit_leaves_for_pages_is_less_by_all_tables() {
    const LIMIT: usize = 64 << 20;
    let goal = Arc::new(Mutex::new(None));
    let told = Arc::clone(&goal);
    let builder = Heap::builder().memory_limit(MemoryLimit::Bytes(LIMIT)).scavenge(Scavenge::OnRequest);
    let heap = builder.on_event(move |event| {
        if let Event::Scavenged(round) = event {
            *told.lock().unwrap() = round.goal;
        }
    });
    let heap = heap.build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let _kept: Vec<Root<[u64; 1024]>> = mutator.enter(|mu| {
        (0..7000_u64).for_each(|number| _ = mu.alloc([number; 16]));
        (0..7000_u64).map(|number| mu.root(mu.alloc([number; 1024]))).collect()
    });
    assert!(mutator.release_free_memory() > 0);
    let metadata = heap.accounting().metadata;
    assert!(metadata > heap.figures().memory.span_sys, "there are more tables than that of spans");
    assert_eq!(
        goal.lock().unwrap().unwrap() + metadata,
        Bytes::new(LIMIT - LIMIT / 100 * 5 - LIMIT % 100 * 5 / 100)
    );
}
