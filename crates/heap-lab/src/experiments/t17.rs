//! t17: one allocation among many, found by its place.

use crate::beside::{Beside, Row};
use crate::claim::{Claims, Tolerance};
use crate::error::LabError;
use crate::experiment::{Experiment, Lab, Trial};
use crate::measure::time::timed;
use crate::record::{Record, Table};
use crate::sites::{self, of};
use crate::unit::{Unit, digits};
use heap_core::size_class::SizeClass;
use heap_profile::{Group, Profile, Profiler, Value};
use std::hint::black_box;
use tricolor::{Gc, Mu, Mutator};

/// See the module.
pub(super) struct OneAllocation;

/// Bytes from one sampled byte to the next, as usual.
const USUAL: usize = 512 << 10;
/// Bytes of the allocation that is looked for.
const SIZE: usize = 1024;
/// Where it is.
const PLACE: &str = "heap_lab::experiments::t17::the_place";
/// Different stacks that allocate beside it.
const STACKS: usize = 40;
/// Allocations of an operation of each workload of t11, together.
const ALLOCATIONS: f64 = 14.0;
/// Instructions of the cheapest sample: `docs/design/instruments.md`.
const SAMPLE: f64 = 1_700.0;
/// Instructions of an operation of each workload, at most: its texts are formatted, and a KiB is cleared and copied.
const OPERATION: f64 = 6_000.0;
/// Repetitions of each timing.
const BATCHES: usize = 5;

/// The one place.
#[inline(never)]
fn the_place<'gc>(mu: &Mu<'gc>) -> Gc<'gc, [u8; SIZE]> {
    let mut bytes = [0; SIZE];
    bytes[SIZE - 1] = 17;
    black_box(mu.alloc(bytes))
}

/// Allocates through so many calls, so that each depth is a stack of its own.
#[inline(never)]
fn through(depth: usize, count: usize, mu: &Mu<'_>) {
    if depth > 0 {
        through(black_box(depth - 1), count, mu);
    } else {
        for number in 0..black_box(count as u64) {
            black_box(mu.alloc([number; 4]));
        }
    }
    // So that no call becomes a jump.
    black_box(depth);
}

/// What goes on beside it: `count` objects of 32 bytes from each of the stacks.
fn crowd(mutator: &mut Mutator, count: usize) {
    mutator.enter(|mu| (0..STACKS).for_each(|depth| through(depth, count, mu)));
}

/// The profile of a program with a crowd and `times` allocations at the one place.
fn profiled(trial: &Trial<'_>, mean: usize, count: usize, times: usize) -> Result<Profile, LabError> {
    sites::profiled(&trial.heap(), mean, |mutator| {
        crowd(mutator, count);
        for batch in 0..times.div_ceil(10_000) {
            let batch = (times - batch * 10_000).min(10_000);
            mutator.enter(|mu| {
                for _ in 0..batch {
                    black_box(the_place(mu));
                }
            });
            mutator.collect();
        }
    })
}

