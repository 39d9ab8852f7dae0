//! Figures of the collector: what a cycle did, and a heap's snapshot.

use crate::pauses::PauseFigures;
use core::time::Duration;
use heap_core::figures::MemoryFigures;
use heap_core::units::Bytes;
use heap_scav::figures::ScavengeFigures;
use std::time::SystemTime;

/// Why a cycle ran.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// The heap reached its goal.
    Goal,
    /// The heap reached its goal, and a limit is near: mutators wait for this one.
    Limit,
    /// The host had nothing else to do.
    Idle,
    /// The program asked.
    Asked,
    /// An allocation was refused.
    Refused,
    /// The last cycle was long ago
    /// ([`HeapBuilder::collect_at_least_every`](crate::HeapBuilder::collect_at_least_every)).
    Period,
    /// A debugging mode asked.
    Debug,
}

impl Reason {
    /// The word for it, which stands in lines, traces and metrics: `goal`, `limit`, `idle`, `asked`, `refused`, `period` or
    /// `debug`.
    ///
    /// ```
    /// assert_eq!(heap_gc::Reason::Period.word(), "period");
    /// ```
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Goal => "goal",
            Self::Limit => "limit",
            Self::Idle => "idle",
            Self::Asked => "asked",
            Self::Refused => "refused",
            Self::Period => "period",
            Self::Debug => "debug",
        }
    }
}

/// One round of a cycle: every mutator was asked, each at its own safepoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct RoundFigures {
    /// "barrier on", "settled", "roots", "dry", "weak" (only if a weak reference let go of its object) or "off".
    pub name: &'static str,
    /// From the question to the last answer.
    pub wall: Duration,
    /// The longest wait for one mutator.
    pub slowest: Duration,
}

/// One cycle.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CycleFigures {
    /// Counts from 1.
    pub number: u64,
    /// Why it ran.
    pub reason: Reason,
    /// From its begin to its end, sweeping not included.
    pub wall: Duration,
    /// The rounds, in order. Empty if the world was stopped instead.
    pub rounds: Vec<RoundFigures>,
    /// From the call to stop until every mutator stood still; 0 for a concurrent cycle.
    pub stopping: Duration,
    /// How long the world was stopped, from the last mutator's standing still until they were let go. Includes
    /// `finish_sweep` and `mark`. 0 for a concurrent cycle, which stops nobody (unless it is verified).
    pub pause: Duration,
    /// Sweeping what the last cycle left unswept.
    pub finish_sweep: Duration,
    /// Marking, from the first root to the last object.
    pub mark: Duration,
    /// Processor time of marking, over all workers. Errs low by what a helper does after its last measurement.
    pub mark_cpu: Duration,
    /// Of it, the helpers': threads that mark beside the one that runs the cycle.
    pub helper_cpu: Duration,
    /// Processor time that mutators spent marking for what they allocated; not in `mark_cpu`.
    pub assist_cpu: Duration,
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
    /// Roots, those of raw mutators' own among them.
    pub roots: u64,
    /// Bytes of slots in use when the cycle began.
    pub heap_before: Bytes,
    /// Bytes of slots in use when marking had ended, the dead included.
    pub heap_after: Bytes,
    /// The size at which the next cycle shall be finished; `usize::MAX` for never.
    pub goal: Bytes,
    /// The size at which it begins.
    pub trigger: Bytes,
    /// Mutators that were asked, or stood still.
    pub mutators: usize,
    /// When it ended. (`LastGC`, and an entry of `PauseEnd`)
    pub ended: SystemTime,
}

/// Figures of a heap's cleanups ([`Mu::cleanup`](crate::Mu::cleanup)).
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct CleanupFigures {
    /// Those whose object has not been found dead.
    pub waiting: usize,
    /// Those whose object was, ever. (`/gc/cleanups/queued:cleanups`)
    pub queued: u64,
    /// Those that have begun to run, ever. (`/gc/cleanups/executed:cleanups`)
    pub run: u64,
    /// Those that were stopped in time, ever.
    pub stopped: u64,
    /// What the list of those that wait takes. It counts against the memory limit, as the heap's other tables do; what the
    /// closures hold does not.
    pub table: Bytes,
}

/// Figures of a heap's finalizers ([`Mu::set_finalizer`](crate::Mu::set_finalizer)). Those that are due are
/// `queued` less `run` and less what of `forgotten` was due.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct FinalizerFigures {
    /// Those whose object has not been found dead.
    pub waiting: usize,
    /// Those whose object was, ever. (`/gc/finalizers/queued:finalizers`)
    pub queued: u64,
    /// Those that have begun to run, ever. (`/gc/finalizers/executed:finalizers`)
    pub run: u64,
    /// Those that were cleared in time, ever; not those that others took the place of.
    pub cleared: u64,
    /// Those of mutators that have gone, ever, due or not.
    pub forgotten: u64,
    /// What the lists of those that wait take, as [`CleanupFigures::table`].
    pub table: Bytes,
}

/// Pauses kept in [`Figures::pauses`].
pub const PAUSES_KEPT: usize = 256;

/// A snapshot of a heap.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Figures {
    /// The memory.
    pub memory: MemoryFigures,
    /// What was given back to the system, and by whom; and how long allocations were kept for it. What of it is with the system
    /// now is `memory.heap_released`.
    pub scavenge: ScavengeFigures,
    /// Bytes outside the heap that were said to be kept by what lives in it ([`Heap::external`](crate::Heap::external)).
    pub external: Bytes,
    /// Completed cycles. (`MemStats.NumGC`)
    pub cycles: u64,
    /// Of them, those the program asked for. (`NumForcedGC`)
    pub cycles_asked: u64,
    /// The size at which the next cycle shall be finished; `usize::MAX` for never. (`NextGC`)
    pub goal: Bytes,
    /// Time the world was stopped, over all cycles. (`PauseTotalNs`)
    pub pause_total: Duration,
    /// The last pauses, oldest first, at most [`PAUSES_KEPT`]. (`PauseNs`)
    pub pauses: Vec<Duration>,
    /// How long mutators were kept by the collector, since the heap was built or since
    /// [`Heap::take_pauses`](crate::Heap::take_pauses).
    pub mutator_pauses: PauseFigures,
    /// Processor time of marking, over all cycles.
    pub mark_cpu_total: Duration,
    /// Processor time that mutators spent marking, over all cycles.
    pub assist_cpu_total: Duration,
    /// Of the processor time there was since the heap was built, on all processors, the part that marking took, 0 to 1. Errs
    /// low: sweeping and the waiting of mutators are not in it. (`GCCPUFraction`)
    pub gc_cpu_fraction: f64,
    /// Mutators attached.
    pub mutators: usize,
    /// Roots, but for those of raw mutators' own. An object whose finalizer is due is one until that runs.
    pub roots: usize,
    /// Cleanups.
    pub cleanups: CleanupFigures,
    /// Finalizers.
    pub finalizers: FinalizerFigures,
    /// The last cycle, if there was one.
    pub last_cycle: Option<CycleFigures>,
}
