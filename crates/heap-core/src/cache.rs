//! A mutator's cache: the allocation path.
//!
//! Per layout the cache holds one span and, of it, the current *run*: free slots next to each other, as two
//! addresses. Allocating is a bump:
//!
//! ```text
//!   next = cursor + stride;  if next > end { refill }  cursor = next
//! ```
//!
//! There is no lock, no atomic, no test of a phase, and no count in it. What colour new objects have is settled when
//! the run is handed out: while marking, a refill marks the whole run.
//!
//! The slow twin ([`Cache::refill`]) takes the next run of the same span, else exchanges the span for another
//! ([`crate::memory::Memory::take_span`]), and bumps again. A span is counted as handed out whole when it is taken,
//! and corrected when it is put back, so that a run costs no shared counter.
//!
//! Noscan objects below 16 bytes without a drop share blocks of 16 bytes ([`Cache::alloc_tiny`]). A block lives as
//! long as any object in it.
//!
//! Sampling ([`crate::sample`]). When it is on, a run may end early for the bump, at a *fence*: before the next slot that is to be
//! sampled. So the allocation that gets that slot comes to the slow twin, which takes it and moves the fence on. The hot path is the same, on or off:
//!
//! ```text
//!   cursor        end = fence      held.next
//!     |  open slots  |  slots beyond   |       all of them taken and, while marking, marked: one run
//! ```
//!
//! Zeroing. Slots are handed out as they are: typed objects are written whole before anybody can see them. Callers
//! that do not write every word clear the slot first; a fresh large span is known to be zero and is not cleared again
//! ([`crate::large`]).
//!
//! A cycle runs beside the mutator. What it means for the cache:
//!
//! * From some moment on, new objects are *black* ([`Cache::blacken`]): what is left of the current runs is marked then, and
//!   each run handed out later, before it is handed out. So the hot path never asks for a colour.
//! * A mutator that is black may go while another is still white ([`Cache::stay_white`]): the slots it leaves are marked, and
//!   an object put there would be taken for scanned. So such runs are cleared before they are handed out.
//! * The cache keeps its spans while a cycle marks and while the sweep generation moves on. They come back as swept in the
//!   generation the cache knows ([`Cache::flush`]), so those it had before are unswept then.
//!
//! Invariants
//!   F3  a flushed cache holds no span, no run, no tiny block and no pages.

mod bump;

use self::bump::{Begun, Bump, Fence};
use crate::central::{Entry, Seat};
use crate::error::AllocError;
use crate::fault::{self, Fault};
use crate::figures::add;
use crate::layout::{FIXED_LAYOUTS, LayoutId};
use crate::memory::patience::Patience;
use crate::memory::{Empties, Memory};
use crate::page_heap::PageStock;
use crate::prefetch::prefetch_block;
use crate::sample::Dice;
use crate::size_class::SizeClass;
use crate::span::marks::Epoch;
use crate::span::slots::{self, Run, next_run};
use crate::span::{Home, SpanId};
use crate::stress::RUN_SLOTS_MAX;
use crate::sync::atomic::Ordering::Relaxed;
use crate::units::Bytes;
use core::cell::{Cell, RefCell};
use core::ptr::NonNull;

/// Largest size of the tiny allocator, plus one, and the size of its blocks.
pub const TINY_BLOCK: usize = 16;

/// Layouts whose bumps are in a table of the cache itself: the fixed ones, and the first that are registered.
const NEAR: usize = FIXED_LAYOUTS + 256;
/// How much of a run is asked for when it is handed out: as long as the spans of small objects. What lies further would not be in the first cache
/// any more when it is come to.
const ASKED_AHEAD: usize = 2 * crate::prefetch::PAGE;

/// What an object that gets a span of its own is born with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Birth {
    /// Its mark byte.
    pub colour: u8,
    /// The generation its span is swept in.
    pub generation: u64,
}

