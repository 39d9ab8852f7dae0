//! The pacer: when to collect, how fast, and when to stop trying. Numbers in, numbers out.
//!
//! ```text
//!   heap
//!    ▲                                     ┌ goal: the cycle shall be finished here
//!    │                               ┌─────┘
//!    │                         ╱╱╱╱╱╱│  marking beside the mutators: a share of the processors, and assists
//!    │                    ╱╱╱╱╱      │  when that is not going to be enough
//!    │               ╱╱╱╱╱└ trigger: the cycle begins here
//!    │ live ╱╱╱╱╱╱╱╱╱                └ live
//!    └──────────────────────────────────────────────────────────────────────▶ time
//! ```
//!
//! Four decisions, a file each:
//!
//! * `goal.rs`: the size at which the cycle shall be finished, from what lives and from the limits;
//! * `trigger.rs`: the size at which it must begin for that, from how fast mutators consumed what markers marked;
//! * `assist.rs`: what an allocating mutator owes meanwhile, should the guess have been wrong;
//! * `limiter.rs`: when collecting costs so much that memory is given up instead.
//!
//! Every size of a *heap* here is bytes of slots in use **and** external bytes: a byte that an object keeps alive outside
//! brings the next cycle nearer exactly as a byte inside does. What is *scanned* is bytes of words looked at, of objects
//! and of roots; external bytes and leaf objects are never scanned.
//!
//! Invariants of a [`Plan`], checked by [`Plan::check`]
//!   I1  `live <= goal`                                   else collecting could never reach its goal
//!   I2  `live + 64 KiB <= trigger`, or it is `MAX`       else a heap that allocates nothing would be collected again
//!   I3  `trigger <= max(goal, live + 64 KiB)`            else there would be nothing left to pace
//!   I4  `goal <= max(ceiling, live)`                     else a limit would be passed although garbage could go
//!   I5  `goal <= hard_goal <= max(ceiling, live)`        the same while marking
//!
//! The pacer is Go's (Go 1.27 `runtime/mgcpacer.go`, `mgclimit.go`) without stacks and globals, which this heap does not
//! have; where it differs the file says so. Called by the collector at the end of each cycle and by whoever starts one;
//! [`Plan`] and [`AssistRatio`] are plain copies that mutators may read. It does not read a clock, does not count and does
//! not start anything.

#![forbid(unsafe_code)]

mod assist;
mod goal;
mod limiter;
mod trigger;

use core::time::Duration;
use heap_core::units::Bytes;

pub(crate) use assist::{AssistRatio, Progress};
pub(crate) use goal::Bound;
pub(crate) use limiter::Window;
pub(crate) use limiter::{CpuLimiter, Limiting};

/// Bytes that must be allocated between two cycles whatever the goal says, and that a running cycle always has before it.
/// More lets a heap without room grow further past its limit; less makes cycles that free nothing follow each other more
/// closely. It is Go's (`minRunway` there holds for the goal alone).
const LEAST_DISTANCE: Bytes = Bytes::kib(64);

/// Least size of a heap's goal at 100 percent: below it, the fixed cost of a cycle would show (Go's `defaultHeapMinimum`).
const LEAST_HEAP: Bytes = Bytes::mib(4);

/// The same while mutators have all processors, unless another was wished for. A cycle then takes a processor from one of them,
/// several times, and two that only allocate have a cycle every 160 µs with the least goal above. More leaves the caches
/// (`docs/design/pacing.md`).
const LEAST_CROWDED: Bytes = Bytes::mib(8);

/// No limit, no goal, never.
pub(crate) const NEVER: Bytes = Bytes::new(usize::MAX);

/// What the embedder wishes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Settings {
    /// Growth over what lives, in percent of it; `None`: no goal but what the limits make.
    pub percent: Option<u32>,
    /// The size of everything, heap and overhead, that collecting defends; [`NEVER`] for none.
    pub memory_limit: Bytes,
    /// The most bytes of pages in spans, external bytes not counted; [`NEVER`] for none.
    pub hard_limit: Bytes,
    /// Least goal at 100 percent; scaled by `percent`.
    pub least_heap: Bytes,
    /// The same while mutators have all processors.
    pub least_crowded: Bytes,
    /// The part of the processors that marks in the background.
    pub share: f64,
    /// Processors the process may use.
    pub processors: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            percent: Some(100),
            memory_limit: NEVER,
            hard_limit: NEVER,
            least_heap: LEAST_HEAP,
            least_crowded: LEAST_CROWDED,
            share: 0.25,
            processors: 1,
        }
    }
}

