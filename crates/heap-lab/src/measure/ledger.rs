//! A ledger: the heap's own figures before and after something, and the difference.
//!
//! Figures of a running heap err high by the runs that mutators hold; right after a collection they are exact. So a
//! ledger collects before it opens and before it closes, and what lies between, less what died, is what the objects
//! that are still alive cost.

use crate::error::LabError;
use heap_core::figures::MemoryFigures;
use std::any::Any;
use tricolor::{Figures, HeapBuilder, Mu, Mutator};

/// The figures at the opening.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    before: Figures,
}

/// What has changed since. Bytes and counts as numbers to compute with; negative where something shrank.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Difference {
    /// Bytes of slots of live objects (`HeapAlloc`).
    pub(crate) alloc: f64,
    /// Slots of live objects (`HeapObjects`).
    pub(crate) objects: f64,
    /// Objects made (`Mallocs`).
    pub(crate) mallocs: f64,
    /// Bytes of slots handed out (`TotalAlloc`).
    pub(crate) total: f64,
    /// Objects freed (`Frees`); a tiny object that shares a block counts as freed when it is made.
    pub(crate) frees: f64,
    /// Address space that the heap has grown to (`HeapSys`).
    pub(crate) sys: f64,
    /// Bytes of pages in spans (`HeapInuse`).
    pub(crate) inuse: f64,
    /// Bytes of pages in no span (`HeapIdle`).
    pub(crate) idle: f64,
    /// Bytes that the collection which closed it has looked into.
    pub(crate) scanned: f64,
    /// Spans handed to mutators.
    pub(crate) refills: f64,
    /// Spans made of pages.
    pub(crate) spans_made: f64,
    /// Of them, those made without the page heap's lock.
    pub(crate) page_cache_hits: f64,
}

impl Ledger {
    /// Collects and notes the figures.
    pub(crate) fn open(mutator: &mut Mutator) -> Self {
        mutator.collect();
        Self { before: mutator.figures() }
    }

    /// Collects and says what has changed.
    pub(crate) fn close(self, mutator: &mut Mutator) -> Difference {
        mutator.collect();
        difference(&self.before, &mutator.figures())
    }
}

/// What the objects cost that `build` makes and whose roots it returns, in a heap of their own.
///
/// # Errors
/// When the heap cannot be built.
pub(crate) fn cost_of(
    builder: &HeapBuilder,
    build: impl for<'gc> FnOnce(&Mu<'gc>) -> Box<dyn Any>,
) -> Result<Difference, LabError> {
    let heap = builder.build()?;
    let mut mutator = heap.attach()?;
    let ledger = Ledger::open(&mut mutator);
    let kept = mutator.enter(build);
    let change = ledger.close(&mut mutator);
    drop(kept);
    Ok(change)
}

fn difference(before: &Figures, after: &Figures) -> Difference {
    let change = |of: fn(&MemoryFigures) -> f64| of(&after.memory) - of(&before.memory);
    Difference {
        scanned: after.last_cycle.as_ref().map_or(f64::NAN, |cycle| cycle.scanned_bytes.get() as f64),
        alloc: change(|memory| memory.heap_alloc.get() as f64),
        objects: change(|memory| memory.heap_objects as f64),
        mallocs: change(|memory| memory.mallocs as f64),
        total: change(|memory| memory.total_alloc.get() as f64),
        frees: change(|memory| memory.frees as f64),
        sys: change(|memory| memory.heap_sys.get() as f64),
        inuse: change(|memory| memory.heap_inuse.get() as f64),
        idle: change(|memory| memory.heap_idle.get() as f64),
        refills: change(|memory| memory.refills as f64),
        spans_made: change(|memory| memory.spans_made as f64),
        page_cache_hits: change(|memory| memory.page_cache_hits as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tricolor::Heap;

    #[test]
    fn only_what_is_still_alive_stands_in_the_ledger() {
        let heap = Heap::builder().gc_off().build().expect("a heap");
        let mut mutator = heap.attach().expect("attached");
        let ledger = Ledger::open(&mut mutator);
        let kept = mutator.enter(|mu| {
            for number in 0..100u64 {
                mu.alloc([number; 4]);
            }
            mu.root(mu.alloc([1u64; 4]))
        });
        let change = ledger.close(&mut mutator);
        assert_eq!((change.objects, change.alloc), (1.0, 32.0));
        assert_eq!((change.mallocs, change.frees, change.total), (101.0, 100.0, 101.0 * 32.0));
        drop(kept);
    }
}
