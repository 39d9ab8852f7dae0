//! Any bytes from a client of an observer: replies that are whole, however the bytes come and go, and the heap as it was.
#![no_main]

use core::time::Duration;
use heap_gc::{Gc, Heap, Root};
use heap_observe::wire::{Pace, talk};
use heap_observe::{Limits, Watched};
use heap_profile::Profiler;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

/// A heap with something in it, and with a profile of that; and one that is gone.
static WATCHED: LazyLock<(Heap, Root<u64>, Vec<Watched>)> = LazyLock::new(|| {
    let profiler = Profiler::new();
    let heap = Heap::builder().sampler(profiler.clone(), 1 << 10).build().expect("a heap");
    let root = heap.attach().expect("attached").enter(|mu| {
        let all: Vec<Gc<'_, u64>> = (0..1000).map(|number| mu.alloc(number)).collect();
        mu.root(all[500])
    });
    let gone = Watched::new("gone", &Heap::new().expect("a heap"));
    let watched = vec![Watched::new("main", &heap).profiler(&profiler), gone];
    (heap, root, watched)
});

fuzz_target!(|bytes: &[u8]| {
    let [read, written, bytes @ ..] = bytes else { return };
    let (heap, _root, watched) = &*WATCHED;
    let mut limits = Limits::default();
    // Short, so that they are reached; and a census is waited for until it is there.
    (limits.request_line, limits.head, limits.census_time) = (200, 600, Duration::from_secs(10));
    let at_once = Pace { read: usize::MAX, written: usize::MAX };
    let in_pieces = Pace { read: usize::from(*read) + 1, written: (usize::from(*written) + 1) * 16 };
    let [at_once, in_pieces] =
        [at_once, in_pieces].map(|pace| talk(bytes, pace, watched, &limits).statuses());
    assert_eq!(at_once.len(), in_pieces.len());
    for (at_once, in_pieces) in at_once.iter().zip(&in_pieces) {
        // Which of several reasons a request is refused for depends on how much of it was seen.
        assert!(at_once == in_pieces || (*at_once >= 400 && *in_pieces >= 400), "{at_once}, {in_pieces}");
        assert_ne!((*at_once, *in_pieces), (500, 500), "a document could not be made");
    }
    assert!(heap.verify().is_empty());
});
