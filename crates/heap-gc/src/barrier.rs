//! The write barrier: what a store of a reference tells the collector, and the one place where one is overwritten.
//!
//! A collector that marks beside the mutators must not lose an object that moves from where it has not looked to where it
//! has. Two stores can do that. One *deletes* a reference that was there when the roots were taken, while a mutator still
//! has the object in its hands. One *inserts* a reference into an object that is marked already. So, while a cycle marks:
//!
//! | the mutator | its barrier | shades, before it stores |
//! |---|---|---|
//! | has not heard of the cycle | off | nothing |
//! | has answered the first round | [`Mode::Both`] | what was there, and what is stored |
//! | has answered the round of roots | [`Mode::Deleted`] | what was there |
//!
//! **Why deletion alone is enough once the roots are taken.** Everything reachable at that moment is then reachable from a
//! grey object through fields that have been there all along, or it is marked. A field is erased: what it led to is made
//! grey. So whatever a mutator can reach later was reachable then, and is protected, or it was allocated since, and is
//! black. What a mutator stores is in its hands, so it is protected, and a black object may hold it.
//!
//! **Why both before.** A mutator whose roots are not taken may have the only reference to a white object in its hands, and
//! put it into an object that another mutator, or the collector, has marked and passed. Nothing would ever lead there again.
//!
//! **Why a round lies between.** A barrier and its store are two steps. One mutator has read the old value; another, whose
//! barrier is still off, stores a white object into the same field, answers the rounds, and has the object in its hands
//! once its roots were taken. Now the first stores, and erases the only copy. With a round between, that store is over
//! before anybody's roots are taken.
//!
//! **Why new objects are white until the roots are taken.** A new object is filled without a barrier. If it were black, and
//! filled with a white object that the mutator has read from a root, nothing would lead the collector to the latter.
//!
//! Shaded objects that have to be scanned go into a buffer of the mutator's own, and from there to the grey queue when it
//! is full, when the collector asks whether it is dry, and when the mutator detaches. The models of all this, with each
//! rule and without, are in `models/spin`, the account of them in `docs/design/on-the-fly.md`.
//!
//! A word that may be a reference or a number (an enum's) is shaded later: it is kept as it is, and the markers look it up when
//! all roots are taken. Before that a slot can be handed out, and white, and not filled; a number that happens to be its address
//! would have it scanned. What a kept word leads to is not freed meanwhile, since nothing is before marking ends.
//!
//! A store is done word by word. Words that the masks name are written with atomics, whole, because a marker that runs
//! beside reads them so; with release, because it will look into the object. Many places at once have their own forms
//! ([`bulk`]), which look at the mode once. No safe code gets round this module.

pub(crate) mod bulk;

use crate::grey::GreyQueue;
use crate::shade::shade;
use crate::trace::Trace;
use core::cell::{Cell, RefCell};
use core::mem::MaybeUninit;
use heap_core::fault::{self, Fault};
use heap_core::memory::Memory;
use heap_core::racy::copy_word;
use heap_core::span::marks::{DROPPED, QUEUED};
use heap_core::stress::BARRIER_BUFFER;
use heap_core::sync::atomic::{
    AtomicPtr,
    Ordering::{Relaxed, Release},
};
use heap_core::sync::point;
use heap_core::units::WORD_BYTES;

/// What a mutator's stores shade. See the module's text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    /// Nothing: no cycle marks.
    Off,
    /// What was there, and what is stored.
    Both,
    /// What was there.
    Deleted,
}

/// Where shades go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shading<'a> {
    pub(crate) memory: &'a Memory,
    pub(crate) queue: &'a GreyQueue,
}

/// The barrier of one mutator. See the module's text.
#[derive(Debug)]
pub(crate) struct Barrier {
    mode: Cell<Mode>,
    /// Objects that are marked, and that somebody has to scan.
    buffer: RefCell<Vec<usize>>,
    /// Words that may be references.
    maybe: RefCell<Vec<usize>>,
}

impl Barrier {
    /// A barrier.
    pub(crate) fn new(mode: Mode) -> Self {
        Self { mode: Cell::new(mode), buffer: RefCell::default(), maybe: RefCell::default() }
    }

    /// A barrier that shades nothing, in the place of one, if that mistake is switched on ([`Fault`]).
    pub(crate) fn off_if(mistake: Fault) -> Option<Self> {
        fault::on(mistake).then(|| Self::new(Mode::Off))
    }

