//! The verifier of the page allocator: recomputes everything from the bitmaps, the slow way, and compares.
//!
//! It shares no code with what it checks: runs are counted page by page, merges go over the runs' ends. It looks
//! at the grown chunks and at every entry of the tree above them, and holds all entries beside those to zero. Its
//! cost is linear in the grown pages; it is for tests and checked builds.
#![forbid(unsafe_code)]

use super::alloc::{Counts, PageAlloc};
use super::cache::PageCache;
use super::chunk::{self, WORD_PAGES, Words};
use super::summary::{Runs, Summary};
use super::tree::{FANOUT, LEAF, entry_pages};
use crate::units::Pages;

/// The summary of a row of free (`true`) and other pages, page by page.
fn summary_of(free: impl Iterator<Item = bool>) -> Summary {
    let (mut start, mut max, mut run) = (None, 0, 0);
    for free in free {
        if free {
            run += 1;
            max = max.max(run);
        } else {
            start = start.or(Some(run));
            run = 0;
        }
    }
    Summary::new(start.unwrap_or(run), max, run)
}

/// Whether page `page` of a chunk is set.
fn is_set(bits: &Words, page: usize) -> bool {
    bits[page / WORD_PAGES] >> (page % WORD_PAGES) & 1 == 1
}

/// The merge of children of `pages` pages each: as free runs between borders.
fn merge_of(children: &[Summary], pages: usize) -> Runs {
    let whole = |summary: &Summary| summary.start() == pages;
    let prefix = children.iter().take_while(|child| whole(child)).count();
    let suffix = children.iter().rev().take_while(|child| whole(child)).count();
    let start = prefix * pages + children.get(prefix).map_or(0, |child| child.start());
    let end = suffix * pages + children.iter().rev().nth(suffix).map_or(0, |child| child.end());
    let mut max = children.iter().map(|child| child.max()).max().unwrap_or(0);
    for (at, child) in children.iter().enumerate() {
        let whole_after = children[at + 1..].iter().take_while(|child| whole(child)).count();
        let tail = children.get(at + 1 + whole_after).map_or(0, |child| child.start());
        max = max.max(child.end() + whole_after * pages + tail);
    }
    Runs { start, max, end }
}

impl PageAlloc {
    /// Checks B1, B2, B3, B4, B6 and B9 of [`crate::page`]. For tests and checked builds: linear in the grown pages.
    ///
    /// # Errors
    /// The first invariant found broken, with the figures that show it.
    pub fn check(&self) -> Result<(), String> {
        let mut counts = Counts::default();
        for range in &self.grown {
            for chunk in range.clone() {
                self.check_chunk(chunk, &mut counts)?;
            }
        }
        if counts != self.counts {
            return Err(format!("B6: the bitmaps add up to {counts:?}, the counters say {:?}", self.counts));
        }
        for root in 0..self.tree.roots() {
            self.check_entry(0, root)?;
        }
        for (number, &row) in self.tree.rows().iter().enumerate() {
            let roots: Vec<_> = self.tree.row(number).map(|root| self.tree.summary(0, root)).collect();
            let merged = merge_of(&roots, entry_pages(0));
            if merged != row {
                return Err(format!(
                    "B2: row {number} of the root is {row:?}, its entries merge to {merged:?}"
                ));
            }
        }
        Ok(())
    }

    /// B1, B3, B4 and B9 of one grown chunk; adds its pages to `counts`.
    fn check_chunk(&self, chunk: usize, counts: &mut Counts) -> Result<(), String> {
        let (in_use, released) = (self.in_use.get(chunk), self.released.get(chunk));
        let summary = summary_of((0..chunk::PAGES).map(|page| !is_set(in_use, page)));
        if summary != self.tree.leaf(chunk) {
            return Err(format!("B1: chunk {chunk} is {summary:?}, its summary {:?}", self.tree.leaf(chunk)));
        }
        for page in 0..chunk::PAGES {
            let index = chunk * chunk::PAGES + page;
            if is_set(in_use, page) {
                counts.in_use += Pages::new(1);
                if is_set(released, page) {
                    return Err(format!("B4: page {index} is in use and released"));
                }
            } else if self.hint.is_none_or(|hint| index < hint.get()) {
                return Err(format!("B3: page {index} is free, below the hint {:?}", self.hint));
            } else if is_set(released, page) {
                counts.released += Pages::new(1);
            } else if index >= self.top.get() {
                return Err(format!(
                    "B9: page {index} is free and not released, above the top {:?}",
                    self.top
                ));
            }
        }
        counts.grown += Pages::new(chunk::PAGES);
        Ok(())
    }

    /// B2 of an entry and of all below it; of the chunks not grown, B1.
    fn check_entry(&self, level: usize, index: usize) -> Result<(), String> {
        let summary = self.tree.summary(level, index);
        let chunks = entry_pages(level) / chunk::PAGES;
        let covered = index * chunks..(index + 1) * chunks;
        let grown = self.grown.iter().any(|range| range.start < covered.end && covered.start < range.end);
        if !grown {
            return if summary.is_none() {
                Ok(())
            } else {
                Err(format!("B1: entry {index} of level {level} is {summary:?}, and nothing there is grown"))
            };
        }
        if level == LEAF {
            return Ok(());
        }
        let below = index * FANOUT..(index + 1) * FANOUT;
        let children: Vec<_> = below.clone().map(|child| self.tree.summary(level + 1, child)).collect();
        let merged = merge_of(&children, entry_pages(level + 1));
        if merged != Runs::from(summary) {
            return Err(format!(
                "B2: entry {index} of level {level} is {summary:?}, its children {children:?} merge to {merged:?}"
            ));
        }
        below.into_iter().try_for_each(|child| self.check_entry(level + 1, child))
    }

    /// Checks B7 for all page caches there are.
    ///
    /// # Errors
    /// The first cache found broken, with the figures that show it.
    pub fn check_caches(&self, caches: &[&PageCache]) -> Result<(), String> {
        for (number, cache) in caches.iter().enumerate() {
            let (base, free, released) = (cache.base(), cache.free_bits(), cache.released_bits());
            if free == 0 {
                continue;
            }
            if released & !free != 0 {
                return Err(format!(
                    "B4: the cache at {base:?} has {released:#x} released of {free:#x} free"
                ));
            }
            let in_use = self.in_use.get(base.get() / chunk::PAGES)[base.get() % chunk::PAGES / WORD_PAGES];
            if free & !in_use != 0 {
                return Err(format!("B7: the cache at {base:?} has {free:#x}, in use are {in_use:#x}"));
            }
            let twice =
                caches[..number].iter().find(|other| other.base() == base && other.free_bits() & free != 0);
            if let Some(other) = twice {
                return Err(format!(
                    "B7: {base:?}: {free:#x} and {:#x} are in two caches",
                    other.free_bits()
                ));
            }
        }
        Ok(())
    }
}
