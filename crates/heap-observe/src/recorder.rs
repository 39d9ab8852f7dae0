//! The recorder: the last cycles of a heap, what went wrong lately, and a curve of its sizes, each in a ring of bounded length.
//!
//! Cycles and notes come from the heap's own listeners if the recorder is given to its builder, and are complete then. Without that the
//! observer looks now and then, and sees the last cycle before each look. The curve is the observer's: a point every half second.
//!
//! One lock, held for a push or a copy; a listener that takes it holds up a cycle for no longer.
#![forbid(unsafe_code)]

use core::fmt;
use core::time::Duration;
use heap_gc::{CycleFigures, Event, Figures, HeapBuilder};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Cycles that are kept: at one in a second, four minutes.
const CYCLES: usize = 256;
/// Notes that are kept.
const NOTES: usize = 64;
/// Points of the curve that are kept: at two in a second, five minutes.
const POINTS: usize = 600;

/// One round of a cycle.
#[derive(Clone, Debug)]
pub(crate) struct RoundSeen {
    pub(crate) name: &'static str,
    pub(crate) wall: Duration,
    pub(crate) slowest: Duration,
}

/// One cycle.
#[derive(Clone, Debug)]
pub(crate) struct CycleSeen {
    pub(crate) number: u64,
    pub(crate) reason: &'static str,
    /// Milliseconds since 1970.
    pub(crate) ended: u64,
    pub(crate) wall: Duration,
    pub(crate) mark: Duration,
    /// How long the world was stopped; 0 beside the program.
    pub(crate) pause: Duration,
    pub(crate) assist_cpu: Duration,
    pub(crate) mark_cpu: Duration,
    pub(crate) rounds: Vec<RoundSeen>,
    pub(crate) before: usize,
    pub(crate) live: usize,
    pub(crate) goal: usize,
}

impl CycleSeen {
    /// The longest wait for one mutator, in any round; or how long all stood still.
    pub(crate) fn slowest(&self) -> Duration {
        self.rounds.iter().map(|round| round.slowest).max().unwrap_or_default().max(self.pause)
    }
}

impl From<&CycleFigures> for CycleSeen {
    fn from(cycle: &CycleFigures) -> Self {
        let round = |round: &heap_gc::RoundFigures| RoundSeen {
            name: round.name,
            wall: round.wall,
            slowest: round.slowest,
        };
        Self {
            number: cycle.number,
            reason: cycle.reason.word(),
            ended: millis(cycle.ended),
            wall: cycle.wall,
            mark: cycle.mark,
            pause: cycle.pause,
            assist_cpu: cycle.assist_cpu,
            mark_cpu: cycle.mark_cpu,
            rounds: cycle.rounds.iter().map(round).collect(),
            before: cycle.heap_before.get(),
            live: cycle.live.get(),
            goal: cycle.goal.get(),
        }
    }
}

/// Something that a reader should know of.
#[derive(Clone, Debug)]
pub(crate) struct Note {
    /// Milliseconds since 1970.
    pub(crate) at: u64,
    pub(crate) text: String,
}

/// The sizes of a heap at a moment, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Point {
    /// Milliseconds since 1970.
    pub(crate) at: u64,
    pub(crate) alloc: usize,
    pub(crate) in_use: usize,
    pub(crate) goal: usize,
    pub(crate) released: usize,
    /// Of the whole process; none where the system does not tell.
    pub(crate) resident: Option<usize>,
}

/// What is kept.
#[derive(Clone, Default, Debug)]
pub(crate) struct History {
    pub(crate) cycles: VecDeque<CycleSeen>,
    pub(crate) notes: VecDeque<Note>,
    pub(crate) points: VecDeque<Point>,
}

/// The last cycles of a heap, for an [`Observer`](crate::Observer). Clones are the same recorder.
///
/// ```
/// use heap_gc::Heap;
/// use heap_observe::{Recorder, Watched};
///
/// let recorder = Recorder::new();
/// let heap = recorder.listen(Heap::builder()).build()?;
/// heap.collect();
/// let watched = Watched::new("main", &heap).recorder(&recorder);
/// # drop(watched);
/// # Ok::<(), heap_gc::BuildError>(())
/// ```
#[derive(Clone, Default)]
pub struct Recorder(Arc<Mutex<History>>);

impl Recorder {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The builder, with this as what is told of every cycle and event. It takes the place of other listeners: who has some calls
    /// [`cycle`](Self::cycle) and [`event`](Self::event) from them instead.
    #[must_use]
    pub fn listen(&self, builder: HeapBuilder) -> HeapBuilder {
        let (cycles, events) = (self.clone(), self.clone());
        builder.on_cycle(move |cycle| cycles.cycle(cycle)).on_event(move |event| events.event(event))
    }

    /// Keeps a cycle, unless it is kept already.
    pub fn cycle(&self, cycle: &CycleFigures) {
        let mut history = self.history();
        if history.cycles.back().is_none_or(|last| last.number < cycle.number) {
            push(&mut history.cycles, CYCLES, CycleSeen::from(cycle));
        }
    }

    /// Keeps what a reader should know of; the steps of a cycle are not among it.
    pub fn event(&self, event: &Event) {
        let Some(text) = worth_telling(event) else { return };
        push(&mut self.history().notes, NOTES, Note { at: millis(SystemTime::now()), text });
    }

    /// Keeps a point of the curve, and the last cycle.
    pub(crate) fn look(&self, figures: &Figures, resident: Option<usize>) {
        if let Some(cycle) = &figures.last_cycle {
            self.cycle(cycle);
        }
        let point = Point {
            at: millis(SystemTime::now()),
            alloc: figures.memory.heap_alloc.get(),
            in_use: figures.memory.heap_inuse.get() + figures.memory.frames.get(),
            goal: figures.goal.get(),
            released: figures.memory.heap_released.get(),
            resident,
        };
        push(&mut self.history().points, POINTS, point);
    }

    /// A copy of all that is kept.
    pub(crate) fn copy(&self) -> History {
        self.history().clone()
    }

    fn history(&self) -> MutexGuard<'_, History> {
        // A ring that somebody left in the middle of a push is one entry short at worst.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let history = self.history();
        f.debug_struct("Recorder")
            .field("cycles", &history.cycles.len())
            .field("notes", &history.notes.len())
            .field("points", &history.points.len())
            .finish()
    }
}

fn push<T>(ring: &mut VecDeque<T>, most: usize, item: T) {
    if ring.len() >= most {
        ring.pop_front();
    }
    ring.push_back(item);
}

/// A moment as milliseconds since 1970.
pub(crate) fn millis(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// An event in words, if it is one that a reader should know of.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "most events are not, nor need those be that will be added"
)]
fn worth_telling(event: &Event) -> Option<String> {
    match event {
        Event::Late { round, thread, waited } => {
            Some(format!("thread {thread} stays inside enter: round {round} has waited for {waited:.1?}"))
        }
        Event::Lost => {
            Some("no memory for the list of objects to scan: the world was stopped to look for them".into())
        }
        Event::LimitBelowLive { limit, live } => {
            Some(format!("the memory limit of {limit} is below the {live} that are live"))
        }
        Event::ReleaseRefused { bytes, code } => {
            Some(format!("the system did not take {bytes} back (error {code})"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
