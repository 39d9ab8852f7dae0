//! The verdict on repeated runs of two versions: is the second dearer, or is that noise?
//!
//! Three questions, and a figure is called changed only if all say yes:
//!
//! 1. *Could it be chance?* The exact rank test of Mann and Whitney asks how often runs of one and the same program, dealt into two
//!    groups at random, differ by rank as much. No distribution is assumed; a value that is far off counts as one rank.
//! 2. *How large is it?* The interval of the ratio of medians, by bootstrap, with the probability 1 - `alpha` for this figure alone,
//!    excludes 1.
//! 3. *Does it matter?* The ratio itself is beyond the least effect asked for.
//!
//! Many figures are looked at, so the first question is asked by Holm's procedure: the probability that *any* of them is called changed,
//! if nothing has changed, is at most `alpha`. That is the promise, and it rests on one condition: the runs of both could have come in
//! any order. So they are to be taken in turn, and not first one version's and then the other's.
//!
//! Invariants
//!   V1  whatever the values, no figure is called changed if the rank test cannot reach alpha / (number of figures)
//!   V2  exchanging the two sides turns a ratio r into 1 / r and dearer into cheaper
//!
//! Pure: numbers in, numbers out; the random choices of the bootstrap follow from the values' count alone.

use crate::measure::spread::Spread;
use crate::shapes::Random;

/// How sure, and how much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Demand {
    /// The probability of any false alarm among all figures together, at most.
    pub(crate) alpha: f64,
    /// The least change of a figure with a spread that matters, as a share: 0.05 is five per cent.
    pub(crate) effect: f64,
    /// The same of a figure that is equal in all runs.
    pub(crate) exact: f64,
}

/// One figure: a value of each run of either version.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pair {
    /// Of the first.
    pub(crate) base: Vec<f64>,
    /// Of the second.
    pub(crate) new: Vec<f64>,
}

/// What is said of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// More than before.
    Dearer,
    /// Less than before.
    Cheaper,
    /// No difference, or none that matters or is beyond chance.
    Same,
}

/// A figure with what is said of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Judged {
    /// Medians of the two.
    pub(crate) medians: [f64; 2],
    /// The second over the first; infinite if there was nothing before.
    pub(crate) ratio: f64,
    /// Where the ratio of medians lies, with the probability 1 - alpha for this figure alone; `None` if the values have no spread or are 0, or nobody asked.
    pub(crate) interval: Option<(f64, f64)>,
    /// The probability of ranks as far apart by chance; `None` if the values have no spread.
    pub(crate) p: Option<f64>,
    /// What is said.
    pub(crate) verdict: Verdict,
}

impl Pair {
    /// Whether all runs of either version agree: then the figure is counted and not sampled.
    fn is_exact(&self) -> bool {
        let agree = |values: &[f64]| values.windows(2).all(|two| two[0] == two[1]);
        agree(&self.base) && agree(&self.new)
    }
}

/// For which figures the interval is computed: most of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intervals {
    /// Where the verdict depends on it.
    Needed,
    /// For every figure with a spread, to be shown.
    All,
}

/// Judges figures together. Every list of values must have one at least.
pub(crate) fn judge(pairs: &[Pair], demand: Demand, intervals: Intervals) -> Vec<Judged> {
    let tested: Vec<(usize, f64)> = pairs
        .iter()
        .enumerate()
        .filter(|(_, pair)| !pair.is_exact())
        .map(|(index, pair)| (index, rank_test(&pair.base, &pair.new)))
        .collect();
    let beyond_chance = holm(&tested, demand.alpha);
    pairs
        .iter()
        .enumerate()
        .map(|(index, pair)| {
            let medians = [median(&pair.base), median(&pair.new)];
            let ratio = if medians[0] == medians[1] { 1.0 } else { medians[1] / medians[0] };
            let p = tested.iter().find(|(at, _)| *at == index).map(|(_, p)| *p);
            let beyond = beyond_chance.contains(&index);
            let wanted = p.is_some() && (beyond || intervals == Intervals::All);
            let interval = wanted.then(|| bootstrap(pair, demand.alpha)).flatten();
            let (beyond, least) = match p {
                None => (true, demand.exact),
                Some(_) => {
                    (beyond && interval.is_none_or(|(low, high)| low > 1.0 || high < 1.0), demand.effect)
                }
            };
            let verdict = if !beyond {
                Verdict::Same
            } else if ratio >= 1.0 + least {
                Verdict::Dearer
            } else if ratio <= 1.0 / (1.0 + least) {
                Verdict::Cheaper
            } else {
                Verdict::Same
            };
            Judged { medians, ratio, interval, p, verdict }
        })
        .collect()
}

/// How many runs of each version it takes at least to say anything of so many figures with a spread.
pub(crate) fn runs_needed(figures: usize, alpha: f64) -> usize {
    (2..).find(|&runs| smallest_p(runs, runs) <= alpha / figures.max(1) as f64).unwrap_or(usize::MAX)
}

