//! Residence: which free pages of a heap go back to the operating system.
//!
//! ```text
//!   goal        how much may stay: numbers in, numbers out
//!   controller  how long to sleep after so much work: numbers in, numbers out
//!   release     one run: take it, give it to the system, put it back; and which run is next
//!   figures     what was given back so far
//!   notice      what a listener is told
//!   desk        what all who release share: the goals, whose turn it is, and a turn
//!   background  the thread, which puts them together
//!   scavenger   the handle of a heap on all of it
//! ```
//!
//! A [`scavenger::Scavenger`] belongs to a heap. It is told when a cycle ends and when its sweeping does, and starts its thread
//! when there is first something to do. An allocation that passes the memory limit [assists](scavenger::Scavenger::assist); a
//! host gives it [idle](scavenger::Scavenger::idle) moments; and [`scavenger::Scavenger::release_free`] is the second half of
//! what Go calls `debug.FreeOSMemory`, the first being a collection, which is not this crate's business.
//!
//! Modules are listed bottom first; a module names only modules above it.

pub mod goal;
pub mod controller;
pub mod release;
pub mod figures;
pub mod notice;
mod desk;
mod background;
pub mod scavenger;
