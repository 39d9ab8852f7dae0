//! The map from an address to its span, its slot and its mark.
//!
//! Two roads lead there.
//!
//! The *quick* road is for words known to be references to slots of this heap. It reads one 16-byte [`PageInfo`]
//! and the mark byte, and covers what nearly all objects are: slots of one-page spans whose layout has a quick mask
//! ([`crate::layout::Layout::quick_mask`]). Everything else has the tag bit set and leads to the span's record.
//!
//! ```text
//!   PageInfo.where  [ block : 32 | multiplier : 32 ]
//!   PageInfo.scan   [ pointer mask : 60 | 0000 ]     quick; 0 is noscan
//!                   [ span number  : 60 | 0001 ]     see the record
//! ```
//!
//! The *checked* road ([`SpanMap::resolve`]) is for words that may be anything. It answers with a slot only for an
//! address inside an allocated slot of a span in use, and never reads outside the tables.
//!
//! Pages without a span have an all-zero `PageInfo`. It leads to block 0, which belongs to no span: a stray mark
//! lands where nobody looks.

use super::marks::{Block, Epoch};
use super::reached::{Mark, reach};
use super::slots::Run;
use super::{Span, SpanId, slots};
use crate::fault::{self, Fault};
use crate::meta::{Table, TableAccount, Zeroable};
use crate::os::{Os, OsError, Reservation};
use crate::prefetch::prefetch;
use crate::racy::words::WordRange;
use crate::size_class::SLOTS;
use crate::sync::Arc;
use crate::sync::atomic::{
    AtomicU8, AtomicU32, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use crate::units::{Addr, Bytes, PAGE_BYTES, PAGE_SHIFT, PageIndex, Pages, narrow, wide};
use core::ops::Range;
use core::ptr::NonNull;

/// Blocks of 64 slots a page can need: 1024 slots of 8 bytes.
pub const BLOCKS_PER_PAGE: usize = 16;

/// Blocks the tables have for each page. A block that was freed serves spans of the same number of blocks again, and no
/// others, so there must be room for every number at its peak: all pages as spans of one class after the other.
pub const TABLE_BLOCKS_PER_PAGE: usize = {
    let mut seen = [false; BLOCKS_PER_PAGE + 1];
    let mut sum = 0;
    let mut class = 1;
    while class < SLOTS.len() {
        let blocks = (SLOTS[class] as usize).div_ceil(64);
        if !seen[blocks] {
            seen[blocks] = true;
            sum += blocks;
        }
        class += 1;
    }
    sum
};
/// The first block a span may get. Block 0 and its neighbours take stray marks.
pub const FIRST_BLOCK: u32 = narrow(BLOCKS_PER_PAGE);

/// What the marker needs of a page. See the module's text.
///
/// Written by the span's maker and unmaker, while no reference into the page exists; read by markers, relaxed. The
/// reference a marker follows was published (release) after the span was made, and read (acquire) by the marker or by
/// whoever handed it over, which orders the two.
#[derive(Default, Debug)]
#[repr(C, align(16))]
pub struct PageInfo {
    place: AtomicU64,
    scan: AtomicU64,
}

// SAFETY: two atomics, valid when zero, nothing to drop.
unsafe impl Zeroable for PageInfo {}

/// A block whose bytes nobody ever writes: where slow pages lead on the quick road, so that they always look unmarked.
const UNMARKED_BLOCK: u32 = 1;

/// [`PageInfo`]'s first word.
fn place(block: u32, multiplier: u32) -> u64 {
    u64::from(block) << 32 | u64::from(multiplier)
}

/// Tag in [`PageInfo`]'s scan word: see the span's record.
const SLOW: u64 = 1;
const TAG_BITS: u32 = 4;

/// How the object a word leads to is scanned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct ScanWord(u64);

impl ScanWord {
    /// The scan word of noscan pages.
    pub const NOSCAN: Self = Self(0);

    /// Nothing to scan, on the quick road.
    #[inline]
    #[must_use]
    pub fn is_noscan(self) -> bool {
        self.0 == 0
    }

    /// The span to look at, if this is not the quick road.
    #[inline]
    #[must_use]
    pub fn slow(self) -> Option<SpanId> {
        // Span numbers are below 2^32, by the width of `SpanId`.
        (self.0 & SLOW != 0).then(|| SpanId::new(narrow(wide(self.0 >> TAG_BITS))))
    }

    /// The same word. Where it equals `usual` that is returned, so that the processor guesses the comparison and does not wait for the load. Otherwise
    /// it becomes `usual`.
    #[inline(always)]
    #[must_use]
    pub fn foreseen(self, usual: &mut Self) -> Self {
        if self == *usual {
            // Hidden from the compiler, which knows that the two are equal and may take the loaded one.
            return Self(core::hint::black_box(usual.0));
        }
        *usual = self;
        self
    }

    /// The pointer mask, on the quick road.
    #[inline]
    #[must_use]
    pub fn mask(self) -> u64 {
        debug_assert!(self.0 & SLOW == 0);
        self.0 >> TAG_BITS
    }
}

/// What a checked word turned out to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Resolved {
    /// The span.
    pub span: SpanId,
    /// The slot in it.
    pub slot: u32,
    /// The slot's first byte.
    pub start: usize,
}

