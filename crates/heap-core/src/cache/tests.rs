use super::{Cache, TINY_BLOCK};
use crate::error::AllocError;
use crate::layout::LayoutId;
use crate::memory::tests::{alloc, cycle, memory, memory_with, noscan, objects, references, settled};
use crate::memory::{Empties, Memory};
use crate::os::sim::SimOs;
use crate::sample::weight;
use crate::span::marks::Epoch;
use crate::stress::RUN_SLOTS_MAX;
use crate::units::Bytes;
use core::ptr::NonNull;
use std::collections::HashSet;

#[test]
fn slots_of_a_run_are_handed_out_once_and_what_is_left_goes_back() {
    for most in [1, 2, 3, 64, 1024] {
        let (memory, cache) = (memory(), Cache::new());
        cache.set_run_most(most);
        let mut seen = HashSet::new();
        for round in 1..=4_u64 {
            for id in [noscan(8), noscan(48), references(16), noscan(5000)] {
                for _ in 0..25 {
                    assert!(seen.insert(alloc(&memory, &cache, id, 0xF0)), "a slot was handed out twice");
                }
            }
            cache.flush(&memory);
            assert!(cache.is_flushed());
            assert_eq!(objects(&memory), 100 * round, "runs of {most}");
        }
    }
}

#[test]
fn slots_given_back_are_the_next_to_be_handed_out() {
    let (memory, cache) = (memory(), Cache::new());
    let first = alloc(&memory, &cache, noscan(32), 1);
    cache.flush(&memory);
    let second = alloc(&memory, &cache, noscan(32), 2);
    assert_eq!(second.addr().get(), first.addr().get() + 32);
    assert_eq!(memory.figures().spans, 1);
}

#[test]
fn free_slots_between_living_ones_are_found() {
    let (memory, cache) = (memory(), Cache::new());
    let all: Vec<_> = (0..256).map(|_| alloc(&memory, &cache, noscan(32), 1)).collect();
    let kept: Vec<_> =
        all.iter().copied().enumerate().filter(|(i, _)| i % 5 < 3).map(|(_, object)| object).collect();
    let free: HashSet<_> = all.iter().copied().filter(|object| !kept.contains(object)).collect();
    cycle(&memory, &cache, &kept);
    let again: HashSet<_> = (0..free.len()).map(|_| alloc(&memory, &cache, noscan(32), 2)).collect();
    assert_eq!(again, free);
    assert!(!kept.contains(&alloc(&memory, &cache, noscan(32), 3)));
    cycle(&memory, &cache, &kept);
    settled(&memory, &cache);
    assert_eq!(objects(&memory), kept.len() as u64);
}

#[test]
fn a_refused_refill_leaves_cache_and_memory_as_they_were() {
    let memory = memory_with(&SimOs::new(), None, Bytes::kib(16));
    let cache = Cache::new();
    let object = alloc(&memory, &cache, noscan(4096), 7);
    let before = (0..100)
        .map(|_| cache.alloc(noscan(4096), 4096).map_or_else(|| cache.refill(&memory, noscan(4096)), Ok));
    let refused = before.filter_map(Result::err).next().expect("the limit is two pages");
    assert!(matches!(refused, AllocError::Limit { .. }), "{refused:?}");
    // Another layout is refused as well; the first one's objects are untouched.
    assert!(cache.refill(&memory, noscan(64)).is_err());
    // SAFETY: the object is allocated.
    assert_eq!(unsafe { object.read() }, 7);
    cycle(&memory, &cache, &[]);
    settled(&memory, &cache);
    assert_eq!(objects(&memory), 0);
    alloc(&memory, &cache, noscan(64), 1);
}

