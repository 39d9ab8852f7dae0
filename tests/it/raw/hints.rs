//! Hints that objects do not outlive a frame: trusted, they are as safe as other objects; checked, a wrong one is found, and only
//! such a one.

mod mutation;

use super::{all_is_well, checked, left, link, link_kind, numbers, poll, register, root, stack};
use crate::raw_scenes::{Held, boxed, get, name, set, word};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{NonNull, null_mut};
use std::thread;
use tricolor::raw::{self, EscapeHint, FoundIn, FrameId, Inside, Kind, Layout, Site};
use tricolor::{AllocError, Collector, Decoder, EscapeHints, Heap};

/// A new link of a site, that stays in its frame.
fn staying(inside: &Inside<'_>, kind: &Kind, site: u32, number: u64, next: *mut u8) -> *mut u8 {
    hinted(inside, kind, EscapeHint::Stays(Site(site)), number, next)
}

fn hinted(inside: &Inside<'_>, kind: &Kind, hint: EscapeHint, number: u64, next: *mut u8) -> *mut u8 {
    // SAFETY: R3: a kind of this heap. R5, R6: filled below. R9 where the heap trusts: what the tests put there stays there.
    let object = unsafe { inside.alloc_hinted(kind, hint) }.unwrap().as_ptr();
    // SAFETY: R5: a new object.
    unsafe { word(object, 0).write(number) };
    set(inside, object, 1, next);
    object
}

fn close(inside: &Inside<'_>, frame: FrameId) {
    // SAFETY: R9: the tests close frames whose objects they do not use again, where the heap trusts them.
    unsafe { inside.close_frame(frame) };
}

#[test]
fn what_objects_in_frames_lead_to_stays_and_is_garbage_when_they_are_closed() {
    for collector in [Collector::Concurrent, Collector::StopTheWorld] {
        let heap = checked().collector(collector).build().unwrap();
        let kind = link_kind(&heap);
        let stack = stack(2);
        let mut mutator = raw::Mutator::attach(&heap).unwrap();
        let inside = mutator.enter();
        let _range = register(&inside, &stack);
        let oldest = inside.open_frame();
        stack[0].set(staying(&inside, &kind, 1, 1, link(&inside, &kind, 100, null_mut())));
        for depth in 0..50_u64 {
            let frame = inside.open_frame();
            let mut last = stack[0].get();
            for number in 0..40 {
                // Of these, what is in the heap hangs on what is in the frame.
                let object = link(&inside, &kind, number + 1000, null_mut());
                last = staying(&inside, &kind, 2, number, last);
                let pair = staying(&inside, &kind, 2, number, object);
                set(&inside, pair, 1, object);
                if number == 20 {
                    stack[1].set(pair);
                }
            }
            assert!(heap.figures().memory.frames.get() > 0);
            // Asked for by another thread, so that it runs beside.
            thread::scope(|threads| {
                let collecting = threads.spawn(|| heap.collect());
                while !collecting.is_finished() {
                    poll(&inside);
                }
            });
            assert_eq!(numbers(&inside, last).len(), 42);
            assert_eq!(name(get(&inside, stack[1].get(), 1)), 1020);
            stack[1].set(null_mut());
            if depth % 3 == 0 {
                close(&inside, frame);
            }
            assert!(inside.open_frames() >= 1);
        }
        assert_eq!(numbers(&inside, stack[0].get()), [1, 100]);
        stack[0].set(null_mut());
        close(&inside, oldest);
        assert_eq!(inside.open_frames(), 0);
        drop(inside);
        mutator.collect();
        assert_eq!(left(&heap), 0);
        drop(mutator);
        all_is_well(&heap);
        assert_eq!(heap.figures().memory.frames.get(), 0);
    }
}

#[test]
fn tagged_words_of_objects_in_frames_are_read() {
    let heap = checked().decoder(Decoder::NAN_BOX).build().unwrap();
    let (kind, value) = (link_kind(&heap), Layout::new("value", 24).ambiguous(2).register(&heap).unwrap());
    let mut mutator = raw::Mutator::attach(&heap).unwrap();
    let inside = mutator.enter();
    let frame = inside.open_frame();
    let values: Vec<*mut u8> = (0..300)
        .map(|number| {
            // SAFETY: R3: a kind of this heap. R9: it is used while the frame is open.
            let object = unsafe { inside.alloc_hinted(&value, EscapeHint::Stays(Site(0))) }.unwrap().as_ptr();
            // SAFETY: R5: a new object.
            unsafe { word(object, 2).write(boxed(link(&inside, &kind, number, null_mut()))) };
            object
        })
        .collect();
    for _ in 0..3 {
        heap_collected_beside(&heap, &inside);
    }
    assert_eq!(left(&heap), 300);
    drop(values);
    close(&inside, frame);
    drop(inside);
    mutator.collect();
    assert_eq!(left(&heap), 0);
    all_is_well(&heap);
}

