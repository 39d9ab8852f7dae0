//! Streams: one number a cycle.

/// One number for each cycle; the last one goes on for ever.
#[derive(Clone, Debug)]
pub(super) struct Stream(Vec<f64>);

/// As many cycles as any test runs.
const LONGEST: usize = 100;

impl Stream {
    fn each(value: impl FnMut(usize) -> f64) -> Self {
        Self((0..LONGEST).map(value).collect())
    }

    /// Always the same.
    pub(super) fn constant(value: f64) -> Self {
        Self::each(|_| value)
    }

    /// From `from` to `to` in a straight line over so many cycles, then `to`.
    pub(super) fn ramp(from: f64, to: f64, cycles: usize) -> Self {
        let part = |cycle: usize| (cycle.min(cycles) as f64) / cycles as f64;
        Self::each(|cycle| from + (to - from) * part(cycle))
    }

    /// Plus `more` from a cycle on.
    pub(super) fn step(self, at: usize, more: f64) -> Self {
        let Self(values) = self;
        Self::each(|cycle| values[cycle] + if cycle >= at { more } else { 0.0 })
    }

    /// Plus `more` in one cycle.
    pub(super) fn pulse(self, at: usize, more: f64) -> Self {
        self.step(at, more).step(at + 1, -more)
    }

    /// Plus a wave.
    pub(super) fn wave(self, height: f64, period: f64) -> Self {
        let Self(values) = self;
        Self::each(|cycle| values[cycle] + height * (cycle as f64 / period * core::f64::consts::TAU).sin())
    }

    /// Plus something between `-height` and `height`, the same in every run.
    pub(super) fn jitter(self, height: f64, seed: u64) -> Self {
        let Self(values) = self;
        let mut state = seed;
        Self::each(|cycle| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            values[cycle] + height * ((state >> 33) as f64 / f64::from(1_u32 << 30) - 1.0)
        })
    }

    pub(super) fn at(&self, cycle: usize) -> f64 {
        self.0[cycle.min(LONGEST - 1)]
    }
}