#[test]
fn a_run_handed_out_while_marking_is_marked() {
    let (memory, cache) = (memory(), Cache::new());
    let epoch = Epoch::FIRST;
    cache.blacken(&memory, epoch);
    let object = alloc(&memory, &cache, references(64), 0);
    let found = memory.map().resolve(object.addr().get()).unwrap();
    let span = memory.map().span(found.span);
    // The whole run, and nothing but the run.
    let run = span.slots().min(RUN_SLOTS_MAX);
    assert!((0..span.slots()).all(|slot| memory.map().is_marked(span, slot, epoch) == (slot < run)));
    cache.whiten();
    cache.flush(&memory);
    let other = alloc(&memory, &cache, references(48), 0);
    let found = memory.map().resolve(other.addr().get()).unwrap();
    assert!(!memory.map().is_marked(memory.map().span(found.span), found.slot, epoch));
}

#[test]
fn what_is_left_of_a_run_is_marked_when_new_objects_turn_black() {
    let (memory, cache) = (memory(), Cache::new());
    let epoch = Epoch::FIRST;
    let white = alloc(&memory, &cache, references(64), 0);
    let tiny = cache.refill_tiny(&memory, 3).unwrap();
    cache.blacken(&memory, epoch);
    let black = alloc(&memory, &cache, references(64), 0);
    let marked = |object: NonNull<u8>| {
        let found = memory.map().resolve(object.addr().get()).unwrap();
        memory.map().is_marked(memory.map().span(found.span), found.slot, epoch)
    };
    assert_eq!([white, tiny, black].map(marked), [false, false, true]);
    assert_eq!(cache.alloc_tiny(3, 1), None, "the white block is given up");
    assert!(marked(cache.refill_tiny(&memory, 3).unwrap()));
}

#[test]
fn a_cache_that_has_not_heard_of_a_generation_puts_its_spans_back_unswept() {
    let (memory, late) = (memory(), Cache::new());
    let objects: Vec<_> = (0..3).map(|_| alloc(&memory, &late, references(64), 0)).collect();
    let found = memory.map().resolve(objects[1].addr().get()).unwrap();
    let span = memory.map().span(found.span);
    // A cycle that reaches one of the three, beside the cache.
    memory.finish_sweep(Empties::Free);
    memory.begin_cycle();
    memory.map().mark_of(span, found.slot).set(memory.epoch().byte());
    memory.end_marking();
    // Nobody can sweep what the cache has, and it takes nothing from the new generation's lists.
    memory.finish_sweep(Empties::Free);
    assert_eq!(span.allocated(), span.slots().min(RUN_SLOTS_MAX));
    late.flush(&memory);
    assert_eq!(span.allocated(), 3);
    memory.finish_sweep(Empties::Free);
    assert_eq!(span.allocated(), 1, "the other two were swept");
    settled(&memory, &late);
}

#[test]
fn tiny_objects_fill_blocks_in_order_of_alignment() {
    let (memory, cache) = (memory(), Cache::new());
    let tiny = |bytes, align| {
        cache
            .alloc_tiny(bytes, align)
            .map_or_else(|| cache.refill_tiny(&memory, bytes), Ok)
            .unwrap()
            .addr()
            .get()
    };
    let first = tiny(1, 1);
    assert_eq!(first % TINY_BLOCK, 0);
    assert_eq!(
        [tiny(1, 1), tiny(2, 2), tiny(4, 4), tiny(8, 8)],
        [first + 1, first + 2, first + 4, first + 8]
    );
    let second = tiny(3, 1);
    assert_eq!(second, first + 16);
    assert_eq!(tiny(8, 8), second + 8);
    // An object that does not fit begins a block; the old one stays current when it has more room.
    let third = tiny(15, 1);
    assert_eq!(tiny(1, 1), third + 15);
    cache.flush(&memory);
    let figures = memory.figures();
    assert_eq!((figures.heap_objects, figures.mallocs), (3, 9));
    assert_ne!(tiny(1, 1), third + 16 - 1);
}

/// Allocates an object of a fixed layout, and says what it was sampled with.
fn sampled(memory: &Memory, cache: &Cache, id: LayoutId, stride: usize) -> (NonNull<u8>, Option<Bytes>) {
    match cache.alloc(id, stride) {
        Some(slot) => (slot, None),
        None => (cache.refill(memory, id).unwrap(), cache.take_drawn().and_then(|drawn| drawn.sample)),
    }
}

