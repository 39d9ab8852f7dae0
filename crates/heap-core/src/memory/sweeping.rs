//! Sweeping the spans of a memory: a mutator for a span or for pages, the collector before the next cycle.
//!
//! ```text
//!   sweep_some  walk over all span records from where the last walk stopped, claim, sweep, put where it belongs
//! ```
//!
//! The walk's place is common to all who walk, and may be past a record that somebody has not claimed yet; so whoever needs all swept
//! looks at each record once more ([`Memory::finish_sweep`]).

use super::patience::Patience;
use super::{Dead, Memory};
use crate::central::Seat;
use crate::fault::{self, Fault};
use crate::figures::add;
use crate::occupancy::Resting;
use crate::span::claim::{SweepClaim, is_claimed, try_claim_unswept};
use crate::span::{Home, SpanId};
use crate::sweep::{Sweeper, Sweeping, Swept};
use crate::sync::atomic::Ordering::{Relaxed, Release};
use crate::sync::{point, thread};
use crate::units::{Pages, narrow};

/// Spans the walk over all records may look at for one refill that needs fresh pages. More frees pages sooner, fewer
/// keeps the allocation short.
const SWEEP_AHEAD: usize = 16;
/// Records the walk may look at for each span it may sweep: most may be swept already, or free, and a walk over a hundred
/// thousand of them in the middle of an allocation took 3 ms.
const LOOKED_FOR_EACH: usize = 8;
/// Records that somebody who walks takes at once: one exclusive access to the common place for so many. More makes a step longer than
/// was asked for.
const RECORDS_AT_ONCE: usize = 4;

/// What becomes of spans in which a sweep finds no object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Empties {
    /// Their pages are free.
    Free,
    /// As many stay with their layout as its mutators have taken since the last cycle: to free a span and to make it again costs as
    /// much as allocating all of its slots. The pages of the others are free, and near the hard limit those of all.
    Keep,
}

