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
use super::trace_file::recorded;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};
use tricolor::HeapBuilder;

/// The environment variable that asks for the lines.
const VARIABLE: &str = "GCTRACE";

/// Whether the value of such a variable asks for lines: a number above 0.
pub(super) fn asks(value: Option<&OsStr>) -> bool {
    value.and_then(OsStr::to_str).and_then(|text| text.parse::<u32>().ok()).is_some_and(|level| level > 0)
}

/// A builder whose heaps print a line for every cycle, if the environment asks for that, and are recorded, if the arguments do.
pub(crate) fn traced(builder: HeapBuilder) -> HeapBuilder {
    let builder = recorded(builder);
    if asks(std::env::var_os(VARIABLE).as_deref()) { watched(builder, |_| {}) } else { builder }
}

/// The same, whose heaps also tell `listener` of every cycle. It takes the place of an earlier listener.
pub(crate) fn watched(
    builder: HeapBuilder,
    listener: impl Fn(&Cycle) + Send + Sync + 'static,
) -> HeapBuilder {
    let (start, asked) = (Instant::now(), asks(std::env::var_os(VARIABLE).as_deref()));
    let processors = available_parallelism().map_or(1, core::num::NonZero::get);
    // Nanoseconds of collecting so far. Cycles of one heap follow each other.
    let spent = AtomicU64::new(0);
    builder.on_cycle(move |figures| {
        let cycle = Cycle::of(figures);
        if asked {
            let nanos = u64::try_from(cycle.mark_cpu.as_nanos()).unwrap_or(u64::MAX);
            let spent = spent.fetch_add(nanos, Ordering::Relaxed) + nanos;
            let context = Context { at: start.elapsed(), spent: Duration::from_nanos(spent), processors };
            eprintln!("{}", line(&context, &cycle));
        }
        listener(&cycle);
    })
}

pub(super) fn ms(time: Duration) -> String {
    format!("{:.3}ms", time.as_secs_f64() * 1e3)
}

pub(super) fn mib(bytes: usize) -> String {
    format!("{:.1}MiB", bytes as f64 / (1 << 20) as f64)
}

/// What a line says that is not the cycle's.
struct Context {
    /// Since the heap was configured.
    at: Duration,
    /// Processor time of marking since then.
    spent: Duration,
    /// Processors the process may use.
    processors: usize,
}

impl Context {
    /// The part of all processor time that marking took.
    fn percent(&self) -> f64 {
        let all = self.at.as_secs_f64() * self.processors as f64;
        if all > 0.0 { self.spent.as_secs_f64() / all * 100.0 } else { 0.0 }
    }
}

/// The line of a cycle.
fn line(context: &Context, cycle: &Cycle) -> String {
    let rounds: Vec<String> = cycle
        .rounds
        .iter()
        .map(|round| format!("{}:{}/{}", round.name.replace(' ', "-"), ms(round.wall), ms(round.slowest)))
        .collect();
    let fields = [
        ("gc_cpu", Some(format!("{:.1}%", context.percent()))),
        ("reason", Some(cycle.reason.to_owned())),
        ("wall", Some(ms(cycle.wall))),
        ("stopping", cycle.stopping.map(ms)),
        ("pause", cycle.pause.map(ms)),
        ("finish_sweep", Some(ms(cycle.finish_sweep))),
        ("mark", Some(ms(cycle.mark))),
        ("mark_cpu", Some(ms(cycle.mark_cpu))),
        ("assist_cpu", cycle.assist_cpu.map(ms)),
        ("background_cpu", cycle.background_cpu.map(ms)),
        ("helper_cpu", cycle.helper_cpu.map(ms)),
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
        ("processors", Some(context.processors.to_string())),
    ];
    let mut text = format!("gc {} @{:.3}s", cycle.number, context.at.as_secs_f64());
    for (name, value) in fields {
        if let Some(value) = value {
            // Writing to a string cannot fail.
            let _ = write!(text, " {name}={value}");
        }
    }
    text
}

#[cfg(test)]
pub(super) mod tests;
