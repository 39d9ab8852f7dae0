//! Models of the protocols between threads, explored by loom.
//!
//! ```text
//!   crates/heap-gc/src/handshake.rs         ─┐
//!   crates/heap-gc/src/grey.rs               │  #[path]      this package  ──▶  loom: every interleaving of a
//!   crates/heap-gc/src/weak/verdict.rs       │
//!   crates/heap-core/src/span/claim.rs       ├───────────▶   (cfg loom)         model, and every value that a
//!   crates/heap-core/src/span/reached.rs     │
//!   crates/heap-core/src/sync.rs             │                                  load may return
//!   crates/heap-core/src/stress.rs           │
//!   crates/heap-core/src/fault/step.rs      ─┘
//! ```
//!
//! What runs here are the real files, included by path, not copies. The crates they belong to do not compile for loom
//! (their side tables are zeroed memory seen as atomics), so this package stands in for both: it calls itself
//! `heap_core`, and has as much of a span as a claim needs ([`span`]).
//!
//! A model is an ordinary test of [`models`]. Each file there ends with a table of steps; for each of them the test
//! binary runs itself again with the step left out of the protocol ([`fault::step`]) and asserts that the model fails,
//! and in the expected way.
//!
//! ```text
//! cargo test --release --manifest-path models/loom/Cargo.toml
//! ```
//!
//! A passing model says: exhausted for so many threads and operations, within loom's memory model. It says nothing
//! about more threads. `docs/design/handshake.md` lists what the models cover and what they do not.

#![cfg(test)]

extern crate self as heap_core;

#[path = "../../../crates/heap-core/src/sync.rs"]
pub mod sync;
#[path = "../../../crates/heap-core/src/stress.rs"]
pub mod stress;
pub mod fault;
pub mod span;
#[expect(dead_code, reason = "what is no part of a protocol has no model")]
#[path = "../../../crates/heap-gc/src/grey.rs"]
mod grey;
#[path = "../../../crates/heap-gc/src/pauses.rs"]
mod pauses;
#[path = "../../../crates/heap-gc/src/round.rs"]
pub mod round;
#[expect(dead_code, reason = "what is no part of a protocol has no model")]
#[expect(clippy::reversed_empty_ranges, reason = "nobody looks before sleeping in a model")]
#[path = "../../../crates/heap-gc/src/handshake.rs"]
pub mod handshake;
#[expect(dead_code, reason = "what is no part of a protocol has no model")]
#[path = "../../../crates/heap-gc/src/weak/verdict.rs"]
pub mod verdict;
mod models;

/// Nothing is measured in a model.
pub mod os {
    /// No time passes.
    pub fn thread_cpu_time() -> core::time::Duration {
        core::time::Duration::ZERO
    }
}

/// Where the heap would abort, a model fails.
#[macro_export]
macro_rules! bug {
    ($($figure:tt)*) => {
        panic!($($figure)*)
    };
}
