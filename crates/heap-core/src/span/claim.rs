//! Sweep generations: who may sweep a span, exactly once a cycle.
//!
//! The heap's generation `h` is even and grows by two when a cycle has marked. A span's own value says:
//!
//! | value | meaning |
//! |---|---|
//! | `0` | the record is free |
//! | below `h - 1` (it is `h - 2`) | in use, not swept since the last cycle |
//! | `h - 1` | being swept by whoever moved it there |
//! | `h` | swept, or made since the cycle |
//!
//! [`try_claim`] moves `h - 2` to `h - 1` with one compare-exchange; its winner holds a [`SweepClaim`], which
//! [`crate::sweep::Sweeper::sweep`] consumes. Losing is normal: somebody else sweeps the span. Dropping a claim unswept is
//! a bug, because the span would stay at `h - 1` for good.
//!
//! Ordering: the compare-exchange acquires, so the sweeper sees everything the last owner did; finishing releases,
//! so the next owner sees the sweep.

use super::{Span, SpanId};
use crate::fault::step::{self, Step};
use crate::sync::atomic::Ordering::{AcqRel, Acquire, Release};

/// The heap's generation before its first cycle.
pub const FIRST_GENERATION: u64 = 4;

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

/// Whether a span in use was swept in `generation`, or made since it began.
#[inline]
#[must_use]
pub fn is_swept(span: &Span, generation: u64) -> bool {
    span.generation().load(step::order(Step::SweptReadRelaxed, Acquire)) == generation
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
