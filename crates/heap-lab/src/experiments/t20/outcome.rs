//! What a program of t20 came to.

use crate::error::LabError;
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
    /// Why so much is resident, or why that cannot be said.
    pub(super) explained: Result<Reconciliation, String>,
}

impl Outcome {
    pub(super) fn of(heap: &Heap, timeline: Timeline) -> Result<Self, LabError> {
        let end = timeline.moments().last().copied();
        Ok(Self {
            end: end.ok_or_else(|| LabError::Measure(String::from("a program of no rounds")))?,
            timeline,
            spans: heap.fragmentation().total,
            cycles: heap.figures().cycles,
            explained: reconcile(heap).map_err(|error| error.to_string()),
        })
    }

    /// By how much resident memory grew from the end of the first round.
    pub(super) fn growth(&self) -> f64 {
        self.timeline.moments().first().map_or(f64::NAN, |first| self.end.resident - first.resident)
    }
}
