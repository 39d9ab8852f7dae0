//! What the heap's growth needs of the system, ahead of it: memory of the side tables, and accessible pages.
//!
//! A new span of 16-byte objects touches some 660 bytes of side tables that nobody touched before, so one in six takes a page fault,
//! in the middle of a mutator's refill. A fault is a microsecond, unless the system has no memory at hand: a virtual machine whose host
//! has to find, and clear, a large page for it stood still for 140 to 420 µs (traced; 2 MiB of memory take that long to clear). It
//! happened once for every 2 MiB or so of memory touched. Somebody who is not a mutator touches the tables first, therefore.
//!
//! Likewise a heap that grows by 4 MiB makes as many of its pages accessible, and that is a system call that waits for whoever takes a
//! page fault meanwhile: 0.1 to 13 ms, up to 0.5 of them on the processor, with the lock of the pages held. So the same somebody makes pages
//! accessible that nobody has asked for yet, and a mutator that comes first does so for a sixteenth of the heap.
//!
//! ```text
//!   grown  = pages that the heap has grown to, and with them so many records and blocks
//!   target = min(goal * 9/8, 2 * grown), and at least grown * 17/16           ¹
//!   accessible   target, in whole chunks of 4 MiB
//!   backed       records and blocks in proportion: used * target / grown      ²
//! ```
//!
//! ¹ A goal counts bytes in slots and not whole spans, and is passed by a little. A goal further away is not believed: nobody may
//! ever come there. ² As many for each page as up to now. Where that is too little, the mutator takes the fault.
//!
//! A heap of less than [`LEAST`] has few tables, and is left alone: so a small heap stays small.
#![forbid(unsafe_code)]

use super::{CHUNK_PAGES, PageHeap};
use crate::os::OsError;
use crate::span::map::FIRST_BLOCK;
use crate::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::units::{Bytes, PageIndex, Pages};
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

    /// Makes the pages below `to` accessible, and some more. Under the lock of the pages.
    pub(super) fn reach(&self, to: usize) -> Result<(), OsError> {
        if to <= self.accessible.load(Acquire) {
            return Ok(());
        }
        let further = self.whole_chunks(to + to / 16);
        if further > to && self.make_accessible(further).is_ok() {
            return Ok(());
        }
        self.make_accessible(to)
    }

    /// Makes the pages below `to` accessible.
    fn make_accessible(&self, to: usize) -> Result<(), OsError> {
        // Nobody asks the system for the same page twice.
        let _alone = self.reaching.lock();
        let from = self.accessible.load(Acquire);
        if from < to {
            self.space.prepare(PageIndex::new(from).offset(), Pages::new(to - from).bytes())?;
            self.accessible.store(to, Release);
        }
        Ok(())
    }

    /// As many pages or a little fewer, in whole chunks, all inside the reservation.
    fn whole_chunks(&self, pages: usize) -> usize {
        let pages = pages.min(self.space.len().pages_floor().get());
        pages - pages % CHUNK_PAGES
    }

    /// Pages that a heap with a goal is made ready for, if it is not a small one.
    pub(crate) fn target(&self, used: usize, goal: Bytes) -> Option<usize> {
        if used < LEAST.pages_floor().get() {
            return None;
        }
        let goal = goal.get().saturating_add(goal.get() / 8).min(self.hard_limit.get())
            / Pages::new(1).bytes().get();
        let target = goal.min(used * 2).max(used + used / 16);
        Some(target.min(self.space.len().pages_floor().get()))
    }

    /// Below which page all are to be made accessible for a goal. Not for less than a thirty-second of the heap.
    fn out_of_reach(&self, goal: Bytes) -> Option<usize> {
        let used = self.grown.load(Relaxed);
        let to = self.whole_chunks(self.target(used, goal)?);
        (to >= self.accessible.load(Acquire) + (used / 32).max(CHUNK_PAGES)).then_some(to)
    }

    /// What of the tables is to be backed for a goal: from where, to where, and in how many pieces.
    fn unbacked(&self, goal: Bytes) -> Option<(Extent, Extent, usize)> {
        let (used, backed) = self.extents();
        let to = used.scaled(self.target(used.pages, goal)?).max(backed);
        let bytes = self.table_bytes(to) - self.table_bytes(backed);
        (bytes > PIECE).then_some((backed, to, bytes.div_ceil(PIECE)))
    }

    /// Whether [`PageHeap::ready_growth`] has something to do.
    #[must_use]
    pub(crate) fn is_ready_to_grow(&self, goal: Bytes) -> bool {
        self.out_of_reach(goal).is_none() && self.unbacked(goal).is_none()
    }

    /// Asks the system for what growing to a goal will need, as far as there is not enough: accessible pages, and, a piece at a time
    /// while `goes_on`, memory of the side tables. Takes page faults, so it is for a thread that nobody waits for. What the system
    /// refuses is left for the growth itself to ask for.
    pub(crate) fn ready_growth(&self, goal: Bytes, goes_on: impl FnMut() -> bool) {
        if let Some(to) = self.out_of_reach(goal) {
            self.make_accessible(to).ok();
        }
        self.back_tables(goal, goes_on);
    }

    /// The same for the side tables alone.
    pub fn back_tables(&self, goal: Bytes, mut goes_on: impl FnMut() -> bool) {
        let Some((from, to, pieces)) = self.unbacked(goal) else { return };
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
