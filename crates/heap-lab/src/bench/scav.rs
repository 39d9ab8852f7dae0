//! The `scav` bench: what goes back to the system, how soon, at what cost, and what allocations feel of it.
//!
//! ```text
//!   dropped   fill, drop all, collect; then nothing happens but what the heap does by itself
//!   idle      fill, drop all, allocate until the heap's own next cycle; then the program falls idle
//!   demand    fill, drop all, collect; then memory is asked to be released
//!   limit     a live table under a memory limit of 1.2 times its size; its entries are replaced at random
//!   below     the same under a limit of 0.8 times its size, which cannot be kept
//! ```
//! The heap holds slices of mixed sizes ([`table`]). Resident memory is the process's, less what it was before the heap was built.

mod limited;
mod returned;
mod table;

use crate::choice::choices;
use crate::error::LabError;
use crate::measure::machine;
use crate::size::parse_size;
use serde_json::Value;
use std::time::Duration;
use tricolor::{HeapBuilder, WaitFigures};

choices! {
    /// What is done.
    Shape, "scav shape" {
        /// All is dropped and collected; the background works.
        Dropped = "dropped",
        /// All is dropped, the heap has a cycle of its own, and the program falls idle.
        Idle = "idle",
        /// All is dropped, and memory is asked to be released.
        Demand = "demand",
        /// Churn under a limit that can be kept.
        Limit = "limit",
        /// Churn under a limit that cannot.
        Below = "below",
    }
}

/// What to measure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Wish {
    /// What is done.
    shape: Shape,
    /// Bytes of slots to fill.
    live: u64,
    /// How long the background, or the churn, has.
    time: Duration,
}

/// Bytes that are filled and dropped, unless the user says otherwise.
const DROPPED: u64 = 1 << 30;
/// Live bytes under a limit, unless the user says otherwise.
const LIMITED: u64 = 256 << 20;
/// Seconds that the background has, unless the user says otherwise.
const SECONDS: f64 = 10.0;
/// Seconds of churn, unless the user says otherwise.
const CHURN_SECONDS: f64 = 60.0;
/// The most seconds: an hour.
const MOST_SECONDS: f64 = 3600.0;
/// Seed of all random choices: the same sizes every time.
const SEED: u64 = 1;

impl Wish {
    /// What the words mean.
    ///
    /// # Errors
    /// When a word is unknown or a number out of range.
    pub(super) fn parse(shape: &str, live: Option<&str>, seconds: Option<f64>) -> Result<Self, LabError> {
        let shape = Shape::named(shape)?;
        let is_churn = matches!(shape, Shape::Limit | Shape::Below);
        let seconds = seconds.unwrap_or(if is_churn { CHURN_SECONDS } else { SECONDS });
        if !(0.0..=MOST_SECONDS).contains(&seconds) || seconds == 0.0 {
            return Err(LabError::Argument(format!(
                "--seconds is {seconds}, but must be above 0 and at most {MOST_SECONDS}"
            )));
        }
        let live = live.map_or(Ok(if is_churn { LIMITED } else { DROPPED }), parse_size)?;
        Ok(Self { shape, live, time: Duration::from_secs_f64(seconds) })
    }
}

/// Measures it.
///
/// # Errors
/// When the heap cannot be built or the system cannot be read.
pub(super) fn run(builder: &HeapBuilder, wish: &Wish) -> Result<Value, LabError> {
    // A heap that collects by itself grows to twice what lives.
    machine::must_fit(wish.live.saturating_mul(3), "--live")?;
    match wish.shape {
        Shape::Dropped | Shape::Idle => returned::in_the_background(builder, wish),
        Shape::Demand => returned::on_demand(builder, wish),
        Shape::Limit | Shape::Below => limited::churn(builder, wish),
    }
}

/// The arguments of an outcome, as they would be typed.
fn args(wish: &Wish) -> Vec<String> {
    let seconds = wish.time.as_secs_f64().to_string();
    let words = [wish.shape.word(), "--live", &wish.live.to_string(), "--seconds", &seconds];
    words.map(str::to_owned).to_vec()
}

fn us(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// Waits as an object: how many, how long, and how many were longer than 100 µs at least.
fn waits(figures: &WaitFigures) -> Value {
    let long = figures.buckets.iter().enumerate().filter(|(bucket, _)| {
        let begin = bucket.checked_sub(1).and_then(WaitFigures::end_of);
        begin.is_some_and(|begin| begin >= Duration::from_micros(100))
    });
    let buckets: Vec<Value> = figures
        .buckets
        .iter()
        .enumerate()
        .filter(|(_, count)| **count > 0)
        .map(|(bucket, count)| serde_json::json!([WaitFigures::end_of(bucket).map(us), count]))
        .collect();
    serde_json::json!({
        "count": figures.count,
        "total_us": us(figures.total),
        "max_us": us(figures.max),
        "max_cpu_us": us(figures.max_cpu),
        "above_128_us": long.map(|(_, count)| count).sum::<u64>(),
        "below_us": buckets,
    })
}
