//! t08: a pool. When values are used again, for how long they stay, and who finds out that they went.

use crate::beside::{Beside, Row};
use crate::claim::{Claims, Prediction, Tolerance};
use crate::error::LabError;
use crate::experiment::{Experiment, Lab, Trial};
use crate::measure::ledger::Ledger;
use crate::measure::time::timed;
use crate::record::{Bar, Plot, Record, Shape, Table};
use crate::unit::{Unit, digits};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tricolor::{Gc, GcCell, Heap, Mu, Mutator, Pool};

/// See the module.
pub(super) struct Pooled;

/// Words of a buffer, and its bytes: 1 KiB, a size class of its own.
const WORDS: usize = 128;
const BYTES: usize = WORDS * 8;
/// Repetitions of each timing.
const BATCHES: usize = 9;
/// Buffers that lie in the pool when collections come.
const STOCK: usize = 37;

/// A buffer: 1 KiB without references.
type Buffer<'gc> = Gc<'gc, [GcCell<u64>; WORDS]>;
type Buffers = Pool<Gc<'static, [GcCell<u64>; WORDS]>>;

fn fresh<'gc>(mu: &Mu<'gc>) -> Buffer<'gc> {
    mu.alloc([const { GcCell::new(0) }; WORDS])
}

/// Writes a pattern of digits into all of it, and gives the first back.
fn write<'gc>(mu: &Mu<'gc>, buffer: Buffer<'gc>, seed: u64) -> u64 {
    for (index, word) in (seed..).zip(buffer.iter()) {
        word.set(mu, index % 10);
    }
    buffer[0].get()
}

/// A program: so many operations on a buffer each, with collections between them.
struct Program {
    name: &'static str,
    pooled: bool,
    /// Operations between two rounds of collections; 0: none.
    every: usize,
    /// Collections of a round.
    collections: usize,
    model: &'static str,
    /// Buffers made in so many operations, the first of which is counted.
    made: fn(usize) -> usize,
}

/// Operations that are counted with collections, and without.
const FEW: usize = 200;
const MANY: usize = 20_000;

const PROGRAMS: [Program; 5] = [
    Program {
        name: "fresh",
        pooled: false,
        every: 0,
        collections: 0,
        model: "a buffer for each operation",
        made: |operations| operations,
    },
    Program {
        name: "pooled",
        pooled: true,
        every: 0,
        collections: 0,
        model: "one buffer, which every operation puts back",
        made: |_| 1,
    },
    Program {
        name: "pooled, a collection every 1000 operations",
        pooled: true,
        every: 1000,
        collections: 1,
        model: "what was put since the last collection survives the next: still one",
        made: |_| 1,
    },
    Program {
        name: "pooled, a collection after each operation",
        pooled: true,
        every: 1,
        collections: 1,
        model: "the buffer survives each collection, and is used and put again before the next: still one",
        made: |_| 1,
    },
    Program {
        name: "pooled, two collections after each operation",
        pooled: true,
        every: 1,
        collections: 2,
        model: "nobody uses it between two collections, so the second lets go of it: one for each operation",
        made: |operations| operations,
    },
];

impl Program {
    fn operations(&self) -> usize {
        if self.every == 1 { FEW } else { MANY }
    }

    fn operation(&self, mu: &Mu<'_>, buffers: &Buffers, index: usize) {
        if self.pooled {
            let buffer = buffers.lend(mu, || fresh(mu));
            black_box(write(mu, *buffer, index as u64));
        } else {
            black_box(write(mu, fresh(mu), index as u64));
        }
    }

    fn claim(&self, claims: &mut Claims) -> (Prediction, Prediction) {
        let operations = self.operations();
        let made = (self.made)(operations);
        let count = claims.predict(
            format!("buffers made, {}", self.name),
            format!("{operations} operations; {}", self.model),
            made as f64,
            Unit::Objects,
            Tolerance::Exact,
        );
        let bytes = claims.predict(
            format!("heap bytes an operation, {}", self.name),
            format!("{} × {BYTES} / {operations}", digits(made as f64)),
            (made * BYTES) as f64 / operations as f64,
            Unit::BytesPerObject,
            Tolerance::Exact,
        );
        (count, bytes)
    }

    /// Objects made, and heap bytes an operation.
    fn counted(&self, trial: &Trial<'_>) -> Result<(f64, f64), LabError> {
        let heap = trial.heap().build()?;
        let mut mutator = heap.attach()?;
        let buffers = Buffers::new(&heap);
        let ledger = Ledger::open(&mut mutator);
        for index in 0..self.operations() {
            mutator.enter(|mu| self.operation(mu, &buffers, index));
            if self.every > 0 && index % self.every == 0 {
                (0..self.collections).for_each(|_| mutator.collect());
            }
        }
        let change = ledger.close(&mut mutator);
        Ok((change.mallocs, change.total / self.operations() as f64))
    }
}

