//! s1: regressions. Whether a comparison of two versions finds what has become dearer, and nothing else.

use crate::beside::{Beside, Row};
use crate::claim::{Claims, Tolerance};
use crate::compare::statistic::{self, Demand, Intervals, Pair, Verdict};
use crate::compare::{Comparison, Side, compare};
use crate::error::LabError;
use crate::experiment::{Experiment, Lab, Trial};
use crate::measure::machine::Machine;
use crate::record::{Axis, Plot, Record, Scale, Series, Shape, Source, Table, Ticks};
use crate::saved::Run;
use crate::shapes::Random;
use crate::suite::{self, FIGURES, Plant};
use crate::unit::{Unit, digits};

/// See the module.
pub(super) struct Regressions;

/// What is asked for: the defaults of the command, but for the probability of a false alarm, so that a run of the lab that goes well
/// is no matter of luck.
const DEMAND: Demand = Demand { alpha: 0.01, effect: 0.1, exact: 0.01 };
/// Runs of each version.
const RUNS: usize = 10;
/// Simulated pairs of versions that do not differ.
const PAIRS: usize = 200;
/// Figures of a simulated version, and its runs.
const SIMULATED: (usize, usize) = (20, 10);
/// What the simulation promises: the command's own defaults.
const PROMISE: Demand = Demand { alpha: 0.05, effect: 0.05, exact: 0.01 };
/// Relative spread of a simulated run, and the probability that it is late: it takes half as long again.
const SPREAD: f64 = 0.03;
const LATE: f64 = 0.05;
/// Sizes of planted slow-downs whose finding is counted, and how many simulated pairs of each.
const SIZES: [f64; 6] = [0.02, 0.05, 0.08, 0.1, 0.15, 0.3];
const EACH: usize = 50;

/// Runs of the suite: unmodified, unmodified, and with each mistake. Of each program they are taken in a random order, so that
/// whatever disturbs the machine, and whatever one leaves behind for the next, falls on any of them.
fn measured(trial: &Trial<'_>, random: &mut Random) -> Result<Vec<Side>, LabError> {
    let machine = Machine::here();
    let plants: Vec<Plant> = [Plant::None, Plant::None].into_iter().chain(Plant::ALL).collect();
    let mut runs: Vec<Vec<Run>> = plants.iter().map(|_| Vec::new()).collect();
    let heap = trial.heap();
    let mut order: Vec<usize> = (0..plants.len()).collect();
    for index in 0..RUNS {
        trial.stage(format!("run {} of {RUNS}", index + 1));
        runs.iter_mut().for_each(|runs| runs.push(Run::here(&machine, "suite")));
        for program in 0..suite::COUNT {
            random.shuffle(&mut order);
            for &at in &order {
                suite::measure(&heap, program, plants[at], &mut runs[at][index])?;
            }
        }
    }
    trial.stage("profiles");
    for (plant, runs) in plants.iter().zip(&mut runs) {
        suite::profile(&heap, *plant, &mut runs[0])?;
    }
    Ok(runs.into_iter().map(Side::of).collect())
}

/// The probability that at most one of a simulated version's runs is late: more are ranks enough to hide a slow-down.
fn clear() -> f64 {
    let on_time = |runs: usize| (0..runs).fold(1.0, |product, _| product * (1.0 - LATE));
    let runs = SIMULATED.1;
    on_time(runs) + runs as f64 * LATE * on_time(runs - 1)
}

/// A value of so much, as it comes on a busy machine.
fn noisy(random: &mut Random, centre: f64) -> f64 {
    let even = |random: &mut Random| random.below(1 << 30) as f64 / f64::from(1u32 << 30);
    // The sum of twelve even numbers is as good as normal.
    let normal: f64 = (0..12).map(|_| even(random)).sum::<f64>() - 6.0;
    let late = if even(random) < LATE { 1.5 } else { 1.0 };
    centre * (normal * SPREAD).exp() * late
}

/// Verdicts on two simulated versions, the second of which takes so much longer in its first figure.
fn simulated(random: &mut Random, slower: f64) -> Vec<Verdict> {
    let (figures, runs) = SIMULATED;
    let pairs: Vec<Pair> = (0..figures)
        .map(|figure| {
            let more = if figure == 0 { 1.0 + slower } else { 1.0 };
            let mut values = |centre: f64| (0..runs).map(|_| noisy(random, centre)).collect();
            Pair { base: values(10.0), new: values(10.0 * more) }
        })
        .collect();
    statistic::judge(&pairs, PROMISE, Intervals::Needed).into_iter().map(|one| one.verdict).collect()
}

