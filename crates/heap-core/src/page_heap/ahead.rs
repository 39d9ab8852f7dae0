//! The side tables' memory, ahead of the heap's growth.
//!
//! A new span of 16-byte objects touches some 660 bytes of side tables that nobody touched before, so one in six takes a page fault,
//! in the middle of a mutator's refill. A fault is a microsecond, unless the system has no memory at hand: a virtual machine whose host
//! has to find, and clear, a large page for it stood still for 140 to 420 µs (traced; 2 MiB of memory take that long to clear). It
//! happened once for every 2 MiB or so of memory touched. Somebody who is not a mutator touches the tables first, therefore.
//!
//! ```text
//!   grown  = pages made accessible so far, and with them so many records and blocks
//!   target = min(goal * 9/8, 2 * grown), and at least grown * 17/16           ¹
//!   backed   records and blocks in proportion: used * target / grown          ²
//! ```
//!
//! ¹ A goal counts bytes in slots and not whole spans, and is passed by a little. A goal further away is not believed: nobody may
//! ever come there. ² As many for each page as up to now. Where that is too little, the mutator takes the fault.
//!
//! A heap of less than [`LEAST`] has few tables, and is left alone: so a small heap stays small.
#![forbid(unsafe_code)]

use super::PageHeap;
use crate::span::map::FIRST_BLOCK;
use crate::sync::atomic::Ordering::Relaxed;
use crate::units::{Bytes, Pages};
use core::ops::Range;

/// A heap that has not grown to so much is left alone: its tables are less than 1.5 MiB.
const LEAST: Bytes = Bytes::mib(16);
/// What is backed between two looks around: some 50 µs. Less costs more calls of the system.
const PIECE: usize = 256 << 10;

/// How much of the tables: what of them is for so many pages, records and blocks, the first ones.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Extent {
    pub(super) pages: usize,
    pub(super) records: usize,
    pub(super) blocks: usize,
}

impl Extent {
    /// The larger of each.
    pub(super) fn max(self, other: Self) -> Self {
        Self {
            pages: self.pages.max(other.pages),
            records: self.records.max(other.records),
            blocks: self.blocks.max(other.blocks),
        }
    }

    /// As much of each as `pages` has to do with these.
    fn scaled(self, pages: usize) -> Self {
        let part = |all: usize| {
            let scaled = all as u128 * pages as u128 / self.pages.max(1) as u128;
            usize::try_from(scaled).unwrap_or(usize::MAX)
        };
        Self { pages, records: part(self.records), blocks: part(self.blocks) }
    }
}

/// The piece of a range with number `at` of `pieces`.
fn piece(from: usize, to: usize, at: usize, pieces: usize) -> Range<usize> {
    let cut = |at: usize| from + to.saturating_sub(from) / pieces * at;
    cut(at)..if at + 1 == pieces { to.max(from) } else { cut(at + 1) }
}

impl PageHeap {
    /// What was ever used of the tables, and what is memory of them: the same, or more.
    pub(super) fn extents(&self) -> (Extent, Extent) {
        let records = self.records.lock();
        let blocks = if records.next_block == FIRST_BLOCK { 0 } else { records.next_block };
        let used = Extent {
            pages: self.grown.load(Relaxed),
            records: records.next_span as usize,
            blocks: blocks as usize,
        };
        (used, used.max(records.backed))
    }

    /// Bytes of the tables that are for so much.
    fn table_bytes(&self, extent: Extent) -> usize {
        let tables = self.map.tables(Pages::new(extent.pages), extent.records, extent.blocks);
        tables.iter().map(|table| table.used.get()).sum()
    }

    /// What is to be backed for a goal: from where, to where, and in how many pieces.
    fn ahead(&self, goal: Bytes) -> Option<(Extent, Extent, usize)> {
        let (used, backed) = self.extents();
        if used.pages < LEAST.pages_floor().get() {
            return None;
        }
        let goal = goal.get().saturating_add(goal.get() / 8) / Pages::new(1).bytes().get();
        let target = goal.min(used.pages * 2).max(used.pages + used.pages / 16);
        let target = target.min(self.space.len().pages_floor().get());
        let to = used.scaled(target).max(backed);
        let bytes = self.table_bytes(to) - self.table_bytes(backed);
        (bytes > PIECE).then_some((backed, to, bytes.div_ceil(PIECE)))
    }

    /// Whether [`PageHeap::back_tables`] has something to do.
    #[must_use]
    pub fn lacks_tables(&self, goal: Bytes) -> bool {
        self.ahead(goal).is_some()
    }

    /// Asks the system for the memory of the side tables that growing to a goal will need, as far as there is not enough; a piece of
    /// it at a time, while `goes_on`. Takes page faults, so it is for a thread that nobody waits for.
    pub fn back_tables(&self, goal: Bytes, mut goes_on: impl FnMut() -> bool) {
        let Some((from, to, pieces)) = self.ahead(goal) else { return };
        for at in 0..pieces {
            if !goes_on() {
                return;
            }
            let pages = piece(from.pages, to.pages, at, pieces);
            let records = piece(from.records, to.records, at, pieces);
            let blocks = piece(from.blocks, to.blocks, at, pieces);
            let done = Extent { pages: pages.end, records: records.end, blocks: blocks.end };
            self.map.back(pages, records, blocks);
            let mut records = self.records.lock();
            records.backed = records.backed.max(done);
        }
    }
}
