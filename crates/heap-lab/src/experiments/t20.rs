//! t20: resident memory grows while the heap is flat. A practice text's program that does not do that, one that does, what the
//! fragmentation figures say of both, and each remedy tried.

mod few;
mod outcome;
mod remedy;
mod shapes;

use crate::beside::side_by_side;
use crate::claim::{Claims, Prediction, Tolerance};
use crate::error::LabError;
use crate::experiment::{Experiment, Lab, Trial};
use crate::peer::GoPeer;
use crate::record::{Record, Table};
use crate::residence::reconcile::Reconciliation;
use crate::residence::{Timeline, compare, word};
use crate::unit::{Unit, binary, digits};
use few::Few;
use outcome::Outcome;
use remedy::Remedy;
use shapes::Shapes;
use std::time::Duration;
use tricolor::SpanUse;

/// See the module.
pub(super) struct Growing;

/// Rounds of the practice text's program, and the pause between two of them.
const ROUNDS: (usize, usize) = (16, 60);
const PAUSE: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(100));
/// Shapes of the other, and what each fills.
const SHAPES: (usize, usize) = (8, 16);
const FILL: (usize, usize) = (4 << 20, 16 << 20);

impl Experiment for Growing {
    fn id(&self) -> &'static str {
        "t20"
    }

    fn title(&self) -> &'static str {
        "Resident memory grows, the heap is flat"
    }

    fn question(&self) -> &'static str {
        "When few objects of many survive, does resident memory grow while HeapAlloc does not; and what helps?"
    }

    fn extension(&self) -> Option<&'static str> {
        Some("what is short-lived as values in large buffers, each dropped at once")
    }

    fn krate(&self) -> &'static str {
        "heap-scav"
    }

    fn run(&self, lab: &Lab) -> Result<Record, LabError> {
        let few = Few { rounds: lab.size(ROUNDS.0, ROUNDS.1), pause: lab.size(PAUSE.0, PAUSE.1) };
        let shapes = Shapes::new(lab.size(SHAPES.0, SHAPES.1), lab.size(FILL.0, FILL.1));
        let go = lab.options.go.clone();
        let mut claims = Claims::new();
        let of_few = claim_few(&mut claims, few);
        let of_shapes = claim_shapes(&mut claims, &shapes);
        let mut of_remedies: Vec<_> = Remedy::ALL
            .iter()
            .filter(|remedy| !matches!(remedy, Remedy::Nothing | Remedy::Buffers))
            .map(|remedy| (*remedy, claim_remedy(&mut claims, &shapes, *remedy)))
            .collect();
        let of_buffers = lab.extension(&mut claims, |claims| claim_remedy(claims, &shapes, Remedy::Buffers));
        of_remedies.extend(of_buffers.map(|prediction| (Remedy::Buffers, prediction)));

        let mut trial = lab.begin(self, claims)?;
        trial.method(method(few, &shapes));
        trial.stage("a practice text's program");
        let flat = few.run(&trial)?;
        judge_few(&mut trial, of_few, few, &flat);
        trial.stage("one shape after the other");
        let grown = shapes.run(&trial, Remedy::Nothing)?;
        judge_shapes(&mut trial, of_shapes, &grown);
        let mut table = Table::new(
            "One shape after the other: what each remedy comes to",
            ["", "HeapAlloc", "in use", "spans with one object", "resident, grown by", "pinned", "helps"],
        );
        row(&mut table, Remedy::Nothing, &grown, &grown);
        let mut lines = Vec::new();
        for (remedy, prediction) in of_remedies {
            trial.stage(format!("one shape after the other: {}", remedy.word()));
            let outcome = shapes.run(&trial, remedy)?;
            trial.judge(prediction, outcome.end.in_use);
            figures(&mut trial, remedy.word(), &outcome);
            row(&mut table, remedy, &outcome, &grown);
            lines.push((remedy.word(), outcome.timeline));
        }
        trial.table(table);
        trial
            .table(occupancy(&[("practice text", &flat.spans), ("one shape after the other", &grown.spans)]));
        plots(&mut trial, &flat, &grown, &lines);
        beside(&mut trial, go.as_ref(), [(few.peer_args(), &flat), (shapes.peer_args(), &grown)]);
        explain(&mut trial, &grown);
        for text in FINDINGS {
            trial.finding(*text);
        }
        trial.finish()
    }
}

