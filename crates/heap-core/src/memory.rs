//! The memory of one heap: everything the mutators share.
//!
//! [`Memory`] ties the page heap, the layouts with their centrals, and the sweep together, and is what a collector
//! and a mutator's cache are given. It knows no roots and no phases; a collector tells it when a cycle begins and
//! when marking is done.
//!
//! ```text
//!   take_span   partial of the layout → claim and sweep an unswept one → an empty one → sweep others for their pages → fresh pages
//! ```
//!
//! Sweep generation and mark epoch move together: `begin_cycle` (all spans are swept) takes the next epoch,
//! `end_marking` moves the generation on, and with that every span at rest is unswept. A span in a mutator's cache is
//! unswept when it comes back, if the mutator had not heard of the new generation ([`crate::span::claim`]).

mod dead;
pub(crate) mod patience;
mod sweeping;
mod layouts;
mod figures;
mod census;
mod tiles;
#[cfg(test)]
pub(crate) mod tests;

pub use dead::Dead;
pub use layouts::MOST_LAYOUTS;
pub use sweeping::Empties;

use self::patience::Patience;
use crate::central::{Entry, Seat, Seats, Taken};
use crate::decoder::Decoder;
use crate::error::AllocError;
use crate::fault::{self, Fault};
use crate::layout::{Layout, LayoutId};
use crate::meta::Table;
use crate::os::{Os, OsError};
use crate::page::PageAlloc;
use crate::page_heap::{PageHeap, PageStock, SpanRequest};
use crate::sample::Sampling;
use crate::span::claim::{FIRST_GENERATION, keep};
use crate::span::map::slot_ptr;
use crate::span::marks::Epoch;
use crate::span::{Span, SpanId};
use crate::stress::SWEEP_TRIES;
use crate::sweep::Swept;
use crate::sync::atomic::{
    AtomicPtr, AtomicU8, AtomicU64, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};
use crate::sync::{Arc, Mutex};
use crate::tally::{Counting, Totals};
use crate::units::{Bytes, PageIndex, Pages, narrow};
use core::ptr::{self, NonNull};
use std::collections::HashMap;

/// How to make a [`Memory`].
#[derive(Clone, Copy, Debug)]
pub struct MemoryOptions {
    /// Address space to reserve; halved until the system grants it.
    pub reservation: Bytes,
    /// The least address space that is of use.
    pub least_reservation: Bytes,
    /// The most bytes of pages in spans; `usize::MAX` for none.
    pub hard_limit: Bytes,
    /// Fill free slots with this byte.
    pub poison: Option<u8>,
    /// Read words that may be anything with this, too.
    pub decoder: Option<Decoder>,
    /// Shards of each central ([`Seat`]), from 1 to [`MOST_SHARDS`](crate::central::MOST_SHARDS): as many as there are processors is
    /// right.
    pub shards: usize,
}

/// What a cycle marked, as of one moment.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Marked {
    /// Objects.
    pub objects: u64,
    /// Bytes of their slots.
    pub bytes: Bytes,
    /// Objects of them that are not noscan.
    pub scanned: u64,
    /// Words that the masks of objects on the quick road name.
    pub quick_words: u64,
}

/// Pieces of the walk that a large object sweeps at most before it asks for fresh pages. More reuses more of the dead, fewer
/// keeps the allocation short.
const LARGE_PIECES: usize = 8;