/// The tables of a heap's spans. See the module's text.
#[derive(Debug)]
pub struct SpanMap {
    base: usize,
    bytes: usize,
    infos: Table<PageInfo>,
    owners: Table<AtomicU32>,
    spans: Table<Span>,
    marks: Table<AtomicU8>,
    bits: Table<AtomicU64>,
    reached: Table<AtomicU8>,
}

impl SpanMap {
    /// Empty tables for a reservation.
    ///
    /// # Errors
    /// If the system refuses the address space for a table.
    pub fn new(os: &Arc<dyn Os>, space: &Reservation) -> Result<Self, OsError> {
        let pages = space.len().pages_floor().get();
        let blocks = pages * TABLE_BLOCKS_PER_PAGE + BLOCKS_PER_PAGE;
        Ok(Self {
            base: space.base().addr().get(),
            // A piece of a page at the end is no page, and the tables have no entry for it.
            bytes: Pages::new(pages).bytes().get(),
            infos: Table::new(os, pages)?,
            owners: Table::new(os, pages)?,
            spans: Table::new(os, pages)?,
            marks: Table::new(os, blocks * 64)?,
            bits: Table::new(os, blocks)?,
            reached: Table::new(os, pages)?,
        })
    }

    /// The address of the heap's first page.
    #[inline]
    #[must_use]
    pub fn base(&self) -> usize {
        self.base
    }

    /// Whether an address lies in one of the heap's pages: those of the reservation.
    #[inline]
    #[must_use]
    pub fn contains(&self, addr: usize) -> bool {
        addr.wrapping_sub(self.base) < self.bytes
    }

    /// The addresses of the heap's pages.
    #[inline]
    #[must_use]
    pub fn range(&self) -> WordRange {
        WordRange::new(self.base, self.bytes)
    }

