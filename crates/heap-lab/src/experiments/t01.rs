//! t01: a million small objects, as the heap's own figures see them.

use crate::beside::{Beside, Row};
use crate::claim::{Claims, Tolerance};
use crate::error::LabError;
use crate::experiment::{Experiment, Lab};
use crate::measure::ledger::Ledger;
use crate::measure::resident::resident;
use crate::record::{Bar, Plot, Record, Shape};
use crate::unit::Unit;
use heap_core::units::{Bytes, PAGE_BYTES};
use std::hint::black_box;
use tricolor::Heap;

/// See the module.
pub(super) struct MillionSmall;

/// Objects, as in the practice text. Few enough for any run.
const COUNT: usize = 1_000_000;
/// Bytes of an object: one integer.
const SIZE: usize = size_of::<u64>();
/// Bytes of a block that tiny objects share.
const BLOCK: usize = 16;

/// Rounds of garbage: a million objects each.
const ROUNDS: usize = 10;

/// Bytes that are accessible after so many rounds of a million objects that nobody keeps.
fn accessible(heap: &Heap) -> Result<f64, LabError> {
    let mut mutator = heap.attach()?;
    let before = heap.figures().memory.heap_sys.get() as f64;
    for _ in 0..ROUNDS * COUNT / BATCH {
        mutator.enter(|mu| {
            for index in 0..BATCH as u64 {
                black_box(mu.alloc([index]));
            }
        });
    }
    Ok(heap.figures().memory.heap_sys.get() as f64 - before)
}

/// Objects between two moments at which a collection could have its answer.
const BATCH: usize = 1000;

