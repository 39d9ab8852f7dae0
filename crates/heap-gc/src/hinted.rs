//! Frames of the raw layer: where objects are that a runtime says do not outlive one.
//!
//! They are opened and closed by the program ([`crate::raw`]), the youngest first, and unlike those of the safe interface they
//! stay open across safepoints. So what is in them has to be looked at when the mutator's roots are taken ([`crate::part`]), as
//! its own roots are: by the mutator at a safepoint, or by a collector that has its gate.
//!
//! A heap that *trusts* hints puts such objects into one region of the mutator's, behind each other, with a word in front that
//! says what they are:
//!
//! ```text
//!   frame 1               frame 2        frame 3
//!   ▓▓ object ▓▓ object   ▓▓ object      ▓▓ object ▓▓ object     cursor
//!   ╰ layout number, words
//! ```
//!
//! To close a frame is to set the cursor back. No word of an object in the heap leads here (duty R9), and the pages are in no
//! span. A store barrier that meets the address of an object in a frame marks a byte that nobody looks at
//! ([`heap_core::span::map`]).
//!
//! A heap that *checks* hints puts all objects into spans, and keeps a record of those that should not outlive their frame. A
//! record of an open frame is a root, since in the frame the object would stay, too. References are looked for where they must
//! not be:
//!
//! | when | where |
//! |---|---|
//! | a store with the barrier | in the object stored into: of the heap, or of an older frame |
//! | a safepoint | in objects made since the last, which may be filled without the barrier until now |
//! | the first safepoint after a frame was closed | in the mutator's own roots |
//! | a root is made, a cleanup or a finalizer set | there |
//!
//! Records of closed frames are kept until that safepoint. Until then no such object is freed and its slot used again: a cycle
//! that found it unmarked would have had to take this mutator's roots since. After it, what has no other reference is garbage,
//! and what has one lives on.
//!
//! Invariants
//!   H1  what was handed out of the region is headers, each with its object behind it
//!   H2  an object in a frame is clear under its masks, or filled as duties R4 and R6 say, at every safepoint
//!   H3  an exact word of it is null, or the address of an allocated slot, or of an object in its own or an older frame

use crate::hints::{FoundIn, Site, WrongHint, WrongHints};
use crate::own_roots::OwnRoots;
use core::cell::{Cell, RefCell};
use core::ptr::NonNull;
use heap_core::fault::{self, Fault};
use heap_core::layout::LayoutId;
use heap_core::memory::Memory;
use heap_core::region::{Mark, Region, Source};
use heap_core::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use heap_core::units::{WORD_BYTES, narrow, wide};
use heap_core::verify::{Word, each_word_read};
use std::collections::HashMap;

/// Bytes in front of an object in a frame.
const HEADER: usize = WORD_BYTES;

/// What an object takes in a frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InFrame {
    /// Its header: layout number, words.
    header: u64,
    /// Bytes of both, in whole words.
    pub(crate) bytes: usize,
}

impl InFrame {
    /// Of an object of a layout, so many bytes large: some, and not above 32 KiB.
    pub(crate) fn of(id: LayoutId, bytes: usize) -> Self {
        let words = bytes.div_ceil(WORD_BYTES);
        Self { header: (words as u64) << 32 | id.index() as u64, bytes: HEADER + words * WORD_BYTES }
    }

    /// Writes the header, and says where the object begins.
    ///
    /// # Safety
    /// 1. `start` was handed out by a region of [`Hinted`], for as many bytes, aligned to a word.
    #[inline(always)]
    pub(crate) unsafe fn begin(self, start: NonNull<u8>) -> NonNull<u8> {
        // SAFETY: duty 1.
        unsafe { start.cast::<u64>().write(self.header) };
        // SAFETY: duty 1: the object lies behind the header.
        unsafe { start.add(HEADER) }
    }
}

/// How old a frame is: 1 for the oldest that is open.
type Depth = usize;
/// The depth of objects that are in no frame.
const HEAP: Depth = 0;
/// The depth of objects whose frame was closed.
const CLOSED: Depth = usize::MAX;

/// An open frame.
#[derive(Debug)]
struct Open {
    /// Tells it apart from others that had the same depth.
    serial: u64,
    /// What the region had handed out.
    mark: Mark,
    /// How many objects were recorded.
    recorded: usize,
}

/// An object that should not outlive its frame.
#[derive(Clone, Copy, Debug)]
struct Record {
    site: Site,
    depth: Depth,
}

