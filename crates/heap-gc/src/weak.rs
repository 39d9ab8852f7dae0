//! Weak places: words that lead to an object and do not keep it, and the moment in a cycle when they let go.
//!
//! A weak place is an object of the heap like another, without references as far as a marker knows. Its word is written
//! when it is made, and once more when its object has been found unreachable: then it is null for good. Whoever copies a
//! [`Weak`](crate::Weak) copies a strong reference to the place and never the word, so no copy can be overlooked.
//!
//! A load of a weak place hands out an object that marking may not have reached, so it takes part in the end of marking.
//! One word of the heap ([`Verdict`]) says how far that is:
//!
//! | word | who puts it | a load of an unmarked object, in a mutator whose barrier is on |
//! |---|---|---|
//! | `OPEN` | the collector, when a cycle begins and before each round *dry* | exchanges it for `AGAIN`, shades, finds |
//! | `AGAIN` | a load | shades, finds |
//! | `DECIDED` | the collector, by an exchange of `OPEN`, when all is marked | looks again: without a mark, finds nothing |
//! | `CLEARED` | the collector, when dead words are null and no old one is read | finds: it is alive, or younger than the marks |
//!
//! **The mark is looked at again** after `DECIDED` was read: another mutator may have shaded the object between the two
//! looks. If the object has no references nobody is told of that, so marking can end then. All marks that were made before
//! the exchange are seen by who reads its result.
//!
//! **`CLEARED` is needed** because new objects are white again for who has answered round *off*, while another mutator may
//! not have answered it, and loads a weak place that leads to one of them.
//!
//! Invariants
//!   F6  the word of a known place is null, or the address of (a byte of) an allocated slot
//!   F7  a place is known from before the first `Weak` of it until it is found dead
//!
//! `docs/design/on-the-fly.md` has the argument, `models/spin/weak.pml` the model.

mod verdict;

use self::verdict::Verdict;
use crate::barrier::{Barrier, Shading};
use crate::gc::Gc;
use crate::shade::is_marked;
use crate::trace::Trace;
use core::ptr::{self, NonNull};
use heap_core::fault::{self, Fault};
use heap_core::layout::TypeMask;
use heap_core::memory::Memory;
use heap_core::sync::atomic::{
    AtomicPtr,
    Ordering::{AcqRel, Acquire, Relaxed},
};
use heap_core::sync::{Mutex, point};
use heap_core::units::Bytes;
use heap_core::verify::Violation;

/// A weak place, in the heap.
#[derive(Debug)]
pub(crate) struct Place {
    /// Null, or the object. Written by the collector, from the object to null; read by mutators.
    target: AtomicPtr<u8>,
    /// Makes it as large as a slot: what shares a slot with others is found dead only with them.
    _room: usize,
}

impl Place {
    /// A place that leads to an object.
    pub(crate) fn new(target: NonNull<u8>) -> Self {
        Self { target: AtomicPtr::new(target.as_ptr()), _room: 0 }
    }

    /// The object, if the place has not let go of it.
    #[inline]
    pub(crate) fn target(&self) -> Option<NonNull<u8>> {
        NonNull::new(self.target.load(Acquire))
    }
}

// SAFETY: 1: its word is no reference to a marker, that is what weak means; `Places` sees to it that it leads to no freed
// object (F6). 2: nothing is elsewhere. 4: it needs no drop.
unsafe impl Trace for Place {
    const MASK: TypeMask = TypeMask::noscan(size_of::<Self>());
}

/// The weak places of a heap. See the module's text.
#[derive(Debug, Default)]
pub(crate) struct Places {
    verdict: Verdict,
    /// Addresses of places. Added to by mutators; gone through by the collector, who takes the list meanwhile.
    known: Mutex<Vec<usize>>,
}

impl Places {
    /// A new place is known from here (F7).
    pub(crate) fn add(&self, place: Gc<'_, Place>) {
        self.known.lock().push(Gc::addr(place));
    }

