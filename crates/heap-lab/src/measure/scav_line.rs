//! The trace line of the scavenger: one line on standard error for each round, when the environment has `SCAVTRACE=1`.
//!
//! ```text
//!   scav NUMBER @SECONDS field=value field=value …
//! ```
//! The fields, with their units, are listed in `docs/tracing-lines.md` and nowhere else; a test reads that page and holds
//! the line to it.
//!
//! [`line()`] is pure. [`watched`] is the thin shell: it reads the environment once, and prints.

use super::trace_line::{asks, mib, ms};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tricolor::{By, Event, HeapBuilder, Scavenged};

/// The environment variable that asks for the lines.
const VARIABLE: &str = "SCAVTRACE";

/// A builder whose heaps print a line for every round of scavenging and for every refusal, if the environment asks for that.
pub(crate) fn scav_traced(builder: HeapBuilder) -> HeapBuilder {
    if asks(std::env::var_os(VARIABLE).as_deref()) { watched(builder, |_| {}) } else { builder }
}

/// The same, whose heaps also tell `listener` of every event. It takes the place of an earlier listener.
pub(crate) fn watched(
    builder: HeapBuilder,
    listener: impl Fn(&Event) + Send + Sync + 'static,
) -> HeapBuilder {
    let (start, asked) = (Instant::now(), asks(std::env::var_os(VARIABLE).as_deref()));
    let rounds = AtomicU64::new(0);
    builder.on_event(move |event| {
        if asked && let Event::Scavenged(round) = event {
            let number = rounds.fetch_add(1, Ordering::Relaxed) + 1;
            eprintln!("{}", line(number, start.elapsed(), &Fields::of(round)));
        }
        listener(event);
    })
}

/// The rounds that the trace has lines of, kept for whoever wants to add them up.
#[derive(Clone, Default, Debug)]
pub(crate) struct Told(Arc<Mutex<Vec<Scavenged>>>);

impl Told {
    /// A builder whose heaps' rounds are kept here. It takes the place of an earlier listener.
    pub(crate) fn listening(&self, builder: HeapBuilder) -> HeapBuilder {
        let rounds = Arc::clone(&self.0);
        watched(builder, move |event| {
            if let Event::Scavenged(round) = event {
                rounds.lock().unwrap_or_else(PoisonError::into_inner).push(*round);
            }
        })
    }

    /// Those so far.
    pub(crate) fn rounds(&self) -> Vec<Scavenged> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What a line says of a round: the fields of [`Scavenged`], which only the heap can make.
struct Fields {
    by: By,
    released: usize,
    assisted: usize,
    calls: u64,
    refused: u64,
    wall: Duration,
    cpu: Duration,
    retained: usize,
    in_spans: usize,
    goal: Option<usize>,
}

impl Fields {
    fn of(round: &Scavenged) -> Self {
        Self {
            by: round.by,
            released: round.released.get(),
            assisted: round.assisted.get(),
            calls: round.calls,
            refused: round.refused,
            wall: round.wall,
            cpu: round.cpu,
            retained: round.retained.get(),
            in_spans: round.in_spans.get(),
            goal: round.goal.map(tricolor::core::units::Bytes::get),
        }
    }
}

/// The line of a round.
fn line(number: u64, at: Duration, round: &Fields) -> String {
    let used =
        if round.retained == 0 { 100.0 } else { round.in_spans as f64 / round.retained as f64 * 100.0 };
    let fields = [
        ("by", Some(round.by.word().to_owned())),
        ("released", Some(mib(round.released))),
        ("assisted", Some(mib(round.assisted))),
        ("calls", Some(round.calls.to_string())),
        ("refused", Some(round.refused.to_string())),
        ("wall", Some(ms(round.wall))),
        ("cpu", Some(ms(round.cpu))),
        ("retained", Some(mib(round.retained))),
        ("in_spans", Some(mib(round.in_spans))),
        ("used", Some(format!("{used:.1}%"))),
        ("goal", round.goal.map(mib)),
    ];
    let mut text = format!("scav {number} @{:.3}s", at.as_secs_f64());
    for (name, value) in fields {
        if let Some(value) = value {
            // Writing to a string cannot fail.
            let _ = write!(text, " {name}={value}");
        }
    }
    text
}

#[cfg(test)]
mod tests;