    /// Changes what is shaded from now on.
    pub(crate) fn set(&self, mode: Mode) {
        self.mode.set(mode);
    }

    /// Whether stores shade anything.
    #[inline(always)]
    pub(crate) fn is_on(&self) -> bool {
        self.mode.get() != Mode::Off
    }

    /// Hands what was shaded to the collector.
    pub(crate) fn hand_over(&self, to: &GreyQueue) {
        if fault::on(Fault::BufferKept) {
            self.forget();
        }
        to.offer(self.buffer.take());
        to.offer_maybe(self.maybe.take());
    }

    /// Marking has ended: the barrier is off, and what is in the buffers is of no interest. Their memory is the queue's.
    pub(crate) fn end(&self, to: &GreyQueue) {
        self.mode.set(Mode::Off);
        to.keep(self.buffer.take());
        to.keep(self.maybe.take());
    }

    /// Forgets what was shaded: a mistake ([`Fault`]).
    pub(crate) fn forget(&self) {
        self.buffer.borrow_mut().clear();
    }

    /// Makes what a reference leads to grey.
    ///
    /// # Safety
    /// 1. `word` is null or the address of (a byte of) an allocated slot of the memory.
    #[inline(always)]
    pub(crate) unsafe fn shade(&self, to: Shading<'_>, word: usize) {
        // SAFETY: duty 1.
        if unsafe { shade(to.memory, word) } {
            self.push(to, word);
        }
    }

    /// The same for a word that may be anything. It is kept, not looked up: see the module's text.
    pub(crate) fn shade_ambiguous(&self, to: Shading<'_>, word: usize) {
        self.shade_number(to, word);
        if let Some(decoder) = to.memory.decoder()
            && !fault::on(Fault::TagUnshaded)
        {
            self.shade_number(to, decoder.decode(word));
        }
    }

    fn shade_number(&self, to: Shading<'_>, word: usize) {
        // What is marked need not be kept: so a program that changes such words all the time does not keep a cycle from its end.
        let mark = to.memory.map().guess_mark(word);
        if mark.is_none_or(|mark| mark == to.memory.epoch_byte() || mark == QUEUED || mark == DROPPED) {
            return;
        }
        if fault::on(Fault::NumberLookedUpEarly) {
            if let Some(found) = to.memory.map().resolve(word) {
                // SAFETY: the address of a slot that is allocated, or, which is the mistake, handed out only.
                unsafe { self.shade(to, found.start) };
            }
            return;
        }
        let mut words = self.maybe.borrow_mut();
        if words.capacity() == 0 {
            *words = to.queue.spare();
        }
        words.push(word);
        if words.len() >= BARRIER_BUFFER {
            to.queue.offer_maybe(core::mem::take(&mut *words));
        }
    }

    /// Puts an object into the buffer, by the short road where that is neither new nor full afterwards.
    #[inline(never)]
    fn push(&self, to: Shading<'_>, object: usize) {
        point("barrier: marked, before it is in the buffer");
        {
            let mut buffer = self.buffer.borrow_mut();
            if buffer.len() + 1 < buffer.capacity().min(BARRIER_BUFFER) {
                buffer.push(object);
                return;
            }
        }
        self.push_last(to, object);
    }

    /// Puts an object where there is no room yet, or room for only one more.
    #[cold]
    #[inline(never)]
    fn push_last(&self, to: Shading<'_>, object: usize) {
        let mut buffer = self.buffer.borrow_mut();
        if buffer.capacity() == 0 {
            *buffer = to.queue.spare();
        }
        buffer.push(object);
        if buffer.len() >= BARRIER_BUFFER {
            if fault::on(Fault::FullBufferDropped) {
                buffer.clear();
            }
            to.queue.offer(core::mem::take(&mut *buffer));
        }
    }
}

/// Stores a value into a place of an object.
///
/// # Safety
/// 1. `place` is valid for writes of `T`, aligned, holds a `T`, and only this thread writes to it.
/// 2. The old value needs no drop (`T: Copy`).
/// 3. Both values' references lead into the memory of `to`, or are null.
#[inline(always)]
pub(crate) unsafe fn store<T: Trace + Copy>(barrier: &Barrier, to: Shading<'_>, place: *mut T, mut value: T) {
    if const { T::MASK.is_noscan() } {
        // SAFETY: duty 1. No marker reads these words.
        unsafe { place.write(value) };
        return;
    }
    if barrier.is_on() {
        // SAFETY: duties 1 and 3.
        unsafe { shade_both(barrier, to, place, &raw mut value) };
    }
    // SAFETY: duty 1.
    unsafe { store_words(place, &value) };
}

