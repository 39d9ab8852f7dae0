//! t13: the scavenger. What goes back to the system by itself, how fast, and at what cost.

use crate::beside::side_by_side;
use crate::claim::{Claims, Tolerance};
use crate::error::LabError;
use crate::experiment::{Experiment, Lab, Trial};
use crate::measure::scav_line::Told;
use crate::measure::time::timed;
use crate::measure::trace_file::recorded;
use crate::record::{Record, Table};
use crate::residence::reconcile::reconcile;
use crate::residence::{Moment, Timeline, compare, word};
use crate::unit::{Unit, binary};
use std::collections::VecDeque;
use std::thread;
use std::time::{Duration, Instant};
use tricolor::{By, GcSlice, Heap, MemoryLimit, Mutator, Root, Scavenged};

/// See the module.
pub(super) struct Scavenging;

/// Bytes of a piece, and how many there are.
const PIECE: usize = 1 << 20;
const PIECES: usize = 100;
/// The share of one processor that the scavenger aims at.
const SHARE: f64 = tricolor::scav::controller::SHARE;
/// When resident memory is looked at: some time after dropping, and at the end.
const LOOKS: ([u64; 2], [u64; 2]) = ([2, 5], [10, 60]);
/// Between two moments.
const EVERY: Duration = Duration::from_millis(250);

fn fill(mutator: &mut Mutator) -> Vec<Root<GcSlice<u8>>> {
    let piece = vec![1_u8; PIECE];
    mutator.enter(|mu| (0..PIECES).map(|_| mu.root(mu.alloc_copy(&piece))).collect())
}

/// A memory limit, the pieces made under it, and how many of the last are kept.
const LIMIT: usize = 48 << 20;
const PASSES: usize = 200;
const KEPT: usize = 16;

/// The most that the heap retained under the limit, seen after each piece, and how many bytes went back to the system meanwhile.
fn limited(trial: &Trial<'_>) -> Result<(f64, f64), LabError> {
    let heap = trial.heap().gc_percent(100).memory_limit(MemoryLimit::Bytes(LIMIT)).build()?;
    let mut mutator = heap.attach()?;
    let piece = vec![1_u8; PIECE];
    let mut kept: VecDeque<Root<GcSlice<u8>>> = VecDeque::new();
    let mut most = 0;
    for _ in 0..PASSES {
        kept.push_back(mutator.enter(|mu| mu.root(mu.alloc_copy(&piece))));
        if kept.len() > KEPT {
            kept.pop_front();
        }
        most = most.max(heap.accounting().retained().get());
    }
    let scavenge = heap.figures().scavenge;
    Ok((most as f64, (scavenge.background + scavenge.assisted).get() as f64))
}

/// Seconds of processor time that it takes to give all of it back at once.
fn cost_of_all() -> Result<f64, LabError> {
    let heap = recorded(Heap::builder()).gc_off().build()?;
    let mut mutator = heap.attach()?;
    drop(fill(&mut mutator));
    heap.collect();
    let (_bytes, lap) = timed(|| heap.release_free_memory());
    Ok(lap.cpu.as_secs_f64())
}