/// What new objects are, and so what a refill does to the marks of its run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Colour {
    /// Unmarked: no free slot bears the mark of this epoch.
    White,
    /// Unmarked, while a cycle begins: a mutator may have been black already, and gone, and have left marked slots.
    WhiteAgain,
    /// Marked.
    Black(Epoch),
}

/// The span a cache holds for a layout.
#[derive(Clone, Copy, Debug)]
struct Held {
    span: SpanId,
    /// The slot after the current run.
    next: u32,
}

/// What the cache knows of one layout.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    held: Option<Held>,
    fence: Fence,
    /// Whether the layout is in `Cold::used`.
    is_used: bool,
}

#[derive(Debug, Default)]
struct Cold {
    /// By layout number.
    places: Vec<Place>,
    /// Layouts that had a span since the last flush.
    used: Vec<LayoutId>,
    /// Bumps of layouts above the near ones.
    more: Vec<Bump>,
    stock: PageStock,
    /// What is sampled is drawn with these, once something is.
    dice: Option<Dice>,
}

/// What is special about a slot that lay beyond a fence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Drawn {
    /// The mean that it was drawn with; `None` if sampling has ended since.
    pub sample: Option<Bytes>,
    /// Where it is from.
    pub source: Source,
}

/// Where a slow twin found a slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// It was the next of the current run.
    Run,
    /// It is the first of a new run.
    NewRun,
}

/// A mutator's cache. See the module's text.
///
/// In this order: with the bumps first, a layout's is found without adding where they begin.
#[derive(Debug)]
#[repr(C)]
pub struct Cache {
    near: [Bump; NEAR],
    tiny: Bump,
    /// Tiny objects put into a block that was there already, not yet folded into the heap's counter.
    tiny_allocs: Cell<u64>,
    /// Runs handed out, not yet folded.
    runs: Cell<u64>,
    /// Bytes handed out, as a signed number, that others were not told of.
    uncounted: Cell<usize>,
    /// Others were told of bytes, and nobody has asked yet whether they were.
    has_told: Cell<bool>,
    /// What a refill does to the marks of its run. Written by the mutator at a safepoint, or on its behalf while it is outside.
    colour: Cell<Colour>,
    /// The sweep generation in which the spans it holds were swept. Written as `colour` is.
    generation: Cell<u64>,
    /// Slots a refill hands out at most.
    run_most: Cell<u32>,
    /// The layout of tiny blocks.
    tiny_layout: Cell<LayoutId>,
    /// Where it sits at the centrals.
    seat: Seat,
    /// What is special about the last slot that a refill gave out, if it lay beyond a fence and nobody has asked yet. Beside the
    /// answer, because nearly all are not, and a refill's answer is in registers then.
    drawn: Cell<Option<Drawn>>,
    cold: RefCell<Cold>,
}

/// The layout of tiny blocks, unless another is set.
const TINY_LAYOUT: LayoutId = LayoutId::new(SizeClass::for_bytes(TINY_BLOCK).get() as u32);

impl Default for Cache {
    fn default() -> Self {
        Self::new()
    }
}

impl Cache {
    /// An empty cache of somebody who sits where [`Memory::seat`] has put him.
    #[must_use]
    pub fn at(seat: Seat) -> Self {
        Self { seat, ..Self::new() }
    }

    /// An empty cache of somebody who is alone in his heap.
    #[must_use]
    pub fn new() -> Self {
        Self {
            near: [const { Bump::empty() }; NEAR],
            tiny: Bump::empty(),
            tiny_allocs: Cell::new(0),
            runs: Cell::new(0),
            uncounted: Cell::new(0),
            has_told: Cell::new(false),
            colour: Cell::new(Colour::White),
            generation: Cell::new(0),
            run_most: Cell::new(RUN_SLOTS_MAX),
            tiny_layout: Cell::new(TINY_LAYOUT),
            seat: Seat::default(),
            drawn: Cell::new(None),
            cold: RefCell::new(Cold::default()),
        }
    }

    /// Takes tiny blocks from the spans of another layout of 16-byte noscan slots: where every type has spans of its own, the
    /// blocks are not a type's.
    pub fn set_tiny_layout(&self, id: LayoutId) {
        self.tiny_layout.set(id);
    }

