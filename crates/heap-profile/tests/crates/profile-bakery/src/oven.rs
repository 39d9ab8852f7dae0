//! Closures that somebody else calls.

use heap_gc::{Gc, Mu};
use std::hint::black_box;

/// Allocates 11 words `count` times, in a closure that `profile_orchard` calls.
#[inline(never)]
pub fn bake(mu: &Mu<'_>, count: usize) {
    profile_orchard::repeat(count, |number| {
        black_box(Gc::as_ptr(mu.alloc([number as u64; 11])));
    });
    // So that the call above does not become a jump, which leaves no trace.
    black_box(count);
}
