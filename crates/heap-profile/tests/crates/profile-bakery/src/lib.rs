//! A crate with types of its own for somebody else's trait, for a test of profiles by crate.

pub mod oven;

use heap_gc::{Gc, Mu};
use profile_orchard::fruit::Fruit;
use std::hint::black_box;

/// A loaf of something.
#[derive(Debug)]
pub struct Bread<T>(pub T);

impl<T> Fruit for Bread<T> {
    /// 13 words.
    #[inline(never)]
    fn ripen(&self, mu: &Mu<'_>, count: usize) {
        for number in 0..black_box(count as u64) {
            black_box(Gc::as_ptr(mu.alloc([number; 13])));
        }
    }
}

/// Has `profile_orchard` allocate 15 words, `count` times.
#[inline(never)]
pub fn order_fruit(mu: &Mu<'_>, count: usize) {
    profile_orchard::pick(mu, count, |number| [number as u64; 15]);
    // So that the call above does not become a jump, which leaves no trace.
    black_box(count);
}
