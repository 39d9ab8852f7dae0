//! t06: refills. How often a mutator needs a new span.

use crate::beside::{Beside, Row};
use crate::claim::{Claims, Tolerance};
use crate::error::LabError;
use crate::experiment::{Experiment, Lab, Trial};
use crate::measure::ledger::{Difference, Ledger};
use crate::record::{Record, Table};
use crate::unit::{Unit, digits};
use heap_core::size_class::SizeClass;
use std::thread;
use tricolor::Heap;

/// See the module.
pub(super) struct Refills;

/// Objects, as in the practice text.
const COUNT: usize = 100_000;
/// Bytes of an object.
const SIZE: usize = 64;
/// Mutators that share the work in the second part.
const THREADS: usize = 4;

fn make(heap: &Heap, count: usize) -> Result<(), LabError> {
    let mut mutator = heap.attach()?;
    mutator.enter(|mu| {
        for index in 0..count {
            std::hint::black_box(mu.alloc([index as u64; SIZE / 8]));
        }
    });
    Ok(())
}

/// What so many mutators at once cost that make [`COUNT`] objects together.
fn shared(trial: &Trial<'_>, threads: usize) -> Result<Difference, LabError> {
    let heap = trial.heap().build()?;
    let mut mutator = heap.attach()?;
    let ledger = Ledger::open(&mut mutator);
    let results: Vec<Result<(), LabError>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| make(&heap, COUNT / threads))).collect();
        let panicked = |_| LabError::Heap(String::from("a mutator thread panicked"));
        workers.into_iter().map(|worker| worker.join().map_err(panicked).and_then(|result| result)).collect()
    });
    results.into_iter().collect::<Result<(), LabError>>()?;
    Ok(ledger.close(&mut mutator))
}

/// What Go tells of the same: by how many spans HeapInuse grew, but not how often a cache was refilled.
fn beside_go(
    one: Difference,
    many: Option<Difference>,
    among: Difference,
    collections: f64,
) -> impl Iterator<Item = Row> {
    let four =
        |many: Difference| Row::new("spans made, four mutators", "spans, four", many.spans_made, Unit::Spans);
    let rows = [
        Row::new("spans made, one mutator", "spans, one", one.spans_made, Unit::Spans),
        Row::new(
            "spans made for 50,000 objects among survivors",
            "spans, among survivors",
            among.spans_made,
            Unit::Spans,
        ),
        Row::new("objects made", "mallocs", one.mallocs, Unit::Objects),
        Row::new("collections of 20 rounds", "collections", collections, Unit::Count),
    ];
    rows.into_iter().chain(many.map(four))
}

/// Rounds of [`COUNT`] objects of which nothing is kept.
const ROUNDS: usize = 20;

/// Collections of a heap that paces itself, in [`ROUNDS`] rounds.
fn paced(trial: &Trial<'_>) -> Result<f64, LabError> {
    let heap = trial.heap().gc_percent(100).build()?;
    let mut mutator = heap.attach()?;
    for _ in 0..ROUNDS {
        for _ in 0..COUNT / 1000 {
            mutator.enter(|mu| {
                for index in 0..1000_u64 {
                    std::hint::black_box(mu.alloc([index; SIZE / 8]));
                }
            });
        }
    }
    Ok(heap.figures().cycles as f64)
}

/// Refills and new spans when [`COUNT`] objects are made in a heap whose every second object of them survived.
fn among_survivors(trial: &Trial<'_>) -> Result<Difference, LabError> {
    let heap = trial.heap().build()?;
    let mut mutator = heap.attach()?;
    let kept = mutator.enter(|mu| {
        mu.root(mu.alloc_slice(COUNT / 2, |index| {
            let _dies = mu.alloc([0u64; SIZE / 8]);
            mu.alloc([index as u64; SIZE / 8])
        }))
    });
    let ledger = Ledger::open(&mut mutator);
    mutator.enter(|mu| {
        for index in 0..COUNT / 2 {
            std::hint::black_box(mu.alloc([index as u64; SIZE / 8]));
        }
    });
    let change = ledger.close(&mut mutator);
    drop(kept);
    Ok(change)
}

