//! t19: allocations by crate.

use crate::claim::{Claims, Tolerance};
use crate::error::LabError;
use crate::experiment::{Experiment, Lab, Trial};
use crate::record::{Bar, Plot, Record, Shape, Source, Table};
use crate::unit::{Unit, digits};
use heap_core::size_class::SizeClass;
use heap_profile::{Count, Group, Profile, Profiler, Value};
use std::hint::black_box;

/// See the module.
pub(super) struct ByCrate;

/// Bytes from one sampled byte to the next in the sampled run: a profile of a short program needs a shorter distance than 512 KiB.
const MEAN: usize = 16 << 10;

/// A crate, and what it allocates in a round: so many times so many words.
struct Expected {
    name: &'static str,
    parts: &'static [(usize, usize)],
}

/// By the crate that has the code that allocates.
const CRATES: [Expected; 4] = [
    Expected { name: "profile_orchard", parts: &[(60, 15), (40, 19), (40, 15), (101, 7), (90, 9)] },
    Expected { name: "profile_bakery", parts: &[(80, 11), (70, 13)] },
    Expected { name: "profile_post", parts: &[(50, 17)] },
    Expected { name: "heap_lab", parts: &[(30, 21)] },
];

/// By the crate that calls it: what each has others allocate.
const CALLERS: [Expected; 3] = [
    Expected { name: "profile_bakery", parts: &[(60, 15), (40, 15)] },
    Expected { name: "profile_post", parts: &[(40, 19)] },
    Expected { name: "profile_orchard", parts: &[(80, 11)] },
];

impl Expected {
    fn sizes(&self) -> impl Iterator<Item = (f64, f64)> {
        let slot = |words: usize| SizeClass::for_bytes(words * 8).size().get() as f64;
        self.parts.iter().map(move |(count, words)| (*count as f64, slot(*words)))
    }

    fn objects(&self, rounds: usize) -> f64 {
        self.sizes().map(|(count, _)| count).sum::<f64>() * rounds as f64
    }

    fn bytes(&self, rounds: usize) -> f64 {
        self.sizes().map(|(count, size)| count * size).sum::<f64>() * rounds as f64
    }

    /// Five standard deviations of the estimate of its bytes.
    fn bound(&self, rounds: usize) -> f64 {
        let variance = |(count, size): (f64, f64)| {
            let p = -(-size / MEAN as f64).exp_m1();
            count * rounds as f64 * size * size * (1.0 - p) / p
        };
        5.0 * self.sizes().map(variance).sum::<f64>().sqrt()
    }
}

/// What all the crates do, so many times.
#[inline(never)]
fn program(trial: &Trial<'_>, mean: usize, rounds: usize) -> Result<Profile, LabError> {
    let profiler = Profiler::new();
    let heap = trial.heap().sampler(profiler.clone(), mean).build()?;
    let mut mutator = heap.attach()?;
    for _ in 0..rounds {
        mutator.enter(|mu| {
            profile_post::round!(mu);
            for number in 0..black_box(30_u64) {
                black_box(mu.alloc([number; 21]));
            }
        });
    }
    Ok(profiler.profile("crates", &heap))
}

fn found(profile: &Profile, group: Group, name: &str) -> Count {
    let all = profile.grouped(group, Value::AllocatedBytes);
    all.into_iter().find(|(found, _)| found == name).map(|(_, counts)| counts.allocated).unwrap_or_default()
}

