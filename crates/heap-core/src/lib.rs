//! Memory for a garbage-collected heap: from the operating system to one free slot.

pub mod units;
pub mod sync;
pub mod stress;
pub mod racy;
pub mod fault;
mod asan;
pub mod error;
pub mod waits;
pub mod size_class;
pub mod figures;
pub mod accounting;
pub mod os;
pub mod meta;
pub mod page;
pub mod decoder;
pub mod layout;
pub mod span;
mod occupancy;
pub mod fragmentation;
pub mod sweep;
pub mod page_heap;
pub mod central;
pub mod memory;
pub mod region;
pub mod cache;
pub mod large;
pub mod verify;
