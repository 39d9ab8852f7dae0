//! A crate that allocates in methods of generic types, and has others allocate, for a test of profiles by crate.

use heap_gc::{Gc, Mu};
use std::hint::black_box;

/// A sack of letters.
#[derive(Debug)]
pub struct Sack<T>(pub T);

impl<T: Copy + Into<u64>> Sack<T> {
    /// Allocates 17 words, `count` times.
    #[inline(never)]
    pub fn fill(&self, mu: &Mu<'_>, count: usize) {
        for _ in 0..black_box(count) {
            black_box(Gc::as_ptr(mu.alloc([self.0.into(); 17])));
        }
    }
}

/// Has `profile_orchard` allocate 19 words, and `profile_bakery` have it allocate 15, `count` times each.
#[inline(never)]
pub fn deliver(mu: &Mu<'_>, count: usize) {
    profile_orchard::pick(mu, count, |number| [number as u64; 19]);
    profile_bakery::order_fruit(mu, count);
    // So that the call above does not become a jump, which leaves no trace.
    black_box(count);
}
