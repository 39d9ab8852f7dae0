//! Marking a little on a mutator's thread: what an assist does, and what it works with.
//!
//! A marker that lasts for some 10 µs would ask the system's allocator for 17 KiB and give them back, each time. That is a
//! hundredth of its time as a rule, and now and then thirty times as much: see [`crate::grey`]. So that memory is a
//! [`Kit`], which is kept for the next assist, of whichever mutator.

use super::stack::{FIRST_ROOM, Grey, Stack};
use super::{MarkLimits, Marker, OBJECT_WORDS};
use crate::grey::{Batch, Piece, touched};
use core::mem::take;
use core::time::Duration;
use heap_core::fault::{self, Fault};
use heap_core::memory::Memory;
use heap_core::stress::{PIECE_WORDS, STRESSED};
use heap_core::sync::Mutex;
use heap_core::units::Bytes;
use std::time::Instant;

/// Words of a large object that are scanned at once: a mutator that assists must not be kept for the whole of a piece, which can
/// lead to as many objects far apart.
const SMALL_PIECE_WORDS: usize = if PIECE_WORDS < 256 { PIECE_WORDS } else { 256 };

/// Words between two looks at the clock, at first and at least: eight objects, with sixty references each at most, or one that is large or
/// of a hand-written trace. As many references are taken from a batch at once as that is objects; what is not taken needs no looking up, and
/// goes back as it is.
const SLICE: usize = if STRESSED { OBJECT_WORDS } else { 8 * OBJECT_WORDS };
/// Words between two looks at the clock at most. More make looking cheaper, and what comes after it longer where the next objects are
/// misses of the caches, 300 ns each.
const MOST_SLICE: usize = 8 * SLICE;
/// A slice that takes less is followed by a larger one: looking takes 30 ns.
const SHORT: Duration = Duration::from_micros(1);
/// A slice that takes more is followed by a smaller one.
const LONG: Duration = Duration::from_micros(4);

/// How much is to be marked at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Amount {
    /// So many words, or an object or a piece more.
    pub(crate) words: usize,
    /// Not for longer than this, or a slice more.
    pub(crate) until: Option<Instant>,
}

/// What was marked at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Marked {
    /// So many words.
    pub(crate) words: usize,
    /// It was all that the batch led to.
    pub(crate) is_all: bool,
}

