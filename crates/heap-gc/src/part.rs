//! A mutator's part: what belongs to one mutator and is touched by nobody else, except by a collector that answers for it.
//!
//! It is the cache and the barrier. [`Part::answer`] is what a mutator does when a collector asks, in each round of a cycle
//! ([`crate::handshake`]); the same for who answers by himself, in the middle of `enter` or at its edge, and for who is
//! answered for.

use crate::barrier::{Barrier, Mode, Shading};
use crate::handshake::Round;
use heap_core::cache::Cache;
use heap_core::fault::{self, Fault};

/// See the module's text.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) cache: Cache,
    pub(crate) barrier: Barrier,
}

impl Part {
    /// The part of a mutator that comes when a round was asked last: it has answered that one.
    pub(crate) fn joining(round: Round, to: Shading<'_>, cache: Cache) -> Self {
        let part = Self { cache, barrier: Barrier::new(Mode::Off) };
        match round {
            Round::Off => {}
            Round::BarrierOn | Round::Settled => part.barrier.set(Mode::Both),
            Round::Roots | Round::Dry if fault::on(Fault::AttachWhite) => part.barrier.set(Mode::Deleted),
            Round::Roots | Round::Dry => part.roots_taken(to),
        }
        if fault::on(Fault::AttachBarrierOff) {
            part.barrier.set(Mode::Off);
        }
        part
    }

    /// Answers a round.
    pub(crate) fn answer(&self, round: Round, to: Shading<'_>) {
        match round {
            Round::BarrierOn => self.barrier.set(Mode::Both),
            Round::Settled => {}
            Round::Roots => self.roots_taken(to),
            Round::Dry => self.barrier.hand_over(to.queue),
            Round::Off => {
                self.barrier.set(Mode::Off);
                self.cache.whiten();
                self.cache.flush(to.memory);
            }
        }
    }

    /// No reference is in the mutator's hands, so there are no roots to take: those it has made are in the heap's table. From
    /// here new objects are black.
    fn roots_taken(&self, to: Shading<'_>) {
        self.barrier.set(Mode::Deleted);
        if !fault::on(Fault::WhiteAllocation) {
            self.cache.blacken(to.memory, to.memory.epoch());
        }
    }

    /// Hands everything over: the mutator goes.
    pub(crate) fn leave(&self, to: Shading<'_>) {
        if fault::on(Fault::DetachBufferDropped) {
            self.barrier.forget();
        }
        self.flush(to);
    }

    /// Hands everything over: the mutator goes, or everybody stands still.
    pub(crate) fn flush(&self, to: Shading<'_>) {
        self.barrier.hand_over(to.queue);
        self.cache.flush(to.memory);
    }
}
