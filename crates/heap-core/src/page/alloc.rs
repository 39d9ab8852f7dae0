//! The page allocator: runs of pages taken by address, lowest first, and given back.
//!
//! It owns the bitmaps, the tree over them, the hint and the counters, and keeps B1 to B4 and B6 of [`crate::page`]
//! between calls. First fit by address is a promise: the heap stays at the low end of its reservation, and the
//! scavenger, which comes from the high end, finds what is least likely to be wanted soon.
//!
//! ```text
//!   reservation   [ chunk 0 ][ chunk 1 ][ chunk 2 ]┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄
//!                 ├──────── grown ──────────────┤   not grown: in use nowhere, free nowhere
//!                  in use ▲hint … free, released …
//! ```
//!
//! A page that is grown is in one of three states; the states of the memory behind them are those of [`crate::os`]:
//!
//! | in use | released | the page is | its memory is |
//! | --- | --- | --- | --- |
//! | 1 | 0 | in a run somebody took, or in a page cache | ready, or about to be made so by the taker |
//! | 0 | 0 | free | ready, with old contents |
//! | 0 | 1 | free | prepared or released |
//!
//! Cost: `take` looks at the hint's chunk first, else goes down the tree: the root, 64 rows and 16 entries of it at
//! most (in 16 TiB), and four levels of eight entries. Nothing here allocates but [`PageAlloc::grow`] now and then (a list of grown ranges).
//!
//! Called by the page heap, under its lock. Does not touch the pages, does not call the system (but for its tables in
//! [`PageAlloc::new`]), does not decide when to grow or to release.
#![forbid(unsafe_code)]

use core::ops::Range;

use super::CHUNK_PAGES;
use super::cache::PageCache;
use super::chunk::{self, PageBits, WORD_PAGES, WORDS, Words};
use super::summary::Summary;
use super::tree::{Place, Tree};
use crate::fault::{self, Fault};
use crate::meta::{Table, TableAccount};
use crate::os::{Os, OsError};
use crate::sync::Arc;
use crate::units::{Bytes, PageIndex, Pages};

/// A run of pages that now belongs to whoever asked for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "the pages stay in use until they are given back"]
pub struct PageRun {
    /// The first page.
    pub base: PageIndex,
    /// How many pages.
    pub pages: Pages,
    /// How many of them were released: they have to be made ready, and count as resident from now on.
    pub uncovered: Pages,
}

/// Chunks that one search for a run to release looks at: 256 are 1 GiB of heap, and some 20 µs.
pub const LOOKED_AT: usize = 256;

/// What a run to release must be like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WantedRun {
    /// At most so many pages, or one group of `align`.
    pub most: Pages,
    /// Whole groups of so many pages, counted from page 0: a power of two, at most a chunk.
    pub align: Pages,
    /// Of a chunk that has at least so many free pages, released or not.
    pub least_free: Pages,
    /// And had so many when the last cycle ended ([`PageAlloc::cycle_ended`]); none for any chunk.
    pub least_free_before: Pages,
}

/// What a search for a run to release came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "pages taken stay in use until they are given back"]
pub enum FreeRun {
    /// A run, in use from now on.
    Taken(PageRun),
    /// Nothing from this page up; what lies below has not been looked at.
    Further(PageIndex),
    /// There is none.
    None,
}

/// The pages of one reservation. See the module's text.
#[derive(Debug)]
pub struct PageAlloc {
    pub(super) tree: Tree,
    /// By chunk: pages in use.
    pub(super) in_use: Table<Words>,
    /// By chunk: pages released.
    pub(super) released: Table<Words>,
    /// Chunks grown: sorted, disjoint, not adjacent.
    pub(super) grown: Vec<Range<usize>>,
    /// By chunk: what it was like when the last cycle ended.
    past: Table<u64>,
    /// Cycles that have ended.
    cycles: u32,
    /// No page below this one is free (B3); no page at all if there is none.
    pub(super) hint: Option<PageIndex>,
    /// No page from this one up is free and not released (B9).
    pub(super) top: PageIndex,
    /// Whole chunks in the reservation.
    chunks: usize,
    pub(super) counts: Counts,
}