impl Experiment for ByCrate {
    fn id(&self) -> &'static str {
        "t19"
    }

    fn title(&self) -> &'static str {
        "Bytes by crate"
    }

    fn question(&self) -> &'static str {
        "How much does each crate of a program allocate, and which crate has a library allocate?"
    }

    fn run(&self, lab: &Lab) -> Result<Record, LabError> {
        let rounds = lab.size(5, 50);
        let sampled = lab.size(300, 3_000);
        let mut claims = Claims::new();
        let exact: Vec<_> = CRATES
            .iter()
            .map(|one| {
                let objects = claims.predict(
                    format!("objects of {}", one.name),
                    "those that its functions, closures and functions of traits make",
                    one.objects(rounds),
                    Unit::Objects,
                    Tolerance::Exact,
                );
                let bytes = claims.predict(
                    format!("bytes of {}", one.name),
                    "the same, in slots",
                    one.bytes(rounds),
                    Unit::Bytes,
                    Tolerance::Exact,
                );
                (one.name, objects, bytes)
            })
            .collect();
        let number = claims.predict(
            "crates in the table",
            "those four, and no other: nothing is counted for the heap, the standard library, or nobody",
            CRATES.len() as f64,
            Unit::Count,
            Tolerance::Exact,
        );
        let callers: Vec<_> = CALLERS
            .iter()
            .map(|one| {
                let prediction = claims.predict(
                    format!("bytes that {} has another crate allocate", one.name),
                    "calls across a crate's border, the innermost of each stack",
                    one.bytes(rounds),
                    Unit::Bytes,
                    Tolerance::Exact,
                );
                (one.name, prediction)
            })
            .collect();
        let estimates: Vec<_> = CRATES
            .iter()
            .map(|one| {
                let prediction = claims.predict(
                    format!("bytes of {}, one byte in 16 KiB sampled", one.name),
                    "the same; each object is sampled with p = 1 − exp(−size/16 KiB) and stands for 1/p: within five standard \
                     deviations",
                    one.bytes(sampled),
                    Unit::Bytes,
                    Tolerance::Absolute(one.bound(sampled)),
                );
                (one.name, prediction)
            })
            .collect();
        let mut trial = lab.begin(self, claims);
        trial.method(format!(
            "Three small crates and this one allocate in functions, generic functions, closures and functions of traits: {rounds} \
             rounds with every allocation counted, {} with one byte in 16 KiB sampled. A crate has what is allocated by code \
             that is written in it; a calling crate, what the innermost other crate of a stack allocates for it.",
            digits(sampled as f64)
        ));

        trial.stage("counting every allocation");
        let profile = program(&trial, 1, rounds)?;
        let all = profile.grouped(Group::Crate, Value::AllocatedBytes);
        for (name, objects, bytes) in exact {
            let count = found(&profile, Group::Crate, name);
            trial.judge(objects, count.objects);
            trial.judge(bytes, count.bytes);
        }
        trial.judge(number, all.len() as f64);
        for (name, prediction) in callers {
            trial.judge(prediction, found(&profile, Group::CallingCrate, name).bytes);
        }
        trial.stage("sampling");
        let estimate = program(&trial, MEAN, sampled)?;
        for (name, prediction) in estimates {
            trial.judge(prediction, found(&estimate, Group::Crate, name).bytes);
        }

        let mut bars = Vec::new();
        for group in [Group::Crate, Group::Module, Group::CallingCrate] {
            let (one, several) = group.names();
            let mut table = Table::new(
                format!("The first ten {several}, by allocated bytes"),
                [one, "bytes", "objects", "share"],
            );
            let total = profile.total().allocated.bytes;
            for (name, counts) in profile.grouped(group, Value::AllocatedBytes).iter().take(10) {
                trial.figure(format!("{one} {name}: bytes"), counts.allocated.bytes);
                table.row([
                    name.clone(),
                    Unit::Bytes.show(counts.allocated.bytes),
                    digits(counts.allocated.objects),
                    Unit::Percent.show(counts.allocated.bytes / total * 100.0),
                ]);
            }
            trial.table(table);
        }
        for (name, counts) in &all {
            bars.push(Bar {
                label: name.clone(),
                value: counts.allocated.bytes,
                samples: vec![],
                source: Source::Measured,
            });
        }
        trial.plot(Plot {
            title: String::from("Allocated bytes by crate"),
            reading: String::from("The library that works for the others allocates the most."),
            shape: Shape::Bars { unit: Unit::Bytes, bars },
        });
        for text in FINDINGS {
            trial.finding(*text);
        }
        trial.finish()
    }
}

const FINDINGS: &[&str] = &[
    "A profile is a sample unless the mean is 1: its numbers are estimates, and how far off they may be follows from how many \
     samples there are.",
    "A practice text asks for the function of a return address and takes its name up to a dot. One address may stand for \
     several functions, which the compiler put into each other: in Go, too, all but the outermost are lost so. And in Rust the name \
     `<Vec<u8> as Fruit>::ripen` begins with the standard library's type: here the symbol, or the source file, says in which of \
     the two crates the code is.",
    "Who allocates is often a library, and not to blame. The calling crate says for whom: the practice text's extension, for \
     crates and not for frames, because between a library's border and its allocation there may be any number of frames.",
];
