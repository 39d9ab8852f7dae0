//! t19: allocations by crate.

use crate::beside::{Beside, Row};
use crate::claim::{Claims, Prediction, Tolerance};
use crate::error::LabError;
use crate::experiment::{Experiment, Lab};
use crate::record::{Bar, Plot, Record, Shape, Table};
use crate::sites::{self, Expected, MEAN};
use crate::unit::{Unit, digits};
use heap_profile::{Group, Use, Value};
use std::hint::black_box;
use tricolor::Mutator;

/// See the module.
pub(super) struct ByCrate;

/// A crate, and what it allocates in a round: so many times so many words.
struct Part {
    name: &'static str,
    objects: &'static [(usize, usize)],
}

/// By the crate that has the code that allocates.
const CRATES: [Part; 4] = [
    Part { name: "profile_orchard", objects: &[(60, 15), (40, 19), (40, 15), (101, 7), (90, 9)] },
    Part { name: "profile_bakery", objects: &[(80, 11), (70, 13)] },
    Part { name: "profile_post", objects: &[(50, 17)] },
    Part { name: "heap_lab", objects: &[(30, 21)] },
];

/// By the crate that calls it: what each has others allocate.
const CALLERS: [Part; 3] = [
    Part { name: "profile_bakery", objects: &[(60, 15), (40, 15)] },
    Part { name: "profile_post", objects: &[(40, 19)] },
    Part { name: "profile_orchard", objects: &[(80, 11)] },
];

impl Part {
    /// What it has in a profile of so many rounds, of which one byte in `mean` is sampled.
    fn expected(&self, rounds: usize, mean: usize) -> Expected {
        let mut expected = Expected::default();
        for (count, words) in self.objects {
            expected.add(count * rounds, words * 8, mean);
        }
        expected
    }

    /// States the bytes of a profile: exactly, or within what sampling may be off by.
    fn claim_bytes(
        &self,
        claims: &mut Claims,
        (name, model): (String, &str),
        rounds: usize,
        mean: usize,
    ) -> (&'static str, Prediction) {
        let expected = self.expected(rounds, mean);
        let tolerance = if mean <= 1 { Tolerance::Exact } else { Tolerance::Absolute(expected.bound()) };
        (self.name, claims.predict(name, model, expected.bytes, Unit::Bytes, tolerance))
    }
}

/// What all the crates do, so many times.
#[inline(never)]
fn program(mutator: &mut Mutator, rounds: usize) {
    for _ in 0..rounds {
        mutator.enter(|mu| {
            profile_post::round!(mu);
            for number in 0..black_box(30_u64) {
                black_box(mu.alloc([number; 21]));
            }
        });
    }
}

/// The parts of a profile beside those of Go's, whose packages are made like these crates.
fn beside_go(all: &[(String, Use)], calling: &[(String, Use)]) -> Vec<Row> {
    let package = |name: &str| match name {
        "heap_lab" => String::from("main"),
        name => name.trim_start_matches("profile_").to_owned(),
    };
    let own = CRATES.iter().flat_map(|Part { name, .. }| {
        let (counts, package) = (sites::of(all, name).allocated, package(name));
        [
            Row::new(format!("bytes of {package}"), format!("bytes {package}"), counts.bytes, Unit::Bytes),
            Row::new(
                format!("objects of {package}"),
                format!("objects {package}"),
                counts.objects,
                Unit::Objects,
            ),
        ]
    });
    let called = CALLERS.iter().map(|Part { name, .. }| {
        let (bytes, package) = (sites::of(calling, name).allocated.bytes, package(name));
        let label = format!("bytes that {package} has another allocate");
        Row::new(label, format!("called by {package}"), bytes, Unit::Bytes)
    });
    own.chain(called).collect()
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

    fn extension(&self) -> Option<&'static str> {
        Some("the crate that has another one allocate")
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
                    one.expected(rounds, 1).objects,
                    Unit::Objects,
                    Tolerance::Exact,
                );
                let said = (format!("bytes of {}", one.name), "the same, in slots");
                (objects, one.claim_bytes(&mut claims, said, rounds, 1))
            })
            .collect();
        let number = claims.predict(
            "crates in the table",
            "those four, and no other: nothing is counted for the heap, the standard library, or nobody",
            CRATES.len() as f64,
            Unit::Count,
            Tolerance::Exact,
        );
        let callers = lab.extension(&mut claims, |claims| {
            let claim = |one: &Part| {
                let name = format!("bytes that {} has another crate allocate", one.name);
                let model = "calls across a crate's border, the innermost of each stack";
                one.claim_bytes(claims, (name, model), rounds, 1)
            };
            CALLERS.iter().map(claim).collect::<Vec<_>>()
        });
        let estimates: Vec<_> = CRATES
            .iter()
            .map(|one| {
                let name = format!("bytes of {}, one byte in 16 KiB sampled", one.name);
                let model =
                    "the same; each object is sampled with p = 1 − exp(−size/16 KiB) and stands for 1/p: within five standard \
                     deviations";
                one.claim_bytes(&mut claims, (name, model), sampled, MEAN)
            })
            .collect();
        let mut trial = lab.begin(self, claims)?;
        trial.method(format!(
            "Three small crates and this one allocate in functions, generic functions, closures and functions of traits: {rounds} \
             rounds with every allocation counted, {} with one byte in 16 KiB sampled. A crate has what is allocated by code \
             that is written in it; a calling crate, what the innermost other crate of a stack allocates for it.",
            digits(sampled as f64)
        ));

        let mut go = Beside::runs(lab, &[("", &["task", "t19", &rounds.to_string()])]);
        go.sample();
        trial.stage("counting every allocation");
        let profile = sites::profiled(&trial.heap(), 1, |mutator| program(mutator, rounds))?;
        let all = profile.grouped(Group::Crate, Value::AllocatedBytes);
        for (objects, (name, bytes)) in exact {
            let count = sites::of(&all, name).allocated;
            trial.judge(objects, count.objects);
            trial.judge(bytes, count.bytes);
        }
        trial.judge(number, all.len() as f64);
        let calling = profile.grouped(Group::CallingCrate, Value::AllocatedBytes);
        go.sample();
        go.show(&mut trial, &beside_go(&all, &calling))?;
        for (name, prediction) in callers.into_iter().flatten() {
            trial.judge(prediction, sites::of(&calling, name).allocated.bytes);
        }
        trial.stage("sampling");
        let estimate = sites::profiled(&trial.heap(), MEAN, |mutator| program(mutator, sampled))?;
        let estimate = estimate.grouped(Group::Crate, Value::AllocatedBytes);
        for (name, prediction) in estimates {
            trial.judge(prediction, sites::of(&estimate, name).allocated.bytes);
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
            bars.push(Bar::measured(name, counts.allocated.bytes));
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
