//! Liveness: what is reachable, when to look, and the safe API.
//!
//! A collection in eleven lines (`cycle.rs`):
//!
//! 1. ask every mutator to stand still at its next safepoint; who is outside is held there (`handshake.rs`);
//! 2. finish sweeping what the last cycle left ([`heap_core::memory::Memory::finish_sweep`]);
//! 3. take back every mutator's runs ([`heap_core::cache::Cache::flush`]);
//! 4. take the next epoch: all marks are void;
//! 5. mark from the roots, in parallel (`mark.rs`);
//! 6. (on request) mark again, simply, and compare (`verify.rs`);
//! 7. from here what is unmarked is dead: the sweep generation moves on;
//! 8. the pacer learns how much is live and says when to come back (`pacer.rs`);
//! 9. let everybody go; spans are swept when somebody needs them;
//! 10. the scavenger learns how much may stay ([`heap_scav::background`]);
//! 11. drops of dead objects run at the next safepoint of some mutator (`dead.rs`).
//!
//! Marking stops the world in this version. The pieces are laid out for marking beside the mutators: a mutator is
//! answered for while it is outside, a run handed out while marking is black, and every store of a reference goes
//! through `barrier.rs`.
//!
//! Modules are listed bottom first; a module names only modules above it.

mod gc;
mod trace;
mod object;
mod pauses;
mod figures;
mod event;
mod config;
mod grey;
mod handshake;
mod mark;
mod roots;
mod barrier;
mod part;
mod workers;
mod pacer;
mod pace;
mod external;
mod desk;
mod shared;
mod handle;
mod dead;
mod verify;
mod cycle;
mod collector;
mod mutator;
mod heap;
mod api;

pub use api::cell::GcCell;
pub use api::leaf::Leaf;
pub use api::root::Root;
pub use api::slice::{GcSlice, GcStr};
pub use config::{
    BuildError, Collector, HeapBuilder, LayoutPolicy, Listener, MemoryLimit, Observer, Scavenge,
};
pub use event::Event;
pub use external::External;
pub use figures::{CycleFigures, Figures, PAUSES_KEPT, Reason, RoundFigures};
pub use gc::Gc;
pub use heap::Heap;
pub use heap_core::error::AllocError;
pub use heap_core::figures::MemoryFigures;
pub use heap_core::layout::TypeMask;
pub use heap_core::verify::Violation;
pub use heap_scav::background::ScavengeFigures;
pub use mutator::{AttachError, Mu, Mutator};
pub use pauses::{PauseFigures, PieceFigures};
pub use trace::{Branded, Rebrand, Trace, Tracer};