/// The memory of one heap. See the module's text.
#[derive(Debug)]
pub struct Memory {
    /// Counted, so that a scavenger's thread can hold the pages and nothing else of the heap.
    pages: Arc<PageHeap>,
    /// Layout entries by number. An entry is set once (release) and lives as long as the heap.
    entries: Table<AtomicPtr<Entry>>,
    /// Registered layouts above the fixed ones.
    registered: Mutex<HashMap<Layout, LayoutId>>,
    /// Even, grows by two per cycle. Written by the collector in [`Memory::end_marking`].
    generation: AtomicU64,
    /// The last generation that every user of a cache has heard of. Written by the collector in [`Memory::end_cycle`]; read by
    /// who takes a census.
    settled: AtomicU64,
    /// The byte of the current or last cycle. Written by the collector in [`Memory::begin_cycle`].
    epoch: AtomicU8,
    /// See [`Memory::restart_count`].
    count_grain: AtomicUsize,
    /// The same.
    count_apart: AtomicUsize,
    /// Held by who frees the spans that were kept.
    emptying: Mutex<()>,
    /// How often that was done. Written with that lock.
    emptied: AtomicUsize,
    /// The next record the walk looks at.
    sweep_cursor: AtomicUsize,
    /// Objects whose drop is due.
    dead: Mutex<Vec<Dead>>,
    /// Their number; errs either way for a moment, so a reader that sees 0 looks again at its next safepoint.
    dead_count: AtomicUsize,
    poison: Option<u8>,
    /// How tagged words are read.
    decoder: Option<Decoder>,
    /// Where mutators sit at the centrals.
    seats: Arc<Seats>,
    /// Which allocations somebody wants to know of.
    sampling: Sampling,
}

impl Memory {
    /// The memory of an empty heap.
    ///
    /// # Errors
    /// If the system refuses even the least reservation.
    ///
    /// # Safety
    /// This is the memory below a collector, not a heap for programs: its functions trust each other. Whoever makes one
    /// promises, for all that is done with it and with what it gives out:
    /// 1. Spans, entries, claims, caches, stocks and [`Dead`] of this memory are used with this memory only, and not after it
    ///    is dropped; a cache has one user at a time.
    /// 2. A span is changed, put back or freed by its owner only ([`crate::span`]).
    /// 3. [`Memory::begin_cycle`] comes after [`Memory::finish_sweep`], [`Memory::end_marking`] when every object that is still
    ///    used is marked, and every user of a cache has been heard of since [`Memory::begin_cycle`], between two calls of it.
    /// 4. A slot that was handed out is whole before the next cycle: under its exact mask are nulls and references into this
    ///    memory, and it is initialised as its layout's drop and trace functions expect.
    /// 5. Each [`Dead`] that is taken is buried once.
    pub unsafe fn new(os: &Arc<dyn Os>, options: &MemoryOptions) -> Result<Self, OsError> {
        Ok(Self {
            pages: Arc::new(PageHeap::new(
                os,
                options.reservation,
                options.least_reservation,
                options.hard_limit,
            )?),
            entries: Table::new(os, MOST_LAYOUTS)?,
            registered: Mutex::new(HashMap::new()),
            generation: AtomicU64::new(FIRST_GENERATION),
            settled: AtomicU64::new(FIRST_GENERATION),
            epoch: AtomicU8::new(Epoch::FIRST.byte()),
            count_grain: AtomicUsize::new(0),
            count_apart: AtomicUsize::new(0),
            emptying: Mutex::new(()),
            emptied: AtomicUsize::new(0),
            sweep_cursor: AtomicUsize::new(usize::MAX),
            dead: Mutex::new(Vec::new()),
            dead_count: AtomicUsize::new(0),
            poison: options.poison,
            decoder: options.decoder,
            seats: Arc::new(Seats::new(options.shards)),
            sampling: Sampling::default(),
        })
    }

    /// How tagged words are read, if there are such.
    #[inline]
    #[must_use]
    pub fn decoder(&self) -> Option<Decoder> {
        self.decoder
    }

    /// The page heap.
    #[inline]
    #[must_use]
    pub fn pages(&self) -> &PageHeap {
        &self.pages
    }

    /// Whether [`Memory::ready_growth`] has nothing to do.
    #[must_use]
    pub fn is_ready_to_grow(&self, goal: Bytes) -> bool {
        let used = self.pages.grown().get();
        let target = self.pages.target(used, goal).unwrap_or(used);
        self.pages.is_ready_to_grow(goal)
            && self.all_entries().all(|entry| entry.is_ready_to_grow(used, target))
    }

