//! Promise: a recorder is bounded, may start, stop and go at any time, and does no harm to the heap.

use crate::chrome::{check, parsed};
use crate::order::{self, check_nesting, small};
use crate::storm::{storm, storm_until};
use crate::{LIMIT, within};
use heap_trace::Recorder;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use tricolor::{Collector, Event, Heap};

#[test]
fn a_full_recorder_drops_counts_and_writes_what_it_has() {
    within(LIMIT, || {
        for most in [0, 1, 100, 300] {
            let recorder = Recorder::new(most);
            let heap = recorder.record(small(), "full").build().unwrap();
            recorder.start();
            storm(&heap, 3, 3, 100, true);
            drop(heap);
            let recording = recorder.stop();
            assert_eq!(recording.records().len(), most);
            assert!(recording.dropped() > 0);
            check_nesting(&recording);
            check(&parsed(&recording));
            assert_eq!(recorder.take().dropped(), 0, "what was told is not told again");
        }
    });
}

#[test]
fn a_recorder_that_is_not_started_keeps_nothing() {
    let recorder = Recorder::new(1000);
    let heap = recorder.record(Heap::builder(), "quiet").build().unwrap();
    heap.attach().unwrap().collect();
    assert!(!recorder.is_on());
    let recording = recorder.stop();
    assert_eq!((recording.records().len(), recording.dropped()), (0, 0));
    assert_eq!(parsed(&recording), Vec::<serde_json::Value>::new());
}

/// Cycles that are recorded from the middle on, or up to it: what is there is whole.
#[test]
fn a_recorder_may_start_and_stop_in_the_middle_of_everything() {
    within(LIMIT, || {
        let recorder = Recorder::new(1 << 20);
        let heap = recorder.record(small(), "now and then").build().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let program = {
            let (heap, stop) = (heap.clone(), Arc::clone(&stop));
            std::thread::spawn(move || storm_until(&heap, 17, &stop))
        };
        let mut cycles = 0;
        for round in 0..60_u64 {
            recorder.start();
            std::thread::sleep(std::time::Duration::from_micros(700 * (round % 9)));
            let recording = if round % 3 == 0 { recorder.take() } else { recorder.stop() };
            check_nesting(&recording);
            check(&parsed(&recording));
            let ended = |record: &&tricolor::Record| matches!(record.event, Event::Ended { .. });
            cycles += recording.records().iter().filter(ended).count();
        }
        stop.store(true, Relaxed);
        program.join().unwrap();
        assert!(cycles > 0, "some were recorded");
        assert_eq!(heap.verify(), []);
    });
}

/// All handles on a recorder go while it is on, and while a cycle runs.
#[test]
fn a_recorder_that_is_dropped_leaves_the_heap_whole() {
    within(LIMIT, || {
        for seed in 0..10 {
            let recorder = Recorder::new(500);
            let heap = recorder.record(small(), "left alone").build().unwrap();
            recorder.start();
            std::thread::scope(|scope| {
                let heap = &heap;
                scope.spawn(move || storm(heap, seed, 2, 40, true));
                std::thread::sleep(std::time::Duration::from_millis(seed));
                drop(recorder);
            });
            heap.collect();
            assert_eq!(heap.verify(), []);
        }
    });
}

/// Whoever looks at a recording may have heaps, mutators and a recorder of its own, and panic.
#[test]
fn a_listener_beside_a_recorder_may_allocate_elsewhere_block_and_panic() {
    within(LIMIT, || {
        let recorder = Recorder::new(1 << 20);
        let other = recorder.record(small(), "the listener's").build().unwrap();
        let theirs = recorder.clone();
        let builder = recorder.record(small(), "watched").on_event(move |event| {
            // On the thread of the cycle, which may be one of the program's, with a mutator of the watched heap.
            let mut mutator = other.attach().expect("each event has its own");
            mutator.enter(|mu| (0..50).for_each(|_| _ = mu.alloc([0_u64; 8])));
            drop(mutator);
            match event {
                Event::Marking { .. } => std::thread::sleep(std::time::Duration::from_micros(300)),
                Event::Asked { round: "settled", .. } => std::panic::resume_unwind(Box::new("in a listener")),
                Event::Marked { .. } => theirs.start(),
                _ => {}
            }
        });
        let heap = builder.build().unwrap();
        recorder.start();
        // Cycles on the collector's thread, where the panic ends.
        storm(&heap, 23, 4, 150, false);
        assert_eq!(heap.verify(), []);
        // The builder has the listener, and so the listener's heap. Both collectors end here: one that is in a cycle when the recorder
        // stops puts that it has ended, and none of the steps after that.
        drop((heap, builder));
        let recording = recorder.stop();
        let cycles = order::check(&recording, Collector::Concurrent);
        assert!(cycles > 0, "{cycles}");
    });
}
