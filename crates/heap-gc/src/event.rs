//! Events: what a cycle does, step by step, as it happens; and what the scavenger did.
//!
//! A library prints nothing. It tells a listener ([`HeapBuilder::on_event`](crate::HeapBuilder::on_event)), which may.

use crate::figures::Reason;
use core::time::Duration;
use heap_core::units::Bytes;
use heap_scav::notice::{Notice, Scavenged};

/// Something that happened in a cycle, or that the scavenger did. Told on the thread that runs the cycle, or released pages, with
/// no lock held that a mutator needs.
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
}

impl From<&Notice> for Event {
    fn from(notice: &Notice) -> Self {
        match *notice {
            Notice::Scavenged(round) => Self::Scavenged(round),
            Notice::Refused(error) => Self::ReleaseRefused { bytes: error.bytes, code: error.code },
        }
    }
}