/// The suite's programs as they are, beside the same in Go.
fn beside_go(same: &Comparison) -> Vec<Row> {
    let row = |(bench, name, value): (&str, &str, f64)| {
        let (what, key, unit) = match name {
            "cpu_ns_per_op" => ("CPU", "ns", Unit::Nanos),
            "bytes_per_op" => ("bytes", "bytes", Unit::Bytes),
            _ => ("allocations", "allocs", Unit::Count),
        };
        Row::new(format!("{bench}: {what} of an operation"), format!("{bench}: {key}"), value, unit)
    };
    same.rows.iter().map(|one| row((&one.key.1, &one.key.2, one.judged.medians[0]))).collect()
}

/// How many figures, other than those of the program that the mistake is in, were called changed or newly allocate.
fn elsewhere(comparison: &Comparison, program: &str) -> f64 {
    let changed = comparison.rows.iter().filter(|row| row.judged.verdict != Verdict::Same);
    changed.filter(|row| row.key.1 != program).count() as f64
}

impl Experiment for Regressions {
    fn id(&self) -> &'static str {
        "s1"
    }

    fn title(&self) -> &'static str {
        "Regressions from version to version"
    }

    fn question(&self) -> &'static str {
        "Does a comparison of saved runs find what has become dearer in time, bytes or allocations, and is it silent otherwise?"
    }

    fn krate(&self) -> &'static str {
        "heap-lab"
    }

    fn run(&self, lab: &Lab) -> Result<Record, LabError> {
        let mut claims = Claims::new();
        let silent = claims.predict_time(
            "figures called changed between two runs of the same programs",
            format!(
                "{FIGURES} figures, of which time varies: none, but with a probability of {}",
                DEMAND.alpha
            ),
            0.0,
            Unit::Count,
            Tolerance::Exact,
        );
        let found: Vec<_> = Plant::ALL
            .iter()
            .map(|plant| {
                let (program, figure) = plant.shows();
                let name = format!("{plant:?} in {program}: found in {figure}");
                claims.predict_time(
                    name,
                    "one mistake was planted, and shows there",
                    1.0,
                    Unit::Count,
                    Tolerance::Exact,
                )
            })
            .collect();
        let others = claims.predict_time(
            "figures of other programs called changed, over all mistakes",
            "none was planted there",
            0.0,
            Unit::Count,
            Tolerance::Exact,
        );
        let sites = claims.predict(
            "new allocation sites, of the mistake that allocates elsewhere",
            "the planted one",
            1.0,
            Unit::Count,
            Tolerance::Exact,
        );
        let alarms = claims.predict(
            format!("pairs with a false alarm, of {PAIRS} simulated ones"),
            format!("the promise is {} for all {} figures of a pair together", PROMISE.alpha, SIMULATED.0),
            PROMISE.alpha * PAIRS as f64,
            Unit::Count,
            Tolerance::AtMost,
        );
        let power = claims.predict(
            "slow-downs of 30 % found, of simulated ones",
            format!(
                "ten standard deviations of a run; but of {} runs before, two or more are late with a probability of {}, and hide it: \
                 the mean of {EACH} without these, less three standard deviations",
                SIMULATED.1,
                digits(1.0 - clear())
            ),
            (EACH as f64 * clear() - 3.0 * (EACH as f64 * clear() * (1.0 - clear())).sqrt()).floor(),
            Unit::Count,
            Tolerance::AtLeast,
        );
        let mut trial = lab.begin(self, claims)?;
        trial.method(format!(
            "A suite of five programs is run {RUNS} times unmodified, {RUNS} times more unmodified, and {RUNS} times with each of four \
             mistakes, of each program in a random order, in one process. Times are the thread's CPU. Compared as `heap-lab compare` does, with a probability of {} \
             for any false alarm and a least effect of {}. Simulated: {} figures of {} runs with a spread of {} and one late run in \
             twenty, compared with the command's defaults.",
            DEMAND.alpha,
            Unit::Percent.show(DEMAND.effect * 100.0),
            SIMULATED.0,
            SIMULATED.1,
            Unit::Percent.show(SPREAD * 100.0),
        ));

        let mut go = Beside::task(lab, "s1");
        go.sample();
        let mut random = Random::new(lab.options.seed);
        let sides = measured(&trial, &mut random)?;
        let [base, again, planted @ ..] = &sides[..] else {
            return Err(LabError::Measure(String::from("the suite was not run")));
        };
        go.sample();
        let same = compare(base, again, DEMAND, false)?;
        go.show(&mut trial, &beside_go(&same))?;
        trial
            .judge(silent, same.rows.iter().filter(|row| row.judged.verdict != Verdict::Same).count() as f64);
        let mut table = Table::new(
            "Mistakes, and what was said",
            ["mistake", "program and figure", "before", "after", "verdict"],
        );
        let (mut wrong, mut new_sites) = (0.0, 0.0);
        for ((plant, side), prediction) in Plant::ALL.iter().zip(planted).zip(found) {
            let comparison = compare(base, side, DEMAND, false)?;
            let (program, figure) = plant.shows();
            let hits = comparison.dearer().filter(|row| row.key.1 == program && row.key.2 == figure);
            trial.judge(prediction, hits.count() as f64);
            wrong += elsewhere(&comparison, program);
            if *plant == Plant::Elsewhere {
                new_sites = comparison.new_sites.len() as f64;
                trial.fact(
                    "new_sites",
                    comparison.new_sites.iter().map(|(site, _)| site.function.clone()).collect::<Vec<_>>(),
                );
            }
            for row in comparison.rows.iter().filter(|row| row.judged.verdict != Verdict::Same) {
                let [before, after] = row.judged.medians;
                table.row([
                    format!("{plant:?}"),
                    format!("{} {}", row.key.1, row.key.2),
                    digits(before),
                    digits(after),
                    if row.judged.ratio.is_finite() {
                        format!("{:+.1} %", (row.judged.ratio - 1.0) * 100.0)
                    } else {
                        String::from("from nothing")
                    },
                ]);
                trial.figure(format!("{plant:?}: ratio of {} {}", row.key.1, row.key.2), row.judged.ratio);
            }
        }
        trial.judge(others, wrong);
        trial.judge(sites, new_sites);
        trial.table(table);

        trial.stage("simulating noise");
        let alarmed = (0..PAIRS)
            .filter(|_| simulated(&mut random, 0.0).iter().any(|verdict| *verdict != Verdict::Same))
            .count();
        trial.judge(alarms, alarmed as f64);
        let mut points = Vec::new();
        for slower in SIZES {
            let hits = (0..EACH).filter(|_| simulated(&mut random, slower)[0] == Verdict::Dearer).count();
            trial.figure(format!("found_of_{EACH}_at_{slower}"), hits as f64);
            points.push((slower * 100.0, hits as f64 / EACH as f64 * 100.0));
        }
        let largest = points.last().map_or(0.0, |(_, share)| share / 100.0 * EACH as f64);
        trial.judge(power, largest);
        trial.figure("false_alarms", alarmed as f64);
        let axis = |label: &str| Axis {
            label: label.to_owned(),
            scale: Scale::Linear,
            ticks: Ticks::Unit(Unit::Percent),
        };
        trial.plot(Plot {
            title: String::from("Planted slow-downs found, simulated"),
            reading: String::from(
                "Below the least effect hardly any is called one; above it nearly all are found.",
            ),
            shape: Shape::Lines {
                x: axis("slow-down"),
                y: axis("found"),
                series: vec![Series { label: String::from("found"), points, source: Source::Measured }],
            },
        });
        for text in FINDINGS {
            trial.finding(*text);
        }
        trial.finish()
    }
}

const FINDINGS: &[&str] = &[
    "A practice text compares versions of Go by a table of differences. On one run of each, a difference in time says nothing; here a \
     figure is called dearer only if a rank test over all figures together, the interval of the ratio, and a least effect agree. Bytes and \
     allocations that are equal in every run need no test.",
    "The promise holds for runs that could have come in any order. Ten runs of one version and then ten of the other measure the \
     machine's mood as well: take them in turn, as the example for CI does (docs/guide/src/lab.md).",
    "What newly allocates is found by name: here by program and type; in a profile of pprof, whose files `heap-lab compare` reads, Go's \
     too, by function. That two versions of a compiler decide otherwise shows there: a function that allocates in one and not in the other.",
];
