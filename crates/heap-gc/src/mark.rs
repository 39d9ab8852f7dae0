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
//! [`RING`] others, so that many misses are under way at once instead of one after another.
//!
//! Marks are plain stores (see [`heap_core::span`]): two workers may both push an object that both found unmarked. It is
//! then scanned twice, with the same outcome.
//!
//! The world is stopped: nobody writes to objects, and hand-written `trace` functions may read them.

use crate::grey::{Batch, GreyQueue, Piece};
use core::ptr::NonNull;
use heap_core::central::Entry;
use heap_core::fault::{self, Fault};
use heap_core::layout::{Extent, Layout};
use heap_core::memory::Memory;
use heap_core::span::map::{QuickRoad, ScanWord, SpanMap};
use heap_core::span::marks::{DROPPED, Epoch, QUEUED};
use heap_core::span::{Span, SpanId};
use heap_core::stress::{GREY_BATCH, PIECE_WORDS};
use heap_core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use heap_core::units::WORD_BYTES;

/// Objects prefetched ahead. More hide more latency, until the misses under way exceed what the core can track (about
/// 16 to 24 lines on the machines this was measured on); fewer keep a list's next node closer.
const RING: usize = 16;
const _: () = assert!(RING.is_power_of_two());

/// The fewest objects on a stack of which half are given to a hungry worker. Small, since a depth-first walk keeps few
/// objects with much below them; not smaller, since a batch costs a lock.
const SHARE_FROM: usize = 8;

/// What one worker did.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Work {
    /// Words read as references in objects off the quick road. Those on it are counted afterwards, from the marks.
    pub(crate) slow_words: u64,
}

impl Work {
    /// Adds another worker's.
    pub(crate) fn add(&mut self, other: Self) {
        self.slow_words += other.slow_words;
    }
}

/// Objects that are marked and not scanned yet, the last found on top.
///
/// The hot loops keep a [`Top`] of it, three words in registers, and hand it back with [`Stack::settle`] before they
/// call anything that is not inlined. (Moving a `Vec` in and out instead costs a failed store forwarding, some 5 ns an
/// object.)
struct Stack {
    /// All of it is initialised; the stack is the first `len`.
    room: Vec<Grey>,
    len: usize,
}

/// An object that is marked and not scanned yet, with the scan word of its page, which was at hand when it was marked.
#[derive(Clone, Copy)]
struct Grey {
    object: usize,
    scan: ScanWord,
}

impl Grey {
    /// No object.
    const NONE: Self = Self { object: 0, scan: ScanWord::NOSCAN };
}

/// The top of a [`Stack`], by value.
#[derive(Clone, Copy)]
struct Top {
    base: *mut Grey,
    len: usize,
    room: usize,
}

/// References an object on the quick road can have.
const MOST_QUICK: usize = 60;

impl Stack {
    fn new() -> Self {
        Self { room: vec![Grey::NONE; 1 << 10], len: 0 }
    }

    /// The top, to work with. The stack must not be used until it is settled.
    #[inline(always)]
    fn top(&mut self) -> Top {
        Top { base: self.room.as_mut_ptr(), len: self.len, room: self.room.len() }
    }

    /// Takes the top back.
    #[inline(always)]
    fn settle(&mut self, top: Top) {
        debug_assert!(top.len <= top.room);
        self.len = top.len;
    }

    /// Makes room for that many more.
    #[cold]
    #[inline(never)]
    fn grow(&mut self, objects: usize) {
        let wanted = (self.len + objects).max(2 * self.room.len());
        self.room.resize(wanted, Grey::NONE);
    }

    fn push(&mut self, object: Grey) {
        if self.len == self.room.len() {
            self.grow(1);
        }
        self.room[self.len] = object;
        self.len += 1;
    }

    /// Takes the oldest entries out.
    fn take_oldest(&mut self, objects: usize) -> Vec<usize> {
        let taken = self.room[..objects].iter().map(|grey| grey.object).collect();
        self.room.copy_within(objects..self.len, 0);
        self.len -= objects;
        taken
    }
}

