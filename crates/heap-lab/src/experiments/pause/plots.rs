//! Tables and plots of the sides.

use super::side::{PERCENTILES, Side};
use crate::measure::mmu;
use crate::measure::time::nanos;
use crate::record::{Axis, Plot, Scale, Series, Shape, Table, Ticks};
use crate::unit::{Unit, digits};
use std::time::Duration;

/// Gaps of a plot, the longest: more would be a band, and longer than a line of text.
const GAPS: usize = 60;

fn table_of(caption: &str, first: &str, sides: &[&Side]) -> Table {
    let names = sides.iter().map(|side| side.name.as_str());
    Table::new(caption, std::iter::once(first).chain(names))
}

/// Latencies of one observer, side by side.
pub(super) fn latencies(caption: &str, sides: &[&Side]) -> Table {
    let mut table = table_of(caption, "percentile", sides);
    let mut row = |name: &str, show: &dyn Fn(&Side) -> String| {
        table.row(std::iter::once(name.to_owned()).chain(sides.iter().map(|side| show(side))));
    };
    for (percentile, name, _) in PERCENTILES {
        row(name, &|side| {
            if side.supports(percentile) {
                Unit::Nanos.show(side.at(percentile))
            } else {
                String::from("too few")
            }
        });
    }
    row("samples", &|side| digits(side.samples));
    row("operations per second", &|side| digits(side.operations_per_second.round()));
    row("processor time of an operation", &|side| Unit::Nanos.show(side.cpu_us_per_operation * 1e3));
    row("collections", &|side| digits(side.cycles));
    row("longest stop of the world", &|side| {
        side.longest_pause.map_or_else(|| String::from("none seen"), |pause| Unit::Nanos.show(pause))
    });
    table
}

/// Utilisation, side by side.
pub(super) fn utilisation_table(sides: &[&Side]) -> Table {
    let mut table = table_of("Minimum mutator utilisation", "window", sides);
    for (index, (millis, _)) in mmu::WINDOWS.iter().enumerate() {
        let part = |side: &&Side| Unit::Percent.show(side.utilisation[index] * 100.0);
        table.row(std::iter::once(Unit::Millis.show(*millis as f64)).chain(sides.iter().map(part)));
    }
    table
}

/// What the collector says of its own: rounds of asking every mutator, and its work on mutators.
pub(super) fn handshakes(sides: &[&Side]) -> Table {
    let mut table = Table::new(
        "Rounds of asking every mutator, and the collector's work on mutators",
        ["what", "count", "median", "longest", "slowest mutator"],
    );
    for side in sides {
        let Some((_, churned)) = &side.ours else { continue };
        let rounds = || churned.cycles.iter().flat_map(|(_, cycle)| &cycle.rounds);
        let mut names: Vec<&str> = Vec::new();
        for round in rounds() {
            if !names.contains(&round.name) {
                names.push(round.name);
            }
        }
        for name in names {
            let mut walls: Vec<Duration> =
                rounds().filter(|round| round.name == name).map(|round| round.wall).collect();
            walls.sort_unstable();
            let slowest = rounds().filter(|round| round.name == name).map(|round| round.slowest).max();
            let show =
                |time: Option<Duration>| time.map_or_else(String::new, |time| Unit::Nanos.show(nanos(time)));
            table.row([
                format!("{}, round `{name}`", side.name),
                digits(walls.len() as f64),
                show(walls.get(walls.len() / 2).copied()),
                show(walls.last().copied()),
                show(slowest),
            ]);
        }
        if let Some(work) = &churned.work {
            table.row([
                format!("{}, work on mutators", side.name),
                digits(work.count as f64),
                Unit::Nanos.show(nanos(work.p50)),
                Unit::Nanos.show(nanos(work.max)),
                work.cpu.map_or_else(
                    || String::from("processor time not read"),
                    |cpu| format!("{} of processor", Unit::Nanos.show(nanos(cpu.max))),
                ),
            ]);
            for kind in work.kinds.iter().filter(|kind| kind.count > 0) {
                table.row([
                    format!("{}, of it: {}", side.name, kind.name),
                    digits(kind.count as f64),
                    format!("{} on average", Unit::Nanos.show(nanos(kind.total) / kind.count as f64)),
                    Unit::Nanos.show(nanos(kind.max)),
                    format!("{} of processor", Unit::Nanos.show(nanos(kind.max_cpu))),
                ]);
            }
        }
    }
    table
}

fn lines(title: &str, reading: &str, x: Axis, y: Axis, series: Vec<Series>) -> Plot {
    Plot { title: title.to_owned(), reading: reading.to_owned(), shape: Shape::Lines { x, y, series } }
}

fn axis(label: &str, scale: Scale, ticks: Ticks) -> Axis {
    Axis { label: label.to_owned(), scale, ticks }
}

fn series<'a>(sides: &'a [&Side], points: impl Fn(&Side) -> Vec<(f64, f64)> + 'a) -> Vec<Series> {
    sides
        .iter()
        .map(|side| Series { label: side.name.clone(), points: points(side), source: side.source })
        .filter(|series| !series.points.is_empty())
        .collect()
}

/// Latency by percentile.
pub(super) fn curves(title: &str, sides: &[&Side]) -> Plot {
    let names = ["0", "90", "99", "99.9", "99.99", "99.999", "99.9999"];
    let places = names.into_iter().enumerate().map(|(index, name)| (index as f64, name.to_owned())).collect();
    lines(
        title,
        "Flat until the share of samples that meet the collector; there it is what the collector costs them.",
        axis("percentile", Scale::Linear, Ticks::Named(places)),
        axis("one sample", Scale::Log, Ticks::Unit(Unit::Nanos)),
        series(sides, |side| side.curve.clone()),
    )
}

/// Utilisation by window.
pub(super) fn utilisation(sides: &[&Side]) -> Plot {
    let points = |side: &Side| {
        let windows = mmu::WINDOWS.iter().map(|(millis, _)| *millis as f64);
        let parts = side.utilisation.iter().map(|part| part * 100.0);
        windows.zip(parts).filter(|(_, part)| part.is_finite()).collect()
    };
    lines(
        "Minimum mutator utilisation",
        "Of any window so long, the mutator that had least had at least this part for itself. Zero where one gap fills it.",
        axis("window", Scale::Log, Ticks::Unit(Unit::Millis)),
        axis("the mutator's own", Scale::Linear, Ticks::Unit(Unit::Percent)),
        series(sides, points),
    )
}

/// The longest gaps over time.
pub(super) fn gaps(sides: &[&Side]) -> Plot {
    let points = |side: &Side| {
        let Some((_, churned)) = &side.ours else { return Vec::new() };
        let mut gaps: Vec<(f64, f64)> = churned
            .gaps
            .iter()
            .flatten()
            .map(|gap| (gap.start as f64 / 1e6, (gap.end - gap.start) as f64))
            .collect();
        gaps.sort_by(|a, b| b.1.total_cmp(&a.1));
        gaps.truncate(GAPS);
        gaps.sort_by(|a, b| a.0.total_cmp(&b.0));
        gaps
    };
    Plot {
        title: String::from("Gaps of the mutators over time"),
        reading: format!(
            "Each point is an operation that took long; of each mode the {GAPS} longest. Those without a collection are the scheduler's."
        ),
        shape: Shape::Points {
            x: axis("since the churn began", Scale::Linear, Ticks::Unit(Unit::Millis)),
            y: axis("gap", Scale::Log, Ticks::Unit(Unit::Nanos)),
            series: series(sides, points),
        },
    }
}
