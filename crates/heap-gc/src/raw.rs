//! The raw layer: the heap as an author of a language runtime uses it, without types and without the compiler's proofs.
//!
//! It is the same heap, the same mutators and the same cycle as those of the safe interface, which may be used beside it. What
//! the compiler proves there is the caller's duty here. A runtime
//!
//! 1. describes its objects ([`Layout`], made at run time) and registers them: a [`Kind`] or an [`ArrayKind`];
//! 2. attaches each of its threads ([`Mutator`]), and goes inside ([`Mutator::enter`]) to work;
//! 3. registers where it keeps references outside the heap: ranges of memory and callbacks ([`Inside::add_exact`]);
//! 4. allocates ([`Inside::alloc`]), reads, and tells the collector of every reference it stores ([`Inside::write`]);
//! 5. polls ([`Inside::poll`]) now and then.
//!
//! A *safepoint* is [`Inside::poll`], [`Inside::park`], and the end of an [`Inside`]. There, and nowhere else (not in an
//! allocation), the collector may look at the thread's roots, and what the thread holds besides is not protected from then on.
//! As long as it is *outside* (parked, or with no `Inside`, until its mutator is gone), the collector looks whenever it likes.
//!
//! # Duties
//!
//! Functions refer to these by number. `docs/design/raw.md` has the argument.
//!
//! * **R1, roots.** A reference that is used after a safepoint was, at that safepoint, in a registered range, or reported by a
//!   callback, or in a [`Root`], or reachable from one of these.
//! * **R2, ranges.** From when it is registered until it is removed or its mutator is gone (one that is forgotten, when its
//!   thread has ended), a range is readable memory. At every safepoint, and as long as the thread is outside, it is initialised
//!   and nobody writes to it; and each of its words, if it is exact, is null or the address of an object. The program writes
//!   there by cells or raw pointers: a `&mut` would claim that nobody else looks. A callback reports the same: on any thread,
//!   while its own is outside or at a safepoint, any number of times; it uses no heap.
//! * **R3, one heap.** Kinds, roots and references are used with the heap they are of.
//! * **R4, references.** An exact word of an object, a range or a callback is null or the address that [`Inside::alloc`] or
//!   [`Inside::alloc_array`] gave, of an object that was not freed. Tags and addresses inside objects belong into ambiguous
//!   words.
//! * **R5, stores.** From the first safepoint on after an object was allocated, and before that from when another thread can
//!   find it, words that its masks name are changed by [`Inside::write`] and its like only. Until then the program may fill it as
//!   it likes, with references it holds.
//! * **R6, whole objects.** From that first safepoint on, an object is as its trace and drop functions expect it. The first word
//!   of an array holds the number of elements it was made with, for good.
//! * **R7, threads.** A reference passes from one thread to another through an object of the heap, or a [`Root`], and through
//!   nothing else: not as a number in a channel. It is stored and read there with what this module has for it.
//! * **R8, functions.** A trace function reports all references that the object keeps outside its masks, as R4 says of them. It
//!   may be called on any thread, by several at once, while mutators run; it reads what nobody writes meanwhile, and does not
//!   panic (the process is aborted if it does). A drop function may run on any thread, reads no reference, and is called once.
//!
//! * **R9, frames.** Of an object that [`Inside::alloc_hinted`] was told stays in its frame: as long as the frame is open, no
//!   word of an object in the heap or in an older frame leads to it, nor a [`Root`], and no cleanup or finalizer is set for it.
//!   References to it are with its own thread, in its objects in the same or a younger frame, and in its own roots. When the
//!   frame is closed, none is used any more, and from the next safepoint on none is in an exact range or reported by a callback.
//!   Until then it counts as an object in R2 and R4 to R6.
//!
//! ```
//! # extern crate heap_gc as tricolor;
//! use core::{cell::Cell, ptr::null_mut};
//! use tricolor::{Heap, raw};
//!
//! let heap = Heap::new()?;
//! // A pair: a number, and a reference to the next pair.
//! let pair = raw::Layout::new("pair", 16).exact(1).register(&heap)?;
//! // Before the mutator, so that it goes after it.
//! let stack = [const { Cell::new(null_mut::<u8>()) }; 8];
//! let mut mutator = raw::Mutator::attach(&heap)?;
//! let inside = mutator.enter();
//! // SAFETY: R2: the stack outlives the mutator, and holds nulls and objects.
//! let range = unsafe { inside.add_exact(stack.as_ptr().cast(), stack.len()) };
//! for number in 0..1000_u64 {
//!     // SAFETY: R3: a kind of this heap.
//!     let object = unsafe { inside.alloc(&pair)? }.as_ptr();
//!     // SAFETY: R5: a new object.
//!     unsafe { object.cast::<u64>().write(number) };
//!     // SAFETY: R4: the second word of a pair; the stack holds pairs.
//!     unsafe { inside.write(object.wrapping_add(8).cast(), stack[0].get()) };
//!     stack[0].set(object);
//!     // SAFETY: R1: all pairs hang on the one in the stack.
//!     unsafe { inside.poll() };
//! }
//! inside.remove(range);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod layout;
mod store;
mod roots;
mod dead;
mod frame;