impl Experiment for OneAllocation {
    fn id(&self) -> &'static str {
        "t17"
    }

    fn title(&self) -> &'static str {
        "One allocation among many"
    }

    fn question(&self) -> &'static str {
        "Can a single allocation of 1024 bytes be found by its place, and what does it cost to note every allocation?"
    }

    fn extension(&self) -> Option<&'static str> {
        Some("the file with every allocation noted beside the usual one")
    }

    fn run(&self, lab: &Lab) -> Result<Record, LabError> {
        let count = lab.size(50, 500);
        let often = lab.size(20_000, 100_000);
        let slot = SizeClass::for_bytes(SIZE).size().get();
        // The chance that one of the usual samples is of the one place.
        let p = sites::chance(slot, USUAL);
        let mut claims = Claims::new();
        let objects = claims.predict(
            "objects at the one place, every allocation noted",
            "it was made once",
            1.0,
            Unit::Objects,
            Tolerance::Exact,
        );
        let bytes = claims.predict(
            "flat bytes there",
            format!("the slot of {SIZE} bytes"),
            slot as f64,
            Unit::Bytes,
            Tolerance::Exact,
        );
        let others = claims.predict(
            "objects of the others",
            format!("{STACKS} stacks, {count} objects each"),
            (STACKS * count) as f64,
            Unit::Objects,
            Tolerance::Exact,
        );
        let places = claims.predict(
            "different stacks in the profile",
            "one for each depth of the recursion, and the one place",
            (STACKS + 1) as f64,
            Unit::Count,
            Tolerance::AtLeast,
        );
        let found = claims.predict(
            format!("samples of the place at 512 KiB, of {} made there", digits(often as f64)),
            "each is one with p = 1 − exp(−1024/512 KiB), 1 in 513: n p, within five standard deviations of a sum of so many",
            often as f64 * p,
            Unit::Count,
            Tolerance::Absolute(5.0 * (often as f64 * p * (1.0 - p)).sqrt()),
        );
        // A place of 32-byte objects that is sampled at all is worth a row; so many samples are expected of the crowd.
        let crowd_bytes = (STACKS * count * 32 + slot) as f64;
        let seen = crowd_bytes / USUAL as f64;
        let beyond = lab.extension(&mut claims, |claims| {
            let rows = claims.predict(
                "different stacks in the profile at 512 KiB",
                "no more than there are samples: bytes/512 KiB, and five standard deviations",
                seen + 5.0 * seen.sqrt() + 1.0,
                Unit::Count,
                Tolerance::AtMost,
            );
            let files = claims.predict(
                "bytes of the file, every allocation noted over 512 KiB",
                "it has a row for every stack that allocates, and the names in it: never less",
                1.0,
                Unit::Times,
                Tolerance::AtLeast,
            );
            (rows, files)
        });
        let slower = claims.predict_time(
            "CPU, every allocation noted over none",
            format!(
                "1 + {ALLOCATIONS} samples of {SAMPLE} instructions over an operation of at most {OPERATION}: with frame pointers; the \
                 unwinder takes 30,000"
            ),
            1.0 + ALLOCATIONS * SAMPLE / OPERATION,
            Unit::Times,
            Tolerance::AtLeast,
        );
        let mut trial = lab.begin(self, claims)?;
        trial.method(format!(
            "A program that allocates 32 bytes from {STACKS} different stacks, {count} times each, and 1024 bytes once, with a mean of 1, \
             and again with one of 512 KiB. Then {} times the one place, at 512 KiB. Time: the workloads of t11 with a profiler \
             that is off and with one that notes everything, {BATCHES} batches in turn, medians.",
            digits(often as f64)
        ));

        let operations = lab.size(200, 1_000);
        let mut go = beside_go(lab, [count, often, operations]);
        go.sample();
        trial.stage("noting every allocation");
        let every = profiled(&trial, 1, count, 1)?;
        let functions = every.grouped(Group::Function, Value::AllocatedBytes);
        let one = of(&functions, PLACE).allocated;
        trial.judge(objects, one.objects);
        trial.judge(bytes, one.bytes);
        trial.judge(others, every.total().allocated.objects - one.objects);
        let stacks = |profile: &Profile| {
            let mut stacks: Vec<_> = profile.sites().iter().map(|site| &site.stack).collect();
            stacks.sort_unstable();
            stacks.dedup();
            stacks.len() as f64
        };
        trial.judge(places, stacks(&every));
        trial.stage("sampling");
        let usual = profiled(&trial, USUAL, count, 1)?;
        let file = |profile: &Profile| {
            sites::file_bytes(profile)
                .map_err(|error| LabError::Measure(format!("writing a profile: {error}")))
        };
        let (long, short) = (file(&every)? as f64, file(&usual)? as f64);
        if let Some((rows, files)) = beyond {
            trial.judge(rows, stacks(&usual));
            trial.judge(files, long / short);
        }
        let again = profiled(&trial, USUAL, 1, often)?;
        let sampled = of(&again.grouped(Group::Function, Value::AllocatedBytes), PLACE).allocated;
        trial.judge(found, sampled.samples as f64);

        trial.stage("timing");
        let (off, on) = times(&mut trial, operations)?;
        trial.judge(slower, on / off);
        go.sample();
        let others = every.total().allocated.objects - one.objects;
        go.show(
            &mut trial,
            &[
                Row::new("objects at the one place", "objects", one.objects, Unit::Objects),
                Row::new("bytes there", "bytes", one.bytes, Unit::Bytes),
                Row::new("objects of the others", "objects of the others", others, Unit::Objects),
                Row::new("stacks", "stacks", stacks(&every), Unit::Count),
                Row::new("bytes of the file", "file bytes", long, Unit::Bytes),
                Row::new("bytes of the file at 512 KiB", "usual file bytes", short, Unit::Bytes),
                Row::new(
                    "samples of the place at 512 KiB",
                    "usual samples",
                    sampled.samples as f64,
                    Unit::Count,
                ),
                Row::new("CPU of an operation, nothing noted", "off: ns", off, Unit::Nanos),
                Row::new("CPU of an operation, all noted", "every: ns", on, Unit::Nanos),
                Row::new("the second over the first", "every over off", on / off, Unit::Times),
            ],
        )?;

        let mut table = Table::new("The same program", ["mean", "stacks", "samples", "bytes of the file"]);
        for (mean, profile, bytes) in [("1", &every, long), ("512 KiB", &usual, short)] {
            trial.figure(format!("file_bytes {mean}"), bytes);
            let samples = profile.total().allocated.samples as f64;
            table.row([mean.to_owned(), digits(stacks(profile)), digits(samples), Unit::Bytes.show(bytes)]);
        }
        trial.table(table);
        trial.figure("broken_chains", every.broken_chains() as f64);
        trial.finding(format!(
            "A mean of 1 notes every allocation; the usual one of 512 KiB notes an object of {SIZE} bytes once in {:.0}, so a \
             single one is almost never in the profile. Noting every one made this program {} slower, where a practice \
             text expects 10 to 30 %: it is for debugging, and not for production.",
            1.0 / p,
            Unit::Times.show(on / off)
        ));
        for text in FINDINGS {
            trial.finding(*text);
        }
        trial.finish()
    }
}

