//! Mark: full collections of a heap that does not change. What a collection does not sweep, the next one does before it marks.

use core::ffi::c_void;
use core::ptr::NonNull;
use std::hint::black_box;

use peers::report::{Clock, Report};
use peers::{Dice, Refusal, mark, positive};

use crate::PEER;
use crate::library::Library;
use crate::tree::{self, Tree};

/// An array of pointers that the collector sees, on which a shape is built.
struct Array(NonNull<*mut c_void>, usize);

impl Array {
    /// With so many places, all null.
    fn new(library: &Library, len: usize) -> Self {
        Self(library.scanned(len * size_of::<*mut c_void>()).cast(), len)
    }

    fn place(&self, index: usize) -> NonNull<*mut c_void> {
        assert!(index < self.1, "place {index} of {}", self.1);
        // SAFETY: the array has that place.
        unsafe { self.0.add(index) }
    }

    fn set(&self, index: usize, object: NonNull<c_void>) {
        // SAFETY: a place of the array, which nobody else writes to.
        unsafe { self.place(index).write(object.as_ptr()) };
    }

    fn clear(&self, index: usize) {
        // SAFETY: a place of the array, which nobody else writes to.
        unsafe { self.place(index).write(core::ptr::null_mut()) };
    }

    fn get(&self, index: usize) -> *mut c_void {
        // SAFETY: a place of the array: null at first, and written only by `set`.
        unsafe { self.place(index).read() }
    }
}

/// An object of so many words that hold these values.
fn object(library: &Library, scanned: bool, words: &[*mut c_void]) -> NonNull<c_void> {
    let bytes = size_of_val(words);
    let made = if scanned { library.scanned(bytes) } else { library.noscan(bytes) };
    let source = NonNull::from(words).cast::<*mut c_void>();
    // SAFETY: it was just made, of as many bytes as the words have, so that the two do not overlap.
    unsafe { made.cast::<*mut c_void>().copy_from_nonoverlapping(source, words.len()) };
    made
}

fn number(value: usize) -> *mut c_void {
    core::ptr::without_provenance_mut(value)
}

/// Pointers to objects of three words: pointers to one integer, or integers.
fn threes(library: &Library, count: usize, scanned: bool) -> NonNull<c_void> {
    let all = Array::new(library, count);
    let one = object(library, false, &[number(1)]);
    for index in 0..count {
        let words = if scanned { [one.as_ptr(); 3] } else { [number(index); 3] };
        all.set(index, object(library, scanned, &words));
    }
    all.0.cast()
}

/// Nodes of a pointer and a number, linked in the order of allocation or in random order.
fn list(library: &Library, count: usize, random: bool) -> NonNull<c_void> {
    let all = Array::new(library, count);
    for value in 0..count {
        all.set(value, object(library, true, &[core::ptr::null_mut(), number(value)]));
    }
    if random {
        let mut dice = Dice::default();
        for last in (1..count).rev() {
            let other = dice.below(last + 1);
            let two = (all.get(last), all.get(other));
            all.set(other, NonNull::new(two.0).expect("set above"));
            all.set(last, NonNull::new(two.1).expect("set above"));
        }
    }
    for index in 1..count {
        let before = NonNull::new(all.get(index - 1)).expect("set above").cast::<*mut c_void>();
        // SAFETY: the first word of a node, which nobody else writes to.
        unsafe { before.write(all.get(index)) };
    }
    let first = NonNull::new(all.get(0)).expect("at least one");
    // A forgotten word on the stack may keep the array: then it is to lead nowhere.
    (0..count).for_each(|index| all.clear(index));
    first
}

/// A balanced tree of so many nodes, allocated depth first.
fn balanced(library: &Library, count: usize) -> *mut Tree {
    let Some(below) = count.checked_sub(1) else { return core::ptr::null_mut() };
    let node = tree::node(library);
    let left = balanced(library, below / 2);
    let right = balanced(library, below - below / 2);
    // SAFETY: the node was made here, and nobody else knows it.
    unsafe { node.write(Tree { left, right }) };
    node.as_ptr()
}

/// Builds a shape of `count` objects and times `cycles` collections of it.
pub(crate) fn run(library: &Library, shape: &str, count: &str, cycles: &str) -> Result<Report, Refusal> {
    let (objects, times) = (positive(count)?, positive(cycles)?);
    let root: *mut c_void = match shape {
        "ptr3" => threes(library, objects, true).as_ptr(),
        "int3" => threes(library, objects, false).as_ptr(),
        "list" => list(library, objects, false).as_ptr(),
        "listr" => list(library, objects, true).as_ptr(),
        "tree" => balanced(library, objects).cast(),
        _ => return Err(Refusal::new(format!("no shape {shape:?}"))),
    };
    // On the stack, in a place that the compiler may not forget.
    let root = black_box(&root);
    // The first collection drops what the building needed, the second is a rehearsal.
    library.collect();
    library.collect();
    let mut walls = Vec::with_capacity(times);
    let clock = Clock::start();
    for _ in 0..times {
        let one = Clock::start();
        library.collect();
        walls.push(one.since().wall.as_secs_f64() * 1e3);
    }
    let spent = clock.since();
    black_box(root);
    Ok(mark::report(PEER, &[shape, count, cycles], objects, walls, spent))
}
