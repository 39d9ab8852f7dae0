//! A crate that allocates in methods of generic types, and has others allocate, for a test of profiles by crate.

#[doc(hidden)]
pub use {profile_bakery, profile_orchard};

use heap_gc::{Gc, Mu};
use std::hint::black_box;

/// What the three crates do, once. Not a function: it would call them, and it is to be seen that the crate which says this does.
#[macro_export]
macro_rules! round {
    ($mu:expr) => {{
        use $crate::Sack;
        use $crate::profile_bakery::{self, Bread};
        use $crate::profile_orchard::fruit::Fruit as _;
        // In the trait's own function, which is the orchard's whatever the type is.
        Bread(1_u8).grow($mu, 100);
        vec![1_u8].grow($mu, 1);
        // In the orchard's implementation for a type of the standard library.
        vec![1_u8].ripen($mu, 90);
        // In a closure of the bakery, which the orchard calls.
        profile_bakery::oven::bake($mu, 80);
        // In the bakery's implementation of the orchard's trait.
        Bread("rye").ripen($mu, 70);
        // In a generic function of the orchard.
        profile_bakery::order_fruit($mu, 60);
        // In a method of a generic type.
        Sack(5_u32).fill($mu, 50);
        $crate::deliver($mu, 40);
    }};
}

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
