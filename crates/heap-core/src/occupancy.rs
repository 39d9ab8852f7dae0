//! Occupancy: how full the spans of one layout are, counted as they come to rest and leave.
//!
//! The number of allocated slots of a span changes only while somebody owns it ([`crate::span`]): a mutator that allocates
//! from it, or whoever sweeps it. So it is enough to count a span when it comes to rest, and to take that back when somebody
//! gets hold of it: a few relaxed additions for each span that moves, none for an object, and none for a span that a sweep
//! leaves as it was. A reader adds up a few numbers for each layout, however many spans there are.
//!
//! ```text
//!   made ──▶ held ──rest──▶ at rest, in one level ──leave──▶ held ──freed──▶
//!                                  │   ▲
//!                                  └───┘ moved: swept where it rests
//! ```
//!
//! Of a span in somebody's hands nothing is known but that it is *held*. A span that was not swept since the last cycle
//! counts as it was when it came to rest: its dead are still in it.
//!
//! Who writes: the owner of a span, before it lets go of it (rest, moved, freed) or after it got it (made, leave). So an
//! addition always comes before the subtraction that takes it back, in each counter's own order, and none is ever
//! negative. Who reads: anybody, counter by counter; between two of them spans may have moved.
//!
//! Invariants (checked by [`crate::verify`])
//!   I2  the counters of each layout are what a walk over its spans finds
#![forbid(unsafe_code)]

use crate::fault::{self, Fault};
use crate::span::Span;
use crate::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use crate::units::Bytes;

/// How full a span is, coarsely. A span with one object has a level of its own, whatever its tenth: it is what keeps pages
/// from going back for the least reason.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub(crate) struct Level(u8);

impl Level {
    /// How many there are.
    pub(crate) const COUNT: usize = 13;
    /// No slot is allocated.
    pub(crate) const EMPTY: Self = Self(0);
    /// One is, of several.
    pub(crate) const LONE: Self = Self(1);
    /// All are.
    pub(crate) const FULL: Self = Self(12);

    /// The level of a span with so many of its slots allocated.
    pub(crate) fn of(allocated: u32, slots: u32) -> Self {
        match allocated {
            0 => Self::EMPTY,
            all if all == slots => Self::FULL,
            1 => Self::LONE,
            some => Self(2 + tenth(some, slots)),
        }
    }

    /// Its number, as an index.
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }

    /// The level of a tenth.
    pub(crate) const fn of_tenth(tenth: usize) -> usize {
        2 + tenth
    }
}

/// The tenth that a share of the slots lies in: 0 for less than a tenth, 9 for nine tenths and all.
pub(crate) fn tenth(allocated: u32, slots: u32) -> u8 {
    let tenths = u64::from(allocated) * 10 / u64::from(slots.max(1));
    u8::try_from(tenths).unwrap_or(u8::MAX).min(9)
}

/// A span at rest, as it is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Resting {
    /// Slots allocated.
    pub(crate) allocated: u32,
    /// Slots.
    pub(crate) slots: u32,
    /// Bytes that its objects occupy: slots, or what was asked for of a large span.
    pub(crate) occupied: Bytes,
    /// Bytes of its pages, if it is a large object's; those of other spans follow from their number.
    pub(crate) large: Option<Bytes>,
}

impl Resting {
    /// A span as it is. Who counts by it owns the span, or knows that nobody does; for others it is a guess.
    pub(crate) fn of(span: &Span) -> Self {
        let (allocated, slots) = (span.allocated(), span.slots());
        if span.is_large() {
            let occupied = if allocated > 0 { span.used() } else { Bytes::ZERO };
            return Self { allocated, slots, occupied, large: Some(span.pages().bytes()) };
        }
        Self { allocated, slots, occupied: Bytes::new(allocated as usize * span.stride().get()), large: None }
    }

    /// How full that is, coarsely.
    pub(crate) fn level(&self) -> Level {
        Level::of(self.allocated, self.slots)
    }
}

/// The counters of one layout. See the module's text.
#[derive(Default, Debug)]
pub(crate) struct Occupancy {
    /// Spans in use, held or at rest.
    spans: AtomicUsize,
    /// Spans at rest, by level.
    resting: [AtomicUsize; Level::COUNT],
    /// Bytes that the objects of spans at rest occupy.
    occupied: AtomicUsize,
    /// Bytes of the pages of large spans at rest.
    large: AtomicUsize,
}

