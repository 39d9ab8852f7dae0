//! Residence: which free pages of a heap go back to the operating system.
//!
//! This version gives pages back on demand: [`release::release_free`] is the second half of what Go calls
//! `debug.FreeOSMemory`, the first being a collection, which is not this crate's business.

pub mod release;
