//! The page heap: makes spans out of pages, and pages out of spans.
//!
//! It owns the reservation, the page allocator, the span tables and the free records. Five locks:
//!
//! * `pages` guards the page allocator and growth. A small span first tries the mutator's own [`PageStock`], 64 pages
//!   that were taken in one go, and then does not touch this lock.
//! * `records` guards the free span numbers and blocks of bits. What is freed while markers run is free when they have ended.
//! * `frames` guards the list of runs in frames. Who looks at all pages takes it under `pages`.
//! * `reaching` is held by who asks the system to make pages accessible, `tables` by who reads or changes how much of the allocator's
//!   own tables is in use.
//!
//! None else is held while another is taken, nor across anything that waits, except that growth takes these two, and calls the
//! system, under `pages`, where nobody has made pages accessible ahead of it (`ahead.rs`): once in a sixteenth of the heap, or in 4 MiB.
//!
//! Pages that a scavenger took to release are *away* until it puts them back: in use in the bitmap, and in no span. An
//! allocation that finds no room while some are away waits for them, and is not refused for their sake:
//!
//! ```text
//!   pages in use = pages in spans + pages in stocks + pages in frames + pages away
//! ```
//!
//! While it waits no further run is taken to be released, so it waits for those that are away, and no others: for one call to
//! the system, if one thread at a time releases. How long allocations waited is counted ([`PageHeap::waits`]).
//!
//! The *hard limit* bounds pages in spans and frames. It is checked before anything changes, so a refusal costs nothing.
//!
//! ```text
//!   new_span   limit → stock or pages → record and block → tables → (SpanId, uncovered)
//!   free_span  tables → record and block → pages
//! ```

mod account;
mod ahead;
mod frames;
mod records;

use self::frames::FrameRuns;
use self::records::Records;
use crate::error::AllocError;
use crate::fault::{self, Fault};
use crate::figures::Counters;
use crate::meta::TableAccount;
use crate::os::{Os, OsError, Reservation};
use crate::page::{FreeRun, PageAlloc, PageCache, PageRun, WantedRun};
use crate::size_class::SizeClass;
use crate::span::map::{FIRST_BLOCK, SpanMap};
use crate::span::{Span, SpanId, SpanShape};
use crate::sync::atomic::{
    AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};
use crate::sync::{Arc, Condvar, Mutex, MutexGuard};
use crate::units::{Bytes, PageIndex, Pages};
use crate::waits::{WaitFigures, Waits};
use core::time::Duration;
use std::time::Instant;

impl Drop for PageHeap {
    fn drop(&mut self) {
        crate::asan::allow(self.space.base(), Pages::new(self.grown.load(Relaxed)).bytes().get());
    }
}

/// Pages of one chunk: the heap grows by whole chunks.
const CHUNK_PAGES: usize = 512;

/// Pages one mutator keeps for itself. Empty until its first span.
#[derive(Debug, Default)]
pub struct PageStock {
    cache: Option<PageCache>,
}

/// Spans at least this long are taken from the page allocator and not from a stock: they would empty it at once
/// (Go 1.27 `runtime/mheap.go` draws the line at a quarter of its 64 pages, too).
const STOCK_SPAN_PAGES: usize = 16;

/// What a new span is for.
#[derive(Clone, Copy, Debug)]
pub struct SpanRequest {
    /// The class; [`SizeClass::LARGE`] for one object of `used` bytes.
    pub class: SizeClass,
    /// Bytes asked for, for large objects and for errors.
    pub used: Bytes,
    /// The layout's quick mask.
    pub quick_mask: Option<u64>,
    /// The layout's entry.
    pub entry: *mut (),
}

/// Where the memory of a run is that comes back from being released.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RunMemory {
    /// With the system.
    Released,
    /// Still here: the system refused it.
    Kept,
}

