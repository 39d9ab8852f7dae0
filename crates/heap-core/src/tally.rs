//! Tallies: what happens with each span of objects, counted by each mutator for itself.
//!
//! A mutator that allocates objects of 16 bytes as fast as it can gets a span every 250 ns, and sweeps it first. Two that added to the same
//! numbers took turns at the cache line they are in. So each has numbers of its own, which nobody else writes: adding is a plain
//! load and a plain store. Who is no mutator adds to numbers that all such share, and so does, once, a mutator that goes.
//!
//! A reader adds them up, under a lock that only he and those take who come and go. What was freed is read before what was
//! handed out, and the stores release and the loads acquire: what was freed had been handed out, so no difference is negative.
#![forbid(unsafe_code)]

use crate::fault::{self, Fault};
use crate::size_class::SizeClass;
use crate::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use crate::sync::{Arc, Mutex};

/// The numbers. On cache lines of their own.
#[derive(Debug)]
#[repr(align(128))]
struct Counts {
    allocs: [AtomicU64; SizeClass::COUNT],
    frees: [AtomicU64; SizeClass::COUNT],
    refills: AtomicU64,
    swept: AtomicU64,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            allocs: core::array::from_fn(|_| AtomicU64::new(0)),
            frees: core::array::from_fn(|_| AtomicU64::new(0)),
            refills: AtomicU64::new(0),
            swept: AtomicU64::new(0),
        }
    }
}

/// The sum of all tallies of a heap, as of about one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Totals {
    /// Slots freed by sweeping, by class.
    pub frees: [u64; SizeClass::COUNT],
    /// Slots handed out, by class. A large object counts in class 0.
    pub allocs: [u64; SizeClass::COUNT],
    /// Spans handed to a mutator's cache.
    pub refills: u64,
    /// Spans swept.
    pub swept: u64,
}

/// All tallies of a heap.
#[derive(Debug, Default)]
pub(crate) struct Tallies {
    shared: Counts,
    own: Mutex<Vec<Arc<Counts>>>,
}

/// One mutator's tally. It goes into the shared one when this is dropped.
#[derive(Debug)]
pub(crate) struct Tally {
    counts: Arc<Counts>,
    all: Arc<Tallies>,
}

/// Where somebody counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counting<'a> {
    counts: &'a Counts,
    is_shared: bool,
}

impl Tallies {
    /// A tally for a mutator.
    pub(crate) fn join(self: &Arc<Self>) -> Tally {
        let counts = Arc::new(Counts::default());
        self.own.lock().push(Arc::clone(&counts));
        Tally { counts, all: Arc::clone(self) }
    }

    /// Where a mutator with that tally counts, or somebody without one.
    #[inline]
    pub(crate) fn by<'a>(&'a self, tally: Option<&'a Tally>) -> Counting<'a> {
        match tally {
            Some(tally) => Counting { counts: &tally.counts, is_shared: false },
            None => Counting { counts: &self.shared, is_shared: true },
        }
    }

    /// Everything that was counted.
    pub(crate) fn totals(&self) -> Totals {
        let own = self.own.lock();
        let sum = |of: &dyn Fn(&Counts) -> &AtomicU64| {
            own.iter().map(|counts| &**counts).fold(of(&self.shared).load(Acquire), |sum, counts| {
                sum.wrapping_add(of(counts).load(Acquire))
            })
        };
        Totals {
            frees: core::array::from_fn(|class| sum(&|counts| &counts.frees[class])),
            allocs: core::array::from_fn(|class| sum(&|counts| &counts.allocs[class])),
            refills: sum(&|counts| &counts.refills),
            swept: sum(&|counts| &counts.swept),
        }
    }
}

impl Counting<'_> {
    #[inline]
    fn add(self, of: impl Fn(&Counts) -> &AtomicU64, by: u64) {
        let counter = of(self.counts);
        if self.is_shared {
            counter.fetch_add(by, Release);
        } else {
            counter.store(counter.load(Relaxed).wrapping_add(by), Release);
        }
    }

    /// Slots were handed out.
    #[inline]
    pub(crate) fn handed_out(self, class: SizeClass, slots: u64) {
        self.add(|counts| &counts.allocs[class.index()], slots);
    }

    /// A span with so many free slots was handed out whole.
    #[inline]
    pub(crate) fn refilled(self, class: SizeClass, slots: u64) {
        self.handed_out(class, slots);
        self.add(|counts| &counts.refills, 1);
    }

    /// Slots that were counted as handed out were not used.
    #[inline]
    pub(crate) fn unused(self, class: SizeClass, slots: u64) {
        self.handed_out(class, slots.wrapping_neg());
    }

    /// A span was swept, and that freed so many slots.
    #[inline]
    pub(crate) fn swept(self, class: SizeClass, freed: u64) {
        self.add(|counts| &counts.swept, 1);
        if freed > 0 {
            self.add(|counts| &counts.frees[class.index()], freed);
        }
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        let mut own = self.all.own.lock();
        own.retain(|counts| !Arc::ptr_eq(counts, &self.counts));
        if fault::on(Fault::TallyLost) {
            return;
        }
        let (from, to) = (&self.counts, &self.all.shared);
        let pairs = from.allocs.iter().zip(&to.allocs).chain(from.frees.iter().zip(&to.frees));
        for (from, to) in pairs.chain([(&from.refills, &to.refills), (&from.swept, &to.swept)]) {
            to.fetch_add(from.load(Relaxed), Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_the_same_before_and_after_a_mutator_goes() {
        let (all, small, big) =
            (Arc::new(Tallies::default()), SizeClass::for_bytes(8), SizeClass::for_bytes(999));
        let tallies = [all.join(), all.join()];
        for (index, tally) in tallies.iter().enumerate() {
            let own = all.by(Some(tally));
            own.refilled(small, 100);
            own.unused(small, 10 * index as u64);
            own.swept(big, 3);
        }
        all.by(None).swept(big, 1);
        all.by(None).handed_out(big, 7);
        let before = all.totals();
        assert_eq!([before.allocs[small.index()], before.frees[small.index()]], [190, 0]);
        assert_eq!([before.allocs[big.index()], before.frees[big.index()]], [7, 7]);
        assert_eq!((before.refills, before.swept), (2, 3));
        drop(tallies);
        assert_eq!(all.totals(), before);
        assert!(all.own.lock().is_empty());
    }

    #[test]
    fn a_reader_never_finds_more_freed_than_handed_out() {
        let (all, class) = (Arc::new(Tallies::default()), SizeClass::for_bytes(8));
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..2)
                .map(|_| {
                    scope.spawn(|| {
                        for _ in 0..100 {
                            let tally = all.join();
                            for _ in 0..100 {
                                all.by(Some(&tally)).refilled(class, 8);
                                all.by(Some(&tally)).swept(class, 8);
                            }
                        }
                    })
                })
                .collect();
            while !writers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
                let totals = all.totals();
                assert!(totals.frees[class.index()] <= totals.allocs[class.index()]);
            }
        });
        let totals = all.totals();
        assert_eq!([totals.allocs[class.index()], totals.frees[class.index()]], [160_000; 2]);
    }
}