    /// The quick road, as a value to keep in registers.
    #[inline]
    #[must_use]
    pub fn quick(&self) -> QuickRoad<'_> {
        // The entry of the page at address 0, if there were one: saves a subtraction for every reference.
        let origin = self.infos.as_ptr().as_ptr().wrapping_sub(self.base >> PAGE_SHIFT);
        let reached = self.reached.as_ptr().as_ptr().cast_const().wrapping_sub(self.base >> PAGE_SHIFT);
        QuickRoad { origin, marks: self.marks.as_ptr(), reached, map: self }
    }

    /// The record of a span.
    #[inline]
    #[must_use]
    pub fn span(&self, id: SpanId) -> &Span {
        self.spans.get(id.index())
    }

    /// How many blocks there are.
    #[must_use]
    pub fn blocks(&self) -> usize {
        self.bits.len()
    }

    /// How many records there can be.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.spans.len()
    }

    /// Asks for the memory of these parts of the tables before somebody touches them ([`Table::back`]).
    pub fn back(&self, pages: Range<usize>, records: Range<usize>, blocks: Range<usize>) {
        self.infos.back(pages.clone());
        self.owners.back(pages.clone());
        self.reached.back(pages);
        self.spans.back(records);
        self.marks.back(blocks.start * 64..blocks.end * 64);
        self.bits.back(blocks);
    }

    /// The tables, if so many pages, records and blocks were ever used.
    #[must_use]
    pub fn tables(&self, pages: Pages, records: usize, blocks: usize) -> [TableAccount; 6] {
        [
            self.infos.account(pages.get()),
            self.owners.account(pages.get()),
            self.spans.account(records),
            self.marks.account(blocks * 64),
            self.bits.account(blocks),
            self.reached.account(pages.get()),
        ]
    }

    /// The alloc bits of a span.
    #[inline]
    #[must_use]
    pub fn bits_of(&self, span: &Span) -> &[AtomicU64] {
        self.bits.slice(Self::blocks_of(span))
    }

    /// The mark bytes of a span, padded to whole blocks of 64.
    #[inline]
    #[must_use]
    pub(crate) fn marks_of(&self, span: &Span) -> &[AtomicU8] {
        let blocks = Self::blocks_of(span);
        self.marks.slice(blocks.start * 64..blocks.end * 64)
    }

    /// All slots of a span, sixty-four at a time.
    #[inline]
    pub(crate) fn each_block(&self, span: &Span) -> impl Iterator<Item = Block<'_>> {
        let (marks, _) = self.marks_of(span).as_chunks();
        self.bits_of(span).iter().zip(marks).map(|(bits, marks)| Block { bits, marks })
    }

    /// The numbers of a span's blocks.
    #[inline]
    fn blocks_of(span: &Span) -> Range<usize> {
        let first = span.block() as usize;
        first..first + (span.slots() as usize).div_ceil(64)
    }

    /// Asks for the record of a span that somebody will take after the next one.
    #[inline]
    pub(crate) fn prefetch_record(&self, id: SpanId) {
        prefetch(self.span(id));
    }

    /// Asks for what a sweep and a refill read of a span, whose record is at hand. It need not be the caller's, nor in use:
    /// then what is asked for is of no use.
    #[inline]
    pub(crate) fn prefetch_blocks(&self, id: SpanId) {
        let blocks = Self::blocks_of(self.span(id));
        // If somebody makes it another span meanwhile, its block and its slots may not go together.
        if blocks.start < blocks.end && blocks.end <= self.blocks() {
            prefetch(self.bits.get(blocks.start));
            prefetch(self.bits.get(blocks.end - 1));
        }
    }

    /// The mark of one slot.
    #[inline]
    #[must_use]
    pub fn mark_of(&self, span: &Span, slot: u32) -> Mark<'_> {
        let place = Self::mark_place(span, slot);
        Mark::new(self.marks.get(place), self.reached_of(span))
    }

    /// Where it says when a span was reached last.
    #[inline]
    fn reached_of(&self, span: &Span) -> &AtomicU8 {
        self.reached.get(span.first().get())
    }

    /// Whether any slot of a span may have been reached in an epoch. Others may set marks meanwhile.
    #[inline]
    #[must_use]
    pub(crate) fn may_be_reached(&self, span: &Span, epoch: Epoch) -> bool {
        self.reached_of(span).load(Relaxed) == epoch.byte()
    }

    /// Reaches all slots of a run in the epoch with this byte, the current one.
    pub(crate) fn reach_run(&self, span: &Span, run: Run, epoch: u8) {
        self.set_marks(span, run, epoch);
        if !fault::on(Fault::RunUntold) {
            reach(self.reached_of(span), epoch);
        }
    }

    /// Takes the marks of all slots of a run away.
    pub(crate) fn clear_run(&self, span: &Span, run: Run) {
        self.set_marks(span, run, 0);
    }

    fn set_marks(&self, span: &Span, run: Run, byte: u8) {
        let first = Self::mark_place(span, run.start);
        let marks = self.marks.slice(first..first + run.len as usize);
        marks.iter().for_each(|mark| mark.store(byte, Relaxed));
    }

    /// Where among all mark bytes that of one slot is: a number that no other slot has as long as the span is in use.
    #[inline]
    #[must_use]
    pub fn mark_place(span: &Span, slot: u32) -> usize {
        debug_assert!(slot < span.slots());
        span.block() as usize * 64 + slot as usize
    }

    /// The span an address lies in, if there is one in use.
    #[inline]
    #[must_use]
    pub fn span_at(&self, addr: usize) -> Option<SpanId> {
        let offset = addr.wrapping_sub(self.base);
        if offset >= self.bytes {
            return None;
        }
        match self.owners.get(offset >> PAGE_SHIFT).load(Acquire) {
            0 => None,
            number => Some(SpanId::new(number - 1)),
        }
    }

    /// The allocated slot an arbitrary word points into, if it does.
    ///
    /// No span with objects may be freed meanwhile, and no record be made another span's: as it is from
    /// [`Memory::begin_cycle`](crate::memory::Memory::begin_cycle) to [`Memory::end_marking`](crate::memory::Memory::end_marking), and for
    /// who asks about an object of his own.
    #[must_use]
    pub fn resolve(&self, word: usize) -> Option<Resolved> {
        let id = self.span_at(word)?;
        let span = self.span(id);
        let first = self.address(span.first()).get();
        let offset = word.checked_sub(first)?;
        let slot = if span.is_large() { 0 } else { span.slot_at(offset) };
        // The tail of a span that is no slot, or a slot that is not allocated, is nothing.
        (slot < span.slots() && slots::is_taken(self.bits_of(span), slot)).then(|| Resolved {
            span: id,
            slot,
            start: first + slot as usize * span.stride().get(),
        })
    }

    /// The mark byte of the allocated slot that a word may lead to. Nobody need keep anybody from freeing spans and making others
    /// meanwhile: then the answer is a guess.
    #[must_use]
    pub fn guess_mark(&self, word: usize) -> Option<u8> {
        let span = self.span(self.span_at(word)?);
        // Each once: what is read twice may be another the second time.
        let (first, magic, slots, block) = (span.first(), span.magic(), span.slots(), span.block() as usize);
        let offset = word.checked_sub(self.address(first).get())? as u64;
        let slot = if magic == 0 { 0 } else { wide(offset.checked_mul(u64::from(magic))? >> 32) };
        if slot >= slots as usize || block + slot / 64 >= self.bits.len() {
            return None;
        }
        let is_taken = self.bits.get(block + slot / 64).load(Acquire) >> (slot % 64) & 1 == 1;
        is_taken.then(|| self.marks.get(block * 64 + slot).load(Relaxed))
    }

    /// Where a page begins.
    #[inline]
    #[must_use]
    pub fn address(&self, page: PageIndex) -> Addr {
        Addr::new(self.base).plus(page.offset())
    }

    /// Whether the slot of a span was reached in an epoch.
    #[must_use]
    pub fn is_marked(&self, span: &Span, slot: u32, epoch: Epoch) -> bool {
        self.mark_of(span, slot).get() == epoch.byte()
    }

    /// Enters a span into the tables of its pages.
    pub(crate) fn enter(&self, id: SpanId, quick_mask: Option<u64>) {
        let span = self.span(id);
        let (first, pages) = (span.first(), span.pages());
        let quick = if pages == Pages::new(1) && !span.is_large() { quick_mask } else { None };
        let (place, scan) = match quick {
            Some(mask) => (place(span.block(), span.magic()), mask << TAG_BITS),
            None => (place(UNMARKED_BLOCK, 0), u64::from(id.get()) << TAG_BITS | SLOW),
        };
        for page in first.get()..first.plus(pages).get() {
            let info = self.infos.get(page);
            info.place.store(place, Relaxed);
            info.scan.store(scan, Relaxed);
            // Releases the record and its bits to whoever finds it by an arbitrary word.
            self.owners.get(page).store(id.get() + 1, Release);
        }
    }

    /// Takes a span out of the tables of its pages.
    pub(crate) fn leave(&self, span: &Span) {
        for page in span.first().get()..span.first().plus(span.pages()).get() {
            let info = self.infos.get(page);
            info.place.store(0, Relaxed);
            info.scan.store(0, Relaxed);
            self.owners.get(page).store(0, Relaxed);
        }
    }

    /// Whether a span's objects are on the quick road.
    #[must_use]
    pub fn is_quick(&self, span: &Span) -> bool {
        self.infos.get(span.first().get()).scan.load(Relaxed) & SLOW == 0
    }

    /// Whether a page's objects are not scanned, on the quick road; for the verifier.
    pub(crate) fn is_noscan_page(&self, page: PageIndex) -> bool {
        self.infos.get(page.get()).scan.load(Relaxed) == 0
    }

    /// The owner entry of a page, for the verifier.
    pub(crate) fn owner(&self, page: PageIndex) -> Option<SpanId> {
        self.owners.get(page.get()).load(Relaxed).checked_sub(1).map(SpanId::new)
    }
}