/// The page heap. See the module's text.
#[derive(Debug)]
pub struct PageHeap {
    space: Reservation,
    map: SpanMap,
    pages: Mutex<PageAlloc>,
    /// Told when pages that were away are back.
    back: Condvar,
    /// Told when who waited has looked.
    looked: Condvar,
    /// Pages away. Written and read under `pages`.
    away: AtomicUsize,
    /// Allocations that wait for pages away. Written and read under `pages`.
    waiting: AtomicUsize,
    /// How long they did.
    waits: Waits,
    /// Pages grown and not released. Written under `pages`, after each change, with release: who reads it with acquire, and then what
    /// is grown, finds no less grown than was then. Read without the lock, and then it may have changed.
    retained: AtomicUsize,
    /// Where the tables of `pages` are, and how far they are used. Written under `pages`, when the heap grows; held for a copy only.
    tables: Mutex<[TableAccount; 4]>,
    records: Mutex<Records>,
    /// Runs in frames. Taken alone, or under `pages`.
    frames: Mutex<FrameRuns>,
    /// First page that the heap has not grown to. Written under `pages`.
    grown: AtomicUsize,
    /// First page never made accessible: `grown`, or further. Stored with release under `reaching` when the system has made those below it
    /// accessible, and loaded with acquire: who sees it may touch them.
    accessible: AtomicUsize,
    /// Somebody makes pages accessible. Taken alone, or under `pages`.
    reaching: Mutex<()>,
    /// Span numbers ever used: the bound of every walk over the records. Written under `records`; errs high.
    spans_high: AtomicUsize,
    /// Blocks of marks ever used. As above.
    blocks_high: AtomicUsize,
    hard_limit: Bytes,
    counters: Counters,
}

impl PageHeap {
    /// An empty page heap over at most `reservation` bytes of address space; less if the system grants less, down to
    /// `least`.
    ///
    /// # Errors
    /// If the system grants not even `least`, or no side table.
    pub(crate) fn new(
        os: &Arc<dyn Os>,
        reservation: Bytes,
        least: Bytes,
        hard_limit: Bytes,
    ) -> Result<Self, OsError> {
        let mut wanted = reservation;
        loop {
            match Self::try_new(os, wanted, hard_limit) {
                Ok(heap) => return Ok(heap),
                Err(error) if wanted <= least => return Err(error),
                Err(_) => wanted = Bytes::new(wanted.get() / 2).max(least),
            }
        }
    }

    fn try_new(os: &Arc<dyn Os>, reservation: Bytes, hard_limit: Bytes) -> Result<Self, OsError> {
        let space = Reservation::reserve(os, reservation)?;
        let map = SpanMap::new(os, &space)?;
        let pages = PageAlloc::new(os, space.len().pages_floor())?;
        let tables = Mutex::new(pages.tables(os.os_page()));
        Ok(Self {
            space,
            map,
            tables,
            pages: Mutex::new(pages),
            back: Condvar::new(),
            looked: Condvar::new(),
            away: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            waits: Waits::new(),
            retained: AtomicUsize::new(0),
            records: Mutex::new(Records::new()),
            frames: Mutex::default(),
            grown: AtomicUsize::new(0),
            accessible: AtomicUsize::new(0),
            reaching: Mutex::default(),
            spans_high: AtomicUsize::new(0),
            blocks_high: AtomicUsize::new(0),
            hard_limit,
            counters: Counters::default(),
        })
    }

    /// The span tables.
    #[inline]
    #[must_use]
    pub fn map(&self) -> &SpanMap {
        &self.map
    }

    /// The reserved address space.
    #[inline]
    #[must_use]
    pub fn space(&self) -> &Reservation {
        &self.space
    }

    /// The counters.
    #[inline]
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The most bytes of pages in spans and frames.
    #[must_use]
    pub fn hard_limit(&self) -> Bytes {
        self.hard_limit
    }

    /// Whether more than 15/16 of the hard limit is in spans and frames.
    #[must_use]
    pub fn is_near_limit(&self) -> bool {
        let limit = self.hard_limit.get();
        limit != usize::MAX && self.counters.inuse.load(Relaxed) > limit - limit / 16
    }

    /// Span numbers ever used; every span in use is below.
    #[inline]
    #[must_use]
    pub fn spans_high(&self) -> usize {
        self.spans_high.load(Relaxed)
    }

    /// Bytes of marks that were ever used, from the first on.
    #[inline]
    #[must_use]
    pub fn marks_high(&self) -> Bytes {
        Bytes::new(self.blocks_high.load(Relaxed) * 64)
    }

    /// Runs `f` on the page allocator, under its lock.
    pub fn with_pages<R>(&self, f: impl FnOnce(&mut PageAlloc) -> R) -> R {
        let mut all = self.pages.lock();
        let result = f(&mut all);
        self.note_retained(&all);
        result
    }

