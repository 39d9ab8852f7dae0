//! The rounds of a cycle: what a collector asks all mutators, by name.
//!
//! How it asks is [`crate::handshake`], what a mutator does about it is `part.rs`, in which order they come is `cycle.rs`.
#![forbid(unsafe_code)]

/// What a round asks for. What a mutator does about it is in `part.rs`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Round {
    /// The barrier is off, and runs are handed back: between two cycles.
    Off = 0,
    /// The barrier is on, for what a store deletes and what it inserts.
    BarrierOn = 1,
    /// To have been asked: all barriers are on.
    Settled = 2,
    /// No reference is in the mutator's hands. From here new objects are black, and the barrier looks at deletions only.
    Roots = 3,
    /// The barrier's buffer is handed over.
    Dry = 4,
    /// To have been asked: nobody reads a weak place's word any more that was there before it was cleared.
    Weak = 5,
}

impl Round {
    /// The round with that number.
    pub(crate) fn of(number: u32) -> Self {
        match number {
            1 => Self::BarrierOn,
            2 => Self::Settled,
            3 => Self::Roots,
            4 => Self::Dry,
            5 => Self::Weak,
            _ => Self::Off,
        }
    }

    /// Whether it can be answered in the middle of `enter`, with references in the mutator's hands.
    pub(crate) fn fits_inside(self) -> bool {
        self != Self::Roots
    }

    /// For people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::BarrierOn => "barrier on",
            Self::Settled => "settled",
            Self::Roots => "roots",
            Self::Dry => "dry",
            Self::Weak => "weak",
        }
    }
}

/// How a mutator answers.
pub(crate) type Answer<'a, T> = &'a dyn Fn(&T, Round);
