//! Checks of what goes back to the system, which the tests run on a sound heap and `faults.rs` with a mistake in it.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use tricolor::core::layout::{Extent, Layout, TypeMask};
use tricolor::core::memory::{Memory, MemoryOptions};
use tricolor::core::os::sim::SimOs;
use tricolor::core::os::{Os, OsOp};
use tricolor::core::page::{FreeRun, PageAlloc, WantedRun};
use tricolor::core::page_heap::RunMemory;
use tricolor::core::size_class::SizeClass;
use tricolor::core::span::SpanId;
use tricolor::core::units::{Bytes, PageIndex, Pages};
use tricolor::scav::release::{Step, Walk, Which};
use tricolor::{GcSlice, Heap, MemoryLimit, Root, Scavenge};

const MIB: usize = 1 << 20;

/// What the heap has of the system: mapped and not given back.
pub(crate) fn held(heap: &Heap) -> usize {
    let memory = heap.figures().memory;
    (memory.sys - memory.heap_released).get()
}

/// Waits until `is_so`, at most 30 seconds, and says whether it came to be.
pub(crate) fn comes_true(mut is_so: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(30) {
        if is_so() {
            return true;
        }
        thread::sleep(Duration::from_millis(2));
    }
    false
}

/// A system that does not take pages: what is ready is what the heap counts as retained.
pub(crate) fn refused_release() {
    let os = SimOs::new();
    let heap = Heap::builder().reservation(16 << 20).os(os.clone()).gc_off().build().unwrap();
    let mut mutator = heap.attach().unwrap();
    mutator.enter(|mu| {
        for number in 0..2000_u64 {
            let _garbage = mu.alloc([number; 64]);
        }
    });
    for n in 1..3 {
        os.fail_nth_of(OsOp::Release, n);
        let _some = mutator.release_free_memory();
        mutator.enter(|mu| {
            for number in 0..500_u64 {
                let _garbage = mu.alloc([number; 64]);
            }
        });
        assert_eq!(heap.verify(), []);
        let memory = heap.figures().memory;
        assert_eq!(os.ready_bytes(), memory.heap_sys - memory.heap_released, "ready is what is retained");
    }
}

/// Free pages lie between used ones, and allocations that none of them is long enough for pass the memory limit.
pub(crate) fn limit_kept_by_allocations() {
    const LIMIT: usize = 18 * MIB;
    let heap = Heap::builder()
        .reservation(64 << 20)
        .os(SimOs::new())
        .gc_off()
        .scavenge(Scavenge::OnRequest)
        .memory_limit(MemoryLimit::Bytes(LIMIT))
        .build()
        .unwrap();
    let mut mutator = heap.attach().unwrap();
    let mut roots: Vec<Root<[u8; 60_000]>> =
        mutator.enter(|mu| (0..256).map(|_| mu.root(mu.alloc([1_u8; 60_000]))).collect());
    let mut number = 0;
    roots.retain(|_| {
        number += 1;
        number % 2 == 0
    });
    mutator.collect();
    assert!(held(&heap) > 15 * MIB, "nothing was released: {} bytes held", held(&heap));
    let _large: Vec<Root<GcSlice<u8>>> =
        mutator.enter(|mu| (0..6).map(|_| mu.root(mu.alloc_slice(1_000_000, |_| 2_u8))).collect());
    // What the large ones had no time for, those after them do.
    mutator.enter(|mu| {
        for number in 0..5000_u64 {
            let _garbage = mu.alloc([number; 16]);
        }
    });
    let held = held(&heap);
    assert!(held <= LIMIT, "memory limit: {held} bytes are held of {LIMIT}");
    assert!(heap.figures().scavenge.assisted > Bytes::ZERO);
    assert_eq!(heap.verify(), []);
}

