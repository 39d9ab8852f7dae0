//! The pacer: when to collect. Numbers in, numbers out.
//!
//! ```text
//!   goal    = live + (live + roots) * percent / 100      ¹ at least 4 MiB * percent / 100
//!                                                        ² at most 7/8 of the hard limit, and at least live
//!   runway  = goal - live
//! ```
//!
//! As long as collections stop the world the trigger *is* the goal: nothing is allocated while marking, so there is no
//! distance to leave. `live` is what the last cycle marked, in bytes of slots; `roots` is eight bytes a root.
//! The formula is Go's (Go 1.27 `runtime/mgcpacer.go`), without stacks and globals, which this heap does not have.
//! ² keeps a heap whose goal lies above its hard limit from being refused memory that a collection would free.

#![forbid(unsafe_code)]

use heap_core::units::Bytes;

/// Least bytes between two collections at 100 percent: below it, the fixed cost of a cycle would show
/// (Go's `defaultHeapMinimum`).
pub(crate) const LEAST_GOAL: Bytes = Bytes::mib(4);

/// What a cycle found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Found {
    /// Bytes of marked slots.
    pub live: Bytes,
    /// Bytes of roots.
    pub roots: Bytes,
}

/// Decides when to collect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Pacer {
    percent: Option<u32>,
    hard_limit: Bytes,
}

/// When to collect next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Goal {
    /// The size at which to collect; `usize::MAX` for never.
    pub goal: Bytes,
    /// Bytes to allocate until then.
    pub runway: Bytes,
}

impl Pacer {
    /// A pacer for a growth in percent (`None`: never collect) under a hard limit.
    #[must_use]
    pub(crate) fn new(percent: Option<u32>, hard_limit: Bytes) -> Self {
        Self { percent, hard_limit }
    }

    /// The goal after a cycle that found that much.
    #[must_use]
    pub(crate) fn goal(&self, found: Found) -> Goal {
        let live = found.live.get();
        let wished = match self.percent {
            None => usize::MAX,
            Some(percent) => {
                let scaled = |bytes: usize| {
                    usize::try_from(bytes as u128 * u128::from(percent) / 100).unwrap_or(usize::MAX)
                };
                let growth = scaled(live.saturating_add(found.roots.get()));
                live.saturating_add(growth).max(scaled(LEAST_GOAL.get())) // ¹
            }
        };
        let ceiling =
            if self.hard_limit.get() == usize::MAX { usize::MAX } else { self.hard_limit.get() / 8 * 7 };
        let goal = wished.min(ceiling).max(live); // ²
        Goal { goal: Bytes::new(goal), runway: Bytes::new(goal - live) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goal(percent: Option<u32>, limit: usize, live: Bytes) -> Goal {
        Pacer::new(percent, Bytes::new(limit)).goal(Found { live, roots: Bytes::ZERO })
    }

    #[test]
    fn the_goal_is_twice_the_live_heap_at_one_hundred_percent() {
        assert_eq!(goal(Some(100), usize::MAX, Bytes::mib(100)).goal, Bytes::mib(200));
        assert_eq!(goal(Some(50), usize::MAX, Bytes::mib(100)).goal, Bytes::mib(150));
        assert_eq!(goal(Some(100), usize::MAX, Bytes::mib(1)).goal, Bytes::mib(4), "the least goal");
        assert_eq!(
            goal(Some(400), usize::MAX, Bytes::ZERO).runway,
            Bytes::mib(16),
            "scales with the percentage"
        );
        assert_eq!(goal(None, usize::MAX, Bytes::mib(1)).goal, Bytes::new(usize::MAX));
    }

    #[test]
    fn a_hard_limit_bounds_the_goal_but_never_below_what_lives() {
        assert_eq!(goal(Some(100), Bytes::mib(160).get(), Bytes::mib(100)).goal, Bytes::mib(140));
        assert_eq!(goal(None, Bytes::mib(160).get(), Bytes::mib(100)).runway, Bytes::mib(40));
        assert_eq!(goal(Some(100), Bytes::mib(160).get(), Bytes::mib(150)).runway, Bytes::ZERO);
    }

    #[test]
    fn huge_figures_saturate() {
        let goal = goal(Some(u32::MAX), usize::MAX, Bytes::new(usize::MAX / 2));
        assert_eq!(goal.goal, Bytes::new(usize::MAX));
    }

    /// A simulated program: each cycle starts when the runway is used up and finds what the stream says lives.
    #[test]
    fn steady_growth_and_a_spike_keep_the_peak_at_the_goal() {
        let pacer = Pacer::new(Some(100), Bytes::new(usize::MAX));
        let streams: [(&str, Vec<usize>); 3] = [
            ("steady", vec![64; 30]),
            ("growth", (1..30).map(|cycle| 8 * cycle).collect()),
            ("spike", (0..30).map(|cycle| if cycle == 15 { 640 } else { 32 }).collect()),
        ];
        for (name, live) in streams {
            for pair in live.windows(2) {
                let goal = pacer.goal(Found { live: Bytes::mib(pair[0]), roots: Bytes::ZERO });
                let peak = Bytes::mib(pair[0]) + goal.runway;
                assert_eq!(peak, goal.goal, "{name}");
                assert!(goal.goal.get() <= 2 * Bytes::mib(pair[0]).get().max(LEAST_GOAL.get()), "{name}");
            }
        }
    }
}
