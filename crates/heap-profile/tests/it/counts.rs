//! Promise: what is counted is what was allocated and is in use: exactly at a mean of 1, within its bound at any other.

use crate::{KEPT, keep, profiled};
use heap_gc::Heap;
use heap_profile::{Count, Profiler};
use std::hint::black_box;

fn of<'a, T>(parts: &'a [(String, T)], name: &str) -> &'a T {
    let found: Vec<_> = parts.iter().filter(|(label, _)| label.contains(name)).collect();
    let labels: Vec<_> = parts.iter().map(|(label, _)| label).collect();
    assert!(found.len() == 1, "{} of {name} in {labels:?}", found.len());
    &found[0].1
}

/// Objects and bytes, where they are exact.
fn exact(count: Count) -> (f64, f64) {
    assert!(count.objects.fract() == 0.0 && count.bytes.fract() == 0.0);
    (count.objects, count.bytes)
}

/// So many objects, and so many bytes.
fn whole(objects: usize, bytes: usize) -> (f64, f64) {
    (objects as f64, bytes as f64)
}

#[test]
fn every_object_is_counted_where_it_was_made_and_of_what_it_is() {
    let (heap, kept, profile) = profiled(1);
    let total = profile.total();
    let figures = heap.figures().memory;
    assert_eq!(exact(total.allocated), whole(2 * KEPT, figures.total_alloc.get()));
    assert_eq!(exact(total.in_use), whole(kept.len(), kept.len() * 48));
    assert_eq!(total.allocated.samples, 2 * KEPT as u64);
    let types = profile.by_type();
    assert_eq!(types[0].0, "[u64; 6]", "it has the most bytes in use");
    assert_eq!(exact(of(&types, "[u8]").allocated), whole(KEPT, KEPT * 32));
    assert_eq!(exact(of(&types, "[u8]").in_use), whole(0, 0));
    let functions = profile.by_function();
    assert_eq!(exact(of(&functions, "keep").in_use), whole(kept.len(), kept.len() * 48));
    assert_eq!(exact(of(&functions, "drop_texts").allocated), whole(KEPT, KEPT * 32));
    assert_eq!(exact(of(&profile.by_crate(), "it").allocated), exact(total.allocated));
    assert_eq!(profile.by_module()[0].0, "it");
    assert_eq!(profile.dropped(), 0);
}

#[test]
fn estimates_at_half_a_mebibyte_are_within_the_bound_of_their_variance() {
    const MEAN: usize = 512 << 10;
    const ROUNDS: usize = 60;
    let profiler = Profiler::new();
    let heap = Heap::builder().sampler(profiler.clone(), MEAN).build().expect("address space");
    let kept: Vec<_> = (0..ROUNDS).flat_map(|_| keep(&heap)).collect();
    heap.collect();
    let total = profiler.profile("shop", &heap).total();
    for (count, objects) in [(total.allocated, ROUNDS * KEPT), (total.in_use, kept.len())] {
        // Each object is sampled with probability p, and stands for 1/p: the variance is (1-p)/p for each.
        let p = -(-48.0 / MEAN as f64).exp_m1();
        let bound = 5.0 * (objects as f64 * (1.0 - p) / p).sqrt();
        let off = count.objects - objects as f64;
        assert!(off.abs() <= bound, "{count:?} of {objects}: off by {off}, bound {bound}");
        assert!((count.bytes - 48.0 * count.objects).abs() < 1.0);
    }
    assert!(total.allocated.samples < 200, "few are sampled: {}", total.allocated.samples);
}

#[test]
fn samples_with_stacks_for_which_there_is_no_room_are_counted_together() {
    let profiler = Profiler::with_most_stacks(1);
    let heap = Heap::builder().gc_off().sampler(profiler.clone(), 1).build().expect("address space");
    let mut mutator = heap.attach().expect("a fresh heap");
    mutator.enter(|mu| {
        // A number that the compiler does not know: it would make several places of one.
        for number in 0..black_box(10_u64) {
            black_box(mu.alloc([number; 6]));
        }
    });
    mutator.enter(|mu| {
        for number in 0..black_box(7_u64) {
            black_box(mu.alloc([number; 9]));
        }
    });
    let profile = profiler.profile("shop", &heap);
    assert_eq!((exact(profile.total().allocated).0, profile.dropped()), (17.0, 7));
    let other = profile.sites().iter().find(|site| site.stack.is_empty()).expect("one without a stack");
    assert_eq!((other.label, other.bytes, exact(other.counts.allocated)), ("[u64; 9]", 80, (7.0, 560.0)));
    assert_eq!(exact(of(&profile.by_function(), "(other stacks)").allocated), (7.0, 560.0));
}

#[test]
fn a_profiler_that_is_off_counts_nothing_until_it_is_switched_on() {
    let profiler = Profiler::new();
    let heap = Heap::builder().gc_off().sampler(profiler.clone(), 0).build().expect("address space");
    let _kept = keep(&heap);
    assert_eq!(profiler.profile("shop", &heap).total().allocated.samples, 0);
    heap.set_sample_mean(1);
    let _more = keep(&heap);
    assert_eq!(exact(profiler.profile("shop", &heap).total().allocated), whole(KEPT, KEPT * 48));
}

#[test]
fn a_mean_may_change_while_the_program_runs_and_totals_stay_right() {
    const EACH: usize = 4;
    let profiler = Profiler::new();
    let heap = Heap::builder().gc_off().sampler(profiler.clone(), 1).build().expect("address space");
    let (mut objects, mut variance) = (0.0, 0.0);
    for mean in [1, 4 << 10, 0, 64 << 10, 1, 16 << 10] {
        heap.set_sample_mean(mean);
        assert_eq!(heap.sample_mean(), mean);
        for _ in 0..EACH {
            // Each has a mutator of its own, which begins with the new mean.
            drop(keep(&heap));
        }
        if mean > 0 {
            let p = if mean == 1 { 1.0 } else { -(-48.0 / mean as f64).exp_m1() };
            objects += (EACH * KEPT) as f64;
            variance += (EACH * KEPT) as f64 * (1.0 - p) / p;
        }
    }
    let total = profiler.profile("shop", &heap).total().allocated;
    let (off, bound) = (total.objects - objects, 5.0 * f64::sqrt(variance));
    assert!(off.abs() <= bound, "{total:?} of {objects}: off by {off}, bound {bound}");
    assert!((total.bytes - 48.0 * total.objects).abs() < 1.0);
    let exact = 2 * (EACH * KEPT) as u64;
    assert!(total.samples > exact && total.samples < exact + exact / 10, "{total:?}");
}

#[test]
fn what_is_in_use_is_of_the_last_completed_cycle_whatever_happens_after_it() {
    let profiler = Profiler::new();
    let heap = Heap::builder().gc_off().sampler(profiler.clone(), 1).build().expect("address space");
    let kept = keep(&heap);
    let in_use = || exact(profiler.profile("shop", &heap).total().in_use);
    assert_eq!(in_use(), (0.0, 0.0), "there was no cycle yet");
    heap.collect();
    assert_eq!(in_use(), whole(kept.len(), kept.len() * 48));
    let more = keep(&heap);
    let before = whole(kept.len(), kept.len() * 48);
    drop(kept);
    assert_eq!(
        (in_use(), exact(profiler.profile("shop", &heap).total().allocated).0),
        (before, 2.0 * KEPT as f64)
    );
    heap.collect();
    assert_eq!(in_use(), whole(more.len(), more.len() * 48));
    drop(more);
    heap.collect();
    assert_eq!(in_use(), (0.0, 0.0));
}
