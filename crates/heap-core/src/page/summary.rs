//! Summary: what one needs to know of many pages to find a free run among them.
//!
//! Three lengths, in pages: the free run at the *start*, the longest free run anywhere (*max*), the free run at the
//! *end*. Two neighbours merge to the summary of both:
//!
//! ```text
//!    free run:   ████······██   ███·····████····        start = 4                (of the left one)
//!                start      └────┘             end      max   = 2 + 3, or a max  (a run may straddle)
//!                    left          right                end   = 4                (of the right one)
//! ```
//!
//! Packed into a word: start in bits 0..21, max in 21..42, end in 42..63. The lengths go up to 2^21 (16 GiB, what an
//! entry of the root covers), which takes 22 bits, but only when all pages are free, and then all three are 2^21:
//! that one summary is bit 63 alone. (Layout after Go 1.27 `runtime/mpagealloc.go`.)
//!
//! Zero says that nothing is free, so a fresh table of summaries is right as it is.
#![forbid(unsafe_code)]

use core::fmt;

/// Bits of one field.
const FIELD: u32 = 21;
const MASK: u64 = (1 << FIELD) - 1;
/// The most pages one summary speaks of.
pub(super) const MOST: usize = 1 << FIELD;
/// Stands for (2^21, 2^21, 2^21).
const ALL_OF_MOST: u64 = 1 << 63;

/// The free runs of a range of pages. See the module's text.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub(super) struct Summary(u64);

impl Summary {
    /// Nothing is free.
    pub(super) const NONE: Self = Self(0);

    /// These three runs, in pages.
    #[inline]
    pub(super) fn new(start: usize, max: usize, end: usize) -> Self {
        debug_assert!(
            start <= max && end <= max && max <= MOST,
            "no pages look like ({start}, {max}, {end})"
        );
        if max == MOST {
            debug_assert!(
                start == MOST && end == MOST,
                "2^21 free pages are all there are: ({start}, {end})"
            );
            return Self(ALL_OF_MOST);
        }
        Self(start as u64 | (max as u64) << FIELD | (end as u64) << (2 * FIELD))
    }

    /// All of `pages` are free.
    #[inline]
    pub(super) fn all(pages: usize) -> Self {
        Self::new(pages, pages, pages)
    }

    /// The summary packed in `word`.
    #[inline]
    pub(super) const fn unpack(word: u64) -> Self {
        Self(word)
    }

    /// The summary in one word.
    #[inline]
    pub(super) const fn pack(self) -> u64 {
        self.0
    }

    /// Field number `index`, of 21 bits; or 2^21.
    #[inline]
    const fn field(self, index: u32) -> usize {
        if self.0 == ALL_OF_MOST {
            return MOST;
        }
        (self.0 >> (index * FIELD) & MASK) as usize
    }

    /// The length of the free run that begins with the first page.
    #[inline]
    pub(super) const fn start(self) -> usize {
        self.field(0)
    }

    /// The length of the longest free run.
    #[inline]
    pub(super) const fn max(self) -> usize {
        self.field(1)
    }

    /// The length of the free run that ends with the last page.
    #[inline]
    pub(super) const fn end(self) -> usize {
        self.field(2)
    }

    /// Whether no page is free.
    #[inline]
    pub(super) const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// The summary of all `children` in a row, each of which speaks of `pages` pages.
    pub(super) fn merge(children: &[u64], pages: usize) -> Self {
        let Runs { start, max, end } = Runs::merge(children, pages);
        Self::new(start, max, end)
    }
}

/// The three lengths of a summary, unpacked: for more pages than a packed one can speak of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Runs {
    pub(super) start: usize,
    pub(super) max: usize,
    pub(super) end: usize,
}

impl Runs {
    /// The runs of all `children` in a row, each of which speaks of `pages` pages.
    pub(super) fn merge(children: &[u64], pages: usize) -> Self {
        let (mut start, mut max) = (0, 0);
        // The free run that ends where the next child begins, and whether it is all there is so far.
        let (mut run, mut all_free) = (0, true);
        for &child in children {
            let child = Summary::unpack(child);
            if child.is_none() && run == 0 && !all_free {
                continue;
            }
            let joined = run + child.start();
            max = max.max(joined).max(child.max());
            if all_free {
                start = joined;
            }
            if child.start() == pages {
                run = joined;
            } else {
                run = child.end();
                all_free = false;
            }
        }
        Self { start, max, end: run }
    }
}

impl From<Summary> for Runs {
    #[inline]
    fn from(summary: Summary) -> Self {
        Self { start: summary.start(), max: summary.max(), end: summary.end() }
    }
}

impl fmt::Debug for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}, {}, {})", self.start(), self.max(), self.end())
    }
}

#[cfg(test)]
mod tests;
