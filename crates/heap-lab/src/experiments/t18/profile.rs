//! Where the processor is in a program that makes large objects: how much of it is the page allocator's.
//!
//! The program is a [guest](crate::guest), whose objects have 16 pages each, so that every one is a search of the tree; it is sampled
//! from outside, by [`CpuProfile`]. Where that cannot be, the search is timed by itself, and an object by itself: the share is
//! theirs, and there is no list of functions.

use crate::claim::{Claims, Prediction, Tolerance};
use crate::error::LabError;
use crate::experiment::Trial;
use crate::guest::{Guest, LARGE, make_large, this_program};
use crate::measure::perf::{CpuProfile, RATE};
use crate::measure::time::timed;
use crate::page_search::search;
use crate::record::Table;
use crate::unit::Unit;
use heap_core::units::{PAGE_BYTES, Pages};

/// Objects that are made under the profiler: about a second.
const COUNT: usize = 250_000;
/// Nanoseconds to have a word from memory that is in no cache.
const MISS: f64 = 80.0;
/// Bytes that are written in a nanosecond, at most: a vector each, out of the cache.
const WRITTEN: f64 = 32.0;
/// Functions of the page allocator, and of the heap of pages that calls it.
const PAGES: &str = "heap_core::page";

/// Predicts the share.
pub(super) fn claim(claims: &mut Claims) -> Prediction {
    let (pages, bytes) = (2.0 * super::LEVELS as f64 * MISS, LARGE as f64 / WRITTEN);
    let share = pages / (pages + bytes);
    let samples = f64::from(RATE) * COUNT as f64 * (pages + bytes) / 1e9;
    claims.predict_time(
        "CPU of making objects of 128 KiB that is the page allocator's, of all",
        format!(
            "pages taken and given back by the page heap, {} levels each, a word of {MISS} ns at each; {LARGE} bytes written, {WRITTEN} in a \
             nanosecond; and five standard deviations of a share of {samples:.0} samples",
            super::LEVELS
        ),
        share + 5.0 * (share * (1.0 - share) / samples).sqrt(),
        Unit::Times,
        Tolerance::AtMost,
    )
}

/// Measures it.
pub(super) fn judge(trial: &mut Trial<'_>, share: Prediction) -> Result<(), LabError> {
    trial.stage("a profile of large objects being made");
    let lab = this_program()?;
    match CpuProfile::of(&lab, &Guest::Large(COUNT).args()) {
        Ok(profile) => {
            trial.judge(share, profile.share(PAGES));
            trial.fact("profiler", "perf");
            trial.figure("samples", profile.samples as f64);
            trial.table(functions(&profile));
            trial.finding(format!(
                "While objects of 128 KiB are made, the processor is in the page heap and its tree for {} of {} samples; writing the \
                 bytes is what takes the time. The search goes down the levels in a loop, and no function calls itself: in a flame \
                 graph it is one block, and not a staircase.",
                Unit::Percent.show(profile.share(PAGES) * 100.0),
                profile.samples
            ));
        }
        Err(why) => {
            let (search, object) = (search(1 << 30, Pages::new(LARGE / PAGE_BYTES), 2_000)?, object(trial)?);
            trial.judge(share, search / object);
            trial.fact("profiler", "none");
            trial.finding(format!(
                "There is no profile, since {why}. Timed by themselves, a search for {} pages takes {}, and an object of as many {}.",
                LARGE / PAGE_BYTES,
                Unit::Nanos.show(search),
                Unit::Nanos.show(object)
            ));
        }
    }
    Ok(())
}

/// Nanoseconds to make an object of [`LARGE`] bytes and be rid of it.
fn object(trial: &Trial<'_>) -> Result<f64, LabError> {
    const FEW: usize = 10_000;
    let heap = trial.heap().gc_percent(100).build()?;
    let mut mutator = heap.attach()?;
    let ((), lap) = timed(|| make_large(&mut mutator, FEW));
    Ok(lap.cpu_ns_per(FEW as u64))
}

fn functions(profile: &CpuProfile) -> Table {
    let mut table =
        Table::new("Where the processor is while objects of 128 KiB are made", ["function", "share"]);
    for (name, share) in profile.functions.iter().take(12) {
        table.row([name.clone(), Unit::Percent.show(share * 100.0)]);
    }
    table
}
