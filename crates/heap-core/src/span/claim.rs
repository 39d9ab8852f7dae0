//! Sweep generations: who may sweep a span, exactly once a cycle.
//!
//! The heap's generation `h` is even and grows by two when a cycle has marked. A span's own value says:
//!
//! | value | meaning |
//! |---|---|
//! | `0` | the record is free |
//! | [`CACHED`] | a mutator's, or on the way to one or from one: nobody can claim or take it |
//! | `h - 2` | in use, not swept since the last cycle |
//! | `h - 1` | being swept by whoever moved it there |
//! | `h` | swept |
//!
//! [`try_claim`] moves `h - 2` to `h - 1` with one compare-exchange; its winner holds a [`SweepClaim`], which
//! [`crate::sweep::Sweeper::sweep`] consumes. Losing is normal: somebody else sweeps the span. Dropping a claim unswept is
//! a bug, because the span would stay at `h - 1` for good. A claim that is won is good whatever led to the span, also an
//! old hint: its record says what it is now, and it is unswept.
//!
//! [`try_take`] moves `h` to [`CACHED`], also with one exchange. `h` moves on while mutators run, and one that has not
//! heard of it takes from the last generation's lists what a sweeper may be about to claim; one of the two exchanges
//! fails. A mutator gives its spans back ([`rest`]) with the generation it knows, so what it took before the cycle ended
//! and gives back after is unswept.
//!
//! Ordering: the exchanges acquire, so their winner sees everything the last owner did; settling and resting release, so
//! the next owner sees the sweep and the allocations.

use super::{Span, SpanId};
use crate::fault::step::{self, Step};
use crate::fault::{self, Fault};
use crate::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

/// The heap's generation before its first cycle.
pub const FIRST_GENERATION: u64 = 4;

/// The number of a span that a mutator has, or that is being made.
pub const CACHED: u64 = 1;
const _: () = assert!(CACHED < FIRST_GENERATION - 2);

/// The right, and the duty, to sweep one span in one generation.
#[derive(Debug)]
#[must_use = "a claimed span must be swept"]
pub struct SweepClaim<'a> {
    span: &'a Span,
    id: SpanId,
    generation: u64,
}

/// Claims a span for sweeping if it has not been swept in `generation`.
#[inline]
pub fn try_claim(span: &Span, id: SpanId, generation: u64) -> Option<SweepClaim<'_>> {
    crate::sync::point("claim: before the exchange");
    if step::without(Step::ClaimedInTwoSteps) && span.generation().load(Acquire) == generation - 2 {
        span.generation().store(generation - 1, Release);
        return Some(SweepClaim { span, id, generation });
    }
    span.generation()
        .compare_exchange(generation - 2, generation - 1, step::order(Step::ClaimedRelaxed, AcqRel), Acquire)
        .is_ok()
        .then(|| SweepClaim { span, id, generation })
}

/// [`try_claim`] for a walk over all spans, which mostly finds them swept: looks before it tries.
#[inline]
pub fn try_claim_unswept(span: &Span, id: SpanId, generation: u64) -> Option<SweepClaim<'_>> {
    if span.generation().load(Relaxed) != generation - 2 {
        return None;
    }
    try_claim(span, id, generation)
}

/// Whether somebody is sweeping the span. `false` acquires what he did.
#[inline]
#[must_use]
pub fn is_claimed(span: &Span, generation: u64) -> bool {
    span.generation().load(Acquire) == generation - 1
}

/// Takes a span that was swept in `generation` and rests. Losing is normal: it was unswept, and somebody claimed it.
#[inline]
#[must_use]
pub fn try_take(span: &Span, generation: u64) -> bool {
    crate::sync::point("take: before the exchange");
    if step::without(Step::TakenUnclaimed) || fault::on(Fault::TakenWithoutExchange) {
        span.generation().store(CACHED, Release);
        return true;
    }
    span.generation().compare_exchange(generation, CACHED, AcqRel, Acquire).is_ok()
}

/// Makes a swept span the caller's, which owns it already: it has just settled its claim, and nobody else knows of it.
#[inline]
pub fn keep(span: &Span) {
    span.generation().store(CACHED, Release);
}

/// Lets a span rest that the caller has, as swept in `generation`. From here it may be claimed or taken by others.
#[inline]
pub fn rest(span: &Span, generation: u64) {
    span.generation().store(generation, step::order(Step::RestedRelaxed, Release));
}

/// Whether a span in use was swept in `generation`, or made since it began.
#[inline]
#[must_use]
pub fn is_swept(span: &Span, generation: u64) -> bool {
    span.generation().load(step::order(Step::SweptReadRelaxed, Acquire)) == generation
}

/// What a census finds out of a span's generation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Standing {
    /// The record is not in use.
    Free,
    /// It was swept in the generation, or made since it began.
    Swept,
    /// It is to be swept, or is being swept; or the generation is over.
    Other,
}

/// Where a span stands in `generation`, once every mutator has heard of that.
#[inline]
pub(crate) fn standing(span: &Span, generation: u64) -> Standing {
    match span.generation().load(Acquire) {
        0 => Standing::Free,
        CACHED => Standing::Swept,
        now if now == generation => Standing::Swept,
        _ => Standing::Other,
    }
}

impl<'a> SweepClaim<'a> {
    /// The span.
    #[inline]
    #[must_use]
    pub fn span(&self) -> &'a Span {
        self.span
    }

    /// Its number.
    #[inline]
    #[must_use]
    pub fn id(&self) -> SpanId {
        self.id
    }

    /// The claim is settled: the span is swept, and the caller owns it.
    #[inline]
    pub(crate) fn settle(self) -> SpanId {
        crate::sync::point("claim: before settling");
        self.span.generation().store(self.generation, step::order(Step::SettledRelaxed, Release));
        let id = self.id;
        core::mem::forget(self);
        id
    }
}

impl Drop for SweepClaim<'_> {
    fn drop(&mut self) {
        if !crate::sync::thread::panicking() {
            crate::bug!(
                "span {:?} was claimed for sweeping in generation {} and dropped unswept",
                self.span,
                self.generation
            );
        }
    }
}
