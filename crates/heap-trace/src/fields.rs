//! The names of events and of what they say, for files. `docs/events.md` lists them; a test holds that page to this file.

use crate::json::Value;
use core::time::Duration;
use heap_gc::{AllocError, Answerer, Event, Track};

/// A duration in nanoseconds.
pub(crate) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The name of a place.
pub(crate) fn place(track: Track) -> String {
    match track {
        Track::Collector => "collector".into(),
        Track::Sweeper => "sweeper".into(),
        Track::Scavenger => "scavenger".into(),
        Track::Worker(number) => format!("worker {number}"),
        Track::Thread(number) => format!("thread {number}"),
        other => format!("{other:?}").to_lowercase(),
    }
}

/// What kind of refusal it is.
fn refusal(error: AllocError) -> &'static str {
    match error {
        AllocError::Limit { .. } => "limit",
        AllocError::Reservation { .. } => "reservation",
        AllocError::Os { .. } => "os",
        AllocError::TooLarge { .. } => "too large",
        AllocError::Layouts { .. } => "layouts",
        AllocError::Alignment { .. } => "alignment",
        _ => "other",
    }
}

/// What an event says.
type Fields = Vec<(&'static str, Value)>;

/// An event's name, and what it says, in order. Units are in the names; what does not apply is left out.
pub(crate) fn described(event: &Event) -> (&'static str, Fields) {
    let time = |time: Duration| Value::from(nanos(time));
    let bytes = |bytes: usize| Value::from(bytes as u64);
    match event {
        Event::Began { number, reason: why } => {
            ("began", vec![("number", (*number).into()), ("reason", why.word().into())])
        }
        Event::Marking { sweep } => ("marking", vec![("sweep_ns", time(*sweep))]),
        Event::Asked { round, wall, slowest } => (
            "asked",
            vec![("round", (*round).into()), ("wall_ns", time(*wall)), ("slowest_ns", time(*slowest))],
        ),
        Event::Late { round, thread, waited } => (
            "late",
            vec![("round", (*round).into()), ("thread", thread.clone().into()), ("waited_ns", time(*waited))],
        ),
        Event::Lost => ("lost", Vec::new()),
        Event::Marked { live } => ("marked", vec![("live_bytes", bytes(live.get()))]),
        Event::LimitBelowLive { limit, live } => {
            ("limit_below_live", vec![("limit_bytes", bytes(limit.get())), ("live_bytes", bytes(live.get()))])
        }
        Event::Ended { number } => ("ended", vec![("number", (*number).into())]),
        Event::Scavenged(round) => {
            let mut fields = vec![
                ("by", round.by.word().into()),
                ("released_bytes", bytes(round.released.get())),
                ("assisted_bytes", bytes(round.assisted.get())),
                ("calls", round.calls.into()),
                ("refused", round.refused.into()),
                ("wall_ns", time(round.wall)),
                ("cpu_ns", time(round.cpu)),
                ("retained_bytes", bytes(round.retained.get())),
                ("in_spans_bytes", bytes(round.in_spans.get())),
            ];
            fields.extend(round.goal.map(|goal| ("goal_bytes", bytes(goal.get()))));
            ("scavenged", fields)
        }
        Event::ReleaseRefused { bytes: refused, code } => (
            "release_refused",
            vec![("bytes", bytes(refused.get())), ("code", Value::Signed(i64::from(*code)))],
        ),
        Event::Attached { mutator, thread } => {
            ("attached", vec![("mutator", (*mutator).into()), ("thread", thread.clone().into())])
        }
        Event::Detached { mutator } => ("detached", vec![("mutator", (*mutator).into())]),
        Event::Answered { round, mutator, by } => {
            let by = match by {
                Answerer::Mutator => "mutator",
                Answerer::Collector => "collector",
            };
            ("answered", vec![("round", (*round).into()), ("mutator", (*mutator).into()), ("by", by.into())])
        }
        Event::Assisted { words } => ("assisted", vec![("words", (*words as u64).into())]),
        Event::Waited => ("waited", Vec::new()),
        Event::Refilled => ("refilled", Vec::new()),
        Event::RanCycle => ("ran_cycle", Vec::new()),
        Event::MadeRoom => ("made_room", Vec::new()),
        Event::Refused { error } => {
            ("refused", vec![("kind", refusal(*error).into()), ("why", error.to_string().into())])
        }
        Event::Grown { sys } => ("grown", vec![("sys_bytes", bytes(sys.get()))]),
        Event::RanDue { drops, cleanups, finalizers } => (
            "ran_due",
            vec![
                ("drops", (*drops).into()),
                ("cleanups", (*cleanups).into()),
                ("finalizers", (*finalizers).into()),
            ],
        ),
        Event::Worked { batches } => ("worked", vec![("batches", (*batches).into())]),
        Event::Idled => ("idled", Vec::new()),
        Event::Stopped { stopping } => ("stopped", vec![("stopping_ns", time(*stopping))]),
        Event::Swept => ("swept", Vec::new()),
        Event::Sizes { heap, goal } => {
            let mut fields = vec![("heap_bytes", bytes(heap.get()))];
            if goal.get() != usize::MAX {
                fields.push(("goal_bytes", bytes(goal.get())));
            }
            ("sizes", fields)
        }
        Event::Pages { in_spans, frames, retained, released } => (
            "pages",
            vec![
                ("in_spans_bytes", bytes(in_spans.get())),
                ("frames_bytes", bytes(frames.get())),
                ("retained_bytes", bytes(retained.get())),
                ("released_bytes", bytes(released.get())),
            ],
        ),
        // Of a newer heap: what it says is in its text.
        other => ("other", vec![("text", format!("{other:?}").into())]),
    }
}
