//! The tree of summaries: five levels over all chunks of the reservation, eight children a node.
//!
//! ```text
//!   level 0   ▪▪▪ … as many as the reservation needs            16 GiB an entry
//!   level 1   ▪▪▪▪▪▪▪▪ ▪▪▪▪▪▪▪▪ …                                 2 GiB
//!   level 2   ▪▪▪▪▪▪▪▪ ▪▪▪▪▪▪▪▪ …                               256 MiB
//!   level 3   ▪▪▪▪▪▪▪▪ ▪▪▪▪▪▪▪▪ …                                32 MiB
//!   level 4   ▪▪▪▪▪▪▪▪ ▪▪▪▪▪▪▪▪ …   one a chunk                   4 MiB
//! ```
//!
//! The levels lie behind each other in one lazily backed table, so the tree of a small heap touches a handful of
//! OS pages, whatever the reservation. The children of entry `i` are entries `8i..8i + 8` of the level below.
//!
//! A long root would make searches in a large heap slow, so 16 entries of it, 256 GiB, make a *row*, whose free runs are
//! kept beside the tree, unpacked, because they do not fit a summary.
//!
//! *Finding* `n` pages goes along a level from the left with the free run carried so far. The first entry where
//! carried run and `start` make `n` ends the search: the run straddles the border before it. The first entry whose
//! `max` is at least `n` is entered, and the level below is gone along, eight entries of it. Straddles come before
//! what lies inside, at every level, so what is found is the lowest there is. First the rows are gone along,
//! from the one of the hint: at most 64 of them in 16 TiB, then 16 entries of the root, then four times eight.
//!
//! *Changing* a chunk's summary goes up while something changes. A change below that leaves a node's summary as it
//! was cannot change anything above it.
//!
//! Holds B1 and B2 together with [`super::alloc`], which owns the bitmaps. Knows nothing of bitmaps, hints or counters.
#![forbid(unsafe_code)]

use core::ops::Range;

use super::chunk;
use super::summary::{MOST, Runs, Summary};
use crate::meta::{Table, TableAccount};
use crate::os::{Os, OsError};
use crate::sync::Arc;
use crate::units::{Bytes, PageIndex};

/// Levels of the tree.
pub(super) const LEVELS: usize = 5;
/// The level of the chunks.
pub(super) const LEAF: usize = LEVELS - 1;
/// Children of a node.
pub(super) const FANOUT: usize = 8;

/// Entries of the root in a row. A search goes along the rows, 64 of them in 16 TiB, and one row; longer rows would
/// make them fewer, and each change that reaches the root, which merges a row, dearer.
pub(super) const ROW: usize = 16;

/// Pages that one entry of `level` speaks of.
#[inline]
pub(super) const fn entry_pages(level: usize) -> usize {
    chunk::PAGES << ((LEAF - level) * FANOUT.ilog2() as usize)
}

const _: () = assert!(entry_pages(LEAF) == chunk::PAGES && entry_pages(0) == MOST);

/// The summaries of all chunks. See the module's text.
#[derive(Debug)]
pub(super) struct Tree {
    entries: Table<u64>,
    /// Where in `entries` each level begins.
    begins: [usize; LEVELS],
    /// How many entries the root has.
    roots: usize,
    /// The free runs of each [`ROW`] entries of the root; the last one may be short.
    rows: Box<[Runs]>,
}

/// Where a search ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// The run begins here and straddles chunks.
    Straddle(PageIndex),
    /// The run lies inside the chunk with this number.
    Inside(usize),
}

/// What a search found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Search {
    /// The lowest run that is long enough.
    pub(super) place: Option<Place>,
    /// No page below this one is free; none at all if there is none.
    pub(super) lowest_free: Option<PageIndex>,
}

impl Tree {
    /// A tree for `chunks` chunks, none of them free. Touches nothing.
    ///
    /// # Errors
    /// The system's, when it has no address space left for the table.
    pub(super) fn new(os: &Arc<dyn Os>, chunks: usize) -> Result<Self, OsError> {
        let roots = chunks.div_ceil(entry_pages(0) / chunk::PAGES).max(1);
        let (mut begins, mut end, mut entries) = ([0; LEVELS], 0, roots);
        for begin in &mut begins {
            *begin = end;
            end += entries;
            entries *= FANOUT;
        }
        // The table first: it refuses what no machine has room for, and then the rows are few.
        let entries = Table::new(os, end)?;
        let rows = vec![Runs::default(); roots.div_ceil(ROW)].into_boxed_slice();
        Ok(Self { entries, begins, roots, rows })
    }

