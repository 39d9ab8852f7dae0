//! The steps of cycles as spans and events of the `tracing` crate, as they happen.
//!
//! A cycle is a span `cycle` of the target `tricolor`, with the fields `heap` (a name), `number` and `reason`; what happens in it are
//! events with that parent. What the scavenger did has no parent. The level of what somebody should look at (a thread that keeps a
//! cycle waiting, a limit below what lives, a refusal of the system) is `WARN`, that of the rest `DEBUG`; of the span, `INFO`.
//!
//! What a log has beyond (answers, assists, workers; `docs/events.md`) is not told: it happens where no subscriber can be called.

use crate::fields::nanos;
use ::tracing::{Span, debug, info_span, warn};
use heap_gc::{Event, HeapBuilder};
use std::sync::{Mutex, PoisonError};

/// A builder whose heap tells the subscriber of each thread that runs a cycle, or releases pages, of its steps. It takes the place
/// of another [`on_event`](HeapBuilder::on_event), whose rules are those of the subscriber: the cycle waits for it, and its panic
/// ends none in its middle. For one heap: those of one builder share a span.
///
/// ```
/// let builder = heap_trace::tracing::traced(heap_gc::Heap::builder(), "main");
/// builder.build()?.collect();
/// # Ok::<(), heap_gc::BuildError>(())
/// ```
#[must_use]
pub fn traced(builder: HeapBuilder, heap: impl Into<String>) -> HeapBuilder {
    let heap = heap.into();
    let cycle = Mutex::new(None::<Span>);
    builder.on_event(move |event| {
        // Never held while a subscriber is called.
        let current =
            || cycle.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_else(Span::none);
        if let Event::Began { number, reason: why } = event {
            let span =
                info_span!(target: "tricolor", parent: None, "cycle", heap, number, reason = why.word());
            let old = cycle.lock().unwrap_or_else(PoisonError::into_inner).replace(span);
            drop(old);
        } else if let Event::Ended { .. } = event {
            let ended = cycle.lock().unwrap_or_else(PoisonError::into_inner).take();
            drop(ended);
        } else {
            tell(&heap, &current(), event);
        }
    })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "what is not told to listeners, all of it")]
fn tell(heap: &str, cycle: &Span, event: &Event) {
    match event {
        Event::Marking { sweep } => {
            debug!(target: "tricolor", parent: cycle, heap, sweep_ns = nanos(*sweep), "marking");
        }
        Event::Asked { round, wall, slowest } => {
            let (wall_ns, slowest_ns) = (nanos(*wall), nanos(*slowest));
            debug!(target: "tricolor", parent: cycle, heap, round, wall_ns, slowest_ns, "asked");
        }
        Event::Late { round, thread, waited } => {
            warn!(target: "tricolor", parent: cycle, heap, round, thread, waited_ns = nanos(*waited), "late");
        }
        Event::Lost => warn!(target: "tricolor", parent: cycle, heap, "lost"),
        Event::Marked { live } => {
            debug!(target: "tricolor", parent: cycle, heap, live_bytes = live.get(), "marked");
        }
        Event::LimitBelowLive { limit, live } => {
            let (limit_bytes, live_bytes) = (limit.get(), live.get());
            warn!(target: "tricolor", parent: cycle, heap, limit_bytes, live_bytes, "limit below live");
        }
        Event::Scavenged(round) => debug!(
            target: "tricolor",
            parent: None,
            heap,
            by = round.by.word(),
            released_bytes = round.released.get(),
            calls = round.calls,
            refused = round.refused,
            wall_ns = nanos(round.wall),
            cpu_ns = nanos(round.cpu),
            retained_bytes = round.retained.get(),
            "scavenged"
        ),
        Event::ReleaseRefused { bytes, code } => {
            warn!(target: "tricolor", parent: None, heap, bytes = bytes.get(), code, "release refused");
        }
        // What is put into a log only, and what a newer heap tells.
        other => debug!(target: "tricolor", parent: cycle, heap, ?other, "other"),
    }
}