fn method(few: Few, shapes: &Shapes) -> String {
    format!(
        "The practice text's program: {} rounds, in each of which eight threads make 50,000 objects of 16 bytes, one in a thousand is \
         kept, of those kept the older half goes when there are 5,000, and the heap is collected. The other program: {} rounds, each \
         fills {} with objects of another size class and keeps the first of every span, then collects. Resident memory is the \
         kernel's; growth is from the end of the first round to the end of the last.",
        few.rounds,
        shapes.len(),
        binary(shapes.fill() as f64),
    )
}

/// Predictions about the practice text's program.
struct OfFew {
    alloc: Prediction,
    in_use: Prediction,
    growth: Prediction,
}

fn claim_few(claims: &mut Claims, few: Few) -> OfFew {
    let kept = few.kept();
    OfFew {
        alloc: claims.predict(
            "practice text: HeapAlloc at the end",
            format!("{} objects kept, of 16 bytes", digits(kept as f64)),
            (kept * 16) as f64,
            Unit::Bytes,
            Tolerance::Exact,
        ),
        in_use: claims.predict(
            "practice text: bytes of spans at the end",
            "what lives at once fills the holes of the rounds before: spans of 512 slots for a round and for what is kept, \
             and one in each thread's hands",
            few.most_spans() as f64 * 8192.0,
            Unit::Bytes,
            Tolerance::AtMost,
        ),
        growth: claims.predict(
            "practice text: resident memory at the end over that after a quarter of the rounds",
            "no growth: objects of one class use each other's holes",
            1.25,
            Unit::Times,
            Tolerance::AtMost,
        ),
    }
}

fn judge_few(trial: &mut Trial<'_>, claimed: OfFew, few: Few, flat: &Outcome) {
    let moments = flat.timeline.moments();
    let quarter = moments.get(few.rounds / 4).map_or(f64::NAN, |one| one.resident);
    trial.judge(claimed.alloc, flat.end.alloc);
    trial.judge(claimed.in_use, flat.end.in_use);
    trial.judge(claimed.growth, flat.end.resident / quarter);
    figures(trial, "practice text", flat);
}

/// Predictions about the program that grows.
struct OfShapes {
    alloc: Prediction,
    in_use: Prediction,
    growth: Prediction,
    lone: Prediction,
    ratio: Prediction,
    given_back: Prediction,
}

fn claim_shapes(claims: &mut Claims, shapes: &Shapes) -> OfShapes {
    let (spans, live) = (shapes.spans(), shapes.live());
    let in_use = (spans * 8192) as f64;
    OfShapes {
        alloc: claims.predict(
            "HeapAlloc at the end",
            "one object of each span",
            live as f64,
            Unit::Bytes,
            Tolerance::Exact,
        ),
        in_use: claims.predict(
            "bytes of spans at the end",
            format!(
                "each of {} spans is kept by one object, and no other class may use its holes",
                digits(spans as f64)
            ),
            in_use,
            Unit::Bytes,
            Tolerance::Relative(0.01),
        ),
        growth: claims.predict(
            "resident memory grew by",
            "every page of these spans was written",
            in_use * (shapes.len() - 1) as f64 / shapes.len() as f64,
            Unit::Bytes,
            Tolerance::Relative(0.15),
        ),
        lone: claims.predict(
            "spans with one object, of all",
            "the figure that tells it from a leak: nearly all of them",
            0.99,
            Unit::Times,
            Tolerance::AtLeast,
        ),
        ratio: claims.predict(
            "bytes of spans for each byte of an object",
            "spans over objects, as above",
            in_use / live as f64,
            Unit::Times,
            Tolerance::Relative(0.01),
        ),
        given_back: claims.predict(
            "bytes that the scavenger gave back meanwhile, by its trace, over those of spans",
            "no page of a span is free: what there is to give back is what is left of the chunks of 4 MiB that the heap grows by, \
             and of what collecting takes for itself: a tenth at most",
            0.1,
            Unit::Times,
            Tolerance::AtMost,
        ),
    }
}

