//! Scenes of the raw layer: each does one dangerous thing while a collection stands at a step, and looks whether everything is
//! there after. Played as those in `scenes.rs` are. What such a test needs of the raw layer is here, too.

use crate::stage::Stage;
use std::cell::Cell;
use std::ptr::{null_mut, with_exposed_provenance, with_exposed_provenance_mut};
use tricolor::raw::{self, Inside, Kind, Layout};
use tricolor::{Decoder, Heap};

/// A place for a reference in memory of the program's.
pub(crate) type Held = Cell<*mut u8>;

/// A word of an object.
pub(crate) fn word(object: *mut u8, number: usize) -> *mut u64 {
    assert!(object.addr().is_multiple_of(8));
    #[expect(clippy::cast_ptr_alignment, reason = "objects are aligned to words")]
    object.cast::<u64>().wrapping_add(number)
}

/// A new object whose first word is its name, and no reference.
pub(crate) fn named(inside: &Inside<'_>, kind: &Kind, name: u64) -> *mut u8 {
    // SAFETY: R3: a kind of this heap. R5, R6: filled below, and clear.
    let object = unsafe { inside.alloc(kind) }.expect("there is memory").as_ptr();
    // SAFETY: R5: a new object.
    unsafe { word(object, 0).write(name) };
    object
}

/// The name of an object.
pub(crate) fn name(object: *mut u8) -> u64 {
    // SAFETY: memory of the heap's; what is there is to be seen.
    unsafe { word(object, 0).read() }
}

/// Stores a reference into an exact word.
pub(crate) fn set(inside: &Inside<'_>, object: *mut u8, number: usize, value: *mut u8) {
    // SAFETY: an exact word of an object, by the kinds of the tests, and an object or null.
    unsafe { inside.write(word(object, number).cast(), value) };
}

/// What an exact word holds.
pub(crate) fn get(inside: &Inside<'_>, object: *mut u8, number: usize) -> *mut u8 {
    // SAFETY: an exact word of an object, by the kinds of the tests.
    unsafe { inside.read(word(object, number).cast()) }
}

/// Stores something into an ambiguous word.
pub(crate) fn set_any(inside: &Inside<'_>, object: *mut u8, number: usize, value: u64) {
    // SAFETY: an ambiguous word of an object, by the kinds of the tests.
    unsafe { inside.write_ambiguous(word(object, number), value) };
}

/// What an ambiguous word holds.
pub(crate) fn get_any(inside: &Inside<'_>, object: *mut u8, number: usize) -> u64 {
    // SAFETY: an ambiguous word of an object, by the kinds of the tests.
    unsafe { inside.read_ambiguous(word(object, number)) }
}

const BOXED: u64 = 0xFFFC << 48;

/// A value that is an object.
pub(crate) fn boxed(object: *mut u8) -> u64 {
    BOXED | object.expose_provenance() as u64
}

/// The object that a value is.
pub(crate) fn unboxed(value: u64) -> *mut u8 {
    with_exposed_provenance_mut(usize::try_from(value & !BOXED).expect("words are addresses"))
}

/// An item is what it was.
fn look(item: *mut u8, wanted: u64) {
    assert_eq!(name(item), wanted, "item {wanted} is lost");
}

/// Items: a name, a reference, and a word that may be anything.
fn set_stage() -> (Stage, Kind, raw::Mutator) {
    let stage = Stage::new(Heap::builder().verify_every(0).decoder(Decoder::NAN_BOX));
    let kind =
        Layout::new("item", 24).exact(1).ambiguous(2).register(&stage.heap).expect("room for a layout");
    let mutator = raw::Mutator::attach(&stage.heap).expect("one mutator a thread");
    (stage, kind, mutator)
}

