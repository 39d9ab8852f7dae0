//! Latencies: a high-dynamic-range histogram of durations, and the percentiles people ask about.
//!
//! Durations are kept in nanoseconds with three significant digits from 1 ns to [`LONGEST`]; a longer one is counted
//! as that long, so the worst case is never silently lost ([`Latencies::clamped`] says how many). The mean of pauses
//! hides what users feel, so reports show p50, p99, p99.9, p99.99 and the maximum, and how many samples stand behind
//! them: a p99.99 of fewer than ten thousand samples is the maximum under another name.

use crate::error::LabError;
use hdrhistogram::Histogram;
use std::time::Duration;

/// The longest latency that is kept apart from longer ones.
const LONGEST: Duration = Duration::from_secs(600);

/// Many durations, as a distribution.
#[derive(Clone, Debug)]
pub(crate) struct Latencies {
    histogram: Histogram<u64>,
    clamped: u64,
}

impl Latencies {
    /// No durations yet.
    ///
    /// # Errors
    /// Never with the bounds above; the histogram's own check is passed on.
    pub(crate) fn new() -> Result<Self, LabError> {
        let longest = u64::try_from(LONGEST.as_nanos()).unwrap_or(u64::MAX);
        Histogram::new_with_bounds(1, longest, 3)
            .map(|histogram| Self { histogram, clamped: 0 })
            .map_err(|why| LabError::Measure(format!("cannot build a latency histogram: {why}")))
    }

    /// Counts one duration.
    pub(crate) fn record(&mut self, latency: Duration) {
        if latency > LONGEST {
            self.clamped += 1;
        }
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.histogram.saturating_record(nanos.max(1));
    }

    /// Counts all of another's durations too.
    ///
    /// # Errors
    /// Never, because all have the same bounds; the histogram's own check is passed on.
    pub(crate) fn add(&mut self, other: &Self) -> Result<(), LabError> {
        self.clamped += other.clamped;
        self.histogram
            .add(&other.histogram)
            .map_err(|why| LabError::Measure(format!("cannot add latency histograms: {why}")))
    }

    /// How many durations were counted.
    pub(crate) fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// How many were longer than the histogram can tell apart.
    pub(crate) fn clamped(&self) -> u64 {
        self.clamped
    }

    /// The `percentile` (0..=100) in nanoseconds, within three significant digits; 0 when nothing was counted.
    pub(crate) fn at(&self, percentile: f64) -> f64 {
        self.histogram.value_at_percentile(percentile) as f64
    }

    /// The longest, in nanoseconds, within three significant digits.
    pub(crate) fn max(&self) -> f64 {
        self.histogram.max() as f64
    }

    /// The mean, in nanoseconds.
    pub(crate) fn mean(&self) -> f64 {
        self.histogram.mean()
    }

    /// The distribution as a curve for a plot: (how many nines, nanoseconds), `x = -log10(1 - quantile)`, so that
    /// 1 is p90, 2 is p99 and so on; up to the last percentile that these samples can support.
    pub(crate) fn curve(&self) -> Vec<(f64, f64)> {
        if self.count() == 0 {
            return Vec::new();
        }
        let last = (self.count() as f64).log10();
        let mut points = Vec::new();
        let mut nines = 0.0;
        while nines <= last {
            let percentile = 100.0 * (1.0 - 10f64.powf(-nines));
            points.push((nines, self.at(percentile).max(1.0)));
            nines += 0.125;
        }
        points.push((last.max(0.0), self.max().max(1.0)));
        points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_a_known_distribution() {
        let mut latencies = Latencies::new().expect("bounds");
        for micros in 1..=10_000u64 {
            latencies.record(Duration::from_micros(micros));
        }
        assert_eq!(latencies.count(), 10_000);
        for (percentile, micros) in [(50.0, 5_000.0), (99.0, 9_900.0), (99.9, 9_990.0)] {
            let got = latencies.at(percentile) / 1e3;
            assert!((got - micros).abs() / micros < 0.002, "p{percentile}: {got} us");
        }
        assert!((latencies.max() / 1e6 - 10.0).abs() < 0.02);
    }

    #[test]
    fn an_absurd_latency_is_counted_and_said_to_be_clamped() {
        let mut latencies = Latencies::new().expect("bounds");
        latencies.record(Duration::ZERO);
        latencies.record(Duration::from_secs(10_000));
        assert_eq!((latencies.count(), latencies.clamped()), (2, 1));
        assert!(latencies.max() >= 599e9);
    }

    #[test]
    fn the_curve_rises_and_ends_at_the_worst_case() {
        let mut latencies = Latencies::new().expect("bounds");
        assert!(latencies.curve().is_empty());
        for nanos in 1..=1000u64 {
            latencies.record(Duration::from_nanos(nanos));
        }
        let curve = latencies.curve();
        assert!(curve.windows(2).all(|pair| pair[0].1 <= pair[1].1 && pair[0].0 <= pair[1].0));
        assert_eq!(curve.last().map(|last| last.1), Some(latencies.max()));
    }
}