/// The counters, read one after another.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct OccupancyFigures {
    pub(crate) spans: usize,
    pub(crate) resting: [usize; Level::COUNT],
    pub(crate) occupied: Bytes,
    pub(crate) large: Bytes,
}

impl Occupancy {
    /// A span was made; it is held.
    pub(crate) fn made(&self) {
        self.spans.fetch_add(1, Relaxed);
    }

    /// A held span was freed.
    pub(crate) fn freed(&self) {
        self.spans.fetch_sub(1, Relaxed);
    }

    /// A held span comes to rest.
    pub(crate) fn rest(&self, span: Resting) {
        self.resting[span.level().index()].fetch_add(1, Relaxed);
        self.occupied.fetch_add(span.occupied.get(), Relaxed);
        if let Some(bytes) = span.large {
            self.large.fetch_add(bytes.get(), Relaxed);
        }
    }

    /// Somebody has got hold of a span that was at rest like this.
    pub(crate) fn leave(&self, span: Resting) {
        self.resting[Level::of(span.allocated, span.slots).index()].fetch_sub(1, Relaxed);
        self.occupied.fetch_sub(span.occupied.get(), Relaxed);
        if let Some(bytes) = span.large {
            self.large.fetch_sub(bytes.get(), Relaxed);
        }
    }

    /// A span at rest was swept and stays at rest.
    pub(crate) fn moved(&self, from: Resting, to: Resting) {
        if from == to || fault::on(Fault::SweptUncounted) {
            return;
        }
        let (before, after) = (Level::of(from.allocated, from.slots), Level::of(to.allocated, to.slots));
        if before != after {
            self.resting[after.index()].fetch_add(1, Relaxed);
            self.resting[before.index()].fetch_sub(1, Relaxed);
        }
        self.occupied.fetch_sub(from.occupied.get().wrapping_sub(to.occupied.get()), Relaxed);
    }

    /// The counters as they are.
    pub(crate) fn figures(&self) -> OccupancyFigures {
        OccupancyFigures {
            spans: self.spans.load(Relaxed),
            resting: core::array::from_fn(|level| self.resting[level].load(Relaxed)),
            occupied: Bytes::new(self.occupied.load(Relaxed)),
            large: Bytes::new(self.large.load(Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(allocated: u32, slots: u32) -> Resting {
        Resting { allocated, slots, occupied: Bytes::new(allocated as usize * 8), large: None }
    }

    #[test]
    fn every_number_of_slots_has_one_level_and_the_extremes_have_their_own() {
        for slots in 1..=1024 {
            for allocated in 0..=slots {
                let level = Level::of(allocated, slots);
                assert!(level.index() < Level::COUNT);
                assert_eq!(level == Level::EMPTY, allocated == 0);
                assert_eq!(level == Level::FULL, allocated == slots);
                assert_eq!(level == Level::LONE, allocated == 1 && slots > 1);
                if allocated > 1 && allocated < slots {
                    let tenth = level.index() - Level::of_tenth(0);
                    let share = f64::from(allocated) / f64::from(slots);
                    assert!(
                        share >= tenth as f64 / 10.0 && share < (tenth + 1) as f64 / 10.0,
                        "{allocated}/{slots}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_comes_to_rest_and_leaves_again_leaves_nothing() {
        let occupancy = Occupancy::default();
        for allocated in 0..=10 {
            occupancy.made();
            occupancy.rest(span(allocated, 10));
        }
        let all = occupancy.figures();
        assert_eq!(
            (all.spans, all.resting.iter().sum::<usize>(), all.occupied),
            (11, 11, Bytes::new(55 * 8))
        );
        assert_eq!([all.resting[Level::EMPTY.index()], all.resting[Level::FULL.index()]], [1, 1]);
        for allocated in 0..=10 {
            occupancy.moved(span(allocated, 10), span(allocated / 2, 10));
            occupancy.leave(span(allocated / 2, 10));
            occupancy.freed();
        }
        assert_eq!(occupancy.figures(), OccupancyFigures::default());
    }
}