/// The sums of the bitmaps (B6).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Counts {
    pub(super) grown: Pages,
    pub(super) in_use: Pages,
    pub(super) released: Pages,
}

/// What a chunk was like when a cycle ended: the number of the cycle and the pages in use, in one word of the table. A chunk
/// that nothing was done to since an older cycle is now as it was then.
#[derive(Clone, Copy)]
struct Past {
    cycle: u32,
    in_use: u32,
}

impl Past {
    const fn of(word: u64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "the halves of a word")]
        Self { cycle: (word >> 32) as u32, in_use: word as u32 }
    }

    const fn word(self) -> u64 {
        (self.cycle as u64) << 32 | self.in_use as u64
    }
}

/// Where the memory of pages that become free is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Backing {
    /// With the process.
    Ready,
    /// With the system.
    Released,
}

/// The parts of pages `base..base + pages`, chunk by chunk: number of the chunk, first page in it, how many.
fn parts(base: PageIndex, pages: Pages) -> impl Iterator<Item = (usize, usize, usize)> {
    let (first, end) = (base.get(), base.plus(pages).get());
    chunks_of(base, pages).map(move |chunk| {
        let begin = chunk * chunk::PAGES;
        let from = first.max(begin);
        (chunk, from - begin, end.min(begin + chunk::PAGES) - from)
    })
}

/// The chunks that pages `base..base + pages` (not empty) touch.
fn chunks_of(base: PageIndex, pages: Pages) -> Range<usize> {
    base.get() / chunk::PAGES..base.plus(pages).get().div_ceil(chunk::PAGES)
}

impl PageAlloc {
    /// An allocator for a reservation of `total` pages, of which the whole chunks are used and none is grown. Takes
    /// four tables from the system and touches none of them.
    ///
    /// # Errors
    /// The system's, when it has no address space left for the tables.
    pub fn new(os: &Arc<dyn Os>, total: Pages) -> Result<Self, OsError> {
        let chunks = total.get() / chunk::PAGES;
        let tree = Tree::new(os, chunks)?;
        let in_use = Table::new(os, chunks)?;
        let released = Table::new(os, chunks)?;
        let past = Table::new(os, chunks)?;
        Ok(Self {
            tree,
            in_use,
            released,
            grown: Vec::new(),
            past,
            cycles: 0,
            hint: None,
            top: PageIndex::new(0),
            chunks,
            counts: Counts::default(),
        })
    }

    /// A cycle has ended, and nothing was swept since: what is in use of each chunk now is what a search may ask for
    /// ([`WantedRun::least_free_before`]).
    pub fn cycle_ended(&mut self) {
        // Past the last number a chunk may seem to have been noted in this cycle, and is passed over once, or not.
        self.cycles = self.cycles.wrapping_add(1);
    }

    /// Notes what a chunk is like, before anything is done to it for the first time since the last cycle ended.
    fn note(&mut self, chunk: usize) {
        let past = self.past.get_mut(chunk);
        if Past::of(*past).cycle != self.cycles {
            let in_use = self.in_use.get(chunk).count(0, chunk::PAGES);
            #[expect(clippy::cast_possible_truncation, reason = "a chunk has 512 pages")]
            let in_use = in_use as u32;
            *past = Past { cycle: self.cycles, in_use }.word();
        }
    }

    /// Pages of a chunk that were in use when the last cycle ended.
    fn in_use_before(&self, chunk: usize) -> usize {
        let past = Past::of(*self.past.get(chunk));
        if past.cycle == self.cycles && self.cycles > 0 {
            past.in_use as usize
        } else {
            self.in_use.get(chunk).count(0, chunk::PAGES)
        }
    }