/// What a cycle found and took.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct CycleEnd {
    /// Bytes of marked slots, those allocated while marking among them.
    pub live: Bytes,
    /// Bytes of roots.
    pub roots: Bytes,
    /// Bytes outside the heap that live objects keep.
    pub external: Bytes,
    /// Bytes of words to look at in what is marked, and in roots. Objects allocated while marking are marked, though nobody looks at them.
    pub scan_work: Bytes,
    /// Size of the heap when marking began.
    pub heap_at_trigger: Bytes,
    /// Size of the heap when marking was done, before anything was swept.
    pub heap_at_end: Bytes,
    /// Processor time of background marking.
    pub background_cpu: Duration,
    /// Processor time of assists.
    pub assist_cpu: Duration,
    /// How long marking took.
    pub wall: Duration,
    /// Whether mutators have all processors, and there are several.
    pub is_crowded: bool,
    /// Mapped memory that growing to the goal will not use: side tables, the unused rest of spans, and free pages as far as
    /// they are more than that growth takes. Errs high: a goal too low costs a cycle, one too high passes the limit.
    pub overhead: Bytes,
}

/// When to collect next. A plain copy of the decisions; see the module's invariants.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Plan {
    /// The size of the heap as the last cycle left it.
    pub live: Bytes,
    /// The size at which the next cycle begins; [`NEVER`] for never.
    pub trigger: Bytes,
    /// The size at which it shall be finished; [`NEVER`] for never.
    pub goal: Bytes,
    /// What set the goal.
    pub bound: Bound,
    /// What the goal may be extended to if there turns out to be more to mark than expected.
    hard_goal: Bytes,
    /// The most that the limits leave.
    ceiling: Bytes,
    /// Scan work the next cycle should find; `None` before the first.
    expected_work: Option<Bytes>,
    /// Scan work that markers do beside mutators for each byte these allocate; zero where it is not counted on.
    beside: f64,
}

impl Plan {
    /// The same plan for a collection that stops the world: nothing is allocated while it marks, so it begins at the goal.
    #[must_use]
    pub(crate) fn stopping(self) -> Self {
        Self { trigger: self.goal.max(plus(self.live, LEAST_DISTANCE)), ..self }
    }

    /// Bytes to allocate between the last cycle and the next.
    #[must_use]
    pub(crate) fn runway(&self) -> Bytes {
        self.trigger - self.live
    }

    /// Bytes to allocate between the last cycle and the size at which the next shall be finished.
    #[must_use]
    pub(crate) fn room(&self) -> Bytes {
        minus(self.goal, self.live)
    }

    /// Whether a heap of this size shall be collected now. While collecting is limited it never is. (The heap itself asks
    /// `pace.rs`.)
    #[cfg(test)]
    #[must_use]
    pub(crate) fn is_due(&self, heap: Bytes, limiting: Limiting) -> bool {
        heap >= self.trigger && limiting == Limiting::Off
    }

    /// Whether a host that has nothing else to do should collect a heap of this size: half the way to the next cycle is
    /// done, so that collecting now saves a busy moment as much as it costs twice as often. A heap that never collects by
    /// itself does not do so in idle moments either.
    #[must_use]
    pub(crate) fn is_idle_cycle_worthwhile(&self, heap: Bytes) -> bool {
        let allocated = heap.get().saturating_sub(self.live.get());
        // A cycle that begins early because a processor is free says nothing of when one is worth while.
        let way = self.runway().max(trigger::usual(self.live, self.goal) - self.live);
        self.trigger != NEVER && allocated >= LEAST_DISTANCE.max(Bytes::new(way.get() / 2)).get()
    }

    /// The same plan for who does not count on what a marker does beside.
    #[must_use]
    pub(crate) fn alone(self) -> Self {
        Self { beside: 0.0, ..self }
    }

    /// What a byte allocated now owes. See `assist.rs`.
    #[must_use]
    pub(crate) fn assist(&self, progress: &Progress, limiting: Limiting) -> AssistRatio {
        AssistRatio::of(self, progress, limiting)
    }