fn heap_collected_beside(heap: &Heap, inside: &Inside<'_>) {
    thread::scope(|threads| {
        let collecting = threads.spawn(|| heap.collect());
        while !collecting.is_finished() {
            poll(inside);
        }
    });
}

#[test]
fn frames_are_closed_once_by_their_mutator_and_with_those_inside() {
    let (heap, other) = (Heap::new().unwrap(), Heap::new().unwrap());
    let (mut mutator, mut another) =
        (raw::Mutator::attach(&heap).unwrap(), raw::Mutator::attach(&other).unwrap());
    let (inside, elsewhere) = (mutator.enter(), another.enter());
    let kind = link_kind(&heap);
    // Nothing is open: the heap has it.
    staying(&inside, &kind, 0, 0, null_mut());
    assert_eq!((left(&heap) > 0, heap.figures().memory.frames.get()), (true, 0));
    let (outer, inner) = (inside.open_frame(), inside.open_frame());
    staying(&inside, &kind, 0, 0, null_mut());
    assert!(heap.figures().memory.frames.get() > 0);
    let foreign = elsewhere.open_frame();
    let refused = |frame| catch_unwind(AssertUnwindSafe(|| close(&inside, frame))).is_err();
    assert!(refused(foreign));
    close(&inside, outer);
    assert_eq!(inside.open_frames(), 0);
    assert!(refused(inner));
    let (again, _as_deep) = (inside.open_frame(), inside.open_frame());
    close(&inside, again);
    // A mutator that goes closes what is open.
    let _left_open = inside.open_frame();
    staying(&inside, &kind, 0, 0, null_mut());
    drop(inside);
    drop(mutator);
    all_is_well(&heap);
    assert_eq!(heap.figures().memory.frames.get(), 0);
    // So does a thread that ends with its mutator forgotten.
    thread::scope(|threads| {
        let ending = threads.spawn(|| {
            let mut mutator = raw::Mutator::attach(&heap).unwrap();
            let inside = mutator.enter();
            let _open = inside.open_frame();
            staying(&inside, &kind, 0, 0, null_mut());
            drop(inside);
            std::mem::forget(mutator);
        });
        // The scope alone waits for the closure, and not for what the thread does at its end.
        ending.join().unwrap();
    });
    all_is_well(&heap);
    assert_eq!(heap.figures().memory.frames.get(), 0);
}

#[test]
fn a_kind_that_cannot_lie_in_a_frame_is_in_the_heap() {
    unsafe fn dropped(_: *mut u8) {}
    let heap = Heap::builder().hard_limit(1 << 20).gc_off().build().unwrap();
    let kinds = [
        Layout::new("dropped", 16).on_drop(dropped).register(&heap).unwrap(),
        Layout::new("aligned", 64).align(64).register(&heap).unwrap(),
        Layout::new("large", 100_000).register(&heap).unwrap(),
    ];
    let small = Layout::new("small", 24).register(&heap).unwrap();
    let mut mutator = raw::Mutator::attach(&heap).unwrap();
    let inside = mutator.enter();
    let frame = inside.open_frame();
    for kind in &kinds {
        // SAFETY: R3. R9: it is not used.
        unsafe { inside.alloc_hinted(kind, EscapeHint::Stays(Site(0))) }.unwrap();
    }
    assert_eq!(heap.figures().memory.frames.get(), 0);
    let error = loop {
        // SAFETY: R3. R9: as above.
        let object = unsafe { inside.alloc_hinted(&small, EscapeHint::Stays(Site(0))) };
        if let Err(error) = object {
            break error;
        }
    };
    assert!(matches!(error, AllocError::Limit { .. }), "{error}");
    close(&inside, frame);
    drop(inside);
    drop(mutator);
    all_is_well(&heap);
}