    /// How many entries the root has.
    pub(super) fn roots(&self) -> usize {
        self.roots
    }

    /// The tree's table, if its first `chunks` chunks were ever touched. Each level is touched as far as they reach; what of
    /// several levels lies in one page of the system counts once.
    pub(super) fn account(&self, chunks: usize, os_page: Bytes) -> TableAccount {
        let (mut whole, page) = (self.entries.account(0), os_page.get());
        let (mut used, mut counted) = (0, 0);
        for (level, begin) in self.begins.iter().enumerate() {
            let touched =
                (chunk::PAGES * chunks).div_ceil(entry_pages(level)).min(self.entries.len() - begin);
            if touched > 0 {
                let first = (begin * size_of::<u64>() / page).max(counted);
                let end = ((begin + touched) * size_of::<u64>()).div_ceil(page);
                used += end.saturating_sub(first) * page;
                counted = counted.max(end);
            }
        }
        whole.used = Bytes::new(used).min(whole.mapping.len);
        whole
    }

    /// The free runs of each row of the root.
    pub(super) fn rows(&self) -> &[Runs] {
        &self.rows
    }

    /// The entries of the root in a row.
    pub(super) fn row(&self, row: usize) -> Range<usize> {
        row * ROW..self.roots.min((row + 1) * ROW)
    }

    /// The entries of a level with numbers in `range`.
    #[inline]
    pub(super) fn level(&self, level: usize, range: Range<usize>) -> &[u64] {
        let begin = self.begins[level];
        self.entries.slice(begin + range.start..begin + range.end)
    }

    /// The summary of entry `index` of a level.
    #[inline]
    pub(super) fn summary(&self, level: usize, index: usize) -> Summary {
        Summary::unpack(*self.entries.get(self.begins[level] + index))
    }

    /// The summary of a chunk.
    #[inline]
    pub(super) fn leaf(&self, chunk: usize) -> Summary {
        self.summary(LEAF, chunk)
    }

    /// Puts the summary of a chunk. The levels above are wrong until [`Self::update`] was called for it.
    #[inline]
    pub(super) fn put_leaf(&mut self, chunk: usize, summary: Summary) {
        *self.entries.get_mut(self.begins[LEAF] + chunk) = summary.pack();
    }

    /// Makes the levels above the chunks in `changed` (not empty) right again.
    pub(super) fn update(&mut self, changed: Range<usize>) {
        let (mut first, mut last) = (changed.start, changed.end - 1);
        for level in (0..LEAF).rev() {
            (first, last) = (first / FANOUT, last / FANOUT);
            let mut any = false;
            for index in first..=last {
                let children = self.level(level + 1, index * FANOUT..(index + 1) * FANOUT);
                let merged = Summary::merge(children, entry_pages(level + 1)).pack();
                let entry = self.entries.get_mut(self.begins[level] + index);
                any |= *entry != merged;
                *entry = merged;
            }
            if !any {
                return;
            }
        }
        for row in first / ROW..=last / ROW {
            self.rows[row] = Runs::merge(self.level(0, self.row(row)), entry_pages(0));
        }
    }

    /// Finds the lowest free run of `pages` pages; no page below `hint` is free.
    pub(super) fn find(&self, pages: usize, hint: PageIndex) -> Search {
        let mut lowest = Lowest::Unknown;
        let near = hint.get() / entry_pages(0) / ROW;
        let rows = self.rows.iter().copied().skip(near);
        let row = match go_along(rows, near, ROW * entry_pages(0), pages, &mut lowest) {
            Step::Straddle(at) => return Search::straddle(at, lowest),
            Step::Nothing => return Search { place: None, lowest_free: lowest.known() },
            Step::Enter(row) => row,
        };
        let mut range = self.row(row);
        for level in 0..LEVELS {
            let first = range.start;
            let entries = self.level(level, range).iter().map(|&entry| Runs::from(Summary::unpack(entry)));
            let entered = match go_along(entries, first, entry_pages(level), pages, &mut lowest) {
                Step::Straddle(at) => return Search::straddle(at, lowest),
                Step::Nothing => {
                    panic!("B2: {pages} free pages promised from entry {first} of level {level} on")
                }
                Step::Enter(entered) => entered,
            };
            if level == LEAF {
                return Search { place: Some(Place::Inside(entered)), lowest_free: lowest.known() };
            }
            range = entered * FANOUT..(entered + 1) * FANOUT;
        }
        unreachable!("the last level returns");
    }