/// How many of the figures have a spread.
pub(crate) fn sampled(pairs: &[Pair]) -> usize {
    pairs.iter().filter(|pair| !pair.is_exact()).count()
}

/// The smallest probability that the rank test can give: all of one side beyond all of the other, on either side.
pub(crate) fn smallest_p(base: usize, new: usize) -> f64 {
    // One over the number of ways to choose the ranks of one side.
    (1..=new).fold(2.0, |p, k| p * k as f64 / (base + k) as f64).min(1.0)
}

fn median(values: &[f64]) -> f64 {
    Spread::of(values.to_vec()).map_or(f64::NAN, |spread| spread.median())
}

/// Those of the figures, by index, that Holm's procedure finds changed.
fn holm(tested: &[(usize, f64)], alpha: f64) -> Vec<usize> {
    let mut ordered = tested.to_vec();
    ordered.sort_by(|one, other| one.1.total_cmp(&other.1));
    let left = |done: usize| (ordered.len() - done) as f64;
    ordered
        .iter()
        .enumerate()
        .take_while(|(done, (_, p))| *p <= alpha / left(*done))
        .map(|(_, (index, _))| *index)
        .collect()
}

/// The probability, if all values were of one kind, that the two sides' ranks are as far apart as they are, in either direction.
fn rank_test(base: &[f64], new: &[f64]) -> f64 {
    // Pairs in which the second is larger, a tie counting half. Rounding towards the middle errs towards chance; and so do ties,
    // which the exact distribution does not know.
    let twice: usize = base
        .iter()
        .flat_map(|one| new.iter().map(move |other| 1 + usize::from(other > one) - usize::from(other < one)))
        .sum();
    let all = base.len() * new.len();
    let above = twice / 2;
    let below = all - twice.div_ceil(2);
    (2.0 * upper_tail(base.len(), new.len(), above.max(below))).min(1.0)
}

/// The probability that in `at_least` pairs or more the second is larger, by chance.
fn upper_tail(base: usize, new: usize, at_least: usize) -> f64 {
    /// Beyond so many pairs the counts are as good as normal, and the table would be large.
    const TABLE: usize = 10_000;
    let all = base * new;
    if all > TABLE {
        let spread = (all as f64 * (base + new + 1) as f64 / 12.0).sqrt();
        return normal_tail((at_least as f64 - 0.5 - all as f64 / 2.0) / spread);
    }
    // ways[k][u]: choices of k ranks for the second side of those seen so far, with u smaller ones of the first below them.
    let mut ways = vec![vec![0.0; all + 1]; new + 1];
    ways[0][0] = 1.0;
    for rank in 0..base + new {
        for chosen in (1..=new.min(rank + 1)).rev() {
            // Taking this rank as the second side's `chosen`-th: below it are rank - (chosen - 1) of the first.
            let below = rank + 1 - chosen;
            if below > base {
                continue;
            }
            let (before, after) = ways.split_at_mut(chosen);
            for count in below..=all {
                after[0][count] += before[chosen - 1][count - below];
            }
        }
    }
    let total: f64 = ways[new].iter().sum();
    ways[new][at_least.min(all)..].iter().sum::<f64>() / total
}

/// The part of a normal distribution above `x` (Abramowitz and Stegun 26.2.17, off by less than 10^-7).
fn normal_tail(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let series = [0.319_381_530, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429];
    let sum = series.iter().rev().fold(0.0, |sum, factor| (sum + factor) * t);
    let tail = sum * (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    if x < 0.0 { 1.0 - tail } else { tail }
}

/// Where the ratio of medians lies but for a probability of `level`, by percentiles of resampled runs.
fn bootstrap(pair: &Pair, level: f64) -> Option<(f64, f64)> {
    /// Resamples: at the usual 5 per cent, fifty lie beyond each end.
    const ROUNDS: usize = 2_000;
    let mut random = Random::new((pair.base.len() * 1000 + pair.new.len()) as u64);
    let mut again = |values: &[f64]| {
        let mut drawn: Vec<f64> = values.iter().map(|_| values[random.below(values.len())]).collect();
        drawn.sort_by(f64::total_cmp);
        (drawn[(drawn.len() - 1) / 2] + drawn[drawn.len() / 2]) / 2.0
    };
    let mut ratios: Vec<f64> = (0..ROUNDS).map(|_| again(&pair.new) / again(&pair.base)).collect();
    if ratios.iter().any(|ratio| !ratio.is_finite()) {
        return None;
    }
    ratios.sort_by(f64::total_cmp);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of the rounds")]
    let cut = (ROUNDS as f64 * level / 2.0).floor() as usize;
    Some((ratios[cut], ratios[ROUNDS - 1 - cut]))
}

#[cfg(test)]
mod tests;