/// A heap that needs no less than it has, and is near its memory limit.
pub(crate) fn limit_kept_in_the_background() {
    const LIMIT: usize = 32 * MIB;
    // A tenth over these is more than all.
    const KEPT: usize = 460;
    let heap = Heap::builder()
        .reservation(64 << 20)
        .os(SimOs::new())
        .gc_off()
        .memory_limit(MemoryLimit::Bytes(LIMIT))
        .build()
        .unwrap();
    let mut mutator = heap.attach().unwrap();
    // In one `enter`, in which there is no cycle.
    let kept: Vec<Root<[u8; 60_000]>> = mutator.enter(|mu| {
        (0..500)
            .filter_map(|number| {
                let object = mu.alloc([1_u8; 60_000]);
                (number < KEPT).then(|| mu.root(object))
            })
            .collect()
    });
    mutator.collect();
    assert_eq!(kept.len(), KEPT);
    let spared = LIMIT / 100 * 95;
    assert!(comes_true(|| held(&heap) <= spared), "in the background: {} held of {LIMIT}", held(&heap));
    assert!(heap.figures().scavenge.background > Bytes::ZERO);
}

fn memory() -> Memory {
    let os: Arc<dyn Os> = SimOs::new();
    let options = MemoryOptions {
        reservation: Bytes::mib(8),
        least_reservation: Bytes::mib(8),
        hard_limit: Bytes::new(usize::MAX),
        poison: None,
        decoder: None,
        shards: 1,
    };
    // SAFETY: these checks make and free spans, each once, and put no object into them.
    unsafe { Memory::new(&os, &options) }.unwrap()
}

fn take(memory: &Memory, pages: usize) -> SpanId {
    let layout = Layout::of(SizeClass::LARGE, Extent::Whole, &TypeMask::noscan(8));
    let id = memory.register(&layout).unwrap();
    memory.take_large(memory.entry(id), Pages::new(pages).bytes(), memory.generation()).unwrap()
}

/// Of two chunks with free pages one was full when the last cycle ended.
pub(crate) fn dense_chunk_spared() {
    let memory = memory();
    let (_a, b, c) = (take(&memory, 200), take(&memory, 312), take(&memory, 512));
    memory.pages().free_span(b);
    memory.pages().with_pages(PageAlloc::cycle_ended);
    memory.pages().free_span(c);
    let mut walk = Walk::new(memory.pages(), Which::Rested);
    let mut released = Bytes::ZERO;
    loop {
        match walk.step(memory.pages()) {
            Step::Released(bytes) => released += bytes,
            Step::Passed => {}
            Step::Nothing => break,
            Step::Refused(error) => panic!("{error}"),
        }
    }
    assert_eq!(released.pages_ceil(), Pages::new(312), "pages of the chunk that was not dense");
}

/// An allocation waits for a run that is away. Who releases takes the next as soon as that is back.
///
/// Where the two meet the system decides who is first: it may run the one that waits before the other goes on, and a mistake does not
/// show then. So they meet many times.
pub(crate) fn waiter_looks_first() {
    const TIMES: u64 = 40;
    let waits: u64 = (0..TIMES).map(|_| waits_of_one_that_waits()).sum();
    assert!(waits > 0, "nobody had to wait, {TIMES} times");
}

/// How often an allocation waits, of which the pages are away when it comes, or that finds them there.
fn waits_of_one_that_waits() -> u64 {
    let memory = memory();
    let all = take(&memory, 1024);
    memory.pages().free_span(all);
    let wanted = WantedRun {
        most: Pages::new(512),
        align: Pages::new(1),
        least_free: Pages::new(1),
        least_free_before: Pages::ZERO,
    };
    let take_run = || match memory.pages().take_to_release(PageIndex::new(1024), &wanted) {
        FreeRun::Taken(run) => run,
        other @ (FreeRun::Further(_) | FreeRun::None) => panic!("{other:?}"),
    };
    let mut run = take_run();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| take(&memory, 700));
        // It waits, or is about to.
        thread::sleep(Duration::from_millis(10));
        let begun = Instant::now();
        while !waiting.is_finished() && begun.elapsed() < Duration::from_secs(1) {
            memory.pages().put_back(run, RunMemory::Kept);
            run = take_run();
            // Long enough for it to wake and look.
            thread::sleep(Duration::from_millis(5));
        }
        memory.pages().put_back(run, RunMemory::Kept);
        waiting.join().unwrap();
    });
    let waits = memory.pages().waits().count;
    assert!(waits <= 1, "{waits} waits for runs that were away");
    waits
}
