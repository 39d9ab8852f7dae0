//! A mutator's part: what belongs to one mutator and is touched by nobody else, except by a collector that answers for it.
//!
//! It is the cache, the pages for frames, the barrier, the roots of its own, and what it keeps in pools. [`Part::answer`] is what
//! a mutator does when a collector asks, in each round of a cycle ([`crate::handshake`]); the same for who answers by himself, in
//! the middle of `enter` or at its edge, and for who is answered for.

use crate::barrier::{Barrier, Mode, Shading};
use crate::finalizer::Finalizers;
use crate::hinted::Hinted;
use crate::own_roots::OwnRoots;
use crate::pools::Pools;
use crate::round::Round;
use crate::spares::Spares;
use core::cell::Cell;
use heap_core::cache::Cache;
use heap_core::fault::{self, Fault};
use heap_core::memory::Memory;
use heap_core::region::{Source, Tracts};
use heap_core::sync::Arc;
use heap_core::verify::Word;

/// See the module's text.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) cache: Cache,
    /// Pages kept for frames. Those of open frames are the frames'.
    pub(crate) tracts: Tracts,
    pub(crate) barrier: Barrier,
    /// Only the raw layer's mutators have any.
    pub(crate) own: OwnRoots,
    /// Frames of the raw layer, and what is in them.
    pub(crate) hinted: Hinted,
    /// What it keeps to use again. Ages in its answer to the first round ([`crate::shared::Shared::answer`]).
    pub(crate) pools: Pools,
    /// Buffers that its vectors have outgrown. Forgotten when a cycle begins.
    pub(crate) spares: Spares,
    /// Its finalizers: a list that the collector goes through, under its lock.
    pub(crate) finalizers: Arc<Finalizers>,
    /// Whether its user is inside by a stay of the raw layer: one that may have been forgotten, and whose references are in
    /// nobody else's hands. The mutator's own, while it is inside.
    pub(crate) is_raw: Cell<bool>,
    /// Its number in its heap, from 1, for people.
    pub(crate) number: u64,
}

impl Part {
    /// The part of a mutator that comes when a round was asked last: it has answered that one.
    pub(crate) fn joining(
        round: Round,
        to: Shading<'_>,
        cache: Cache,
        finalizers: Arc<Finalizers>,
        number: u64,
    ) -> Self {
        let part = Self {
            cache,
            tracts: Tracts::default(),
            barrier: Barrier::new(Mode::Off),
            own: OwnRoots::default(),
            hinted: Hinted::default(),
            pools: Pools::default(),
            spares: Spares::default(),
            finalizers,
            is_raw: Cell::new(false),
            number,
        };
        match round {
            Round::Off => {}
            Round::BarrierOn | Round::Settled => part.barrier_on(),
            Round::Roots | Round::Dry | Round::Weak if fault::on(Fault::AttachWhite) => {
                part.barrier.set(Mode::Deleted);
            }
            Round::Roots | Round::Dry | Round::Weak => _ = part.roots_taken(to),
        }
        if fault::on(Fault::AttachBarrierOff) {
            part.barrier.set(Mode::Off);
        }
        part
    }

    /// Answers a round: the mutator is outside, or at a safepoint that fits the round. Says how many roots of its own it has
    /// found.
    pub(crate) fn answer(&self, round: Round, to: Shading<'_>) -> usize {
        match round {
            Round::BarrierOn => self.barrier_on(),
            Round::Settled if fault::on(Fault::OwnRootsEarly) => _ = self.shade_own(to),
            Round::Settled | Round::Weak => {}
            Round::Roots => return self.roots_taken(to),
            Round::Dry => self.barrier.hand_over(to.queue),
            Round::Off => {
                self.barrier.end(to.queue);
                self.cache.whiten();
                self.cache.flush(to.memory);
                self.tracts.flush(to.memory);
            }
        }
        0
    }

    /// A cycle has begun. New objects are white until the roots are taken.
    fn barrier_on(&self) {
        if !fault::on(Fault::SparesKept) {
            self.spares.forget();
        }
        self.barrier.set(Mode::Both);
        self.cache.stay_white();
    }

    /// No reference is in the mutator's hands: those it has made roots of are in the heap's table, and others are in its own.
    /// From here new objects are black.
    fn roots_taken(&self, to: Shading<'_>) -> usize {
        let found = if fault::on(Fault::OwnRootsEarly) { 0 } else { self.shade_own(to) };
        self.barrier.set(Mode::Deleted);
        if !fault::on(Fault::WhiteAllocation) {
            self.cache.blacken(to.memory, to.memory.epoch());
        }
        found
    }

    /// Makes grey what its own roots lead to, and says how many there are. Words that may be anything are kept for the markers,
    /// as by the barrier.
    fn shade_own(&self, to: Shading<'_>) -> usize {
        let mut found = 0;
        let mut shade = |word| {
            found += 1;
            match word {
                // SAFETY: O2, H3, P2: null, or the address of (a byte of) an allocated slot, or in a frame, where a mark goes
                // nowhere.
                Word::Exact(word) => unsafe { self.barrier.shade(to, word) },
                Word::Ambiguous(word) => self.barrier.shade_ambiguous(to, word),
            }
        };
        // SAFETY: the round of roots is answered outside or at a safepoint (`answer`).
        unsafe { self.own.each(&mut shade) };
        // SAFETY: as above.
        unsafe { self.hinted.each(to.memory, &mut shade) };
        if !fault::on(Fault::PoolUnshaded) {
            self.pools.each(&mut shade);
        }
        if found > 0 {
            self.barrier.hand_over(to.queue);
        }
        found
    }

    /// Hands everything over: the mutator goes.
    pub(crate) fn leave(&self, to: Shading<'_>) {
        self.hinted.end(self.source(to.memory));
        if fault::on(Fault::DetachBufferDropped) {
            self.barrier.forget();
        }
        self.flush(to);
    }

    /// Hands everything over: the mutator goes, or everybody stands still.
    pub(crate) fn flush(&self, to: Shading<'_>) {
        if !fault::on(Fault::SparesKept) {
            self.spares.forget();
        }
        self.barrier.hand_over(to.queue);
        self.cache.flush(to.memory);
        self.tracts.flush(to.memory);
    }

    /// Where memory for frames comes from.
    pub(crate) fn source<'a>(&'a self, memory: &'a Memory) -> Source<'a> {
        Source { memory, tracts: &self.tracts, generation: self.cache.birth(memory).generation }
    }
}
