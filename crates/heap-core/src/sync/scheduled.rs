//! One thread at a time, in an order that a seed decides.
//!
//! Under `cfg(pct)` the primitives of this folder stand in for the real ones. A thread that belongs to a *schedule*
//! ([`turn::run`], and every thread started from there) runs only while it has the turn; it gives the turn away where it
//! blocks, and at *points*: before each atomic access, lock and unlock, and in the named windows. Everything else about a
//! thread is real: its stack, its panics, its thread-locals and their destructors. A thread without a schedule passes
//! straight through to the real primitives.
//!
//! Who has the turn is decided as in "A randomized scheduler with probabilistic guarantees of finding bugs" (Burckhardt
//! and others, ASPLOS 2010): each thread has a random priority, the highest that can run does, and at `depth` points,
//! chosen at random, the running one falls behind all others. A fault that needs `n` ordering decisions is found with a
//! probability of at least `1 / (threads × points ^ (n - 1))`, whatever the program does otherwise.
//!
//! What is not explored: weak memory, since what one thread did the next one sees (loom's business), and preemption
//! between two points. `docs/design/schedules.md` has the whole list.

pub mod turn;
pub mod atomic;
pub mod lock;
pub mod thread;
