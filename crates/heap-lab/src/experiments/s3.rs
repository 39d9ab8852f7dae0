//! s3: an arena as a pool of objects. One chunk, alive as long as any reference into it, and freed at once.

use crate::beside::{Beside, Row};
use crate::claim::{Claims, Tolerance};
use crate::error::LabError;
use crate::experiment::{Experiment, Lab, Trial};
use crate::measure::collector::last_cycle;
use crate::measure::spread::Spread;
use crate::measure::time::timed;
use crate::record::{Bar, Plot, Record, Shape, Table};
use crate::unit::{Unit, digits};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tricolor::{Arena, Gc, GcCell, GcSlice, Leaf, Mu, Mutator, Root, Trace, Weak};

/// See the module.
pub(super) struct Arenas;

/// Instances of the chunk whose life is watched.
const INSTANCES: usize = 1000;
/// Bytes of what each instance leads to: none of it in the chunk.
const LOAD: usize = 64;
/// Objects of a chunk when times are taken.
const CHUNK: usize = 1000;
/// Repetitions of each timing.
const BATCHES: usize = 25;
/// What the practice text asks for, at least.
const ASKED: f64 = 2.0;

/// An instance: a reference to something outside the chunk, and a number.
type Instance<'gc> = (Option<Gc<'gc, [u64; LOAD / 8]>>, u64);
/// Two words, eight, and twelve: a reference and numbers.
type Words<'gc, const W: usize> = (Option<Gc<'gc, u64>>, [u64; W]);
/// The handles of a table, which do not keep what they lead to.
type Handles<'gc> = GcSlice<GcCell<Option<Weak<'gc, Instance<'gc>>>>>;

