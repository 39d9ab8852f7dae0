//! The collector as the lab sees it: its modes, what it says of a cycle, and what of its work mutators did.
//!
//! Reports of whole runs are of [`Cycle`] and [`Work`]; an experiment about single collections has the heap's own figures, by
//! [`last_cycle`]. A figure that the heap does not take is `None` here and left out of every report: it is not zero.
//!
//! Does not measure: clocks and gaps are the business of whoever watches.

use crate::choice::choices;
use crate::error::LabError;
use std::time::Duration;
use tricolor::{Collector, CycleFigures, Figures, Heap, HeapBuilder, PauseFigures};

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
    pub(crate) const DEFAULT: Self = Self::Concurrent;
    /// All of them, in the order of a report.
    pub(crate) const REPORTED: &'static [Self] = &[Self::Off, Self::StopTheWorld, Self::Concurrent];

    /// A heap that is collected so.
    pub(crate) fn choose(self, builder: &HeapBuilder) -> HeapBuilder {
        let builder = builder.clone();
        match self {
            Self::Off => builder.gc_off(),
            Self::StopTheWorld => builder.gc_percent(100).collector(Collector::StopTheWorld),
            Self::Concurrent => builder.gc_percent(100).collector(Collector::Concurrent),
        }
    }

    /// A heap that is collected so, and measures what mutators do for its collector if they go on meanwhile.
    pub(crate) fn configure(self, builder: &HeapBuilder) -> HeapBuilder {
        self.choose(builder).measure_pauses(self == Self::Concurrent)
    }
}

/// The heap's own figures of the collection that was last.
///
/// # Errors
/// When there was none.
pub(crate) fn last_cycle(figures: Figures) -> Result<CycleFigures, LabError> {
    figures.last_cycle.ok_or_else(|| LabError::Measure(String::from("a collection left no figures")))
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
    /// Of it, the mutators', if they run meanwhile.
    pub(crate) assist_cpu: Option<Duration>,
    /// Of it, that of the thread that runs the cycle.
    pub(crate) background_cpu: Option<Duration>,
    /// Of it, that of the threads that help it.
    pub(crate) helper_cpu: Option<Duration>,
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
    /// Bytes in use at which the next one begins; `None` for never.
    pub(crate) trigger: Option<usize>,
    /// Bytes in use that the next one is to keep below; `None` for no bound.
    pub(crate) goal: Option<usize>,
    /// Mutators that took part.
    pub(crate) mutators: usize,
    /// Threads that marked.
    pub(crate) workers: usize,
    /// From its beginning to its end, sweeping not included.
    pub(crate) wall: Duration,
}

impl Cycle {
    /// What the heap says of it.
    pub(crate) fn of(cycle: &CycleFigures) -> Self {
        // A cycle that asks nobody stops everybody. Stopping is a round, too: it lasts until the slowest mutator stands still.
        let stops = cycle.rounds.is_empty();
        let stop = stops.then_some(Round { name: "stop", wall: cycle.stopping, slowest: cycle.stopping });
        let rounds =
            cycle.rounds.iter().map(|one| Round { name: one.name, wall: one.wall, slowest: one.slowest });
        Self {
            number: cycle.number,
            reason: cycle.reason.word(),
            stopping: stops.then_some(cycle.stopping),
            pause: stops.then_some(cycle.pause),
            finish_sweep: cycle.finish_sweep,
            mark: cycle.mark,
            mark_cpu: cycle.mark_cpu + cycle.assist_cpu,
            assist_cpu: (!stops).then_some(cycle.assist_cpu),
            background_cpu: Some(cycle.mark_cpu.saturating_sub(cycle.helper_cpu)),
            helper_cpu: Some(cycle.helper_cpu),
            rounds: stop.into_iter().chain(rounds).collect(),
            heap_before: cycle.heap_before.get(),
            heap_at_end: Some(cycle.heap_after.get()),
            live: cycle.live.get(),
            live_objects: cycle.live_objects,
            roots: cycle.roots,
            trigger: finite(cycle.trigger.get()),
            goal: finite(cycle.goal.get()),
            mutators: cycle.mutators,
            workers: cycle.workers,
            wall: cycle.wall,
        }
    }

