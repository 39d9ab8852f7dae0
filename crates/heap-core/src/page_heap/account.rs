//! Where the pages of a page heap are, and its tables: what [`crate::accounting`] is made of.

use super::{CHUNK_PAGES, PageHeap};
use crate::accounting::{Accounting, PageState};
use crate::meta::TableAccount;
use crate::span::map::FIRST_BLOCK;
use crate::sync::atomic::Ordering::Relaxed;
use crate::units::{Bytes, PageIndex, Pages};

impl PageHeap {
    /// Where the bytes of the reservation are. Adds up at any time: pages that are being taken for a span count as idle until
    /// they are.
    #[must_use]
    pub fn accounting(&self) -> Accounting {
        let (grown, released) = self.page_figures();
        let kept = (grown - released).bytes();
        let in_use = Bytes::new(self.counters.inuse.load(Relaxed)).min(kept);
        let address_space = self.space.len();
        Accounting {
            address_space,
            reserved: address_space - grown.bytes(),
            idle: kept - in_use,
            released: released.bytes(),
            in_use,
            ..Accounting::default()
        }
    }

    /// The side tables, and how far they were used.
    #[must_use]
    pub fn tables(&self) -> Vec<TableAccount> {
        let (records, blocks) = {
            let records = self.records.lock();
            let blocks = if records.next_block == FIRST_BLOCK { 0 } else { records.next_block };
            (records.next_span as usize, blocks as usize)
        };
        let grown = Pages::new(self.grown.load(Relaxed));
        let mut all = self.map.tables(grown, records, blocks).to_vec();
        all.extend(self.pages.lock().tables(self.space.os().os_page()));
        all
    }

    /// Calls `f` with every page that was made accessible, lowest first, and its state. Takes the lock for a chunk at a time.
    pub fn each_page(&self, mut f: impl FnMut(PageIndex, PageState)) {
        let grown = self.grown.load(Relaxed);
        for chunk in 0..grown / CHUNK_PAGES {
            let (in_use, released) = self.with_pages(|all| {
                let (in_use, released) = all.bitmaps(chunk);
                (*in_use, *released)
            });
            for at in 0..CHUNK_PAGES {
                let page = PageIndex::new(chunk * CHUNK_PAGES + at);
                let has = |words: &[u64]| words[at / 64] >> (at % 64) & 1 == 1;
                f(
                    page,
                    if has(&released) {
                        PageState::Released
                    } else if has(&in_use) && self.map.owner(page).is_some() {
                        PageState::InUse
                    } else {
                        PageState::Idle
                    },
                );
            }
        }
    }
}
