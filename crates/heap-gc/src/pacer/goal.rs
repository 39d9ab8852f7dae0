//! The goal: the size at which the next cycle shall be finished.
//!
//! ```text
//!   live     = marked + external
//!   wished   = live + (live + roots) * percent / 100               ¹ no percent: as large as the limits allow
//!   least    = least_heap, or least_crowded, * percent / 100        ²
//!   leaves   = min(memory_limit - overhead - headroom,             ³ headroom = max(3 % of the limit, 1 MiB)
//!                  hard_limit * 7/8 + external)                    ⁴
//!   ceiling  = max(leaves, live)                                   ⁵
//!   goal     = min(max(wished, least), ceiling)
//!   hard     = min(goal * (1 + percent / 100), ceiling)            ⁶
//! ```
//!
//! ¹ ² are Go's, with external bytes in the place of stacks and globals as something that lives and is not in a slot; Go has one
//! least heap.
//! ³ keeps a distance from the limit for what is allocated between two looks at the clock and for errors in `overhead`.
//! ⁴ keeps a heap from being refused memory that a collection would free. The hard limit is on pages in spans, so external
//! bytes are added to it before it is compared with a size that contains them. ⁵ is where a limit below what lives ends:
//! cycles follow each other as closely as the limiter lets them. ⁶ Go extends past a memory limit; here it does not.

#![forbid(unsafe_code)]

use super::{CycleEnd, NEVER, Settings, minus, plus};
use heap_core::units::Bytes;

/// Least distance kept from a memory limit. More collects small heaps too early; less is passed by one large object.
const LEAST_HEADROOM: Bytes = Bytes::mib(1);
/// The same, in percent of the limit.
const HEADROOM_PERCENT: u128 = 3;

/// What set a goal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Bound {
    /// Nothing: no percentage, no limit.
    Nothing,
    /// The percentage of what lives.
    Growth,
    /// The least size of a heap.
    Least,
    /// What the memory limit leaves.
    MemoryLimit,
    /// What the hard limit leaves.
    HardLimit,
    /// What lives: it is more than the limits leave.
    Live,
}

/// A goal and its bounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Goal {
    /// What lives, external bytes included.
    pub live: Bytes,
    /// The goal itself.
    pub size: Bytes,
    /// What set it.
    pub bound: Bound,
    /// Up to where it may be extended.
    pub hard: Bytes,
    /// The most that the limits leave; at least what lives.
    pub ceiling: Bytes,
}

impl Goal {
    /// The goal after a cycle that found that much. See the module's text.
    pub(super) fn of(settings: &Settings, end: &CycleEnd) -> Self {
        let live = plus(end.live, end.external);
        let (wished, why) = match settings.percent {
            None => (NEVER, Bound::Nothing), // ¹
            Some(percent) => {
                let wished = plus(live, scaled(plus(live, end.roots), percent)); // ¹
                let least = if end.is_crowded { settings.least_crowded } else { settings.least_heap };
                let least = scaled(least, percent); // ²
                if wished < least { (least, Bound::Least) } else { (wished, Bound::Growth) }
            }
        };
        let (leaves, by) = leaves(settings, end);
        let ceiling = leaves.max(live); // ⁵
        let (size, bound) = match () {
            () if wished <= ceiling => (wished, why),
            () if leaves > live => (leaves, by),
            () => (live, Bound::Live),
        };
        let hard = settings.percent.map_or(size, |percent| plus(size, scaled(size, percent))).min(ceiling); // ⁶
        Self { live, size, bound, hard, ceiling }
    }
}

/// What the limits leave, and which of them is the tighter.
fn leaves(settings: &Settings, end: &CycleEnd) -> (Bytes, Bound) {
    let soft = match settings.memory_limit {
        NEVER => NEVER,
        limit => {
            let headroom = LEAST_HEADROOM.max(percent_of(limit, HEADROOM_PERCENT));
            minus(minus(limit, end.overhead), headroom) // ³
        }
    };
    let hard = match settings.hard_limit {
        NEVER => NEVER,
        limit => plus(Bytes::new(limit.get() / 8 * 7), end.external), // ⁴
    };
    if soft <= hard { (soft, Bound::MemoryLimit) } else { (hard, Bound::HardLimit) }
}

fn scaled(bytes: Bytes, percent: u32) -> Bytes {
    percent_of(bytes, u128::from(percent))
}

/// A percentage, rounded down; huge ones saturate.
fn percent_of(bytes: Bytes, percent: u128) -> Bytes {
    Bytes::new(usize::try_from(bytes.get() as u128 * percent / 100).unwrap_or(usize::MAX))
}