    /// The pages of the reservation, grown or not: whole chunks.
    #[must_use]
    pub fn total(&self) -> Pages {
        Pages::new(self.chunks * chunk::PAGES)
    }

    /// The pages grown so far: in use or free.
    #[must_use]
    pub fn grown(&self) -> Pages {
        self.counts.grown
    }

    /// The pages taken and not given back, those in page caches included.
    #[must_use]
    pub fn in_use(&self) -> Pages {
        self.counts.in_use
    }

    /// The pages grown and not in use, released or not.
    #[must_use]
    pub fn free(&self) -> Pages {
        self.counts.grown - self.counts.in_use
    }

    /// Those of the free pages whose memory is with the system. Errs low by what page caches hold of them.
    #[must_use]
    pub fn released(&self) -> Pages {
        self.counts.released
    }

    /// The tables: the tree's, the two of bitmaps, and that of the past. As far as the highest chunk ever grown.
    #[must_use]
    pub fn tables(&self, os_page: Bytes) -> [TableAccount; 4] {
        let chunks = self.grown.last().map_or(0, |range| range.end);
        [
            self.tree.account(chunks, os_page),
            self.in_use.account(chunks),
            self.released.account(chunks),
            self.past.account(chunks),
        ]
    }

    /// The bitmaps of a chunk: pages in use, and pages released.
    #[must_use]
    pub(crate) fn bitmaps(&self, chunk: usize) -> (&[u64; WORDS], &[u64; WORDS]) {
        (self.in_use.get(chunk), self.released.get(chunk))
    }

    /// Adds whole chunks: free, and released, since fresh memory is with the system.
    ///
    /// # Panics
    /// If the range is empty, is not whole chunks, lies outside the reservation or was grown before.
    pub fn grow(&mut self, base: PageIndex, pages: Pages) {
        let whole = base.get().is_multiple_of(chunk::PAGES) && pages.get().is_multiple_of(chunk::PAGES);
        let fits = base.get().checked_add(pages.get()).is_some_and(|end| end <= self.total().get());
        assert!(
            whole && fits && pages > Pages::ZERO,
            "{base:?} and {pages:?} are not whole chunks of {:?}",
            self.total()
        );
        let added = chunks_of(base, pages);
        self.enter_grown(added.clone());
        for chunk in added.clone() {
            *self.released.get_mut(chunk) = [u64::MAX; WORDS];
            self.tree.put_leaf(chunk, Summary::all(chunk::PAGES));
        }
        self.tree.update(added);
        self.counts.grown += pages;
        self.counts.released += pages;
        self.lower_hint(base);
    }

    /// Enters chunks into the list of grown ones, joined with their neighbours.
    fn enter_grown(&mut self, added: Range<usize>) {
        let after = self.grown.partition_point(|range| range.start < added.start);
        let overlaps_before = after > 0 && self.grown[after - 1].end > added.start;
        let overlaps_after = self.grown.get(after).is_some_and(|range| range.start < added.end);
        assert!(!overlaps_before && !overlaps_after, "chunks {added:?} were grown before");
        let joins_before = after > 0 && self.grown[after - 1].end == added.start;
        let joins_after = self.grown.get(after).is_some_and(|range| range.start == added.end);
        match (joins_before, joins_after) {
            (true, true) => {
                self.grown[after - 1].end = self.grown[after].end;
                self.grown.remove(after);
            }
            (true, false) => self.grown[after - 1].end = added.end,
            (false, true) => self.grown[after].start = added.start,
            (false, false) => self.grown.insert(after, added),
        }
    }

    /// Takes the lowest free run of `pages` pages; `None` if there is none that long.
    ///
    /// # Panics
    /// If `pages` is zero.
    pub fn take(&mut self, pages: Pages) -> Option<PageRun> {
        let base = self.find_run(pages)?;
        Some(self.take_at(base, pages))
    }

