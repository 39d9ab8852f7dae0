//! t11: the sites that allocate the most bytes, as a profile finds them.

use crate::beside::{Beside, Row};
use crate::claim::{Claims, Tolerance};
use crate::error::LabError;
use crate::experiment::{Experiment, Lab, Trial};
use crate::record::{Bar, Plot, Record, Shape, Table};
use crate::sites::{self, Expected, MEAN, Site, short};
use crate::unit::{Unit, digits};
use heap_profile::{Group, Profile, Value};
use std::collections::BTreeSet;

/// See the module.
pub(super) struct TopSites;

/// A profile of so many operations, and the bytes that the heap itself counted.
pub(super) fn profiled(trial: &Trial<'_>, count: usize, mean: usize) -> Result<(Profile, f64), LabError> {
    let mut counted = 0.0;
    let profile = sites::profiled(&trial.heap(), mean, |mutator| {
        sites::run(mutator, count);
        // Slots that were handed out and not used are given back, and no longer counted.
        mutator.collect();
        counted = mutator.figures().memory.total_alloc.get() as f64;
    })?;
    Ok((profile, counted))
}

/// The sites by what a model says, the most first.
pub(super) fn ranked(count: usize, by: fn(&Expected) -> f64) -> Vec<(Site, Expected)> {
    let mut all: Vec<_> = Site::ALL.into_iter().map(|site| (site, site.expected(count, 1))).collect();
    all.sort_by(|(_, one), (_, other)| by(other).total_cmp(&by(one)));
    all
}

