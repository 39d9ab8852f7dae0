//! The pace: how long to sleep after so much work, so that the work takes a given share of one processor. Numbers in, numbers
//! out; no clock.
//!
//! ```text
//!   sleep  = worked / ratio
//!   used   = worked / (worked + slept)                         what the sleeping came to
//!   error  = share - used
//!   raw    = KP * error + integral                             ¹ a PI controller in discrete time
//!   ratio  = raw, held between a quarter of the first and MOST
//!   integral += KP * period / TI * error                       ² the integral part
//!             + period / TT * (ratio - raw)                    ³ wound back while the output is held
//! ```
//!
//! A sleep is never exactly as long as asked for, and the work never exactly a millisecond; the controller finds the ratio at
//! which the share comes out right all the same. Form and constants are those of Go 1.27 `runtime/mgcscavenge.go`
//! (`piController`, `scavengerState`), where they were tuned for this purpose. Three things differ. The share is one of *one*
//! processor, however many there are; Go's is one hundredth of all of them. And the first ratio is the one that is right if
//! sleeps are as long as asked for, where Go begins with the least, a second for a millisecond. And the ratio falls to a quarter of the first at most: what makes a sleep wrong makes it
//! too long, so that a ratio far below is a swing, and a swing down to Go's bound is a second without work.
//!
//! If a figure leaves the numbers (infinite, or none), the controller starts again, and for five seconds of sleep the least
//! ratio is used without it.
//!
//! Called by `background.rs`.
#![forbid(unsafe_code)]

use core::time::Duration;

/// The share of one processor to use unless the heap's builder says otherwise. More returns memory sooner, less is felt less: at
/// 80 to 130 µs for a MiB this is 1.5 to 2.5 GiB in ten seconds.
pub const SHARE: f64 = 0.02;
/// Strength of the answer to an error. Larger reacts sooner, and swings.
const KP: f64 = 0.3375;
/// Nanoseconds in which the integral part answers as much as the proportional one.
const TI: f64 = 3.2e6;
/// Nanoseconds in which the integral part is wound back while the output is held.
const TT: f64 = 1e9;
/// The least ratio of all: a second of sleep for a millisecond of work.
const LEAST: f64 = 0.001;
/// The greatest ratio: as good as no sleep.
const MOST: f64 = 1000.0;
/// Sleep for which the least ratio is used after the controller failed.
const COOL_DOWN: Duration = Duration::from_secs(5);
/// The least work that is counted: shorter work slept for in proportion would be all waking up.
pub const LEAST_WORK: Duration = Duration::from_millis(1);

/// The PI controller. See the module's text.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Controller {
    share: f64,
    integral: f64,
}

/// What the controller says.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Output {
    /// The next ratio.
    Ratio(f64),
    /// A figure left the numbers; the controller has started again.
    Failed,
}

impl Controller {
    /// A controller for that share, whose output at the set point is the ratio that is right for exact sleeps.
    #[must_use]
    pub fn new(share: f64) -> Self {
        Self { share, integral: first(share) }
    }

    /// The next ratio, after `period` nanoseconds of which the part `used` was work.
    pub fn next(&mut self, used: f64, period: f64) -> Output {
        let error = self.share - used;
        let raw = KP * error + self.integral; // ¹
        let ratio = raw.clamp(least(self.share), MOST);
        self.integral += KP * period / TI * error + period / TT * (ratio - raw); // ² ³
        if raw.is_finite() && self.integral.is_finite() {
            Output::Ratio(ratio)
        } else {
            *self = Self::new(self.share);
            Output::Failed
        }
    }
}

/// The ratio of work to sleep at which exact sleeps come to a share.
fn first(share: f64) -> f64 {
    (share / (1.0 - share)).clamp(LEAST, MOST)
}

/// The least ratio for a share while the controller works.
fn least(share: f64) -> f64 {
    (first(share) / 4.0).max(LEAST)
}

/// How a scavenger paces itself: the controller, and what happens when it fails.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Pace {
    controller: Controller,
    ratio: f64,
    cool_down: Duration,
}

impl Pace {
    /// The pace to begin with, for a share of one processor above 0 and below 1.
    #[must_use]
    pub fn new(share: f64) -> Self {
        Self { controller: Controller::new(share), ratio: first(share), cool_down: Duration::ZERO }
    }

    /// How long to sleep after that much work, which counts as [`LEAST_WORK`] at least.
    #[must_use]
    pub fn sleep_after(&self, worked: Duration) -> Duration {
        let seconds = worked.max(LEAST_WORK).as_secs_f64() / self.ratio;
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    /// Learns from how long the sleep really was.
    pub fn slept(&mut self, worked: Duration, slept: Duration) {
        if self.cool_down > Duration::ZERO {
            self.cool_down = self.cool_down.saturating_sub(slept);
            return;
        }
        let worked = worked.max(LEAST_WORK).as_nanos() as f64;
        let period = worked + slept.as_nanos() as f64;
        match self.controller.next(worked / period, period) {
            Output::Ratio(ratio) => self.ratio = ratio,
            Output::Failed => {
                self.ratio = LEAST;
                self.cool_down = COOL_DOWN;
            }
        }
    }
}

#[cfg(test)]
mod tests;