/// Something with a drop.
struct Counted(Arc<AtomicU64>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// Something with a drop that costs next to nothing.
struct Dropped(u64);

impl Drop for Dropped {
    fn drop(&mut self) {
        black_box(self.0);
    }
}

/// What the heap says of its objects after a collection.
#[derive(Clone, Copy)]
struct Alive {
    objects: f64,
    scanned: f64,
}

fn alive(mutator: &mut Mutator) -> Result<Alive, LabError> {
    mutator.collect();
    let figures = mutator.figures();
    let objects = figures.memory.heap_objects as f64;
    Ok(Alive { objects, scanned: last_cycle(figures)?.scanned_bytes.get() as f64 })
}

/// The life of a chunk.
struct Life {
    /// While one reference of a thousand is held, and when it is gone.
    one: Alive,
    none: Alive,
    /// Uses by handles that do not keep: those that found the instance while the chunk was alive, and those that found that
    /// it was gone after.
    found: f64,
    detected: f64,
    /// What the verifier had to say, in a heap that is verified in every cycle.
    violations: f64,
}

fn life(trial: &Trial<'_>) -> Result<Life, LabError> {
    let heap = trial.heap().verify_every(1).build()?;
    let mut mutator = heap.attach()?;
    // Of a thousand instances one is held. The handles do not count as references.
    let (kept, handles): (Root<Instance<'static>>, Root<Handles<'static>>) = mutator.enter(|mu| {
        let mut arena = Arena::new(mu, INSTANCES);
        let instances: Vec<Gc<'_, Instance<'_>>> = (0..INSTANCES as u64)
            .map(|number| arena.alloc(mu, (Some(mu.alloc([number; LOAD / 8])), number)))
            .collect();
        let handles = mu.alloc_slice(INSTANCES, |index| GcCell::new(Some(mu.downgrade(instances[index]))));
        (mu.root(instances[INSTANCES / 2]), mu.root(handles))
    });
    let uses = |mutator: &mut Mutator| {
        mutator.enter(|mu| {
            let found = handles.get(mu).iter().enumerate().filter(|(index, handle)| {
                let instance = handle.get().and_then(|handle| handle.upgrade(mu));
                instance.is_some_and(|instance| {
                    instance.1 == *index as u64 && instance.0.is_some_and(|load| load[0] == instance.1)
                })
            });
            found.count() as f64
        })
    };
    mutator.collect();
    let found = uses(&mut mutator);
    let one = alive(&mut mutator)?;
    drop(kept);
    let none = alive(&mut mutator)?;
    let detected = INSTANCES as f64 - uses(&mut mutator);
    drop(handles);
    drop(mutator);
    Ok(Life { one, none, found, detected, violations: heap.verify().len() as f64 })
}

/// Drops run while one object of a chunk is held, and after the collection that follows.
fn drops(trial: &Trial<'_>) -> Result<(f64, f64), LabError> {
    let heap = trial.heap().build()?;
    let mut mutator = heap.attach()?;
    let dropped = Arc::new(AtomicU64::new(0));
    let kept: Root<Leaf<Counted>> = mutator.enter(|mu| {
        let mut arena = Arena::new(mu, INSTANCES);
        let mut make = || arena.alloc(mu, Leaf::new(Counted(Arc::clone(&dropped))));
        let first = make();
        (1..INSTANCES).for_each(|_| {
            make();
        });
        mu.root(first)
    });
    mutator.collect();
    mutator.safepoint();
    let before = dropped.load(Relaxed) as f64;
    drop(kept);
    mutator.collect();
    mutator.safepoint();
    Ok((before, dropped.load(Relaxed) as f64))
}

/// A kind of object, made by itself and in an arena.
struct Kind {
    name: &'static str,
    /// How many times as long by itself, at least, and why.
    floor: f64,
    model: &'static str,
    alone: fn(&Mu<'_>, usize),
    together: fn(&Mu<'_>, usize),
}

#[inline(always)]
fn alone<'gc, T: Trace + 'gc>(mu: &Mu<'gc>, count: usize, make: impl Fn(u64) -> T) {
    for index in 0..count as u64 {
        black_box(mu.alloc(make(index)));
    }
}

#[inline(always)]
fn together<'gc, T: Trace + 'gc>(mu: &Mu<'gc>, count: usize, make: impl Fn(u64) -> T) {
    let mut arena = Arena::new(mu, count);
    for index in 0..count as u64 {
        black_box(arena.alloc(mu, make(index)));
    }
}

const KINDS: [Kind; 4] = [
    Kind {
        name: "16 bytes",
        floor: 0.7,
        model: "18 instructions by itself and 14 from an arena (callgrind, docs/design/pools.md): hardly a gain, and on a busy machine perhaps none",
        alone: |mu, count| alone::<Words<'_, 1>>(mu, count, |index| (None, [index])),
        together: |mu, count| together::<Words<'_, 1>>(mu, count, |index| (None, [index])),
    },
    Kind {
        name: "64 bytes",
        floor: 1.0,
        model: "37 instructions and 19, and no run of slots to find and clear: never slower",
        alone: |mu, count| alone::<Words<'_, 7>>(mu, count, |index| (None, [index; 7])),
        together: |mu, count| together::<Words<'_, 7>>(mu, count, |index| (None, [index; 7])),
    },
    Kind {
        name: "96 bytes",
        floor: 1.0,
        model: "69 instructions and 24, and no run of slots to find and clear: never slower",
        alone: |mu, count| alone::<Words<'_, 11>>(mu, count, |index| (None, [index; 11])),
        together: |mu, count| together::<Words<'_, 11>>(mu, count, |index| (None, [index; 11])),
    },
    Kind {
        name: "8 bytes with a drop",
        floor: 1.2,
        model: "one object to find dead instead of a thousand: a fifth, at least",
        alone: |mu, count| alone(mu, count, |index| Leaf::new(Dropped(index))),
        together: |mu, count| together(mu, count, |index| Leaf::new(Dropped(index))),
    },
];

/// Nanoseconds of an object of each kind, by itself and in an arena; in turn, each in a heap of its own that collects as it
/// goes, so that none pays for what another left.
fn times(trial: &Trial<'_>, count: usize) -> Result<Vec<[Vec<f64>; 2]>, LabError> {
    let mut all: Vec<[(Mutator, Vec<f64>); 2]> = Vec::new();
    for _ in &KINDS {
        let heap = || Ok::<_, LabError>((trial.heap().gc_percent(100).build()?.attach()?, Vec::new()));
        all.push([heap()?, heap()?]);
    }
    for _ in 0..BATCHES {
        for (kind, heaps) in KINDS.iter().zip(&mut all) {
            for (work, (mutator, samples)) in [kind.alone, kind.together].into_iter().zip(heaps) {
                let ((), lap) = timed(|| {
                    for _ in 0..count / CHUNK {
                        mutator.enter(|mu| work(mu, CHUNK));
                    }
                });
                samples.push(lap.cpu_ns_per((count / CHUNK * CHUNK) as u64));
            }
        }
    }
    Ok(all.into_iter().map(|heaps| heaps.map(|(_, samples)| samples)).collect())
}

impl Experiment for Arenas {
    fn id(&self) -> &'static str {
        "s3"
    }

    fn title(&self) -> &'static str {
        "An arena as a pool of objects"
    }

    fn question(&self) -> &'static str {
        "Can a thousand objects with references live in one chunk, safely, be freed at once, and be made faster than one by one?"
    }

    fn run(&self, lab: &Lab) -> Result<Record, LabError> {
        let instances = INSTANCES as f64;
        let mut claims = Claims::new();
        let held = claims.predict(
            "objects while one reference of a thousand is held",
            "the chunk, what each of its instances leads to, and the table of handles with a place for each",
            1.0 + instances + 1.0 + instances,
            Unit::Objects,
            Tolerance::Exact,
        );
        let scanned = claims.predict(
            "bytes scanned for the chunk, with and without that reference",
            "every instance is looked into, for one that is held: its reference of 8 bytes, as the mask says, and not its number",
            instances * size_of::<Gc<'_, u64>>() as f64,
            Unit::Bytes,
            Tolerance::Relative(0.1),
        );
        let freed = claims.predict(
            "objects that the last reference's end frees, in one collection",
            "the chunk and what its instances lead to; the handles are held on, and know only that it is gone",
            1.0 + instances,
            Unit::Objects,
            Tolerance::Exact,
        );
        let early = claims.predict(
            "drops run while one object of the chunk is held",
            "the chunk lives as one",
            0.0,
            Unit::Objects,
            Tolerance::Exact,
        );
        let late = claims.predict(
            "drops run at the safepoint after the collection that frees it",
            "all of them, at once",
            instances,
            Unit::Objects,
            Tolerance::Exact,
        );
        let found = claims.predict(
            "uses by weak handles while the chunk is alive that find their instance",
            "all of them, whatever else is not held",
            instances,
            Unit::Count,
            Tolerance::Exact,
        );
        let detected = claims.predict(
            "uses by weak handles after the chunk is freed that are detected",
            "all of them: a use after the end is an answer, None, and never a look at other memory",
            instances,
            Unit::Count,
            Tolerance::Exact,
        );
        let violations = claims.predict(
            "violations that the verifier finds",
            "a heap that is verified in every cycle: no word leads to a freed instance",
            0.0,
            Unit::Count,
            Tolerance::Exact,
        );
        let ratios: Vec<_> = KINDS
            .iter()
            .map(|kind| {
                let name = format!("CPU, by itself over in an arena, {}", kind.name);
                claims.predict_time(name, kind.model, kind.floor, Unit::Times, Tolerance::AtLeast)
            })
            .collect();
        let mut trial = lab.begin(self, claims)?;
        trial.method(format!(
            "Life: {INSTANCES} instances of 16 bytes in one chunk, each with a reference to an object of its own outside; one of them is \
             held by a root, and a table has a weak handle to each. Drops: as many objects with a drop, one held. Time: chunks of \
             {CHUNK} objects, made and left to a heap that collects as it goes, the chunk's own making included; {BATCHES} batches of \
             each in turn, the least CPU of them, since what disturbs a batch only adds to it."
        ));

        trial.stage("the life of a chunk");
        let life = life(&trial)?;
        trial.judge(held, life.one.objects);
        trial.judge(scanned, life.one.scanned - life.none.scanned);
        trial.judge(freed, life.one.objects - life.none.objects);
        trial.judge(found, life.found);
        trial.judge(detected, life.detected);
        trial.judge(violations, life.violations);
        let (before, after) = drops(&trial)?;
        trial.judge(early, before);
        trial.judge(late, after);
        for (name, value) in [
            ("objects_while_one_is_held", life.one.objects),
            ("objects_when_none_is_held", life.none.objects),
            ("scanned_bytes_while_one_is_held", life.one.scanned),
            ("scanned_bytes_when_none_is_held", life.none.scanned),
        ] {
            trial.figure(name, value);
        }

        trial.stage("timing");
        let mut go = Beside::runs(lab, &[("", &["task", "s3", lab.size("100000", "1000000")])]);
        let mut rows = Vec::new();
        // Before and after, and not between: a collector that is given time sweeps what the next batch would have to.
        go.sample();
        let times = times(&trial, lab.size(500_000, 5_000_000))?;
        go.sample();
        let mut table = Table::new("Made and dropped", ["object", "by itself", "in an arena", "ratio"]);
        let mut bars = Vec::new();
        for ((kind, samples), ratio) in KINDS.iter().zip(times).zip(ratios) {
            let [alone, together] = samples;
            let alone = trial.samples(&format!("cpu_ns_per_object {} by itself", kind.name), alone)?;
            let together =
                trial.samples(&format!("cpu_ns_per_object {} in an arena", kind.name), together)?;
            // What disturbs a batch only adds to it.
            let times = alone.min() / together.min();
            trial.judge(ratio, times);
            let name = kind.name;
            rows.extend([
                Row::new(format!("{name}, by itself"), format!("{name}: alone ns"), alone.min(), Unit::Nanos),
                Row::new(
                    format!("{name}, in an arena"),
                    format!("{name}: together ns"),
                    together.min(),
                    Unit::Nanos,
                ),
                Row::new(
                    format!("{name}, the first over the second"),
                    format!("{name}: alone over together"),
                    times,
                    Unit::Times,
                ),
            ]);
            table.row([
                kind.name.to_owned(),
                Unit::Nanos.show(alone.min()),
                Unit::Nanos.show(together.min()),
                Unit::Times.show(times),
            ]);
            let bar = |label: &str, spread: &Spread| {
                Bar::of(format!("{}, {label}", kind.name), spread.min(), spread.samples())
            };
            bars.extend([bar("by itself", &alone), bar("in an arena", &together)]);
        }
        go.show(&mut trial, &rows)?;
        trial.table(table);
        trial.plot(Plot {
            title: String::from("CPU to make an object and be rid of it"),
            reading: String::from("An arena gains where making an object by itself is dear."),
            shape: Shape::Bars { unit: Unit::NanosPerObject, bars },
        });
        trial.figure("asked_for_times", ASKED);
        for text in FINDINGS {
            trial.finding(*text);
        }
        trial.finding(format!(
            "What is found here, of {} objects held by one reference: all were scanned, and all went in one collection.",
            digits(instances)
        ));
        trial.finish()
    }
}

const FINDINGS: &[&str] = &[
    "A practice text asks for two to five times the throughput of objects made one by one. That is true of objects of 64 bytes and \
     more on a quiet machine, and of those with a drop; an object of 16 bytes is made by a bump in any case, and an arena gains little. A ratio against a slow allocator says more about \
     the allocator.",
    "It asks for a count of references for each chunk. Here there is none: a mark of any instance is the chunk's, and the collection \
     that finds no mark frees it. Nothing is counted when a reference is copied.",
    "It asks that misuse is detected by finalizers in a checking mode. Safe code has no misuse to detect: a reference keeps the \
     chunk, and what outlives the brand does not compile (tests/ui). Who wants handles that do not keep has weak references, which \
     answer. What unsafe code may get wrong, an address that a runtime holds too long, the verifier finds: tests/it/arena.rs.",
    "Go's own experiment unmaps the chunk when it is freed, so that a use after that faults; it was put on hold because an arena is in \
     the signature of each function that allocates. Here nothing downstream of the allocation knows of it.",
];