impl Top {
    /// # Safety
    /// 1. There is room for it.
    #[inline(always)]
    unsafe fn push(&mut self, object: Grey) {
        debug_assert!(self.len < self.room);
        if fault::on(Fault::PushDropped) && object.object / 8 % 1000 == 7 {
            return;
        }
        // SAFETY: inside the stack's memory (duty 1), which is borrowed until the top is settled.
        let top = unsafe { self.base.add(self.len) };
        // SAFETY: as above.
        unsafe { top.write(object) };
        self.len += 1;
    }

    #[inline(always)]
    fn pop(&mut self) -> Option<Grey> {
        if self.len == 0 {
            return None;
        }
        self.len -= 1;
        // SAFETY: below the length, so inside the stack's memory, and initialised.
        let top = unsafe { self.base.add(self.len) };
        // SAFETY: as above.
        Some(unsafe { top.read() })
    }
}

/// What the hot loops need, by value: kept in registers, where fields behind `&mut self` would be read again after every
/// store.
#[derive(Clone, Copy)]
struct Hot<'a> {
    road: QuickRoad<'a>,
    memory: NonNull<u8>,
    epoch: u8,
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
        // SAFETY: ready memory (duty 1), aligned to eight bytes; all accesses to words under a mask while marking are
        // atomic, or the world is stopped.
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
        if mark.load(Relaxed) == self.epoch {
            return None;
        }
        let slow = scan.slow();
        if slow.is_some() {
            return slow;
        }
        mark.store(self.epoch, Relaxed);
        if !scan.is_noscan() {
            // SAFETY: duty 2.
            unsafe { stack.push(Grey { object: word, scan }) };
        }
        None
    }
}

/// One marking worker. See the module's text.
pub(crate) struct Marker<'a> {
    memory: &'a Memory,
    map: &'a SpanMap,
    hot: Hot<'a>,
    stack: Stack,
    pieces: Vec<Piece>,
    queue: Option<&'a GreyQueue>,
    work: Work,
}

impl<'a> Marker<'a> {
    /// A worker with nothing to do. With a queue it shares what it finds.
    pub(crate) fn new(memory: &'a Memory, epoch: Epoch, queue: Option<&'a GreyQueue>) -> Self {
        Self {
            memory,
            map: memory.map(),
            hot: Hot {
                road: memory.map().quick(),
                memory: memory.pages().space().base(),
                epoch: epoch.byte(),
            },
            stack: Stack::new(),
            pieces: Vec::new(),
            queue,
            work: Work::default(),
        }
    }

