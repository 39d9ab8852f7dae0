//! The `pause` bench: what is felt over a live heap that changes.
//!
//! The shape is [`churn`](crate::churn)'s. Its options and the keys of its object are those of the Go program of the same
//! shape, so that the two can be paired; what only one of them can say, only one of them prints.

use crate::churn::floor::{Floor, Pieces};
use crate::churn::{Churned, Observer, Wish, churn};
use crate::error::LabError;
use crate::measure::collector::{Cycle, Mode, WorkKind};
use crate::measure::machine;
use crate::measure::mmu;
use crate::measure::spread::Spread;
use crate::size::parse_size;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::time::Duration;
use tricolor::HeapBuilder;

/// The options as typed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Typed {
    /// Live bytes.
    pub(crate) live: Option<String>,
    /// Mutator threads.
    pub(crate) mutators: Option<usize>,
    /// Seconds.
    pub(crate) seconds: Option<f64>,
    /// How the heap is collected.
    pub(crate) collector: Option<String>,
    /// Who says what it feels like.
    pub(crate) observer: Option<String>,
}

impl Typed {
    /// The options that are there, for a kind of bench that has not all.
    pub(super) fn all(&self) -> impl Iterator<Item = &'static str> {
        [
            ("--live", self.live.is_some()),
            ("--mutators", self.mutators.is_some()),
            ("--seconds", self.seconds.is_some()),
            ("--collector", self.collector.is_some()),
            ("--observer", self.observer.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, is_there)| is_there.then_some(name))
    }
}

/// Live bytes, unless the user says otherwise.
const LIVE: u64 = 1 << 30;
/// Mutators, unless the user says otherwise.
const MUTATORS: usize = 2;
/// Seconds, unless the user says otherwise.
const SECONDS: f64 = 20.0;
/// The most seconds: an hour.
const MOST_SECONDS: f64 = 3600.0;
/// The most mutators: enough for any machine, few enough to be a typing error above.
const MOST_MUTATORS: usize = 1024;
/// Bytes that a mutator allocates in a second, at most: for a heap that never collects.
const BYTES_PER_SECOND: f64 = 400e6;
/// Seed of all random choices: the same churn every time.
const SEED: u64 = 1;

/// What the options mean.
///
/// # Errors
/// When a word is unknown or a number out of range.
pub(super) fn parse(typed: &Typed) -> Result<Wish, LabError> {
    let seconds = typed.seconds.unwrap_or(SECONDS);
    if !(0.0..=MOST_SECONDS).contains(&seconds) || seconds == 0.0 {
        return Err(LabError::Argument(format!(
            "--seconds is {seconds}, but must be above 0 and at most {MOST_SECONDS}"
        )));
    }
    let mutators = typed.mutators.unwrap_or(MUTATORS);
    if !(1..=MOST_MUTATORS).contains(&mutators) {
        return Err(LabError::Argument(format!(
            "--mutators is {mutators}, but must be from 1 to {MOST_MUTATORS}"
        )));
    }
    Ok(Wish {
        live: typed.live.as_deref().map_or(Ok(LIVE), parse_size)?,
        mutators,
        time: Duration::from_secs_f64(seconds),
        cycles: 0,
        mode: typed.collector.as_deref().map_or(Ok(Mode::DEFAULT), Mode::named)?,
        observer: typed.observer.as_deref().map_or(Ok(Observer::OwnOps), Observer::named)?,
        floor: Floor::AsLong,
        seed: SEED,
    })
}

/// Churns, and says what was felt.
pub(super) fn run(builder: &HeapBuilder, wish: &Wish) -> Result<Outcome, LabError> {
    let unreturned = wish.time.as_secs_f64() * wish.mutators as f64 * BYTES_PER_SECOND;
    #[expect(clippy::cast_possible_truncation, reason = "a cast from a float saturates")]
    #[expect(clippy::cast_sign_loss, reason = "a product of positive numbers")]
    let beside = if wish.mode == Mode::Off { unreturned as u64 } else { wish.live };
    machine::must_fit(wish.live.saturating_add(beside), "--live")?;
    Ok(Outcome::of(wish, &churn(builder, wish)?))
}

