//! Liveness: what is reachable, when to look, and the safe API.
//!
//! A collection (`cycle.rs`), beside the mutators:
//!
//! 1. finish sweeping what the last cycle left ([`heap_core::memory::Memory::finish_sweep`]);
//! 2. take the next epoch: all marks are void;
//! 3. ask every mutator, one by one, each at its own safepoint (`handshake.rs`), to turn its barrier on (`barrier.rs`); what it
//!    keeps to use again ages (`pools.rs`);
//! 4. ask them all once more, so that no store without a barrier is under way;
//! 5. make grey what the root table leads to (`roots.rs`), and ask each mutator to be without references once: new
//!    objects are black from then on;
//! 6. mark, in parallel (`mark.rs`, `grey.rs`), what objects with finalizers lead to as well (`finalizer.rs`), until a round in
//!    which nobody hands anything over (`part.rs`);
//! 7. (on request) mark again, simply, and compare (`verify.rs`);
//! 8. from here what is unmarked is dead: weak references and ephemerons let go of it (`weak.rs`, `ephemeron.rs`), the sweep
//!    generation moves on; the pacer learns and plans (`pacer.rs`, `pace.rs`);
//! 9. ask each mutator to turn its barrier off;
//! 10. the scavenger learns how much may stay ([`heap_scav::scavenger`]);
//! 11. spans are swept when somebody needs them, and drops of dead objects run at the next safepoint, as cleanups and
//!     finalizers do (`dead.rs`, `cleanup.rs`, `finalizer.rs`).
//!
//! No mutator waits for another, nor for the collector, unless it has reached a limit. The order of the rounds is argued in
//! `docs/design/on-the-fly.md`. [`Collector::StopTheWorld`] does the same while everybody stands still.
//!
//! Modules are listed bottom first; a module names only modules above it.

mod gc;
mod trace;
mod object;
mod pauses;
mod figures;
mod event;
mod log;
mod hints;
mod sampler;
mod config;
mod grey;
mod round;
mod handshake;
mod mark;
mod shade;
mod roots;
mod barrier;
mod own_roots;
mod hinted;
mod pools;
mod spares;
mod weak;
mod watch;
mod cleanup;
mod finalizer;
mod ephemeron;
mod part;
mod workers;
mod pacer;
mod external;
mod unwind;
mod pace;
mod desk;
mod gate;
mod shared;
mod handle;
mod dead;
mod verify;
mod cycle;
mod collector;
mod attached;
mod ask;
mod mutator;
mod heap;
mod weak_heap;
mod inspect;
mod census;
mod snapshot;
mod sampling;
pub mod raw;
mod api;

pub use api::arena::{Arena, Fill};
pub use api::atomic::AtomicGc;
pub use api::bytes::GcBytes;
pub use api::cell::GcCell;
pub use api::frame::{Frame, Local};
pub use api::leaf::Leaf;
pub use api::map::{GcMap, GcMapDrain, GcMapEntry, GcMapIter, GcMapOccupied, GcMapVacant, MapHasher};
pub use api::pool::{Lent, Pool};
pub use api::root::Root;
pub use api::slice::GcSlice;
pub use api::str::GcStr;
pub use api::vec::{GcVec, GcVecIter};
pub use api::weak::Weak;
pub use api::weak_map::WeakMap;
pub use api::weak_set::{Interner, WeakSet};
pub use cleanup::Cleanup;
pub use config::{
    BuildError, Collector, HeapBuilder, LayoutPolicy, Listener, MemoryLimit, Observer, Scavenge,
};
pub use event::{Answerer, Event};
pub use external::External;
pub use figures::{
    CleanupFigures, CycleFigures, Figures, FinalizerFigures, PAUSES_KEPT, Reason, RoundFigures,
};
pub use gc::Gc;
pub use heap::Heap;
pub use heap_core::accounting::{Accounting, Mapping, PageState, Stretch};
pub use heap_core::census::{Census, Count, Growth, LayoutCount, TypeCount};
pub use heap_core::decoder::Decoder;
pub use heap_core::error::AllocError;
pub use heap_core::figures::MemoryFigures;
pub use heap_core::fragmentation::{Fragmentation, LayoutUse, SpanUse};
pub use heap_core::layout::TypeMask;
pub use heap_core::racy::kernel::Vectors;
pub use heap_core::tiles::{Tile, Tiles};
pub use heap_core::verify::Violation;
pub use heap_core::waits::WaitFigures;
pub use heap_scav::figures::{By, ScavengeFigures};
pub use heap_scav::notice::Scavenged;
pub use hints::EscapeHints;
pub use log::{EventLog, Record, Track};
pub use mutator::{AttachError, Mu, Mutator, Refusal};
pub use pauses::{PauseFigures, PieceFigures};
pub use sampler::{Sample, Sampler};
pub use snapshot::{
    EdgeKind, NodeKind, RootGroup, RootKind, Snapshot, SnapshotEdge, SnapshotError, SnapshotNode,
};
pub use trace::{Branded, Rebrand, Trace, Tracer};
pub use weak_heap::WeakHeap;
