//! Spares: buffers that vectors have outgrown or given back, kept by their mutator to be used again.
//!
//! A vector that grows leaves one buffer after the other behind, and who has a vector by value may give back its last
//! ([`GcVec::give_back`](crate::GcVec::give_back)). Nothing leads there any more, and nobody needs a collection to know
//! that: a buffer belongs to one vector (V4 in [`crate::api::vec`]). So while no cycle marks, a mutator keeps it, one of each
//! layout, and its next vector with a buffer of that layout gets it, still in the cache of its processor, without a refill and
//! without being due to be swept.
//!
//! Spares are kept by the number of their layout, which the heap gives, and not by the facts of their type, which are a constant
//! of the program: each part of a program that is compiled by itself has such a constant of its own, at an address of its own.
//! What one part gives back the other would not find.
//!
//! For the heap a spare is garbage like any other: an allocated slot that nothing leads to. What makes it safe to use again:
//!
//! | from | to | |
//! |---|---|---|
//! | it is put here | the mutator's answer to round *barrier on* of the next cycle | nobody marks, and nobody frees it |
//! | that answer | | the mutator has forgotten it, and it is freed by that cycle |
//!
//! Nobody frees it before, because the cycle before has marked it, or it was allocated since.
//!
//! **Why the cycle before has marked it.** Sweeping may go on beside the mutator, by the marks of the cycle that ended last. What
//! is put here after the mutator's answer to round *off* was a vector's buffer until then. The vector was in an object that the
//! mutator could reach, so the buffer was reachable when marking ended; or it was in the mutator's hands alone. Then it was made
//! since the roots were taken, and its buffer is black, or it came out of a pool, which is a root. Before that answer the barrier
//! is on, and nothing is put.
//!
//! **Why nobody marks.** No marker looks into an object before every mutator's roots are taken, which is after every answer
//! to round *barrier on*, nor after marking has ended. So what a spare holds may be overwritten by plain stores, as long as the
//! barrier is [off](crate::barrier::Mode::Off). With it on, a buffer that is given up has to keep what it holds
//! ([`crate::barrier::bulk::replace`]).
//!
//! Whoever else stops the world first takes from mutators what they have: spares, too ([`crate::part::Part::flush`]).
//!
//! Invariants
//!   S1  a spare is an allocated slot of the layout that it is kept for, that nothing leads to, and that no cycle has had a
//!       chance to free

use core::cell::Cell;
use core::ptr::NonNull;
use heap_core::fault::{self, Fault};
use heap_core::layout::LayoutId;

/// How many spares there are at most. A slot is 32 KiB at most, and a vector that grows leaves one of each power of two: 64 KiB
/// for each layout of elements whose vectors grow so far.
const PLACES: usize = 128;

/// The buffers of one mutator that can be used again. See the module's text.
pub(crate) struct Spares {
    /// By layout, of which several take turns in a place: the layouts that one vector goes through were mostly made one after
    /// another.
    places: [Cell<Option<Spare>>; PLACES],
    /// Whether there are any.
    has_some: Cell<bool>,
}

#[derive(Clone, Copy)]
struct Spare {
    layout: LayoutId,
    slot: NonNull<u8>,
}

// SAFETY: the pointers are into the heap's memory, which any thread may use; who has the spares is one thread at a time.
unsafe impl Send for Spares {}

impl Default for Spares {
    fn default() -> Self {
        Self { places: [const { Cell::new(None) }; PLACES], has_some: Cell::new(false) }
    }
}

impl Spares {
    /// Takes a spare out that is a slot of a layout, if there is one.
    #[inline]
    pub(crate) fn take(&self, layout: LayoutId) -> Option<NonNull<u8>> {
        let place = &self.places[layout.index() % PLACES];
        let spare = place.get().filter(|spare| spare.layout == layout || fault::on(Fault::SpareOfAnother))?;
        place.set(None);
        Some(spare.slot)
    }

    /// Keeps a slot of a layout that nothing leads to (S1), instead of another in its place.
    #[inline]
    pub(crate) fn put(&self, layout: LayoutId, slot: NonNull<u8>) {
        self.places[layout.index() % PLACES].set(Some(Spare { layout, slot }));
        self.has_some.set(true);
    }

    /// Forgets all: a cycle begins, and frees them.
    pub(crate) fn forget(&self) {
        if self.has_some.replace(false) {
            self.places.iter().for_each(|place| place.set(None));
        }
    }
}

impl core::fmt::Debug for Spares {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let kept = self.places.iter().filter(|place| place.get().is_some()).count();
        f.debug_struct("Spares").field("kept", &kept).finish()
    }
}
