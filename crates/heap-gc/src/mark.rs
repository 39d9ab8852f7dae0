//! Marking: from a set of references to the set of everything reachable.
//!
//! A [`Marker`] is one worker. It keeps the objects it has marked but not scanned on a stack, and scans them through
//! the pointer masks of their spans. Nothing recurses: a list of ten million nodes keeps one entry on the stack, an
//! array of ten million references is scanned in pieces of [`PIECE_WORDS`].
//!
//! ```text
//!   visit(word)   its mark byte says this epoch?  done.  else write it, and push the object if it has references
//!   drain         stack → ring → scan             the ring holds a few objects whose memory was asked for
//! ```
//!
//! The ring is what makes random graphs fast: an object popped from the stack is prefetched and waits its turn behind
//! [`RING`] others, so that many misses are under way at once instead of one after another. What lies beside the object just
//! scanned does not wait. In a heap with very many marks those that an object in the ring will need are asked for, too.
//!
//! Slices and large objects, of which many words are looked at in one go, are first sifted with vectors: `words`.
//!
//! A reference may lead into a slot and not to its first byte: to an object of an arena's chunk ([`crate::api::arena`]). The
//! layouts of chunks are off the quick road, where the slot is looked up, or have no references.
//!
//! Marks are plain stores (see [`heap_core::span`]): two workers may both push an object that both found unmarked. It is
//! then scanned twice, with the same outcome.
//!
//! Mutators may run beside. What a worker looks into is *whole*: it was reachable when the roots were taken, at the edge of
//! its mutator's `enter`, or it was shaded; objects allocated since are marked at birth, so no worker looks into one that
//! is being written. ([`Marker::look_into`] looks into what is white when all roots are taken: that is as old.) References are
//! read with acquire, and stored with release, so whoever finds one also finds the object and its span's tables.
//!
//! If the system refuses memory for the stack, what is on it is thrown away and the marker has *lost* objects: marked,
//! and not scanned ([`Marker::has_lost`]). The cycle then looks for them ([`crate::cycle`]).

mod assist;
mod share;
mod sieve;
mod stack;
mod words;

use crate::grey::{GreyQueue, Piece};
use crate::log::{HeapLog, Track};
use core::ptr::NonNull;
use heap_core::decoder::Decoder;
use heap_core::fault::{self, Fault};
use heap_core::memory::Memory;
use heap_core::prefetch::prefetch_address;
use heap_core::racy::kernel::Kernel;
use heap_core::span::map::{QuickRoad, ScanWord, SpanMap};
use heap_core::span::marks::{DROPPED, QUEUED};
use heap_core::span::{SpanId, slots};
use heap_core::stress::PIECE_WORDS;
use heap_core::sync::atomic::{AtomicUsize, Ordering::Acquire};
use heap_core::units::{Bytes, WORD_BYTES, narrow};
use stack::{Grey, MOST_QUICK, Stack, Top};

pub(crate) use assist::{Amount, KIT_BYTES, Kits, Marked};
pub(crate) use share::Go;
pub(crate) use words::Whole;

/// Objects prefetched ahead. More hide more latency, until the misses under way exceed what the core can track (about
/// 16 to 24 lines on the machines this was measured on); fewer keep a list's next node closer.
const RING: usize = 16;
const _: () = assert!(RING.is_power_of_two());

/// An object so many bytes from the one scanned before is scanned at once, and not sent through the ring: its memory is at hand.
/// Without it the ring walks sixteen subtrees in turns, each a stream of its own for the processor to follow; a tree then cost
/// 5.4 ns an object with one worker, and 8.1 where two had exchanged parts of it, and costs 4.7. From 128 to 4096 bytes nothing
/// else changed.
const NEAR: usize = if heap_core::stress::STRESSED { 32 } else { 256 };
/// With so many bytes of marks, those that the objects in the ring will need are asked for, too: more than a second-level translation buffer and
/// its cache reach. A random graph of ten million objects then takes 0.6 to 0.8 of the time, one of seven million as long, one of two million 1.2.
const FAR_MARKS: Bytes = if heap_core::stress::STRESSED { Bytes::ZERO } else { Bytes::mib(8) };
/// So far ahead memory is asked for while one object near the other is scanned, in the direction in which that goes: objects that were made in one go
/// lie in a row to the end of the span, and a processor to which two words here and two there are read follows late, and not beyond a page of
/// 4 KiB. With 1024 bytes a tree costs 0.95 and structs of three references 0.9 of what they do with 256, a list half of what it does without; 2048 are as good.
const AHEAD: usize = 1024;