impl Experiment for Refills {
    fn id(&self) -> &'static str {
        "t06"
    }

    fn title(&self) -> &'static str {
        "Refills"
    }

    fn question(&self) -> &'static str {
        "How often must a mutator that makes 100,000 objects of 64 bytes go and get another span?"
    }

    fn extension(&self) -> Option<&'static str> {
        Some("four mutators that share the work of one")
    }

    fn krate(&self) -> &'static str {
        "heap-core"
    }

    fn run(&self, lab: &Lab) -> Result<Record, LabError> {
        let slots = SizeClass::for_bytes(SIZE).slots() as usize;
        let spans = COUNT.div_ceil(slots);
        let mut claims = Claims::new();
        let alone = claims.predict(
            "refills, one mutator",
            format!("100,000 / {slots} slots of a span, rounded up"),
            spans as f64,
            Unit::Refills,
            Tolerance::Exact,
        );
        let mallocs = claims.predict(
            "objects made (Mallocs)",
            "a refill is not an object: each of them is counted once",
            COUNT as f64,
            Unit::Objects,
            Tolerance::Exact,
        );
        let together = lab.extension(&mut claims, |claims| {
            claims.predict(
                format!("refills, {THREADS} mutators sharing the work"),
                format!("{THREADS} × (25,000 / {slots}, rounded up): the work is shared, not multiplied"),
                (THREADS * (COUNT / THREADS).div_ceil(slots)) as f64,
                Unit::Refills,
                // A mutator that ends early hands its last span on to one that still runs: at most one refill a thread.
                Tolerance::Absolute(THREADS as f64),
            )
        });
        let fresh = claims.predict(
            "spans made of pages, one mutator",
            "in an empty heap every refill is a new span",
            spans as f64,
            Unit::Spans,
            Tolerance::Exact,
        );
        let mixed = claims.predict(
            "refills for 50,000 objects into half-empty spans",
            format!("a swept span where every second object survived has {} free slots", slots / 2),
            (COUNT / 2).div_ceil(slots / 2) as f64,
            Unit::Refills,
            Tolerance::Relative(0.01),
        );
        let reused = claims.predict(
            "spans made of pages for these",
            "the swept spans suffice",
            0.0,
            Unit::Spans,
            Tolerance::Absolute(1.0),
        );
        // One more collection begins for each so many bytes, if the program waits for none.
        let most = (ROUNDS * COUNT * SIZE) as f64 / (0.7 * f64::from(4 << 20));
        let cycles = claims.predict_time(
            format!("collections of {ROUNDS} rounds, collected as it goes"),
            format!(
                "{ROUNDS} × {COUNT} × {SIZE} bytes, of which nothing lives, against a least heap of 4 MiB: a cycle begins at 0.7 of that at \
                 the earliest, and later if the program is ahead"
            ),
            most,
            Unit::Count,
            Tolerance::AtMost,
        );
        let fewest = claims.predict_time(
            "the same, at least",
            "a tenth of that: the collector is another thread, which a busy machine may let wait, and the program goes on meanwhile",
            most / 10.0,
            Unit::Count,
            Tolerance::AtLeast,
        );
        let mut trial = lab.begin(self, claims)?;
        trial.method("Counted by the heap itself at each refill; nothing is counted at an allocation.");
        let mut go = Beside::task(lab, "t06");
        go.sample();
        trial.stage("100,000 objects of 64 bytes, alone, shared, and among survivors");
        let one = shared(&trial, 1)?;
        let many = together.is_some().then(|| shared(&trial, THREADS)).transpose()?;
        let among = among_survivors(&trial)?;
        let collections = paced(&trial)?;
        trial.judge(cycles, collections);
        trial.judge(fewest, collections);
        trial.figure("collections", collections);
        trial.judge(alone, one.refills);
        trial.judge(mallocs, one.mallocs);
        if let (Some(together), Some(many)) = (together, many) {
            trial.judge(together, many.refills);
        }
        trial.judge(fresh, one.spans_made);
        trial.judge(mixed, among.refills);
        trial.judge(reused, among.spans_made);
        go.sample();
        go.show(&mut trial, &beside_go(one, many, among, collections).collect::<Vec<_>>())?;
        let mut table = Table::new(
            "Where spans came from",
            ["situation", "refills", "new spans", "of them without the page heap's lock"],
        );
        let situations = [
            Some(("one mutator", one)),
            many.map(|many| ("four mutators, shared", many)),
            Some(("half-empty spans, half as many objects", among)),
        ];
        for (name, change) in situations.into_iter().flatten() {
            trial.figure(format!("{name}: refills"), change.refills);
            trial.figure(format!("{name}: spans made"), change.spans_made);
            table.row([
                name.to_owned(),
                digits(change.refills),
                digits(change.spans_made),
                digits(change.page_cache_hits),
            ]);
        }
        trial.table(table);
        trial.finding(
            "A practice text expects 782 refills for each processor, multiplied by their number. They are shared: each \
             object is made by one mutator, and only the last span of each is not used up.",
        );
        trial.finding(
            "In Go 1.27 the same program refills about 794 times: its spans of 64-byte objects hold 126 objects (124 with \
             pointers), not the 128 of the table, because mark bits lie at the end of the span. Here they lie beside the \
             heap, and all 128 slots are used.",
        );
        trial.finding(
            "The text's GODEBUG=allocfreetrace has been removed from Go; this count takes its place.",
        );
        trial.finish()
    }
}
