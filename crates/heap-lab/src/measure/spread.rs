//! Spread: what a handful of repeated measurements says, and how much it can be believed.
//!
//! The centre is the median and the width is the median absolute deviation (MAD): on a shared machine a few samples
//! are slowed by neighbours, and a mean would follow them. A sample further than [`OUTLIER_MADS`] scaled MADs from
//! the median is *named* an outlier. It stays in the figures; the report warns.
//!
//! Invariants
//!   S1  min <= median <= max
//!   S2  at least half of the samples lie within one MAD of the median
//!
//! Pure: numbers in, numbers out.

/// How far from the median, in units of the scaled MAD, a sample is called an outlier. Larger misses real
/// disturbances; smaller cries on ordinary noise. 5 is about one in a million for normal noise.
const OUTLIER_MADS: f64 = 5.0;
/// Turns a MAD into the standard deviation that normal noise of that MAD has.
const MAD_TO_SIGMA: f64 = 1.4826;

/// Several measurements of one thing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spread {
    samples: Vec<f64>,
    sorted: Vec<f64>,
    mad: f64,
}

impl Spread {
    /// The spread of these samples, or `None` when there are none or one is not a finite number.
    pub(crate) fn of(samples: Vec<f64>) -> Option<Self> {
        if samples.is_empty() || samples.iter().any(|sample| !sample.is_finite()) {
            return None;
        }
        let mut sorted = samples.clone();
        sorted.sort_by(f64::total_cmp);
        let centre = quantile(&sorted, 0.5);
        let mut away: Vec<f64> = sorted.iter().map(|sample| (sample - centre).abs()).collect();
        away.sort_by(f64::total_cmp);
        let mad = quantile(&away, 0.5);
        Some(Self { samples, sorted, mad })
    }

    /// The samples in the order they were taken.
    pub(crate) fn samples(&self) -> &[f64] {
        &self.samples
    }

    /// The middle sample, or the mean of the two middle ones.
    pub(crate) fn median(&self) -> f64 {
        quantile(&self.sorted, 0.5)
    }

    /// The median distance from the median, in the samples' unit.
    pub(crate) fn mad(&self) -> f64 {
        self.mad
    }

    /// The smallest sample.
    pub(crate) fn min(&self) -> f64 {
        self.sorted[0]
    }

    /// The largest sample.
    pub(crate) fn max(&self) -> f64 {
        self.sorted[self.sorted.len() - 1]
    }

    /// The samples that lie suspiciously far out, in the order they were taken.
    pub(crate) fn outliers(&self) -> Vec<f64> {
        // When more than half of the samples are equal the MAD is 0: then a thousandth of the median stands in, so
        // that rounding noise is not called an outlier.
        let sigma = (self.mad * MAD_TO_SIGMA).max(self.median().abs() * 1e-3);
        let far = sigma * OUTLIER_MADS;
        self.samples.iter().copied().filter(|sample| (sample - self.median()).abs() > far).collect()
    }
}

/// The `q`-quantile of sorted samples, linear between neighbours. `sorted` must not be empty.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let position = q.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let below = position.floor();
    #[expect(clippy::cast_possible_truncation, reason = "an index below sorted.len(), see the clamp above")]
    let index = below as usize;
    let next = (index + 1).min(sorted.len() - 1);
    sorted[index] + (sorted[next] - sorted[index]) * (position - below)
}

#[cfg(test)]
mod tests;
