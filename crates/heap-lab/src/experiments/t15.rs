//! t15: tiny objects. What sharing a block saves, and what it costs.

use crate::beside::{Beside, Row};
use crate::claim::{Claims, Tolerance};
use crate::error::LabError;
use crate::experiment::{Experiment, Lab, Trial};
use crate::measure::ledger::cost_of;
use crate::measure::spread::Spread;
use crate::measure::time::timed;
use crate::record::{Bar, Plot, Record, Shape};
use crate::unit::Unit;
use heap_core::units::Bytes;
use std::hint::black_box;
use tricolor::{Gc, Mu, Mutator};

/// See the module.
pub(super) struct Tiny;

/// Objects whose bytes are counted.
const COUNT: usize = 1_000_000;
/// Bytes of the array that keeps them.
const ARRAY: usize = Bytes::new(COUNT * 8 + 8).pages_ceil().bytes().get();
/// Bytes of a block that tiny objects share.
const BLOCK: usize = 16;
/// Repetitions of each timing.
const BATCHES: usize = 9;

/// A reference and nothing else: 8 bytes.
type Pointer<'gc> = (Option<Gc<'gc, u64>>,);

/// The three kinds of object.
const NAMES: [&str; 3] = ["i8", "[u8; 16]", "{ reference }"];
/// Go 1.27.3 with the same, kept from staying on the stack: bytes and nanoseconds an operation.
const GO: [(f64, f64); 3] = [(1.0, 4.1), (16.0, 9.3), (8.0, 8.7)];

/// Makes so many objects of one kind and drops them.
#[inline(never)]
fn make<'gc, T: 'gc>(mu: &Mu<'gc>, count: usize, one: impl Fn(&Mu<'gc>) -> Gc<'gc, T>) {
    for _ in 0..count {
        black_box(one(mu));
    }
}