    /// Asks the system for what growing to a goal will need, as far as there is not enough: accessible pages, and, a piece at a time
    /// while `goes_on`, memory of the side tables and for the lists of spans. Takes page faults, so it is for a thread that nobody
    /// waits for. What the system refuses is left for the growth itself to ask for.
    pub fn ready_growth(&self, goal: Bytes, mut goes_on: impl FnMut() -> bool) {
        self.pages.ready_growth(goal, &mut goes_on);
        let used = self.pages.grown().get();
        if let Some(target) = self.pages.target(used, goal) {
            self.all_entries().take_while(|_| goes_on()).for_each(|entry| entry.ready_growth(used, target));
        }
    }

    /// The page heap, for a scavenger with a life of its own. The address space is held until the last of these is gone.
    #[must_use]
    pub fn shared_pages(&self) -> Arc<PageHeap> {
        Arc::clone(&self.pages)
    }

    /// The span tables.
    #[inline]
    #[must_use]
    pub fn map(&self) -> &crate::span::map::SpanMap {
        self.pages.map()
    }

    /// The sweep generation.
    #[inline]
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Acquire)
    }

    /// The epoch of the current cycle, or of the last one.
    #[inline]
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        Epoch::from_byte(self.epoch.load(Relaxed)).unwrap_or(Epoch::FIRST)
    }

    /// The byte of the current epoch.
    #[inline]
    #[must_use]
    pub fn epoch_byte(&self) -> u8 {
        self.epoch.load(Relaxed)
    }

    /// The byte free slots are filled with.
    #[must_use]
    pub fn poison(&self) -> Option<u8> {
        self.poison
    }

    /// Which allocations somebody wants to know of.
    #[inline]
    #[must_use]
    pub fn sampling(&self) -> &Sampling {
        &self.sampling
    }

    /// Where a mutator that sits there counts, or somebody who sits nowhere.
    #[inline]
    pub(crate) fn counting<'a>(&'a self, by: Option<&'a Seat>) -> Counting<'a> {
        self.seats.tallies().by(by.and_then(Seat::tally))
    }

    /// What was counted of spans and of their slots.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.seats.tallies().totals()
    }

    // ---- spans for mutators ----

    /// A seat at the centrals, for a mutator.
    #[must_use]
    pub fn seat(&self) -> Seat {
        let seat = self.seats.sit();
        self.count_grain.fetch_min(self.share_of_count().get(), Relaxed);
        seat
    }

    /// A span of a layout with at least one free slot, owned by the caller, who knows `generation` and sits there.
    ///
    /// # Errors
    /// As [`PageHeap::new_span`].
    pub fn take_span(
        &self,
        entry: &Entry,
        stock: &mut PageStock,
        generation: u64,
        seat: &Seat,
    ) -> Result<SpanId, AllocError> {
        let mut patience = Patience::later();
        for tried in 0..SWEEP_TRIES {
            if tried > 0 && patience.is_over() {
                break;
            }
            match entry.take(generation, seat, self.map()) {
                Taken::Partial(id) => return Ok(id),
                Taken::Unswept(claim) => {
                    let (span, id) = (claim.span(), claim.id());
                    if self.sweep_claimed(claim, Some(seat)).swept != Swept::Full {
                        keep(span);
                        return Ok(id);
                    }
                    entry.put(generation, id, span, None);
                }
                Taken::Others(claim) => {
                    self.sweep_and_place(claim, generation, Empties::Keep, Some(seat));
                }
                Taken::Nothing => break,
            }
        }
        if !patience.is_over() {
            self.sweep_ahead(generation, Some(seat), &mut patience);
        }
        if let Some(id) = entry.take_swept(generation, seat, self.map()) {
            return Ok(id);
        }
        let request = self.request(entry, Bytes::ZERO);
        let id = loop {
            let emptied = self.emptied.load(Acquire);
            let refused = match self.pages.new_span(&request, Some(stock)) {
                Ok(id) => break id,
                Err(refused) => refused,
            };
            // The dead are not asked for their memory yet: no refusal before all is swept.
            let swept = self.sweep_ahead(generation, Some(seat), &mut Patience::later());
            if swept.is_none() && !self.free_empties(generation, emptied) {
                return Err(refused);
            }
            if let Some(id) = entry.take_swept(generation, seat, self.map()) {
                return Ok(id);
            }
        };
        entry.made();
        let span = self.map().span(id);
        if let Some(byte) = self.poison.filter(|_| span.is_dirty()) {
            self.sweeper().poison_free(span, byte);
        }
        Ok(id)
    }

    fn request(&self, entry: &Entry, used: Bytes) -> SpanRequest {
        SpanRequest {
            class: entry.layout().class,
            used: if used == Bytes::ZERO { entry.layout().class.size() } else { used },
            quick_mask: entry.quick_mask(),
            entry: ptr::from_ref(entry).cast_mut().cast(),
        }
    }

    /// A span for one large object of that many bytes, owned by the caller, who knows `generation`.
    ///
    /// # Errors
    /// As [`PageHeap::new_span`].
    pub fn take_large(&self, entry: &Entry, used: Bytes, generation: u64) -> Result<SpanId, AllocError> {
        // Dead objects' pages come first: sweep a little, or until as many were freed.
        let (mut freed, mut patience) = (Pages::ZERO, Patience::for_large());
        for _ in 0..LARGE_PIECES {
            match self.sweep_ahead(generation, None, &mut patience) {
                Some(pages) if freed + pages < used.pages_ceil() && !patience.is_over() => freed += pages,
                Some(_) | None => break,
            }
        }
        let request = self.request(entry, used);
        loop {
            let emptied = self.emptied.load(Acquire);
            let refused = match self.pages.new_span(&request, None) {
                Ok(id) => return Ok(id),
                Err(refused) => refused,
            };
            // As for small objects: no refusal before all is swept.
            let swept = self.sweep_ahead(generation, None, &mut Patience::later());
            if swept.is_none() && !self.free_empties(generation, emptied) {
                return Err(refused);
            }
        }
    }

    /// Pages for a frame, owned by the caller, who knows `generation`, until
    /// [`PageHeap::give_frame`](crate::page_heap::PageHeap::give_frame). Says where they begin.
    ///
    /// # Errors
    /// As [`PageHeap::new_span`].
    pub fn take_frame(&self, pages: Pages, generation: u64) -> Result<PageIndex, AllocError> {
        loop {
            let emptied = self.emptied.load(Acquire);
            let refused = match self.pages.take_frame(pages) {
                Ok(run) => return Ok(run.base),
                Err(refused) => refused,
            };
            // As for objects: no refusal before all is swept.
            let swept = self.sweep_ahead(generation, None, &mut Patience::later());
            if swept.is_none() && !self.free_empties(generation, emptied) {
                return Err(refused);
            }
        }
    }

    /// Puts a span back, as swept in `generation`.
    pub fn put_span(&self, id: SpanId, generation: u64) {
        let span = self.map().span(id);
        let entry = self.entry_of(span);
        entry.put(generation, id, span, None);
    }

    // ---- cycles ----

    /// A cycle begins: every span at rest is swept. Takes the next epoch. From here no record becomes another span's.
    pub fn begin_cycle(&self) {
        self.pages.withhold_records();
        if fault::on(Fault::EpochStuck) {
            return;
        }
        let next = self.epoch().next().unwrap_or_else(|| {
            if !fault::on(Fault::MarksKept) {
                self.clear_marks();
            }
            Epoch::FIRST
        });
        self.epoch.store(next.byte(), Relaxed);
    }

    /// Marking is done: from here an unmarked slot is dead, and every span at rest is unswept. No marker runs.
    pub fn end_marking(&self) {
        self.pages.reuse_records();
        self.pages.with_pages(PageAlloc::cycle_ended);
        self.generation.fetch_add(2, Release);
        self.sweep_cursor.store(0, Relaxed);
    }

    /// Every user of a cache has given his spans back since [`Memory::end_marking`], and so has heard of the new generation: from
    /// here until the next end of marking, what the last cycle left alive can be counted ([`Memory::census`]).
    pub fn end_cycle(&self) {
        self.settled.store(self.generation(), Release);
    }

    /// Bytes handed out since [`Memory::restart_count`]. Errs either way by what is in mutators' caches: spans count whole when
    /// they are taken, and what was not used of them is taken back later, even if the count began between the two. Errs low by what mutators
    /// keep to themselves ([`Memory::restart_count`]).
    #[inline]
    #[must_use]
    pub fn since_count(&self) -> Bytes {
        let signed = self.pages.counters().since_cycle.load(Relaxed).cast_signed();
        Bytes::new(usize::try_from(signed).unwrap_or(0))
    }

    /// Begins to count the bytes handed out anew. A mutator may keep fewer than `grain` of them to itself, and all that have a seat no
    /// more than `apart`, except for what one that comes at this moment keeps: with each span told at once, those that get one every
    /// 250 ns take turns at one number.
    pub fn restart_count(&self, grain: Bytes, apart: Bytes) {
        self.count_apart.store(apart.get(), Relaxed);
        self.count_grain.store(grain.min(self.share_of_count()).get(), Relaxed);
        self.pages.counters().since_cycle.store(0, Relaxed);
    }

    /// What each mutator may keep to itself, if all do.
    fn share_of_count(&self) -> Bytes {
        Bytes::new(self.count_apart.load(Relaxed) / self.seats.sitting().max(1))
    }

    /// The grain of the count.
    #[inline]
    pub(crate) fn count_grain(&self) -> Bytes {
        Bytes::new(self.count_grain.load(Relaxed))
    }

    /// Counts what is marked in the current epoch, also in the spans that mutators have, whose slots not handed out yet may
    /// be marked. Between [`Memory::begin_cycle`] and [`Memory::end_marking`], while no span with objects is freed, and no record is
    /// another span's.
    #[must_use]
    pub fn count_marked(&self) -> Marked {
        let epoch = self.epoch();
        let mut all = Marked::default();
        for number in 0..self.pages.spans_high() {
            let span = self.map().span(SpanId::new(narrow(number)));
            if !span.is_in_use() || span.allocated() == 0 || !self.map().may_be_reached(span, epoch) {
                continue;
            }
            // It may have been given back unused and freed since.
            let Some(entry) = self.entry_if_used(span) else { continue };
            let marked: u32 = self.map().each_block(span).map(|block| block.live(epoch).count_ones()).sum();
            all.objects += u64::from(marked);
            all.bytes += Bytes::new(marked as usize * span.stride().get());
            if !entry.layout().is_noscan() {
                all.scanned += u64::from(marked);
                if self.map().is_quick(span) {
                    let words = entry.quick_mask().map_or(0, u64::count_ones);
                    all.quick_words += u64::from(marked) * u64::from(words);
                }
            }
        }
        all
    }

    /// Clears the bytes of all epochs, so that they can begin again. The dead keep theirs.
    fn clear_marks(&self) {
        for number in 0..self.pages.spans_high() {
            let span = self.map().span(SpanId::new(narrow(number)));
            if span.is_in_use() {
                for mark in self.map().marks_of(span) {
                    if Epoch::from_byte(mark.load(Relaxed)).is_some() {
                        mark.store(0, Relaxed);
                    }
                }
            }
        }
    }

    /// The first byte of a slot.
    #[inline]
    #[must_use]
    pub fn slot_ptr(&self, span: &Span, slot: u32) -> NonNull<u8> {
        slot_ptr(self.pages.space(), span, slot)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.bury_everything();
        for index in 0..self.entries.len() {
            let entry = self.entries.get(index).load(Relaxed);
            if !entry.is_null() {
                // SAFETY: from `Box::into_raw` in `set_entry`; nobody else has access to a heap that is being dropped.
                drop(unsafe { Box::from_raw(entry) });
            }
        }
    }
}