    /// Free pages next to each other that end where `end` begins, at most `most`.
    #[must_use]
    pub fn free_before(&self, end: PageIndex, most: Pages) -> Pages {
        let is_free = |page: usize| {
            let word = self.in_use.get(page / chunk::PAGES)[page % chunk::PAGES / WORD_PAGES];
            word >> (page % WORD_PAGES) & 1 == 0
        };
        let free = (0..end.get()).rev().take(most.get()).take_while(|&page| is_free(page)).count();
        Pages::new(free)
    }

    /// Where [`PageAlloc::take`] would take such a run. For a caller who has to make the pages ready first, and to whom that
    /// may be refused: [`PageAlloc::take_at`] takes it then.
    ///
    /// # Panics
    /// If `pages` is zero.
    #[must_use]
    pub fn find_run(&mut self, pages: Pages) -> Option<PageIndex> {
        assert!(pages > Pages::ZERO, "a run of no pages");
        self.find(pages)
    }

    /// Takes the run that [`PageAlloc::find_run`] has just found.
    ///
    /// # Panics
    /// If the run is not free.
    pub fn take_at(&mut self, base: PageIndex, pages: Pages) -> PageRun {
        let uncovered = self.occupy(base, pages);
        // The hint is the lowest free page there was, so if that is where the run began, it lies behind the run now.
        if self.hint == Some(base) {
            self.raise_hint(base.plus(pages));
        }
        PageRun { base, pages, uncovered }
    }

    /// The lowest free run of `pages` pages. Raises the hint as far as the search could see.
    fn find(&mut self, pages: Pages) -> Option<PageIndex> {
        let hint = self.hint?;
        let near = hint.get() / chunk::PAGES;
        // Nothing below the hint is free, so what its chunk has is the lowest there is.
        if self.tree.leaf(near).max() >= pages.get() {
            return Some(self.find_inside(near, pages, hint));
        }
        let search = self.tree.find(pages.get(), hint);
        let lowest = search.lowest_free.map(|page| page.max(hint));
        self.hint = lowest;
        match (search.place?, lowest) {
            (Place::Straddle(base), _) => Some(base),
            (Place::Inside(chunk), Some(lowest)) => Some(self.find_inside(chunk, pages, lowest)),
            (Place::Inside(chunk), None) => panic!("B3: chunk {chunk} is free, and nothing is"),
        }
    }

    /// The lowest free run in a chunk that has one. If no page below the chunk is free, which `lowest` shows, the hint
    /// becomes the chunk's first free page.
    fn find_inside(&mut self, chunk: usize, pages: Pages, lowest: PageIndex) -> PageIndex {
        let begin = PageIndex::new(chunk * chunk::PAGES);
        let bits = self.in_use.get(chunk);
        let from = if lowest > begin { lowest.since(begin).get() } else { 0 };
        let (Some(first), Some(at)) = (bits.find_free(1, from), bits.find_free(pages.get(), from)) else {
            panic!("B1: chunk {chunk} has no {pages:?} from page {from} on: {:?}", self.tree.leaf(chunk));
        };
        if lowest >= begin {
            self.hint = Some(begin.plus(Pages::new(first)));
        }
        begin.plus(Pages::new(at))
    }

    /// Marks free pages in use, and says how many were released.
    fn occupy(&mut self, base: PageIndex, pages: Pages) -> Pages {
        let mut uncovered = 0;
        for (chunk, from, count) in parts(base, pages) {
            self.note(chunk);
            let in_use = self.in_use.get_mut(chunk);
            let released = self.released.get_mut(chunk);
            if count == chunk::PAGES {
                uncovered += released.count(0, count);
                *in_use = [u64::MAX; WORDS];
                *released = [0; WORDS];
                self.tree.put_leaf(chunk, Summary::NONE);
            } else {
                uncovered += released.count(from, count);
                in_use.set(from, count);
                if !fault::on(Fault::ReleasedBitKept) {
                    released.clear(from, count);
                }
                let summary = in_use.summarize();
                self.tree.put_leaf(chunk, summary);
            }
        }
        self.tree.update(chunks_of(base, pages));
        self.counts.in_use += pages;
        self.counts.released -= Pages::new(uncovered);
        Pages::new(uncovered)
    }