    /// Whether a load of a place that leads to `word` finds the object; then it stays while the mutator has it in its hands.
    ///
    /// # Safety
    /// 1. `word` was read from a place, or from an ephemeron whose key is in its hands, by the mutator of `barrier`, which has
    ///    not answered a round since, and leads into the memory of `to`, whose places these are.
    #[inline]
    pub(crate) unsafe fn finds(&self, barrier: &Barrier, to: Shading<'_>, word: usize) -> bool {
        point("weak: read, before the mark is looked at");
        if !barrier.is_on() {
            return true;
        }
        // SAFETY: a word of a place is the address of an allocated slot (F6), and nothing is freed before this mutator has
        // answered the round that follows the clearing (duty 1).
        if unsafe { is_marked(to.memory, word) } {
            return true;
        }
        // SAFETY: duty 1.
        unsafe { self.finds_unmarked(barrier, to, word) }
    }

    /// # Safety
    /// As for [`Places::finds`].
    #[cold]
    #[inline(never)]
    unsafe fn finds_unmarked(&self, barrier: &Barrier, to: Shading<'_>, word: usize) -> bool {
        // SAFETY: as in `finds`: an allocated slot.
        let is_marked = || unsafe { is_marked(to.memory, word) };
        self.verdict.finds(is_marked, || {
            if !fault::on(Fault::WeakUnshaded) {
                // SAFETY: as in `finds`: an allocated slot.
                unsafe { barrier.shade(to, word) };
            }
        })
    }

    /// How far the end of marking is.
    pub(crate) fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// Lets go of unmarked objects, and forgets places that are unmarked themselves. Returns whether it let go of any. What is
    /// unmarked is dead: decided, or the world is stopped.
    pub(crate) fn clear(&self, memory: &Memory) -> bool {
        let mut known = core::mem::take(&mut *self.known.lock());
        let mut any = false;
        known.retain(|&at| {
            // SAFETY: a place is known until it is found dead (F7), which is here, before anything is swept.
            if !unsafe { is_marked(memory, at) } {
                return false;
            }
            // SAFETY: as above.
            let place = unsafe { Self::place(memory, at) };
            let target = place.target.load(Acquire);
            // SAFETY: F6.
            if target.is_null() || unsafe { is_marked(memory, target.addr()) } {
                return !target.is_null();
            }
            any = true;
            if fault::on(Fault::WeakUncleared) {
                return true;
            }
            place.target.compare_exchange(target, ptr::null_mut(), AcqRel, Relaxed).is_err()
        });
        // Most of them were there before: what was added meanwhile is put behind.
        let mut list = self.known.lock();
        known.append(&mut list);
        known.shrink_to(2 * known.len());
        *list = known;
        any
    }

    /// Place and target of each that leads somewhere. The world is stopped, everything is swept, and no cycle runs.
    pub(crate) fn snapshot(&self, memory: &Memory) -> Vec<[usize; 2]> {
        let known = self.known.lock();
        let words = known.iter().map(|&at| {
            // SAFETY: an allocated slot, since it is known (F7). Not freed meanwhile: all is swept, and no cycle runs that could
            // find it dead.
            [at, unsafe { Self::place(memory, at) }.target.load(Acquire).addr()]
        });
        words.filter(|[_, target]| *target != 0).collect()
    }

    /// Bytes that the list takes.
    pub(crate) fn bytes(&self) -> Bytes {
        Bytes::new(self.known.lock().capacity() * size_of::<usize>())
    }

    /// What does not hold of F6. The world is stopped, everything is swept, and no cycle runs.
    pub(crate) fn check(&self, memory: &Memory) -> Vec<Violation> {
        let known = self.known.lock();
        let mut found = Vec::new();
        for &at in known.iter() {
            if memory.map().resolve(at).is_none_or(|slot| slot.start != at) {
                found.push(Violation {
                    name: "F7",
                    what: format!("a weak place is {at:#x}, which is no object"),
                });
                continue;
            }
            // SAFETY: an allocated slot, by the line above, and a place's (F7).
            let target = unsafe { Self::place(memory, at) }.target.load(Acquire).addr();
            if target != 0 && memory.map().resolve(target).is_none() {
                let what = format!("a weak place leads to {target:#x}, which is no object");
                found.push(Violation { name: "F6", what });
            }
        }
        found
    }

    /// The place at an address.
    ///
    /// # Safety
    /// 1. It is the address of a place in an allocated slot of the memory, which is not freed while the result is used.
    unsafe fn place(memory: &Memory, at: usize) -> &Place {
        #[expect(clippy::cast_ptr_alignment, reason = "a place is aligned, as slots are")]
        let place = memory.pages().space().base().as_ptr().with_addr(at).cast::<Place>();
        // SAFETY: duty 1; a place is only changed through its atomic.
        unsafe { &*place }
    }
}
