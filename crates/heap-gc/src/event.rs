//! Events: what a cycle does, step by step, as it happens; what the scavenger did; and what mutators and workers do for both.
//!
//! A library prints nothing. It tells a listener ([`HeapBuilder::on_event`](crate::HeapBuilder::on_event)), which may. What
//! happens where nobody can be called is kept by a log only ([`crate::log`]). `docs/events.md` has the order of all, and fields
//! by name.

use crate::figures::Reason;
use core::time::Duration;
use heap_core::error::AllocError;
use heap_core::units::Bytes;
use heap_scav::notice::{Notice, Scavenged};

/// Something that happened in a heap.
///
/// The steps of a cycle, and what the scavenger did, are told to a [listener](crate::HeapBuilder::on_event) on the thread that
/// runs the cycle, or released pages, with no lock held that a mutator needs; and put into a [log](crate::EventLog). From
/// [`Attached`](Self::Attached) on they are put into a log only.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A cycle has begun.
    Began {
        /// Its number, from 1.
        number: u64,
        /// Why it runs.
        reason: Reason,
    },
    /// Everything that the last cycle left is swept, and everything is unmarked from here.
    Marking {
        /// How long the sweeping took, by the clock.
        sweep: Duration,
    },
    /// Every mutator has answered a round.
    Asked {
        /// The round's name: "barrier on", "settled", "roots", "dry", "weak", "off".
        round: &'static str,
        /// From the question to the last answer.
        wall: Duration,
        /// The longest wait for one mutator.
        slowest: Duration,
    },
    /// A mutator stays inside `enter` and keeps the cycle waiting (and nobody else). Told about every 10 ms.
    Late {
        /// The round it has not answered.
        round: &'static str,
        /// Its thread's name, or the number if it has none.
        thread: String,
        /// For how long.
        waited: Duration,
    },
    /// There was no memory for the list of objects to scan; they are looked for in the whole heap, while everybody stands
    /// still.
    Lost,
    /// Marking has ended.
    Marked {
        /// Bytes of marked slots.
        live: Bytes,
    },
    /// The memory limit leaves less than what is live: cycles follow each other as the processor limit allows.
    LimitBelowLive {
        /// The limit.
        limit: Bytes,
        /// Bytes of marked slots, and of what else counts.
        live: Bytes,
    },
    /// The cycle has ended; its figures are told to [`HeapBuilder::on_cycle`](crate::HeapBuilder::on_cycle).
    Ended {
        /// Its number.
        number: u64,
    },
    /// Pages went back to the system: in a round of the scavenger's thread, which may have lasted for seconds, in a call of
    /// [`release_free_memory`](crate::Heap::release_free_memory), or in an [idle](crate::Heap::idle) moment.
    Scavenged(Scavenged),
    /// The system did not take pages back. They stay with the heap, which loses nothing but the saving; the scavenger tries
    /// again after the next cycle.
    ReleaseRefused {
        /// How many bytes it did not take, in the last such call.
        bytes: Bytes,
        /// The system's error number.
        code: i32,
    },
    /// A thread has a mutator now.
    Attached {
        /// Its number in this heap, from 1.
        mutator: u64,
        /// Its thread's name, or the number if it has none.
        thread: String,
    },
    /// A mutator has gone.
    Detached {
        /// Its number.
        mutator: u64,
    },
    /// An answer to a round, from its beginning to its end.
    Answered {
        /// The round.
        round: &'static str,
        /// The mutator's number.
        mutator: u64,
        /// On whose thread.
        by: Answerer,
    },
    /// Marking by a mutator, for what it allocated, or in a moment that the host gave.
    Assisted {
        /// Words of marking that it is credited with.
        words: usize,
    },
    /// A wait of a mutator: to enter, while a collector answers for it or has stopped the world; or of its processor's for the
    /// collector, while the heap is past its goal.
    Waited,
    /// A refill, a large object, or sweeping for a cycle, that took more than 50 µs.
    Refilled,
    /// A whole cycle that a mutator ran or waited for at the edge of `enter`.
    RanCycle,
    /// Pages given back by an allocation that has passed the memory limit.
    MadeRoom,
    /// An allocation that was refused; those that were tried again and succeeded are among them.
    Refused {
        /// Why.
        error: AllocError,
    },
    /// The heap has more memory than it ever had.
    Grown {
        /// Address space for objects that it has grown to.
        sys: Bytes,
    },
    /// Drops, cleanups and finalizers that were due, from the first to the last.
    RanDue {
        /// Drops of dead objects.
        drops: u64,
        /// Cleanups.
        cleanups: u64,
        /// Finalizers.
        finalizers: u64,
    },
    /// Marking by one thread of the collector's, in one drain.
    Worked {
        /// Batches that it took from the others.
        batches: u64,
    },
    /// A wait of such a thread for a batch, or for the end of the drain, of more than 20 µs. It lies in a
    /// [`Worked`](Self::Worked).
    Idled,
    /// The world has stood still for a cycle, from the last mutator's standing still.
    Stopped {
        /// How long the last one took to stand still, before that.
        stopping: Duration,
    },
    /// Sweeping by the collector, between cycles, with rests.
    Swept,
    /// How large the heap is: when a cycle begins and when it ends.
    Sizes {
        /// Bytes of slots that are allocated. (`Figures::memory.heap_alloc`)
        heap: Bytes,
        /// The size at which the next cycle shall be finished; `usize::MAX` for never. (`Figures::goal`)
        goal: Bytes,
    },
    /// Where its pages are: at the same times, and when the scavenger has released some.
    Pages {
        /// In spans. (`Figures::memory.heap_inuse`)
        in_spans: Bytes,
        /// In frames. (`Figures::memory.frames`)
        frames: Bytes,
        /// Not with the system. Errs high as [`ScavengeFigures`](crate::ScavengeFigures) do.
        retained: Bytes,
        /// With the system. (`Figures::memory.heap_released`)
        released: Bytes,
    },
}

/// On whose thread a mutator's answer is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answerer {
    /// Its own.
    Mutator,
    /// That of the cycle: the mutator was outside.
    Collector,
}

impl From<&Notice> for Event {
    fn from(notice: &Notice) -> Self {
        match *notice {
            Notice::Scavenged(round) => Self::Scavenged(round),
            Notice::Refused(error) => Self::ReleaseRefused { bytes: error.bytes, code: error.code },
        }
    }
}