impl Experiment for Scavenging {
    fn id(&self) -> &'static str {
        "t13"
    }

    fn title(&self) -> &'static str {
        "The scavenger at work"
    }

    fn question(&self) -> &'static str {
        "When everything has been dropped and collected, how much is resident at once, after ten seconds, and after a minute?"
    }

    fn extension(&self) -> Option<&'static str> {
        Some("a memory limit that the garbage passes many times")
    }

    fn krate(&self) -> &'static str {
        "heap-scav"
    }

    fn run(&self, lab: &Lab) -> Result<Record, LabError> {
        let [soon, late] = lab.size(LOOKS.0, LOOKS.1);
        let go = lab.options.go.clone();
        lab.progress.stage("what giving back costs");
        let cost = cost_of_all()?;
        let mut claims = Claims::new();
        let at_once = claims.predict_time(
            "still resident right after dropping and collecting",
            "collecting gives nothing back, and the scavenger has had time for a turn or two of about a millisecond",
            0.8,
            Unit::Times,
            Tolerance::AtLeast,
        );
        let model = format!(
            "giving {} back takes {} of processor, measured before; at {} of one that is {}; as much again for a busy machine",
            binary((PIECES * PIECE) as f64),
            Unit::Millis.show(cost * 1e3),
            Unit::Percent.show(SHARE * 100.0),
            Unit::Millis.show(cost / SHARE * 1e3),
        );
        let left_at = |seconds: u64| (1.0 - seconds as f64 * SHARE / (2.0 * cost)).max(0.1);
        let left: Vec<_> = [soon, late]
            .into_iter()
            .map(|seconds| {
                let name = format!("still resident after {seconds} s");
                claims.predict_time(name, model.as_str(), left_at(seconds), Unit::Times, Tolerance::AtMost)
            })
            .collect();
        let agree = claims.predict(
            "by how much resident memory fell, over what the heap says is released",
            "each page that is released was resident, and is not any more",
            1.0,
            Unit::Times,
            Tolerance::Relative(0.05),
        );
        let share = claims.predict_time(
            "processor time of the scavenger, of one processor",
            format!(
                "its controller's set point is {}; the first turn comes at once",
                Unit::Percent.show(SHARE * 100.0)
            ),
            SHARE * 1.5,
            Unit::Times,
            Tolerance::AtMost,
        );
        let lines = claims.predict(
            "bytes that the lines of the scavenger's trace speak of, over those released in the background",
            "a line for each round that has ended; one that has not is a tenth at most, as above",
            1.0,
            Unit::Times,
            Tolerance::Relative(0.1),
        );
        let strange = claims.predict(
            "lines that contradict themselves",
            "each: something released or refused, by at least one call; no more in spans than retained; no more refused than called for",
            0.0,
            Unit::Count,
            Tolerance::Exact,
        );
        let kept_under = lab.extension(&mut claims, |claims| {
            claims.predict(
                format!("the most that was retained under a limit of {}, of it", binary(LIMIT as f64)),
                format!(
                    "{PASSES} pieces of 1 MiB are made and {KEPT} kept: the limit is passed many times, each time something is given back; \
                     an allocation may be over it for a moment: by a tenth at most"
                ),
                1.1,
                Unit::Times,
                Tolerance::AtMost,
            )
        });
        let mut trial = lab.begin(self, claims)?;
        trial.method(format!(
            "{PIECES} pieces of 1 MiB, every byte written; all dropped, a collection, the first look, and another collection, since \
             a scavenger may pass over what was in use when the last cycle ended; then nothing but a look every {}. Resident memory as the kernel counts it, less what was resident before. The scavenger runs as it does by default.",
            Unit::Millis.show(EVERY.as_secs_f64() * 1e3)
        ));

        if let Some(kept_under) = kept_under {
            trial.stage("under a memory limit");
            let (most, released) = limited(&trial)?;
            trial.judge(kept_under, most / LIMIT as f64);
            trial.figure("retained_at_most_under_the_limit", most);
            trial.figure("released_under_the_limit", released);
        }
        // Built before, so that nothing is compiled while both wait. What went wrong, its run says again.
        let _built = go.as_ref().map(|go| go.program());
        trial.stage(format!("dropping, and waiting for {late} s"));
        let (ours, theirs) = thread::scope(|scope| {
            // Beside each other: both do next to nothing, and a minute is long.
            let peer = go.as_ref().map(|go| {
                let args = ["residence", "drop", &PIECES.to_string(), &late.to_string()].map(str::to_owned);
                scope.spawn(move || Timeline::beside(Some(go), &args))
            });
            let ours = watch(&trial, Duration::from_secs(late));
            let theirs = peer.map_or_else(
                || Timeline::beside(None, &[]),
                |peer| {
                    peer.join().unwrap_or_else(|_| Err(String::from("left out, since its thread panicked")))
                },
            );
            (ours, theirs)
        });
        let ours = ours?;

        let (before, full, dropped) = (&ours.before, &ours.full, &ours.dropped);
        let grown = full.resident - before.resident;
        let share_at = |moment: &Moment| ((moment.resident - before.resident) / grown).max(0.0);
        trial.judge(at_once, share_at(dropped));
        let mut table = Table::new("After dropping", ["", "resident", "HeapAlloc", "idle", "released"]);
        let mut row = |name: String, one: &Moment| {
            table
                .row([name].into_iter().chain([one.resident, one.alloc, one.idle, one.released].map(binary)));
        };
        row(String::from("before"), before);
        row(String::from("filled"), full);
        row(String::from("0 s"), dropped);
        for (prediction, seconds) in left.into_iter().zip([soon, late]) {
            let then = ours.after(Duration::from_secs(seconds));
            trial.judge(prediction, share_at(then));
            trial.figure(format!("resident_after_{seconds}_s"), then.resident);
            row(format!("{seconds} s"), then);
        }
        let end = ours.after(Duration::from_secs(late));
        trial.judge(agree, (dropped.resident - end.resident) / (end.released - dropped.released));
        trial.judge(share, ours.cpu / late as f64);
        let said: usize = ours.rounds.iter().map(|round| round.released.get()).sum();
        trial.judge(lines, said as f64 / ours.background);
        let is_strange = |round: &&Scavenged| {
            (round.released.get() == 0 && round.refused == 0)
                || round.calls == 0
                || round.refused > round.calls
                || round.in_spans > round.retained
        };
        trial.judge(strange, ours.rounds.iter().filter(is_strange).count() as f64);
        trial.table(lines_table(&ours.rounds));
        for (name, value) in [
            ("resident_before", before.resident),
            ("resident_filled", full.resident),
            ("resident_after_0_s", dropped.resident),
            ("released_in_background", ours.background),
            ("scavenger_cpu_ms", ours.cpu * 1e3),
            ("cpu_ms_to_give_all_back_at_once", cost * 1e3),
        ] {
            trial.figure(name, value);
        }
        trial.table(table);
        trial.plot(ours.timeline.plot(
            "Filled, dropped, and left alone",
            "HeapAlloc falls at once, idle takes its place, and goes over to released as fast as the scavenger may.",
        ));
        match &theirs {
            Ok(go) => {
                let above = |moment: &Moment| moment.resident - before.resident;
                let last = go.moments().len().saturating_sub(1);
                let rows = [
                    ("resident above the start, filled", above(full), go.grown(1), Unit::Bytes),
                    ("the same, dropped and collected", above(dropped), go.grown(3), Unit::Bytes),
                    ("the same, at the end", above(end), go.grown(last), Unit::Bytes),
                ];
                side_by_side(&mut trial, &format!("{}, at the same time", go.whose()), rows.into_iter());
                trial.plot(compare(
                    "Resident memory beside Go's",
                    "Both fall by themselves, without anybody asking.",
                    &[("resident", &ours.timeline), ("resident", go)],
                ));
                trial.plot(go.plot("The same in Go", "The same states, in Go's figures."));
            }
            Err(why) => trial.finding(format!("Go beside it: {why}.")),
        }
        trial.fact("go", word(go.as_ref(), theirs.is_ok()));
        match ours.explained {
            Ok((full, end)) => {
                trial.figure("unexplained_filled", full.unexplained);
                trial.figure("unexplained_at_the_end", end.unexplained);
                trial.table(full.table("Why it is resident: filled"));
                trial.table(end.table(&format!("Why it is resident: after {late} s")));
            }
            Err(error) => trial.finding(format!("What is resident could not be taken apart: {error}.")),
        }
        trial.finding(format!(
            "Of {} released in the background the scavenger's thread took {} of processor time.",
            binary(ours.background),
            Unit::Millis.show(ours.cpu * 1e3)
        ));
        for text in FINDINGS {
            trial.finding(*text);
        }
        trial.figure("moments", ours.timeline.moments().len() as f64);
        trial.finish()
    }
}