/// What a heap that checks hints knows of one mutator's objects.
#[derive(Debug, Default)]
struct Checks {
    /// By address: objects of open frames, and of those closed since the last safepoint.
    records: HashMap<usize, Record>,
    /// Objects of open frames, oldest first.
    open: Vec<usize>,
    /// Objects of frames that were closed since the last safepoint.
    closed: Vec<usize>,
    /// Objects made since the last safepoint.
    fresh: Vec<usize>,
}

/// What is in frames of one mutator. See the module's text.
#[derive(Debug, Default)]
pub(crate) struct Hinted {
    region: Region,
    /// How many frames are open.
    depth: Cell<usize>,
    frames: RefCell<Frames>,
    checks: RefCell<Checks>,
}

#[derive(Debug)]
struct Frames {
    open: Vec<Open>,
    /// The serial number of the frame that was opened last.
    serial: u64,
}

impl Default for Frames {
    fn default() -> Self {
        /// Each mutator has numbers of its own: one may be where another was, and have as many frames.
        static MUTATORS: AtomicU64 = AtomicU64::new(0);
        Self { open: Vec::new(), serial: MUTATORS.fetch_add(1, Relaxed) << 40 }
    }
}

impl Hinted {
    /// Opens a frame. Says how deep it is, and its serial number.
    pub(crate) fn open(&self) -> (usize, u64) {
        let mut frames = self.frames.borrow_mut();
        frames.serial += 1;
        let open = Open {
            serial: frames.serial,
            mark: self.region.mark(),
            recorded: self.checks.borrow().open.len(),
        };
        frames.open.push(open);
        self.depth.set(frames.open.len());
        (frames.open.len(), frames.serial)
    }

    /// How many frames are open.
    #[inline(always)]
    pub(crate) fn depth(&self) -> usize {
        self.depth.get()
    }

    /// Closes a frame and all younger ones. Says whether it was open.
    ///
    /// # Safety
    /// 1. Nobody uses an object in them any more.
    pub(crate) unsafe fn close(&self, depth: usize, serial: u64, source: Source<'_>) -> bool {
        let mut frames = self.frames.borrow_mut();
        let Some(open) = frames.open.get(depth - 1).filter(|open| open.serial == serial) else {
            return false;
        };
        self.region.rewind(source, open.mark);
        let mut checks = self.checks.borrow_mut();
        let Checks { records, open: objects, closed, .. } = &mut *checks;
        for object in objects.drain(open.recorded..) {
            if let Some(record) = records.get_mut(&object) {
                record.depth = CLOSED;
            }
            closed.push(object);
        }
        frames.open.truncate(depth - 1);
        self.depth.set(depth - 1);
        true
    }

    /// The mutator goes: closes all frames, whose objects nobody uses any more.
    pub(crate) fn end(&self, source: Source<'_>) {
        self.frames.borrow_mut().open.clear();
        self.depth.set(0);
        self.region.release(source);
        *self.checks.borrow_mut() = Checks::default();
    }

    /// Where objects in frames are made.
    #[inline(always)]
    pub(crate) fn region(&self) -> &Region {
        &self.region
    }

    /// Whether an address lies in a frame.
    pub(crate) fn has(&self, addr: usize) -> bool {
        self.region.has(addr)
    }

    /// Calls `visit` with every word of objects in frames that may hold a reference, and with the objects that are recorded as
    /// being in an open one.
    ///
    /// # Safety
    /// 1. The mutator is outside, or at a safepoint and the caller.
    pub(crate) unsafe fn each(&self, memory: &Memory, visit: &mut dyn FnMut(Word)) {
        if fault::on(Fault::FrameUnshaded) {
            return;
        }
        self.region.each_used(|start, bytes| {
            let mut at = 0;
            while at < bytes {
                // SAFETY: H1: below the end of what was handed out.
                let header = unsafe { start.add(at) }.cast::<u64>();
                // SAFETY: H1: a header, whole and aligned.
                let header = unsafe { header.read() };
                // SAFETY: H1: the object lies behind its header.
                let object = unsafe { start.add(at + HEADER) }.cast::<usize>();
                let layout = memory.entry(LayoutId::new(narrow(wide(header & u64::from(u32::MAX))))).layout();
                let words = wide(header >> 32);
                for word in 0..words {
                    let is_exact = is_under(&layout.exact, word);
                    if !is_exact && !is_under(&layout.ambiguous, word) {
                        continue;
                    }
                    // SAFETY: below the object's words.
                    let place = unsafe { object.add(word) };
                    // SAFETY: H2: initialised, and aligned; by duty 1 nobody writes to it.
                    let found = unsafe { place.read() };
                    if found != 0 {
                        visit(if is_exact { Word::Exact(found) } else { Word::Ambiguous(found) });
                    }
                }
                at += HEADER + words * WORD_BYTES;
            }
        });
        for &object in &self.checks.borrow().open {
            visit(Word::Exact(object));
        }
    }

