//! Occupancy: how full the spans of one layout are, counted as they come to rest and leave.
//!
//! The number of allocated slots of a span changes only while somebody owns it ([`crate::span`]): a mutator that allocates
//! from it, or whoever sweeps it. So it is enough to count a span when it comes to rest, and to take that back when somebody
//! gets hold of it: a few additions for each span that moves, under the lock of the list it goes to or comes from, and none for
//! an object. A reader adds up a few numbers for each layout and shard, however many spans there are.
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
//! Who writes: the owner of a span, before it lets go of it (rest, moved) or after it got it (leave), with the lock of a shard of the
//! layout's central ([`crate::central`]). Shards are counted apart, so that mutators do not take turns at the numbers; a span may
//! leave by another shard than it came to rest by, so one shard's number means nothing, and who adds them up holds the locks of all.
//!
//! Invariants (checked by [`crate::verify`])
//!   I2  the counters of each layout are what a walk over its spans finds
#![forbid(unsafe_code)]

use crate::fault::{self, Fault};
use crate::span::Span;
use crate::units::Bytes;
use core::ops::AddAssign;

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

/// The spans of one layout at rest, or those of one shard. See the module's text.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Occupancy {
    /// How many, by level.
    resting: [usize; Level::COUNT],
    /// Bytes that their objects occupy.
    occupied: usize,
    /// Bytes of the pages of large ones.
    large: usize,
}

/// The spans of one layout, as they are counted.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct OccupancyFigures {
    /// Spans in use, held or at rest.
    pub(crate) spans: usize,
    /// Spans at rest, by level.
    pub(crate) resting: [usize; Level::COUNT],
    pub(crate) occupied: Bytes,
    pub(crate) large: Bytes,
}

/// Adds. A number that comes to be below zero is for the verifier to name.
fn add(to: &mut usize, by: usize) {
    *to = to.wrapping_add(by);
}

impl Occupancy {
    /// A held span comes to rest.
    pub(crate) fn rest(&mut self, span: Resting) {
        add(&mut self.resting[span.level().index()], 1);
        add(&mut self.occupied, span.occupied.get());
        add(&mut self.large, span.large.unwrap_or_default().get());
    }

    /// Somebody has got hold of a span that was at rest like this.
    pub(crate) fn leave(&mut self, span: Resting) {
        add(&mut self.resting[span.level().index()], 1_usize.wrapping_neg());
        add(&mut self.occupied, span.occupied.get().wrapping_neg());
        add(&mut self.large, span.large.unwrap_or_default().get().wrapping_neg());
    }

    /// A span at rest was swept and stays at rest.
    pub(crate) fn moved(&mut self, from: Resting, to: Resting) {
        if !fault::on(Fault::SweptUncounted) {
            self.leave(from);
            self.rest(to);
        }
    }

    /// The figures of a layout with so many spans in use.
    pub(crate) fn figures(&self, spans: usize) -> OccupancyFigures {
        OccupancyFigures {
            spans,
            resting: self.resting,
            occupied: Bytes::new(self.occupied),
            large: Bytes::new(self.large),
        }
    }
}

impl AddAssign for Occupancy {
    fn add_assign(&mut self, other: Self) {
        for (own, more) in self.resting.iter_mut().zip(other.resting) {
            add(own, more);
        }
        add(&mut self.occupied, other.occupied);
        add(&mut self.large, other.large);
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
        let mut shards = [Occupancy::default(); 2];
        for allocated in 0..=10 {
            shards[allocated as usize % 2].rest(span(allocated, 10));
        }
        let all = |shards: [Occupancy; 2]| {
            let mut all = shards[0];
            all += shards[1];
            all
        };
        let found = all(shards).figures(11);
        assert_eq!((found.resting.iter().sum::<usize>(), found.occupied), (11, Bytes::new(55 * 8)));
        assert_eq!([found.resting[Level::EMPTY.index()], found.resting[Level::FULL.index()]], [1, 1]);
        for allocated in 0..=10 {
            let shard = &mut shards[allocated as usize % 2];
            shard.moved(span(allocated, 10), span(allocated / 2, 10));
            shard.leave(span(allocated / 2, 10));
        }
        assert_eq!(all(shards), Occupancy::default());
    }
}