    /// The layout of tiny blocks.
    #[must_use]
    pub fn tiny_layout(&self) -> LayoutId {
        self.tiny_layout.get()
    }

    /// Lets a refill hand out at most that many slots. For tests that want every edge.
    pub fn set_run_most(&self, slots: u32) {
        self.run_most.set(slots.clamp(1, RUN_SLOTS_MAX));
    }

    /// A slot of a fixed layout from the current run.
    ///
    /// `id` and `stride` should be constants of the call: then this is four instructions and a branch.
    ///
    /// # Panics
    /// If the layout is neither a fixed one nor among the first that were registered.
    #[inline(always)]
    #[must_use]
    pub fn alloc(&self, id: LayoutId, stride: usize) -> Option<NonNull<u8>> {
        self.near[id.index()].take(stride)
    }

    /// A slot of any layout from the current run.
    #[inline]
    #[must_use]
    pub fn alloc_any(&self, id: LayoutId, stride: usize) -> Option<NonNull<u8>> {
        match self.near.get(id.index()) {
            Some(bump) => bump.take(stride),
            None => self.cold.borrow().more.get(id.index() - NEAR)?.take(stride),
        }
    }

    /// Room for a noscan object of 1 to 15 bytes in the current block.
    #[inline(always)]
    #[must_use]
    pub fn alloc_tiny(&self, bytes: usize, align: usize) -> Option<NonNull<u8>> {
        debug_assert!((1..TINY_BLOCK).contains(&bytes));
        let cursor = self.tiny.cursor.get();
        let start = cursor.wrapping_add(cursor.addr().wrapping_neg() & (align - 1));
        let next = start.wrapping_add(bytes);
        if next > self.tiny.end.get() {
            return None;
        }
        self.tiny.cursor.set(next);
        self.tiny_allocs.set(self.tiny_allocs.get() + 1);
        // SAFETY: as in `Bump::take`: without a block the end is null, and `next` is above it.
        Some(unsafe { NonNull::new_unchecked(start) })
    }

    /// The second step of [`Cache::alloc_tiny`]: takes a new block from the current run. The new block becomes the current one
    /// if it has more room left.
    #[inline(never)]
    #[must_use]
    pub fn alloc_tiny_block(&self, bytes: usize) -> Option<NonNull<u8>> {
        let block = self.near.get(self.tiny_layout.get().index())?.take(TINY_BLOCK)?;
        self.keep_tiny_block(block, bytes);
        Some(block)
    }

    #[inline]
    fn keep_tiny_block(&self, block: NonNull<u8>, bytes: usize) {
        if TINY_BLOCK - bytes > self.tiny.left() {
            self.tiny.set(block.as_ptr(), TINY_BLOCK);
            self.tiny.cursor.set(block.as_ptr().wrapping_add(bytes));
        }
    }

    /// The slow twin of [`Cache::alloc_tiny`]: takes a new block, and a new run for it if need be.
    ///
    /// # Errors
    /// As [`Cache::refill`].
    #[cold]
    #[inline(never)]
    pub fn refill_tiny(&self, memory: &Memory, bytes: usize) -> Result<NonNull<u8>, AllocError> {
        let block = match self.alloc_any(self.tiny_layout.get(), TINY_BLOCK) {
            Some(block) => block,
            None => self.refill(memory, self.tiny_layout.get())?,
        };
        self.keep_tiny_block(block, bytes);
        Ok(block)
    }