    /// The module's invariants.
    fn check(&self) {
        let least = plus(self.live, LEAST_DISTANCE);
        let most = self.ceiling.max(self.live);
        debug_assert!(self.live <= self.goal, "I1: {self:?}");
        debug_assert!(least <= self.trigger, "I2: {self:?}");
        debug_assert!(self.trigger <= self.goal.max(least), "I3: {self:?}");
        debug_assert!(self.goal <= most, "I4: {self:?}");
        debug_assert!(self.goal <= self.hard_goal && self.hard_goal <= most, "I5: {self:?}");
    }
}

/// Whether a marker has a processor that no mutator wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Beside {
    /// It has.
    Free,
    /// It has its share of those that mutators want; or a limit is near, and nothing is counted on.
    Busy,
}

impl Beside {
    fn of(settings: &Settings, end: &CycleEnd, goal: &goal::Goal) -> Self {
        let is_near_limit = goal.size.get() > goal.ceiling.get() / 8 * 7 && goal.ceiling != NEVER;
        if end.is_crowded || settings.processors == 1 || is_near_limit { Self::Busy } else { Self::Free }
    }

    /// The part of all processors that marks in the background.
    #[expect(clippy::cast_precision_loss, reason = "few processors")]
    fn share(self, settings: &Settings) -> f64 {
        match self {
            Self::Free => settings.share.max(1.0 / settings.processors as f64),
            Self::Busy => settings.share,
        }
    }
}

/// Decides when to collect, and learns from every cycle.
#[derive(Clone, Debug)]
pub(crate) struct Pacer {
    settings: Settings,
    consumption: trigger::Consumption,
}

impl Pacer {
    /// A pacer that knows nothing yet. A share outside 1 to 99 percent is taken to the nearer end.
    #[must_use]
    pub(crate) fn new(settings: Settings) -> Self {
        let share = if settings.share.is_nan() { 0.25 } else { settings.share.clamp(0.01, 0.99) };
        let settings = Settings { share, processors: settings.processors.max(1), ..settings };
        Self { settings, consumption: trigger::Consumption::default() }
    }

    /// The plan for a new, empty heap.
    #[must_use]
    pub(crate) fn first(&self) -> Plan {
        self.plan(&CycleEnd::default(), None)
    }

    /// Learns from a cycle, and plans the next.
    pub(crate) fn end_cycle(&mut self, end: &CycleEnd) -> Plan {
        self.consumption.learn(end, &self.settings);
        self.plan(end, Some(end.scan_work))
    }

    /// A limiter for the same processors.
    #[must_use]
    pub(crate) fn limiter(&self) -> CpuLimiter {
        CpuLimiter::new(self.settings.processors)
    }

    fn plan(&self, end: &CycleEnd, expected_work: Option<Bytes>) -> Plan {
        let goal = goal::Goal::of(&self.settings, end);
        let is_limited = matches!(goal.bound, Bound::MemoryLimit | Bound::HardLimit);
        let beside = Beside::of(&self.settings, end, &goal);
        let runway = expected_work
            // With nothing to scan a guess is as good as the last cycles were alike. Where a limit is near, a cycle too early is
            // the better mistake.
            .filter(|work| !(is_limited && *work == Bytes::ZERO))
            .and_then(|work| self.consumption.runway(work, beside.share(&self.settings)));
        let plan = Plan {
            live: goal.live,
            trigger: trigger::trigger(goal.live, goal.size, runway, beside),
            goal: goal.size,
            bound: goal.bound,
            hard_goal: goal.hard,
            ceiling: goal.ceiling,
            expected_work,
            beside: if beside == Beside::Free { self.consumption.beside() } else { 0.0 },
        };
        plan.check();
        plan
    }
}

/// Sum that stays at the top.
const fn plus(one: Bytes, other: Bytes) -> Bytes {
    Bytes::new(one.get().saturating_add(other.get()))
}

/// Difference that stays at zero.
const fn minus(one: Bytes, other: Bytes) -> Bytes {
    Bytes::new(one.get().saturating_sub(other.get()))
}

/// The nearest number of bytes there is: none for what is negative or no number, all for what is too large.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float saturates, which is what is wanted"
)]
fn whole(bytes: f64) -> Bytes {
    Bytes::new(bytes as usize)
}

/// For arithmetic with rates: exact below 2^53.
#[expect(clippy::cast_precision_loss, reason = "an estimate; a heap of 8 PiB may be off by a byte")]
fn float(bytes: Bytes) -> f64 {
    bytes.get() as f64
}

#[cfg(test)]
mod tests;
