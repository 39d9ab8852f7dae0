//! The verifier verified: each invariant is broken on purpose, and must be reported under its name.

use super::{Violation, check, classes_in_use};
use crate::cache::Cache;
use crate::memory::Memory;
use crate::memory::tests::{alloc, cycle, memory, noscan, references, settled};
use crate::size_class::SizeClass;
use crate::span::{Home, Span, SpanId};
use crate::sync::atomic::Ordering::Relaxed;
use core::ptr::NonNull;

/// A memory with a full and a partial span of noscan objects, one of references, and free pages.
fn furnished() -> (Memory, Cache, Vec<NonNull<u8>>) {
    let (memory, cache) = (memory(), Cache::new());
    let mut objects: Vec<_> = (0..90).map(|_| alloc(&memory, &cache, noscan(128), 1)).collect();
    objects.push(alloc(&memory, &cache, references(64), 0));
    let garbage = alloc(&memory, &cache, noscan(1024), 9);
    cycle(&memory, &cache, &objects);
    let _ = garbage;
    settled(&memory, &cache);
    (memory, cache, objects)
}

fn span_of(memory: &Memory, object: NonNull<u8>) -> (SpanId, &Span) {
    let id = memory.map().resolve(object.addr().get()).unwrap().span;
    (id, memory.map().span(id))
}

/// Breaks something about the partial span of noscan objects, and says what is reported.
fn broken(break_it: impl FnOnce(&Memory, &Span, &[NonNull<u8>])) -> Vec<Violation> {
    let (memory, _cache, objects) = furnished();
    let (_, span) = span_of(&memory, objects[80]);
    assert_eq!((span.home(), span.allocated()), (Home::Partial, 26));
    break_it(&memory, span, &objects);
    check(&memory)
}

fn reports(name: &str, found: &[Violation]) {
    assert!(found.iter().any(|violation| violation.name == name), "{name} is not among {found:?}");
}

#[test]
fn a_sound_memory_is_sound() {
    let (memory, cache, objects) = furnished();
    assert_eq!(check(&memory), []);
    let classes = classes_in_use(&memory);
    assert_eq!(classes.get(&SizeClass::for_bytes(128)), Some(&2));
    cycle(&memory, &cache, &objects[..3]);
    settled(&memory, &cache);
}

#[test]
fn a_page_without_its_owner_is_a2() {
    reports("A2", &broken(|memory, span, _| memory.map().leave(span)));
}

#[test]
fn pages_that_do_not_add_up_are_a3() {
    reports(
        "A3",
        &broken(|memory, _, _| {
            memory.pages().counters().inuse.fetch_add(8192, Relaxed);
        }),
    );
}

#[test]
fn a_wrong_count_of_slots_is_c2() {
    reports("C2", &broken(|_, span, _| span.set_allocated(25)));
}

#[test]
fn an_alloc_bit_past_the_last_slot_is_c4() {
    let (memory, cache) = (memory(), Cache::new());
    let object = alloc(&memory, &cache, noscan(8192), 1);
    cycle(&memory, &cache, &[object]);
    settled(&memory, &cache);
    let (_, span) = span_of(&memory, object);
    memory.map().bits_of(span)[0].fetch_or(1 << 40, Relaxed);
    reports("C4", &check(&memory));
}

#[test]
fn a_span_of_another_generation_is_c5() {
    reports("C5", &broken(|memory, span, _| span.generation().store(memory.generation() - 2, Relaxed)));
}

#[test]
fn a_span_that_is_not_where_it_says_is_c6() {
    for home in [Home::Full, Home::Cached, Home::Moving, Home::Large] {
        reports("C6", &broken(|_, span, _| span.set_home(home)));
    }
}

#[test]
#[cfg_attr(feature = "asan", ignore = "the sanitizer reports the write itself, before C8 is looked at")]
fn a_byte_in_memory_that_is_taken_for_zero_is_c8() {
    reports(
        "C8",
        &broken(|memory, span, _| {
            let slot = memory.slot_ptr(span, 60);
            // SAFETY: a free slot of a span in use; nobody else uses it.
            unsafe { slot.write(1) };
        }),
    );
}

#[test]
fn an_exact_word_that_leads_nowhere_is_d2() {
    for word in [8_usize, usize::MAX] {
        reports(
            "D2",
            &broken(|_, _, objects| {
                let place = objects[90].cast::<usize>();
                // SAFETY: the first word of an allocated object that nobody else uses.
                unsafe { place.write(word) };
            }),
        );
    }
    // An address inside the heap, of a slot that is free.
    reports(
        "D2",
        &broken(|memory, span, objects| {
            let place = objects[90].cast::<usize>();
            // SAFETY: as above.
            unsafe { place.write(memory.slot_ptr(span, 60).addr().get()) };
        }),
    );
}

#[test]
fn counters_that_do_not_add_up_to_the_slots_are_i1() {
    reports(
        "I1",
        &broken(|memory, _, _| {
            memory.counting(None).swept(SizeClass::for_bytes(128), 1);
        }),
    );
}

#[test]
fn pages_in_use_that_are_in_no_span_are_a3() {
    reports(
        "A3",
        &broken(|memory, _, _| {
            // Taken behind the page heap's back: in use in the bitmap, and in no span.
            let _run = memory.pages().with_pages(|all| all.take(crate::units::Pages::new(3)));
        }),
    );
}

#[test]
fn a_span_counted_at_another_level_than_it_rests_at_is_i2() {
    use crate::occupancy::Resting;
    let found = broken(|memory, span, _| {
        let entry = memory.entry_of(span);
        let lone = Resting { allocated: 1, ..Resting::of(span) };
        entry.recount(span, lone);
    });
    reports("I2", &found);
    assert!(found.iter().all(|violation| violation.name == "I2"), "{found:?}");
}

#[test]
fn bytes_of_spans_that_no_layout_has_are_i3() {
    let found = broken(|memory, span, _| memory.entry_of(span).made());
    reports("I3", &found);
}

#[test]
fn a_page_that_is_counted_in_another_state_is_b8() {
    reports(
        "B8",
        &broken(|memory, span, _| {
            // The page is idle then, and counted as in use.
            memory.map().leave(span);
        }),
    );
}
