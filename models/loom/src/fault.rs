//! The steps that a model can leave out: the real file.

#[path = "../../../crates/heap-core/src/fault/step.rs"]
pub mod step;

/// The faults of the files that are compiled here. None is switched on: a model leaves out steps.
#[derive(Clone, Copy)]
pub enum Fault {
    /// See the real one.
    TakenWithoutExchange,
    /// See the real one.
    OldCallAnswered,
}

/// Whether a fault is switched on.
pub const fn on(_fault: Fault) -> bool {
    false
}