pub use self::frame::FrameId;
pub use self::layout::{ArrayKind, Kind, Layout, LayoutError};
pub use self::roots::{Root, RootId};
pub use crate::hints::{EscapeHint, FoundIn, Site, WrongHint};
pub use crate::own_roots::RootVisitor;

use crate::figures::Figures;
use crate::heap::Heap;
use crate::hints::EscapeHints;
use crate::mutator::{AttachError, Mu, Mutator as Attached};
use crate::sampler::Label;
use core::fmt;
use core::ptr::NonNull;
use heap_core::error::AllocError;
use heap_core::size_class::SizeClass;
use heap_core::units::{Bytes, WORD_BYTES};

/// A thread's handle on a heap, for runtimes. One per thread and heap; dropping it detaches the thread, and its own roots are
/// none any more.
pub struct Mutator {
    attached: Attached,
}

impl Mutator {
    /// A mutator for this thread.
    ///
    /// # Errors
    /// If the thread has one of this heap already.
    pub fn attach(heap: &Heap) -> Result<Self, AttachError> {
        heap.attach().map(Self::from)
    }

    /// Goes inside, and stays there until the answer is dropped. (If it is forgotten, until the mutator is used again.)
    ///
    /// A collection that runs beside needs a safepoint of this thread before it can know what is garbage.
    pub fn enter(&mut self) -> Inside<'_> {
        if !self.attached.is_inside() {
            self.attached.go_inside();
        }
        // SAFETY: inside since the lines above; it leaves for good when it is dropped, and in between it uses nothing of it
        // (`outside`).
        let mu = unsafe { self.attached.mu() };
        mu.note_raw(true);
        let hints = mu.heap().hints;
        Inside { mu, mutator: &self.attached, hints }
    }

    /// The mutator as one of the safe interface. Its own roots stay registered meanwhile: R2 holds for them.
    pub fn safe(&mut self) -> &mut Attached {
        if self.attached.is_inside() {
            // A stay that was forgotten.
            drop(self.enter());
        }
        &mut self.attached
    }

    /// Runs a full collection and sweeps everything: see [`Mutator::collect`](crate::Mutator::collect).
    ///
    /// # Panics
    /// With the panics of drops, cleanups and finalizers and of the heap's listener.
    pub fn collect(&mut self) {
        self.safe().collect();
    }

    /// A snapshot of the heap's figures.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.attached.figures()
    }
}

impl From<Attached> for Mutator {
    fn from(attached: Attached) -> Self {
        Self { attached }
    }
}

impl fmt::Debug for Mutator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("raw::Mutator").field("attached", &self.attached).finish()
    }
}

/// A thread's stay inside a heap. Leaves when it is dropped, which is a safepoint.
pub struct Inside<'m> {
    mu: Mu<'m>,
    mutator: &'m Attached,
    /// What the heap does with hints.
    hints: EscapeHints,
}

