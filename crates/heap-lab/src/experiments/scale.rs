//! scale: what the simulator says of heaps that this machine can run, beside what they take.

use crate::calibrate::{self, Collected, HEAP, collected, count_of, rounds};
use crate::claim::{Claims, Prediction, Tolerance};
use crate::error::LabError;
use crate::experiment::{Experiment, Lab, Trial};
use crate::measure::machine;
use crate::measure::trace_line::traced;
use crate::page_search::search;
use crate::record::{Axis, Plot, Record, Scale as Places, Series, Shape, Source, Table, Ticks};
use crate::scale::costs::Costs;
use crate::scale::cycle::pace;
use crate::scale::pages::{looked, search_ns};
use crate::shapes::MarkShape;
use crate::simulate::{Forecast, forecast};
use crate::unit::{Unit, binary, digits};
use heap_core::units::{PAGE_BYTES, Pages};
use tricolor::{Heap, HeapBuilder};

/// See the module.
pub(super) struct Scale;

/// Heaps that are predicted and collected.
const HEAPS: (&[u64], &[u64]) = (&[64 << 20, 256 << 20], &[64 << 20, 256 << 20, 1 << 30, 4 << 30]);
/// Shapes of them. A random graph is not among them: see `docs/design/scale.md`.
const SHAPES: [MarkShape; 3] = [MarkShape::Ptr3, MarkShape::Tree, MarkShape::List];
/// Mutators of the heap whose rounds are predicted from one and 65.
const MUTATORS: usize = 257;
/// How far off a prediction of time may be, as a part of it: on a shared machine processor time itself varies by a quarter between
/// two hours, and what is measured in 32 MiB meets other caches in 4 GiB.
const TIME: f64 = 0.5;

/// A prediction, and where its value comes from.
struct Marks {
    shape: MarkShape,
    heap: u64,
    alone: Prediction,
    /// The busiest of two workers, over one alone.
    busiest: Option<(Prediction, f64)>,
    /// Counting and sweeping, processor time.
    others: Option<Prediction>,
}

fn claim(claims: &mut Claims, costs: &Costs, shape: MarkShape, heap: u64, is_last: bool) -> Marks {
    let of = costs.of(shape);
    let (each, count) = (of.map_or(f64::NAN, |of| of.ns_per_object()), count_of(shape, heap));
    let name = format!("{}, {}", shape.word(), binary(heap as f64));
    let alone = claims.predict_time(
        format!("mark CPU, {name}, one worker"),
        format!("{} objects × {} in {}", digits(count as f64), Unit::Nanos.show(each), binary(HEAP as f64)),
        count as f64 * each / 1e6,
        Unit::Millis,
        Tolerance::Relative(TIME),
    );
    let busiest = is_last.then(|| pace(costs, shape, 2, costs.memory_bytes_per_ns)).flatten().map(|pace| {
        let share = pace.mark(count as u64).busiest_ns / (count as f64 * each);
        let prediction = claims.predict_time(
            format!("mark CPU of the busiest of two workers over one alone, {name}"),
            "simulated: who is hungry is given the oldest half; a list cannot be halved",
            share,
            Unit::Times,
            Tolerance::Relative(TIME),
        );
        (prediction, share)
    });
    let others = (is_last && shape == MarkShape::Tree).then(|| {
        let pages = of.map_or(f64::NAN, |of| count as f64 * of.heap_bytes / PAGE_BYTES as f64);
        let page = of.map_or(f64::NAN, |of| of.count_ns_per_page + of.sweep_ns_per_page);
        claims.predict_time(
            format!("CPU of counting and sweeping, {name}"),
            format!("{} pages × {}", digits(pages.round()), Unit::Nanos.show(page)),
            pages * page / 1e6,
            Unit::Millis,
            Tolerance::Relative(TIME),
        )
    });
    Marks { shape, heap, alone, busiest, others }
}