/// What was felt. Keys that do not apply are left out.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Outcome {
    bench: &'static str,
    args: Vec<String>,
    collector: &'static str,
    observer: &'static str,
    mutators: usize,
    wall_s: f64,
    cpu_s: f64,
    objects: u64,
    live_bytes: usize,
    operations: u64,
    ops_per_s: f64,
    cpu_us_per_op: f64,
    allocated_bytes: usize,
    cycles: u64,
    samples: u64,
    p50_us: f64,
    p90_us: f64,
    p99_us: f64,
    p999_us: f64,
    p9999_us: f64,
    max_us: f64,
    #[serde(flatten)]
    collected: Map<String, Value>,
    rss_bytes: u64,
    peak_rss_bytes: u64,
}

impl Outcome {
    fn of(wish: &Wish, churned: &Churned) -> Self {
        let (seconds, cpu) = (churned.took.as_secs_f64(), churned.cpu.as_secs_f64());
        let us = |percentile: f64| churned.felt.at(percentile) / 1e3;
        let operations = churned.operations;
        Self {
            bench: "pause",
            args: [
                ("--live", wish.live.to_string()),
                ("--mutators", wish.mutators.to_string()),
                ("--seconds", wish.time.as_secs_f64().to_string()),
                ("--collector", wish.mode.word().to_owned()),
                ("--observer", wish.observer.word().to_owned()),
            ]
            .into_iter()
            .flat_map(|(name, value)| [name.to_owned(), value])
            .collect(),
            collector: wish.mode.word(),
            observer: wish.observer.word(),
            mutators: wish.mutators,
            wall_s: seconds,
            cpu_s: cpu,
            objects: churned.live_objects,
            live_bytes: churned.live_bytes,
            operations,
            ops_per_s: operations as f64 / seconds,
            cpu_us_per_op: cpu * 1e6 / operations.max(1) as f64,
            allocated_bytes: churned.allocated,
            cycles: churned.cycles.len() as u64,
            samples: churned.felt.count(),
            p50_us: us(50.0),
            p90_us: us(90.0),
            p99_us: us(99.0),
            p999_us: us(99.9),
            p9999_us: us(99.99),
            max_us: churned.felt.max() / 1e3,
            collected: collected(churned),
            rss_bytes: churned.rss,
            peak_rss_bytes: churned.peak_rss,
        }
    }
}

/// What the mutators and the heap say of the collector.
fn collected(churned: &Churned) -> Map<String, Value> {
    let mut keys = Map::new();
    for ((_, key), value) in mmu::WINDOWS.iter().zip(mmu::curve(&churned.utilisation())) {
        keys.insert((*key).to_owned(), json!(value));
    }
    let longest = churned.gaps.iter().flatten().map(|gap| gap.end - gap.start).max();
    keys.insert(String::from("gaps"), json!(churned.gaps.iter().map(Vec::len).sum::<usize>()));
    keys.insert(String::from("longest_gap_us"), json!(longest.unwrap_or(0) as f64 / 1e3));
    let cycles = || churned.cycles.iter().map(|(_, cycle)| cycle);
    spread(&mut keys, "pause", cycles().filter_map(Cycle::stopped));
    spread(&mut keys, "stopping", cycles().filter_map(|cycle| cycle.stopping));
    floor(&mut keys, "idle", &churned.idle.arithmetic);
    floor(&mut keys, "memory", &churned.idle.memory);
    if churned.idle.plain > 0 {
        keys.insert(String::from("memory_bytes"), json!(churned.idle.plain));
    }
    if let Some(work) = &churned.work {
        keys.insert(String::from("work_count"), json!(work.count));
        let times = [("p50", work.p50), ("p99", work.p99), ("p999", work.p999), ("max", work.max)];
        let cpu = work.cpu.map(|cpu| {
            [
                ("p999_cpu", cpu.p999),
                ("p9999_cpu", cpu.p9999),
                ("max_cpu", cpu.max),
                ("max_unbroken_cpu", cpu.max_unbroken),
            ]
        });
        for (name, time) in times.into_iter().chain(cpu.into_iter().flatten()) {
            keys.insert(format!("work_{name}_us"), json!(us(time)));
        }
        if let Some(cpu) = work.cpu {
            keys.insert(String::from("work_long"), json!(cpu.long));
            keys.insert(String::from("work_cpu_s"), json!(cpu.total.as_secs_f64()));
        }
        if !work.kinds.is_empty() {
            keys.insert(String::from("work_kinds"), work.kinds.iter().map(kind).collect());
        }
    }
    if churned.cycles.is_empty() {
        return keys;
    }
    let slowest = cycles().flat_map(|cycle| &cycle.rounds).map(|round| round.slowest).max();
    keys.extend(slowest.map(|time| (String::from("slowest_answer_us"), json!(us(time)))));
    keys.insert(String::from("rounds"), rounds(cycles()));
    keys.insert(String::from("mark_s"), json!(sum(cycles().map(|cycle| Some(cycle.mark)))));
    keys.insert(String::from("mark_cpu_s"), json!(sum(cycles().map(|cycle| Some(cycle.mark_cpu)))));
    let totals = [
        ("assist_cpu_s", sum(cycles().map(|cycle| cycle.assist_cpu))),
        ("background_cpu_s", sum(cycles().map(|cycle| cycle.background_cpu))),
        ("helper_cpu_s", sum(cycles().map(|cycle| cycle.helper_cpu))),
    ];
    keys.extend(totals.into_iter().filter_map(|(name, total)| Some((name.to_owned(), json!(total?)))));
    keys
}