#[test]
fn each_way_out_of_a_frame_is_found() {
    let build = || checked().escape_hints(EscapeHints::Checked).build().unwrap();
    // What a program does, with a stack of two, and what is said of it.
    let said = |program: fn(&Heap, &Inside<'_>, &Kind, &[Held])| {
        let heap = build();
        let kind = link_kind(&heap);
        let held = stack(2);
        let mut mutator = raw::Mutator::attach(&heap).unwrap();
        let inside = mutator.enter();
        let _range = register(&inside, &held);
        program(&heap, &inside, &kind, &held);
        drop(inside);
        drop(mutator);
        all_is_well(&heap);
        heap.wrong_hints()
            .iter()
            .map(|wrong| (wrong.site.0, wrong.found_in, wrong.is_certain))
            .collect::<Vec<_>>()
    };
    // Nothing wrong: in its own frame, in a younger one, in the stack until the end, in an object that went with it.
    let sound = said(|_, inside, kind, held| {
        let outer = inside.open_frame();
        let first = staying(inside, kind, 1, 1, null_mut());
        held[0].set(first);
        let inner = inside.open_frame();
        held[1].set(staying(inside, kind, 2, 2, first));
        poll(inside);
        set(inside, held[1].get(), 1, held[1].get());
        held[1].set(null_mut());
        close(inside, inner);
        poll(inside);
        held[0].set(null_mut());
        close(inside, outer);
        poll(inside);
    });
    assert_eq!(sound, []);
    // Stored into an object of the heap, with the barrier; into a new one, without.
    let stored = said(|_, inside, kind, held| {
        held[0].set(link(inside, kind, 0, null_mut()));
        poll(inside);
        let frame = inside.open_frame();
        set(inside, held[0].get(), 1, staying(inside, kind, 1, 1, null_mut()));
        set(inside, held[0].get(), 1, null_mut());
        let new = link(inside, kind, 0, null_mut());
        // SAFETY: R5: a new object.
        unsafe { word(new, 1).cast::<*mut u8>().write(staying(inside, kind, 2, 2, null_mut())) };
        poll(inside);
        close(inside, frame);
    });
    assert_eq!(stored, [(1, FoundIn::Object, true), (2, FoundIn::Object, true)]);
    // By a copy, and by a fill.
    let many = said(|heap, inside, kind, _| {
        let array = Layout::new("array", 8).exact(0).register_array(heap, 8).unwrap();
        let new = super::array(inside, &array, 4);
        poll(inside);
        let frame = inside.open_frame();
        let values = [null_mut(), staying(inside, kind, 1, 1, null_mut())];
        let other = staying(inside, kind, 2, 1, null_mut());
        // SAFETY: places of an array that nothing leads to but this, and values of this heap.
        unsafe { inside.copy(word(new.as_ptr(), 1).cast(), values.as_ptr(), 2) };
        // SAFETY: as above.
        unsafe { inside.fill(word(new.as_ptr(), 1).cast(), other, 4) };
        // SAFETY: as above.
        unsafe { inside.fill(word(new.as_ptr(), 1).cast(), null_mut(), 4) };
        close(inside, frame);
    });
    assert_eq!(many, [(1, FoundIn::Object, true), (2, FoundIn::Object, true)]);
    // In an older frame, also if it is filled there without the barrier.
    let older = said(|_, inside, kind, _| {
        let outer = inside.open_frame();
        let first = staying(inside, kind, 1, 1, null_mut());
        let second = staying(inside, kind, 1, 1, null_mut());
        let inner = inside.open_frame();
        set(inside, first, 1, staying(inside, kind, 2, 2, null_mut()));
        // SAFETY: R5: a new object.
        unsafe { word(second, 1).cast::<*mut u8>().write(staying(inside, kind, 3, 2, null_mut())) };
        poll(inside);
        close(inside, inner);
        close(inside, outer);
    });
    assert_eq!(older, [(2, FoundIn::OlderFrame, true), (3, FoundIn::OlderFrame, true)]);
    // Returned: it is in the stack when its frame is closed, and still at the next safepoint. And it is alive.
    let returned = said(|heap, inside, kind, held| {
        let frame = inside.open_frame();
        held[0].set(staying(inside, kind, 1, 77, null_mut()));
        close(inside, frame);
        for _ in 0..3 {
            heap_collected_beside(heap, inside);
        }
        assert_eq!(name(held[0].get()), 77, "a wrong hint costs no more than space");
    });
    assert_eq!(returned, [(1, FoundIn::OwnRoots, true)]);
    // Rooted.
    let rooted = said(|_, inside, kind, _| {
        let frame = inside.open_frame();
        drop(root(inside, staying(inside, kind, 1, 1, null_mut())));
        close(inside, frame);
    });
    assert_eq!(rooted, [(1, FoundIn::RootTable, true)]);
    // Watched: with a cleanup, with a finalizer.
    let watched = said(|_, inside, kind, _| {
        let frame = inside.open_frame();
        let object = |site| NonNull::new(staying(inside, kind, site, 1, null_mut())).unwrap();
        // SAFETY: R3, R4: an object of this heap.
        drop(unsafe { inside.cleanup(object(1), || ()) });
        // SAFETY: as above, and the finalizer does nothing.
        unsafe { inside.set_finalizer(object(2), |_, _| ()) };
        // SAFETY: as above.
        unsafe { inside.set_shared_finalizer(object(3), |_, _| ()) };
        close(inside, frame);
    });
    assert_eq!(watched, [1, 2, 3].map(|site| (site, FoundIn::Watch, true)));
    // Stored after its frame was closed.
    let late = said(|_, inside, kind, held| {
        held[0].set(link(inside, kind, 0, null_mut()));
        poll(inside);
        let frame = inside.open_frame();
        let gone = staying(inside, kind, 1, 1, null_mut());
        close(inside, frame);
        set(inside, held[0].get(), 1, gone);
    });
    assert_eq!(late, [(1, FoundIn::Object, true)]);
}