/// Nanoseconds of an operation, fresh and pooled, in a heap that collects as it goes; batches of the two in turn.
fn times(heap: &Heap, count: usize, go: &mut Beside<'_>) -> Result<[Vec<f64>; 2], LabError> {
    /// Operations of an `enter`: a megabyte of buffers.
    const BATCH: usize = 1024;
    let mut mutator = heap.attach()?;
    let buffers = Buffers::new(heap);
    let mut samples = [Vec::new(), Vec::new()];
    for batch in 0..BATCHES {
        if batch % 3 == 0 {
            go.sample();
        }
        for (program, samples) in PROGRAMS.iter().zip(&mut samples) {
            let ((), lap) = timed(|| {
                for _ in 0..count / BATCH {
                    mutator.enter(|mu| (0..BATCH).for_each(|index| program.operation(mu, &buffers, index)));
                }
            });
            samples.push(lap.cpu_ns_per((count / BATCH * BATCH) as u64));
        }
    }
    Ok(samples)
}

/// How many buffers of a stock have been told to be dead after no, one and two collections, and after one that came
/// when all had been taken and put again.
struct Told {
    after: [f64; 3],
    used: f64,
}

fn with_cleanup<'gc>(mu: &Mu<'gc>, buffer: Buffer<'gc>, told: Arc<AtomicU64>) {
    mu.cleanup(buffer, move || {
        told.fetch_add(1, Relaxed);
    });
}

fn with_finalizer<'gc>(mu: &Mu<'gc>, buffer: Buffer<'gc>, told: Arc<AtomicU64>) {
    mu.set_finalizer(buffer, move |_, _| {
        told.fetch_add(1, Relaxed);
    });
}

/// What `look` sees of a pool with [`STOCK`] fresh buffers in a heap of its own. `tell` has the count of those that are told dead
/// raised by each.
fn of_a_stock<T>(
    trial: &Trial<'_>,
    tell: impl for<'gc> Fn(&Mu<'gc>, Buffer<'gc>, Arc<AtomicU64>),
    look: impl FnOnce(&mut Mutator, &Buffers, &AtomicU64) -> T,
) -> Result<T, LabError> {
    let heap = trial.heap().build()?;
    let mut mutator = heap.attach()?;
    let (buffers, told) = (Buffers::new(&heap), Arc::new(AtomicU64::new(0)));
    mutator.enter(|mu| {
        for _ in 0..STOCK {
            let buffer = fresh(mu);
            tell(mu, buffer, Arc::clone(&told));
            buffers.put(mu, buffer);
        }
    });
    Ok(look(&mut mutator, &buffers, &told))
}

/// What `told` says now, and after each of two collections.
fn collected_twice(mutator: &mut Mutator, told: &AtomicU64) -> [f64; 3] {
    [0, 1, 1].map(|collections| {
        (0..collections).for_each(|_| mutator.collect());
        mutator.safepoint();
        told.load(Relaxed) as f64
    })
}

fn told(trial: &Trial<'_>) -> Result<Told, LabError> {
    let after = of_a_stock(trial, with_cleanup, |mutator, _, told| collected_twice(mutator, told))?;
    let used = of_a_stock(trial, with_cleanup, |mutator, buffers, told| {
        // One collection, everything is taken and put again, another: none has gone unused for two.
        mutator.collect();
        mutator.enter(|mu| {
            let taken: Vec<_> = std::iter::from_fn(|| buffers.take(mu)).collect();
            taken.into_iter().for_each(|buffer| buffers.put(mu, buffer));
        });
        mutator.collect();
        mutator.safepoint();
        told.load(Relaxed) as f64
    })?;
    Ok(Told { after, used })
}

/// The same counts as [`Told::after`], told to finalizers.
fn finalized_after(trial: &Trial<'_>) -> Result<[f64; 3], LabError> {
    of_a_stock(trial, with_finalizer, |mutator, _, told| collected_twice(mutator, told))
}

