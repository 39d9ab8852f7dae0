//! Promise: a collection runs beside the program, and at every step of one threads may come, go and panic, and objects be
//! moved, made, rooted and dropped. The steps are those between which the collector can be made to stand still
//! (`tests/support/stage.rs`); what is done there is in `tests/support/scenes.rs`.

use crate::scenes;
use crate::stage::STEPS;

fn at_every_step(scene: fn(&str)) {
    for step in STEPS {
        scene(step);
    }
}

macro_rules! scenes {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                at_every_step(scenes::$name);
            }
        )*
    };
}

scenes! {
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
    threads_end
    panic_inside
    roots_moved
    root_dropped
    array_stepped
    objects_stepped
    drop_queued
    slice_filled
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