    /// The slow twin of [`Cache::alloc`]: takes the slot beyond the fence, if there is one; else hands out the next run and takes
    /// its first slot.
    ///
    /// # Errors
    /// If no span can be had: see [`AllocError`]. The cache and the heap are as before.
    #[cold]
    #[inline(never)]
    pub fn refill(&self, memory: &Memory, id: LayoutId) -> Result<NonNull<u8>, AllocError> {
        let cold = &mut *self.cold.borrow_mut();
        if cold.places.len() <= id.index() {
            cold.places.resize(id.index() + 1, Place::default());
            cold.more.resize_with((id.index() + 1).saturating_sub(NEAR), Bump::empty);
        }
        let entry = memory.entry(id);
        loop {
            let place = &mut cold.places[id.index()];
            let bump = self.bump(&cold.more, id);
            if place.fence.beyond() > 0 {
                let (start, sample) = place.fence.pass(bump, &mut cold.dice, memory.sampling(), entry);
                self.drawn.set(Some(Drawn { sample, source: Source::Run }));
                return Ok(start);
            }
            if let Some(held) = place.held.as_mut() {
                let spent = held.span;
                if let Some((start, bytes, stride)) = self.next_run(memory, held) {
                    bump.set(start.as_ptr(), bytes);
                    if place.fence.is_wished(memory.sampling())
                        && place.fence.begin(bump, &mut cold.dice, memory.sampling(), entry) == Begun::AtFence
                    {
                        let (start, sample) =
                            place.fence.pass(bump, &mut cold.dice, memory.sampling(), entry);
                        self.drawn.set(Some(Drawn { sample, source: Source::NewRun }));
                        return Ok(start);
                    }
                    if let Some(start) = bump.take(stride) {
                        return Ok(start);
                    }
                }
                cold.places[id.index()].held = None;
                self.settle(memory, spent);
            }
            let generation = self.known_generation(memory, &cold.used);
            let span = memory.take_span(entry, &mut cold.stock, generation, &self.seat)?;
            self.hold(memory, entry, span);
            let place = &mut cold.places[id.index()];
            place.held = Some(Held { span, next: 0 });
            if !place.is_used {
                place.is_used = true;
                cold.used.push(id);
            }
        }
    }

    /// What is special about the slot that the last refill gave out, if anything is. Not told again.
    #[inline]
    #[must_use]
    pub fn take_drawn(&self) -> Option<Drawn> {
        if self.drawn.get().is_some() { self.drawn.take() } else { None }
    }

    /// Whether a refill has to exchange the span for another.
    #[must_use]
    pub fn needs_span(&self, memory: &Memory, id: LayoutId) -> bool {
        let place = self.cold.borrow().places.get(id.index()).copied().unwrap_or_default();
        place.fence.beyond() == 0
            && place.held.is_none_or(|held| {
                let span = memory.map().span(held.span);
                next_run(memory.map().bits_of(span), span.slots(), held.next, 1).is_none()
            })
    }

    /// Takes the next run of a held span: where it begins, its bytes, and its stride.
    fn next_run(&self, memory: &Memory, held: &mut Held) -> Option<(NonNull<u8>, usize, usize)> {
        let span = memory.map().span(held.span);
        let bits = memory.map().bits_of(span);
        let run = next_run(bits, span.slots(), held.next, self.run_most.get())?;
        held.next = run.start + run.len;
        // The marks first: a marker that finds the slots taken, by a word that looks like a reference, must not look into them.
        if !fault::on(Fault::RunUnmarked) {
            self.mark_run(memory, held.span, run);
        }
        crate::sync::point("refill: run marked, before it is taken");
        slots::take(bits, run);
        span.set_allocated(span.allocated() + run.len);
        self.runs.set(self.runs.get() + 1);
        let stride = span.stride().get();
        let (start, bytes) = (memory.slot_ptr(span, run.start), run.len as usize * stride);
        crate::asan::allow(start, bytes);
        prefetch_block(start.as_ptr().addr(), bytes.min(ASKED_AHEAD));
        Some((start, bytes, stride))
    }

    /// Draws whether a large object of so many bytes is sampled: the mean, if it is.
    #[must_use]
    pub fn sample_large(&self, memory: &Memory, bytes: Bytes) -> Option<Bytes> {
        let mean = memory.sampling().mean();
        if mean == Bytes::ZERO {
            return None;
        }
        Dice::of(&mut self.cold.borrow_mut().dice, memory.sampling()).hits(mean, bytes).then_some(mean)
    }