    /// What was done so far.
    pub(crate) fn work(&self) -> Work {
        self.work
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

    fn push(&mut self, object: usize) {
        // SAFETY: callers push the address of a slot they marked.
        let scan = unsafe { self.hot.road.scan_word(object) };
        self.stack.push(Grey { object, scan });
    }

    /// The stack's top, with room for that many more.
    #[inline(always)]
    fn top_with_room(&mut self, objects: usize) -> Top {
        if self.stack.room.len() - self.stack.len < objects {
            self.stack.grow(objects);
        }
        self.stack.top()
    }

    /// The same for a top that is in use already.
    #[inline(always)]
    fn with_room(&mut self, top: Top, objects: usize) -> Top {
        if top.room - top.len < objects {
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
        let mark = self.map.mark_of(span, slot);
        if mark.load(Relaxed) == self.hot.epoch {
            return;
        }
        mark.store(self.hot.epoch, Relaxed);
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
        let now = mark.load(Relaxed);
        if now == self.hot.epoch || now == QUEUED || now == DROPPED {
            // Reached, or dead: an object whose drop is due is not brought back by a number that looks like it.
            return;
        }
        mark.store(self.hot.epoch, Relaxed);
        if !self.memory.entry_of(span).layout().is_noscan() {
            self.push(found.start);
        }
    }

    /// The memory of a word inside an object that was pushed.
    #[inline(always)]
    fn place(&self, address: usize) -> &'a AtomicUsize {
        // SAFETY: only addresses of allocated slots are pushed, and masks stay inside the slot (D1).
        unsafe { self.hot.place(address) }
    }

    /// Scans everything, until nothing is left anywhere.
    pub(crate) fn drain(&mut self) {
        loop {
            self.drain_own();
            let Some(queue) = self.queue else { return };
            match queue.take() {
                Some(Batch::Objects(objects)) => objects.into_iter().for_each(|object| self.push(object)),
                Some(Batch::Piece(piece)) => self.pieces.push(piece),
                None => return,
            }
        }
    }

    /// Scans what is on this worker's own stacks.
    ///
    /// An object popped is asked for and goes into the ring; the oldest in the ring is scanned when the ring is full or the
    /// stack is empty. A lone object, as a list has, is scanned at once.
    fn drain_own(&mut self) {
        let (hot, queue) = (self.hot, self.queue);
        let mut top = self.stack.top();
        // Two arrays: an entry copied whole goes by one 16-byte load of the two 8-byte stores that pushed it, which the
        // processor cannot forward.
        let (mut objects, mut scans) = ([0_usize; RING], [ScanWord::NOSCAN; RING]);
        // The ring's objects are those before `at`, `waiting` of them.
        let (mut at, mut waiting) = (0_usize, 0_usize);
        loop {
            let grey = if top.len > usize::from(waiting == 0)
                && let Some(next) = top.pop()
            {
                prefetch(self.place(next.object));
                let object = core::mem::replace(&mut objects[at % RING], next.object);
                let scan = core::mem::replace(&mut scans[at % RING], next.scan);
                at += 1;
                if waiting < RING {
                    waiting += 1;
                    continue;
                }
                Grey { object, scan }
            } else if waiting > 0 {
                waiting -= 1;
                let oldest = (at - waiting - 1) % RING;
                Grey { object: objects[oldest], scan: scans[oldest] }
            } else if let Some(only) = top.pop() {
                only
            } else {
                let Some(piece) = self.pieces.pop() else { break };
                self.stack.settle(top);
                self.scan_piece(piece);
                top = self.stack.top();
                continue;
            };
            top = self.scan(hot, top, grey);
            if let Some(queue) = queue
                && queue.is_hungry()
                && top.len > SHARE_FROM
            {
                self.stack.settle(top);
                // The oldest entries lead to the most work: in a tree, to its largest subtrees.
                queue.put(Batch::Objects(self.stack.take_oldest((top.len / 2).min(GREY_BATCH))));
                top = self.stack.top();
            }
        }
        self.stack.settle(top);
    }

    /// Looks into one marked object.
    #[inline(always)]
    fn scan(&mut self, hot: Hot<'a>, top: Top, Grey { object, scan }: Grey) -> Top {
        if let Some(id) = scan.slow() {
            self.stack.settle(top);
            self.scan_slow(id, object);
            return self.stack.top();
        }
        let mut mask = scan.mask();
        if fault::on(Fault::MaskBitDropped) && mask != 0 {
            mask &= !(1 << (63 - mask.leading_zeros()));
        }
        let mut top = self.with_room(top, MOST_QUICK);
        while mask != 0 {
            let word = self.place(object + mask.trailing_zeros() as usize * WORD_BYTES).load(Relaxed);
            mask &= mask - 1;
            // SAFETY: a word under an exact mask is null or a reference to an allocated slot (D2), and a quick mask has at
            // most as many bits as there is room for.
            if let Some(id) = unsafe { hot.visit(&mut top, word) } {
                top = self.visit_slow_with(top, id, word);
                top = self.with_room(top, MOST_QUICK);
            }
        }
        top
    }

    /// Looks into an object whose span's record must be asked.
    #[inline(never)]
    fn scan_slow(&mut self, id: SpanId, address: usize) {
        let span = self.map.span(id);
        let entry = self.memory.entry_of(span);
        let first = self.map.address(span.first()).get();
        let slot = if span.is_large() { 0 } else { span.slot_at(address - first) };
        let object = first + slot as usize * span.stride().get();
        let layout = entry.layout();
        if let Some(trace) = layout.trace {
            let at = self.memory.pages().space().base().as_ptr().with_addr(object).cast_const();
            let mut found = Vec::new();
            let whole = Whole;
            // SAFETY: the slot is allocated and initialised, of the layout the function came with, and the world is
            // stopped.
            unsafe { (trace.0)(at, &mut |word| found.push(word)) };
            core::mem::forget(whole);
            for word in found {
                // SAFETY: what `trace` reports is the address of a `Gc` (duty 2 of `Trace`).
                unsafe { self.visit(word) };
            }
        }
        let (from, to) = self.words_of(span, layout, object);
        if to - from > PIECE_WORDS {
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

    /// Scans one piece of a large object and puts the rest back.
    fn scan_piece(&mut self, piece: Piece) {
        let Some(id) = self.map.span_at(piece.object) else {
            heap_core::bug!("a piece of {:#x}, which is in no span", piece.object)
        };
        let span = self.map.span(id);
        let entry: &Entry = self.memory.entry_of(span);
        let layout = entry.layout();
        let (_, end) = self.words_of(span, layout, piece.object);
        // Whole periods, so that the next piece begins where a mask does.
        let period = layout.period.max(1) as usize;
        let most = (PIECE_WORDS / period).max(1) * period;
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
        let period = layout.period as usize;
        if period == 1 && layout.ambiguous.is_empty() && layout.exact == [1] {
            // Slices of references, the commonest case by far.
            self.work.slow_words += (to - from) as u64;
            let hot = self.hot;
            let mut top = self.top_with_room(to - from);
            for word in from..to {
                let word = self.place(object + word * WORD_BYTES).load(Relaxed);
                // SAFETY: as in `scan`; room was made for all of them.
                if let Some(id) = unsafe { hot.visit(&mut top, word) } {
                    top = self.visit_slow_with(top, id, word);
                    top = self.with_room(top, to - from);
                }
            }
            self.stack.settle(top);
            return;
        }
        let mut base = from;
        while base < to {
            for (block, &mask) in layout.exact.iter().enumerate() {
                self.each_bit(object, base + block * 64, mask, to, |marker, word| {
                    // SAFETY: as in `scan`.
                    unsafe { marker.visit(word) };
                });
            }
            for (block, &mask) in layout.ambiguous.iter().enumerate() {
                self.each_bit(object, base + block * 64, mask, to, Self::visit_ambiguous);
            }
            base += period.max(1);
        }
    }

    #[inline(always)]
    fn each_bit(
        &mut self,
        object: usize,
        base: usize,
        mut mask: u64,
        to: usize,
        visit: impl Fn(&mut Self, usize),
    ) {
        while mask != 0 {
            self.work.slow_words += 1;
            let at = base + mask.trailing_zeros() as usize;
            mask &= mask - 1;
            if at < to {
                let word = self.place(object + at * WORD_BYTES).load(Relaxed);
                visit(self, word);
            }
        }
    }
}

/// Ends the process when it is dropped: a trace function panicked, and what it did not report would be freed in use.
struct Whole;

impl Drop for Whole {
    fn drop(&mut self) {
        heap_core::bug!("a hand-written trace function panicked");
    }
}

/// Asks for the memory of an object.
#[inline(always)]
fn prefetch(at: &AtomicUsize) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        // SAFETY: a prefetch reads nothing, whatever the address; SSE is there on every x86-64.
        unsafe {
            core::arch::x86_64::_mm_prefetch::<{ core::arch::x86_64::_MM_HINT_T0 }>(
                core::ptr::from_ref(at).cast(),
            );
        };
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = at;
}