impl Experiment for MillionSmall {
    fn id(&self) -> &'static str {
        "t01"
    }

    fn title(&self) -> &'static str {
        "A million small objects"
    }

    fn question(&self) -> &'static str {
        "Which figures move when a million 8-byte objects and an array of references to them are made, and by how much?"
    }

    fn extension(&self) -> Option<&'static str> {
        Some("how much is accessible when nothing is collected between rounds of garbage, and when it is")
    }

    fn run(&self, lab: &Lab) -> Result<Record, LabError> {
        // The array is one large object: a length word and a reference for each.
        let array = Bytes::new(COUNT * SIZE + 8).pages_ceil().bytes().get();
        let blocks = COUNT * SIZE / BLOCK;
        let mut claims = Claims::new();
        let mallocs = claims.predict(
            "objects made (Mallocs)",
            "a million and the array",
            (COUNT + 1) as f64,
            Unit::Objects,
            Tolerance::Exact,
        );
        let objects = claims.predict(
            "slots in use (HeapObjects)",
            "two 8-byte objects without references share a 16-byte block: 500,000 blocks and the array",
            (blocks + 1) as f64,
            Unit::Objects,
            Tolerance::Exact,
        );
        let frees = claims.predict(
            "counted as freed (Frees)",
            "the second object of a block has no slot of its own, so it is counted as made and freed at once",
            (COUNT - blocks) as f64,
            Unit::Objects,
            Tolerance::Exact,
        );
        let alloc = claims.predict(
            "live bytes (HeapAlloc)",
            format!("1,000,000 × 8 + an array of {} pages of {PAGE_BYTES}", array / PAGE_BYTES),
            (COUNT * SIZE + array) as f64,
            Unit::Bytes,
            Tolerance::Exact,
        );
        let spans = Bytes::new(blocks * BLOCK).pages_ceil().bytes().get() - blocks * BLOCK;
        let unused = claims.predict(
            "HeapInuse − HeapAlloc",
            "the slots of the last span of blocks that nobody has: what is in use is never less than what lives, and HeapSys, which has \
             it in it, is not either",
            spans as f64,
            Unit::Bytes,
            Tolerance::Exact,
        );
        let identity = claims.predict(
            "HeapSys − HeapIdle − HeapInuse",
            "every accessible page is in a span or in none; no term is left over",
            0.0,
            Unit::Bytes,
            Tolerance::Exact,
        );
        let rss = claims.predict(
            "growth of resident memory",
            "the spans, and a mark byte for each slot; the rest of HeapSys is not touched",
            (COUNT * SIZE + array + blocks) as f64,
            Unit::Bytes,
            Tolerance::Relative(0.1),
        );
        let garbage = (ROUNDS * COUNT * SIZE) as f64;
        let gone = claims.predict(
            "slots in use once the root is gone too",
            "it was the root that kept them until the figures were read: without it a collection frees all",
            0.0,
            Unit::Objects,
            Tolerance::Exact,
        );
        let beyond = lab.extension(&mut claims, |claims| {
            let never = claims.predict(
                format!("accessible after {ROUNDS} rounds of garbage, never collected (GOGC=off)"),
                "every object is in a span of its own time: all of them, in chunks of 4 MiB",
                garbage,
                Unit::Bytes,
                Tolerance::Relative(0.1),
            );
            let collected = claims.predict_time(
                "the same, collected as it goes",
                "nothing lives, so the goal is the least heap of 4 MiB; the collector is beside the program, which goes on meanwhile: \
                 half of what was made, at most",
                garbage / 2.0,
                Unit::Bytes,
                Tolerance::AtMost,
            );
            (never, collected)
        });
        let mut trial = lab.begin(self, claims)?;
        trial.method("Collect, read the figures, make the objects, collect, read the figures, while a root keeps the array.");

        if let Some((never, collected)) = beyond {
            trial.stage("ten rounds of garbage, collected and not");
            let off = accessible(&trial.heap().build()?)?;
            let on = accessible(&trial.heap().gc_percent(100).build()?)?;
            trial.judge(never, off);
            trial.judge(collected, on);
            trial.figure("accessible_never_collected", off);
            trial.figure("accessible_collected", on);
        }
        let mut go = Beside::task(lab, "t01");
        go.sample();
        trial.stage("making a million objects");
        let heap = trial.heap().build()?;
        let mut mutator = heap.attach()?;
        let ledger = Ledger::open(&mut mutator);
        let before = resident()?;
        let kept = mutator.enter(|mu| mu.root(mu.alloc_slice(COUNT, |index| mu.alloc(index as u64))));
        let grown = resident()? as f64 - before as f64;
        let change = ledger.clone().close(&mut mutator);
        let memory = mutator.figures().memory;
        drop(kept);
        trial.judge(gone, ledger.close(&mut mutator).objects);

        trial.judge(mallocs, change.mallocs);
        trial.judge(objects, change.objects);
        trial.judge(frees, change.frees);
        trial.judge(alloc, change.alloc);
        trial.judge(unused, change.inuse - change.alloc);
        let left =
            memory.heap_sys.get() as f64 - memory.heap_idle.get() as f64 - memory.heap_inuse.get() as f64;
        trial.judge(identity, left);
        trial.judge(rss, grown);
        for (name, value) in [
            ("mallocs", change.mallocs),
            ("frees", change.frees),
            ("heap_objects", change.objects),
            ("heap_alloc", change.alloc),
            ("heap_inuse", change.inuse),
            ("heap_idle", change.idle),
            ("heap_sys", change.sys),
            ("resident", grown),
        ] {
            trial.figure(name, value);
        }
        go.sample();
        go.show(
            &mut trial,
            &[
                Row::new("objects made (Mallocs)", "mallocs", change.mallocs, Unit::Objects),
                Row::new("counted as freed (Frees)", "frees", change.frees, Unit::Objects),
                Row::new("slots in use (HeapObjects)", "objects", change.objects, Unit::Objects),
                Row::new("live bytes (HeapAlloc)", "alloc", change.alloc, Unit::Bytes),
            ],
        )?;
        trial.plot(Plot {
            title: String::from("Bytes, by who counts them"),
            reading: String::from(
                "What lives is less than what is in spans, and that is less than what is accessible.",
            ),
            shape: Shape::Bars {
                unit: Unit::Bytes,
                bars: vec![
                    Bar::measured("live (HeapAlloc)", change.alloc),
                    Bar::measured("in spans (HeapInuse)", change.inuse),
                    Bar::measured("accessible (HeapSys)", memory.heap_sys.get() as f64),
                    Bar::measured("resident, grown by", grown),
                    Bar::reference("live, Go 1.27.3", 16_003_624.0),
                ],
            },
        });
        trial.finding(
            "A practice text expects at least 1,000,000 slots and 16 bytes an object. Both are wrong, and their errors \
             cancel in the sum: an 8-byte object without references costs 8 bytes, and the array of references, which \
             the text forgets, costs the other 8.",
        );
        trial.finding(
            "Go 1.27.3 does the same: Mallocs +1,000,002, HeapObjects +500,003, Frees +499,999, HeapAlloc +16,003,624 \
             (8,000,000 + 977 pages + 40).",
        );
        trial.finding(
            "HeapSys is HeapInuse + HeapIdle exactly. It is not HeapAlloc + HeapIdle + something fixed: spans have tails \
             and free slots.",
        );
        trial.finish()
    }
}