/// What a store of `value` into `place` has to shade. Also for places that others write to as well, with atomics.
///
/// # Safety
/// 1. `place` and `value` are valid for atomic reads of the words that the mask names, and `value` is whole.
/// 2. Both values' references lead into the memory of `to`, or are null.
#[cold]
#[inline(never)]
pub(crate) unsafe fn shade_both<T: Trace>(
    barrier: &Barrier,
    to: Shading<'_>,
    place: *const T,
    value: *mut T,
) {
    if !fault::on(Fault::DeletionUnshaded) {
        // SAFETY: duties 1 and 2.
        unsafe { shade_words(barrier, to, place) };
    }
    if barrier.mode.get() == Mode::Both && !fault::on(Fault::InsertionUnshaded) {
        // SAFETY: duties 1 and 2.
        unsafe { shade_words(barrier, to, value) };
    }
    point("barrier: shaded, before the store");
}

/// Makes what a value's references lead to grey.
///
/// # Safety
/// 1. `value` is valid for atomic reads of the words that the mask names.
/// 2. Its references lead into the memory of `to`, or are null.
#[inline(always)]
unsafe fn shade_words<T: Trace>(barrier: &Barrier, to: Shading<'_>, value: *const T) {
    // As pointers, which they are or may be.
    let words = value.cast::<AtomicPtr<u8>>();
    for word in 0..const { size_of::<T>() / WORD_BYTES } {
        let is_exact = T::MASK.is_exact(word);
        if !is_exact && !T::MASK.is_ambiguous(word) {
            continue;
        }
        let at = words.wrapping_add(word);
        // SAFETY: a word of the value (duty 1), aligned as words under a mask are.
        let found = unsafe { &*at }.load(Relaxed).addr();
        if is_exact {
            // SAFETY: an exact word of a whole value is null or a reference, into this memory (duty 2).
            unsafe { barrier.shade(to, found) };
        } else if !fault::on(Fault::AmbiguousUnshaded) {
            barrier.shade_ambiguous(to, found);
        }
    }
}

/// Stores a value word by word, without telling anybody.
///
/// # Safety
/// 1. `place` is valid for writes of `T`, aligned, and only this thread writes to it.
#[inline(always)]
unsafe fn store_words<T: Trace + Copy>(place: *mut T, value: &T) {
    // As pointers, not as numbers: what is read back later is still allowed to reach the object.
    let from = core::ptr::from_ref(value).cast::<*mut u8>();
    let to = place.cast::<*mut u8>();
    for word in 0..const { size_of::<T>() / WORD_BYTES } {
        let part = from.wrapping_add(word);
        let at = to.wrapping_add(word);
        if T::MASK.is_exact(word) {
            // SAFETY: an exact word of `value` is initialised: null or a reference.
            let new = unsafe { part.read() };
            // SAFETY: the word lies inside `place` (duty 1), valid and aligned (a mask's words are at multiples of eight
            // bytes); every access to it from another thread is atomic.
            unsafe { AtomicPtr::from_ptr(at) }.store(new, Release);
        } else if T::MASK.is_ambiguous(word) {
            // SAFETY: the word lies inside `value`, and inside `place` (duty 1).
            unsafe { copy_word(part.cast(), at.cast()) };
        } else {
            // SAFETY: the word lies inside `value`, and may be uninitialised as a `MaybeUninit`.
            let new = unsafe { part.cast::<MaybeUninit<usize>>().read() };
            // SAFETY: the word lies inside `place` (duty 1).
            unsafe { at.cast::<MaybeUninit<usize>>().write(new) };
        }
    }
    let whole = const { size_of::<T>() / WORD_BYTES * WORD_BYTES };
    let rest = const { size_of::<T>() % WORD_BYTES };
    let tail = from.cast::<MaybeUninit<u8>>().wrapping_add(whole);
    let to = place.cast::<MaybeUninit<u8>>().wrapping_add(whole);
    // SAFETY: the last bytes of `value` and of `place`, less than a word, which hold no reference; the two do not
    // overlap, since `value` is ours.
    unsafe { core::ptr::copy_nonoverlapping(tail, to, rest) };
}