    fn note_retained(&self, all: &PageAlloc) {
        // Counters that are wrong are for the verifier to name.
        self.retained.store(all.grown().get().saturating_sub(all.released().get()), Release);
    }

    /// Takes a free run to release its memory ([`PageAlloc::take_free_run`]). Its pages are away until
    /// [`PageHeap::put_back`], and nobody else's meanwhile. Lets those who waited for the last run look first.
    pub fn take_to_release(&self, below: PageIndex, wanted: &WantedRun) -> FreeRun {
        let mut all = self.pages.lock();
        while self.waiting.load(Relaxed) > 0
            && self.away() == Pages::ZERO
            && !fault::on(Fault::WaiterOvertaken)
        {
            self.looked.wait(&mut all);
        }
        let found = all.take_free_run(below, wanted);
        if let FreeRun::Taken(run) = found {
            self.away.fetch_add(run.pages.get(), Relaxed);
        }
        found
    }

    /// Puts a run of [`PageHeap::take_to_release`] back: it is free again.
    ///
    /// # Panics
    /// If a page of it is not in use.
    pub fn put_back(&self, run: PageRun, memory: RunMemory) {
        let mut all = self.pages.lock();
        match memory {
            RunMemory::Kept if !fault::on(Fault::RefusedAsReleased) => all.give_back(run.base, run.pages),
            RunMemory::Released | RunMemory::Kept => all.put_back_released(run.base, run.pages),
        }
        self.note_retained(&all);
        self.away.fetch_sub(run.pages.get(), Relaxed);
        drop(all);
        self.back.notify_all();
    }

    /// Pages away. Exact inside [`PageHeap::with_pages`]; elsewhere it may have changed already.
    #[must_use]
    pub fn away(&self) -> Pages {
        Pages::new(self.away.load(Relaxed))
    }

    /// How long allocations waited for pages that were away.
    #[must_use]
    pub fn waits(&self) -> WaitFigures {
        self.waits.figures()
    }

    /// Pages grown whose memory is not with the system: in spans, in stocks, away, or free and not released. Errs high by what
    /// is released in the stocks of mutators. Takes no lock.
    #[must_use]
    pub fn retained(&self) -> Pages {
        Pages::new(self.retained.load(Relaxed))
    }

    /// Makes a span in use, cached by the caller, all of whose slots are free.
    ///
    /// # Errors
    /// [`AllocError::Limit`], [`AllocError::Reservation`] or [`AllocError::Os`]; nothing has changed then.
    pub fn new_span(
        &self,
        request: &SpanRequest,
        stock: Option<&mut PageStock>,
    ) -> Result<SpanId, AllocError> {
        let pages =
            if request.class.is_large() { request.used.pages_ceil() } else { request.class.span_pages() };
        self.hold(pages, request.used)?;
        let run = match self.take_pages(pages, request.used, stock) {
            Ok(run) => run,
            Err(error) => {
                self.counters.inuse.fetch_sub(pages.bytes().get(), Relaxed);
                return Err(error);
            }
        };
        let slots = if request.class.is_large() { 1 } else { request.class.slots() };
        let Some((id, block)) = self.take_record(slots) else {
            self.pages.lock().give_back(run.base, pages);
            self.counters.inuse.fetch_sub(pages.bytes().get(), Relaxed);
            return Err(AllocError::Reservation { asked: request.used, reserved: self.space.len() });
        };
        let span = self.map.span(id);
        let shape = SpanShape {
            first: run.base,
            pages,
            slots,
            stride: if request.class.is_large() { pages.bytes().get() } else { request.class.size().get() },
            magic: if request.class.is_large() { 0 } else { request.class.magic() },
            block,
            dirty: run.uncovered != pages,
        };
        span.make(&shape, request.entry);
        if request.class.is_large() {
            span.set_used(request.used);
        }
        for word in self.map.bits_of(span) {
            word.store(0, Relaxed);
        }
        for mark in self.map.marks_of(span) {
            mark.store(0, Relaxed);
        }
        crate::asan::poison(self.space.ptr(run.base.offset()), pages.bytes().get());
        self.map.enter(id, request.quick_mask);
        crate::figures::add(&self.counters.spans_made, 1);
        self.counters.spans.fetch_add(1, Relaxed);
        Ok(id)
    }

