//! Regions: memory that is handed out by a bump and taken back all at once.
//!
//! A [`Region`] is a row of *pieces*. Memory comes from the last one, lowest address first; what is handed out is not taken
//! back one by one, but all of it ([`Region::reset`], [`Region::release`]), or all since a [`Mark`] ([`Region::rewind`]).
//!
//! ```text
//!   piece     start ▓▓▓▓▓▓▓▓ used                          full: the request did not fit
//!   piece     start ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ used
//!   piece     start ▓▓▓▓▓ cursor ░░░░░░░░░░░░░░░ end       where the next is from
//! ```
//!
//! A piece is a *tract*, a run of pages of its own, or it is *lent*: the rest of another region's last piece, given for as long
//! as this region lives ([`Region::lend`]). So a region inside another one costs no tract.
//!
//! [`Tracts`] are what a mutator keeps of its pages between two regions: some, so that a short region asks nobody. They go back
//! with everything else that is cached ([`Tracts::flush`]).
//!
//! The pages are in no span ([`PageHeap::take_frame`](crate::page_heap::PageHeap::take_frame)): no marker reads them, and no
//! word that leads there leads to an object. What is put into a region is its user's business; nothing is dropped here.
//!
//! Invariants
//!   P1  start ≤ cursor ≤ end, in one piece, or all three are null
//!   P2  a tract is in one region or in one mutator's [`Tracts`]
//!   P3  cursor is a multiple of eight, or null

use crate::error::AllocError;
use crate::memory::Memory;
use crate::stress::{FRAME_PAGES, FRAME_PAGES_KEPT, STRESSED};
use crate::units::{Bytes, PAGE_BYTES, PageIndex, Pages, WORD_BYTES};
use core::cell::{Cell, RefCell};
use core::ptr::{self, NonNull};

/// Pages of the largest tract that a region takes because it grew: 1 MiB. From there on it grows by as much each time.
const MOST_PAGES: usize = FRAME_PAGES * 16;
/// What memory of a region is filled with when it is taken back, in builds under stress whose heap has no poison of its own.
const STRESS_POISON: u8 = 0xF5;

/// Pages of a region.
#[derive(Debug)]
#[must_use = "its pages are lost unless it is put back"]
struct Tract {
    base: PageIndex,
    pages: Pages,
}

/// Where a region's memory comes from.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The memory of the heap.
    pub memory: &'a Memory,
    /// What the mutator keeps of it.
    pub tracts: &'a Tracts,
    /// The sweep generation that the mutator knows.
    pub generation: u64,
}

/// A mutator's own tracts, between two regions. See the module's text.
#[derive(Debug, Default)]
pub struct Tracts {
    kept: RefCell<Vec<Tract>>,
}

impl Tracts {
    /// A tract of at least `least` pages, and of `wanted` if there is room.
    fn take(source: Source<'_>, least: Pages, wanted: Pages) -> Result<Tract, AllocError> {
        let mut kept = source.tracts.kept.borrow_mut();
        if let Some(at) = kept.iter().rposition(|tract| tract.pages >= least) {
            return Ok(kept.swap_remove(at));
        }
        drop(kept);
        let wanted = wanted.max(least);
        let outcome = source.memory.take_frame(wanted, source.generation);
        let base = match outcome {
            // What is needed may fit where the wish does not.
            Err(_) if wanted > least => {
                let base = source.memory.take_frame(least, source.generation)?;
                return Ok(Tract { base, pages: least });
            }
            outcome => outcome?,
        };
        Ok(Tract { base, pages: wanted })
    }

    /// Keeps a tract, or gives it back.
    fn put(source: Source<'_>, tract: Tract) {
        let mut kept = source.tracts.kept.borrow_mut();
        let sum: usize = kept.iter().map(|tract| tract.pages.get()).sum();
        if sum + tract.pages.get() <= FRAME_PAGES_KEPT {
            kept.push(tract);
        } else {
            drop(kept);
            source.memory.pages().give_frame(tract.base);
        }
    }

    /// Gives back what is kept. Tracts of regions are the regions'.
    pub fn flush(&self, memory: &Memory) {
        for tract in self.kept.take() {
            memory.pages().give_frame(tract.base);
        }
    }

    /// The pages kept.
    #[must_use]
    pub fn kept(&self) -> Pages {
        self.kept.borrow().iter().map(|tract| tract.pages).fold(Pages::ZERO, |sum, pages| sum + pages)
    }
}

/// Addresses of a region's. The last piece's `used` is behind the region's cursor.
#[derive(Debug)]
struct Piece {
    start: *mut u8,
    used: *mut u8,
    end: *mut u8,
    /// `None` if it is lent.
    tract: Option<Tract>,
}