impl Experiment for TopSites {
    fn id(&self) -> &'static str {
        "t11"
    }

    fn title(&self) -> &'static str {
        "Where the bytes come from"
    }

    fn question(&self) -> &'static str {
        "Which three places allocate the most bytes in a program that writes JSON, builds strings and takes scratch buffers?"
    }

    fn extension(&self) -> Option<&'static str> {
        Some("the same by workload: by who calls the places")
    }

    fn run(&self, lab: &Lab) -> Result<Record, LabError> {
        let count = lab.size(1_000, 10_000);
        let sampled = lab.size(100_000, 500_000);
        let expected = ranked(count, |expected| expected.bytes);
        let top = &expected[..3];
        let mut claims = Claims::new();
        let flat: Vec<_> = top
            .iter()
            .map(|(site, expected)| {
                let slots: Vec<String> = site.slots(count).iter().map(usize::to_string).collect();
                claims.predict(
                    format!("flat bytes of {}, every allocation counted", site.short()),
                    format!(
                        "the sizes that it asks for, rounded up to classes: slots of {}",
                        slots.join(" and ")
                    ),
                    expected.bytes,
                    Unit::Bytes,
                    Tolerance::Exact,
                )
            })
            .collect();
        let cumulative: Vec<_> = top
            .iter()
            .map(|(site, _)| {
                let of_the_same = expected.iter().filter(|(other, _)| other.workload() == site.workload());
                let (names, bytes): (Vec<_>, Vec<_>) =
                    of_the_same.map(|(other, expected)| (other.short(), expected.bytes)).unzip();
                claims.predict(
                    format!("cumulative bytes of {}, which calls {}", short(site.workload()), site.short()),
                    format!("what all allocate that it calls: {}", names.join(", ")),
                    bytes.iter().sum(),
                    Unit::Bytes,
                    Tolerance::Exact,
                )
            })
            .collect();
        let places: Vec<_> = top
            .iter()
            .zip(1..)
            .map(|((site, _), place)| {
                claims.predict(
                    format!("place of {} by bytes", site.short()),
                    "the order of the predicted bytes",
                    f64::from(place),
                    Unit::Count,
                    Tolerance::Exact,
                )
            })
            .collect();
        let whole = claims.predict(
            "bytes of the profile − bytes that the heap counted",
            "every allocation is in the profile: nothing is left over",
            0.0,
            Unit::Bytes,
            Tolerance::Exact,
        );
        let estimates: Vec<_> = top
            .iter()
            .map(|(site, _)| {
                let expected = site.expected(sampled, MEAN);
                claims.predict(
                    format!("flat bytes of {}, one byte in 16 KiB sampled", site.short()),
                    "the same sizes; an object is sampled with p = 1 − exp(−size/16 KiB) and stands for 1/p, so the variance is \
                     size² (1 − p)/p for each: within five standard deviations",
                    expected.bytes,
                    Unit::Bytes,
                    Tolerance::Absolute(expected.bound()),
                )
            })
            .collect();
        let beyond = lab.extension(&mut claims, |claims| {
            let workloads: BTreeSet<&str> = Site::ALL.into_iter().map(Site::workload).collect();
            let number = claims.predict(
                "callers in the profile",
                "the workloads: every place that allocates is called by one of them",
                workloads.len() as f64,
                Unit::Count,
                Tolerance::Exact,
            );
            let callers: Vec<_> = workloads
                .into_iter()
                .map(|workload| {
                    let of_it = expected.iter().filter(|(site, _)| site.workload() == workload);
                    let prediction = claims.predict(
                        format!("bytes of the places that {} calls", short(workload)),
                        "its places together, as above",
                        of_it.map(|(_, expected)| expected.bytes).sum(),
                        Unit::Bytes,
                        Tolerance::Exact,
                    );
                    (workload, prediction)
                })
                .collect();
            (number, callers)
        });
        let mut trial = lab.begin(self, claims)?;
        trial.method(format!(
            "{} operations of each workload with every allocation counted, and {} with one byte in 16 KiB sampled, on one \
             mutator. A site is the innermost function that is not the heap's or the standard library's. Flat is what it \
             allocates itself; cumulative, what it and all it calls allocate.",
            digits(count as f64),
            digits(sampled as f64)
        ));

        let mut go = Beside::runs(lab, &[("", &["task", "t11", &count.to_string()])]);
        go.sample();
        trial.stage("counting every allocation");
        let (profile, counted) = profiled(&trial, count, 1)?;
        let by_bytes = profile.grouped(Group::Function, Value::AllocatedBytes);
        let all = profile.cumulative(Value::AllocatedBytes);
        for ((site, _), prediction) in top.iter().zip(flat) {
            trial.judge(prediction, sites::of(&by_bytes, site.function()).allocated.bytes);
        }
        for ((site, _), prediction) in top.iter().zip(cumulative) {
            trial.judge(prediction, sites::of(&all, site.workload()).allocated.bytes);
        }
        for ((site, _), prediction) in top.iter().zip(places) {
            let place = by_bytes.iter().position(|(name, _)| name == site.function());
            trial.judge(prediction, place.map_or(f64::NAN, |place| (place + 1) as f64));
        }
        let total = profile.total().allocated;
        trial.judge(whole, total.bytes - counted);
        if let Some((number, callers)) = beyond {
            let by_caller = profile.grouped(Group::Caller, Value::AllocatedBytes);
            trial.judge(number, by_caller.len() as f64);
            for (workload, prediction) in callers {
                trial.judge(prediction, sites::of(&by_caller, workload).allocated.bytes);
            }
            let mut table = Table::new("By workload", ["workload", "bytes", "objects", "share"]);
            for (name, counts) in &by_caller {
                table.row([
                    short(name).to_owned(),
                    Unit::Bytes.show(counts.allocated.bytes),
                    digits(counts.allocated.objects),
                    Unit::Percent.show(counts.allocated.bytes / total.bytes * 100.0),
                ]);
            }
            trial.table(table);
        }
        go.sample();
        let mut rows: Vec<Row> = by_bytes
            .iter()
            .map(|(name, counts)| {
                let short = short(name);
                let label = format!("flat bytes of {short}");
                Row::new(label, format!("flat {short}"), counts.allocated.bytes, Unit::Bytes)
            })
            .collect();
        rows.extend(["write_items", "build_strings", "take_buffers"].map(|workload| {
            let bytes = sites::of(&all, &format!("heap_lab::sites::{workload}")).allocated.bytes;
            Row::new(
                format!("cumulative bytes of {workload}"),
                format!("cumulative {workload}"),
                bytes,
                Unit::Bytes,
            )
        }));
        rows.push(Row::new("bytes of all sites", "all bytes", total.bytes, Unit::Bytes));
        go.show(&mut trial, &rows)?;

        trial.stage("sampling");
        let (estimate, _) = profiled(&trial, sampled, MEAN)?;
        let estimated = estimate.grouped(Group::Function, Value::AllocatedBytes);
        for ((site, _), prediction) in top.iter().zip(estimates) {
            trial.judge(prediction, sites::of(&estimated, site.function()).allocated.bytes);
        }

        let mut table = Table::new(
            "Sites by flat bytes, every allocation counted",
            ["site", "flat", "share", "cumulative", "objects", "sampled for the estimate"],
        );
        let mut bars = Vec::new();
        for (name, counts) in &by_bytes {
            let short = short(name);
            trial.figure(format!("flat_bytes {short}"), counts.allocated.bytes);
            trial.figure(format!("objects {short}"), counts.allocated.objects);
            table.row([
                short.to_owned(),
                Unit::Bytes.show(counts.allocated.bytes),
                Unit::Percent.show(counts.allocated.bytes / total.bytes * 100.0),
                Unit::Bytes.show(sites::of(&all, name).allocated.bytes),
                digits(counts.allocated.objects),
                digits(sites::of(&estimated, name).allocated.samples as f64),
            ]);
            bars.push(Bar::measured(short, counts.allocated.bytes));
        }
        trial.figure("total_bytes", total.bytes);
        trial.figure("broken_chains", profile.broken_chains() as f64);
        trial.table(table);
        trial.plot(Plot {
            title: String::from("Flat bytes by site"),
            reading: String::from("One site allocates most of the bytes, by size and not by number."),
            shape: Shape::Bars { unit: Unit::Bytes, bars },
        });
        for text in FINDINGS {
            trial.finding(*text);
        }
        trial.finish()
    }
}

const FINDINGS: &[&str] = &[
    "scratch: one slot of 1024 bytes each, eight to a span: the cursor is bumped seven times, and then the slow path takes \
     another span. A pool, or a frame of `Mu::frame`, takes it out of the profile.",
    "serialise: one slot for each text, and the text is copied once, out of a buffer that is reused. The hot path: a bump of \
     the run's cursor.",
    "concatenate: a new string for each character, quadratic in the length. At ten characters that is ten slots of the two \
     classes of 16 and 24 bytes, hundreds to a span: the hot path, taken ten times where once would do.",
    "A practice text expects concatenation first and the buffers third. In Go the buffers are not there at all: \
     make([]byte, 1024) does not escape and stays on the stack, and go tool pprof cannot find what never was on the heap \
     (Go 1.27.3). Here a scratch buffer is in the heap because the program asked the heap for it.",
];
