//! What a program of t20 came to.

use crate::error::LabError;
use crate::measure::scav_line::Told;
use crate::residence::reconcile::{Reconciliation, reconcile};
use crate::residence::{Moment, Timeline};
use tricolor::{Heap, SpanUse};

/// What a program came to.
pub(super) struct Outcome {
    /// The end of every round.
    pub(super) timeline: Timeline,
    /// The end of the last.
    pub(super) end: Moment,
    /// All spans then.
    pub(super) spans: SpanUse,
    /// Collections.
    pub(super) cycles: u64,
    /// Bytes given back, and rounds in which, as the scavenger's trace has them.
    pub(super) given_back: f64,
    pub(super) rounds: usize,
    /// Why so much is resident, or why that cannot be said.
    pub(super) explained: Result<Reconciliation, String>,
}

impl Outcome {
    pub(super) fn of(heap: &Heap, timeline: Timeline, told: &Told) -> Result<Self, LabError> {
        let rounds = told.rounds();
        let end = timeline.moments().last().copied();
        Ok(Self {
            end: end.ok_or_else(|| LabError::Measure(String::from("a program of no rounds")))?,
            timeline,
            spans: heap.fragmentation().total,
            cycles: heap.figures().cycles,
            given_back: rounds.iter().map(|round| (round.released + round.assisted).get() as f64).sum(),
            rounds: rounds.len(),
            explained: reconcile(heap).map_err(|error| error.to_string()),
        })
    }

    /// By how much resident memory grew from the end of the first round.
    pub(super) fn growth(&self) -> f64 {
        self.timeline.moments().first().map_or(f64::NAN, |first| self.end.resident - first.resident)
    }
}