    /// Gives back pages that were taken: any part of a run, any number of adjacent runs.
    ///
    /// # Panics
    /// If a page was not in use.
    pub fn give_back(&mut self, base: PageIndex, pages: Pages) {
        self.vacate(base, pages, Backing::Ready);
    }

    /// Gives back pages that were taken and whose memory was released meanwhile, as after
    /// [`Self::take_free_run`].
    ///
    /// # Panics
    /// If a page was not in use.
    pub fn put_back_released(&mut self, base: PageIndex, pages: Pages) {
        self.vacate(base, pages, Backing::Released);
    }

    /// Marks pages in use free.
    fn vacate(&mut self, base: PageIndex, pages: Pages, backing: Backing) {
        assert!(pages > Pages::ZERO, "a run of no pages");
        for (chunk, from, count) in parts(base, pages) {
            self.note(chunk);
            let in_use = self.in_use.get_mut(chunk);
            let held = in_use.count(from, count);
            assert!(
                held == count,
                "{count} pages of chunk {chunk} given back, from {from} on; {held} were in use"
            );
            in_use.clear(from, count);
            let summary = if count == chunk::PAGES { Summary::all(count) } else { in_use.summarize() };
            self.tree.put_leaf(chunk, summary);
            if backing == Backing::Released {
                self.released.get_mut(chunk).set(from, count);
            }
        }
        if !fault::on(Fault::SummaryNotMerged) {
            self.tree.update(chunks_of(base, pages));
        }
        self.counts.in_use -= pages;
        if backing == Backing::Released {
            self.counts.released += pages;
            if fault::on(Fault::ReleaseCountedTwice) {
                self.counts.released += pages;
            }
        }
        if !fault::on(Fault::HintTooHigh) {
            self.lower_hint(base);
        }
        if backing == Backing::Ready {
            self.raise_top(base.plus(pages));
        }
    }

    /// Takes all that is free of the word of 64 pages around the lowest free page; `None` if nothing is free.
    pub fn take_cache(&mut self) -> Option<PageCache> {
        let page = self.find(Pages::new(1))?;
        let (chunk, word) = (page.get() / chunk::PAGES, page.get() % chunk::PAGES / WORD_PAGES);
        self.note(chunk);
        let in_use = self.in_use.get_mut(chunk);
        let free = !in_use[word];
        in_use[word] = u64::MAX;
        let released = core::mem::take(&mut self.released.get_mut(chunk)[word]);
        let summary = in_use.summarize();
        self.tree.put_leaf(chunk, summary);
        self.tree.update(chunk..chunk + 1);
        self.counts.in_use += Pages::new(free.count_ones() as usize);
        self.counts.released -= Pages::new(released.count_ones() as usize);
        let base = PageIndex::new(page.get() - page.get() % WORD_PAGES);
        self.raise_hint(base.plus(Pages::new(WORD_PAGES)));
        Some(PageCache::new(base, free, released))
    }

    /// Takes back what is left of a cache.
    ///
    /// # Panics
    /// If a page of the cache was not in use: it was given back behind the cache's back.
    pub fn put_cache(&mut self, cache: PageCache) {
        let (free, released) = (cache.free_bits(), cache.released_bits());
        if free == 0 {
            return;
        }
        let first = cache.base().get();
        let (chunk, word) = (first / chunk::PAGES, first % chunk::PAGES / WORD_PAGES);
        self.note(chunk);
        let in_use = self.in_use.get_mut(chunk);
        let held = in_use[word];
        assert!(
            held & free == free,
            "B7: a cache has {free:#x} of chunk {chunk}, of which {held:#x} are in use"
        );
        in_use[word] = held & !free;
        self.released.get_mut(chunk)[word] |= released;
        let summary = in_use.summarize();
        self.tree.put_leaf(chunk, summary);
        self.tree.update(chunk..chunk + 1);
        self.counts.in_use -= cache.free();
        self.counts.released += cache.released();
        self.lower_hint(cache.base().plus(Pages::new(free.trailing_zeros() as usize)));
        if free != released {
            self.raise_top(cache.base().plus(Pages::new(WORD_PAGES)));
        }
    }