fn judge_shapes(trial: &mut Trial<'_>, claimed: OfShapes, grown: &Outcome) {
    trial.judge(claimed.alloc, grown.end.alloc);
    trial.judge(claimed.in_use, grown.end.in_use);
    trial.judge(claimed.growth, grown.growth());
    trial.judge(claimed.lone, grown.spans.lone as f64 / grown.spans.spans.max(1) as f64);
    trial.judge(claimed.ratio, grown.spans.ratio());
    trial.judge(claimed.given_back, grown.given_back / grown.end.in_use);
    figures(trial, Remedy::Nothing.word(), grown);
}

fn claim_remedy(claims: &mut Claims, shapes: &Shapes, remedy: Remedy) -> Prediction {
    let (model, spans, tolerance) = remedy.predicted(shapes);
    claims.predict(
        format!("bytes of spans at the end, {}", remedy.word()),
        model,
        (spans * 8192) as f64,
        Unit::Bytes,
        tolerance,
    )
}

fn figures(trial: &mut Trial<'_>, name: &str, outcome: &Outcome) {
    for (what, value) in [
        ("HeapAlloc", outcome.end.alloc),
        ("in use", outcome.end.in_use),
        ("idle", outcome.end.idle),
        ("released", outcome.end.released),
        ("resident", outcome.end.resident),
        ("resident, grown by", outcome.growth()),
        ("collections", outcome.cycles as f64),
        ("given back", outcome.given_back),
        ("rounds of the scavenger", outcome.rounds as f64),
        ("spans", outcome.spans.spans as f64),
        ("spans with one object", outcome.spans.lone as f64),
        ("pinned bytes", outcome.spans.pinned.get() as f64),
    ] {
        trial.figure(format!("{name}: {what}"), value);
    }
}

fn row(table: &mut Table, remedy: Remedy, outcome: &Outcome, grown: &Outcome) {
    let verdict = match outcome.growth() / grown.growth() {
        _ if remedy == Remedy::Nothing => "",
        share if share < 0.5 => "yes",
        _ => "no",
    };
    table.row([
        remedy.what().to_owned(),
        binary(outcome.end.alloc),
        binary(outcome.end.in_use),
        digits(outcome.spans.lone as f64),
        binary(outcome.growth()),
        binary(outcome.spans.pinned.get() as f64),
        verdict.to_owned(),
    ]);
}

/// How full the spans are, by tenths.
fn occupancy(programs: &[(&str, &SpanUse)]) -> Table {
    let columns = [
        "",
        "spans",
        "one object",
        "0–10 %",
        "–20",
        "–30",
        "–40",
        "–50",
        "–60",
        "–70",
        "–80",
        "–90",
        "–100 %",
    ];
    let mut table = Table::new("How full the spans are at the end", columns);
    for (name, spans) in programs {
        let counts = [spans.spans, spans.lone].into_iter().chain(spans.tenths);
        table.row([(*name).to_owned()].into_iter().chain(counts.map(|count| digits(count as f64))));
    }
    table
}

fn plots(trial: &mut Trial<'_>, flat: &Outcome, grown: &Outcome, lines: &[(&str, Timeline)]) {
    trial.plot(flat.timeline.plot(
        "A practice text's program",
        "Nothing climbs: each round fills the holes that the one before left.",
    ));
    trial.plot(grown.timeline.plot(
        "One shape after the other",
        "HeapAlloc is flat at the bottom, and resident memory climbs with the pages in use: they are pinned, not free.",
    ));
    let all: Vec<_> = lines.iter().map(|(name, timeline)| (*name, timeline)).collect();
    let (helpless, helpful): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|(name, _)| Remedy::ALL.iter().any(|remedy| remedy.word() == *name && !remedy.packs()));
    let nothing = [(Remedy::Nothing.word(), &grown.timeline)];
    trial.plot(compare(
        "Resident memory, remedies that collect or give back",
        "They climb as if nothing were done: no page is free to be given back.",
        &[&nothing[..], &helpless].concat(),
    ));
    trial.plot(compare(
        "Resident memory, remedies that pack what is kept",
        "They do not climb: where kept objects lie together, the other spans come free.",
        &[&nothing[..], &helpful].concat(),
    ));
}

