//! Promise: what happens seldom is recorded, too, where it happens.

use crate::order::{check, small};
use crate::{LIMIT, within};
use heap_trace::{Recorder, Recording};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use tricolor::{By, Collector, Event, Gc, GcCell, Heap, MemoryLimit, Record, Root, Trace, Track};

fn find(recording: &Recording, what: fn(&Event) -> bool) -> Option<&Record> {
    recording.records().iter().find(|one| what(&one.event))
}

/// What a program can do to make each of the rarer events.
#[test]
fn rare_events_are_recorded_where_they_happen() {
    within(LIMIT, || {
        let recorder = Recorder::new(1 << 20);
        let heap = recorder
            .record(Heap::builder().hard_limit(4 << 20).scavenge(tricolor::Scavenge::OnRequest), "limited")
            .build()
            .unwrap();
        recorder.start();
        let mut mutator = heap.attach().unwrap();
        let mut roots = Vec::new();
        while let Ok(root) =
            mutator.enter(|mu| mu.try_alloc_slice(8 << 10, |_| 0_u64).map(|slice| mu.root(slice)))
        {
            roots.push(root);
        }
        mutator.collect();
        roots.clear();
        assert!(mutator.release_free_memory() > 0);
        let with_finalizer = mutator.enter(|mu| {
            let object = mu.alloc([5_u64; 3]);
            mu.set_finalizer(object, |_, _| {});
            mu.root(object)
        });
        drop(with_finalizer);
        mutator.collect();
        drop(mutator);
        let recording = recorder.stop();
        let find = |what: fn(&Event) -> bool| find(&recording, what);
        let refused = find(|event| matches!(event, Event::Refused { .. })).expect("a refusal");
        let Event::Attached { mutator: 1, .. } =
            find(|event| matches!(event, Event::Attached { .. })).expect("a mutator").event
        else {
            panic!("it is the first");
        };
        assert!(matches!(refused.track, Track::Thread(_)));
        assert!(find(|event| matches!(event, Event::RanCycle)).is_some(), "who was refused runs a cycle");
        let scavenged = find(|event| matches!(event, Event::Scavenged(_))).expect("it was asked for");
        assert_eq!((scavenged.track, scavenged.ended), (Track::Scavenger, None));
        let ran = find(|event| matches!(event, Event::RanDue { finalizers: 1, .. }));
        assert_eq!(ran.expect("a finalizer").track, refused.track);
    });
}

#[derive(Trace)]
struct Node<'gc> {
    next: GcCell<Option<Gc<'gc, Node<'gc>>>>,
    number: u64,
}

/// Many lists, so that there is something for several workers.
fn lists(heap: &Heap) -> Vec<Root<Node<'static>>> {
    let mut mutator = heap.attach().unwrap();
    let mut list = || {
        mutator.enter(|mu| {
            let node = |next, number| mu.alloc(Node { next: GcCell::new(next), number });
            let first = (1..4000).fold(node(None, 0), |next, number| node(Some(next), number));
            assert_eq!(first.next.get().map(|next| next.number), Some(3998));
            mu.root(first)
        })
    };
    (0..100).map(|_| list()).collect()
}

#[test]
fn workers_have_tracks_of_their_own() {
    within(LIMIT, || {
        let recorder = Recorder::new(1 << 20);
        let heap = recorder.record(Heap::builder().workers(3).gc_off(), "parallel").build().unwrap();
        let kept = lists(&heap);
        recorder.start();
        (0..3).for_each(|_| heap.collect());
        let recording = recorder.stop();
        assert_eq!(check(&recording, Collector::Concurrent), 3);
        for track in [Track::Collector, Track::Worker(1), Track::Worker(2)] {
            let works = |one: &&Record| one.track == track && matches!(one.event, Event::Worked { .. });
            assert!(recording.records().iter().filter(works).count() >= 3, "{track:?}: once a drain");
        }
        let taken = recording.records().iter().map(|one| match one.event {
            Event::Worked { batches } => batches,
            _ => 0,
        });
        assert!(taken.sum::<u64>() > 0, "helpers begin with nothing");
        drop(kept);
    });
}

