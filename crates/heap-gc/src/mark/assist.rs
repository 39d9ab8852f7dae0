//! Marking a little on a mutator's thread: what an assist does, and what it works with.
//!
//! A marker that lasts for some 10 µs would ask the system's allocator for 24 KiB and give them back, each time. That is a
//! hundredth of its time as a rule, and now and then thirty times as much: see [`crate::grey`]. So that memory is a
//! [`Kit`], which is kept for the next assist, of whichever mutator.

use super::stack::{FIRST_ROOM, Grey, Stack};
use super::{MarkLimits, Marker};
use crate::grey::{Lent, Piece, ROOM, touched};
use core::mem::take;
use heap_core::fault::{self, Fault};
use heap_core::memory::Memory;
use heap_core::stress::PIECE_WORDS;
use heap_core::sync::Mutex;
use heap_core::units::Bytes;

/// Words of a large object that are scanned at once: a mutator that assists must not be kept for the whole of a piece, which can
/// lead to as many objects far apart.
const SMALL_PIECE_WORDS: usize = if PIECE_WORDS < 256 { PIECE_WORDS } else { 256 };

/// Memory for one who assists. Between what is borrowed and what is given back there is something in it.
pub(crate) struct Kit {
    /// Its stack's, all of it initialised.
    pub(super) room: Vec<Grey>,
    /// What was borrowed, and then what is left.
    pub(crate) objects: Vec<usize>,
    /// What is left of large objects.
    pub(crate) pieces: Vec<Piece>,
    /// What hand-written trace functions report.
    pub(super) traced: Vec<usize>,
}

impl Kit {
    /// One with nothing in it, whose memory was written to.
    fn new() -> Self {
        Self {
            // Not with zeros: see `touched`.
            room: vec![Grey { object: usize::MAX, ..Grey::NONE }; FIRST_ROOM],
            objects: touched(ROOM, usize::MAX),
            pieces: touched(PIECES, Piece { object: usize::MAX, from: 0 }),
            traced: touched(TRACED, usize::MAX),
        }
    }

    /// Marks about so many words of what was lent; its references are in the kit. What is left is in the kit then. Says whether
    /// anything was lost ([`Marker::has_lost`]).
    pub(crate) fn mark(&mut self, memory: &Memory, lent: Lent, limits: MarkLimits, words: usize) -> bool {
        let stack = Stack::with_room(take(&mut self.room), limits.stack);
        let mut marker = Marker {
            pieces: take(&mut self.pieces),
            traced: take(&mut self.traced),
            piece_words: SMALL_PIECE_WORDS,
            ..Marker::with(memory, stack, limits)
        };
        match lent {
            Lent::Objects => marker.add_objects(&mut self.objects),
            Lent::Maybe => marker.add_maybe(&mut self.objects),
            Lent::Piece(piece) => marker.pieces.push(piece),
        }
        marker.drain_own::<true>(words);
        if fault::on(Fault::PieceDropped) {
            marker.pieces.clear();
        }
        marker.stack.take_all(&mut self.objects);
        let has_lost = marker.has_lost();
        (self.room, self.pieces, self.traced) = (marker.stack.room, marker.pieces, marker.traced);
        has_lost
    }

    /// Whether it takes more memory than is worth keeping.
    fn has_grown(&self) -> bool {
        self.room.len() > FIRST_ROOM
            || self.objects.capacity() > ROOM
            || self.pieces.capacity() > FIRST_ROOM
            || self.traced.capacity() > FIRST_ROOM
    }
}

/// Pieces, and references of one hand-written trace function, that a kit has room for.
const PIECES: usize = 16;
const TRACED: usize = 64;
/// Bytes of a new kit: its stack and its references, and a little.
pub(crate) const KIT_BYTES: Bytes = Bytes::kib(25);

/// The kits of a heap that nobody works with.
#[derive(Default)]
pub(crate) struct Kits(Mutex<Vec<Kit>>);

impl Kits {
    /// Takes one, or a new one.
    pub(crate) fn take(&self) -> Kit {
        let kit = self.0.lock().pop();
        let mut kit = kit.unwrap_or_else(Kit::new);
        // It has, unless there was no spare for what was given back.
        kit.objects.reserve_exact(ROOM);
        kit
    }

    /// Puts one back for the next.
    pub(crate) fn put(&self, kit: Kit) {
        debug_assert!(kit.objects.is_empty() && kit.pieces.is_empty() && kit.traced.is_empty());
        self.0.lock().push(kit);
    }

    /// Makes kits, until there are so many. Takes page faults, so it is for the thread that runs a cycle.
    pub(crate) fn ready(&self, kits: usize) {
        let there = self.0.lock().len();
        let new: Vec<_> = (there..kits).map(|_| Kit::new()).collect();
        self.0.lock().extend(new);
    }

    /// Gives kits back to the system's allocator: all but so many, and those that have grown.
    pub(crate) fn tidy(&self, most: usize) {
        let mut kits = self.0.lock();
        let mut given_up: Vec<_> = kits.extract_if(.., |kit| kit.has_grown()).collect();
        let kept = most.min(kits.len());
        given_up.extend(kits.drain(kept..));
        drop(kits);
        drop(given_up);
    }
}

impl core::fmt::Debug for Kits {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Kits").finish_non_exhaustive()
    }
}