/// Go's curves, where it is installed.
fn beside(trial: &mut Trial<'_>, go: Option<&GoPeer>, programs: [(Vec<String>, &Outcome); 2]) {
    let (mut rows, mut whose) = (Vec::new(), String::new());
    for ((title, name, reading), (args, ours)) in [
        (
            "A practice text's program in Go",
            ["practice text: HeapAlloc", "its spans", "its resident size"],
            "Flat, too.",
        ),
        (
            "One shape after the other in Go",
            ["one shape after the other: HeapAlloc", "spans of these", "resident size with these"],
            "It climbs in Go as it does here.",
        ),
    ]
    .into_iter()
    .zip(programs)
    {
        trial.stage(title);
        let timeline = match Timeline::beside(go, &args) {
            Ok(timeline) => timeline,
            Err(why) => {
                trial.fact("go", word(go, false));
                trial.finding(format!("Go beside it: {why}."));
                return;
            }
        };
        if let Some(end) = timeline.moments().last() {
            let pairs = [
                (ours.end.alloc, end.alloc),
                (ours.end.in_use, end.in_use),
                (ours.end.resident, end.resident),
            ];
            rows.extend(name.into_iter().zip(pairs).map(|(name, (ours, go))| (name, ours, go, Unit::Bytes)));
            trial.figure(format!("{title}: HeapAlloc"), end.alloc);
            trial.figure(format!("{title}: in use"), end.in_use);
            trial.figure(format!("{title}: resident"), end.resident);
        }
        trial.plot(timeline.plot(title, reading));
        timeline.whose().clone_into(&mut whose);
    }
    side_by_side(trial, &format!("{whose}, at the end of each program"), rows.into_iter());
    trial.fact("go", word(go, true));
}

fn explain(trial: &mut Trial<'_>, grown: &Outcome) {
    let told = |why: &Reconciliation| why.table("Why it is resident: one shape after the other, at the end");
    match &grown.explained {
        Ok(why) => {
            trial.figure("unexplained", why.unexplained);
            trial.table(told(why));
        }
        Err(text) => trial.finding(format!("What is resident could not be taken apart: {text}.")),
    }
}

const FINDINGS: &[&str] = &[
    "The practice text's program does not do what the text prints (460 MB after two minutes): it makes 6.4 MB a round, not 50, it \
     keeps at most 5,000 objects, and 5,000 pages are 40 MiB. In Go 1.27.3 it stays at 12 MB with 0.19 MB of HeapAlloc and 5.8 MB \
     of HeapInuse. The mechanism is real: one object keeps a span. But its holes are for objects of its class, and the next round \
     fills them. Memory climbs where the holes are of no use to who comes next: other size classes, or here other layouts.",
    "What tells this from a leak is not HeapInuse / HeapAlloc alone, but how many spans have one object, or less than a tenth of \
     what they hold. Heap::fragmentation says it by class and layout, at any time, in microseconds; Go has no such figure.",
    "The text's remedies, as measured: to keep values in an array of their own helps at once, as it says. To begin anew helps, and \
     here it need not be the process: a heap for each round goes away whole. A memory limit does not help, nor does giving free \
     memory back, which the text lists second and third: the pages are not free, so there is nothing to give back, and a limit only \
     brings collections, which find nothing either. A lower percentage is the same, as it says. Large buffers for what is \
     short-lived help, as its extension proposes. Not listed there: to copy what is kept when the round is over, which packs it.",
];

#[cfg(test)]
mod tests;
