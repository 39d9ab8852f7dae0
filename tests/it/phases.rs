//! Promise: a collection runs beside the program, and at every step of one threads may come, go and panic, and objects be
//! moved, made, rooted and dropped. The steps are those between which the collector can be made to stand still
//! (`tests/support/stage.rs`); what is done there is in `tests/support/scenes.rs`.

use crate::arena_scenes;
use crate::cleanup_scenes;
use crate::ephemeron_scenes;
use crate::finalizer_scenes;
use crate::map_scenes;
use crate::pool_scenes;
use crate::scenes::{self, Item, Place, all_is_well, item, look_along, path, set};
use crate::stage::STEPS;
use crate::vector_scenes;
use crate::weak_scenes;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;
use tricolor::{GcCell, GcSlice, Leaf, Root};

fn at_every_step(scene: fn(&str)) {
    for step in STEPS {
        scene(step);
    }
}

macro_rules! scenes {
    ($scenes:ident: $($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                at_every_step($scenes::$name);
            }
        )*
    };
}

scenes! {
    scenes:
    field_erased
    many_fields_erased
    ambiguous_field_erased
    newborn_stored
    newborns_stored
    tiny_newborn_stored
    large_newborn_stored
    mutator_gone
    mutator_come_and_field_erased
    mutator_come_and_newborn_stored
    roots_moved
    root_dropped
    array_stepped
    objects_stepped
}

scenes! {
    vector_scenes:
    element_popped
    elements_taken_out
    vector_grown
    vector_outgrown
    vector_given_back
    vector_filled
    vector_turned
}

scenes! {
    map_scenes:
    entries_taken_out
    map_grown
    map_filled
    iterated
}

#[test]
fn a_map_is_filled_by_another_while_the_collector_waits_for_the_last_mutator() {
    map_scenes::put_by_another();
}

#[test]
fn a_chunk_is_filled_while_steps_pass() {
    for (from, to) in [
        ("began", "barrier on"),
        ("barrier on", "settled"),
        ("roots", "dry"),
        ("dry", "marked"),
        ("marked", "off"),
    ] {
        arena_scenes::chunk_filled_between(from, to);
    }
}

#[test]
fn a_pool_ages_in_the_middle_of_enter() {
    pool_scenes::aged_inside();
}

#[test]
fn keys_of_a_map_come_and_go() {
    map_scenes::keys_come_and_go();
}

scenes! {
    arena_scenes:
    chunk_filled
    chunk_lent
}

scenes! {
    pool_scenes:
    kept_in_a_pool
    exchanged_with_a_pool
}

scenes! {
    weak_scenes:
    weak_loaded
    weak_made
}

scenes! {
    finalizer_scenes:
    finalizer_set
    loaded_or_finalized
    finalizable_changed
}

#[test]
fn what_leads_to_what_is_finalized_first() {
    finalizer_scenes::finalized_in_order();
}

#[test]
fn what_is_finalized_is_cleaned_up_when_it_is_dead() {
    finalizer_scenes::finalized_then_cleaned_up();
}

scenes! {
    cleanup_scenes:
    cleanup_asked_for
    loaded_or_cleaned_up
    cleanup_stopped
}

scenes! {
    ephemeron_scenes:
    value_read_and_replaced
    value_of_a_late_key_read
    entries_made
    chain_followed
    interned
}

#[test]
fn nothing_is_found_in_the_round_after_the_clearing() {
    weak_scenes::weak_loaded("weak");
}

#[test]
fn a_new_object_is_found_by_a_mutator_that_is_late() {
    weak_scenes::weak_loaded_by_a_late_mutator();
}

#[test]
fn vectors_are_used_by_another_while_the_collector_waits_for_the_last_mutator() {
    vector_scenes::pushed_by_another();
    vector_scenes::grown_by_another();
}

#[test]
fn what_a_vector_has_room_for_leads_nowhere() {
    vector_scenes::emptied();
    vector_scenes::roomy();
    vector_scenes::outgrown_and_freed();
    vector_scenes::of_many_layouts();
}

#[test]
fn threads_end_and_mutators_panic_at_every_step() {
    at_every_step(threads_end);
    at_every_step(panic_inside);
}

#[test]
fn drops_are_queued_and_slices_filled_at_every_step() {
    at_every_step(drop_queued);
    at_every_step(slice_filled);
}