impl Experiment for Pooled {
    fn id(&self) -> &'static str {
        "t08"
    }

    fn title(&self) -> &'static str {
        "A pool of buffers"
    }

    fn question(&self) -> &'static str {
        "What does a pool of 1 KiB buffers save, what does a collection take from it, and who is told?"
    }

    fn extension(&self) -> Option<&'static str> {
        Some("how many buffers finalizers are told of")
    }

    fn run(&self, lab: &Lab) -> Result<Record, LabError> {
        let mut claims = Claims::new();
        let counts: Vec<_> = PROGRAMS.iter().map(|program| program.claim(&mut claims)).collect();
        let faster = claims.predict_time(
            "CPU, pooled over fresh",
            "the same words written; fresh also makes the buffer and clears it first: never more",
            1.0,
            Unit::Times,
            Tolerance::AtMost,
        );
        let told_after = |claims: &mut Claims, name: &str, model: &str, count: usize| {
            claims.predict(name, model, count as f64, Unit::Objects, Tolerance::Exact)
        };
        let after = [
            ("told dead, in the pool, before any collection", "nobody has looked", 0),
            ("told dead after one collection", "what was put since the last one survives", 0),
            (
                "told dead after two",
                "all that were in the pool and that nobody took since: its size at that moment",
                STOCK,
            ),
        ]
        .map(|(name, model, count)| told_after(&mut claims, name, model, count));
        let used = told_after(
            &mut claims,
            "told dead after two, taken and put between them",
            "what was used since the last collection survives: nothing goes",
            0,
        );
        let finalized = lab.extension(&mut claims, |claims| {
            let none = "it is as with cleanups: what was put since the last one survives";
            let all = "the same, told with the object in hand: as many as the pool had";
            [
                told_after(claims, "finalized after one collection", none, 0),
                told_after(claims, "finalized after two", all, STOCK),
            ]
        });
        let mut trial = lab.begin(self, claims)?;
        trial.method(format!(
            "A buffer is 1 KiB, and all of it is written in every operation. Counts: in a heap that collects only where the \
             program says so. Told: {STOCK} buffers with a cleanup each, or a finalizer each, are put into a pool. Time: in a heap \
             that collects as it goes, {BATCHES} batches of each in turn, medians of CPU."
        ));

        trial.stage("counting");
        let mut table =
            Table::new("Programs", ["program", "operations", "buffers made", "heap bytes an operation"]);
        let mut made = Vec::new();
        for (program, (count, bytes)) in PROGRAMS.iter().zip(counts) {
            let (buffers, each) = program.counted(&trial)?;
            made.push(buffers);
            trial.judge(count, buffers);
            trial.judge(bytes, each);
            trial.figure(format!("allocs_per_op {}", program.name), buffers / program.operations() as f64);
            trial.figure(format!("bytes_per_op {}", program.name), each);
            table.row([
                program.name.to_owned(),
                digits(program.operations() as f64),
                digits(buffers),
                digits(each),
            ]);
        }
        trial.table(table);
        trial.stage("who is told");
        let told = told(&trial)?;
        for (prediction, measured) in after.into_iter().zip(told.after) {
            trial.judge(prediction, measured);
        }
        trial.judge(used, told.used);
        for (collections, cleanups) in told.after.iter().enumerate() {
            trial.figure(format!("cleanups_after_{collections}_collections"), *cleanups);
        }
        if let Some([after_one, after_two]) = finalized {
            let by_finalizers = finalized_after(&trial)?;
            trial.judge(after_one, by_finalizers[1]);
            trial.judge(after_two, by_finalizers[2]);
            for (collections, finalizers) in by_finalizers.into_iter().enumerate() {
                trial.figure(format!("finalizers_after_{collections}_collections"), finalizers);
            }
        }

        trial.stage("timing");
        let heap = trial.heap().gc_percent(100).build()?;
        let mut go = Beside::task(lab, "t08");
        let [fresh, pooled] = times(&heap, lab.size(1 << 14, 1 << 18), &mut go)?;
        let fresh = trial.samples("cpu_ns_per_op fresh", fresh)?;
        let pooled = trial.samples("cpu_ns_per_op pooled", pooled)?;
        trial.judge(faster, pooled.median() / fresh.median());
        go.show(
            &mut trial,
            &[
                Row::new("fresh: objects", "fresh: allocs", made[0] / MANY as f64, Unit::Objects),
                Row::new("pooled: objects", "pooled: allocs", made[1] / MANY as f64, Unit::Objects),
                Row::new(
                    format!("made in {FEW} operations, one collection after each"),
                    "made with 1 collections",
                    made[3],
                    Unit::Objects,
                ),
                Row::new(
                    format!("made in {FEW} operations, two collections after each"),
                    "made with 2 collections",
                    made[4],
                    Unit::Objects,
                ),
            ],
        )?;
        trial.plot(Plot {
            title: String::from("CPU of an operation: a buffer, written"),
            reading: String::from("What is left when the buffer is there already is the writing."),
            shape: Shape::Bars {
                unit: Unit::Nanos,
                bars: vec![
                    Bar::of("fresh", fresh.median(), fresh.samples()),
                    Bar::of("pooled", pooled.median(), pooled.samples()),
                ],
            },
        });
        for text in FINDINGS {
            trial.finding(*text);
        }
        trial.finish()
    }
}

const FINDINGS: &[&str] = &[
    "A practice text says that every collection empties a pool, and expects about one allocation an operation when each is followed \
     by one. What was put since the last collection survives the next, in Go as here: one buffer serves them all. It takes two \
     collections without a use between them. Go 1.27.3 measures the same: with one collection an operation nothing is made anew, \
     with two 1,184 bytes an operation, the collections' own included.",
    "The text's own program collects only every 1000 operations, so one allocation an operation is impossible for it even by the rule \
     it gives.",
    "Its program without a pool measures nothing in Go: a buffer of constant size that does not escape is on the stack (0.24 ns, no \
     allocation). Here a buffer is in the heap because the program puts it there.",
    "The text expects as many finalizers as the pool had buffers when the collector ran. So it is, at the second of two collections; \
     at the first there are none.",
];