/// The quick road to marks and masks: what [`SpanMap`] knows, in few words.
#[derive(Clone, Copy, Debug)]
pub struct QuickRoad<'a> {
    origin: *const PageInfo,
    marks: NonNull<AtomicU8>,
    /// As `origin`.
    reached: *const AtomicU8,
    map: &'a SpanMap,
}

// SAFETY: it stands for a `&SpanMap`, which is `Sync`.
unsafe impl Send for QuickRoad<'_> {}

impl<'a> QuickRoad<'a> {
    /// The entry of the page an address lies in.
    ///
    /// # Safety
    /// 1. `word` is an address inside the reservation.
    #[inline(always)]
    unsafe fn info(self, word: usize) -> &'a PageInfo {
        debug_assert!(self.map.contains(word), "{word:#x} is not in the heap");
        let at = self.origin.wrapping_add(word >> PAGE_SHIFT);
        // SAFETY: by duty 1 the page is one of the reservation's, which begins on a page, so this is the table's entry for
        // it: initialised (zero at first) and only ever accessed atomically.
        unsafe { &*at }
    }

    /// The mark and the scan word of the slot a reference leads to.
    ///
    /// For a slow page the mark is none of a slot's and says unmarked; take [`SpanMap::mark_of`].
    ///
    /// # Safety
    /// 1. `word` is the address of an allocated slot of this heap, or of a byte inside one.
    #[inline(always)]
    #[must_use]
    pub unsafe fn look(self, word: usize) -> (Mark<'a>, ScanWord) {
        // SAFETY: duty 1.
        let info = unsafe { self.info(word) };
        let place = info.place.load(Relaxed);
        let offset = (word & (PAGE_BYTES - 1)) as u64;
        let slot = (offset * (place & u64::from(u32::MAX))) >> 32;
        let at = wide(place >> 32) * 64 + wide(slot);
        // SAFETY: the block was given to the page's span (or is one of those that are nobody's), and has a byte for each of its slots; the
        // multiplication cannot exceed them, since the offset is inside the page.
        let mark = unsafe { self.marks.add(at) };
        // SAFETY: a table's entry, as in `info`.
        let mark = unsafe { mark.as_ref() };
        // SAFETY: as in `info`: that of the page, which is the only one of its span.
        let span = unsafe { &*self.reached.wrapping_add(word >> PAGE_SHIFT) };
        (Mark::new(mark, span), ScanWord(info.scan.load(Relaxed)))
    }

    /// Asks for the mark of the slot a reference leads to, which is looked at later. A hint.
    ///
    /// # Safety
    /// 1. As of [`QuickRoad::look`].
    #[inline(always)]
    pub unsafe fn ask(self, word: usize) {
        // SAFETY: duty 1.
        let (mark, _) = unsafe { self.look(word) };
        prefetch(mark.byte());
    }

    /// The scan word of the page an address lies in.
    ///
    /// # Safety
    /// 1. `word` is an address inside the reservation.
    #[inline(always)]
    #[must_use]
    pub unsafe fn scan_word(self, word: usize) -> ScanWord {
        // SAFETY: duty 1.
        let info = unsafe { self.info(word) };
        ScanWord(info.scan.load(Relaxed))
    }
}

/// Turns an offset in a reservation into a pointer to a slot's first byte, keeping provenance.
#[inline]
#[must_use]
pub fn slot_ptr(space: &Reservation, span: &Span, slot: u32) -> NonNull<u8> {
    space.ptr(span.first().offset() + Bytes::new(slot as usize * span.stride().get()))
}