#[test]
fn what_a_word_that_may_be_anything_leads_to_is_found_with_a_doubt() {
    let heap = checked().escape_hints(EscapeHints::Checked).decoder(Decoder::NAN_BOX).build().unwrap();
    let (kind, value) = (link_kind(&heap), Layout::new("value", 8).ambiguous(0).register(&heap).unwrap());
    let held = [const { Cell::new(0_u64) }; 2];
    let mut mutator = raw::Mutator::attach(&heap).unwrap();
    let inside = mutator.enter();
    // SAFETY: R2: the stack outlives the mutator.
    let _range = unsafe { inside.add_ambiguous(held.as_ptr().cast(), held.len()) };
    // SAFETY: R3: a kind of this heap.
    held[0].set(boxed(unsafe { inside.alloc(&value) }.unwrap().as_ptr()));
    poll(&inside);
    let frame = inside.open_frame();
    let inner = staying(&inside, &kind, 1, 1, null_mut());
    let place = crate::raw_scenes::unboxed(held[0].get());
    crate::raw_scenes::set_any(&inside, place, 0, boxed(inner));
    held[1].set(boxed(staying(&inside, &kind, 2, 2, null_mut())));
    close(&inside, frame);
    poll(&inside);
    let said: Vec<_> =
        heap.wrong_hints().iter().map(|wrong| (wrong.site.0, wrong.found_in, wrong.is_certain)).collect();
    assert_eq!(said, [(1, FoundIn::Object, false), (2, FoundIn::OwnRoots, false)]);
    drop(inside);
    drop(mutator);
    all_is_well(&heap);
}

#[test]
fn what_a_finalizer_makes_may_die_before_the_next_safepoint_is_looked_at() {
    // Its end is a safepoint: what it has made is no longer fresh, and may be gone when the runtime comes to its own.
    let heap = checked().escape_hints(EscapeHints::Checked).build().unwrap();
    let kind = link_kind(&heap);
    let held = stack(1);
    let mut mutator = raw::Mutator::attach(&heap).unwrap();
    let inside = mutator.enter();
    let _range = register(&inside, &held);
    held[0].set(link(&inside, &kind, 1, null_mut()));
    poll(&inside);
    let frame = inside.open_frame();
    staying(&inside, &kind, 1, 1, null_mut());
    let of_finalizer = kind.clone();
    let finalizer = move |inside: &Inside<'_>, object: NonNull<u8>| {
        let escaping = staying(inside, &of_finalizer, 2, 2, null_mut());
        set(inside, object.as_ptr(), 1, escaping);
        (0..100).for_each(|number| _ = link(inside, &of_finalizer, number, null_mut()));
    };
    // SAFETY: R3, R4: an object of this heap. The finalizer keeps nothing across a safepoint.
    unsafe { inside.set_finalizer(NonNull::new(held[0].get()).unwrap(), finalizer) };
    held[0].set(null_mut());
    for _ in 0..4 {
        // The finalizer runs when the thread leaves, and then what it has made is collected.
        // SAFETY: R1: nothing is used after it but what is recorded.
        unsafe { inside.park(|| heap.collect()) };
    }
    assert!(left(&heap) < 10, "{} objects are left", left(&heap));
    close(&inside, frame);
    poll(&inside);
    let sites: Vec<u32> = heap.wrong_hints().iter().map(|wrong| wrong.site.0).collect();
    assert_eq!(sites, [2]);
    drop(inside);
    drop(mutator);
    all_is_well(&heap);
}
