//! The bitmap of a chunk: 512 pages in eight words.
//!
//! Page `p` of the chunk is bit `p % 64` of word `p / 64`. The allocator keeps two such bitmaps a chunk, of pages in
//! use and of pages released; the operations here are those of any bitmap of pages, so they are a trait on eight
//! words, which is what lies in the tables.
//!
//! Runs are found a word at a time: a run that began before a word and reaches into it is a carried length; a run
//! inside a word comes from [`run_starts`]. A reference version of each that goes page by page is in the tests.
//!
//! Called by [`super::alloc`] and [`super::cache`]; knows nothing of addresses or of other chunks.
#![forbid(unsafe_code)]

use core::ops::Range;

use super::summary::Summary;

/// Pages in a chunk.
pub(super) const PAGES: usize = 512;
/// Pages in a word of a bitmap.
pub(super) const WORD_PAGES: usize = u64::BITS as usize;
/// Words of a bitmap.
pub(super) const WORDS: usize = PAGES / WORD_PAGES;

/// The words of one bitmap.
pub(super) type Words = [u64; WORDS];

/// The positions in `bits` from which `len` ones follow (`1..=64`), as bits. Each step doubles the length known to
/// follow, so it takes log2 of `len` of them.
#[inline]
pub(super) fn run_starts(bits: u64, len: usize) -> u64 {
    debug_assert!((1..=WORD_PAGES).contains(&len), "a run of {len} in a word");
    let (mut starts, mut known) = (bits, 1);
    while known < len {
        let step = known.min(len - known);
        starts &= starts >> step;
        known += step;
    }
    starts
}

/// The lowest position in `bits` from which `len` ones follow (`1..=64`).
#[inline]
pub(super) fn first_run(bits: u64, len: usize) -> Option<usize> {
    let starts = run_starts(bits, len);
    (starts != 0).then_some(starts.trailing_zeros() as usize)
}

/// A word whose bits `range` (of 0..64, not empty) are ones.
#[inline]
pub(super) fn ones(range: Range<usize>) -> u64 {
    u64::MAX >> (WORD_PAGES - range.len()) << range.start
}

/// The words that pages `from..from + pages` of a chunk touch, each with the bits it has of them.
#[inline]
fn pieces(from: usize, pages: usize) -> impl Iterator<Item = (usize, u64)> {
    debug_assert!(pages > 0 && from + pages <= PAGES, "pages {from}+{pages} of a chunk");
    let end = from + pages;
    (from / WORD_PAGES..=(end - 1) / WORD_PAGES).map(move |word| {
        let base = word * WORD_PAGES;
        (word, ones(from.max(base) - base..end.min(base + WORD_PAGES) - base))
    })
}

/// A bitmap of the pages of a chunk. "Free" reads the bitmap as the one of pages in use: a zero is a free page.
pub(super) trait PageBits {
    /// Sets the bits of `pages` pages from page `from` on.
    fn set(&mut self, from: usize, pages: usize);
    /// Clears them.
    fn clear(&mut self, from: usize, pages: usize);
    /// How many of them are set.
    fn count(&self, from: usize, pages: usize) -> usize;
    /// The first of `pages` free pages in a row, at or after page `from`: the lowest there is.
    fn find_free(&self, pages: usize, from: usize) -> Option<usize>;
    /// The free runs.
    fn summarize(&self) -> Summary;
    /// Keeps the set bits of those groups of `align` pages (a power of two, at most 512; the first begins with page
    /// 0) that are set from end to end, and clears all others.
    fn keep_whole_groups(&mut self, align: usize);
    /// The set run that ends highest: its last `most` pages, if it is longer.
    fn highest_set_run(&self, most: usize) -> Option<Range<usize>>;
}

impl PageBits for Words {
    fn set(&mut self, from: usize, pages: usize) {
        for (word, bits) in pieces(from, pages) {
            self[word] |= bits;
        }
    }

    fn clear(&mut self, from: usize, pages: usize) {
        for (word, bits) in pieces(from, pages) {
            self[word] &= !bits;
        }
    }

    fn count(&self, from: usize, pages: usize) -> usize {
        pieces(from, pages).map(|(word, bits)| (self[word] & bits).count_ones() as usize).sum()
    }

    fn find_free(&self, pages: usize, from: usize) -> Option<usize> {
        debug_assert!(pages > 0 && from < PAGES, "{pages} free pages from page {from} of a chunk");
        // The free run that ends where the word begins.
        let mut run = 0;
        let mut below = u64::MAX << (from % WORD_PAGES);
        for (word, &in_use) in self.iter().enumerate().skip(from / WORD_PAGES) {
            let free = !in_use & core::mem::replace(&mut below, u64::MAX);
            let base = word * WORD_PAGES;
            if run + free.trailing_ones() as usize >= pages {
                return Some(base - run);
            }
            if pages <= WORD_PAGES
                && let Some(inside) = first_run(free, pages)
            {
                return Some(base + inside);
            }
            run = if free == u64::MAX { run + WORD_PAGES } else { free.leading_ones() as usize };
        }
        None
    }

    fn summarize(&self) -> Summary {
        let (mut start, mut max, mut run) = (None, 0, 0);
        for &in_use in self {
            let free = !in_use;
            if free == u64::MAX {
                run += WORD_PAGES;
                continue;
            }
            let joined = run + free.trailing_ones() as usize;
            start = start.or(Some(joined));
            max = max.max(joined);
            // A run that touches neither end of its word has at most 62 pages; only a longer one than known counts.
            if max < WORD_PAGES - 2 {
                let mut longer = run_starts(free, max + 1);
                while longer != 0 {
                    max += 1;
                    longer &= longer >> 1;
                }
            }
            run = free.leading_ones() as usize;
        }
        Summary::new(start.unwrap_or(run), max.max(run), run)
    }

    fn keep_whole_groups(&mut self, align: usize) {
        debug_assert!(align.is_power_of_two() && align <= PAGES, "groups of {align} pages");
        if align <= WORD_PAGES {
            // One bit a group: its first.
            let firsts = u64::MAX / ones(0..align);
            for word in self {
                // A group is its first bit, times `align` ones.
                *word = (run_starts(*word, align) & firsts).wrapping_mul(ones(0..align));
            }
        } else {
            for group in self.chunks_exact_mut(align / WORD_PAGES) {
                if group.iter().any(|&word| word != u64::MAX) {
                    group.fill(0);
                }
            }
        }
    }

    fn highest_set_run(&self, most: usize) -> Option<Range<usize>> {
        let last = self.iter().rposition(|&word| word != 0)?;
        let end = (last + 1) * WORD_PAGES - self[last].leading_zeros() as usize;
        let mut start = end;
        // Down a word at a time: how many ones lie directly below `start` in its word.
        while start > 0 && end - start < most {
            let word = (start - 1) / WORD_PAGES;
            let unseen = (word + 1) * WORD_PAGES - start;
            let set = (self[word] << unseen).leading_ones() as usize;
            start -= set;
            if set == 0 || start != word * WORD_PAGES {
                break;
            }
        }
        Some(start.max(end.saturating_sub(most))..end)
    }
}

#[cfg(test)]
mod tests;
