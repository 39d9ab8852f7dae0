//! Where the pages of a page heap are, and its tables: what [`crate::accounting`] is made of.

use super::{CHUNK_PAGES, PageHeap};
use crate::accounting::{Accounting, PageState};
use crate::meta::TableAccount;
use crate::page::PageAlloc;
use crate::sync::atomic::Ordering::Relaxed;
use crate::units::{Bytes, PageIndex, Pages};

impl PageHeap {
    /// Where the bytes of the reservation are. Adds up at any time: a page counts as in use from before it is taken for a span or
    /// a frame until after it was given back, as far as so many are kept. Takes no lock.
    #[must_use]
    pub fn accounting(&self) -> Accounting {
        let (grown, released) = self.page_figures();
        // Counters that are wrong are for the verifier to name, not for this to stumble over.
        let kept = Pages::new(grown.get().saturating_sub(released.get())).bytes();
        let in_use = Bytes::new(self.counters.inuse.load(Relaxed)).min(kept);
        let address_space = self.space.len();
        Accounting {
            address_space,
            reserved: address_space - grown.bytes(),
            idle: kept - in_use,
            released: released.bytes(),
            in_use,
            frames: Bytes::new(self.counters.frames.load(Relaxed)).min(in_use),
            ..Accounting::default()
        }
    }

    /// The side tables, and how far they were used, or are memory ahead of it. Takes no lock that anybody holds while the system is
    /// waited for.
    #[must_use]
    pub fn tables(&self) -> Vec<TableAccount> {
        let (_, backed) = self.extents();
        let mut all = self.map.tables(Pages::new(backed.pages), backed.records, backed.blocks).to_vec();
        all.extend(*self.tables.lock());
        all
    }

    /// Calls `f` with every page that the heap has grown to, lowest first, and its state. Takes the lock for a chunk at a time.
    pub fn each_page(&self, mut f: impl FnMut(PageIndex, PageState)) {
        for chunk in 0..self.grown.load(Relaxed) / CHUNK_PAGES {
            let states = self.with_pages(|all| self.states(all, chunk));
            for (at, state) in states.into_iter().enumerate() {
                f(PageIndex::new(chunk * CHUNK_PAGES + at), state);
            }
        }
    }

    /// How many pages the heap has grown to: those from page 0 up.
    #[must_use]
    pub fn grown_pages(&self) -> Pages {
        Pages::new(self.grown.load(Relaxed))
    }

    /// Calls `f` with every 64 pages that it has grown to, lowest first: the first of them, and a bit for each that is
    /// released. Takes the lock for a chunk at a time, and not while it calls.
    pub fn each_released(&self, mut f: impl FnMut(PageIndex, u64)) {
        for chunk in 0..self.grown.load(Relaxed) / CHUNK_PAGES {
            let released = *self.pages.lock().bitmaps(chunk).1;
            for (word, bits) in released.into_iter().enumerate() {
                f(PageIndex::new(chunk * CHUNK_PAGES + word * 64), bits);
            }
        }
    }

    /// The states of the pages of a chunk.
    fn states(&self, all: &PageAlloc, chunk: usize) -> [PageState; CHUNK_PAGES] {
        let (in_use, released) = all.bitmaps(chunk);
        let frames = self.frames.lock();
        core::array::from_fn(|at| {
            let has = |words: &[u64]| words[at / 64] >> (at % 64) & 1 == 1;
            if has(released) {
                PageState::Released
            } else if has(in_use)
                && (self.map.owner(PageIndex::new(chunk * CHUNK_PAGES + at)).is_some()
                    || frames.has(PageIndex::new(chunk * CHUNK_PAGES + at)))
            {
                PageState::InUse
            } else {
                PageState::Idle
            }
        })
    }

    /// Goes through all pages and compares what it finds with what is counted (B8), under the lock: a scavenger may be at work, but
    /// nobody makes or frees a span or a frame.
    ///
    /// # Errors
    /// Says what does not agree.
    pub(crate) fn check_accounting(&self) -> Result<(), String> {
        let all = self.pages.lock();
        let (counted, without_lock) = ((all.grown(), all.released()), self.page_figures());
        if counted != without_lock {
            return Err(format!(
                "B8: {without_lock:?} are told as grown and released, counted are {counted:?}"
            ));
        }
        let told = self.accounting();
        let mut found = [Pages::ZERO; 3];
        for chunk in 0..all.grown().get() / CHUNK_PAGES {
            for state in self.states(&all, chunk) {
                found[match state {
                    PageState::InUse => 0,
                    PageState::Idle => 1,
                    PageState::Released => 2,
                }] += Pages::new(1);
            }
        }
        if found.map(Pages::bytes) == [told.in_use, told.idle, told.released] {
            Ok(())
        } else {
            Err(format!("B8: {found:?} are in use, idle and released, counted are {told:?}"))
        }
    }
}
