//! Assists: how much a mutator must mark for what it allocates while a cycle runs.
//!
//! ```text
//!   distance = max(goal - trigger, 64 KiB)
//!   goal'    = max(goal, min(begun + distance, ceiling), begun + 64 KiB)                  ¹
//!   expected = scan work of the last cycle                                                 ²
//!   if done > expected:     goal' = begun + (goal' - begun) * most / expected, at most the hard goal
//!                           expected = most                                                ³
//!   if heap >= goal':       goal' = goal' * 1.1, at most the ceiling;  expected = most     ⁴
//!   ratio    = max(expected - done, 1000) / max(goal' - heap, 1) - 2 * beside              ⁵
//!              between 0 and 1024                                                          ⁶
//! ```
//!
//! The ratio is such that marking and the heap arrive at their ends together. It is looked up anew every now and then: what
//! background markers did meanwhile lowers it, so that mutators pay only for what the markers will not manage; and it
//! grows as the goal nears.
//!
//! ¹ A cycle may begin late, because a program has no safepoint inside `enter`; then the distance counts from where it
//! began. ² As long as less is done, less is assumed to be there. ³ When more is there, the worst is assumed: everything
//! that existed when the cycle began lives; what is allocated since is black and not scanned. The goal moves by the same
//! factor, since a heap that lives more may grow more. ⁴ and a missed goal is missed by a tenth, not by the whole rest.
//! ⁵ `beside` is the background markers' part of the scan work for each byte allocated, in the worst of the last cycles, while a processor is free for
//! them; otherwise, with a limit near, and in ³ and ⁴ it is zero. It is scan work as a cycle's end counts it, with the objects born while
//! marking, which nobody scans; so is what is expected. Twice of it is left to the markers: programs allocate in bursts, and a marker
//! catches up in the lull after one. If none comes the ratio grows as the room shrinks; after a quiet phase a rush may pass the goal by a twentieth. (Go has markers
//! earn credit that mutators draw on; that was tried: `docs/design/pacing.md`.)
//! ⁶ differs from Go, whose mutators stop altogether at the goal: here a refill of a few KiB never costs more than a few
//! MiB of scanning, for which the goal may be passed by a 1024th of the work.
//!
//! While the [limiter](super::limiter) is on nobody owes anything. A frame-based host owes in every frame what it allocated
//! since the last one owes: [`AssistRatio::debt`] is its time budget, too.

#![forbid(unsafe_code)]

use super::{LEAST_DISTANCE, Limiting, Plan, float, minus, plus, whole};
use heap_core::units::Bytes;

/// Scan work that is always assumed to be left, or the last of it would be nobody's.
const LEAST_WORK: Bytes = Bytes::new(1000);
/// Bytes scanned for a byte allocated, at most: more stops mutators for longer, less lets them pass the goal further.
const MOST_RATIO: f64 = 1024.0;
/// How much faster than in its last cycles a marker beside the mutators may have to become before these help it. More lets a heap in which there is
/// no lull pass its goal, since a refill pays for some microseconds at most; less has mutators mark what would have been marked for them.
const BURST: f64 = 2.0;

/// How far a cycle has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Progress {
    /// Size of the heap when the cycle began.
    pub begun: Bytes,
    /// Size of the heap now.
    pub heap: Bytes,
    /// Scan work done.
    pub done: Bytes,
    /// The most scan work there can be: slots that may hold references, in use when the cycle began, and roots.
    pub most: Bytes,
}

/// Bytes of scan work owed for each byte allocated: between 0 and 1024, never infinite.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
pub(crate) struct AssistRatio(f64);

impl AssistRatio {
    /// Nothing is owed.
    pub(crate) const ZERO: Self = Self(0.0);

    /// What a byte owes. See the module's text.
    pub(super) fn of(plan: &Plan, progress: &Progress, limiting: Limiting) -> Self {
        if limiting != Limiting::Off {
            return Self::ZERO;
        }
        let Progress { begun, heap, done, most } = *progress;
        let distance = minus(plan.goal, plan.trigger).max(LEAST_DISTANCE);
        let late = plus(begun, distance).min(plan.ceiling);
        let mut goal = plan.goal.max(late).max(plus(begun, LEAST_DISTANCE)); // ¹
        let (mut expected, mut beside) = (plan.expected_work.unwrap_or(most), plan.beside); // ²
        if done > expected {
            let extended = float(minus(goal, begun)) * (float(most) / float(expected.max(LEAST_WORK)));
            goal = plus(begun, whole(extended)).min(plan.hard_goal).max(goal);
            (expected, beside) = (most, 0.0); // ³
        }
        if heap >= goal {
            goal = plus(goal, Bytes::new(goal.get() / 10)).min(plan.ceiling).max(goal);
            (expected, beside) = (most, 0.0); // ⁴
        }
        let work = minus(expected, done).max(LEAST_WORK);
        let room = minus(goal, heap).max(Bytes::new(1));
        Self((float(work) / float(room) - BURST * beside).clamp(0.0, MOST_RATIO)) // ⁵ ⁶
    }

    /// Scan work owed for that many bytes.
    #[inline]
    #[must_use]
    pub(crate) fn debt(self, allocated: Bytes) -> Bytes {
        whole(float(allocated) * self.0)
    }

    /// Bytes of work for a byte.
    #[cfg(test)]
    #[must_use]
    pub(crate) fn per_byte(self) -> f64 {
        self.0
    }

    /// For a word that the collector writes and mutators read.
    #[must_use]
    pub(crate) fn to_bits(self) -> u64 {
        self.0.to_bits()
    }

    /// From such a word.
    #[must_use]
    pub(crate) fn from_bits(bits: u64) -> Self {
        let ratio = f64::from_bits(bits);
        Self(if ratio.is_nan() { 0.0 } else { ratio.clamp(0.0, MOST_RATIO) })
    }
}