/// Words of the next slice, when one of so many took so long.
fn next_slice(slice: usize, took: Duration) -> usize {
    match took {
        took if took < SHORT => (2 * slice).min(MOST_SLICE),
        took if took > LONG => (slice / 2).max(SLICE),
        _ => slice,
    }
}

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

    /// Marks what a batch leads to, and says how much. What it did not take of the batch stays there.
    ///
    /// It looks at the clock often, since nothing else tells how long it has been at it: an object takes 10 ns where objects follow
    /// each other, and 300 where each is a miss of the caches, and one batch can lead to both.
    pub(crate) fn mark(
        &mut self,
        memory: &Memory,
        batch: &mut Batch,
        limits: MarkLimits,
        most: Amount,
    ) -> Marked {
        let mut marker = Marker {
            pieces: take(&mut self.pieces),
            traced: take(&mut self.traced),
            piece_words: SMALL_PIECE_WORDS,
            ..Marker::with(memory, take(&mut self.stack).limited(limits.stack), limits)
        };
        let mut looked = Instant::now();
        let (mut done, mut slice) = (0, SLICE);
        while done < most.words {
            if marker.is_done() {
                if batch.is_empty() {
                    break;
                }
                marker.take_some(batch, slice / OBJECT_WORDS);
            }
            done += marker.drain_own::<true>(slice.min(most.words - done));
            if let Some(until) = most.until {
                let now = Instant::now();
                if now >= until {
                    break;
                }
                slice = next_slice(slice, now - looked);
                looked = now;
            }
        }
        let is_all = marker.is_done() && batch.is_empty();
        if fault::on(Fault::PieceDropped) {
            marker.pieces.clear();
        }
        (self.stack, self.pieces, self.traced) = (marker.stack, marker.pieces, marker.traced);
        Marked { words: done, is_all }
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

#[cfg(all(test, not(any(loom, pct))))]
mod tests {
    use super::*;
    use crate::{Gc, Heap};

    const EACH: usize = 50;
    /// As many as are taken at once, and more.
    const TOPS: usize = 4 * SLICE / OBJECT_WORDS;
    const ALL_WORDS: usize = TOPS * (1 + EACH) * OBJECT_WORDS;

    #[test]
    fn it_ends_after_so_many_words_or_in_time_and_what_it_did_not_take_is_left() {
        let heap = Heap::builder().gc_off().build().expect("a heap");
        let mut mutator = heap.attach().expect("one mutator a thread");
        mutator.enter(|mu| {
            let heap = mu.heap();
            let mut kit = Kit::new();
            let tops: Vec<_> = (0..TOPS)
                .map(|_| Gc::addr(mu.alloc([(); EACH].map(|()| mu.alloc([mu.alloc(0_u64)])))))
                .collect();
            let mut rest = tops.clone();
            let mut mark = |words, until| {
                let mut batch = Batch::Objects(take(&mut rest));
                let marked = kit.mark(&heap.memory, &mut batch, heap.mark_limits, Amount { words, until });
                rest = batch.into_memory();
                let untaken = rest.len();
                let (found, pieces, has_lost) = kit.take_left();
                rest.extend(found);
                assert!(pieces.is_empty() && !has_lost);
                assert_eq!(marked.is_all, rest.is_empty());
                (marked.words, untaken, rest.len())
            };
            let taken = SLICE / OBJECT_WORDS;
            let (words, untaken, left) = mark(10 * OBJECT_WORDS, None);
            assert_eq!((words, untaken), (10 * OBJECT_WORDS, TOPS - taken));
            assert!(left > untaken, "of what was taken something is left, and goes with it");
            let (words, untaken, _) = mark(usize::MAX, Some(Instant::now()));
            assert_eq!((words, untaken), (SLICE, left - taken), "the clock is looked at after a slice");
            let (words, untaken, left) = mark(usize::MAX, None);
            assert_eq!((untaken, left), (0, 0));
            assert_eq!(words, ALL_WORDS - 10 * OBJECT_WORDS - SLICE);
            let (words, _, left) = mark(usize::MAX, None);
            assert_eq!((words, left), (0, 0), "nothing is marked of nothing");
            let mut again = Batch::Objects(tops);
            let most = Amount { words: usize::MAX, until: None };
            let marked = kit.mark(&heap.memory, &mut again, heap.mark_limits, most);
            assert_eq!(
                marked,
                Marked { words: TOPS * OBJECT_WORDS, is_all: true },
                "they lead to nothing new"
            );
        });
    }

    #[test]
    fn words_that_may_be_references_and_pieces_are_marked_as_well() {
        let heap = Heap::builder().gc_off().build().expect("a heap");
        let mut mutator = heap.attach().expect("one mutator a thread");
        mutator.enter(|mu| {
            let heap = mu.heap();
            let mut kit = Kit::new();
            let mut mark = |mut batch| {
                let most = Amount { words: usize::MAX, until: None };
                let Marked { words, is_all } = kit.mark(&heap.memory, &mut batch, heap.mark_limits, most);
                assert!(is_all);
                let (mut left, pieces, has_lost) = kit.take_left();
                assert!(batch.is_empty() && left.next().is_none() && pieces.is_empty() && !has_lost);
                words
            };
            let object = Gc::addr(mu.alloc([mu.alloc([mu.alloc(0_u64)])]));
            assert_eq!(mark(Batch::Maybe(vec![1, object, 0, object, 3])), 2 * OBJECT_WORDS);
            let len = 3 * SMALL_PIECE_WORDS + 1;
            let array = mu.alloc_slice(len, |_| mu.alloc([mu.alloc(0_u64)]));
            let first = Piece { object: Gc::addr(array), from: 1 };
            assert_eq!(mark(Batch::Piece(first)), len + len * OBJECT_WORDS);
        });
    }

    #[test]
    fn a_slice_grows_while_it_is_short_and_shrinks_when_it_is_long() {
        let mut slice = SLICE;
        for (took, next) in
            [(SHORT, SLICE), (SHORT / 2, 2 * SLICE), (LONG, 2 * SLICE), (2 * LONG, SLICE), (2 * LONG, SLICE)]
        {
            slice = next_slice(slice, took);
            assert_eq!(slice, next, "after {took:?}");
        }
        let longest = (0..20).fold(SLICE, |slice, _| next_slice(slice, Duration::ZERO));
        assert_eq!(longest, MOST_SLICE);
    }
}
