//! Figures of the collector: what a cycle did, and a heap's snapshot.

use core::time::Duration;
use heap_core::figures::MemoryFigures;
use heap_core::units::Bytes;
use heap_scav::background::ScavengeFigures;
use std::time::SystemTime;

/// Why a cycle ran.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// The heap reached its goal.
    Goal,
    /// The program asked.
    Asked,
    /// An allocation was refused.
    Refused,
    /// A debugging mode asked.
    Debug,
}

/// One cycle.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CycleFigures {
    /// Counts from 1.
    pub number: u64,
    /// Why it ran.
    pub reason: Reason,
    /// From the call to stop until every mutator stood still.
    pub stopping: Duration,
    /// How long the world was stopped, from the last mutator's standing still until they were let go. Includes
    /// `finish_sweep` and `mark`.
    pub pause: Duration,
    /// Sweeping what the last cycle left unswept.
    pub finish_sweep: Duration,
    /// Marking.
    pub mark: Duration,
    /// Processor time of marking, over all workers. Errs low by what a helper does after its last measurement.
    pub mark_cpu: Duration,
    /// Workers that marked.
    pub workers: usize,
    /// Marked objects that are not noscan.
    pub scanned: u64,
    /// Bytes of words read as references.
    pub scanned_bytes: Bytes,
    /// Objects marked.
    pub live_objects: u64,
    /// Bytes of marked slots.
    pub live: Bytes,
    /// Roots.
    pub roots: u64,
    /// Bytes of slots in use when the cycle began.
    pub heap_before: Bytes,
    /// The size at which the next cycle starts; `usize::MAX` for never.
    pub goal: Bytes,
    /// Mutators that stood still.
    pub mutators: usize,
    /// When it ended. (`LastGC`, and an entry of `PauseEnd`)
    pub ended: SystemTime,
}

/// Pauses kept in [`Figures::pauses`].
pub const PAUSES_KEPT: usize = 256;

/// A snapshot of a heap.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Figures {
    /// The memory.
    pub memory: MemoryFigures,
    /// What was given back to the system, in the background and on request. What of it is with the system now is
    /// `memory.heap_released`.
    pub scavenge: ScavengeFigures,
    /// Completed cycles. (`MemStats.NumGC`)
    pub cycles: u64,
    /// Of them, those the program asked for. (`NumForcedGC`)
    pub cycles_asked: u64,
    /// The size at which the next cycle starts; `usize::MAX` for never. (`NextGC`)
    pub goal: Bytes,
    /// Time the world was stopped, over all cycles. (`PauseTotalNs`)
    pub pause_total: Duration,
    /// The last pauses, oldest first, at most [`PAUSES_KEPT`]. (`PauseNs`)
    pub pauses: Vec<Duration>,
    /// Processor time of marking, over all cycles.
    pub mark_cpu_total: Duration,
    /// Of the processor time there was since the heap was built, on all processors, the part that marking took, 0 to 1. Errs
    /// low: sweeping and the waiting of mutators are not in it. (`GCCPUFraction`)
    pub gc_cpu_fraction: f64,
    /// Mutators attached.
    pub mutators: usize,
    /// Roots.
    pub roots: usize,
    /// The last cycle, if there was one.
    pub last_cycle: Option<CycleFigures>,
}
