//! A trait, with a function that it brings along, and an implementation for a type of the standard library.

use heap_gc::{Gc, Mu};
use std::hint::black_box;

/// Something that grows.
pub trait Fruit {
    /// Allocates 7 words of 8 bytes, `count` times: here, whatever the type is.
    #[inline(never)]
    fn grow(&self, mu: &Mu<'_>, count: usize) {
        for number in 0..black_box(count as u64) {
            black_box(Gc::as_ptr(mu.alloc([number; 7])));
        }
    }

    /// Allocates something, where it is implemented.
    fn ripen(&self, mu: &Mu<'_>, count: usize);
}

impl Fruit for Vec<u8> {
    /// 9 words.
    #[inline(never)]
    fn ripen(&self, mu: &Mu<'_>, count: usize) {
        for number in 0..black_box(count as u64) {
            black_box(Gc::as_ptr(mu.alloc([number; 9])));
        }
    }
}
