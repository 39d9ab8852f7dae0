//! Pages of frames: runs that are in use and in no span.
//!
//! No span owns them, so a word that leads there leads to nothing: on the checked road it is no object, and on the quick road
//! its mark goes where nobody looks ([`crate::span::map`]). They count against the hard limit as spans do, and a record of
//! each run is kept for the verifier (A4) and for who wants to know whether an address lies in one.

use super::PageHeap;
use crate::error::AllocError;
use crate::fault::{self, Fault};
use crate::page::PageRun;
use crate::sync::atomic::Ordering::Relaxed;
use crate::units::{PageIndex, Pages};
use std::collections::BTreeMap;

/// The runs in frames, by their first page.
#[derive(Debug, Default)]
pub(super) struct FrameRuns(BTreeMap<PageIndex, Pages>);

impl FrameRuns {
    /// Whether a page is in one.
    pub(super) fn has(&self, page: PageIndex) -> bool {
        let below = self.0.range(..=page).next_back();
        below.is_some_and(|(&base, &pages)| page < base.plus(pages))
    }
}

impl PageHeap {
    /// Takes a run for a frame: ready memory with any contents.
    ///
    /// # Errors
    /// As [`PageHeap::new_span`]; nothing has changed then.
    pub fn take_frame(&self, pages: Pages) -> Result<PageRun, AllocError> {
        self.hold(pages, pages.bytes())?;
        let outcome = self.take_or_grow(&mut self.pages.lock(), pages, pages.bytes());
        match outcome {
            Ok(run) => {
                crate::asan::poison(self.space.ptr(run.base.offset()), pages.bytes().get());
                self.frames.lock().0.insert(run.base, pages);
                self.counters.frames.fetch_add(pages.bytes().get(), Relaxed);
                Ok(run)
            }
            Err(error) => {
                self.counters.inuse.fetch_sub(pages.bytes().get(), Relaxed);
                Err(error)
            }
        }
    }

    /// Gives a run of [`PageHeap::take_frame`] back. Nobody uses its memory any more.
    ///
    /// # Panics
    /// If there is no such run.
    pub fn give_frame(&self, base: PageIndex) {
        let Some(pages) = self.frames.lock().0.remove(&base) else {
            crate::bug!("A4: {base:?} is given back and begins no run of a frame")
        };
        crate::asan::poison(self.space.ptr(base.offset()), pages.bytes().get());
        self.pages.lock().give_back(base, pages);
        if !fault::on(Fault::FrameKeptCounted) {
            self.counters.frames.fetch_sub(pages.bytes().get(), Relaxed);
        }
        self.counters.inuse.fetch_sub(pages.bytes().get(), Relaxed);
    }

    /// Whether an address lies in a frame, or in pages kept for one.
    #[must_use]
    pub fn is_in_frame(&self, addr: usize) -> bool {
        let offset = addr.wrapping_sub(self.map.base());
        self.map.contains(addr) && self.frames.lock().has(PageIndex::new(offset / crate::units::PAGE_BYTES))
    }

    /// The runs in frames, lowest first.
    #[must_use]
    pub fn frame_runs(&self) -> Vec<PageRun> {
        let runs = self.frames.lock();
        runs.0.iter().map(|(&base, &pages)| PageRun { base, pages, uncovered: Pages::ZERO }).collect()
    }
}