impl Experiment for Scale {
    fn id(&self) -> &'static str {
        "scale"
    }

    fn title(&self) -> &'static str {
        "From steps to terabytes"
    }

    fn question(&self) -> &'static str {
        "Do the steps measured in a small heap, put together by a simulator, say what large heaps and several workers take?"
    }

    fn run(&self, lab: &Lab) -> Result<Record, LabError> {
        let builder = traced(Heap::builder());
        let heaps = lab.size(HEAPS.0, HEAPS.1);
        let last = heaps.last().copied().unwrap_or(HEAP);
        machine::must_fit(last * 2, "the largest heap of `scale`")?;
        let cycles = lab.size(5, 7);
        let costs = calibrate::costs(&builder, cycles, &|stage| {
            lab.progress.stage(format!("measuring steps: {stage}"));
        })?;

        let mut claims = Claims::new();
        let mut marks = Vec::new();
        for shape in SHAPES {
            marks.extend(heaps.iter().map(|heap| claim(&mut claims, &costs, shape, *heap, *heap == last)));
        }
        let asked = claims.predict_time(
            format!("all rounds of a cycle with {MUTATORS} mutators outside"),
            "mutators are asked one after the other: that of one, and for each further one what 64 more took",
            costs.rounds_ns + costs.rounds_ns_per_mutator * (MUTATORS - 1) as f64,
            Unit::Nanos,
            Tolerance::Relative(TIME),
        );
        let tables = claims.predict(
            format!("bytes of the heap's tables, tree, {}", binary(last as f64)),
            "in proportion to the pages in use",
            costs.metadata_per_byte * last as f64,
            Unit::Bytes,
            Tolerance::Relative(0.25),
        );
        let most = 1u64 << 44;
        let found = claims.predict_time(
            "search for 64 pages in 16 TiB of address space",
            format!(
                "as in 1 TiB: {} rows of the root instead of {} lie side by side",
                looked(most).rows,
                looked(1 << 40).rows
            ),
            search_ns(&costs, most as f64),
            Unit::Nanos,
            Tolerance::Relative(TIME),
        );

        let mut trial = lab.begin(self, claims)?;
        trial.method(format!(
            "The steps are measured in heaps of {}: processor time of marking for each object, counting and sweeping for each page, \
             rounds for each mutator, waking, memory's rate, searches for pages. From them the simulator says what larger heaps take. Then \
             those are built and collected {cycles} times, the world stopped, and the least of each figure is compared: whatever \
             disturbs, adds. Times are processor time, but for rounds.",
            binary(HEAP as f64)
        ));
        keep(&mut trial, &costs)?;
        compare(&mut trial, &builder, &costs, marks, cycles, tables)?;
        trial.stage(format!("rounds of {MUTATORS} mutators"));
        trial.judge(asked, rounds(&builder, MUTATORS, 30)?);
        trial.judge(found, search(most, Pages::new(64), 1000)?);
        trial.stage("simulating");
        show(&mut trial, lab, &costs);
        for text in FINDINGS {
            trial.finding(*text);
        }
        trial.finish()
    }
}

/// Keeps the steps as raw figures.
fn keep(trial: &mut Trial<'_>, costs: &Costs) -> Result<(), LabError> {
    let value = serde_json::to_value(costs).map_err(|error| LabError::Measure(error.to_string()))?;
    for (name, value) in value.as_object().into_iter().flatten() {
        trial.fact(format!("step: {name}"), value.clone());
    }
    Ok(())
}

/// Collects the heaps, judges, and shows how far off each prediction was.
fn compare(
    trial: &mut Trial<'_>,
    builder: &HeapBuilder,
    costs: &Costs,
    marks: Vec<Marks>,
    cycles: usize,
    tables: Prediction,
) -> Result<(), LabError> {
    let mut table = Table::new(
        "Marking, predicted from 32 MiB and measured; the clock's time is not judged",
        [
            "heap",
            "predicted CPU",
            "CPU",
            "off by",
            "two workers predicted",
            "two workers",
            "two, by the clock",
        ],
    );
    let mut tables = Some(tables);
    for mark in marks {
        let name = format!("{}, {}", mark.shape.word(), binary(mark.heap as f64));
        trial.stage(format!("collecting {name}"));
        let alone = collected(builder, mark.shape, mark.heap, 1, cycles)?;
        let each = costs.of(mark.shape).map_or(f64::NAN, |of| of.ns_per_object());
        let predicted = count_of(mark.shape, mark.heap) as f64 * each;
        trial.judge(mark.alone, alone.mark_cpu / 1e6);
        trial.figure(format!("{name}: mark CPU, ns"), alone.mark_cpu);
        trial.figure(format!("{name}: objects"), alone.objects);
        trial.figure(format!("{name}: count, ns"), alone.count);
        trial.figure(format!("{name}: counting and sweeping, CPU ns"), alone.others_cpu);
        if let Some(others) = mark.others {
            trial.judge(others, alone.others_cpu / 1e6);
            if let Some(tables) = tables.take() {
                trial.judge(tables, alone.metadata);
            }
        }
        let mut row = vec![
            name.clone(),
            Unit::Nanos.show(predicted),
            Unit::Nanos.show(alone.mark_cpu),
            format!("{:+.0} %", 100.0 * (alone.mark_cpu / predicted - 1.0)),
        ];
        if let Some((busiest, share)) = mark.busiest {
            let two: Collected = collected(builder, mark.shape, mark.heap, 2, cycles)?;
            trial.judge(busiest, two.busiest / alone.mark_cpu);
            trial.figure(format!("{name}: two workers, busiest, CPU ns"), two.busiest);
            trial.figure(format!("{name}: two workers, both, CPU ns"), two.mark_cpu);
            trial.figure(format!("{name}: two workers, by the clock, ns"), two.mark_wall);
            row.extend([
                format!("{}× of one", digits(share)),
                format!("{}×", digits(two.busiest / alone.mark_cpu)),
                format!("{}×", digits(two.mark_wall / alone.mark_wall)),
            ]);
        }
        table.row(row);
    }
    trial.table(table);
    Ok(())
}

