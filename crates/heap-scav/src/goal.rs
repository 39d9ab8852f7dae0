//! The goal: how many bytes of pages a heap may retain. Numbers in, numbers out.
//!
//! ```text
//!   goal    = in_spans * (next_goal / reached) * 1.10      ¹ rounded up to a page of the system
//!   reached = max(last_goal, heap)                         ² where the last cycle really started
//!   surplus ⇔ retained > goal + one page of the system     ³
//! ```
//!
//! What was in spans when the last cycle had marked is what the heap needed to grow to where that cycle started; the next
//! cycle starts elsewhere, so the need is scaled. A tenth more is kept so that a steady heap, whose need varies a little, does
//! not give pages away and take them back. The formula is that of Go 1.27 `runtime/mgcscavenge.go` (`gcPaceScavenger`) but for
//! ²: a program here can allocate past its goal inside one `enter`, where there is no safepoint, and with the goal alone in
//! the divisor all that it took in one go would count as needed for good.
//!
//! A heap without a goal (it never collects by itself) has no goal here either: nobody knows how large it means to become.
//!
//! Called by [`crate::background`]. Does not look at a heap.
#![forbid(unsafe_code)]

use heap_core::units::Bytes;

/// Percent of the need that is retained beside it. More costs memory, less costs page faults after every cycle
/// (Go 1.27 `runtime/mgcscavenge.go`, `retainExtraPercent`).
const EXTRA_PERCENT: usize = 10;

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
}

/// How many bytes of pages to retain; `None` for no bound. See the module's text.
#[must_use]
pub fn retained(cycle: &CycleEnd, os_page: Bytes) -> Option<Bytes> {
    let (next, last) = (cycle.next_goal?, cycle.last_goal?);
    let reached = last.max(cycle.heap); // ²
    if reached == Bytes::ZERO {
        return None;
    }
    let scaled = cycle.in_spans.get() as f64 * (next.get() as f64 / reached.get() as f64);
    // A float becomes the nearest number of bytes there is: huge ones saturate.
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and is not negative")]
    let scaled = scaled as usize;
    let wanted = scaled.saturating_add(scaled / 100 * EXTRA_PERCENT + scaled % 100 * EXTRA_PERCENT / 100);
    wanted.checked_next_multiple_of(os_page.get().max(1)).map(Bytes::new) // ¹
}

/// Whether so many bytes are more than the goal allows.
#[must_use]
pub fn is_surplus(retained: Bytes, goal: Bytes, os_page: Bytes) -> bool {
    retained.get() > goal.get().saturating_add(os_page.get()) // ³
}

#[cfg(test)]
mod tests;
