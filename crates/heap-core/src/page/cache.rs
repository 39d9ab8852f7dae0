//! A mutator's own pages: up to 64, taken at once, handed out without the page heap's lock.
//!
//! A cache is one word of a chunk's bitmap: the pages that were free in it when it was taken
//! ([`PageAlloc::take_cache`](super::PageAlloc::take_cache)) became in use there and are free here. Most spans are a
//! page or two long, so most of them are cut out of a cache.
//!
//! ```text
//!   base ─▶ page   0 1 2 3 4 5 6 7 …
//!   free           1 1 0 0 1 1 1 0        what may be handed out
//!   released       0 0 0 0 1 1 0 0        of those, what uncovers memory when it is     (a part of `free`)
//! ```
//!
//! Invariants: `released` is a part of `free`; B7, the free pages are in use in the bitmap and in one cache only, so a
//! cache is neither copied nor forgotten: it goes back by [`PageAlloc::put_cache`](super::PageAlloc::put_cache).
//! Pages taken from a cache go back to the allocator, not to the cache.
#![forbid(unsafe_code)]

use super::alloc::PageRun;
use super::chunk::{WORD_PAGES, first_run, ones};
use crate::units::{PageIndex, Pages};

/// Pages of one mutator. See the module's text.
#[derive(Debug, Default)]
#[must_use = "its pages are lost unless the cache goes back"]
pub struct PageCache {
    base: PageIndex,
    free: u64,
    released: u64,
}

impl PageCache {
    /// The cache of the word of pages that begins at `base`.
    pub(super) fn new(base: PageIndex, free: u64, released: u64) -> Self {
        debug_assert!(base.get().is_multiple_of(WORD_PAGES), "a cache that begins at {base:?}");
        debug_assert!(released & !free == 0, "B4: released {released:#x} of the free {free:#x}");
        Self { base, free, released }
    }

    /// A cache of no pages: what a mutator begins with.
    pub const fn empty() -> Self {
        Self { base: PageIndex::new(0), free: 0, released: 0 }
    }

    /// Takes the lowest free run of `pages` pages out of the cache; `None` if it has none that long.
    ///
    /// # Panics
    /// If `pages` is zero.
    #[inline]
    #[must_use = "the run is taken"]
    pub fn take(&mut self, pages: Pages) -> Option<PageRun> {
        let count = pages.get();
        assert!(count > 0, "a run of no pages");
        if count > WORD_PAGES {
            return None;
        }
        let at = first_run(self.free, count)?;
        let taken = ones(at..at + count);
        let uncovered = Pages::new((self.released & taken).count_ones() as usize);
        self.free &= !taken;
        self.released &= !taken;
        Some(PageRun { base: self.base.plus(Pages::new(at)), pages, uncovered })
    }

    /// The run that [`PageCache::take`] would take, not taken. For a caller who has to make its pages ready first.
    ///
    /// # Panics
    /// If `pages` is zero.
    #[inline]
    #[must_use]
    pub fn peek(&self, pages: Pages) -> Option<PageRun> {
        Self { base: self.base, free: self.free, released: self.released }.take(pages)
    }

    /// Whether no page is left.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.free == 0
    }

    /// The pages left.
    #[must_use]
    pub fn free(&self) -> Pages {
        Pages::new(self.free.count_ones() as usize)
    }

    /// Those of the pages left whose memory is with the system.
    #[must_use]
    pub fn released(&self) -> Pages {
        Pages::new(self.released.count_ones() as usize)
    }

    /// The page that bit 0 of the words stands for.
    #[must_use]
    pub fn base(&self) -> PageIndex {
        self.base
    }

    /// The free pages, as bits.
    pub(super) fn free_bits(&self) -> u64 {
        self.free
    }

    /// The released ones of them, as bits.
    pub(super) fn released_bits(&self) -> u64 {
        self.released
    }
}

#[cfg(test)]
mod tests;
