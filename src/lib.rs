#![doc = include_str!("../README.md")]

pub use heap_derive::Trace;
pub use heap_gc::*;

/// Memory: from the operating system to one free slot.
pub use heap_core as core;
/// Residence: which free pages go back.
pub use heap_scav as scav;

#[cfg(doctest)]
mod guide;