type Explained = crate::residence::reconcile::Reconciliation;

/// What was seen of ours.
struct Watched {
    before: Moment,
    full: Moment,
    dropped: Moment,
    timeline: Timeline,
    /// Bytes released in the background, and seconds of processor time for them.
    background: f64,
    cpu: f64,
    /// What the trace had lines of.
    rounds: Vec<Scavenged>,
    /// Filled, and at the end.
    explained: Result<(Explained, Explained), LabError>,
}

impl Watched {
    /// The first moment that long after dropping, or the last.
    fn after(&self, time: Duration) -> &Moment {
        let due = self.dropped.at + time.as_secs_f64() * 1e3;
        let found = self.timeline.moments().iter().find(|moment| moment.at >= due);
        found.or(self.timeline.moments().last()).unwrap_or(&self.dropped)
    }
}

fn watch(trial: &Trial<'_>, long: Duration) -> Result<Watched, LabError> {
    // With collections: the scavenger learns from them how much may stay.
    let told = Told::default();
    let heap = told.listening(trial.heap().gc_percent(100)).build()?;
    let mut mutator = heap.attach()?;
    let mut timeline = Timeline::begin();
    let before = timeline.take(&heap)?;
    let pieces = fill(&mut mutator);
    let full = timeline.take(&heap)?;
    let filled = reconcile(&heap);
    drop(pieces);
    heap.collect();
    let begun = Instant::now();
    let dropped = timeline.take(&heap)?;
    heap.collect();
    mutator.park(|| {
        while begun.elapsed() < long {
            thread::sleep(EVERY.min(long.saturating_sub(begun.elapsed())));
            timeline.take(&heap)?;
        }
        Ok::<(), LabError>(())
    })?;
    let scavenge = heap.figures().scavenge;
    Ok(Watched {
        before,
        full,
        dropped,
        timeline,
        background: scavenge.background.get() as f64,
        cpu: scavenge.background_cpu.as_secs_f64(),
        rounds: told.rounds().into_iter().filter(|round| round.by == By::Background).collect(),
        explained: filled.and_then(|filled| Ok((filled, reconcile(&heap)?))),
    })
}

