//! A side: one collector under one observer, ours or Go's, in the figures that both have.

use crate::beside::side_by_side;
use crate::churn::{Churned, Observer};
use crate::experiment::Trial;
use crate::measure::collector::Mode;
use crate::measure::mmu;
use crate::record::Source;
use crate::unit::Unit;
use serde_json::Value;

/// Percentiles of a table, and the keys of Go's figures.
pub(super) const PERCENTILES: [(f64, &str, &str); 6] = [
    (50.0, "p50", "p50_us"),
    (90.0, "p90", "p90_us"),
    (99.0, "p99", "p99_us"),
    (99.9, "p99.9", "p999_us"),
    (99.99, "p99.99", "p9999_us"),
    (100.0, "worst", "max_us"),
];

/// What one side gave.
pub(super) struct Side {
    pub(super) name: String,
    pub(super) observer: Observer,
    pub(super) source: Source,
    /// Latencies in nanoseconds, at [`PERCENTILES`].
    pub(super) latencies: Vec<f64>,
    pub(super) samples: f64,
    pub(super) operations_per_second: f64,
    pub(super) cpu_us_per_operation: f64,
    pub(super) cycles: f64,
    /// Utilisation, at [`mmu::WINDOWS`].
    pub(super) utilisation: Vec<f64>,
    /// The longest the world was stopped, in nanoseconds.
    pub(super) longest_pause: Option<f64>,
    /// Latency by how many nines.
    pub(super) curve: Vec<(f64, f64)>,
    /// What is only ours.
    pub(super) ours: Option<(Mode, Churned)>,
}

/// How many nines a percentile has, as in the curve of latencies.
fn nines(percentile: f64) -> f64 {
    -(1.0 - percentile / 100.0).log10()
}

impl Side {
    /// Ours.
    pub(super) fn ours(mode: Mode, observer: Observer, churned: Churned) -> Self {
        let operations = churned.operations as f64;
        let pauses = churned.cycles.iter().filter_map(|(_, cycle)| cycle.stopped());
        Self {
            name: match mode {
                Mode::Off => String::from("no collection"),
                Mode::StopTheWorld | Mode::Concurrent => mode.word().to_owned(),
            },
            observer,
            source: Source::Measured,
            latencies: PERCENTILES.iter().map(|(percentile, ..)| churned.felt.at(*percentile)).collect(),
            samples: churned.felt.count() as f64,
            operations_per_second: operations / churned.took.as_secs_f64(),
            cpu_us_per_operation: churned.cpu.as_secs_f64() * 1e6 / operations.max(1.0),
            cycles: churned.cycles.len() as f64,
            utilisation: mmu::curve(&churned.utilisation()),
            longest_pause: pauses.max().map(|pause| pause.as_secs_f64() * 1e9),
            curve: churned.felt.curve(),
            ours: Some((mode, churned)),
        }
    }

    /// Go's, from what its program printed. A figure that is missing is not a number.
    pub(super) fn go(observer: Observer, printed: &Value) -> Self {
        let number = |key: &str| printed[key].as_f64().unwrap_or(f64::NAN);
        let latencies: Vec<f64> = PERCENTILES.iter().map(|(.., key)| number(key) * 1e3).collect();
        let samples = number("samples");
        let last = samples.max(1.0).log10();
        let curve = PERCENTILES
            .iter()
            .zip(&latencies)
            .map(|((percentile, ..), nanos)| (nines(*percentile).min(last), *nanos))
            .filter(|(_, nanos)| nanos.is_finite())
            .collect();
        Self {
            name: match printed["peer"].as_str() {
                Some(version) => version.replacen("go", "Go ", 1),
                None => String::from("Go"),
            },
            observer,
            source: Source::Reference,
            samples,
            operations_per_second: number("ops_per_s"),
            cpu_us_per_operation: number("cpu_us_per_op"),
            cycles: number("cycles"),
            utilisation: mmu::WINDOWS.iter().map(|(_, key)| number(key)).collect(),
            longest_pause: printed["pause_max_us"].as_f64().map(|micros| micros * 1e3),
            curve,
            latencies,
            ours: None,
        }
    }

    /// A latency in nanoseconds; not a number where the percentile is none of [`PERCENTILES`].
    pub(super) fn at(&self, percentile: f64) -> f64 {
        let known = PERCENTILES.iter().zip(&self.latencies);
        known.into_iter().find(|((one, ..), _)| *one == percentile).map_or(f64::NAN, |(_, nanos)| *nanos)
    }

    /// Whether there are enough samples to tell a percentile from the worst case.
    pub(super) fn supports(&self, percentile: f64) -> bool {
        percentile == 100.0 || (1.0 - percentile / 100.0) * self.samples >= 1.0
    }
}

/// The concurrent collector's figures and Go's under the same observer, with ratios; nothing if Go is not among the sides.
pub(super) fn beside_go(trial: &mut Trial<'_>, sides: &[Side]) {
    let mut rows = Vec::new();
    for theirs in sides.iter().filter(|side| side.ours.is_none()) {
        let is_twin = |side: &&Side| side.observer == theirs.observer && side.name == Mode::Concurrent.word();
        let Some(ours) = sides.iter().find(is_twin) else { continue };
        let seen_by = theirs.observer.word();
        let mut row = |what: &str, of: fn(&Side) -> f64, unit| {
            rows.push((format!("{seen_by}: {what}"), of(ours), of(theirs), unit));
        };
        row("p50", |side| side.at(50.0), Unit::Nanos);
        row("p99", |side| side.at(99.0), Unit::Nanos);
        row("p99.9", |side| side.at(99.9), Unit::Nanos);
        row("worst", |side| side.at(100.0), Unit::Nanos);
        row("operations a second", |side| side.operations_per_second, Unit::Count);
        row("CPU of an operation", |side| side.cpu_us_per_operation * 1e3, Unit::Nanos);
    }
    if let Some(go) = sides.iter().find(|side| side.ours.is_none()) {
        let rows = rows.iter().map(|(label, ours, go, unit)| (label.as_str(), *ours, *go, *unit));
        side_by_side(trial, &format!("{}, concurrent, one after the other", go.name), rows);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_go_prints_is_read_by_its_keys_and_what_it_does_not_print_is_no_number() {
        let printed = json!({
            "peer": "go1.27.3", "samples": 2000, "p50_us": 2.5, "p999_us": 40, "max_us": 90, "mmu_10ms": 0.75,
            "pause_max_us": 81.0, "cycles": 4,
        });
        let side = Side::go(Observer::OwnOps, &printed);
        assert_eq!((side.name.as_str(), side.cycles, side.longest_pause), ("Go 1.27.3", 4.0, Some(81e3)));
        assert_eq!((side.at(50.0), side.at(99.9), side.at(100.0)), (2500.0, 40e3, 90e3));
        assert!(side.at(99.0).is_nan() && side.at(12.0).is_nan() && side.utilisation[0].is_nan());
        assert_eq!(side.utilisation[3], 0.75);
        assert!(side.supports(99.9) && !side.supports(99.99) && side.supports(100.0));
        assert_eq!(side.curve.len(), 3);
        assert!(side.curve.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
