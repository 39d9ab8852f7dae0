//! How much a mutator marks at once, when it assists: as many words as take about 10 µs.
//!
//! What a word takes depends on the machine and on the heap: from 3 ns where objects follow each other to 40 where each is a miss of
//! the caches. So a mutator begins with [`MOST`] words, takes a quarter off when a piece took longer than [`LONG`], and adds an
//! eighth when one took half of that.
#![forbid(unsafe_code)]

use core::cell::Cell;
use core::time::Duration;
use heap_core::stress::STRESSED;

/// Words of a piece at most. Less makes each borrowed batch dearer, and since a refill pays for one piece at most, mutators then mark
/// less than they owe: with half as much a churning heap ended its cycles at 2.2 times what lives, and not at 1.9.
pub(super) const MOST: usize = if STRESSED { 16 } else { 4096 };
/// Words of a piece at least. Under stress as many as at most, so that no clock decides what happens.
const LEAST: usize = if STRESSED { MOST } else { 1024 };
/// A piece is not to take longer.
const LONG: Duration = Duration::from_micros(15);
/// What a piece counts for at most. Asking for processor time costs a system call, a twentieth of a piece; the clock costs nothing, and
/// when it says more, the thread was not running.
pub(super) const LONGEST: Duration = Duration::from_micros(100);

/// The size of a mutator's pieces. See the module's text.
#[derive(Debug)]
pub(super) struct Piece(Cell<usize>);

impl Piece {
    /// Of a mutator that has not marked yet.
    pub(super) const fn new() -> Self {
        Self(Cell::new(MOST))
    }

    /// Words of the next piece.
    pub(super) fn words(&self) -> usize {
        self.0.get()
    }

    /// A piece took so long.
    pub(super) fn took(&self, time: Duration) {
        let words = self.0.get();
        let next = match time {
            // It says nothing of the words.
            time if time > LONGEST => words,
            time if time > LONG => words - words / 4,
            time if time < LONG / 2 => words + words / 8,
            _ => words,
        };
        self.0.set(next.clamp(LEAST, MOST));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pieces on a machine on which a word takes so many picoseconds.
    fn settled(piece: &Piece, word: u64) -> Duration {
        let time = || Duration::from_nanos(piece.words() as u64 * word / 1000);
        for _ in 0..50 {
            piece.took(time());
        }
        time()
    }

    #[test]
    fn a_piece_takes_about_as_long_on_every_machine() {
        if STRESSED {
            return;
        }
        let piece = Piece::new();
        for word in [500, 3_000, 6_000, 12_000, 14_000, 7_000, 500] {
            let time = settled(&piece, word);
            assert!(time <= LONG, "{word} ps a word: {time:?}");
            assert!(time >= LONG / 2 || piece.words() == MOST, "{word} ps a word: {time:?}");
        }
        settled(&piece, 200_000);
        assert_eq!(piece.words(), MOST, "what takes longer was interrupted");
        assert!(settled(&piece, 20_000) > LONG && piece.words() == LEAST, "it goes on, however dear");
    }

    #[test]
    fn no_clock_decides_under_stress() {
        let piece = Piece::new();
        for micros in [0, 1, 15, 30, 99, 5000] {
            piece.took(Duration::from_micros(micros));
            assert!(!STRESSED || piece.words() == MOST);
            assert!((LEAST..=MOST).contains(&piece.words()));
        }
    }
}