    /// Gives the slots of a run the colour of new objects.
    fn mark_run(&self, memory: &Memory, id: SpanId, run: Run) {
        let (map, span) = (memory.map(), memory.map().span(id));
        match self.colour.get() {
            Colour::White => {}
            Colour::WhiteAgain => {
                if !fault::on(Fault::MarkedFreeForgotten) {
                    map.clear_run(span, run);
                }
            }
            Colour::Black(epoch) => map.reach_run(span, run, epoch.byte()),
        }
    }

    /// The generation to take spans in. Who holds nothing may know the newest: nothing of his is unswept in it.
    fn known_generation(&self, memory: &Memory, used: &[LayoutId]) -> u64 {
        if used.is_empty() {
            self.generation.set(memory.generation());
        }
        self.generation.get()
    }

    /// Whether the cache has spans and has not heard of the newest generation.
    #[must_use]
    pub fn is_late(&self, memory: &Memory) -> bool {
        !self.cold.borrow().used.is_empty() && self.generation.get() != memory.generation()
    }

    /// Counts a span as handed out whole.
    fn hold(&self, memory: &Memory, entry: &Entry, id: SpanId) {
        let span = memory.map().span(id);
        span.set_home(Home::Cached);
        span.set_shard(self.seat.number());
        let free = span.slots() - span.allocated();
        memory.counting(Some(&self.seat)).refilled(entry.layout().class, u64::from(free));
        self.count_handed_out(memory, free as usize * span.stride().get());
    }

    /// Counts bytes handed out, or takes them back, if so many of them have come together that others have to know.
    fn count_handed_out(&self, memory: &Memory, bytes: usize) {
        let uncounted = self.uncounted.get().wrapping_add(bytes);
        self.uncounted.set(uncounted);
        if uncounted.cast_signed().unsigned_abs() >= memory.count_grain().get() {
            self.tell_handed_out(memory);
        }
    }

    /// Tells others of the bytes handed out.
    fn tell_handed_out(&self, memory: &Memory) {
        self.has_told.set(!fault::on(Fault::TellingUntold));
        memory.pages().counters().since_cycle.fetch_add(self.uncounted.replace(0), Relaxed);
    }

    /// Whether [`Memory::since_count`] has moved by what this mutator handed out since this was asked last. Who asks that of the number
    /// itself, for each span, waits for another mutator's processor each time that one has told of his.
    #[inline]
    pub fn take_has_told(&self) -> bool {
        self.has_told.take()
    }

    /// Takes back the count of what was not used, and puts the span where it belongs.
    fn settle(&self, memory: &Memory, id: SpanId) {
        let span = memory.map().span(id);
        let unused = span.slots() - span.allocated();
        if unused > 0 {
            let class = memory.entry_of(span).layout().class;
            memory.counting(Some(&self.seat)).unused(class, u64::from(unused));
            self.count_handed_out(memory, (unused as usize * span.stride().get()).wrapping_neg());
        }
        let generation =
            if fault::on(Fault::PutBackAsNew) { memory.generation() } else { self.generation.get() };
        memory.put_span(id, generation);
    }

    /// From now on new objects are marked with this epoch: what is left of the current runs is marked now, and the tiny block
    /// is given up.
    pub fn blacken(&self, memory: &Memory, epoch: Epoch) {
        self.colour.set(Colour::Black(epoch));
        let cold = &*self.cold.borrow();
        for id in &cold.used {
            if let Some((span, run)) = self.rest_of_run(memory, cold, *id)
                && !fault::on(Fault::RestUnmarked)
            {
                crate::sync::point("blacken: before the rest of a run");
                self.mark_run(memory, span, run);
            }
        }
        if !fault::on(Fault::TinyBlockKept) {
            self.tiny.clear();
        }
    }

    /// From now on new objects are not marked. No marker runs.
    pub fn whiten(&self) {
        self.colour.set(Colour::White);
    }

    /// A cycle has begun, and new objects are white still: free slots that others have marked are cleared before they are
    /// handed out.
    pub fn stay_white(&self) {
        self.colour.set(Colour::WhiteAgain);
    }

