//! The goals: how many bytes of pages a heap may retain. Numbers in, numbers out.
//!
//! ```text
//!   growth  = in_spans * (next_goal / reached) * 1.10      ¹ rounded up to a page of the system
//!   reached = max(last_goal, heap)                         ² where the last cycle really started
//!   limit   = memory_limit * 0.95 - beside                 ³ tables and the like count, and cannot be released
//!   goal    = min(growth, limit)
//!   surplus ⇔ retained > goal + one page of the system     ⁴
//!   over    = retained + beside - memory_limit             ⁵ what an allocation has to release at once
//! ```
//!
//! What was in spans when the last cycle had marked is what the heap needed to grow to where that cycle started; the next
//! cycle starts elsewhere, so the need is scaled. A tenth more is kept so that a steady heap, whose need varies a little, does
//! not give pages away and take them back. Near a memory limit a twentieth of it is kept free in the background, so that
//! allocations seldom have to see to it themselves. Both are those of Go 1.27 `runtime/mgcscavenge.go` (`gcPaceScavenger`) but
//! for ²: a program here can allocate past its goal inside one `enter`, where there is no safepoint, and with the goal alone in
//! the divisor all that it took in one go would count as needed for good.
//!
//! A heap without a goal (it never collects by itself) has no growth goal here either: nobody knows how large it means to
//! become.
//!
//! Called by `desk.rs`. Does not look at a heap.
#![forbid(unsafe_code)]

use heap_core::units::Bytes;

/// Percent of the need that is retained beside it. More costs memory, less costs page faults after every cycle
/// (Go 1.27 `runtime/mgcscavenge.go`, `retainExtraPercent`).
const EXTRA_PERCENT: usize = 10;
/// Percent of a memory limit that is kept free of retained pages. More costs page faults, less makes allocations release pages
/// (Go 1.27 `runtime/mgcscavenge.go`, `reduceExtraPercent`).
const SPARE_PERCENT: usize = 5;

/// What a cycle left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CycleEnd {
    /// Bytes of pages in spans when marking was done, before anything was swept.
    pub in_spans: Bytes,
    /// Bytes of slots in use when the cycle began.
    pub heap: Bytes,
    /// The size at which this cycle was to start; `None` for never.
    pub last_goal: Option<Bytes>,
    /// The size at which the next is to start; `None` for never.
    pub next_goal: Option<Bytes>,
    /// Bytes of the heap that are in no page: its tables.
    pub beside: Bytes,
}

/// How many bytes of pages the growth to the next cycle takes; `None` for no bound. See the module's text.
#[must_use]
pub fn growth(cycle: &CycleEnd, os_page: Bytes) -> Option<Bytes> {
    let (next, last) = (cycle.next_goal?, cycle.last_goal?);
    let reached = last.max(cycle.heap); // ²
    if reached == Bytes::ZERO {
        return None;
    }
    let scaled = cycle.in_spans.get() as f64 * (next.get() as f64 / reached.get() as f64);
    // A float becomes the nearest number of bytes there is: huge ones saturate.
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and is not negative")]
    let scaled = scaled as usize;
    let wanted = scaled.saturating_add(percent(scaled, EXTRA_PERCENT));
    wanted.checked_next_multiple_of(os_page.get().max(1)).map(Bytes::new) // ¹
}

/// How many bytes of pages a memory limit leaves in the background; `None` for no limit.
#[must_use]
pub fn under_limit(memory_limit: Option<Bytes>, beside: Bytes) -> Option<Bytes> {
    let limit = memory_limit?.get();
    Some(Bytes::new((limit - percent(limit, SPARE_PERCENT)).saturating_sub(beside.get()))) // ³
}

/// The tighter of two goals, of which each may be missing.
#[must_use]
pub fn tighter(one: Option<Bytes>, other: Option<Bytes>) -> Option<Bytes> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Whether so many bytes are more than the goal allows.
#[must_use]
pub fn is_surplus(retained: Bytes, goal: Bytes, os_page: Bytes) -> bool {
    retained.get() > goal.get().saturating_add(os_page.get()) // ⁴
}

/// The most bytes of pages with which a memory limit is kept; `usize::MAX` for no limit.
#[must_use]
pub fn most(memory_limit: Option<Bytes>, beside: Bytes) -> Bytes {
    memory_limit.map_or(Bytes::new(usize::MAX), |limit| Bytes::new(limit.get().saturating_sub(beside.get()))) // ⁵
}

/// A part of a size in percent, rounded down, without going over what a size can be.
const fn percent(size: usize, percent: usize) -> usize {
    size / 100 * percent + size % 100 * percent / 100
}

#[cfg(test)]
mod tests;