    /// Takes, for releasing, the highest run of pages below page `below` that are free, not released, and as `wanted`. A run
    /// lies inside one chunk. Looks at [`LOOKED_AT`] chunks at most, so that whoever waits for the lock does not wait for a
    /// walk over a large heap.
    ///
    /// The pages are in use from now on, so that nobody takes them while they are with the system without a lock
    /// held. They go back by [`Self::put_back_released`], or by [`Self::give_back`] if the system refused. To go
    /// through the whole heap, call again with the run's base, or with the page of [`FreeRun::Further`], as `below`.
    ///
    /// # Panics
    /// If `wanted.align` is not a power of two, or above the size of a chunk.
    pub fn take_free_run(&mut self, below: PageIndex, wanted: &WantedRun) -> FreeRun {
        let align = wanted.align.get();
        assert!(align.is_power_of_two() && wanted.align <= CHUNK_PAGES, "groups of {:?}", wanted.align);
        if self.counts.released == self.free() {
            return FreeRun::None;
        }
        let most = (wanted.most.get() - wanted.most.get() % align).max(align);
        // Whether nothing above `end` is free and not released, as far as was seen.
        let mut is_top = below >= self.top;
        let mut end = below.min(self.top).get();
        for _ in 0..LOOKED_AT {
            let Some(chunk) = self.tree.highest_free_chunk(end.div_ceil(chunk::PAGES)) else {
                if is_top {
                    self.top = PageIndex::new(0);
                }
                return FreeRun::None;
            };
            let begin = chunk * chunk::PAGES;
            let in_use = self.in_use.get(chunk);
            let mut run: Words = [0; WORDS];
            for (word, (in_use, released)) in in_use.iter().zip(self.released.get(chunk)).enumerate() {
                run[word] = !(in_use | released);
            }
            if end < begin + chunk::PAGES {
                run.clear(end - begin, begin + chunk::PAGES - end);
            }
            is_top &= run == [0; WORDS];
            let in_use = in_use.count(0, chunk::PAGES);
            let is_wanted = chunk::PAGES - in_use >= wanted.least_free.get()
                && (wanted.least_free_before == Pages::ZERO
                    || fault::on(Fault::PastForgotten)
                    || chunk::PAGES - self.in_use_before(chunk) >= wanted.least_free_before.get());
            if is_wanted {
                run.keep_whole_groups(align);
                if let Some(run) = run.highest_set_run(most) {
                    let (base, pages) = (PageIndex::new(begin + run.start), Pages::new(run.len()));
                    let uncovered = self.occupy(base, pages);
                    debug_assert_eq!(uncovered, Pages::ZERO, "pages that are not released uncover nothing");
                    return FreeRun::Taken(PageRun { base, pages, uncovered });
                }
            }
            end = begin;
            if is_top {
                self.top = PageIndex::new(begin);
            }
        }
        FreeRun::Further(PageIndex::new(end))
    }

    /// Pages below `end` may be free and not released.
    fn raise_top(&mut self, end: PageIndex) {
        if !fault::on(Fault::TopTooLow) {
            self.top = self.top.max(end);
        }
    }

    /// Pages below `page` may be free no more, because `page` may be.
    fn lower_hint(&mut self, page: PageIndex) {
        self.hint = Some(self.hint.map_or(page, |hint| hint.min(page)));
    }

    /// No page below `page` is free.
    fn raise_hint(&mut self, page: PageIndex) {
        self.hint = (page.get() < self.total().get()).then_some(page);
    }
}

#[cfg(test)]
mod tests;
