//! Seats: which of a central's shards a mutator puts its spans into and looks into first.
//!
//! Mutators that take turns at one list take turns at the memory, too: each writes to spans that lie between the other's, and
//! that the other has written to last. Two threads that wrote to 64 MiB in pieces of 8 KiB, each the next that neither had
//! had, got 0.65 of what one got, where two with 64 MiB each got 1.7 times as much. So a mutator gets back the spans it had.
#![forbid(unsafe_code)]

use crate::sync::Arc;
use crate::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use crate::tally::{Tallies, Tally};

/// The most shards of a central: each costs some 512 bytes for each layout.
pub const MOST_SHARDS: usize = 16;

/// How many mutators sit at each shard of a heap, and what they count.
#[derive(Debug)]
pub(crate) struct Seats {
    sitting: Box<[AtomicUsize]>,
    tallies: Arc<Tallies>,
}

/// A mutator's shard, which it leaves when this is dropped.
#[derive(Debug, Default)]
pub struct Seat {
    number: u8,
    at: Option<Arc<Seats>>,
    tally: Option<Tally>,
}

impl Seats {
    /// Seats at so many shards, from 1 to [`MOST_SHARDS`].
    pub(crate) fn new(shards: usize) -> Self {
        let sitting = (0..shards.clamp(1, MOST_SHARDS)).map(|_| AtomicUsize::new(0)).collect();
        Self { sitting, tallies: Arc::default() }
    }

    /// How many shards there are.
    pub(crate) fn shards(&self) -> usize {
        self.sitting.len()
    }

    /// How many mutators sit. Errs either way by those that come and go meanwhile.
    pub(crate) fn sitting(&self) -> usize {
        self.sitting.iter().map(|sitting| sitting.load(Relaxed)).sum()
    }

    /// What they count.
    #[inline]
    pub(crate) fn tallies(&self) -> &Tallies {
        &self.tallies
    }

    /// A seat where the fewest sit. Two that come at the same moment may get the same, which is slower and not wrong.
    pub(crate) fn sit(self: &Arc<Self>) -> Seat {
        let (number, sitting) = self
            .sitting
            .iter()
            .enumerate()
            .min_by_key(|(_, sitting)| sitting.load(Relaxed))
            .expect("at least one");
        sitting.fetch_add(1, Relaxed);
        Seat {
            number: u8::try_from(number).expect("below 16"),
            at: Some(Arc::clone(self)),
            tally: Some(self.tallies.join()),
        }
    }
}

impl Seat {
    /// The number of the shard.
    #[inline]
    pub(crate) fn number(&self) -> u8 {
        self.number
    }

    /// What who sits there counts.
    #[inline]
    pub(crate) fn tally(&self) -> Option<&Tally> {
        self.tally.as_ref()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(seats) = &self.at {
            seats.sitting[usize::from(self.number)].fetch_sub(1, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_sits_where_the_fewest_sit() {
        let seats = Arc::new(Seats::new(3));
        let sitting: Vec<Seat> = (0..6).map(|_| seats.sit()).collect();
        assert_eq!(sitting.iter().map(Seat::number).collect::<Vec<_>>(), [0, 1, 2, 0, 1, 2]);
        drop(sitting.into_iter().filter(|seat| seat.number() == 1).collect::<Vec<_>>());
        let seat = seats.sit();
        assert_eq!(seat.number(), 0, "everybody has left");
        assert_eq!(Seats::new(0).shards(), 1);
        assert_eq!(Seats::new(1000).shards(), MOST_SHARDS);
    }
}
