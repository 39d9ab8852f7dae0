//! Promise: the figures add up at any time nothing runs, and right after a collection they are exact.

use std::sync::{Arc, Mutex};
use tricolor::core::os::sim::SimOs;
use tricolor::core::units::Bytes;
use tricolor::{Collector, CycleFigures, Heap, Root};

#[test]
fn counts_are_exact_after_a_collection() {
    let heap = Heap::builder().gc_off().build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let mut roots: Vec<Root<[u64; 6]>> = Vec::new();
    let mut large: Vec<Root<[u8; 100_000]>> = Vec::new();
    for round in 0..4 {
        mutator.enter(|mu| {
            for number in 0..1000 {
                let object = mu.alloc([number as u64; 6]);
                if number % 4 == 0 {
                    roots.push(mu.root(object));
                }
            }
            for _ in 0..5 {
                large.push(mu.root(mu.alloc([1_u8; 100_000])));
            }
        });
        large.truncate(3 * (round + 1));
        mutator.collect();
        let memory = heap.figures().memory;
        memory.check().unwrap();
        let (small, big) = (roots.len() as u64, large.len() as u64);
        assert_eq!(memory.heap_objects, small + big);
        assert_eq!(memory.heap_alloc, Bytes::new(roots.len() * 48 + large.len() * 13 * 8192));
        assert_eq!(memory.mallocs, (round as u64 + 1) * 1005);
        assert_eq!(memory.frees, memory.mallocs - small - big);
        let class =
            memory.by_size.iter().find(|class| class.size == Bytes::new(48)).expect("48 bytes are a class");
        assert_eq!((class.mallocs, class.mallocs - class.frees), ((round as u64 + 1) * 1000, small));
        assert_eq!(memory.by_size[0].mallocs - memory.by_size[0].frees, big);
        assert_eq!(memory.unused(), memory.heap_inuse - memory.heap_alloc);
        assert!(memory.fragmentation() >= 1.0 && memory.fragmentation() < 2.0, "{memory:?}");
        assert_eq!(memory.sys, memory.heap_sys + memory.span_sys);
    }
}

#[test]
fn between_collections_figures_err_high_by_at_most_a_span_for_each_layout() {
    let heap = Heap::builder().gc_off().build().unwrap();
    let mut mutator = heap.attach().unwrap();
    mutator.enter(|mu| {
        for number in 0..10_000_u64 {
            let _garbage = mu.alloc([number; 4]);
        }
    });
    let memory = heap.figures().memory;
    memory.check().unwrap();
    assert!((10_000..10_000 + 256).contains(&memory.mallocs), "{} are counted", memory.mallocs);
}

#[test]
fn cycles_are_counted_and_told_to_the_observer_in_order() {
    let told: Arc<Mutex<Vec<CycleFigures>>> = Arc::default();
    let theirs = Arc::clone(&told);
    let heap = Heap::builder()
        .gc_percent(10)
        .collector(Collector::StopTheWorld)
        .on_cycle(move |cycle| theirs.lock().unwrap().push(cycle.clone()))
        .build()
        .unwrap();
    let mut mutator = heap.attach().unwrap();
    let root: Root<[u64; 100]> = mutator.enter(|mu| mu.root(mu.alloc([0_u64; 100])));
    for round in 0..100 {
        mutator.enter(|mu| {
            for _ in 0..100 {
                let _garbage = mu.alloc([round; 100]);
            }
        });
    }
    mutator.collect();
    let (figures, told) = (heap.figures(), told.lock().unwrap());
    assert!(figures.cycles > 5, "one collection each 400 KiB: {}", figures.cycles);
    assert_eq!(figures.cycles_asked, 1);
    assert_eq!(told.len() as u64, figures.cycles);
    let numbers: Vec<_> = told.iter().map(|cycle| cycle.number).collect();
    assert_eq!(numbers, (1..=figures.cycles).collect::<Vec<_>>());
    let last = told.last().expect("there was a cycle");
    assert_eq!((last.live_objects, last.roots, last.mutators), (1, 1, 1));
    assert_eq!(last.live, Bytes::new(896));
    assert_eq!(figures.pauses.len(), told.len().min(256));
    assert_eq!(figures.pause_total, told.iter().map(|cycle| cycle.pause).sum());
    assert!(
        told.iter().all(|cycle| cycle.pause >= cycle.mark + cycle.finish_sweep),
        "a pause holds its parts"
    );
    assert_eq!(figures.last_cycle.map(|cycle| cycle.number), Some(last.number));
    drop(root);
}

#[test]
fn collect_every_n_collects_at_every_nth_slot() {
    for n in [1, 2, 5, 16] {
        let heap = Heap::builder().collect_every(n).build().unwrap();
        let mut mutator = heap.attach().unwrap();
        for number in 0..320_u64 {
            mutator.enter(|mu| {
                let _garbage = mu.alloc([number; 3]);
            });
        }
        let (cycles, wanted) = (heap.figures().cycles, u64::from(320 / n));
        assert!(
            (wanted * 9 / 10..=wanted * 11 / 10).contains(&cycles),
            "{cycles} cycles for every {n}-th of 320 slots"
        );
    }
}

#[test]
fn a_heap_without_collections_of_its_own_has_none() {
    let heap = Heap::builder().gc_off().build().unwrap();
    heap.attach().unwrap().enter(|mu| {
        for number in 0..100_000_u64 {
            let _garbage = mu.alloc([number; 8]);
        }
    });
    let figures = heap.figures();
    assert_eq!((figures.cycles, figures.goal), (0, Bytes::new(usize::MAX)));
}

#[test]
fn every_byte_is_accounted_for_while_threads_allocate_collect_and_give_back() {
    let heap = Heap::builder().reservation(1 << 30).build().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..3_u64 {
            let heap = &heap;
            scope.spawn(move || {
                let mut mutator = heap.attach().unwrap();
                let mut kept: Vec<Root<[u64; 12]>> = Vec::new();
                for round in 0..60_u64 {
                    mutator.enter(|mu| {
                        for number in 0..400 {
                            let object = mu.alloc([round; 12]);
                            if number % 100 == thread {
                                kept.push(mu.root(object));
                            }
                        }
                        let _large = mu.alloc([0_u8; 50_000]);
                    });
                    if round % 20 == 19 {
                        kept.truncate(10);
                        mutator.collect();
                        let _given_back = heap.release_free_memory();
                    }
                    heap.accounting().check().unwrap();
                    let now = heap.fragmentation();
                    // Its own sums hold at any time; those with other figures when nothing runs.
                    now.check(now.total.in_use()).unwrap();
                }
            });
        }
    });
    heap.collect();
    let (accounting, now) = (heap.accounting(), heap.fragmentation());
    assert_eq!(accounting.in_use, heap.figures().memory.heap_inuse);
    now.check(accounting.in_use).unwrap();
    assert_eq!((now.total.held, now.total.spans), (0, 0), "nothing is kept, and nobody holds a span");
    assert_eq!(heap.verify(), []);
}

#[test]
fn every_mapping_that_the_system_gave_a_heap_is_told_of_and_counted() {
    let os = SimOs::new();
    let heap = Heap::builder().reservation(16 << 20).os(os.clone()).build().unwrap();
    let told = heap.mappings();
    assert_eq!(told.len(), os.live(), "one for each range that the system has not got back");
    let sum: Bytes = told.iter().map(|mapping| mapping.len).sum();
    assert_eq!((sum, heap.accounting().address_space), (os.mapped_bytes(), os.mapped_bytes()));
}