/// Go's profile of the same, with every allocation noted and as usual: two processes, because a profile is a process's.
fn beside_go<'lab>(lab: &'lab Lab, numbers: [usize; 3]) -> Beside<'lab> {
    let [count, often, operations] = &numbers.map(|number| number.to_string());
    let usual = USUAL.to_string();
    Beside::runs(
        lab,
        &[
            ("", &["task", "t17", "1", count, often, operations]),
            ("usual ", &["task", "t17", &usual, count, often, operations]),
        ],
    )
}

/// Nanoseconds of an operation of the workloads of t11, with a profiler that is off and with one that notes everything.
fn times(trial: &mut Trial<'_>, count: usize) -> Result<(f64, f64), LabError> {
    let heap = trial.heap().sampler(Profiler::new(), 0).build()?;
    let mut mutator = heap.attach()?;
    // The code is warm, and the stacks were seen, before it is timed.
    heap.set_sample_mean(1);
    sites::run(&mut mutator, count);
    let mut samples = [Vec::new(), Vec::new()];
    for _ in 0..BATCHES {
        for (mean, samples) in [0, 1].into_iter().zip(&mut samples) {
            heap.set_sample_mean(mean);
            mutator.collect();
            let ((), lap) = timed(|| sites::run(&mut mutator, count));
            samples.push(lap.cpu_ns_per(count as u64));
        }
    }
    let [off, on] = samples;
    Ok((
        trial.samples("cpu_ns_per_op off", off)?.median(),
        trial.samples("cpu_ns_per_op every allocation", on)?.median(),
    ))
}

const FINDINGS: &[&str] = &[
    "Go's MemProfileRate = 1 does not note everything either: small objects that share a block are noted once for \
     the block (Go 1.27.3: 40,000 records of ten thousand times nine concatenations). So it is here for objects below 16 \
     bytes without references.",
    "In Go the practice text's single slice is not in the profile at all: its function is put into the caller, where the \
     slice does not escape (Go 1.27.3). The mean may be changed here at any time; what was allocated before is not \
     in the profile, and a mutator hears of it with its next run.",
];