impl Memory {
    pub(super) fn sweeper(&self) -> Sweeper<'_> {
        Sweeper { map: self.map(), space: self.pages.space(), epoch: self.epoch(), poison: self.poison }
    }

    /// Sweeps a claimed span and counts what it freed. The span is the caller's.
    pub(super) fn sweep_claimed(&self, claim: SweepClaim<'_>, by: Option<&Seat>) -> Sweeping {
        let span = claim.span();
        let entry = self.entry_of(span);
        let class = entry.layout().class;
        let sweeping = if fault::on(Fault::SweepSkipped) {
            let swept = if span.allocated() == span.slots() { Swept::Full } else { Swept::Partial };
            Sweeping { span: claim.settle(), swept, freed: 0 }
        } else if let Some(drop) = entry.layout().drop {
            let id = claim.id();
            self.sweeper().sweep_droppable(claim, |slot| self.queue_dead(Dead { span: id, slot, drop }))
        } else {
            self.sweeper().sweep(claim)
        };
        self.counting(by).swept(class, u64::from(sweeping.freed));
        if sweeping.freed > 0 && class.is_large() {
            add(&self.pages.counters().large_free_bytes, span.pages().bytes().get() as u64);
        }
        sweeping
    }

    /// [`Memory::sweep_some`] for an allocation. Who has not heard of the newest generation sweeps nothing.
    pub(super) fn sweep_ahead(
        &self,
        generation: u64,
        by: Option<&Seat>,
        patience: &mut Patience,
    ) -> Option<Pages> {
        if generation != self.generation() {
            return None;
        }
        self.sweep_some_for(SWEEP_AHEAD, Empties::Free, by, || patience.is_over())
    }

    /// Whether the walk over all records has reached the end. Errs either way while a cycle begins or ends.
    #[inline]
    #[must_use]
    pub fn is_walked(&self) -> bool {
        self.sweep_cursor.load(Relaxed) >= self.pages.spans_high()
    }

    /// Sweeps up to `most` spans wherever they are, and at most three more, looking at a few records for each, and says how many pages
    /// that freed; `None` when the walk has reached the end.
    pub fn sweep_some(&self, most: usize) -> Option<Pages> {
        self.sweep_some_for(most, Empties::Free, None, || false)
    }

    /// [`Memory::sweep_some`], with what becomes of spans without objects, and counted by the mutator that sits there, if it is
    /// one. Pages of spans that are kept are not among those freed. Between two steps it asks whether it is to stop.
    pub(crate) fn sweep_some_for(
        &self,
        most: usize,
        empties: Empties,
        by: Option<&Seat>,
        mut stops: impl FnMut() -> bool,
    ) -> Option<Pages> {
        let generation = self.generation();
        let mut freed = Pages::ZERO;
        let (mut swept, mut looked) = (0, 0);
        while swept < most && looked < most.saturating_mul(LOOKED_FOR_EACH) {
            if self.is_walked() {
                return (swept > 0).then_some(freed);
            }
            let first = self.sweep_cursor.fetch_add(RECORDS_AT_ONCE, Relaxed);
            let end = (first.saturating_add(RECORDS_AT_ONCE)).min(self.pages.spans_high());
            if first >= end {
                return (swept > 0).then_some(freed);
            }
            looked += end - first;
            for number in first..end {
                let id = SpanId::new(narrow(number));
                let span = self.map().span(id);
                if let Some(claim) = try_claim_unswept(span, id, generation) {
                    swept += 1;
                    freed += self.sweep_and_place(claim, generation, empties, by);
                }
            }
            if stops() {
                break;
            }
        }
        Some(freed)
    }

    /// Sweeps a claimed span and puts it where it belongs now; says how many pages that freed.
    pub(super) fn sweep_and_place(
        &self,
        claim: SweepClaim<'_>,
        generation: u64,
        empties: Empties,
        by: Option<&Seat>,
    ) -> Pages {
        let span = claim.span();
        let (entry, before) = (self.entry_of(span), Resting::of(span));
        let sweeping = self.sweep_claimed(claim, by);
        point("sweep: swept, on no list yet");
        match sweeping.swept {
            Swept::Empty
                if empties == Empties::Keep
                    && !span.is_large()
                    && !self.pages.is_near_limit()
                    && entry.keep_empty(generation, sweeping.span, span, before) =>
            {
                Pages::ZERO
            }
            Swept::Empty => {
                let pages = span.pages();
                entry.freed(span, before);
                self.pages.free_span(sweeping.span);
                pages
            }
            Swept::Partial | Swept::Full if span.is_large() => {
                span.set_home(Home::Large);
                Pages::ZERO
            }
            Swept::Partial | Swept::Full => {
                entry.put(generation, sweeping.span, span, Some(before));
                Pages::ZERO
            }
        }
    }

    /// Frees the spans that were [kept](Empties::Keep) for mutators who know `generation`. Says whether there were any, or somebody else
    /// has freed some since it was done `before` times: whoever was refused while that was under way waits for it and asks again.
    #[cold]
    pub(super) fn free_empties(&self, generation: u64, before: usize) -> bool {
        if fault::on(Fault::EmptiesRefused) {
            return false;
        }
        let _one = self.emptying.lock();
        if self.emptied.load(Relaxed) != before {
            return true;
        }
        let mut freed = false;
        for entry in self.all_entries() {
            for id in entry.take_empties(generation, self.map()) {
                self.pages.free_span(id);
                freed = true;
            }
        }
        if freed {
            self.emptied.store(before.wrapping_add(1), Release);
        }
        freed
    }

    /// Sweeps whatever is not swept yet, and waits for what others are sweeping: when it returns, no span at rest is
    /// unswept, and none is claimed. Mutators may run; spans in their caches stay there. What was kept by an earlier sweep of the same
    /// generation stays kept.
    ///
    /// The caller sees to it that no cycle begins or ends meanwhile.
    pub fn finish_sweep(&self, empties: Empties) {
        while self.sweep_some_for(usize::MAX, empties, None, || false).is_some() {}
        // The walk's cursor is shared: a record it has passed may be with a thread that has not claimed it yet. So each is
        // looked at once more.
        let generation = self.generation();
        for number in 0..self.pages.spans_high() {
            let id = SpanId::new(narrow(number));
            let span = self.map().span(id);
            if let Some(claim) = try_claim_unswept(span, id, generation) {
                self.sweep_and_place(claim, generation, empties, None);
            }
            while is_claimed(span, generation) {
                // Somebody is in the middle of sweeping one span.
                thread::yield_now();
            }
        }
        self.sweep_cursor.store(usize::MAX, Relaxed);
    }
}
