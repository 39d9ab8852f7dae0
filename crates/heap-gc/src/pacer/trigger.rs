//! The trigger: the size at which a cycle must begin to be finished at the goal.
//!
//! ```text
//!   used        = (background_cpu + assist_cpu) / (wall * processors)        ¹ of one cycle
//!   consumption = (allocated while marking / (1 - used)) / (scan_work / used)
//!   runway      = max(consumption of the last 5) * (1 - share) / share * scan_work         ²
//!   trigger     = goal - runway, within
//!                   live + 45/64 * (goal - live)  ..  max(live + 61/64 * (goal - live), goal - 4 MiB)   ³
//!                 and at least live + 64 KiB                                                ⁴
//!   while a processor is free for a marker: share = max(share, 1 / processors), and 24/64 in the place of 45/64     ⁵
//! ```
//!
//! Consumption is bytes allocated by a second of mutators' processor time for each byte scanned by a second of markers'. It
//! does not depend on how many processors there are nor on how they were shared, so a cycle with assists tells what one
//! without would have needed. ² takes the worst of five cycles: to begin too early costs a little memory unused, too late
//! makes mutators assist. ³ never begins so early that marking runs most of the time, nor so late that a guess slightly
//! wrong has no room; large heaps with slow mutators need no more room than 4 MiB.
//!
//! The formulas are Go's, but for ¹: Go assumes that background marking gets its share and measures only the assists; here
//! both are measured, because a collector thread is one thread and not a quarter of them. A cycle during which nothing was
//! allocated teaches nothing (Go: that consumption is zero): it was run in an idle moment or stopped the world. What was scanned
//! counts as 64 KiB at least (in Go there are always stacks and globals), but with no work at all a limit that sets the goal
//! means as early as ³ allows. Before anything is known a cycle begins as early as ³ allows, and not ⁵. ⁴ is I2 of `pacer.rs`. ⁵ is not
//! Go's: where mutators leave a processor, what marks longer costs nobody anything but memory, that of the objects that are allocated meanwhile and
//! live until the next cycle: with mutators that allocate as fast as can be marked or faster, and 100 percent, a heap ends at 5.3 times what lives, where
//! it is 2.8 with 45/64; more if cycles begin later than at the trigger. Not near a limit, where memory is what counts.

#![forbid(unsafe_code)]

use super::{Beside, CycleEnd, LEAST_DISTANCE, LEAST_HEAP, NEVER, Settings, float, minus, plus, whole};
use heap_core::units::Bytes;

/// Cycles whose consumption counts: more remembers a rush longer, fewer forgets it before the next.
const REMEMBERED: usize = 5;
/// A cycle takes time even if there is nothing to scan: as much as for so many bytes, which is some 20 µs. With nothing at all, a
/// heap in which nothing lives would never learn, and begin each cycle as early as it may.
const LEAST_WORK: Bytes = Bytes::kib(64);
/// Begin no earlier, in 64ths of the way from what lives to the goal.
const EARLIEST: u128 = 45;
/// The same while a processor is free. Less takes more memory, more has mutators that are as fast as the marker mark
/// (`docs/design/pacing.md`).
const EARLIEST_BESIDE: u128 = 24;
/// Begin no later, in the same.
const LATEST: u128 = 61;

/// How fast mutators consumed what markers scanned, in the last cycles.
#[derive(Clone, Debug, Default)]
pub(super) struct Consumption {
    /// By cycle, the oldest overwritten first; zero where there was none yet.
    past: [f64; REMEMBERED],
    /// What background markers scanned for each byte allocated, in the same cycles.
    beside: [f64; REMEMBERED],
    /// Where the next goes.
    next: usize,
}

impl Consumption {
    /// Remembers a cycle, if it says something.
    pub(super) fn learn(&mut self, end: &CycleEnd, settings: &Settings) {
        let allocated = float(minus(end.heap_at_end, end.heap_at_trigger));
        let work = float(end.scan_work.max(LEAST_WORK));
        if allocated == 0.0 {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "few processors")]
        let all = end.wall.as_secs_f64() * settings.processors as f64;
        let spent = end.background_cpu.saturating_add(end.assist_cpu).as_secs_f64();
        // Without a clock, what was planned is the best guess.
        let used = if all > 0.0 && spent > 0.0 { (spent / all).clamp(0.01, 0.99) } else { settings.share }; // ¹
        self.past[self.next] = (allocated / (1.0 - used)) / (work / used);
        let background = end.background_cpu.as_secs_f64();
        self.beside[self.next] = if spent > 0.0 { work * (background / spent) / allocated } else { 0.0 };
        self.next = (self.next + 1) % REMEMBERED;
    }

    /// Bytes that mutators will allocate while that much is scanned by background markers alone; `None` when nothing is
    /// known yet.
    pub(super) fn runway(&self, work: Bytes, share: f64) -> Option<Bytes> {
        let worst = self.past.iter().copied().fold(0.0, f64::max);
        (worst > 0.0).then(|| whole(worst * (1.0 - share) / share * float(work.max(LEAST_WORK)))) // ²
    }

    /// What background markers scan for each byte allocated: the least of the last cycles.
    pub(super) fn beside(&self) -> f64 {
        let known = self.past.iter().zip(&self.beside).filter(|(past, _)| **past > 0.0);
        known.map(|(_, beside)| *beside).reduce(f64::min).unwrap_or(0.0)
    }
}

/// Where to begin. See the module's text.
pub(super) fn trigger(live: Bytes, goal: Bytes, runway: Option<Bytes>, beside: Beside) -> Bytes {
    if goal == NEVER {
        return NEVER;
    }
    let earliest = usual(live, goal);
    let latest = on_the_way(live, goal, LATEST).max(minus(goal, LEAST_HEAP));
    let Some(runway) = runway else { return earliest.max(plus(live, LEAST_DISTANCE)) };
    let earliest = if beside == Beside::Free { on_the_way(live, goal, EARLIEST_BESIDE) } else { earliest };
    minus(goal, runway)
        .clamp(earliest, latest) // ³
        .max(plus(live, LEAST_DISTANCE)) // ⁴
}

/// Where a cycle begins at the earliest, as a rule.
pub(super) fn usual(live: Bytes, goal: Bytes) -> Bytes {
    on_the_way(live, goal, EARLIEST)
}

/// The size that many 64ths of the way from `live` to `goal`.
fn on_the_way(live: Bytes, goal: Bytes, sixty_fourths: u128) -> Bytes {
    let part = (goal - live).get() as u128 * sixty_fourths / 64;
    Bytes::new(live.get() + usize::try_from(part).expect("a part of what fits"))
}
