//! The collector as the lab sees it: its modes, what it says of a cycle, and what of its work mutators did.
//!
//! Everybody else in the lab reads [`Cycle`] and [`Work`]; only this file names the heap's own figures. A figure that
//! the heap does not take is `None` here and left out of every report: it is not zero.
//!
//! Does not measure: clocks and gaps are the business of whoever watches.

use crate::choice::choices;
use crate::error::LabError;
use std::time::Duration;
use tricolor::{CycleFigures, Figures, HeapBuilder, Reason};

choices! {
    /// How a heap is collected.
    Mode, "collector" {
        /// Marked while the mutators run.
        Concurrent = "concurrent",
        /// Marked while they wait.
        StopTheWorld = "stop-the-world",
        /// Not at all.
        Off = "off",
    }
}

impl Mode {
    /// What a heap does when nobody says.
    pub(crate) const DEFAULT: Self = Self::StopTheWorld;
    /// Those this heap has, in the order of a report.
    pub(crate) const OFFERED: &'static [Self] = &[Self::Off, Self::StopTheWorld];

    /// A heap that is collected so.
    ///
    /// # Errors
    /// When the heap has no such mode.
    pub(crate) fn configure(self, builder: &HeapBuilder) -> Result<HeapBuilder, LabError> {
        match self {
            Self::Off => Ok(builder.clone().gc_off()),
            Self::StopTheWorld => Ok(builder.clone().gc_percent(100)),
            Self::Concurrent => {
                Err(LabError::unknown("collector", self.word(), Self::OFFERED.iter().map(|mode| mode.word())))
            }
        }
    }
}

/// One round of asking every mutator.
#[derive(Clone, Debug)]
pub(crate) struct Round {
    /// What it asks for.
    pub(crate) name: &'static str,
    /// From the first call to the last answer.
    pub(crate) wall: Duration,
    /// What the slowest mutator took.
    pub(crate) slowest: Duration,
}

/// One cycle. The names are those of the heap's own figures.
#[derive(Clone, Debug)]
pub(crate) struct Cycle {
    /// Counts from 1.
    pub(crate) number: u64,
    /// Why it ran.
    pub(crate) reason: &'static str,
    /// From the call to stop until every mutator stood still, if the world was stopped.
    pub(crate) stopping: Option<Duration>,
    /// From there until it was let go.
    pub(crate) pause: Option<Duration>,
    /// Sweeping what the last cycle left.
    pub(crate) finish_sweep: Duration,
    /// Marking, by the clock.
    pub(crate) mark: Duration,
    /// Processor time of marking, everybody's.
    pub(crate) mark_cpu: Duration,
    /// Of it, the mutators'.
    pub(crate) assist_cpu: Option<Duration>,
    /// Of it, the collector's own threads'.
    pub(crate) background_cpu: Option<Duration>,
    /// The rounds, in order.
    pub(crate) rounds: Vec<Round>,
    /// Bytes in use when it began.
    pub(crate) heap_before: usize,
    /// Bytes in use when marking had ended.
    pub(crate) heap_at_end: Option<usize>,
    /// Bytes marked.
    pub(crate) live: usize,
    /// Objects marked.
    pub(crate) live_objects: u64,
    /// Roots.
    pub(crate) roots: u64,
    /// Bytes in use at which it was to begin.
    pub(crate) trigger: Option<usize>,
    /// Bytes in use that the next one is to keep below; `None` for no bound.
    pub(crate) goal: Option<usize>,
    /// Mutators that took part.
    pub(crate) mutators: usize,
    /// Threads that marked.
    pub(crate) workers: usize,
}