    // ---- checks ----

    /// An object was made that may be filled without the barrier until the next safepoint.
    pub(crate) fn made(&self, object: NonNull<u8>) {
        self.checks.borrow_mut().fresh.push(object.addr().get());
    }

    /// An object was made that should not outlive the youngest frame.
    pub(crate) fn record(&self, object: NonNull<u8>, site: Site) {
        let depth = self.depth();
        let mut checks = self.checks.borrow_mut();
        checks.records.insert(object.addr().get(), Record { site, depth });
        checks.open.push(object.addr().get());
    }

    /// A reference, or what may be one, is stored into a place of an object.
    pub(crate) fn stored(&self, memory: &Memory, wrong: &WrongHints, place: usize, value: Word) {
        let checks = self.checks.borrow();
        if !checks.records.is_empty() && !fault::on(Fault::StoreUnchecked) {
            checks.look(memory, wrong, value, checks.depth_of(memory, place));
        }
    }

    /// An object is given to something that is in no frame.
    pub(crate) fn given(&self, wrong: &WrongHints, object: usize, to: FoundIn) {
        if let Some(record) = self.checks.borrow().records.get(&object) {
            wrong.note(WrongHint { site: record.site, found_in: to, is_certain: true });
        }
    }

    /// A safepoint comes.
    ///
    /// # Safety
    /// 1. The mutator is at a safepoint, and the caller.
    pub(crate) unsafe fn safepoint(&self, memory: &Memory, wrong: &WrongHints, own: &OwnRoots) {
        let mut checks = self.checks.borrow_mut();
        let fresh = core::mem::take(&mut checks.fresh);
        if checks.records.is_empty() {
            return;
        }
        for object in fresh {
            let depth = checks.depth_of(memory, object);
            let Some(at) = memory.map().resolve(object) else {
                heap_core::bug!("H2: {object:#x} was made since the last safepoint, and is no object")
            };
            let span = memory.map().span(at.span);
            each_word_read(memory, span, at.slot, atomically, |_, word| {
                checks.look(memory, wrong, word, depth);
            });
        }
        if !checks.closed.is_empty() && !fault::on(Fault::ClosedUnchecked) {
            let mut visit = |word| {
                checks.each_record(memory, word, |record, is_certain| {
                    if record.depth == CLOSED {
                        wrong.note(WrongHint { site: record.site, found_in: FoundIn::OwnRoots, is_certain });
                    }
                });
            };
            // SAFETY: duty 1.
            unsafe { own.each(&mut visit) };
        }
        for object in core::mem::take(&mut checks.closed) {
            checks.records.remove(&object);
        }
    }
}

impl Checks {
    /// How deep the object is that an address lies in.
    fn depth_of(&self, memory: &Memory, addr: usize) -> Depth {
        let start = memory.map().resolve(addr).map(|at| at.start);
        start.and_then(|start| self.records.get(&start)).map_or(HEAP, |record| record.depth)
    }

    /// A word was found in an object of that depth.
    fn look(&self, memory: &Memory, wrong: &WrongHints, word: Word, depth: Depth) {
        self.each_record(memory, word, |record, is_certain| {
            if record.depth > depth {
                let found_in = if depth == HEAP { FoundIn::Object } else { FoundIn::OlderFrame };
                wrong.note(WrongHint { site: record.site, found_in, is_certain });
            }
        });
    }

    /// Calls `f` with the records that a word leads to, and whether that is certain.
    fn each_record(&self, memory: &Memory, word: Word, mut f: impl FnMut(&Record, bool)) {
        let mut reading = |word: usize| {
            let start = memory.map().resolve(word).map(|at| at.start);
            if let Some(record) = start.and_then(|start| self.records.get(&start)) {
                f(record, false);
            }
        };
        match word {
            Word::Exact(word) => {
                if let Some(record) = self.records.get(&word) {
                    f(record, true);
                }
            }
            Word::Ambiguous(word) => {
                reading(word);
                if let Some(decoder) = memory.decoder() {
                    reading(decoder.decode(word));
                }
            }
        }
    }
}

/// Whether a mask names a word.
fn is_under(mask: &[u64], word: usize) -> bool {
    mask.get(word / 64).is_some_and(|block| block >> (word % 64) & 1 == 1)
}

/// Reads a word that others may be writing to with the barrier.
///
/// # Safety
/// 1. `at` is an aligned word, valid for reads, that others write to with atomics only.
unsafe fn atomically(at: NonNull<usize>) -> usize {
    // SAFETY: duty 1.
    unsafe { AtomicUsize::from_ptr(at.as_ptr()) }.load(Relaxed)
}