/// Who stays inside is named, within the round that waits for it; and who never answers itself is answered for when it has left.
#[test]
fn a_thread_that_keeps_a_cycle_waiting_is_named_in_its_round() {
    within(LIMIT, || {
        let recorder = Recorder::new(1000);
        let (leave, leaves) = mpsc::channel();
        // A verified cycle would stop the world first, and wait there.
        let builder = small().verify_every(0).on_event(move |event| {
            if let Event::Late { .. } = event {
                // It may have left.
                let _ = leave.send(());
            }
        });
        let heap = recorder.record(builder, "late").build().unwrap();
        recorder.start();
        let (is_inside, inside) = mpsc::channel();
        let theirs = heap.clone();
        let sleeper = std::thread::Builder::new().name("sleeper".into());
        let sleeper = sleeper.spawn(move || {
            theirs.attach().unwrap().enter(|_| {
                is_inside.send(()).unwrap();
                leaves.recv_timeout(LIMIT).expect("the collector says that it waits");
            });
        });
        inside.recv().unwrap();
        let collects = std::thread::spawn({
            let heap = heap.clone();
            move || heap.collect()
        });
        sleeper.unwrap().join().unwrap();
        collects.join().unwrap();
        let recording = recorder.stop();
        assert_eq!(check(&recording, Collector::Concurrent), 1);
        let late = find(&recording, |event| matches!(event, Event::Late { .. })).expect("it was told");
        let Event::Late { round, thread, .. } = &late.event else { unreachable!("it was found") };
        assert_eq!(thread, "sleeper");
        let holds = |one: &&Record| {
            let is_round = matches!(&one.event, Event::Asked { round: its, .. } if its == round);
            is_round && one.begun <= late.begun && one.ended.is_some_and(|ended| late.begun <= ended)
        };
        assert!(recording.records().iter().any(|one| holds(&one)));
    });
}

/// A thread that ends without dropping its mutator: it is let go of while the thread's own data are going.
#[test]
fn a_mutator_that_was_forgotten_is_seen_to_go() {
    within(LIMIT, || {
        let recorder = Recorder::new(1000);
        let heap = recorder.record(small(), "forgotten").build().unwrap();
        recorder.start();
        let theirs = heap.clone();
        let thread = std::thread::spawn(move || {
            let mut mutator = theirs.attach().unwrap();
            mutator.enter(|mu| _ = mu.alloc(1_u64));
            std::mem::forget(mutator);
        });
        thread.join().unwrap();
        heap.collect();
        let recording = recorder.stop();
        check(&recording, Collector::Concurrent);
        assert!(find(&recording, |event| matches!(event, Event::Detached { mutator: 1 })).is_some());
    });
}

/// Rounds of the scavenger's thread are spans, which follow each other, with the state of the pages after each.
#[test]
fn the_scavenger_has_a_track() {
    within(LIMIT, || {
        let recorder = Recorder::new(1 << 20);
        let builder = small().least_heap(1 << 20).scavenge_share(0.5);
        let heap = recorder.record(builder, "scavenged").build().unwrap();
        recorder.start();
        let mut mutator = heap.attach().unwrap();
        let begun = Instant::now();
        let mut rounds = 0;
        while rounds < 2 {
            assert!(begun.elapsed() < LIMIT, "{:?}", heap.figures().scavenge);
            let kept = mutator.enter(|mu| mu.root(mu.alloc_slice(2 << 20, |_| 1_u64)));
            mutator.collect();
            drop(kept);
            mutator.collect();
            mutator.collect();
            std::thread::sleep(Duration::from_millis(20));
            let recording = recorder.take();
            crate::order::check_nesting(&recording);
            let is_round =
                |one: &&Record| matches!(one.event, Event::Scavenged(round) if round.by == By::Background);
            for round in recording.records().iter().filter(is_round) {
                assert_eq!((round.track, round.ended.is_some()), (Track::Scavenger, true));
                rounds += 1;
            }
        }
    });
}

#[test]
fn a_limit_below_what_lives_is_recorded() {
    within(LIMIT, || {
        let recorder = Recorder::new(10_000);
        let builder = Heap::builder().memory_limit(MemoryLimit::Bytes(1 << 20));
        let heap = recorder.record(builder, "too small").build().unwrap();
        let kept = lists(&heap);
        recorder.start();
        heap.collect();
        let recording = recorder.stop();
        let found = find(&recording, |event| matches!(event, Event::LimitBelowLive { .. }));
        let Event::LimitBelowLive { limit, live } = found.expect("it is").event else {
            unreachable!("it was found")
        };
        assert!(limit.get() == 1 << 20 && live > limit);
        drop(kept);
    });
}