/// Words that scanning an object counts as, at least.
pub(crate) const OBJECT_WORDS: usize = 4;

/// Limits of a marker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MarkLimits {
    /// Entries of its stack, at most.
    pub(crate) stack: usize,
    /// What it looks at many words with.
    pub(crate) kernel: Kernel,
}

/// What one worker did.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Work {
    /// Words read as references in objects off the quick road. Those on it are counted afterwards, from the marks.
    pub(crate) slow_words: u64,
    /// Batches taken from the queue.
    pub(crate) batches: u64,
}

impl Work {
    /// Adds another worker's.
    pub(crate) fn add(&mut self, other: Self) {
        self.slow_words += other.slow_words;
        self.batches += other.batches;
    }
}

/// What the hot loops need, by value: kept in registers, where fields behind `&mut self` would be read again after every
/// store.
#[derive(Clone, Copy)]
struct Hot<'a> {
    road: QuickRoad<'a>,
    memory: NonNull<u8>,
    epoch: u8,
    /// There are so many marks that each is far away.
    asks_for_marks: bool,
}

impl<'a> Hot<'a> {
    /// The memory of a word inside an object.
    ///
    /// # Safety
    /// 1. The address is a word of an allocated slot of this heap.
    #[inline(always)]
    #[expect(clippy::cast_ptr_alignment, reason = "words of slots are aligned")]
    unsafe fn place(self, address: usize) -> &'a AtomicUsize {
        let at = self.memory.as_ptr().with_addr(address).cast::<AtomicUsize>();
        // SAFETY: ready memory (duty 1), aligned to eight bytes; words under a mask are changed by atomic stores only once the
        // object is whole.
        unsafe { &*at }
    }

    /// Marks what a reference leads to. Says `Some` if that takes the slow road, which the caller has to go.
    ///
    /// # Safety
    /// 1. `word` is null or the address of (a byte of) an allocated slot of this heap.
    /// 2. The stack has room for one more.
    #[inline(always)]
    unsafe fn visit(self, stack: &mut Top, word: usize) -> Option<SpanId> {
        if word == 0 {
            return None;
        }
        // SAFETY: duty 1.
        let (mark, scan) = unsafe { self.road.look(word) };
        if mark.get() == self.epoch {
            return None;
        }
        let slow = scan.slow();
        if slow.is_some() {
            return slow;
        }
        mark.set(self.epoch);
        if !scan.is_noscan() {
            // SAFETY: duty 2.
            unsafe { stack.push(Grey { object: word, scan }) };
        }
        None
    }
}

/// Asks for what lies further on than an object, seen from the one scanned before, which is near.
#[inline(always)]
fn ask_ahead(object: usize, before: usize) {
    let ahead = if object < before { AHEAD.wrapping_neg() } else { AHEAD };
    prefetch_address(object.wrapping_add(ahead));
}

/// One marking worker. See the module's text.
pub(crate) struct Marker<'a> {
    memory: &'a Memory,
    map: &'a SpanMap,
    hot: Hot<'a>,
    stack: Stack,
    pieces: Vec<Piece>,
    /// What a hand-written trace function reported, while it is looked at.
    traced: Vec<usize>,
    queue: Option<&'a GreyQueue>,
    /// Words of a large object that are scanned at once.
    piece_words: usize,
    kernel: Kernel,
    /// How words that may be anything are read, beside as they are.
    decoder: Option<Decoder>,
    work: Work,
    /// Where its waits are put.
    log: Option<(&'a HeapLog, Track)>,
}

impl<'a> Marker<'a> {
    /// A worker with nothing to do, which shares what it finds.
    pub(crate) fn new(memory: &'a Memory, queue: &'a GreyQueue, limits: MarkLimits) -> Self {
        Self { queue: Some(queue), ..Self::with(memory, Stack::new(limits.stack), limits) }
    }

