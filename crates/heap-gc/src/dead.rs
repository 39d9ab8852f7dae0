//! Drops of dead objects: when and where they run.
//!
//! Sweeping queues them; a mutator runs them at a safepoint, outside `enter`, with no lock of the heap held. So a drop
//! may do whatever it likes, also use the heap, and none ever runs inside somebody's allocation. It runs on the thread
//! of whichever mutator comes by, which is why droppable types are `Send`.
//!
//! A drop that panics does not keep the others from running: the first panic goes on when all have run.

use heap_core::memory::Memory;
use heap_core::sync::thread;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Runs all drops that are due.
///
/// # Panics
/// With the first panic of a drop, after all have run. Does nothing while the thread is panicking already.
pub(crate) fn run_drops(memory: &Memory) {
    if !memory.has_dead() || thread::panicking() {
        return;
    }
    let mut first = None;
    for dead in memory.take_dead() {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| memory.bury(&dead))) {
            match first {
                None => first = Some(panic),
                // Dropping a payload may panic again; there is one panic to go on with already.
                Some(_) => core::mem::forget(panic),
            }
        }
    }
    if let Some(panic) = first {
        resume_unwind(panic);
    }
}