#[test]
fn roots_are_made_and_set_while_the_collector_waits_for_the_last_mutator() {
    scenes::root_made_of_what_is_in_the_hands();
    scenes::root_set_to_what_is_in_the_hands();
}

#[test]
fn epochs_begin_again() {
    scenes::epochs_begin_again();
}

/// Threads come, use the heap, and end: one by returning, one by a panic, which leaves its mutator to be dropped.
fn threads_end(step: &str) {
    let (stage, mut mutator, root) = set();
    let mut cycle = stage.begin();
    cycle.until(step);
    for panics in [false, true] {
        let heap = stage.heap.clone();
        let ended = thread::spawn(move || {
            let mut mutator = heap.attach().expect("one mutator a thread");
            mutator.enter(|mu| {
                let first = mu.alloc(GcCell::new(Some(path(mu, 50))));
                look_along(first.take(mu), [50, 51]);
                if panics {
                    std::panic::resume_unwind(Box::new("on purpose"));
                }
            });
        })
        .join();
        assert_eq!(ended.is_err(), panics);
    }
    cycle.finish();
    mutator.enter(|mu| look_along(Some(root.get(mu)), 0..3));
    all_is_well(&stage);
}

/// A panic leaves `enter` when an object has just been hidden.
fn panic_inside(step: &str) {
    let (stage, mut mutator, root) = set();
    let holder: Root<Item<'static>> = mutator.enter(|mu| mu.root(item(mu, 9, None)));
    let mut cycle = stage.begin();
    cycle.until(step);
    let panic = catch_unwind(AssertUnwindSafe(|| {
        mutator.enter(|mu| {
            let hidden = root.get(mu).next.take(mu);
            let between = item(mu, 8, hidden);
            holder.get(mu).next.set(mu, Some(between));
            std::panic::resume_unwind(Box::new("on purpose"));
        })
    }));
    assert!(panic.is_err());
    cycle.finish();
    mutator.enter(|mu| look_along(Some(holder.get(mu)), [9, 8, 1, 2]));
    all_is_well(&stage);
}

/// Drops are queued and run: each object is dropped once, when nothing leads to it.
fn drop_queued(step: &str) {
    struct Tick(Arc<AtomicU32>);
    impl Drop for Tick {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    let (stage, mut mutator, _root) = set();
    let drops = Arc::new(AtomicU32::new(0));
    let tick = || Leaf::new(Tick(Arc::clone(&drops)));
    let (kept, dead) = mutator.enter(|mu| {
        let _dead = mu.alloc(tick());
        (mu.root(mu.alloc(tick())), mu.root(mu.alloc(tick())))
    });
    let mut cycle = stage.begin();
    cycle.until(step);
    drop(dead);
    mutator.enter(|mu| {
        let _dead = mu.alloc(tick());
    });
    mutator.safepoint();
    assert!(drops.load(SeqCst) <= 1);
    cycle.finish();
    mutator.collect();
    mutator.collect();
    assert_eq!(drops.load(SeqCst), 3, "drops of three dead objects");
    drop(kept);
    mutator.collect();
    assert_eq!(drops.load(SeqCst), 4, "drops of four dead objects");
    all_is_well(&stage);
}

/// A mutator stays inside while a slice is filled and the collection begins: the round of roots waits for it.
fn slice_filled(step: &str) {
    let (stage, mut mutator, _root) = set();
    let inside = STEPS[1..3].iter().find(|inside| **inside == step);
    let mut cycle = stage.begin();
    if inside.is_none() {
        cycle.until(step);
    }
    let slice: Root<GcSlice<Place<'static>>> = mutator.enter(|mu| {
        mu.root(mu.alloc_slice(500, |at| {
            if let (250, Some(step)) = (at, inside) {
                cycle.until_inside(mu, step);
            }
            GcCell::new(Some(path(mu, 2 * at as u64)))
        }))
    });
    cycle.finish();
    mutator.enter(|mu| {
        for (at, place) in (0..).zip(slice.get(mu).iter()) {
            look_along(place.get(), [2 * at, 2 * at + 1]);
        }
    });
    all_is_well(&stage);
}

#[test]
fn black_slots_are_left_to_a_mutator_that_is_white() {
    scenes::black_slots_are_left_to_a_mutator_that_is_white();
}

/// A number that looks like the address of a slot that is handed out and not filled yet is erased.
#[test]
fn a_number_that_looks_like_a_slot_to_come_is_erased() {
    for step in STEPS {
        scenes::number_like_a_slot_to_come_erased(step);
    }
}