    /// A marker with nothing to do, which shares nothing.
    fn with(memory: &'a Memory, stack: Stack, limits: MarkLimits) -> Self {
        Self {
            memory,
            map: memory.map(),
            hot: Hot {
                road: memory.map().quick(),
                memory: memory.pages().space().base(),
                epoch: memory.epoch().byte(),
                asks_for_marks: memory.pages().marks_high() > FAR_MARKS,
            },
            stack,
            pieces: Vec::new(),
            traced: Vec::new(),
            queue: None,
            piece_words: PIECE_WORDS,
            kernel: limits.kernel,
            decoder: memory.decoder().filter(|_| !fault::on(Fault::DecoderUnused)),
            work: Work::default(),
            log: None,
        }
    }

    /// Puts its waits into a log, from now on.
    pub(crate) fn log_to(&mut self, log: &'a HeapLog, track: Track) {
        self.log = Some((log, track));
    }

    /// What was done so far.
    pub(crate) fn work(&self) -> Work {
        self.work
    }

    /// Whether there was no room for something that it marked, and did not scan.
    pub(crate) fn has_lost(&self) -> bool {
        self.stack.has_lost
    }

    /// Marks what a reference leads to.
    ///
    /// # Safety
    /// 1. `word` is null or the address of (a byte of) an allocated slot of this heap.
    #[inline]
    pub(crate) unsafe fn visit(&mut self, word: usize) {
        let mut top = self.top_with_room(1);
        // SAFETY: duty 1, and there is room.
        let slow = unsafe { self.hot.visit(&mut top, word) };
        self.stack.settle(top);
        if let Some(id) = slow {
            self.visit_slow(id, word);
        }
    }

    /// Marks what an object leads to, and not the object.
    ///
    /// # Safety
    /// 1. `object` is the address of (a byte of) an allocated slot of this heap, which holds a whole object.
    pub(crate) unsafe fn look_into(&mut self, object: usize) {
        let Some(at) = self.map.resolve(object) else { return };
        // SAFETY: the start of an allocated slot (duty 1).
        let scan = unsafe { self.hot.road.scan_word(at.start) };
        let (hot, top) = (self.hot, self.stack.top());
        let (top, _) = self.scan::<false>(hot, top, Grey { object: at.start, scan });
        self.stack.settle(top);
    }

    fn push(&mut self, object: usize) {
        // SAFETY: callers push the address of (a byte of) a slot they marked.
        let scan = unsafe { self.hot.road.scan_word(object) };
        self.stack.push(Grey { object, scan });
    }

    /// The stack's top, with room for that many more.
    #[inline(always)]
    fn top_with_room(&mut self, objects: usize) -> Top {
        if !self.stack.has_room(objects) {
            self.stack.grow(objects);
        }
        self.stack.top()
    }

    /// The same for a top that is in use already.
    #[inline(always)]
    fn with_room(&mut self, top: Top, objects: usize) -> Top {
        if !top.has_room(objects) {
            self.stack.settle(top);
            self.stack.grow(objects);
            return self.stack.top();
        }
        top
    }

    /// [`Marker::visit_slow`] for a caller that works on the stack's top.
    #[inline(always)]
    fn visit_slow_with(&mut self, top: Top, id: SpanId, word: usize) -> Top {
        self.stack.settle(top);
        self.visit_slow(id, word);
        self.stack.top()
    }

    #[inline(never)]
    fn visit_slow(&mut self, id: SpanId, word: usize) {
        let span = self.map.span(id);
        let offset = word - self.map.address(span.first()).get();
        let slot = if span.is_large() { 0 } else { span.slot_at(offset) };
        if fault::on(Fault::InteriorUnmarked) && offset != slot as usize * span.stride().get() {
            return;
        }
        let mark = self.map.mark_of(span, slot);
        if mark.get() == self.hot.epoch {
            return;
        }
        mark.set(self.hot.epoch);
        if !self.memory.entry_of(span).layout().is_noscan() {
            self.push(word);
        }
    }

