//! Promise: a memory limit is kept as long as what lives leaves room, and never refuses anything. In a process of its own: it
//! is large, and other tests look at what is resident.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tricolor::{Event, External, Heap, Leaf, MemoryLimit, Root};

const MIB: usize = 1 << 20;
const LIMIT: Duration = Duration::from_secs(60);

/// What the heap has of the system: mapped and not given back.
fn held(heap: &Heap) -> usize {
    let memory = heap.figures().memory;
    (memory.sys - memory.heap_released).get()
}

/// The live set grows in steps to 70 % of the limit, while ten times as much garbage is made at each.
#[test]
fn a_heap_that_grows_in_steps_stays_within_its_limit() {
    const MOST: usize = 256 * MIB;
    const BLOCK: usize = 8000;
    let most = Arc::new(AtomicUsize::new(0));
    let heap = Heap::builder().memory_limit(MemoryLimit::Bytes(MOST)).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let mut live: VecDeque<Root<[u8; BLOCK]>> = VecDeque::new();
    for percent in (10..=70).step_by(10) {
        let wanted = MOST / 100 * percent / BLOCK;
        for round in 0..3 * wanted {
            let root = mutator.enter(|mu| mu.root(mu.alloc([1_u8; BLOCK])));
            live.push_back(root);
            if live.len() > wanted {
                live.pop_front();
            }
            if round % 64 == 0 {
                most.fetch_max(held(&heap), Relaxed);
            }
        }
    }
    let figures = heap.figures();
    println!("held: at most {} MiB held, {} cycles", most.load(Relaxed) / MIB, figures.cycles);
    assert!(most.load(Relaxed) <= MOST + 16 * MIB, "{} bytes held", most.load(Relaxed));
    assert!(live.iter().all(|root| mutator.enter(|mu| root.get(mu)[BLOCK - 1] == 1)));
}

/// A limit below what lives: the program goes on, somebody is told, and collecting does not take all the time.
#[test]
fn a_limit_below_what_lives_is_told_and_survived() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let theirs = Arc::clone(&told);
    let heap = Heap::builder()
        .memory_limit(MemoryLimit::Bytes(8 * MIB))
        .on_event(move |event| {
            if let Event::LimitBelowLive { limit, live } = event {
                theirs.lock().unwrap().push((limit.get(), live.get()));
            }
        })
        .build()
        .unwrap();
    let mut mutator = heap.attach().unwrap();
    let live: Vec<Root<[u64; 1000]>> =
        (0..4000_u64).map(|n| mutator.enter(|mu| mu.root(mu.alloc([n; 1000])))).collect();
    for round in 0..20_000_u64 {
        mutator.enter(|mu| _ = mu.alloc([round; 100]));
    }
    for (n, root) in (0..).zip(&live) {
        assert_eq!(mutator.enter(|mu| root.get(mu)[999]), n);
    }
    heap.collect();
    let told = told.lock().unwrap();
    let &(limit, live) = told.last().expect("the limit is below what lives");
    assert!(limit == 8 * MIB && live > 4000 * 8000, "{limit} {live}");
}

/// Bytes outside bring a cycle nearer as bytes inside do, and go when their object does.
#[test]
fn external_bytes_bring_a_cycle_nearer() {
    struct Buffer {
        _counted: External,
    }
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    let began = Instant::now();
    while heap.figures().cycles < 10 {
        assert!(began.elapsed() < LIMIT, "{} MiB outside", heap.figures().external.get() / MIB);
        mutator.enter(|mu| _ = mu.alloc(Leaf::new(Buffer { _counted: heap.external(MIB) })));
    }
    let allocated = heap.figures().memory.total_alloc.get();
    assert!(allocated < 4 * MIB * 10, "{allocated} bytes inside are not enough for ten cycles");
    mutator.collect();
    mutator.collect();
    assert_eq!(heap.figures().external.get(), 0, "all buffers are dead");
}

/// A host that gives its idle moments to the heap has cycles in them.
#[test]
fn steps_and_idle_moments_finish_what_is_due() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    let budget = Duration::from_millis(2);
    for frame in 0..400_u64 {
        mutator.enter(|mu| (0..1000).for_each(|n| _ = mu.alloc([n + frame; 8])));
        heap.step(budget);
    }
    assert!(heap.figures().cycles > 0);
    while heap.step(budget) {}
    let before = heap.figures().cycles;
    mutator.enter(|mu| (0..50_000_u64).for_each(|n| _ = mu.alloc([n; 8])));
    let began = Instant::now();
    while heap.figures().cycles == before && began.elapsed() < LIMIT {
        heap.idle(budget);
    }
    assert!(heap.figures().cycles > before, "an idle moment was used");
}
