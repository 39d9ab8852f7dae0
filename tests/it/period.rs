//! Promise: a heap that is used no more is collected all the same, when its last cycle is long ago; and only then.

use crate::support::within;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use tricolor::core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use tricolor::{BuildError, Collector, CycleFigures, Event, Heap, HeapBuilder, Reason, Root, Scavenge};

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(20);

/// A heap that keeps its cycles for the caller.
fn told(builder: HeapBuilder) -> (Heap, Arc<Mutex<Vec<CycleFigures>>>) {
    let cycles = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&cycles);
    let heap = builder.on_cycle(move |cycle| kept.lock().unwrap().push(cycle.clone())).build().unwrap();
    (heap, cycles)
}

/// Allocates until a cycle was due, so that the heap has its thread, and until that has ended.
fn with_thread(heap: &Heap) -> Root<[u64; 1024]> {
    let mut mutator = heap.attach().unwrap();
    let root = mutator.enter(|mu| mu.root(mu.alloc([7_u64; 1024])));
    while heap.figures().cycles == 0 {
        mutator.enter(|mu| {
            for number in 0..64_u64 {
                mu.alloc([number; 128]);
            }
        });
    }
    root
}

fn periodic(cycles: &Mutex<Vec<CycleFigures>>) -> usize {
    cycles.lock().unwrap().iter().filter(|cycle| cycle.reason == Reason::Period).count()
}

fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < LONG, "{what}: not after {LONG:?}");
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn what_was_dropped_before_the_program_fell_asleep_goes() {
    let (heap, cycles) = told(Heap::builder().collect_at_least_every(SHORT));
    let root = with_thread(&heap);
    let mut mutator = heap.attach().unwrap();
    let many: Vec<Root<[u64; 1024]>> =
        mutator.enter(|mu| (0..2000).map(|_| mu.root(mu.alloc([1_u64; 1024]))).collect());
    let full = heap.figures().memory.heap_inuse.get();
    assert!(full >= 12 << 20, "{full} bytes in spans");
    // What allocating called for is done when one for the period comes: no other kind is left to free what is dropped now.
    let calm = periodic(&cycles);
    wait_for("a cycle runs for its period", || periodic(&cycles) > calm);
    let before = periodic(&cycles);
    drop(many);
    // Nobody allocates any more, nor passes a safepoint.
    wait_for("the garbage is collected and swept", || heap.figures().memory.heap_inuse.get() < 4 << 20);
    let after = periodic(&cycles);
    assert!(after > before, "it was one for the period that freed it");
    wait_for("and again, and again", || periodic(&cycles) > after + 1);
    assert_eq!(mutator.enter(|mu| root.get(mu)[1023]), 7);
    drop(mutator);
    assert_eq!(heap.verify(), []);
}

#[test]
fn the_next_is_a_period_after_the_last_whoever_ran_that() {
    let period = Duration::from_millis(400);
    let (heap, cycles) = told(Heap::builder().collect_at_least_every(period));
    let _root = with_thread(&heap);
    let mut mutator = heap.attach().unwrap();
    let begun = Instant::now();
    let mut last = begun;
    // Longer than a period in all, with a cycle each few milliseconds of it.
    while begun.elapsed() < period * 2 {
        mutator.collect();
        let paused = last.elapsed();
        last = Instant::now();
        if paused > period / 2 {
            // The machine had something else to do: one may have been due.
            return;
        }
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(periodic(&cycles), 0);
}

#[test]
fn a_heap_that_is_not_to_be_collected_is_not() {
    let stopping = Heap::builder().collector(Collector::StopTheWorld).collect_at_least_every(SHORT);
    let never = Heap::builder().collect_at_least_every(None);
    let endless = Heap::builder().collect_at_least_every(Duration::MAX);
    let alone = Heap::builder().own_threads(false).collect_at_least_every(SHORT);
    for (name, builder) in
        [("stopping", stopping), ("never", never), ("in eternity", endless), ("no threads", alone)]
    {
        let (heap, cycles) = told(builder);
        let _root = with_thread(&heap);
        let before = heap.figures().cycles;
        thread::sleep(SHORT * 5);
        assert_eq!(periodic(&cycles), 0, "{name}");
        // One that was due before may have ended meanwhile.
        assert!(heap.figures().cycles <= before + 1, "{name}");
    }
    // With a limit it has a thread, and is collected near it only.
    let (heap, cycles) = told(Heap::builder().gc_off().hard_limit(8 << 20).collect_at_least_every(SHORT));
    let _root = with_thread(&heap);
    thread::sleep(SHORT * 5);
    assert_eq!(periodic(&cycles), 0, "gc_off");
}

#[test]
fn a_period_that_is_none_is_refused_and_the_error_says_what_to_do() {
    for asked in [Duration::ZERO, Duration::from_micros(999)] {
        let refused = Heap::builder().collect_at_least_every(asked).build().unwrap_err();
        assert!(matches!(refused, BuildError::Period { asked: said } if said == asked), "{refused:?}");
        assert!(refused.to_string().contains("None for never"), "{refused}");
    }
    Heap::builder().collect_at_least_every(Duration::from_millis(1)).build().unwrap();
}

#[test]
fn a_heap_may_end_while_its_thread_waits_for_the_period() {
    within(LONG, || {
        for _ in 0..20 {
            let heap = Heap::builder().collect_at_least_every(Duration::from_millis(1)).build().unwrap();
            let _root = with_thread(&heap);
            thread::sleep(Duration::from_micros(900));
        }
    });
}

/// The last handle may be dropped by a listener on the scavenger's own thread, which cannot wait for itself.
#[test]
fn the_last_handle_may_be_dropped_on_the_scavengers_thread() {
    within(LONG, || {
        let place = Arc::new(Mutex::new(None::<Heap>));
        let dropped = Arc::new(AtomicUsize::new(0));
        let (heap_of, count) = (Arc::clone(&place), Arc::clone(&dropped));
        let heap = Heap::builder()
            .scavenge(Scavenge::Background)
            .scavenge_share(0.5)
            .on_event(move |event| {
                if matches!(event, Event::Scavenged(_)) && thread::current().name() == Some("tricolor-scav") {
                    let last = heap_of.lock().unwrap().take();
                    if last.is_some() {
                        drop(last);
                        count.fetch_add(1, Relaxed);
                    }
                }
            })
            .build()
            .unwrap();
        let mut mutator = heap.attach().unwrap();
        let many: Vec<Root<[u64; 1024]>> =
            mutator.enter(|mu| (0..4000).map(|_| mu.root(mu.alloc([1_u64; 1024]))).collect());
        drop(many);
        *place.lock().unwrap() = Some(heap);
        mutator.collect();
        drop(mutator);
        wait_for("the listener drops the heap", || dropped.load(Relaxed) == 1);
    });
}
