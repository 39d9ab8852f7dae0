//! t12: many objects, or many bytes. What each costs.

use crate::beside::{Beside, Row};
use crate::claim::{Claims, Tolerance};
use crate::error::LabError;
use crate::experiment::{Experiment, Lab, Trial};
use crate::experiments::t11::{profiled, ranked};
use crate::measure::collector::last_cycle;
use crate::measure::time::nanos;
use crate::record::{Bar, Plot, Record, Shape, Table};
use crate::sites::{self, Site, short};
use crate::unit::{Unit, digits};
use heap_profile::{Group, Profiler, Value};

/// See the module.
pub(super) struct ObjectsAndBytes;

/// Bytes of a small object, and of a large one.
const SMALL: usize = 16;
const LARGE: usize = 1024;
/// Collections of each heap; their median is taken.
const CYCLES: usize = 7;

/// Nanoseconds of marking, median, with `bytes` of objects alive which have `WORDS` words without references each.
fn mark_cpu<const WORDS: usize>(trial: &mut Trial<'_>, bytes: usize) -> Result<f64, LabError> {
    let heap = trial.heap_of_one_worker().build()?;
    let mut mutator = heap.attach()?;
    let count = bytes / (WORDS * 8);
    let kept = mutator.enter(|mu| mu.root(mu.alloc_slice(count, |index| mu.alloc([index as u64; WORDS]))));
    mutator.collect();
    let mut samples = Vec::new();
    for _ in 0..CYCLES {
        mutator.collect();
        samples.push(nanos(last_cycle(mutator.figures())?.mark_cpu));
    }
    drop(kept);
    Ok(trial.samples(&format!("mark CPU, ns, objects of {} bytes", WORDS * 8), samples)?.median())
}

/// Bytes that the scratch buffers have, and those that all others have, between two profiles of one heap: all workloads before the
/// older, and buffers alone before the newer.
fn between(trial: &Trial<'_>, count: usize) -> Result<(f64, f64), LabError> {
    let profiler = Profiler::new();
    let heap = trial.heap().sampler(profiler.clone(), 1).build()?;
    let mut mutator = heap.attach()?;
    let by_site = || profiler.profile("heap-lab", &heap).grouped(Group::Function, Value::AllocatedBytes);
    sites::run(&mut mutator, count);
    let older = by_site();
    sites::run_buffers(&mut mutator, count);
    let newer = by_site();
    let grown =
        |name: &str| sites::of(&newer, name).allocated.bytes - sites::of(&older, name).allocated.bytes;
    let others = newer.iter().filter(|(name, _)| name != Site::Scratch.function());
    Ok((grown(Site::Scratch.function()), others.map(|(name, _)| grown(name)).sum()))
}

