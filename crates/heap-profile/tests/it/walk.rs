//! Promise: with the feature `frame-pointers` profiles are what they are without it, whether the program has frame pointers or not.

use heap_gc::Heap;
use heap_profile::{Profile, Profiler};
use std::hint::black_box;

/// Whether this test was built with frame pointers, and the profiler to use them: by `just frame-pointers`.
const HAS_POINTERS: bool =
    cfg!(feature = "frame-pointers") && option_env!("HEAP_PROFILE_FRAME_POINTERS").is_some();

macro_rules! functions {
    ($($name:ident $size:literal),*) => {
        $(#[inline(never)]
        fn $name(heap: &Heap, objects: usize) {
            let mut mutator = heap.attach().expect("no mutator of this thread");
            mutator.enter(|mu| (0..objects).for_each(|_| _ = black_box(mu.alloc([0_u64; $size]))));
        })*
    };
}

// Of different sizes: of functions that are the same the compiler makes one.
functions!(apples 3, pears 4, plums 5);

/// The same through a recursion, so that there are many stacks.
#[inline(never)]
fn through(depth: usize, last: fn(&Heap, usize), heap: &Heap) {
    if depth == 0 { last(heap, 10) } else { through(black_box(depth - 1), last, heap) }
}

fn allocated(profile: &Profile, function: &str) -> f64 {
    let parts = profile.by_function().into_iter();
    parts.filter(|(name, _)| name.contains(function)).map(|(_, counts)| counts.allocated.objects).sum()
}

#[test]
fn stacks_are_told_apart_in_every_round_and_on_every_thread() {
    let profiler = Profiler::new();
    let heap = Heap::builder().gc_off().sampler(profiler.clone(), 1).build().expect("address space");
    let rounds = || {
        for round in 0..20 {
            for (number, last) in [apples as fn(&Heap, usize), pears, plums].into_iter().enumerate() {
                through(round % 5 * 20 + number, last, &heap);
            }
        }
    };
    rounds();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(rounds);
        }
    });
    let profile = profiler.profile("fruit", &heap);
    for function in ["apples", "pears", "plums"] {
        assert_eq!(allocated(&profile, function), 4.0 * 20.0 * 10.0, "{function}");
    }
    assert_eq!(profile.total().allocated.objects, 2400.0);
    println!("{} of 2400 samples had no whole chain", profile.broken_chains());
    if HAS_POINTERS {
        assert_eq!(profile.broken_chains(), 0);
    } else if !cfg!(feature = "frame-pointers") {
        assert_eq!(profile.broken_chains(), 0);
        println!("SKIPPED the part with frame pointers: not built by `just frame-pointers`");
    }
}

#[test]
fn walks_for_which_there_is_no_room_are_unwound_and_counted() {
    let profiler = Profiler::with_most_stacks(2);
    let heap = Heap::builder().gc_off().sampler(profiler.clone(), 1).build().expect("address space");
    for depth in 0..5 {
        through(depth, apples, &heap);
    }
    let profile = profiler.profile("fruit", &heap);
    assert_eq!((profile.total().allocated.objects, profile.dropped()), (50.0, 30));
}

#[test]
fn stacks_keep_as_many_frames_as_asked_for_and_totals_stay_right() {
    let profiler = Profiler::new();
    let heap = Heap::builder().gc_off().sampler(profiler.clone(), 1).build().expect("address space");
    for frames in [1000, 20, 0] {
        profiler.set_most_frames(frames);
        (0..10).for_each(|depth| through(40 + depth, plums, &heap));
    }
    let profile = profiler.profile("fruit", &heap);
    assert_eq!(profile.total().allocated.objects, 300.0);
    let mut by_length = std::collections::BTreeMap::new();
    for site in profile.sites() {
        *by_length.entry(site.stack.len()).or_insert(0.0) += site.counts.allocated.objects;
    }
    // Of 64 frames those of the heap and 50 of the recursion are some, but not all up to the thread's first.
    assert_eq!(by_length.get(&20), Some(&100.0), "{by_length:?}");
    assert_eq!(by_length.get(&1), Some(&100.0), "{by_length:?}");
    assert_eq!(
        by_length.iter().filter(|(length, _)| **length > 40).map(|(_, objects)| objects).sum::<f64>(),
        100.0
    );
    if HAS_POINTERS {
        assert_eq!(profile.broken_chains(), 0);
    }
}

#[test]
fn a_stack_that_was_met_whole_is_cut_when_fewer_frames_are_kept_and_whole_again_after_that() {
    let profiler = Profiler::new();
    let heap = Heap::builder().gc_off().sampler(profiler.clone(), 1).build().expect("address space");
    // Objects that were allocated in stacks of at least so many frames.
    let of_at_least = |frames: usize| {
        let profile = profiler.profile("fruit", &heap);
        let long = profile.sites().iter().filter(|site| site.stack.len() >= frames);
        long.map(|site| site.counts.allocated.objects).sum::<f64>()
    };
    // One call of a function, so that it is the same stacks each time.
    let mut whole = 64;
    for (round, objects) in [10.0, 10.0, 20.0].into_iter().enumerate() {
        profiler.set_most_frames(if round == 1 { whole - 1 } else { 64 });
        through(black_box(2), pears, &heap);
        if round == 0 {
            let profile = profiler.profile("fruit", &heap);
            whole = profile.sites().iter().map(|site| site.stack.len()).min().expect("ten objects");
            assert!(whole < 60, "a stack of {whole} frames is cut off");
        }
        assert_eq!(of_at_least(whole), objects, "round {round}, {whole} frames");
    }
    assert_eq!(of_at_least(0), 30.0);
}
