//! Sweeping one span: marks become alloc bits.
//!
//! A slot stays allocated if it was allocated and reached; every other slot is free. That is one pass over the mark
//! bytes, sixty-four slots at a time, unless none was reached, and no object is touched, unless somebody has to be told:
//!
//! * A layout with a drop function keeps its dead slots: they are *queued*, and a mutator runs the drops at a
//!   safepoint. The next sweep after the drop frees the slot. So an object with a drop costs its memory for one
//!   cycle longer, and user code never runs inside an allocation.
//! * With poisoning on, free slots are filled.
//!
//! Sweeping decides nothing about where the span goes: it reports [`Swept`], and the caller moves it.

use crate::fault::{self, Fault};
use crate::os::Reservation;
use crate::span::claim::SweepClaim;
use crate::span::map::{SpanMap, slot_ptr};
use crate::span::marks::{DROPPED, Epoch, QUEUED};
use crate::span::{Home, Span, SpanId};
use crate::sync::atomic::Ordering::{Acquire, Relaxed};
use crate::units::narrow;

/// What a sweep left of a span.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Swept {
    /// No slot is allocated.
    Empty,
    /// Some are, some are not.
    Partial,
    /// All are.
    Full,
}

/// What a sweep did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sweeping {
    /// The span, now the caller's.
    pub span: SpanId,
    /// What is left of it.
    pub swept: Swept,
    /// Slots that were allocated and are free now.
    pub freed: u32,
}

/// Notes for a census what is alive: the dead that wait for their drop are not.
fn note_survivors(span: &Span, reached: u32) {
    if !fault::on(Fault::SurvivorsUncounted) {
        span.set_survivors(reached);
    }
}

/// How to sweep: the same for all spans of a heap in one generation.
#[derive(Debug)]
pub struct Sweeper<'a> {
    /// The heap's tables.
    pub(crate) map: &'a SpanMap,
    /// The heap's memory.
    pub(crate) space: &'a Reservation,
    /// The epoch of the cycle that marked.
    pub(crate) epoch: Epoch,
    /// Fill free slots with this byte.
    pub(crate) poison: Option<u8>,
}

impl Sweeper<'_> {
    /// Sweeps a claimed span whose objects have no drop.
    pub fn sweep(&self, claim: SweepClaim<'_>) -> Sweeping {
        let span = claim.span();
        if span.allocated() == 0 {
            // Kept as it is since a sweep: no slot was handed out, and no mark means anything.
            note_survivors(span, 0);
            return self.settle(claim, 0);
        }
        let mut live = 0;
        if self.map.may_be_reached(span, self.epoch) {
            for block in self.map.each_block(span) {
                let kept = block.live(self.epoch);
                block.bits.store(kept, Relaxed);
                live += kept.count_ones();
            }
        } else {
            self.map.bits_of(span).iter().for_each(|bits| bits.store(0, Relaxed));
        }
        note_survivors(span, live);
        self.settle(claim, live)
    }

    /// Sweeps a claimed span whose objects have a drop. `dead` is told of every slot that has just died.
    pub fn sweep_droppable(&self, claim: SweepClaim<'_>, mut dead: impl FnMut(u32)) -> Sweeping {
        let span = claim.span();
        let (mut live, mut reached) = (0, 0);
        for (index, block) in self.map.each_block(span).enumerate() {
            let taken = block.bits.load(Relaxed);
            let mut kept = block.live(self.epoch);
            reached += kept.count_ones();
            let mut others = taken & !kept;
            while others != 0 {
                let bit = others.trailing_zeros();
                others &= others - 1;
                // Acquires what the drop did to the slot (`Memory::bury`), before it is handed out again.
                match block.marks[bit as usize].load(Acquire) {
                    DROPPED => block.marks[bit as usize].store(0, Relaxed),
                    QUEUED => kept |= 1 << bit,
                    _ => {
                        block.marks[bit as usize].store(QUEUED, Relaxed);
                        kept |= 1 << bit;
                        dead(narrow(index) * 64 + bit);
                    }
                }
            }
            block.bits.store(kept, Relaxed);
            live += kept.count_ones();
        }
        note_survivors(span, reached);
        self.settle(claim, live)
    }

    fn settle(&self, claim: SweepClaim<'_>, live: u32) -> Sweeping {
        let span = claim.span();
        let freed = span.allocated() - live;
        span.set_allocated(live);
        if freed > 0 && !fault::on(Fault::NeedzeroLost) {
            span.set_dirty();
        }
        span.set_home(Home::Moving);
        if let Some(byte) = self.poison {
            self.poison_free(claim.span(), byte);
        }
        if cfg!(feature = "asan") && !span.is_large() {
            for slot in
                (0..span.slots()).filter(|&slot| !crate::span::slots::is_taken(self.map.bits_of(span), slot))
            {
                crate::asan::poison(slot_ptr(self.space, span, slot), span.stride().get());
            }
        }
        let swept = match live {
            0 => Swept::Empty,
            live if live == span.slots() => Swept::Full,
            _ => Swept::Partial,
        };
        Sweeping { span: claim.settle(), swept, freed }
    }

    /// Fills every free slot. The owner of the span calls it.
    pub fn poison_free(&self, span: &Span, byte: u8) {
        if span.is_large() {
            // A large span is given back when its object dies; its pages have other ways to be found out.
            return;
        }
        let bits = self.map.bits_of(span);
        span.set_dirty();
        for slot in 0..span.slots() {
            if !crate::span::slots::is_taken(bits, slot) {
                let start = slot_ptr(self.space, span, slot);
                crate::asan::allow(start, span.stride().get());
                // SAFETY: the slot is free and its span is the caller's, so nobody else reads or writes these bytes,
                // which lie in a span's ready memory.
                unsafe { start.write_bytes(byte, span.stride().get()) };
            }
        }
    }
}

#[cfg(test)]
mod tests;
