//! Scenes of the raw layer: each does one dangerous thing while a collection stands at a step, and looks whether everything is
//! there after. Played as those in `scenes.rs` are.

use crate::stage::Stage;
use std::ptr::null_mut;
use tricolor::raw::{self, Inside, Kind, Layout};
use tricolor::{Decoder, Heap};

/// What makes an address a boxed one.
const BOXED: u64 = 0xFFFC << 48;

/// An object: its name, a reference, and a word that may be anything.
fn item(inside: &Inside<'_>, kind: &Kind, name: u64, to: *mut u8, word: u64) -> *mut u8 {
    // SAFETY: R3: a kind of this heap. R5, R6: filled below.
    let item = unsafe { inside.alloc(kind) }.expect("there is memory").as_ptr();
    // SAFETY: R5: a new object.
    unsafe { item.cast::<u64>().write(name) };
    // SAFETY: its second word is exact.
    unsafe { inside.write(item.wrapping_add(8).cast(), to) };
    // SAFETY: its third is ambiguous.
    unsafe { inside.write_ambiguous(item.wrapping_add(16).cast(), word) };
    item
}

fn boxed(item: *mut u8) -> u64 {
    BOXED | item.expose_provenance() as u64
}

/// An item is what it was.
fn look(item: *mut u8, name: u64) {
    // SAFETY: memory of the heap's; what is there is to be seen.
    let found = unsafe { item.cast::<u64>().read() };
    assert_eq!(found, name, "item {name} is lost");
}

fn kind(heap: &Heap) -> Kind {
    Layout::new("item", 24).exact(1).ambiguous(2).register(heap).expect("there is room for a layout")
}

fn set() -> (Stage, Kind, raw::Mutator) {
    let stage = Stage::new(Heap::builder().verify_every(0).decoder(Decoder::NAN_BOX));
    let kind = kind(&stage.heap);
    let mutator = raw::Mutator::attach(&stage.heap).expect("one mutator a thread");
    (stage, kind, mutator)
}

/// At a step a path is taken out of an object and kept in a range, and the range gets a new object.
pub(crate) fn range_changed(step: &str) {
    // Before the mutator, so that it goes after it, also if the scene fails.
    let mut stack = [null_mut::<u8>(); 3];
    let (stage, kind, mut mutator) = set();
    let places = stack.as_mut_ptr();
    let place = |at: usize| places.wrapping_add(at);
    let inside = mutator.enter();
    // SAFETY: R2: the stack outlives the mutator's last safepoint, and holds items.
    let range = unsafe { inside.add_exact(places, 3) };
    let path = item(&inside, &kind, 1, item(&inside, &kind, 2, null_mut(), 0), 0);
    // SAFETY: a word of the stack.
    unsafe { place(0).write(item(&inside, &kind, 0, path, 0)) };
    drop(inside);
    let mut cycle = stage.begin();
    cycle.until(step);
    let inside = mutator.enter();
    // SAFETY: words of the stack, and of items.
    unsafe {
        let field = place(0).read().wrapping_add(8).cast();
        place(1).write(inside.read(field));
        inside.write(field, null_mut());
        place(2).write(item(&inside, &kind, 3, null_mut(), 0));
    }
    drop(inside);
    cycle.finish();
    let inside = mutator.enter();
    // SAFETY: words of the stack, and of an item.
    unsafe {
        look(place(0).read(), 0);
        look(place(1).read(), 1);
        look(inside.read(place(1).read().wrapping_add(8).cast()), 2);
        look(place(2).read(), 3);
    }
    inside.remove(range);
    drop(inside);
    crate::scenes::all_is_well(&stage);
}

/// The same with a callback, which reports one item as what it is and one as a tagged word.
pub(crate) fn callback_heard(step: &str) {
    let (stage, kind, mut mutator) = set();
    let stack = Box::leak(Box::new([null_mut::<u8>(); 2])).as_mut_ptr();
    let place = stack.expose_provenance();
    let inside = mutator.enter();
    // SAFETY: a word of the stack.
    unsafe { stack.write(item(&inside, &kind, 0, null_mut(), 0)) };
    let report = move |visitor: &mut raw::RootVisitor<'_>| {
        let stack = core::ptr::with_exposed_provenance::<*mut u8>(place);
        // SAFETY: R2: the thread is outside, or at a safepoint.
        let (first, second) = unsafe { (stack.read(), stack.wrapping_add(1).read()) };
        // SAFETY: R4: null or an item.
        unsafe { visitor.exact(first) };
        visitor.ambiguous(boxed(second));
    };
    // SAFETY: R2: it reports what is in the stack, which is never freed.
    let callback = unsafe { inside.add_callback(report) };
    drop(inside);
    let mut cycle = stage.begin();
    cycle.until(step);
    let inside = mutator.enter();
    // SAFETY: a word of the stack.
    unsafe { stack.wrapping_add(1).write(item(&inside, &kind, 1, null_mut(), 0)) };
    drop(inside);
    cycle.finish();
    let inside = mutator.enter();
    for name in 0..2_usize {
        // SAFETY: a word of the stack.
        look(unsafe { stack.wrapping_add(name).read() }, name as u64);
    }
    inside.remove(callback);
    drop(inside);
    crate::scenes::all_is_well(&stage);
}

/// What a tagged word led to is kept in a range, and the word is erased.
pub(crate) fn tagged_word_erased(step: &str) {
    let mut stack = [0_u64; 2];
    let (stage, kind, mut mutator) = set();
    let places = stack.as_mut_ptr();
    let inside = mutator.enter();
    // SAFETY: R2: the stack outlives the mutator's last safepoint.
    let range = unsafe { inside.add_ambiguous(places, 2) };
    let path = item(&inside, &kind, 1, null_mut(), boxed(item(&inside, &kind, 2, null_mut(), 0)));
    // SAFETY: a word of the stack.
    unsafe { places.write(boxed(item(&inside, &kind, 0, null_mut(), boxed(path)))) };
    drop(inside);
    let unbox = |word: u64| core::ptr::with_exposed_provenance_mut::<u8>((word ^ BOXED) as usize);
    let mut cycle = stage.begin();
    cycle.until(step);
    let inside = mutator.enter();
    // SAFETY: words of the stack, and of an item.
    unsafe {
        let field = unbox(places.read()).wrapping_add(16).cast::<u64>();
        places.wrapping_add(1).write(inside.read_ambiguous(field));
        inside.write_ambiguous(field, 1.5_f64.to_bits());
    }
    drop(inside);
    cycle.finish();
    let inside = mutator.enter();
    // SAFETY: words of the stack, and of an item.
    unsafe {
        look(unbox(places.read()), 0);
        let path = unbox(places.wrapping_add(1).read());
        look(path, 1);
        look(unbox(inside.read_ambiguous(path.wrapping_add(16).cast())), 2);
    }
    inside.remove(range);
    drop(inside);
    crate::scenes::all_is_well(&stage);
}
