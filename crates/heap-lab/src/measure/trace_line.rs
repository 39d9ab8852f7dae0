//! The trace line of a cycle: one line on standard error when the environment has `GCTRACE=1`.
//!
//! ```text
//!   gc NUMBER @SECONDS field=value field=value …
//! ```
//! The fields, with their units, are listed in `docs/tracing-lines.md` and nowhere else; a test reads that page and holds
//! the line to it. A field that the heap does not take is left out.
//!
//! [`line()`] is pure. [`watched`] is the thin shell: it reads the environment once, and prints.

use super::collector::Cycle;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::time::{Duration, Instant};
use tricolor::HeapBuilder;

/// The environment variable that asks for the lines.
const VARIABLE: &str = "GCTRACE";

/// Whether a value of [`VARIABLE`] asks for lines: a number above 0.
fn asks(value: Option<&OsStr>) -> bool {
    value.and_then(OsStr::to_str).and_then(|text| text.parse::<u32>().ok()).is_some_and(|level| level > 0)
}

/// A builder whose heaps print a line for every cycle, if the environment asks for that.
pub(crate) fn traced(builder: HeapBuilder) -> HeapBuilder {
    if asks(std::env::var_os(VARIABLE).as_deref()) { watched(builder, |_| {}) } else { builder }
}

/// The same, whose heaps also tell `listener` of every cycle. It takes the place of an earlier listener.
pub(crate) fn watched(
    builder: HeapBuilder,
    listener: impl Fn(&Cycle) + Send + Sync + 'static,
) -> HeapBuilder {
    let (start, asked) = (Instant::now(), asks(std::env::var_os(VARIABLE).as_deref()));
    builder.on_cycle(move |figures| {
        let cycle = Cycle::of(figures);
        if asked {
            eprintln!("{}", line(start.elapsed(), &cycle));
        }
        listener(&cycle);
    })
}

fn ms(time: Duration) -> String {
    format!("{:.3}ms", time.as_secs_f64() * 1e3)
}

fn mib(bytes: usize) -> String {
    format!("{:.1}MiB", bytes as f64 / (1 << 20) as f64)
}

/// The line of a cycle that ended `at` after the heap was configured.
fn line(at: Duration, cycle: &Cycle) -> String {
    let rounds: Vec<String> = cycle
        .rounds
        .iter()
        .map(|round| format!("{}:{}/{}", round.name, ms(round.wall), ms(round.slowest)))
        .collect();
    let fields = [
        ("reason", Some(cycle.reason.to_owned())),
        ("stopping", cycle.stopping.map(ms)),
        ("pause", cycle.pause.map(ms)),
        ("finish_sweep", Some(ms(cycle.finish_sweep))),
        ("mark", Some(ms(cycle.mark))),
        ("mark_cpu", Some(ms(cycle.mark_cpu))),
        ("assist_cpu", cycle.assist_cpu.map(ms)),
        ("background_cpu", cycle.background_cpu.map(ms)),
        ("rounds", (!rounds.is_empty()).then(|| rounds.join(","))),
        ("heap_before", Some(mib(cycle.heap_before))),
        ("heap_at_end", cycle.heap_at_end.map(mib)),
        ("live", Some(mib(cycle.live))),
        ("live_objects", Some(cycle.live_objects.to_string())),
        ("roots", Some(cycle.roots.to_string())),
        ("trigger", cycle.trigger.map(mib)),
        ("goal", cycle.goal.map(mib)),
        ("mutators", Some(cycle.mutators.to_string())),
        ("workers", Some(cycle.workers.to_string())),
    ];
    let mut text = format!("gc {} @{:.3}s", cycle.number, at.as_secs_f64());
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
