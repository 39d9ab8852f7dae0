//! A library that allocates for others, for a test of profiles by crate.

pub mod fruit;

use heap_gc::{Gc, Mu, Trace};
use std::hint::black_box;

/// Allocates `count` values, which `make` makes: the code is here, its instance in the crate that asks for it.
#[inline(never)]
pub fn pick<T: Trace + 'static>(mu: &Mu<'_>, count: usize, make: impl Fn(usize) -> T) {
    (0..black_box(count)).for_each(|index| {
        black_box(Gc::as_ptr(mu.alloc(make(index))));
    });
}

/// Calls `each` so often: what it allocates is its own.
#[inline(never)]
pub fn repeat(count: usize, mut each: impl FnMut(usize)) {
    for index in 0..black_box(count) {
        each(index);
    }
}