impl Experiment for ObjectsAndBytes {
    fn id(&self) -> &'static str {
        "t12"
    }

    fn title(&self) -> &'static str {
        "Objects against bytes"
    }

    fn question(&self) -> &'static str {
        "Do the same places lead a profile by objects and by bytes, and which of the two does a program pay for?"
    }

    fn extension(&self) -> Option<&'static str> {
        Some("what was allocated between two profiles")
    }

    fn run(&self, lab: &Lab) -> Result<Record, LabError> {
        let count = lab.size(1_000, 10_000);
        let alive = lab.size(16 << 20, 64 << 20);
        let by_bytes = ranked(count, |expected| expected.bytes);
        // Of as many objects, those with more bytes come first.
        let mut by_objects = by_bytes.clone();
        by_objects.sort_by(|(_, one), (_, other)| other.objects.total_cmp(&one.objects));
        let mut claims = Claims::new();
        let mut first = Vec::new();
        for (what, ranking) in [("bytes", &by_bytes), ("objects", &by_objects)] {
            let site = ranking[0].0;
            let prediction = claims.predict(
                format!("place of {} by {what}", site.short()),
                "the first by the sizes and numbers of the program",
                1.0,
                Unit::Count,
                Tolerance::Exact,
            );
            first.push((what, site, prediction));
        }
        let other_places =
            by_bytes.iter().zip(&by_objects).filter(|((one, _), (other, _))| one != other).count();
        let lists_differ = claims.predict(
            "places of the two lists with another site",
            "the two orders of the program's sizes and numbers, place by place",
            other_places as f64,
            Unit::Count,
            Tolerance::Exact,
        );
        // In opposite ways: many objects and few bytes, and the other way round.
        let (many, large) = (by_objects[0], by_bytes[0]);
        let ratios = claims.predict(
            format!("objects of {} over those of {}", many.0.short(), large.0.short()),
            "ten strings for each buffer",
            many.1.objects / large.1.objects,
            Unit::Times,
            Tolerance::Exact,
        );
        let bytes = claims.predict(
            format!("bytes of {} over those of {}", many.0.short(), large.0.short()),
            "slots of 16 and 24 bytes over slots of 1024",
            many.1.bytes / large.1.bytes,
            Unit::Times,
            Tolerance::Relative(1e-9),
        );
        let marking = claims.predict_time(
            format!("mark CPU, objects of {SMALL} bytes over objects of {LARGE}, the same bytes alive"),
            format!(
                "marking does something for each object and nothing for its bytes, so the limit is {LARGE}/{SMALL} = {}; at least \
                 an eighth of that, because a collection costs something that depends on neither",
                LARGE / SMALL
            ),
            (LARGE / SMALL) as f64 / 8.0,
            Unit::Times,
            Tolerance::AtLeast,
        );
        let beyond = lab.extension(&mut claims, |claims| {
            let mut grown = |name: &str, model: &str, bytes: usize| {
                claims.predict(name, model, bytes as f64, Unit::Bytes, Tolerance::Exact)
            };
            let model = "the workload that alone ran between them: 1024 bytes an operation";
            (
                grown("bytes of scratch between two profiles", model, count * sites::SCRATCH),
                grown("bytes of all others between them", "nobody else ran", 0),
            )
        });
        let mut trial = lab.begin(self, claims)?;
        trial.method(format!(
            "The program of t11, {} operations of each workload, every allocation counted. Then two heaps with {} alive, in \
             objects without references that an array of references keeps; {CYCLES} collections each, median of the CPU of \
             marking.",
            digits(count as f64),
            Unit::Bytes.tick(alive as f64)
        ));

        let mut go = Beside::runs(lab, &[("", &["task", "t12", &count.to_string(), &alive.to_string()])]);
        go.sample();
        trial.stage("counting every allocation");
        let (profile, _) = profiled(&trial, count, 1)?;
        let lists = [
            ("bytes", profile.grouped(Group::Function, Value::AllocatedBytes)),
            ("objects", profile.grouped(Group::Function, Value::AllocatedObjects)),
        ];
        for (what, site, prediction) in first {
            let list = lists.iter().find(|(name, _)| *name == what).map(|(_, list)| list);
            let place = list.and_then(|list| list.iter().position(|(name, _)| name == site.function()));
            trial.judge(prediction, place.map_or(f64::NAN, |place| (place + 1) as f64));
        }
        let names = |list: &Vec<(String, _)>| list.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        let [(_, one), (_, other)] = &lists;
        let differ = names(one).iter().zip(&names(other)).filter(|(one, other)| one != other).count();
        trial.judge(lists_differ, differ as f64);
        if let Some((scratch, others)) = beyond {
            trial.stage("two profiles of one heap");
            let (of_scratch, of_others) = between(&trial, count)?;
            trial.judge(scratch, of_scratch);
            trial.judge(others, of_others);
        }
        let counts = |site: Site| sites::of(&lists[0].1, site.function()).allocated;
        let (many, large) = (counts(many.0), counts(large.0));
        trial.judge(ratios, many.objects / large.objects);
        trial.judge(bytes, many.bytes / large.bytes);

        trial.stage("marking small objects");
        let small = mark_cpu::<{ SMALL / 8 }>(&mut trial, alive)?;
        trial.stage("marking large objects");
        let large = mark_cpu::<{ LARGE / 8 }>(&mut trial, alive)?;
        trial.judge(marking, small / large);
        go.sample();
        let mut rows: Vec<Row> = lists[1]
            .1
            .iter()
            .map(|(name, counts)| {
                let name = short(name);
                Row::new(
                    format!("objects of {name}"),
                    format!("objects {name}"),
                    counts.allocated.objects,
                    Unit::Objects,
                )
            })
            .collect();
        rows.extend([
            Row::new(format!("mark CPU, objects of {SMALL} bytes"), "mark 16", small, Unit::Nanos),
            Row::new(format!("mark CPU, objects of {LARGE} bytes"), "mark 1024", large, Unit::Nanos),
            Row::new("the first over the second", "mark 16 over 1024", small / large, Unit::Times),
        ]);
        go.show(&mut trial, &rows)?;

        let total = profile.total().allocated;
        for (what, list) in &lists {
            let mut table = Table::new(
                format!("The first five by {what}"),
                ["site", "objects", "share", "bytes", "share of bytes"],
            );
            for (name, counts) in list.iter().take(5) {
                table.row([
                    short(name).to_owned(),
                    digits(counts.allocated.objects),
                    Unit::Percent.show(counts.allocated.objects / total.objects * 100.0),
                    Unit::Bytes.show(counts.allocated.bytes),
                    Unit::Percent.show(counts.allocated.bytes / total.bytes * 100.0),
                ]);
            }
            trial.table(table);
        }
        let bar = |size: usize, value: f64| Bar::measured(format!("objects of {size} bytes"), value);
        trial.plot(Plot {
            title: format!("Mark CPU with {} alive", Unit::Bytes.tick(alive as f64)),
            reading: String::from("The same bytes in small objects cost marking many times as much."),
            shape: Shape::Bars { unit: Unit::Nanos, bars: vec![bar(SMALL, small), bar(LARGE, large)] },
        });
        for text in FINDINGS {
            trial.finding(*text);
        }
        trial.finish()
    }
}

const FINDINGS: &[&str] = &[
    "concatenate is first by objects and makes few bytes; scratch is first by bytes and makes few objects. A list by \
     one of the two hides what the other shows.",
    "Rule of thumb. Count objects when allocating or marking is what costs: the allocator is called for each object, runs \
     and spans are used up by objects, and marking works for each object that lives. Count bytes when memory is what is short, \
     or when collections come too often: what is resident and when the next cycle begins are matters of bytes.",
    "A practice text says that bytes drive pause times. They drive none: marking runs beside the program, and its \
     work is objects and references. Bytes decide how often it has to be done.",
];