#[test]
fn as_many_are_sampled_as_the_mean_says_whatever_becomes_of_their_runs() {
    const OBJECTS: usize = 20_000;
    for (mean, flushed_every) in [(1, 7), (100, 5000), (1000, 3), (1000, OBJECTS), (100_000, 1000)] {
        let (memory, cache) = (memory(), Cache::new());
        memory.sampling().set_mean(Bytes::new(mean));
        let mut seen = HashSet::new();
        let (mut guess, mut variance) = (0.0, 0.0);
        for number in 0..OBJECTS {
            // Two layouts, whose runs end at their own fences.
            let stride = [32, 48][number % 2];
            let (slot, sample) = sampled(&memory, &cache, noscan(stride), stride);
            assert!(seen.insert(slot), "a slot was handed out twice");
            let weight = weight(Bytes::new(mean), Bytes::new(stride));
            variance += weight - 1.0;
            if let Some(drawn) = sample {
                assert_eq!(drawn, Bytes::new(mean));
                guess += weight;
            }
            if number % flushed_every == 0 {
                cache.flush(&memory);
            }
        }
        let (all, bound) = (OBJECTS as f64, 5.0 * f64::sqrt(variance));
        assert!((guess - all).abs() <= bound, "{mean}: {guess} of {all}, bound {bound}");
        cache.flush(&memory);
        assert_eq!(objects(&memory), OBJECTS as u64, "what is beyond a fence went back");
        settled(&memory, &cache);
    }
}

#[test]
fn a_fence_is_passed_when_sampling_ends_and_the_mean_of_a_sample_is_the_one_it_was_drawn_with() {
    let (memory, cache) = (memory(), Cache::new());
    let id = noscan(64);
    let mut means = HashSet::new();
    let mut seen = HashSet::new();
    for mean in [1, 0, 200, 1, 0, 0, 3000, 200, 0] {
        memory.sampling().set_mean(Bytes::new(mean));
        // The first of a run that is left over may have been drawn before.
        for number in 0..500 {
            let (slot, sample) = sampled(&memory, &cache, id, 64);
            assert!(seen.insert(slot), "a slot was handed out twice");
            if let Some(drawn) = sample {
                assert_ne!(mean, 0, "nothing is sampled any more");
                assert!(drawn == Bytes::new(mean) || number < 128, "a run has 128 slots");
                means.insert(drawn.get());
            }
        }
    }
    assert_eq!(means, HashSet::from([1, 200, 3000]));
    cache.flush(&memory);
    assert_eq!(objects(&memory), 9 * 500);
}

#[test]
fn what_is_beyond_a_fence_is_marked_with_the_rest_of_its_run() {
    let (memory, cache) = (memory(), Cache::new());
    let id = references(64);
    memory.sampling().set_mean(Bytes::new(500));
    let first = alloc(&memory, &cache, id, 0);
    memory.begin_cycle();
    cache.blacken(&memory, memory.epoch());
    let span = memory.map().span(memory.map().resolve(first.addr().get()).unwrap().span);
    for slot in 1..span.slots().min(RUN_SLOTS_MAX) {
        assert!(memory.map().is_marked(span, slot, memory.epoch()), "slot {slot}");
    }
    assert_eq!(alloc(&memory, &cache, id, 0).addr().get(), first.addr().get() + 64);
}

#[test]
fn large_objects_are_drawn_one_by_one() {
    let (memory, cache) = (memory(), Cache::new());
    let draw = |bytes| (0..1000).filter(|_| cache.sample_large(&memory, Bytes::new(bytes)).is_some()).count();
    assert_eq!(draw(1 << 20), 0);
    memory.sampling().set_mean(Bytes::new(1));
    assert_eq!(draw(40_000), 1000);
    memory.sampling().set_mean(Bytes::mib(1));
    // 632 of 1000, with a standard deviation of 15.
    assert!((532..732).contains(&draw(1 << 20)));
}
