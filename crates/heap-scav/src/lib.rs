//! Residence: which free pages of a heap go back to the operating system.
//!
//! ```text
//!   goal        how much may stay: numbers in, numbers out
//!   controller  how long to sleep after so much work: numbers in, numbers out
//!   release     one run: take it, give it to the system, put it back; and all of them, on demand
//!   background  the thread that puts the three together
//! ```
//!
//! A [`background::Scavenger`] belongs to a heap. It is told when a cycle ends, and starts its thread when there is first
//! something to do. [`background::Scavenger::release_free`] is the second half of what Go calls `debug.FreeOSMemory`, the
//! first being a collection, which is not this crate's business.
//!
//! Modules are listed bottom first; a module names only modules above it.

pub mod goal;
pub mod controller;
pub mod release;
pub mod background;