    /// From the call to stop until the world was let go, if it was stopped.
    pub(crate) fn stopped(&self) -> Option<Duration> {
        Some(self.stopping? + self.pause?)
    }
}

/// A size that is a bound.
fn finite(bytes: usize) -> Option<usize> {
    (bytes != usize::MAX).then_some(bytes)
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
    /// By the thread's processor clock, where it was read.
    pub(crate) cpu: Option<WorkCpu>,
    /// By what it was, if the heap says. Whole cycles are listed here and not in the figures above.
    pub(crate) kinds: Vec<WorkKind>,
}

/// Processor time of pieces of work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WorkCpu {
    /// 999 of 1000 took no more.
    pub(crate) p999: Duration,
    /// 9,999 of 10,000 took no more.
    pub(crate) p9999: Duration,
    /// The most.
    pub(crate) max: Duration,
    /// The most of those whose threads kept their processors.
    pub(crate) max_unbroken: Duration,
    /// How many took more than [`PauseFigures::LONG`].
    pub(crate) long: u64,
    /// All together.
    pub(crate) total: Duration,
}

/// One kind of work on mutators.
#[derive(Clone, Debug)]
pub(crate) struct WorkKind {
    /// For people.
    pub(crate) name: &'static str,
    /// Pieces.
    pub(crate) count: u64,
    /// All together, by the clock.
    pub(crate) total: Duration,
    /// The longest, by the clock.
    pub(crate) max: Duration,
    /// The longest by the thread's processor clock.
    pub(crate) max_cpu: Duration,
}

/// The time in which [`Work`] is counted.
#[derive(Debug)]
pub(crate) struct Window {
    cycles_before: u64,
}

impl Window {
    /// It begins. What was before is forgotten.
    pub(crate) fn open(heap: &Heap) -> Self {
        let _before = heap.take_pauses();
        Self { cycles_before: heap.figures().cycles }
    }

    /// It ends. A heap that stops the world keeps its last pauses, and a mutator waits for the whole of each. `None` if there
    /// was none.
    pub(crate) fn close(self, heap: &Heap) -> Option<Work> {
        let pieces = heap.take_pauses();
        if pieces.count > 0 { Some(Work::of_pieces(&pieces)) } else { self.stops(&heap.figures()) }
    }

    fn stops(&self, after: &Figures) -> Option<Work> {
        let cycles = usize::try_from(after.cycles.saturating_sub(self.cycles_before)).unwrap_or(usize::MAX);
        let first = after.pauses.len().saturating_sub(cycles);
        // A cycle that stops nobody leaves a pause of zero.
        Work::of_samples(after.pauses[first..].iter().copied().filter(|pause| !pause.is_zero()).collect())
    }
}

impl Work {
    fn of_pieces(pieces: &PauseFigures) -> Self {
        let kinds = [
            ("answer", pieces.answers),
            ("wait", pieces.waits),
            ("assist", pieces.assists),
            ("refill", pieces.refills),
            ("whole cycle", pieces.cycles),
        ];
        Self {
            count: pieces.count,
            p50: pieces.p50,
            p99: pieces.p99,
            p999: pieces.p999,
            max: pieces.max,
            cpu: Some(WorkCpu {
                p999: pieces.p999_cpu,
                p9999: pieces.p9999_cpu,
                max: pieces.max_cpu,
                max_unbroken: pieces.max_cpu_unbroken,
                long: pieces.long,
                total: pieces.total_cpu,
            }),
            kinds: kinds
                .into_iter()
                .map(|(name, one)| WorkKind {
                    name,
                    count: one.count,
                    total: one.total,
                    max: one.max,
                    max_cpu: one.max_cpu,
                })
                .collect(),
        }
    }

    fn of_samples(mut pauses: Vec<Duration>) -> Option<Self> {
        pauses.sort_unstable();
        let max = *pauses.last()?;
        let count = pauses.len();
        // The smallest sample that so many of a thousand do not exceed.
        let at = |of_thousand: usize| pauses[(count * of_thousand).div_ceil(1000).saturating_sub(1)];
        Some(Self {
            count: count as u64,
            p50: at(500),
            p99: at(990),
            p999: at(999),
            max,
            cpu: None,
            kinds: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests;