/// What pieces of work that is not the collector's took, if there were any.
fn floor(keys: &mut Map<String, Value>, name: &str, pieces: &Pieces) {
    if pieces.times.count() == 0 {
        return;
    }
    let mut put = |what: &str, value| keys.insert(format!("{name}_{what}"), value);
    put("count", json!(pieces.times.count()));
    put("p999_cpu_us", json!(pieces.times.at(99.9) / 1e3));
    put("p9999_cpu_us", json!(pieces.times.at(99.99) / 1e3));
    put("max_cpu_us", json!(pieces.times.max() / 1e3));
    put("max_unbroken_cpu_us", json!(us(pieces.max_unbroken)));
    put("long", json!(pieces.long));
    put("cpu_s", json!(pieces.total.as_secs_f64()));
}

fn kind(one: &WorkKind) -> Value {
    let (total, max, max_cpu) = (us(one.total), us(one.max), us(one.max_cpu));
    json!({"name": one.name, "count": one.count, "total_us": total, "max_us": max, "max_cpu_us": max_cpu})
}

fn us(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// Median and longest of one time of every cycle.
fn spread(keys: &mut Map<String, Value>, name: &str, times: impl Iterator<Item = Duration>) {
    if let Some(spread) = Spread::of(times.map(us).collect()) {
        keys.insert(format!("{name}_p50_us"), json!(spread.median()));
        keys.insert(format!("{name}_max_us"), json!(spread.max()));
    }
}

/// Seconds of all cycles; `None` if one does not say.
fn sum(times: impl Iterator<Item = Option<Duration>>) -> Option<f64> {
    times.sum::<Option<Duration>>().map(|total| total.as_secs_f64())
}

/// The longest of every round over all cycles, in the order in which they first came.
fn rounds<'a>(cycles: impl Iterator<Item = &'a Cycle>) -> Value {
    let mut longest: Vec<(&str, Duration, Duration)> = Vec::new();
    for round in cycles.flat_map(|cycle| &cycle.rounds) {
        match longest.iter_mut().find(|one| one.0 == round.name) {
            Some(one) => *one = (round.name, one.1.max(round.wall), one.2.max(round.slowest)),
            None => longest.push((round.name, round.wall, round.slowest)),
        }
    }
    longest
        .into_iter()
        .map(|(name, wall, slowest)| json!({"name": name, "wall_us": us(wall), "slowest_us": us(slowest)}))
        .collect()
}

#[cfg(test)]
mod tests;