impl Cycle {
    /// What the heap says of it.
    pub(crate) fn of(cycle: &CycleFigures) -> Self {
        Self {
            number: cycle.number,
            reason: match cycle.reason {
                Reason::Goal => "goal",
                Reason::Asked => "asked",
                Reason::Refused => "refused",
                Reason::Debug => "debug",
                Reason::Limit => "limit",
                Reason::Idle => "idle",
            },
            stopping: Some(cycle.stopping),
            pause: Some(cycle.pause),
            finish_sweep: cycle.finish_sweep,
            mark: cycle.mark,
            mark_cpu: cycle.mark_cpu,
            assist_cpu: None,
            background_cpu: None,
            // Stopping is a round, too: it lasts until the slowest mutator stands still.
            rounds: vec![Round { name: "stop", wall: cycle.stopping, slowest: cycle.stopping }],
            heap_before: cycle.heap_before.get(),
            heap_at_end: None,
            live: cycle.live.get(),
            live_objects: cycle.live_objects,
            roots: cycle.roots,
            trigger: None,
            goal: (cycle.goal.get() != usize::MAX).then_some(cycle.goal.get()),
            mutators: cycle.mutators,
            workers: cycle.workers,
        }
    }

    /// From the call to stop until the world was let go, if it was stopped.
    pub(crate) fn stopped(&self) -> Option<Duration> {
        Some(self.stopping? + self.pause?)
    }
}

/// The collector's own work on mutators, or their waiting for it: each piece is one sample.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    /// Pieces.
    pub(crate) count: u64,
    /// The median, by the clock.
    pub(crate) p50: Duration,
    /// 99 of 100 are no longer.
    pub(crate) p99: Duration,
    /// 999 of 1000 are no longer.
    pub(crate) p999: Duration,
    /// The longest.
    pub(crate) max: Duration,
    /// The longest by the thread's processor clock, where it was read.
    pub(crate) max_cpu: Option<Duration>,
}

impl Work {
    /// What mutators did between two snapshots. A heap that stops the world keeps its last pauses, and a mutator waits for
    /// the whole of each. `None` if there was none.
    pub(crate) fn between(before: &Figures, after: &Figures) -> Option<Self> {
        let cycles = usize::try_from(after.cycles.saturating_sub(before.cycles)).unwrap_or(usize::MAX);
        let first = after.pauses.len().saturating_sub(cycles);
        Self::of_samples(after.pauses[first..].to_vec())
    }

    fn of_samples(mut pauses: Vec<Duration>) -> Option<Self> {
        pauses.sort_unstable();
        let max = *pauses.last()?;
        let count = pauses.len();
        // The smallest sample that so many of a thousand do not exceed.
        let at = |of_thousand: usize| pauses[(count * of_thousand).div_ceil(1000).saturating_sub(1)];
        Some(Self { count: count as u64, p50: at(500), p99: at(990), p999: at(999), max, max_cpu: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tricolor::Heap;

    #[test]
    fn percentiles_are_samples() {
        let work = Work::of_samples((1..=1000).rev().map(Duration::from_micros).collect()).expect("samples");
        let micros = [work.p50, work.p99, work.p999, work.max].map(|one| one.as_micros());
        assert_eq!((work.count, micros), (1000, [500, 990, 999, 1000]));
        let one = Work::of_samples(vec![Duration::from_micros(3)]).expect("a sample");
        assert_eq!((one.p50, one.p999), (one.max, one.max));
        assert!(Work::of_samples(Vec::new()).is_none());
    }

    #[test]
    fn only_what_lies_between_two_snapshots_counts() {
        let heap = Heap::builder().gc_off().build().expect("a heap");
        let mut mutator = heap.attach().expect("attached");
        mutator.collect();
        let before = heap.figures();
        assert!(Work::between(&before, &heap.figures()).is_none());
        mutator.collect();
        mutator.collect();
        assert_eq!(Work::between(&before, &heap.figures()).map(|work| work.count), Some(2));
        let cycle = Cycle::of(&heap.figures().last_cycle.expect("a cycle"));
        assert_eq!((cycle.number, cycle.reason, cycle.goal), (3, "asked", None));
    }

    #[test]
    fn every_mode_that_is_offered_builds_a_heap_and_the_others_are_refused() {
        for mode in Mode::ALL {
            let built = mode.configure(&Heap::builder());
            assert_eq!(built.is_ok(), Mode::OFFERED.contains(mode), "{}", mode.word());
            assert!(built.is_ok_and(|builder| builder.build().is_ok()) == Mode::OFFERED.contains(mode));
        }
        assert!(Mode::OFFERED.contains(&Mode::DEFAULT));
    }
}