    /// Counts pages as in use, if the hard limit allows.
    fn hold(&self, pages: Pages, asked: Bytes) -> Result<(), AllocError> {
        let wanted = if fault::on(Fault::LimitIgnoresRequest) { 0 } else { pages.bytes().get() };
        let mut held = self.counters.inuse.load(Relaxed);
        loop {
            let after = held.checked_add(pages.bytes().get());
            if held.saturating_add(wanted) > self.hard_limit.get() || after.is_none() {
                return Err(AllocError::Limit {
                    asked: pages.bytes().max(asked),
                    held: Bytes::new(held),
                    limit: self.hard_limit,
                });
            }
            match self.counters.inuse.compare_exchange_weak(
                held,
                held + pages.bytes().get(),
                Relaxed,
                Relaxed,
            ) {
                Ok(_) => return Ok(()),
                Err(now) => held = now,
            }
        }
    }

    fn take_pages(
        &self,
        pages: Pages,
        asked: Bytes,
        stock: Option<&mut PageStock>,
    ) -> Result<PageRun, AllocError> {
        let Some(stock) = stock.filter(|_| pages.get() < STOCK_SPAN_PAGES) else {
            return self.take_or_grow(&mut self.pages.lock(), pages, asked);
        };
        if let Some(run) = self.take_from(stock, pages, asked)? {
            crate::figures::add(&self.counters.page_cache_hits, 1);
            return Ok(run);
        }
        let mut all = self.pages.lock();
        if let Some(old) = stock.cache.take() {
            all.put_cache(old);
            self.note_retained(&all);
        }
        while all.free().get() == 0 {
            self.grow_or_wait(&mut all, pages, asked)?;
        }
        stock.cache = all.take_cache();
        self.note_retained(&all);
        match self.take_from(stock, pages, asked)? {
            Some(run) => Ok(run),
            // The 64 pages of the first free page hold no such run: first fit over the whole heap decides.
            None => self.take_or_grow(&mut all, pages, asked),
        }
    }

    /// A run out of a stock, if it has one. The stock is as before if the system refuses to back the pages.
    fn take_from(
        &self,
        stock: &mut PageStock,
        pages: Pages,
        asked: Bytes,
    ) -> Result<Option<PageRun>, AllocError> {
        let Some(cache) = stock.cache.as_mut() else { return Ok(None) };
        let Some(run) = cache.peek(pages) else { return Ok(None) };
        if run.uncovered > Pages::ZERO {
            self.uncover(run.base, pages, asked)?;
        }
        Ok(cache.take(pages))
    }

    /// A run out of the page allocator, which is as before if the system refuses to back the pages.
    fn take_or_grow(
        &self,
        all: &mut MutexGuard<'_, PageAlloc>,
        pages: Pages,
        asked: Bytes,
    ) -> Result<PageRun, AllocError> {
        let base = loop {
            if let Some(base) = all.find_run(pages) {
                break base;
            }
            self.grow_or_wait(all, pages, asked)?;
        };
        // Some of the pages may be with the system; making ready pages ready changes nothing.
        self.uncover(base, pages, asked)?;
        let run = all.take_at(base, pages);
        self.note_retained(all);
        Ok(run)
    }

    /// Makes more of the reservation accessible, so that a run of `pages` is more likely to be found; if that is refused while
    /// pages are away, waits until some are back. After either, look again.
    fn grow_or_wait(
        &self,
        all: &mut MutexGuard<'_, PageAlloc>,
        pages: Pages,
        asked: Bytes,
    ) -> Result<(), AllocError> {
        let outcome = self.grow(all, pages, asked);
        if outcome.is_err() && self.away() > Pages::ZERO {
            let begun = Instant::now();
            self.waiting.fetch_add(1, Relaxed);
            self.back.wait(all);
            self.waiting.fetch_sub(1, Relaxed);
            // Heard when this thread gives the lock up, and so when it has looked.
            self.looked.notify_all();
            self.waits.add(begun.elapsed(), Duration::ZERO);
            return Ok(());
        }
        outcome
    }

