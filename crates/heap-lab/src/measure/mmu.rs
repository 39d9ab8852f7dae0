//! Minimum mutator utilisation: of any window of so much time, the least part that was the mutator's own.
//!
//! ```text
//!            gap          gap gap
//!   ────────█████─────────██──██──────────▶ time     utilisation(w) = min over t of 1 − gaps in [t, t + w] / w
//!         [····w····]                                the curve over w begins at 0 where one gap fills a window
//! ```
//! The longest pause says nothing about ten short ones in a row; this does. After Cheng and Blelloch (2001).
//!
//! The time in gaps is a sum of a piecewise linear function of t whose slope changes only where an edge of the window
//! meets an edge of a gap, and a maximum lies where the window begins with a gap or ends with one. So only those
//! windows are looked at.
//!
//! Pure: numbers in, numbers out.

/// The windows of a report: milliseconds, and the key of the figure.
pub(crate) const WINDOWS: [(u64, &str); 10] = [
    (1, "mmu_1ms"),
    (2, "mmu_2ms"),
    (5, "mmu_5ms"),
    (10, "mmu_10ms"),
    (20, "mmu_20ms"),
    (50, "mmu_50ms"),
    (100, "mmu_100ms"),
    (200, "mmu_200ms"),
    (500, "mmu_500ms"),
    (1000, "mmu_1000ms"),
];

/// A stretch of time, in nanoseconds since some beginning, in which a mutator got nothing done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    /// Where it begins.
    pub(crate) start: u64,
    /// Where it ends, not before `start`.
    pub(crate) end: u64,
}

/// The gaps of one mutator over `span` nanoseconds.
#[derive(Clone, Debug)]
pub(crate) struct Gaps {
    gaps: Vec<Gap>,
    /// `before[i]`: nanoseconds in the gaps before the i-th.
    before: Vec<u64>,
    span: u64,
}

impl Gaps {
    /// Gaps in the order of time, none of which begins before the last has ended; what lies past `span` is cut off.
    pub(crate) fn new(gaps: &[Gap], span: u64) -> Self {
        let gaps: Vec<Gap> = gaps
            .iter()
            .filter(|gap| gap.start < span)
            .map(|gap| Gap { start: gap.start, end: gap.end.min(span) })
            .collect();
        debug_assert!(gaps.windows(2).all(|pair| pair[0].end <= pair[1].start), "gaps overlap");
        let before = gaps
            .iter()
            .scan(0, |sum, gap| {
                let so_far = *sum;
                *sum += gap.end - gap.start;
                Some(so_far)
            })
            .collect();
        Self { gaps, before, span }
    }

    /// Nanoseconds in gaps before `time`.
    fn until(&self, time: u64) -> u64 {
        let begun = self.gaps.partition_point(|gap| gap.start < time);
        match begun.checked_sub(1) {
            None => 0,
            Some(last) => self.before[last] + (self.gaps[last].end.min(time) - self.gaps[last].start),
        }
    }

    /// The minimum utilisation over all windows of so many nanoseconds, 0 to 1; of the whole span if that is shorter.
    pub(crate) fn utilisation(&self, window: u64) -> f64 {
        let window = window.clamp(1, self.span.max(1));
        let last = self.span.saturating_sub(window);
        let starts = self.gaps.iter().map(|gap| gap.start);
        let ends = self.gaps.iter().map(|gap| gap.end.saturating_sub(window));
        let most = starts
            .chain(ends)
            .map(|from| from.min(last))
            .map(|from| self.until(from + window) - self.until(from))
            .max()
            .unwrap_or(0);
        1.0 - most as f64 / window as f64
    }
}

/// The curve of several mutators: for each of [`WINDOWS`], the utilisation of the mutator that had the least.
pub(crate) fn curve(mutators: &[Gaps]) -> Vec<f64> {
    let least =
        |millis: u64| mutators.iter().map(|gaps| gaps.utilisation(millis * 1_000_000)).fold(1.0, f64::min);
    WINDOWS.iter().map(|(millis, _)| least(*millis)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shapes::Random;

    /// The definition, read literally: every window that begins at a whole nanosecond.
    fn reference(gaps: &[Gap], span: u64, window: u64) -> f64 {
        let window = window.clamp(1, span);
        let inside = |time: u64| gaps.iter().any(|gap| (gap.start..gap.end).contains(&time));
        let most = (0..=span - window).map(|from| (from..from + window).filter(|time| inside(*time)).count());
        1.0 - most.max().unwrap_or(0) as f64 / window as f64
    }

    #[test]
    fn it_agrees_with_the_definition_on_random_gaps() {
        let mut random = Random::new(7);
        for _ in 0..300 {
            let span = 1 + random.below(120) as u64;
            let mut gaps = Vec::new();
            let mut time = random.below(20) as u64;
            while time < span {
                let end = time + random.below(12) as u64;
                gaps.push(Gap { start: time, end });
                time = end + random.below(25) as u64;
            }
            let fast = Gaps::new(&gaps, span);
            for window in [1, 2, 3, 7, 20, 50, 119, 120, 500] {
                let (got, expected) = (fast.utilisation(window), reference(&gaps, span, window));
                assert!((got - expected).abs() < 1e-12, "{gaps:?} of {span}, {window}: {got} {expected}");
            }
        }
    }

    #[test]
    fn a_gap_as_long_as_the_window_leaves_nothing() {
        let gaps = Gaps::new(&[Gap { start: 100, end: 200 }], 1000);
        assert_eq!(gaps.utilisation(100), 0.0);
        assert_eq!(gaps.utilisation(200), 0.5);
        assert_eq!(gaps.utilisation(1000), 0.9);
    }

    #[test]
    fn short_gaps_in_a_row_add_up() {
        let row: Vec<Gap> = (0..10).map(|n| Gap { start: n * 20, end: n * 20 + 10 }).collect();
        let gaps = Gaps::new(&row, 1000);
        assert_eq!(gaps.utilisation(10), 0.0);
        assert!((gaps.utilisation(190) - (1.0 - 100.0 / 190.0)).abs() < 1e-12);
    }

    #[test]
    fn without_gaps_all_time_is_the_mutators_and_the_worst_mutator_counts() {
        let (free, held) =
            (Gaps::new(&[], 2_000_000_000), Gaps::new(&[Gap { start: 0, end: 5_000_000 }], 2_000_000_000));
        assert_eq!(free.utilisation(1_000_000), 1.0);
        let both = curve(&[free, held]);
        assert_eq!(both.len(), WINDOWS.len());
        assert_eq!((both[0], both[2], both[3]), (0.0, 0.0, 0.5));
    }
}
