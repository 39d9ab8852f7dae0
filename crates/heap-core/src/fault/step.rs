//! Steps of the protocols that a model can leave out, to show that the model would notice.
//!
//! The protocols between threads (the handshake, the grey queue, the sweep claim) are explored by the models in the
//! package `models/loom`, which compiles their real files. A model that passes proves little until it has been seen to
//! fail: each [`Step`] is one order, one lock or one second look of a protocol, and the package runs each model once
//! more with the step taken out.
//!
//! Outside the models [`without`] is a constant `false` and [`order`] returns what it is given: nothing of this is in a
//! real build, whatever its features. In a model, and in the schedules of `models/pct`, one step at a time is taken out for the whole process (`leave_out`).

use crate::sync::atomic::Ordering;

/// A step that can be left out. Named by what happens without it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Step {
    /// Handshake: the mutator does not look for a stop when it has left.
    StopNotSought,
    /// Handshake: the mutator looks for a stop before it leaves, not after.
    StopSoughtEarly,
    /// Handshake: the mutator's look for a stop is a relaxed load.
    StopReadRelaxed,
    /// Handshake: the mutator leaves by a relaxed store.
    LeftRelaxed,
    /// Handshake: the mutator answers a stop without the bell's lock.
    AnsweredOutsideBell,
    /// Handshake: the mutator holds itself without looking again under the bell.
    AnsweredUnlooked,
    /// Handshake: the mutator answers a stop by ringing, but does not hold itself.
    NotHeldBySelf,
    /// Handshake: the mutator enters by a load and a store.
    EnteredInTwoSteps,
    /// Handshake: the collector's looks at a gate that it did not take are relaxed.
    HeldReadRelaxed,
    /// Handshake: the collector goes to sleep without looking again under the bell.
    SleptUnlooked,
    /// Handshake: the collector lets go without the bell's lock.
    ResumedOutsideBell,
    /// Handshake: the call to stop is withdrawn after everybody was let go and the bell was given up.
    StopWithdrawnLate,
    /// Handshake: the collector lets go by a relaxed store.
    ResumedRelaxed,
    /// Handshake: who attaches reads the round before it has the list's lock.
    JoinedEarly,
    /// Handshake: the round of roots is answered in the middle of `enter`.
    RootsInside,
    /// Handshake: saying that a round is answered does not release.
    AnsweredRelaxed,
    /// Handshake: the collector's look for an answer does not acquire.
    AnswerReadRelaxed,
    /// Handshake: a mutator that has answered a round does not ring.
    NotRung,
    /// Handshake: the collector goes to sleep for an answer without looking again under the bell.
    AskedSleptUnlooked,
    /// Handshake: the collector holds a mutator that is outside, and does not answer for it.
    HeldUnanswered,
    /// Handshake: the collector lets a mutator go by a relaxed store when it has answered for it.
    LetGoRelaxed,
    /// Handshake: the mutator answers the round that it found outside, without looking again when it is inside.
    HeededOld,
    /// Marks: who reaches a slot leaves a span alone that an earlier cycle has reached.
    SpanToldOnce,
    /// Grey queue: a worker counts as waiting until it has given up the lock with a batch in its hands.
    CountedOutsideLock,
    /// Grey queue: the end is looked for before a batch.
    OverBeforeBatch,
    /// Grey queue: the hint, not the count, decides that it is over.
    HintDecides,
    /// Grey queue: the last worker wakes nobody.
    EndNotTold,
    /// Grey queue: a worker gives up the lock between finding nothing and sleeping.
    WaitedUnlooked,
    /// Grey queue: a mutator that assists is not counted.
    AssistUncounted,
    /// Grey queue: batches are lent before all roots are taken, and after marking has ended.
    LentEarly,
    /// Grey queue: an offer is not counted.
    OfferUncounted,
    /// Claim: a load and a store instead of one exchange.
    ClaimedInTwoSteps,
    /// Claim: the exchange does not acquire.
    ClaimedRelaxed,
    /// Claim: settling does not release.
    SettledRelaxed,
    /// Claim: the look whether a span is swept does not acquire.
    SweptReadRelaxed,
    /// Claim: a span at rest is taken by a store instead of an exchange.
    TakenUnclaimed,
    /// Claim: who takes a span at rest does not look whose it is.
    TakenUnlooked,
    /// Claim: letting a span rest does not release.
    RestedRelaxed,
    /// Weak places: a load that shades does not tell the collector.
    WeakUntold,
    /// Weak places: a load that comes after the decision does not look at the mark again.
    MarkUnlooked,
    /// Weak places: the collector decides by a load and a store.
    DecidedInTwoSteps,
    /// Weak places: the decision does not release.
    DecidedRelaxed,
    /// Weak places: who reads the decision does not acquire.
    DecisionReadRelaxed,
}

#[cfg(any(loom, pct))]
static LEFT_OUT: crate::sync::OnceLock<Step> = crate::sync::OnceLock::new();

/// Whether a step is left out.
#[cfg(not(any(loom, pct)))]
#[inline(always)]
#[must_use]
pub const fn without(_step: Step) -> bool {
    false
}

/// Whether a step is left out.
#[cfg(any(loom, pct))]
#[must_use]
pub fn without(step: Step) -> bool {
    LEFT_OUT.get() == Some(&step)
}

/// `order`, or `Relaxed` if the step is left out.
#[cfg_attr(not(any(loom, pct)), inline(always))]
#[must_use]
pub fn order(step: Step, order: Ordering) -> Ordering {
    if without(step) { Ordering::Relaxed } else { order }
}

/// Leaves a step out, for the rest of the process.
///
/// # Panics
/// If another one is left out already.
#[cfg(any(loom, pct))]
pub fn leave_out(step: Step) {
    assert_eq!(*LEFT_OUT.get_or_init(|| step), step, "one step at a time");
}