    /// Takes more of the reservation into the allocator: enough for `pages`, in whole chunks.
    fn grow(&self, all: &mut PageAlloc, pages: Pages, asked: Bytes) -> Result<(), AllocError> {
        let grown = PageIndex::new(self.grown.load(Relaxed));
        let total = self.space.len().pages_floor();
        let left = total.get() - grown.get();
        // What is free just before counts; whole chunks, and nothing at all if they would not be enough.
        let before = all.free_before(grown, pages);
        let more = (pages.get() - before.get()).max(1).next_multiple_of(CHUNK_PAGES);
        if more > left - left % CHUNK_PAGES {
            return Err(AllocError::Reservation { asked, reserved: self.space.len() });
        }
        let refused = |error: OsError| AllocError::Os { asked, code: error.code };
        let outcome = self.reach(grown.get() + more);
        if !fault::on(Fault::RefusalIgnored) {
            outcome.map_err(refused)?;
        }
        all.grow(grown, Pages::new(more));
        self.grown.store(grown.get() + more, Relaxed);
        *self.tables.lock() = all.tables(self.space.os().os_page());
        Ok(())
    }

    /// Backs the pages of a run that were released, before the run is taken: so a refusal changes nothing.
    fn uncover(&self, base: PageIndex, pages: Pages, asked: Bytes) -> Result<(), AllocError> {
        match self.space.ready(base.offset(), pages.bytes()) {
            Ok(()) => Ok(()),
            Err(_) if fault::on(Fault::RefusalIgnored) => Ok(()),
            Err(error) => Err(AllocError::Os { asked, code: error.code }),
        }
    }

    /// A free record and a free block.
    fn take_record(&self, slots: u32) -> Option<(SpanId, u32)> {
        let mut records = self.records.lock();
        let taken = records.take(slots, &self.map);
        self.spans_high.store(records.next_span as usize, Relaxed);
        self.blocks_high.store(records.next_block as usize, Relaxed);
        taken
    }

    /// Markers are about to run: what is freed beside them has its record and its block withheld ([`records`]).
    pub(crate) fn withhold_records(&self) {
        self.records.lock().withhold();
    }

    /// No marker runs any more.
    pub(crate) fn reuse_records(&self) {
        self.records.lock().reuse();
    }

    /// Gives an empty span's pages back. The caller owns the span, and no reference into it exists.
    pub fn free_span(&self, id: SpanId) {
        let span = self.map.span(id);
        let (first, pages, block, slots) = (span.first(), span.pages(), span.block(), span.slots());
        if !fault::on(Fault::OwnerKept) {
            self.map.leave(span);
        }
        span.unmake();
        crate::asan::poison(self.space.ptr(first.offset()), pages.bytes().get());
        self.records.lock().free(id, block, slots);
        crate::sync::point("free span: record free, pages in use");
        self.pages.lock().give_back(first, pages);
        self.counters.spans.fetch_sub(1, Relaxed);
        self.counters.inuse.fetch_sub(pages.bytes().get(), Relaxed);
    }

    /// Gives back what a mutator kept.
    pub fn put_stock(&self, stock: &mut PageStock) {
        if let Some(cache) = stock.cache.take() {
            let mut all = self.pages.lock();
            all.put_cache(cache);
            self.note_retained(&all);
        }
    }

    /// Pages taken out of the reservation. A relaxed load; errs low while the heap grows.
    #[must_use]
    pub fn grown(&self) -> Pages {
        Pages::new(self.grown.load(Relaxed))
    }

    /// Pages taken out of the reservation, in spans or stocks or free, and free but released. Takes no lock: that of the pages is held while the
    /// system makes more of them accessible, which takes a tenth of a second when it is looking at the whole process meanwhile.
    #[must_use]
    pub fn page_figures(&self) -> (Pages, Pages) {
        // In this order: what was grown in between is not retained yet.
        let retained = Pages::new(self.retained.load(Acquire));
        let grown = self.grown();
        (grown, Pages::new(grown.get().saturating_sub(retained.get())))
    }

    /// Bytes of records and bits ever used.
    #[must_use]
    pub fn record_bytes(&self) -> Bytes {
        let records = self.records.lock();
        let blocks = (records.next_block - FIRST_BLOCK) as usize;
        Bytes::new(records.next_span as usize * size_of::<Span>() + blocks * (64 + 8))
    }
}

#[cfg(test)]
mod tests;
