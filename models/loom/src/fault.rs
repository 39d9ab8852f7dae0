//! The steps that a model can leave out: the real file.

#[path = "../../../crates/heap-core/src/fault/step.rs"]
pub mod step;

/// The mistakes that the protocols' files know (`crates/heap-core/src/fault.rs`). None is ever on here: the models leave steps out.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// See the real one.
    TakenWithoutExchange,
    /// See the real one.
    OldCallAnswered,
    /// See the real one.
    WeakUntold,
    /// See the real one.
    WeakDecidedKept,
    /// See the real one.
    SpanUntold,
}

/// Whether a mistake is switched on.
#[must_use]
pub const fn on(_fault: Fault) -> bool {
    false
}