/// The lines of the trace, field by field.
fn lines_table(rounds: &[Scavenged]) -> Table {
    let columns = ["round", "released", "calls", "wall", "CPU", "retained at its end", "of that in spans"];
    let mut table = Table::new("What SCAVTRACE=1 has lines of: a round of the scavenger each", columns);
    for (number, round) in (1..).zip(rounds) {
        table.row([
            format!("{number}"),
            binary(round.released.get() as f64),
            round.calls.to_string(),
            Unit::Millis.show(round.wall.as_secs_f64() * 1e3),
            Unit::Millis.show(round.cpu.as_secs_f64() * 1e3),
            binary(round.retained.get() as f64),
            binary(round.in_spans.get() as f64),
        ]);
    }
    table
}

const FINDINGS: &[&str] = &[
    "A practice text says that Go's scavtrace prints a line a second with the resident size and the time. It prints one for each \
     completed sweep, and neither is in it: KiB released in the background and eagerly since the last line, KiB that are \
     released now, and what part of the retained heap is in use.",
    "The same text says that on Darwin pages go back by VM_PAGEABLE. Go 1.27 uses MADV_FREE_REUSABLE there, and MADV_DONTNEED on \
     Linux, as is done here.",
    "After one collection alone Go 1.27.3 gives nothing back: its scavenger passes over chunks that were dense when the last cycle \
     ended, and an idle program has its next cycle after two minutes. Measured apart: 105,500 KiB resident five seconds after the \
     first collection, 2,908 KiB two seconds after a second.",
    "HeapAlloc and resident memory disagree by design: what was dropped is idle first, and goes back as slowly as it costs next \
     to nothing. Who wants it at once asks (t14).",
];