/// Shows what the simulator says of what is not at hand.
fn show(trial: &mut Trial<'_>, lab: &Lab, costs: &Costs) {
    let heaps: Vec<u64> = (30..=44).step_by(2).map(|power| 1 << power).collect();
    // More workers take longer to simulate.
    let (many, workers): (usize, &[usize]) = lab.size((64, &[1, 4, 16, 64]), (256, &[1, 4, 16, 64, 256]));
    let shapes = [MarkShape::Ptr3, MarkShape::Tree, MarkShape::List];
    let here = costs.memory_bytes_per_ns;
    let all = forecast(costs, &shapes, &heaps, workers, here);
    let free = forecast(costs, &[MarkShape::Tree], &heaps, workers, f64::INFINITY);
    let names: Vec<String> = workers.iter().map(usize::to_string).collect();
    let no_ceiling = format!("{many}, no ceiling");
    let mut table = Table::new(
        format!(
            "A cycle over a balanced tree, simulated: live bytes and workers, memory giving {} GB/s",
            digits(here)
        ),
        std::iter::once("live")
            .chain(names.iter().map(String::as_str))
            .chain([no_ceiling.as_str(), "of it one thread alone"]),
    );
    let of = |all: &[Forecast], shape, heap, workers: usize| {
        all.iter().find(|one| one.shape == shape && one.heap == heap && one.workers == workers).copied()
    };
    for heap in &heaps {
        let total = |all: &[Forecast], workers| {
            of(all, MarkShape::Tree, *heap, workers)
                .map_or_else(String::new, |one| Unit::Nanos.show(one.cycle.total_ns()))
        };
        let alone = of(&free, MarkShape::Tree, *heap, many).map_or(f64::NAN, |one| {
            100.0 * (one.cycle.count_ns + one.cycle.rounds_ns) / one.cycle.total_ns()
        });
        let columns = workers.iter().map(|count| total(&all, *count));
        table.row(
            std::iter::once(binary(*heap as f64))
                .chain(columns)
                .chain([total(&free, many), Unit::Percent.show(alone)]),
        );
    }
    trial.table(table);
    let tib = 1u64 << 40;
    let series = |label: &str, all: &[Forecast], shape: MarkShape| Series {
        label: label.to_owned(),
        points: workers
            .iter()
            .filter_map(|count| Some((*count as f64, of(all, shape, tib, *count)?.cycle.total_ns())))
            .collect(),
        source: Source::Predicted,
    };
    let axis =
        |label: &str, unit| Axis { label: label.to_owned(), scale: Places::Log, ticks: Ticks::Unit(unit) };
    trial.plot(Plot {
        title: String::from("A cycle over 1 TiB, simulated"),
        reading: String::from(
            "Workers help until memory gives no more, and never below what one thread counts alone; a list helps nobody.",
        ),
        shape: Shape::Lines {
            x: axis("workers", Unit::Count),
            y: axis("one cycle", Unit::Nanos),
            series: vec![
                series("tree", &all, MarkShape::Tree),
                series("tree, no ceiling", &free, MarkShape::Tree),
                series("array of structs", &all, MarkShape::Ptr3),
                series("list", &all, MarkShape::List),
            ],
        },
    });
    let parts = |label: &str, part: &dyn Fn(&Forecast) -> f64| Series {
        label: label.to_owned(),
        points: heaps
            .iter()
            .filter_map(|heap| Some((*heap as f64, part(&of(&free, MarkShape::Tree, *heap, many)?))))
            .collect(),
        source: Source::Predicted,
    };
    trial.plot(Plot {
        title: format!("The parts of a cycle with {many} workers, simulated"),
        reading: String::from(
            "A balanced tree, memory without a ceiling. Rounds do not grow with the heap; what one thread counts does, and is what remains.",
        ),
        shape: Shape::Lines {
            x: axis("live", Unit::Bytes),
            y: axis("", Unit::Nanos),
            series: vec![
                parts("marking", &|one| one.cycle.marking.wall_ns),
                parts("counting", &|one| one.cycle.count_ns),
                parts("rounds", &|one| one.cycle.rounds_ns),
            ],
        },
    });
}

const FINDINGS: &[&str] = &[
    "What is simulated is no measurement. The terabytes and the 256 workers are not at hand; what is judged here is only how far the \
     same model is off where it can be checked, with one and two workers.",
    "When marking has ended, one thread goes over the marks of every span to count what survived. With few workers that is a small part of a \
     cycle; with hundreds it is what a cycle cannot be shorter than.",
    "The rest of a large array is offered to other workers only before a piece of it is scanned. Who begins a piece while nobody is \
     hungry keeps the rest until the next one, so one array alone gains less from many workers than a tree does.",
];
