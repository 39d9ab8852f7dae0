//! Pages: which of the reservation's 8 KiB pages are free, and where the next run of them is.
//!
//! The picture, from the bottom:
//!
//! ```text
//!   page        8 KiB; one bit says in use, one says released (its memory is with the system)
//!   chunk       512 pages, 4 MiB: two bitmaps of 8 words                                     chunk.rs
//!   summary     (start, max, end): the free run at the front, the longest one, the one at the back,
//!               of a chunk or of 8 neighbours; three 21-bit numbers in one word             summary.rs
//!   tree        five levels of summaries: 4 MiB, 32 MiB, 256 MiB, 2 GiB, 16 GiB an entry    tree.rs
//!   allocator   takes runs by address, lowest first; gives back; counts                     alloc.rs
//!   cache       64 pages taken at once for one mutator, handed out without the lock         cache.rs
//! ```
//!
//! The shape is that of Go's page allocator (Go 1.27 `runtime/mpagealloc.go`), with the root as long as the
//! reservation needs: one entry for 16 GiB, 1024 for 16 TiB, in rows of 16.
//!
//! Invariants, checked by [`PageAlloc::check`] (B7 by [`PageAlloc::check_caches`])
//!   B1  the summary of a chunk is what its bitmap says; of a chunk not grown yet, nothing free.
//!   B2  every summary above is the merge of its eight children, every row of the root that of its entries.
//!   B3  no page below the hint is free.
//!   B4  a released page is free. Otherwise memory in use would read as if it had never been written.
//!   B6  the counters are the sums of the bitmaps: Σ in-use bits, Σ released bits, Σ grown chunks.
//!   B7  the pages of a page cache are in use in the bitmap, and in one cache only.
//!   B9  no page from the top up is free and not released. Otherwise a scavenger would never find it.
//! (The numbers are shared with the verifier of the whole heap; B5 is about the system's own accounts and is checked there.)
//!
//! Nothing in here is shared or locked: the page heap owns a [`PageAlloc`] behind its lock, and a mutator its
//! [`PageCache`]. Nothing in here touches the memory of the pages or calls the system, except for the tables; what
//! a taken run *uncovers*, i.e. released pages used again, is reported in [`PageRun::uncovered`] for the caller to
//! make ready and to charge.
#![forbid(unsafe_code)]

mod alloc;
mod cache;
mod check;
mod chunk;
mod summary;
mod tree;

#[cfg(test)]
mod samples;

pub use alloc::{FreeRun, LOOKED_AT, PageAlloc, PageRun, WantedRun};
pub use cache::PageCache;

use crate::units::Pages;

/// Pages in a chunk: 512, that is 4 MiB. One bitmap of a chunk is a cache line. The heap grows by whole chunks;
/// larger ones would make a small heap large, smaller ones the tree.
pub const CHUNK_PAGES: Pages = Pages::new(chunk::PAGES);

/// Pages of a page cache: one word of a bitmap.
pub const CACHE_PAGES: Pages = Pages::new(chunk::WORD_PAGES);