/// Nanoseconds an object of each kind, in a heap that collects as it goes; batches of the kinds in turn.
fn times(trial: &Trial<'_>, count: usize, go: &mut Beside<'_>) -> Result<[Vec<f64>; 3], LabError> {
    let heap = trial.heap().gc_percent(100).build()?;
    let mut mutator = heap.attach()?;
    let mut samples: [Vec<f64>; 3] = Default::default();
    // A batch is a sixteenth of a megabyte of 16-byte objects: far more than entering costs.
    let batch = 4096;
    let mut time = |work: &mut dyn FnMut(&mut Mutator)| {
        let ((), lap) = timed(|| {
            for _ in 0..count / batch {
                work(&mut mutator);
            }
        });
        lap.cpu_ns_per((count / batch * batch) as u64)
    };
    for round in 0..BATCHES {
        if round % 3 == 0 {
            go.sample();
        }
        let [tiny, small, pointer] = &mut samples;
        tiny.push(time(&mut |mutator| mutator.enter(|mu| make(mu, batch, |mu| mu.alloc(1i8)))));
        small.push(time(&mut |mutator| mutator.enter(|mu| make(mu, batch, |mu| mu.alloc([1u8; BLOCK])))));
        pointer.push(time(&mut |mutator| {
            mutator.enter(|mu| make(mu, batch, |mu| mu.alloc::<Pointer<'_>>((None,))));
        }));
    }
    Ok(samples)
}

impl Experiment for Tiny {
    fn id(&self) -> &'static str {
        "t15"
    }

    fn title(&self) -> &'static str {
        "Tiny objects"
    }

    fn question(&self) -> &'static str {
        "What do objects below 16 bytes cost when those without references share a block, and those with one do not?"
    }

    fn extension(&self) -> Option<&'static str> {
        Some("an 8-byte integer without references")
    }

    fn run(&self, lab: &Lab) -> Result<Record, LabError> {
        let mut claims = Claims::new();
        let models = [
            (1.0, "16 of them fill a block of 16 bytes"),
            (16.0, "a slot of class 2 each: a whole block is not tiny"),
            (
                8.0,
                "a slot of class 1 each: a block would need a mask, so objects with references do not share",
            ),
        ];
        let bytes: Vec<_> = NAMES
            .into_iter()
            .zip(models)
            .map(|(name, (each, model))| {
                claims.predict(
                    format!("heap bytes, {name}"),
                    model,
                    each,
                    Unit::BytesPerObject,
                    Tolerance::Relative(0.001),
                )
            })
            .collect();
        let scanned: Vec<_> = NAMES
            .into_iter()
            .zip([0, 0, size_of::<Pointer<'_>>()])
            .map(|(name, each)| {
                claims.predict(
                    format!("bytes that a collection looks into, a million {name} kept"),
                    if each == 0 {
                        "8 of the array for each: what has no reference is not read"
                    } else {
                        "8 of the array for each, and 8 of the object: it has a reference"
                    },
                    (COUNT * (size_of::<usize>() + each)) as f64,
                    Unit::Bytes,
                    Tolerance::Relative(0.001),
                )
            })
            .collect();
        let slots = claims.predict(
            "slots in use for a million i8",
            "1,000,000 / 16",
            (COUNT / BLOCK) as f64,
            Unit::Objects,
            Tolerance::Exact,
        );
        let integer = lab.extension(&mut claims, |claims| {
            let bytes = claims.predict(
                "heap bytes, i64",
                "two share a block: what counts is that it has no reference, and not its size",
                8.0,
                Unit::BytesPerObject,
                Tolerance::Relative(0.001),
            );
            let scanned = claims.predict(
                "bytes that a collection looks into, a million i64 kept",
                "8 of the array for each, as for i8; a practice text expects an integer of eight bytes to be scanned",
                (COUNT * size_of::<usize>()) as f64,
                Unit::Bytes,
                Tolerance::Relative(0.001),
            );
            (bytes, scanned)
        });
        let time = claims.predict_time(
            "CPU, i8 over [u8; 16]",
            "a few instructions more to place it in the block, a sixteenth of the memory to touch: never three times",
            3.0,
            Unit::Times,
            Tolerance::AtMost,
        );
        let mut trial = lab.begin(self, claims)?;
        trial.method(
            "Bytes: a million objects of each kind kept by an array, HeapAlloc less the array. Time: objects made and \
             dropped in a heap that collects as it goes, nine batches of each kind in turn, medians of CPU.",
        );

        trial.stage("a million objects of three kinds");
        let heap = trial.heap();
        let costs = [
            cost_of(&heap, |mu| Box::new(mu.root(mu.alloc_slice(COUNT, |_| mu.alloc(1i8)))))?,
            cost_of(&heap, |mu| Box::new(mu.root(mu.alloc_slice(COUNT, |_| mu.alloc([1u8; BLOCK])))))?,
            cost_of(&heap, |mu| {
                Box::new(mu.root(mu.alloc_slice(COUNT, |_| mu.alloc::<Pointer<'_>>((None,)))))
            })?,
        ];
        let each = costs.map(|change| (change.alloc - ARRAY as f64) / COUNT as f64);
        for (prediction, measured) in bytes.into_iter().zip(each) {
            trial.judge(prediction, measured);
        }
        for (prediction, cost) in scanned.into_iter().zip(costs) {
            trial.judge(prediction, cost.scanned);
        }
        trial.judge(slots, costs[0].objects - 1.0);
        if let Some((bytes, scanned)) = integer {
            let cost = cost_of(&heap, |mu| Box::new(mu.root(mu.alloc_slice(COUNT, |_| mu.alloc(1i64)))))?;
            let each = (cost.alloc - ARRAY as f64) / COUNT as f64;
            trial.judge(bytes, each);
            trial.judge(scanned, cost.scanned);
            trial.figure("bytes_per_object i64", each);
        }
        trial.stage("timing");
        let mut go = Beside::task(lab, "t15");
        let samples = times(&trial, lab.size(1 << 20, 1 << 23), &mut go)?;
        let mut spreads: Vec<Spread> = Vec::new();
        for ((name, samples), each) in NAMES.into_iter().zip(samples).zip(each) {
            trial.figure(format!("bytes_per_object {name}"), each);
            spreads.push(trial.samples(&format!("cpu_ns_per_object {name}"), samples)?);
        }
        trial.judge(time, spreads[0].median() / spreads[1].median());
        let mut rows = Vec::new();
        for ((name, gos), (each, spread)) in
            NAMES.into_iter().zip(["int8", "[16]byte", "{p *int}"]).zip(each.into_iter().zip(&spreads))
        {
            rows.extend([
                Row::new(format!("{name}: bytes"), format!("{gos}: bytes"), each, Unit::BytesPerObject),
                Row::new(format!("{name}: CPU"), format!("{gos}: ns"), spread.median(), Unit::Nanos),
            ]);
        }
        go.show(&mut trial, &rows)?;

        trial.plot(plot(
            "Heap bytes an object",
            Unit::BytesPerObject,
            |kind| (each[kind], vec![]),
            |go| go.0,
        ));
        trial.plot(plot(
            "CPU an object",
            Unit::NanosPerObject,
            |kind| (spreads[kind].median(), spreads[kind].samples().to_vec()),
            |go| go.1,
        ));
        trial.finding(
            "As a practice text writes its benchmark, Go keeps these objects on the stack and measures no allocation at all. \
             Kept from that, Go 1.27.3 needs 1, 16 and 8 bytes an operation; a million int8 are 62,502 heap objects.",
        );
        trial.finding(
            "The object of one reference has 8 bytes, not 16, and a benchmark that drops every object shows no more pause \
             with references than without: dead objects are never scanned. Kept, it is looked into by every collection, and the others are \
             not; what that costs is t09's question.",
        );
        trial.finding("A block lives as long as any object in it: one live i8 keeps 15 dead ones' bytes.");
        trial.finish()
    }
}

fn plot(
    title: &str,
    unit: Unit,
    ours: impl Fn(usize) -> (f64, Vec<f64>),
    gos: impl Fn((f64, f64)) -> f64,
) -> Plot {
    let mut bars = Vec::new();
    for (kind, name) in NAMES.into_iter().enumerate() {
        let (value, samples) = ours(kind);
        bars.push(Bar::of(name, value, &samples));
        bars.push(Bar::reference(format!("{name}, Go 1.27.3"), gos(GO[kind])));
    }
    Plot {
        title: title.to_owned(),
        reading: String::from("Go's figures are from another machine: compare the kinds, not the heaps."),
        shape: Shape::Bars { unit, bars },
    }
}
