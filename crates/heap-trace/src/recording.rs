//! A recording: what was recorded, in order, and what is needed to understand it.

use heap_gc::Record;
use std::collections::BTreeMap;
use std::time::Instant;

/// What a [`Recorder`](crate::Recorder) kept, by when it began.
#[derive(Clone, Debug)]
pub struct Recording {
    pub(crate) records: Vec<Record>,
    pub(crate) heaps: BTreeMap<u64, String>,
    pub(crate) dropped: u64,
    pub(crate) zero: Instant,
}

impl Recording {
    /// The records, by when they began; of those that began at once, the one that lasts longer is first.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// How many records were dropped meanwhile, for want of room or of a moment to put them. Not 0: spans and instants are missing,
    /// anywhere.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The name of a heap that was recorded; of those after the first 1024, its number.
    #[must_use]
    pub fn name(&self, heap: u64) -> String {
        self.heaps.get(&heap).cloned().unwrap_or_else(|| format!("heap {heap}"))
    }

    /// Nanoseconds since the recorder was made; 0 for what began before.
    pub(crate) fn nanos(&self, time: Instant) -> u64 {
        crate::fields::nanos(time.saturating_duration_since(self.zero))
    }
}