    /// Marks what a word leads to, if it leads anywhere.
    fn visit_ambiguous(&mut self, word: usize) {
        if !self.map.contains(word) {
            return;
        }
        let Some(found) = self.map.resolve(word) else { return };
        let span = self.map.span(found.span);
        let mark = self.map.mark_of(span, found.slot);
        let now = mark.get();
        if now == self.hot.epoch || now == QUEUED || now == DROPPED {
            // Reached, or dead: an object whose drop is due is not brought back by a number that looks like it.
            return;
        }
        mark.set(self.hot.epoch);
        if !self.memory.entry_of(span).layout().is_noscan() {
            self.push(found.start);
        }
    }

    /// Marks what a word leads to, read as it is and with the decoder, if there is one.
    fn visit_tagged(&mut self, word: usize) {
        self.visit_ambiguous(word);
        if let Some(decoder) = self.decoder {
            self.visit_ambiguous(decoder.decode(word));
        }
    }

    /// The memory of a word inside an object that was pushed.
    #[inline(always)]
    fn place(&self, address: usize) -> &'a AtomicUsize {
        // SAFETY: only addresses of allocated slots are pushed, and masks stay inside the slot (D1).
        unsafe { self.hot.place(address) }
    }

    /// Scans every marked object once more, and says whether that lost anything again. Everybody stands still: what is marked
    /// is whole, whenever it was allocated.
    pub(crate) fn scan_all_marked(&mut self) -> bool {
        self.stack.has_lost = false;
        for number in 0..self.memory.pages().spans_high() {
            let span = self.map.span(SpanId::new(narrow(number)));
            if !span.is_in_use() || self.memory.entry_of(span).layout().is_noscan() {
                continue;
            }
            for slot in 0..span.slots() {
                let is_object = slots::is_taken(self.map.bits_of(span), slot)
                    && self.map.mark_of(span, slot).get() == self.hot.epoch;
                if is_object {
                    self.push(self.memory.slot_ptr(span, slot).addr().get());
                    self.drain_own::<false>(usize::MAX);
                }
            }
        }
        self.stack.has_lost
    }

    /// Scans what is on this worker's own stacks.
    ///
    /// An object popped is asked for and goes into the ring; the oldest in the ring is scanned when the ring is full or the
    /// stack is empty. A lone object, as a list has, is scanned at once.
    ///
    /// With `LIMITED` stops after that many words, when what it is at is done, and says how many those were.
    fn drain_own<const LIMITED: bool>(&mut self, words: usize) -> usize {
        let (hot, queue) = (self.hot, self.queue);
        let mut done = 0;
        let mut top = self.stack.top();
        // Two arrays: an entry copied whole goes by one 16-byte load of the two 8-byte stores that pushed it, which the
        // processor cannot forward.
        let (mut objects, mut scans) = ([0_usize; RING], [ScanWord::NOSCAN; RING]);
        // The ring's objects are those before `at`, `waiting` of them.
        let (mut at, mut waiting) = (0_usize, 0_usize);
        // The object scanned before, and the last that went through the ring.
        let (mut last, mut popped) = (0_usize, 0_usize);
        // How lone objects were scanned last.
        let mut usual = ScanWord::NOSCAN;
        loop {
            if LIMITED && done >= words {
                break;
            }
            let grey = if top.len > usize::from(waiting == 0)
                && let Some(next) = top.pop()
            {
                if next.object.abs_diff(last) < NEAR {
                    ask_ahead(next.object, last);
                    next
                } else if next.object.abs_diff(popped) < NEAR {
                    // A row of objects, of which the first is in the ring.
                    next
                } else {
                    popped = next.object;
                    prefetch_address(next.object);
                    if hot.asks_for_marks && waiting >= RING / 2 {
                        // Of one that has come by now.
                        let middle = at.wrapping_sub(RING / 2) % RING;
                        self.ask_for_marks(hot, Grey { object: objects[middle], scan: scans[middle] });
                    }
                    let object = core::mem::replace(&mut objects[at % RING], next.object);
                    let scan = core::mem::replace(&mut scans[at % RING], next.scan);
                    at += 1;
                    if waiting < RING {
                        waiting += 1;
                        continue;
                    }
                    Grey { object, scan }
                }
            } else if waiting > 0 {
                waiting -= 1;
                let oldest = (at - waiting - 1) % RING;
                Grey { object: objects[oldest], scan: scans[oldest] }
            } else if let Some(only) = top.pop() {
                // A road of its own, which is measured: docs/design/marking.md. Nothing to share yet but what it leads to.
                if only.object.abs_diff(last) < NEAR {
                    ask_ahead(only.object, last);
                }
                last = only.object;
                let scan = only.scan.foreseen(&mut usual);
                let scanned;
                (top, scanned) = self.scan::<true>(hot, top, Grey { object: only.object, scan });
                if LIMITED {
                    done += scanned;
                }
                continue;
            } else {
                let Some(piece) = self.pieces.pop() else { break };
                self.stack.settle(top);
                let before = self.work.slow_words;
                self.scan_piece(piece);
                top = self.stack.top();
                if LIMITED {
                    done += usize::try_from(self.work.slow_words - before).unwrap_or(usize::MAX);
                }
                continue;
            };
            last = grey.object;
            let scanned;
            (top, scanned) = self.scan::<false>(hot, top, grey);
            if LIMITED {
                done += scanned;
            }
            if let Some(queue) = queue
                && queue.is_hungry()
                && top.len > share::FROM
            {
                self.stack.settle(top);
                self.share(queue);
                top = self.stack.top();
            }
        }
        self.stack.settle(top);
        if fault::on(Fault::RingDropped) {
            waiting = 0;
        }
        // In the order in which they would have been scanned.
        for waited in 1..=waiting {
            let next = (at - waited) % RING;
            self.stack.push(Grey { object: objects[next], scan: scans[next] });
        }
        done
    }

    /// Asks for the marks of what a marked object leads to.
    #[inline(always)]
    fn ask_for_marks(&self, hot: Hot<'a>, Grey { object, scan }: Grey) {
        if scan.slow().is_some() {
            return;
        }
        let mut mask = scan.mask();
        while mask != 0 {
            let word = self.place(object + mask.trailing_zeros() as usize * WORD_BYTES).load(Acquire);
            mask &= mask - 1;
            if word != 0 {
                // SAFETY: a word under an exact mask is null or a reference to an allocated slot (D2).
                unsafe { hot.road.ask(word) };
            }
        }
    }

    /// Whether there is nothing on its own stacks.
    fn is_done(&self) -> bool {
        self.stack.len == 0 && self.pieces.is_empty()
    }

    /// Looks into one marked object. Says for how many words that counts.
    ///
    /// What a `LONE` one leads to is scanned next if there is nothing else: it is asked for before its mask is known.
    #[inline(always)]
    fn scan<const LONE: bool>(
        &mut self,
        hot: Hot<'a>,
        top: Top,
        Grey { object, scan }: Grey,
    ) -> (Top, usize) {
        if let Some(id) = scan.slow() {
            self.stack.settle(top);
            let before = self.work.slow_words;
            self.scan_slow(id, object);
            let long = usize::try_from(self.work.slow_words - before).unwrap_or(usize::MAX);
            return (self.stack.top(), long.max(OBJECT_WORDS));
        }
        let mut mask = scan.mask();
        if fault::on(Fault::MaskBitDropped) && mask != 0 {
            mask &= !(1 << (63 - mask.leading_zeros()));
        }
        let mut top = self.with_room(top, MOST_QUICK);
        while mask != 0 {
            let word = self.place(object + mask.trailing_zeros() as usize * WORD_BYTES).load(Acquire);
            mask &= mask - 1;
            if LONE {
                prefetch_address(word);
            }
            // SAFETY: a word under an exact mask is null or a reference to an allocated slot (D2), and a quick mask has at
            // most as many bits as there is room for.
            if let Some(id) = unsafe { hot.visit(&mut top, word) } {
                top = self.visit_slow_with(top, id, word);
                top = self.with_room(top, MOST_QUICK);
            }
        }
        (top, OBJECT_WORDS)
    }
}