impl Inside<'_> {
    /// Whether the heap checks hints.
    #[inline(always)]
    fn checks(&self) -> bool {
        self.hints == EscapeHints::Checked
    }

    /// A new object, at an address that is its for its life. Zeros, if its kind has a mask or a trace function; otherwise
    /// whatever was there. No safepoint: what the thread holds stays.
    ///
    /// # Errors
    /// See [`AllocError`]. The heap is as before.
    ///
    /// # Safety
    /// R3 of `kind`; R5 and R6 of the object.
    #[inline(always)]
    pub unsafe fn alloc(&self, kind: &Kind) -> Result<NonNull<u8>, AllocError> {
        debug_assert_eq!(kind.heap, self.mutator.heap().id, "R3: a kind of another heap");
        let object = match self.mu.bump_any(kind.id, kind.stride) {
            Some(slot) => {
                // SAFETY: the slot is this mutator's, and `cleared` at most its size.
                unsafe { clear(slot, kind.cleared) };
                slot
            }
            None => self.alloc_slow(kind)?,
        };
        if self.checks() {
            self.mu.hinted().made(object);
        }
        Ok(object)
    }

    /// The slow twin of `alloc`: for large objects, and when a run has ended.
    #[cold]
    #[inline(never)]
    fn alloc_slow(&self, kind: &Kind) -> Result<NonNull<u8>, AllocError> {
        if kind.is_large {
            self.mu.poll();
            return self.mu.alloc_large(kind.id, kind.bytes, kind.cleared > 0, Label::Kind(kind.name));
        }
        let slot = self.mu.slot(kind.id, kind.stride, Label::Kind(kind.name))?;
        // SAFETY: as in `alloc`.
        unsafe { clear(slot, kind.cleared) };
        Ok(slot)
    }

    /// A new array of `len` elements. Its first word holds their number; the rest is as with [`Inside::alloc`]. The elements
    /// begin [`ArrayKind::header`] bytes from the address.
    ///
    /// # Errors
    /// See [`AllocError`]: also for lengths whose bytes do not fit in the address space.
    ///
    /// # Safety
    /// R3 of `kind`; R5 and R6 of the array.
    pub unsafe fn alloc_array(&self, kind: &ArrayKind, len: usize) -> Result<NonNull<u8>, AllocError> {
        debug_assert_eq!(kind.heap, self.mutator.heap().id, "R3: a kind of another heap");
        let too_large = AllocError::TooLarge { count: len, size: Bytes::new(kind.element) };
        let bytes = len.checked_mul(kind.element).and_then(|bytes| bytes.checked_add(kind.header));
        let bytes = bytes.filter(|&bytes| isize::try_from(bytes).is_ok()).ok_or(too_large)?;
        let class = SizeClass::for_bytes_aligned(bytes.next_multiple_of(WORD_BYTES), kind.align);
        let heap = self.mutator.heap();
        let id = kind.id(class, &heap.memory)?;
        let slot = if class.is_large() {
            self.mu.poll();
            self.mu.alloc_large(id, bytes, kind.is_scanned, Label::Kind(kind.name))?
        } else {
            let slot = self.mu.slot(id, class.size().get(), Label::Kind(kind.name))?;
            if kind.is_scanned {
                // SAFETY: the slot is this mutator's, and as large as its class.
                unsafe { slot.write_bytes(0, class.size().get()) };
            }
            slot
        };
        // SAFETY: the slot begins with a header, of at least a word, and nobody else has seen it.
        unsafe { slot.cast::<usize>().write(len) };
        if self.checks() {
            self.mu.hinted().made(slot);
        }
        Ok(slot)
    }

    /// A safepoint, if the collector wants one: answers what it asks, or runs a collection that is due, and the drops that are
    /// due. Otherwise a load of a word that all mutators share, and one of the thread's own.
    ///
    /// # Panics
    /// With the panics of drops, cleanups and finalizers and of the heap's listener. The thread is inside then as before.
    ///
    /// # Safety
    /// R1, R2, R5 and R6 hold here, whether or not anything is asked.
    #[inline(always)]
    pub unsafe fn poll(&self) {
        if self.checks() {
            self.check_safepoint();
        }
        if self.mu.should_yield() {
            self.answer();
        }
    }

    #[cold]
    #[inline(never)]
    fn answer(&self) {
        self.outside(|| ());
    }

    /// Runs `blocking`, which may wait for whatever it likes: the collector does not wait for this thread meanwhile. A safepoint,
    /// and the thread is outside as long as it runs.
    ///
    /// # Panics
    /// With the panics of `blocking`, of drops, cleanups and finalizers and of the heap's listener. The thread is inside then as
    /// before.
    ///
    /// # Safety
    /// R1, R2, R5 and R6 hold here, and as long as `blocking` runs, which uses no object of the heap, and not this mutator.
    pub unsafe fn park<R>(&self, blocking: impl FnOnce() -> R) -> R {
        self.outside(blocking)
    }

    /// Leaves, runs `f`, and comes back, also with a panic.
    fn outside<R>(&self, f: impl FnOnce() -> R) -> R {
        struct Back<'a>(&'a Attached);
        impl Drop for Back<'_> {
            fn drop(&mut self) {
                self.0.go_inside();
            }
        }
        if self.checks() {
            self.check_safepoint();
        }
        let _back = Back(self.mutator);
        self.mutator.edge();
        f()
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        if self.checks() {
            self.check_safepoint();
        }
        self.mu.note_raw(false);
        self.mutator.edge();
    }
}

impl fmt::Debug for Inside<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("raw::Inside").field("mutator", &self.mutator).finish_non_exhaustive()
    }
}

/// Bytes that are cleared word by word: a call costs more than they do.
const SHORT: usize = 64;

/// Clears whole words from a slot's first on.
///
/// # Safety
/// 1. The slot is nobody else's, and at least so many bytes large.
#[inline(always)]
unsafe fn clear(slot: NonNull<u8>, bytes: usize) {
    if bytes > SHORT {
        // SAFETY: duty 1.
        unsafe { slot.write_bytes(0, bytes) };
        return;
    }
    let words = slot.cast::<u64>().as_ptr();
    // Of constant length, so that it becomes a row of tests and stores.
    for word in 0..SHORT / WORD_BYTES {
        if word * WORD_BYTES == bytes {
            break;
        }
        // SAFETY: a word of the slot (duty 1), aligned as slots are. Volatile, since the compiler makes a call of plain stores.
        unsafe { words.wrapping_add(word).write_volatile(0) };
    }
}
