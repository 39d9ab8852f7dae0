//! Remedies for memory that is kept by a few objects, and what each is predicted to come to.

use super::shapes::{Shapes, slots};
use crate::claim::Tolerance;

/// What is done about memory that is kept by a few objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Nothing.
    Nothing,
    /// `release_free_memory` after every round.
    Release,
    /// A memory limit of half of what it comes to.
    Limit,
    /// A tenth of the percentage.
    Percent,
    /// What is kept becomes values in an array.
    Values,
    /// What is kept is copied after the round.
    Copies,
    /// What is short-lived lies in large buffers.
    Buffers,
    /// What is short-lived has a heap of its own.
    Heaps,
}

impl Remedy {
    /// Every one, nothing first.
    pub(super) const ALL: [Self; 8] = [
        Self::Nothing,
        Self::Release,
        Self::Limit,
        Self::Percent,
        Self::Values,
        Self::Copies,
        Self::Buffers,
        Self::Heaps,
    ];

    /// Its name in figures.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Release => "release",
            Self::Limit => "limit",
            Self::Percent => "percent",
            Self::Values => "values",
            Self::Copies => "copies",
            Self::Buffers => "buffers",
            Self::Heaps => "heaps",
        }
    }

    /// For a reader.
    pub(super) fn what(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Release => "free memory given back after every round",
            Self::Limit => "a memory limit of half of that",
            Self::Percent => "gc_percent 10",
            Self::Values => "kept as values in an array for each round",
            Self::Copies => "kept objects copied when the round is over",
            Self::Buffers => "short-lived ones as values in buffers of 1 MiB",
            Self::Heaps => "a heap for each round, kept ones copied out",
        }
    }

    /// Whether it makes what is kept lie together.
    pub(super) fn packs(self) -> bool {
        match self {
            Self::Nothing | Self::Release | Self::Limit | Self::Percent => false,
            Self::Values | Self::Copies | Self::Buffers | Self::Heaps => true,
        }
    }

    /// Pages in use at the end, and why.
    pub(super) fn predicted(self, shapes: &Shapes) -> (&'static str, usize, Tolerance) {
        match self {
            Self::Nothing | Self::Release | Self::Limit | Self::Percent => {
                ("every page is kept by an object: as without", shapes.spans(), Tolerance::Relative(0.01))
            }
            Self::Values => (
                "an array for each round: whole pages, or a span that other arrays of its size may share",
                shapes.classes.iter().map(|class| shapes.pages_of_values(*class)).sum(),
                Tolerance::AtMost,
            ),
            Self::Copies | Self::Buffers | Self::Heaps => (
                "kept objects fill spans of their class: so many slots in a span, and one span begun",
                shapes
                    .classes
                    .iter()
                    // Copies go to slots beside the old ones, of which each span has one.
                    .map(|class| shapes.spans_of(*class).div_ceil(slots(*class) - 1) + 1)
                    .sum(),
                Tolerance::AtMost,
            ),
        }
    }
}