/// A row of pieces. The last is apart, so that a region of one needs no list.
#[derive(Debug, Default)]
struct Pieces {
    below: Vec<Piece>,
    last: Option<Piece>,
}

impl Pieces {
    const NONE: Self = Self { below: Vec::new(), last: None };

    fn len(&self) -> usize {
        self.below.len() + usize::from(self.last.is_some())
    }

    fn push(&mut self, piece: Piece) {
        self.below.extend(self.last.replace(piece));
    }

    fn pop(&mut self) -> Option<Piece> {
        core::mem::replace(&mut self.last, self.below.pop())
    }
}

/// The rest of a region's last piece, lent to another.
#[derive(Debug)]
pub struct Rest {
    start: *mut u8,
    end: *mut u8,
}

/// How much of a region was handed out at a moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark {
    pieces: usize,
    /// Bytes of the last one.
    used: usize,
}

/// A region. See the module's text. Whoever drops one has [released](Region::release) it.
#[derive(Debug)]
pub struct Region {
    cursor: Cell<*mut u8>,
    end: Cell<*mut u8>,
    pieces: RefCell<Pieces>,
}

// SAFETY: the addresses are of memory that is the region's alone (P2), and its user's, who sees to what is put there.
unsafe impl Send for Region {}

impl Default for Region {
    fn default() -> Self {
        Self::new()
    }
}