/// At a step a path is taken out of an object and kept in a range, and the range gets a new object.
pub(crate) fn range_changed(step: &str) {
    // Before the mutator, so that it goes after it, also if the scene fails.
    let stack = [const { Held::new(null_mut()) }; 3];
    let (stage, kind, mut mutator) = set_stage();
    let inside = mutator.enter();
    // SAFETY: R2: the stack outlives the mutator, and holds items.
    let range = unsafe { inside.add_exact(stack.as_ptr().cast(), stack.len()) };
    let items: Vec<*mut u8> = (0..3).map(|name| named(&inside, &kind, name)).collect();
    set(&inside, items[0], 1, items[1]);
    set(&inside, items[1], 1, items[2]);
    stack[0].set(items[0]);
    drop(inside);
    let mut cycle = stage.begin();
    cycle.until(step);
    let inside = mutator.enter();
    stack[1].set(get(&inside, stack[0].get(), 1));
    set(&inside, stack[0].get(), 1, null_mut());
    stack[2].set(named(&inside, &kind, 3));
    drop(inside);
    cycle.finish();
    let inside = mutator.enter();
    look(stack[0].get(), 0);
    look(stack[1].get(), 1);
    look(get(&inside, stack[1].get(), 1), 2);
    look(stack[2].get(), 3);
    inside.remove(range);
    drop(inside);
    crate::scenes::all_is_well(&stage);
}

/// The same with a callback, which reports one item as what it is and one as a tagged word.
pub(crate) fn callback_heard(step: &str) {
    let stack = [const { Held::new(null_mut()) }; 2];
    let (stage, kind, mut mutator) = set_stage();
    let inside = mutator.enter();
    stack[0].set(named(&inside, &kind, 0));
    let place = stack.as_ptr().expose_provenance();
    let report = move |visitor: &mut raw::RootVisitor<'_>| {
        let stack = with_exposed_provenance::<*mut u8>(place);
        // SAFETY: the stack outlives the mutator, whose thread is outside, or at a safepoint.
        let [first, second] = unsafe { stack.cast::<[*mut u8; 2]>().read() };
        // SAFETY: R4: null or an item.
        unsafe { visitor.exact(first) };
        visitor.ambiguous(boxed(second));
    };
    // SAFETY: R2: it reports what is in the stack, and nothing else.
    let callback = unsafe { inside.add_callback(report) };
    drop(inside);
    let mut cycle = stage.begin();
    cycle.until(step);
    let inside = mutator.enter();
    stack[1].set(named(&inside, &kind, 1));
    drop(inside);
    cycle.finish();
    let inside = mutator.enter();
    look(stack[0].get(), 0);
    look(stack[1].get(), 1);
    inside.remove(callback);
    drop(inside);
    crate::scenes::all_is_well(&stage);
}

/// What a tagged word led to is kept in a range, and the word is erased.
pub(crate) fn tagged_word_erased(step: &str) {
    let stack = [const { Cell::new(0_u64) }; 2];
    let (stage, kind, mut mutator) = set_stage();
    let inside = mutator.enter();
    // SAFETY: R2: the stack outlives the mutator.
    let range = unsafe { inside.add_ambiguous(stack.as_ptr().cast(), stack.len()) };
    let items: Vec<*mut u8> = (0..3).map(|name| named(&inside, &kind, name)).collect();
    set_any(&inside, items[0], 2, boxed(items[1]));
    set_any(&inside, items[1], 2, boxed(items[2]));
    stack[0].set(boxed(items[0]));
    drop(inside);
    let mut cycle = stage.begin();
    cycle.until(step);
    let inside = mutator.enter();
    let first = unboxed(stack[0].get());
    stack[1].set(get_any(&inside, first, 2));
    set_any(&inside, first, 2, 1.5_f64.to_bits());
    drop(inside);
    cycle.finish();
    let inside = mutator.enter();
    look(unboxed(stack[0].get()), 0);
    look(unboxed(stack[1].get()), 1);
    look(unboxed(get_any(&inside, unboxed(stack[1].get()), 2)), 2);
    inside.remove(range);
    drop(inside);
    crate::scenes::all_is_well(&stage);
}