    /// The highest chunk below chunk number `below` that has a free page.
    pub(super) fn highest_free_chunk(&self, below: usize) -> Option<usize> {
        // Up: in the part of the node that lies left of `end`, else left of the node, one level higher.
        let (mut level, mut end) = (LEAF, below);
        let mut found = loop {
            let first = if level == 0 { 0 } else { end - end % FANOUT };
            if let Some(at) = self.level(level, first..end).iter().rposition(|&entry| entry != 0) {
                break first + at;
            }
            level = level.checked_sub(1)?;
            end /= FANOUT;
        };
        // Down: the last child that has one.
        while level < LEAF {
            level += 1;
            let first = found * FANOUT;
            let child = self.level(level, first..first + FANOUT).iter().rposition(|&entry| entry != 0);
            let Some(child) = child else {
                panic!("B2: entry {found} of level {} says that something below is free", level - 1);
            };
            found = first + child;
        }
        Some(found)
    }
}

/// Where going along some entries ended.
enum Step {
    /// At a run that begins here and straddles entries.
    Straddle(PageIndex),
    /// At the entry with this number, which holds a run that is long enough.
    Enter(usize),
    /// Nowhere.
    Nothing,
}

/// Goes along `entries` of `size` pages each, the first of which has number `first`, to the lowest free run of
/// `pages` pages. Notes what it sees of the lowest free page.
#[inline]
fn go_along(
    entries: impl Iterator<Item = Runs>,
    first: usize,
    size: usize,
    pages: usize,
    lowest: &mut Lowest,
) -> Step {
    // The free run that ends where the entry begins.
    let mut run = 0;
    for (index, Runs { start, max, end }) in (first..).zip(entries) {
        if max == 0 {
            run = 0;
            continue;
        }
        let base = index * size;
        if run + start >= pages {
            return Step::Straddle(PageIndex::new(base - run));
        }
        if max >= pages {
            *lowest = lowest.narrowed(PageIndex::new(base));
            return Step::Enter(index);
        }
        // Something is free here, but not what is looked for: the lowest free page is not below.
        *lowest = lowest.settled(PageIndex::new(base));
        run = if start == size { run + size } else { end };
    }
    Step::Nothing
}

impl Search {
    /// The run begins at `at`, over a border.
    fn straddle(at: PageIndex, lowest: Lowest) -> Self {
        Self { place: Some(Place::Straddle(at)), lowest_free: Some(lowest.or(at)) }
    }
}

/// What a search knows of the lowest free page: nothing yet; that it lies in the entry being entered, so that a
/// lower level may say more; or all it will know.
#[derive(Clone, Copy, Debug)]
enum Lowest {
    Unknown,
    Within(PageIndex),
    Settled(PageIndex),
}

impl Lowest {
    /// An entry that begins at `base` has free pages and is not entered.
    fn settled(self, base: PageIndex) -> Self {
        match self {
            Self::Settled(_) => self,
            Self::Unknown | Self::Within(_) => Self::Settled(base),
        }
    }

    /// An entry that begins at `base` has free pages and is entered.
    fn narrowed(self, base: PageIndex) -> Self {
        match self {
            Self::Settled(_) => self,
            Self::Unknown | Self::Within(_) => Self::Within(base),
        }
    }

    /// No page below this one is free, given that `found` is free.
    fn or(self, found: PageIndex) -> PageIndex {
        match self {
            Self::Settled(page) => page,
            Self::Unknown | Self::Within(_) => found,
        }
    }

    fn known(self) -> Option<PageIndex> {
        match self {
            Self::Unknown => None,
            Self::Within(page) | Self::Settled(page) => Some(page),
        }
    }
}

#[cfg(test)]
mod tests;