impl Region {
    /// A region without memory.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            cursor: Cell::new(ptr::null_mut()),
            end: Cell::new(ptr::null_mut()),
            pieces: RefCell::new(Pieces::NONE),
        }
    }

    /// A region that begins with what another lends.
    #[must_use]
    pub fn with(rest: &Rest) -> Self {
        let region = Self::new();
        region.push(rest.start, rest.end, None);
        region
    }

    /// The next `size` bytes at a multiple of `align`, if the last piece has them. `size` is not 0, and at most `isize::MAX`.
    ///
    /// With constants this is a subtraction, an addition, a comparison and a store.
    #[inline(always)]
    #[must_use]
    pub fn alloc(&self, size: usize, align: usize) -> Option<NonNull<u8>> {
        debug_assert!(size > 0 && isize::try_from(size).is_ok() && align.is_power_of_two());
        let at = self.cursor.get();
        let pad = if align > WORD_BYTES { at.addr().wrapping_neg() & (align - 1) } else { 0 };
        // Neither overflows: a size is at most `isize::MAX`, and an alignment below that.
        let need = pad + size.next_multiple_of(WORD_BYTES);
        if need > self.end.get().addr() - at.addr() {
            return None;
        }
        self.cursor.set(at.wrapping_add(need));
        let start = at.wrapping_add(pad);
        let whole = size.next_multiple_of(WORD_BYTES);
        // SAFETY: there is a byte between cursor and end, so neither is null (P1), and `start` lies between them.
        let start = unsafe { NonNull::new_unchecked(start) };
        crate::asan::allow(start, whole);
        Some(start)
    }

    /// The slow twin of [`Region::alloc`]: takes another tract first.
    ///
    /// # Errors
    /// As [`Memory::take_frame`], and if the size does not fit in the address space. The region is as before.
    #[cold]
    #[inline(never)]
    pub fn alloc_slow(
        &self,
        source: Source<'_>,
        size: usize,
        align: usize,
    ) -> Result<NonNull<u8>, AllocError> {
        // A tract begins with a page.
        let pad = if align > PAGE_BYTES { align } else { 0 };
        let bytes = size.checked_next_multiple_of(WORD_BYTES).and_then(|bytes| bytes.checked_add(pad));
        let bytes = bytes.filter(|&bytes| bytes <= isize::MAX.cast_unsigned() - PAGE_BYTES);
        let Some(bytes) = bytes else {
            return Err(AllocError::TooLarge { count: 1, size: Bytes::new(size) });
        };
        let least = Bytes::new(bytes).pages_ceil();
        let last = self
            .pieces
            .borrow()
            .last
            .as_ref()
            .and_then(|piece| piece.tract.as_ref())
            .map(|tract| tract.pages);
        let wanted = Pages::new((last.unwrap_or_default().get() * 2).clamp(FRAME_PAGES, MOST_PAGES));
        let tract = Tracts::take(source, least, wanted)?;
        let start = source.memory.pages().space().ptr(tract.base.offset()).as_ptr();
        self.push(start, start.wrapping_add(tract.pages.bytes().get()), Some(tract));
        match self.alloc(size, align) {
            Some(start) => Ok(start),
            None => {
                crate::bug!("P1: a fresh tract of {least:?} has no room for {size} bytes, aligned to {align}")
            }
        }
    }

    fn push(&self, start: *mut u8, end: *mut u8, tract: Option<Tract>) {
        let mut pieces = self.pieces.borrow_mut();
        if let Some(last) = &mut pieces.last {
            last.used = self.cursor.get();
        }
        pieces.push(Piece { start, used: start, end, tract });
        self.cursor.set(start);
        self.end.set(end);
    }

    /// Lends the rest of the last piece: it is another region's until [`Region::take_back`]. This one takes a tract if it needs
    /// memory meanwhile.
    pub fn lend(&self) -> Rest {
        let rest = Rest { start: self.cursor.get(), end: self.end.get() };
        self.end.set(rest.start);
        rest
    }

    /// Takes back what was lent, if nothing was handed out since; otherwise it lies idle until the region is reset.
    ///
    /// The borrower is [released](Region::release), and nobody uses its memory.
    pub fn take_back(&self, rest: &Rest) {
        // Equal only if this region has come to the end of what it has: so these bytes are next to it and idle.
        if self.cursor.get() == rest.start && self.end.get() == rest.start {
            self.end.set(rest.end);
        }
    }

    /// Takes everything back, and keeps the last piece for what comes next. Nobody uses the memory any more.
    pub fn reset(&self, source: Source<'_>) {
        let mut pieces = self.pieces.borrow_mut();
        let Some(mut last) = pieces.pop() else { return };
        last.used = self.cursor.get();
        Self::wipe(source, &last, last.start);
        while let Some(piece) = pieces.pop() {
            Self::give(source, piece);
        }
        self.cursor.set(last.start);
        self.end.set(last.end);
        pieces.push(last);
    }

    /// How much was handed out until now.
    #[must_use]
    pub fn mark(&self) -> Mark {
        let pieces = self.pieces.borrow();
        let used = pieces.last.as_ref().map_or(0, |last| self.cursor.get().addr() - last.start.addr());
        Mark { pieces: pieces.len(), used }
    }

    /// Takes back what was handed out since a mark of this region, which no reset or earlier rewind has passed. Nobody uses that
    /// memory any more.
    pub fn rewind(&self, source: Source<'_>, to: Mark) {
        let mut pieces = self.pieces.borrow_mut();
        if let Some(last) = &mut pieces.last {
            last.used = self.cursor.get();
        }
        while pieces.len() > to.pieces {
            let Some(piece) = pieces.pop() else { break };
            Self::give(source, piece);
        }
        match &pieces.last {
            Some(last) => {
                let cursor = last.start.wrapping_add(to.used);
                Self::wipe(source, last, cursor);
                self.cursor.set(cursor);
                self.end.set(last.end);
            }
            None => {
                self.cursor.set(ptr::null_mut());
                self.end.set(ptr::null_mut());
            }
        }
    }

    /// Takes everything back, and gives the tracts back. Nobody uses the memory any more.
    pub fn release(&self, source: Source<'_>) {
        self.rewind(source, Mark { pieces: 0, used: 0 });
    }

    /// Calls `visit` with what was handed out, a piece at a time: its first byte, and how many.
    pub fn each_used(&self, mut visit: impl FnMut(NonNull<u8>, usize)) {
        let mut piece_used = |piece: &Piece, used: *mut u8| {
            if let Some(start) = NonNull::new(piece.start) {
                visit(start, used.addr() - start.addr().get());
            }
        };
        let pieces = self.pieces.borrow();
        for piece in &pieces.below {
            piece_used(piece, piece.used);
        }
        if let Some(last) = &pieces.last {
            piece_used(last, self.cursor.get());
        }
    }

    /// Bytes handed out, with what lies between and behind them in full pieces.
    #[must_use]
    pub fn used(&self) -> Bytes {
        let mut sum = 0;
        self.each_used(|_, bytes| sum += bytes);
        Bytes::new(sum)
    }

    /// Whether an address lies in what was handed out.
    #[must_use]
    pub fn has(&self, addr: usize) -> bool {
        let mut found = false;
        self.each_used(|start, bytes| found |= addr.wrapping_sub(start.addr().get()) < bytes);
        found
    }

    fn give(source: Source<'_>, piece: Piece) {
        Self::wipe(source, &piece, piece.start);
        if let Some(tract) = piece.tract {
            Tracts::put(source, tract);
        }
    }

    /// Poisons what was used of a piece from an address on.
    fn wipe(source: Source<'_>, piece: &Piece, from: *mut u8) {
        let Some(from) = NonNull::new(from) else { return };
        let bytes = piece.used.addr() - from.addr().get();
        let poison = source.memory.poison().or(STRESSED.then_some(STRESS_POISON));
        if let Some(byte) = poison
            && cfg!(not(feature = "asan"))
        {
            // SAFETY: bytes of a piece of this region, which is ready memory that nobody else uses.
            unsafe { from.write_bytes(byte, bytes) };
        }
        crate::asan::poison(from, bytes);
    }
}

#[cfg(test)]
mod tests;
