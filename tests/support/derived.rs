//! What the tests of derived types have in common: masks one can read, and heaps that check themselves.

use tricolor::{Gc, Heap, HeapBuilder, Mu, Trace};

/// The mask of a type.
pub(crate) fn words<T: Trace>() -> String {
    assert_eq!(T::MASK.bytes(), size_of::<T>(), "a mask is as large as its type");
    let of = |word| match (T::MASK.is_exact(word), T::MASK.is_ambiguous(word)) {
        (false, false) => '.',
        (true, false) => 'p',
        (false, true) => '?',
        (true, true) => panic!("word {word} is both exact and ambiguous"),
    };
    (0..size_of::<T>().div_ceil(8)).map(of).collect()
}

/// The words of a mask in any order, for types whose fields the compiler may arrange.
pub(crate) fn sorted<T: Trace>() -> String {
    let mut words: Vec<char> = words::<T>().chars().collect();
    words.sort_unstable();
    words.into_iter().collect()
}

/// A heap that checks itself in every cycle, and in which a slot freed too early is seen.
pub(crate) fn checked() -> HeapBuilder {
    Heap::builder().verify_every(1).poison(0xdd).workers(1)
}

/// A number that lives in a slot of its own, and so counts as one object.
pub(crate) fn number<'gc>(mu: &Mu<'gc>, value: u64) -> Gc<'gc, [u64; 2]> {
    mu.alloc([value, !value])
}