    /// What an object that gets a span of its own is born with.
    #[must_use]
    pub fn birth(&self, memory: &Memory) -> Birth {
        let generation = self.known_generation(memory, &self.cold.borrow().used);
        let colour = if let Colour::Black(epoch) = self.colour.get() { epoch.byte() } else { 0 };
        Birth { colour, generation }
    }

    /// The bump of a layout that has had a run.
    fn bump<'a>(&'a self, more: &'a [Bump], id: LayoutId) -> &'a Bump {
        self.near.get(id.index()).unwrap_or_else(|| &more[id.index() - NEAR])
    }

    /// What is left of a layout's current run.
    fn rest_of_run(&self, memory: &Memory, cold: &Cold, id: LayoutId) -> Option<(SpanId, Run)> {
        let bump = self.bump(&cold.more, id);
        let place = &cold.places[id.index()];
        let held = place.held?;
        let stride = memory.map().span(held.span).stride().get();
        let left = u32::try_from(bump.left() / stride).unwrap_or(0);
        let left = left + if fault::on(Fault::FenceForgotten) { 0 } else { place.fence.beyond() };
        (left > 0).then_some((held.span, Run { start: held.next - left, len: left }))
    }

    /// Hands everything back: runs, spans, the tiny block, pages. Spans come back as swept in the generation the cache knew;
    /// after that it knows the newest.
    pub fn flush(&self, memory: &Memory) {
        if fault::on(Fault::FlushSkipped) {
            return;
        }
        let cold = &mut *self.cold.borrow_mut();
        let mut used = core::mem::take(&mut cold.used);
        for &id in &used {
            crate::sync::point("flush: between two layouts");
            if let Some((id, run)) = self.rest_of_run(memory, cold, id) {
                // They may stay marked: nobody looks at the mark of a free slot, and who hands it out sees to its colour. (A marker
                // that found one taken must go on finding it marked.)
                let span = memory.map().span(id);
                slots::give_back(memory.map().bits_of(span), run);
                span.set_allocated(span.allocated() - run.len);
                crate::asan::poison(memory.slot_ptr(span, run.start), run.len as usize * span.stride().get());
            }
            self.bump(&cold.more, id).clear();
            if let Some(held) = core::mem::take(&mut cold.places[id.index()]).held {
                self.settle(memory, held.span);
            }
        }
        used.clear();
        cold.used = used;
        self.tiny.clear();
        self.generation.set(memory.generation());
        add(&memory.pages().counters().tiny_allocs, self.tiny_allocs.replace(0));
        add(&memory.pages().counters().runs, self.runs.replace(0));
        if self.uncounted.get() != 0 {
            self.tell_handed_out(memory);
        }
        memory.pages().put_stock(&mut cold.stock);
    }

    /// [`Memory::sweep_some`] for somebody whose cache this is.
    pub fn sweep_some(&self, memory: &Memory, most: usize) {
        let mut patience = Patience::begun();
        memory.sweep_some_for(most, Empties::Keep, Some(&self.seat), || patience.is_over());
    }

    /// Whether the cache holds anything (F3).
    #[must_use]
    pub fn is_flushed(&self) -> bool {
        let cold = self.cold.borrow();
        cold.used.is_empty() && cold.places.iter().all(|place| place.held.is_none()) && self.tiny.left() == 0
    }

    /// Spans the cache holds, for the verifier.
    #[must_use]
    pub fn spans(&self) -> Vec<SpanId> {
        self.cold.borrow().places.iter().filter_map(|place| place.held).map(|held| held.span).collect()
    }

    /// Bytes of the slot a layout's objects get, for accounting in callers.
    #[must_use]
    pub fn stride_of(memory: &Memory, id: LayoutId) -> Bytes {
        memory.entry(id).layout().class.size()
    }
}

// SAFETY: the pointers are into the heap's memory, which any thread may use; a cache has one user at a time, which is
// what `Send` without `Sync` says.
unsafe impl Send for Cache {}

#[cfg(test)]
mod tests;
