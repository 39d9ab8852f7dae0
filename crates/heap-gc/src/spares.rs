//! Spares: buffers that vectors have outgrown, kept by their mutator to be used again.
//!
//! A vector that grows leaves one buffer after the other behind. Nothing leads there any more, and nobody needs a collection to know
//! that: a buffer belongs to one vector (V4 in [`crate::api::vec`]). So while no cycle marks, a mutator keeps it, one of each length for
//! a type of elements, and its next vector of that length gets it back, still in the cache of its processor, without a refill and
//! without being due to be swept.
//!
//! For the heap a spare is garbage like any other: an allocated slot that nothing leads to. What makes it safe to use again:
//!
//! | from | to | |
//! |---|---|---|
//! | it is put here | the mutator's answer to round *barrier on* of the next cycle | nobody marks, and nobody frees it: the cycle before has marked it, or it was allocated since |
//! | that answer | | the mutator has forgotten it, and it is freed by that cycle |
//!
//! **Why the cycle before has marked it.** Sweeping may go on beside the mutator, by the marks of the cycle that ended last. What is put
//! here after the mutator's answer to round *off* was a vector's buffer until then; the mutator had the vector, so it was reachable when marking
//! ended, and the buffer through it. Before that answer the barrier is on, and nothing is put.
//!
//! **Why nobody marks.** No marker looks into an object before every mutator's roots are taken, which is after every answer
//! to round *barrier on*, nor after marking has ended. So what a spare holds may be overwritten by plain stores, as long as the barrier is
//! [off](crate::barrier::Mode::Off). With it on, a buffer that is given up has to keep what it holds ([`crate::barrier::bulk::replace`]).
//!
//! Whoever else stops the world first takes from mutators what they have: spares, too ([`crate::part::Part::flush`]).
//!
//! Invariants
//!   S1  a spare is an allocated slot of the layout of buffers of its type and length, that nothing leads to, and that no cycle has had a
//!       chance to free

use crate::object::TypeInfo;
use core::cell::Cell;
use core::ptr::{self, NonNull};

/// How many spares there are at most. A slot is 32 KiB at most, and a vector that grows leaves one of each power of two: 64 KiB for each
/// type whose vectors grow so far.
const PLACES: usize = 64;

/// The buffers of one mutator that can be used again. See the module's text.
pub(crate) struct Spares {
    /// By type and length: see [`place_of`].
    places: [Cell<Option<Spare>>; PLACES],
    /// Whether there are any.
    has_some: Cell<bool>,
}

#[derive(Clone, Copy)]
struct Spare {
    /// What its elements are.
    info: &'static TypeInfo,
    /// How many of them there is room for.
    len: usize,
    slot: NonNull<u8>,
}

// SAFETY: the pointers are into the heap's memory, which any thread may use; who has the spares is one thread at a time.
unsafe impl Send for Spares {}

impl Default for Spares {
    fn default() -> Self {
        Self { places: [const { Cell::new(None) }; PLACES], has_some: Cell::new(false) }
    }
}

/// Where a spare is kept: the lengths that one vector goes through have places of their own.
fn place_of(info: &'static TypeInfo, len: usize) -> usize {
    (ptr::from_ref(info).addr() / size_of::<TypeInfo>() + len.leading_zeros() as usize) % PLACES
}

impl Spares {
    /// Takes a spare out that is a buffer of so many such elements, if there is one.
    #[inline]
    pub(crate) fn take(&self, info: &'static TypeInfo, len: usize) -> Option<NonNull<u8>> {
        let place = &self.places[place_of(info, len)];
        let spare = place.get().filter(|spare| spare.len == len && ptr::eq(spare.info, info))?;
        place.set(None);
        Some(spare.slot)
    }

    /// Keeps a buffer of so many such elements that nothing leads to (S1), instead of another in its place.
    #[inline]
    pub(crate) fn put(&self, info: &'static TypeInfo, len: usize, slot: NonNull<u8>) {
        self.places[place_of(info, len)].set(Some(Spare { info, len, slot }));
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
