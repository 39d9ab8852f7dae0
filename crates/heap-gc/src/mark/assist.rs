//! Marking a little on a mutator's thread: what an assist does, and what it works with.
//!
//! A marker that lasts for some 10 µs would ask the system's allocator for 17 KiB and give them back, each time. That is a
//! hundredth of its time as a rule, and now and then thirty times as much: see [`crate::grey`]. So that memory is a
//! [`Kit`], which is kept for the next assist, of whichever mutator.

use super::stack::{FIRST_ROOM, Grey, Stack};
use super::{MarkLimits, Marker};
use crate::grey::{Batch, Piece, touched};
use core::mem::take;
use heap_core::fault::{self, Fault};
use heap_core::memory::Memory;
use heap_core::stress::PIECE_WORDS;
use heap_core::sync::Mutex;
use heap_core::units::Bytes;

/// Words of a large object that are scanned at once: a mutator that assists must not be kept for the whole of a piece, which can
/// lead to as many objects far apart.
const SMALL_PIECE_WORDS: usize = if PIECE_WORDS < 256 { PIECE_WORDS } else { 256 };

/// Memory for one who assists. What is left is in it from [`Kit::mark`] until the queue has it.
#[derive(Debug)]
pub(crate) struct Kit {
    stack: Stack,
    /// What is left of large objects.
    pieces: Vec<Piece>,
    /// What hand-written trace functions report.
    traced: Vec<usize>,
}

impl Kit {
    /// One with nothing in it, whose memory was written to.
    fn new() -> Self {
        // Not with zeros: see `touched`.
        let room = vec![Grey { object: usize::MAX, ..Grey::NONE }; FIRST_ROOM];
        Self {
            stack: Stack { room, ..Stack::default() },
            pieces: touched(PIECES, Piece { object: usize::MAX, from: 0 }),
            traced: touched(TRACED, usize::MAX),
        }
    }

    /// Marks about so many words of a batch. Returns the vector that the batch was in.
    pub(crate) fn mark(
        &mut self,
        memory: &Memory,
        batch: Batch,
        limits: MarkLimits,
        words: usize,
    ) -> Vec<usize> {
        let mut marker = Marker {
            pieces: take(&mut self.pieces),
            traced: take(&mut self.traced),
            piece_words: SMALL_PIECE_WORDS,
            ..Marker::with(memory, take(&mut self.stack).limited(limits.stack), limits)
        };
        let emptied = marker.scan_later(batch);
        marker.drain_own::<true>(words);
        if fault::on(Fault::PieceDropped) {
            marker.pieces.clear();
        }
        (self.stack, self.pieces, self.traced) = (marker.stack, marker.pieces, marker.traced);
        emptied
    }

    /// What is left: objects and pieces; and whether anything was lost ([`Marker::has_lost`]).
    pub(crate) fn take_left(&mut self) -> (impl ExactSizeIterator<Item = usize>, &mut Vec<Piece>, bool) {
        let has_lost = take(&mut self.stack.has_lost);
        (self.stack.take_all(), &mut self.pieces, has_lost)
    }

    /// Forgets what is left: a mistake ([`Fault`]).
    pub(crate) fn forget(&mut self) {
        self.stack.len = 0;
        self.pieces.clear();
    }

    /// Whether it takes more memory than is worth keeping.
    fn has_grown(&self) -> bool {
        self.stack.room.len() > FIRST_ROOM
            || self.pieces.capacity() > FIRST_ROOM
            || self.traced.capacity() > FIRST_ROOM
    }
}

/// Pieces, and references of one hand-written trace function, that a kit has room for.
const PIECES: usize = 16;
const TRACED: usize = 64;
/// Bytes of a new kit: its stack, and a little.
pub(crate) const KIT_BYTES: Bytes = Bytes::kib(17);

/// The kits of a heap that nobody works with.
#[derive(Default, Debug)]
pub(crate) struct Kits(Mutex<Vec<Kit>>);

impl Kits {
    /// Takes one, or a new one.
    pub(crate) fn take(&self) -> Kit {
        let kit = self.0.lock().pop();
        kit.unwrap_or_else(Kit::new)
    }

    /// Puts one back for the next.
    pub(crate) fn put(&self, kit: Kit) {
        debug_assert!(
            kit.stack.len == 0 && !kit.stack.has_lost && kit.pieces.is_empty() && kit.traced.is_empty()
        );
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
