//! The content of the heap: a table of slices of mixed sizes.
//!
//! Sizes are 16 bytes times two to a random power, so that each power has as many slices: most slices are small, and most
//! bytes are in large ones. One in two is of references, all null, so that both kinds of memory are there.

use crate::shapes::Random;
use tricolor::{Gc, GcCell, GcSlice, Mu, Mutator, Root, Trace};

/// Powers of two between the smallest and the largest size: from 16 bytes to 64 KiB.
const POWERS: usize = 13;
/// Bytes of the smallest size.
const LEAST: usize = 16;
/// Bytes of an average slice: the mean over the powers.
const MEAN: usize = LEAST * ((1 << POWERS) - 1) / POWERS;
/// Slices made in one `enter`: enough to be fast, few enough to be short.
const BATCH: usize = 16;

type Pointers<'gc> = GcSlice<GcCell<Option<Gc<'gc, u64>>>>;

/// What a place of the table leads to.
#[derive(Clone, Copy, Trace)]
enum Slice<'gc> {
    Nothing,
    Words(Gc<'gc, GcSlice<u64>>),
    Pointers(Gc<'gc, Pointers<'gc>>),
}

type Places<'gc> = GcSlice<GcCell<Slice<'gc>>>;

/// The table, and the choices its operations make.
pub(super) struct Table {
    places: Root<Places<'static>>,
    len: usize,
    random: Random,
}

fn make<'gc>(mu: &Mu<'gc>, random: &mut Random) -> Slice<'gc> {
    // The slice's header is a word of its slot.
    let words = (LEAST << random.below(POWERS)) / size_of::<usize>() - 1;
    if random.below(2) == 0 {
        let number = random.bits();
        Slice::Words(mu.alloc_slice(words, |_| number))
    } else {
        Slice::Pointers(mu.alloc_slice(words, |_| GcCell::new(None)))
    }
}

impl Table {
    /// A full table of about `live` bytes of slots.
    pub(super) fn fill(mutator: &mut Mutator, live: u64, seed: u64) -> Self {
        let len = (usize::try_from(live).unwrap_or(usize::MAX) / MEAN).max(1);
        let places = mutator.enter(|mu| mu.root(empty(mu, len)));
        let mut random = Random::new(seed);
        for first in (0..len).step_by(BATCH) {
            mutator.enter(|mu| {
                let places = places.get(mu);
                for place in first..(first + BATCH).min(len) {
                    places[place].set(mu, make(mu, &mut random));
                }
            });
        }
        Self { places, len, random }
    }

    /// Replaces some slices at random, in one `enter`. Says how many.
    pub(super) fn replace(&mut self, mutator: &mut Mutator) -> usize {
        let Self { places, len, random } = self;
        mutator.enter(|mu| {
            let places = places.get(mu);
            for _ in 0..BATCH {
                let place = random.below(*len);
                places[place].set(mu, make(mu, random));
            }
        });
        BATCH
    }

    /// Makes slices that nothing leads to, in one `enter`.
    pub(super) fn waste(&mut self, mutator: &mut Mutator) {
        mutator.enter(|mu| (0..BATCH).for_each(|_| _ = make(mu, &mut self.random)));
    }
}

fn empty<'gc>(mu: &Mu<'gc>, len: usize) -> Gc<'gc, Places<'gc>> {
    mu.alloc_slice(len, |_| GcCell::new(Slice::Nothing))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tricolor::Heap;

    #[test]
    fn a_table_is_about_as_large_as_asked_for_and_stays_so() {
        let heap = Heap::builder().gc_off().build().expect("a heap");
        let mut mutator = heap.attach().expect("attached");
        let live = 16 << 20;
        let mut table = Table::fill(&mut mutator, live, 1);
        for _ in 0..100 {
            assert_eq!(table.replace(&mut mutator), BATCH);
            table.waste(&mut mutator);
        }
        mutator.collect();
        let found = heap.figures().memory.heap_alloc.get() as f64 / live as f64;
        assert!((0.8..1.3).contains(&found), "{found}");
        assert_eq!(heap.verify(), []);
        drop(table);
        mutator.collect();
        assert_eq!(heap.figures().memory.heap_objects, 0);
    }
}
