//! Looking into objects off the quick road: slices, objects in pieces, long masks, words that may be anything.
//!
//! Many words are looked at here in one go, and often most lead nowhere: an array whose elements are null, a table that is
//! half empty, numbers that might have been references. With vectors ([`heap_core::racy::kernel`]) a mask of up to sixty-four
//! words is first sifted, and only what is left is loaded and visited, one by one.
//!
//! Where nearly all words lead somewhere, sifting is work for nothing, so a [`Sieve`] that has found few nulls lets the
//! next masks through unsifted.

use super::Marker;
use super::sieve::Sieve;
use super::stack::AT_ONCE;
use crate::grey::{Batch, Piece};
use heap_core::central::Entry;
use heap_core::fault::{self, Fault};
use heap_core::layout::{Extent, Layout};
use heap_core::racy::kernel::Vectors;
use heap_core::span::{Span, SpanId};
use heap_core::sync::atomic::Ordering::{Acquire, Relaxed};
use heap_core::units::WORD_BYTES;

impl Marker<'_> {
    /// Looks into an object whose span's record must be asked.
    #[inline(never)]
    pub(super) fn scan_slow(&mut self, id: SpanId, address: usize) {
        let span = self.map.span(id);
        let entry = self.memory.entry_of(span);
        let first = self.map.address(span.first()).get();
        let slot = if span.is_large() { 0 } else { span.slot_at(address - first) };
        let object = first + slot as usize * span.stride().get();
        let layout = entry.layout();
        if let Some(trace) = layout.trace {
            let at = self.memory.pages().space().base().as_ptr().with_addr(object).cast_const();
            let mut found = core::mem::take(&mut self.traced);
            let whole = Whole;
            // SAFETY: the slot is allocated and the object whole, of the layout the function came with; duty 3 of `Trace` lets it
            // be traced beside its mutator.
            unsafe { (trace.0)(at, &mut |word| found.push(word)) };
            core::mem::forget(whole);
            for word in found.drain(..) {
                // SAFETY: what `trace` reports is the address of a `Gc` (duty 2 of `Trace`).
                unsafe { self.visit(word) };
            }
            self.traced = found;
        }
        let (from, to) = self.words_of(span, layout, object);
        if to - from > self.piece_words {
            self.pieces.push(Piece { object, from });
            self.share_pieces();
        } else {
            self.scan_words(layout, object, from, to);
        }
    }

    /// The words of an object that its masks lie over: from, to.
    fn words_of(&self, span: &Span, layout: &Layout, object: usize) -> (usize, usize) {
        match layout.extent {
            Extent::Object => (0, layout.period as usize),
            Extent::Whole => (0, span.used().get() / WORD_BYTES),
            Extent::Slice { header } => {
                let len = self.place(object).load(Relaxed);
                (header as usize, header as usize + len * layout.period as usize)
            }
        }
    }

    /// How many words of a large object there are from a piece on.
    pub(super) fn words_left(&self, piece: Piece) -> usize {
        let Some(id) = self.map.span_at(piece.object) else { return 0 };
        let span = self.map.span(id);
        let (_, end) = self.words_of(span, self.memory.entry_of(span).layout(), piece.object);
        end.saturating_sub(piece.from)
    }

    /// Scans one piece of a large object and puts the rest back.
    pub(super) fn scan_piece(&mut self, piece: Piece) {
        let Some(id) = self.map.span_at(piece.object) else {
            heap_core::bug!("a piece of {:#x}, which is in no span", piece.object)
        };
        let span = self.map.span(id);
        let entry: &Entry = self.memory.entry_of(span);
        let layout = entry.layout();
        let (_, end) = self.words_of(span, layout, piece.object);
        // Whole periods, so that the next piece begins where a mask does.
        let period = layout.period.max(1) as usize;
        let most = (self.piece_words / period).max(1) * period;
        let to = end.min(piece.from + most);
        if to < end {
            if !(fault::on(Fault::LargeTailUnscanned) && end - to <= most) {
                self.pieces.push(Piece { object: piece.object, from: to });
            }
            self.share_pieces();
        }
        self.scan_words(layout, piece.object, piece.from, to);
    }

    fn share_pieces(&mut self) {
        if let Some(queue) = self.queue
            && queue.is_hungry()
            && let Some(piece) = self.pieces.pop()
        {
            queue.put(Batch::Piece(piece));
        }
    }

    /// Scans words `from..to` of an object, `from` being where a mask begins.
    fn scan_words(&mut self, layout: &Layout, object: usize, from: usize, to: usize) {
        let period = layout.period.max(1) as usize;
        let (exact, ambiguous) = (layout.exact.as_slice(), layout.ambiguous.as_slice());
        if period == 1 && exact == [1] && ambiguous.is_empty() {
            // Slices of references, the commonest case by far.
            return self.scan_references(object, from, to);
        }
        let mut sieve = Sieve::new(self.kernel);
        if period <= BLOCK / 2 && exact.len() <= 1 && ambiguous.len() <= 1 {
            // Several elements to a mask.
            let stride = BLOCK / period * period;
            let mask = |blocks: &[u64]| blocks.first().map_or(0, |&mask| repeated(mask, period, stride));
            let (exact, ambiguous) = (mask(exact), mask(ambiguous));
            for base in (from..to).step_by(stride) {
                self.scan_exact(&mut sieve, object, base, below(exact, to - base));
                self.scan_ambiguous(object, base, below(ambiguous, to - base));
            }
            return;
        }
        for base in (from..to).step_by(period) {
            for (base, &mask) in (base..to).step_by(BLOCK).zip(exact) {
                self.scan_exact(&mut sieve, object, base, below(mask, to - base));
            }
            for (base, &mask) in (base..to).step_by(BLOCK).zip(ambiguous) {
                self.scan_ambiguous(object, base, below(mask, to - base));
            }
        }
    }

    /// Scans words `from..to` of an object, each of them null or a reference.
    fn scan_references(&mut self, object: usize, from: usize, to: usize) {
        self.work.slow_words += (to - from) as u64;
        let mut sieve = Sieve::new(self.kernel);
        let mut at = from;
        while at < to {
            if to - at >= BLOCK && sieve.is_due() {
                // SAFETY: the words are the object's, each null or a reference, and changed by atomic stores.
                let found = unsafe { sieve.sift(self.place(object + at * WORD_BYTES), u64::MAX) };
                self.visit_under(object, at, found);
                at += BLOCK;
            } else {
                let end = to.min(at + AT_ONCE);
                self.visit_run(object, at, end);
                sieve.let_through(end - at);
                at = end;
            }
        }
    }

    /// Scans the words of an object under a mask that begins at word `from`, each of them null or a reference.
    #[inline(always)]
    fn scan_exact(&mut self, sieve: &mut Sieve, object: usize, from: usize, mask: u64) {
        let words = mask.count_ones();
        self.work.slow_words += u64::from(words);
        let found = if words >= SIFTED_FROM && sieve.is_due() {
            // SAFETY: as in `scan_references`; up to the highest word under the mask all lie in the object.
            unsafe { sieve.sift(self.place(object + from * WORD_BYTES), mask) }
        } else {
            sieve.let_through(words as usize);
            mask
        };
        self.visit_under(object, from, found);
    }

    /// The same for words that may be anything.
    #[inline(always)]
    fn scan_ambiguous(&mut self, object: usize, from: usize, mut mask: u64) {
        if mask == 0 {
            return;
        }
        self.work.slow_words += u64::from(mask.count_ones());
        if self.decoder.is_some() {
            // A tagged word may be any number, so there is nothing to sift.
            return self.scan_tagged(object, from, mask);
        }
        if self.kernel.vectors() != Vectors::Scalar {
            let first = self.place(object + from * WORD_BYTES);
            // SAFETY: as in `scan_exact`; words that may be anything are changed by atomic stores as well.
            mask = unsafe { self.kernel.within(first, mask, self.map.range()) };
        }
        while mask != 0 {
            let at = from + mask.trailing_zeros() as usize;
            mask &= mask - 1;
            let word = self.place(object + at * WORD_BYTES).load(Acquire);
            self.visit_ambiguous(word);
        }
    }

    /// [`Marker::scan_ambiguous`] where words are tagged.
    #[inline(never)]
    fn scan_tagged(&mut self, object: usize, from: usize, mut mask: u64) {
        while mask != 0 {
            let at = from + mask.trailing_zeros() as usize;
            mask &= mask - 1;
            let word = self.place(object + at * WORD_BYTES).load(Acquire);
            self.visit_tagged(word);
        }
    }

    /// Visits what the words `from..to` of an object lead to, at most [`AT_ONCE`] of them.
    #[inline(always)]
    fn visit_run(&mut self, object: usize, from: usize, to: usize) {
        let hot = self.hot;
        let mut top = self.top_with_room(AT_ONCE);
        for at in from..to {
            let word = self.place(object + at * WORD_BYTES).load(Acquire);
            // SAFETY: as in `scan`; room was made for all of them.
            if let Some(id) = unsafe { hot.visit(&mut top, word) } {
                top = self.visit_slow_with(top, id, word);
                top = self.with_room(top, AT_ONCE);
            }
        }
        self.stack.settle(top);
    }

    /// Visits what the words under a mask lead to.
    #[inline(always)]
    fn visit_under(&mut self, object: usize, from: usize, mut mask: u64) {
        if mask == u64::MAX {
            return self.visit_run(object, from, from + BLOCK);
        }
        let hot = self.hot;
        let mut top = self.top_with_room(BLOCK);
        while mask != 0 {
            let at = from + mask.trailing_zeros() as usize;
            mask &= mask - 1;
            let word = self.place(object + at * WORD_BYTES).load(Acquire);
            // SAFETY: as in `visit_run`.
            if let Some(id) = unsafe { hot.visit(&mut top, word) } {
                top = self.visit_slow_with(top, id, word);
                top = self.with_room(top, BLOCK);
            }
        }
        self.stack.settle(top);
    }
}

/// Words under a mask from which on it is sifted. That takes some 10 ns whatever is under the mask, as much as the branches
/// of four nulls that take turns with references.
const SIFTED_FROM: u32 = 8;

/// Words that one mask lies over.
const BLOCK: usize = u64::BITS as usize;

/// The lowest `words` bits of a mask.
#[inline(always)]
fn below(mask: u64, words: usize) -> u64 {
    if words < BLOCK { mask & ((1 << words) - 1) } else { mask }
}

/// A mask of one element of `period` words, repeated over `stride` words.
fn repeated(mask: u64, period: usize, stride: usize) -> u64 {
    let (mut all, mut covered) = (mask, period);
    while covered < stride {
        all |= all << covered;
        covered *= 2;
    }
    below(all, stride)
}

/// Ends the process when it is dropped: a trace function panicked, and what it did not report would be freed in use.
pub(crate) struct Whole;

impl Drop for Whole {
    fn drop(&mut self) {
        heap_core::bug!("a hand-written trace function panicked");
    }
}
