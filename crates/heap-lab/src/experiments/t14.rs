//! t14: giving memory back. What collecting frees, what releasing returns, and whether that saves a program from its limit.

mod limited;

use crate::beside::side_by_side;
use crate::claim::{Claims, Prediction, Tolerance};
use crate::error::LabError;
use crate::experiment::{Experiment, Lab, Trial};
use crate::guest::Way;
use crate::measure::resident::faults;
use crate::measure::time::timed;
use crate::record::{Bar, Plot, Record, Shape, Table};
use crate::residence::reconcile::{self, reconcile};
use crate::residence::{Timeline, compare, word};
use crate::unit::{Unit, binary};
use heap_core::units::Bytes;
use limited::{Keeper, Program};
use tricolor::{GcSlice, Root};

/// See the module.
pub(super) struct GivingBack;

/// Bytes of a piece.
const PIECE: usize = 1 << 20;

/// What is claimed of a program under a limit: for each way whether it comes to its end, and the bytes it has outside then.
struct Limited {
    collected: [Prediction; 2],
    released: [Prediction; 2],
}

fn claim_limited(claims: &mut Claims, program: Program) -> Limited {
    let [heap, outside, limit] =
        [program.heap, program.outside, program.limit].map(|bytes| binary(bytes as f64));
    let mut whole = |what: &str, model: String, predicted: f64| {
        claims.predict(
            format!("programs of one that come to their end under a limit, having {what}"),
            model,
            predicted,
            Unit::Count,
            Tolerance::Exact,
        )
    };
    let ended = whole(
        "collected",
        format!("{heap} of an empty heap and {outside} outside are more than the limit of {limit}"),
        0.0,
    );
    let lived =
        whole("given back", format!("the heap's {heap} are gone, and {outside} are less than {limit}"), 1.0);
    let mut had = |what: &str, model: &str, bytes: usize, tolerance| {
        claims.predict(
            format!("bytes outside the heap by then, having {what}"),
            model,
            bytes as f64,
            Unit::Bytes,
            tolerance,
        )
    };
    let room = program.limit - program.heap;
    Limited {
        collected: [
            ended,
            had(
                "collected",
                "what the limit leaves beside the heap, less what the program itself has",
                room,
                Tolerance::AtMost,
            ),
        ],
        released: [lived, had("given back", "all that it needs", program.outside, Tolerance::Exact)],
    }
}

fn judge_limited(trial: &mut Trial<'_>, claimed: Limited, program: Program) -> Result<(), LabError> {
    let mut table = Table::new(
        format!("A program under a limit of {}", binary(program.limit as f64)),
        [
            "before it needs memory outside it has",
            "comes to its end",
            "bytes outside by then",
            "most resident after a step",
        ],
    );
    let mut by_ours = None;
    for (way, what, [whole, had]) in
        [(Way::Collect, "collected", claimed.collected), (Way::Release, "given back", claimed.released)]
    {
        trial.stage(format!("a program under a limit that has {what}"));
        let (end, keeper) = program.run(way)?;
        trial.judge(whole, f64::from(u8::from(end.is_whole)));
        trial.judge(had, end.outside as f64);
        trial.figure(format!("under a limit, {what}: most resident"), end.most as f64);
        let ends = if end.is_whole { "yes" } else { "no: it is ended" };
        table.row([what.to_owned(), ends.to_owned(), binary(end.outside as f64), binary(end.most as f64)]);
        if let Keeper::Ours(_, why) = &keeper {
            by_ours = Some(why.clone());
        }
    }
    trial.table(table);
    trial.fact("limit_kept_by", if by_ours.is_some() { "this program" } else { "the kernel" });
    trial.finding(match by_ours {
        None => String::from("The limit was one of a control group (memory.max), and the kernel ended what passed it."),
        Some(why) => format!(
            "The limit was simulated, since {why}: a file has it, and the lab looks at what is resident of the program after each \
             mebibyte outside the heap, and ends it if that is more."
        ),
    });
    Ok(())
}

impl Experiment for GivingBack {
    fn id(&self) -> &'static str {
        "t14"
    }

    fn title(&self) -> &'static str {
        "Giving memory back"
    }

    fn question(&self) -> &'static str {
        "When everything has been dropped, what does a collection give back to the system, and what does release_free_memory?"
    }

    fn extension(&self) -> Option<&'static str> {
        Some("a program under the limit of a control group, which is ended if it gives nothing back")
    }

    fn krate(&self) -> &'static str {
        "heap-scav"
    }

    fn run(&self, lab: &Lab) -> Result<Record, LabError> {
        let pieces: usize = lab.size(200, 1024);
        let size = Bytes::new(PIECE + 8).pages_ceil().bytes().get();
        let mut claims = Claims::new();
        let grown = claims.predict(
            "resident memory grows by",
            format!("{pieces} × 1 MiB, every byte written"),
            (pieces * PIECE) as f64,
            Unit::Bytes,
            Tolerance::Relative(0.02),
        );
        let kept = claims.predict(
            "of that still resident after everything was dropped and collected",
            "collecting frees pages for reuse, it does not return them: nearly all",
            0.95,
            Unit::Times,
            Tolerance::AtLeast,
        );
        let back = claims.predict(
            "bytes that release_free_memory says it gave back",
            format!("{pieces} × {} pages: what the spans held", size >> 13),
            (pieces * size) as f64,
            Unit::Bytes,
            // The heap grows by chunks of 4 MiB, whose untouched rest is with the system already.
            Tolerance::Relative(0.02),
        );
        let left = claims.predict(
            "still resident after release_free_memory, of the peak",
            "only side tables stay: under a twentieth",
            0.05,
            Unit::Times,
            Tolerance::AtMost,
        );
        let idle = claims.predict(
            "HeapIdle − HeapReleased afterwards",
            "every free page has been released",
            0.0,
            Unit::Bytes,
            Tolerance::Exact,
        );
        let again = claims.predict(
            "page faults to fill the heap again",
            "each page comes back as a zero page at its first touch: one fault for each 4 KiB and a twentieth for the \
             tables; fewer where the kernel uses huge pages",
            (pieces * size / 4096) as f64 * 1.05,
            Unit::Count,
            Tolerance::AtMost,
        );
        let explained = reconcile::is_possible().then(|| {
            claims.predict(
                "resident bytes that nobody is known to have, of all that are resident after collecting",
                "the heap's pages, its tables, the program, stacks and the allocator's memory are all there is, but for large \
                 blocks of the allocator: the piece that is copied, of 1 MiB, and little else",
                0.05,
                Unit::Times,
                Tolerance::AtMost,
            )
        });
        let program = Program {
            heap: lab.size(64, 256) << 20,
            outside: lab.size(64, 256) << 20,
            limit: lab.size(96, 384) << 20,
        };
        let beyond = lab.extension(&mut claims, |claims| claim_limited(claims, program));
        let mut trial = lab.begin(self, claims)?;
        trial.method("Resident memory as the kernel counts it (/proc/self/smaps_rollup), less what was resident before the heap grew.");

        let heap = trial.heap().build()?;
        let mut mutator = heap.attach()?;
        let piece = vec![1u8; PIECE];
        let mut fill = || -> Vec<Root<GcSlice<u8>>> {
            mutator.enter(|mu| (0..pieces).map(|_| mu.root(mu.alloc_copy(&piece))).collect())
        };
        trial.stage(format!("filling {}", binary((pieces * PIECE) as f64)));
        let mut timeline = Timeline::begin();
        let before = timeline.take(&heap)?.resident;
        let live = fill();
        let full = timeline.take(&heap)?.resident - before;
        trial.stage("dropping and collecting");
        drop(live);
        heap.collect();
        let collected = timeline.take(&heap)?.resident - before;
        let kept_why = reconcile(&heap);
        trial.stage("releasing");
        let (bytes, lap) = timed(|| heap.release_free_memory());
        let then = timeline.take(&heap)?;
        let released = then.resident - before;
        let left_why = reconcile(&heap);
        trial.stage("filling again");
        let faults_before = faults()?;
        let live = fill();
        let taken = faults()?.minor.saturating_sub(faults_before.minor);
        drop(live);

        trial.judge(grown, full);
        trial.judge(kept, collected / full);
        trial.judge(back, bytes as f64);
        trial.judge(left, released / full);
        trial.judge(idle, then.idle);
        trial.judge(again, taken as f64);
        for (name, value) in [
            ("resident_before", before),
            ("resident_full", full),
            ("resident_after_collect", collected),
            ("resident_after_release", released),
            ("released_bytes", bytes as f64),
            ("release_wall_ms", lap.wall.as_secs_f64() * 1e3),
            ("release_cpu_ms", lap.cpu.as_secs_f64() * 1e3),
            ("faults_to_fill_again", taken as f64),
        ] {
            trial.figure(name, value);
        }
        if let Some(explained) = explained {
            let share = kept_why.as_ref().map_or(f64::NAN, reconcile::Reconciliation::unexplained_share);
            trial.judge(explained, share);
        }
        for (when, why) in [("dropped and collected", kept_why), ("released", left_why)] {
            match why {
                Ok(why) => {
                    trial.figure(format!("unexplained, {when}"), why.unexplained);
                    trial.table(why.table(&format!("Why it is resident: {when}")));
                }
                Err(error) => trial.finding(format!("What is resident could not be taken apart: {error}.")),
            }
        }
        trial.plot(timeline.plot(
            "Filled, dropped and collected, released",
            "Bytes go from in use to idle when they are collected, and to released when that is asked for.",
        ));
        if let Some(claimed) = beyond {
            judge_limited(&mut trial, claimed, program)?;
        }
        let go = lab.options.go.clone();
        trial.stage("the same in Go");
        let theirs =
            Timeline::beside(go.as_ref(), &["residence", "free", &pieces.to_string()].map(str::to_owned));
        trial.fact("go", word(go.as_ref(), theirs.is_ok()));
        match theirs {
            Ok(go) => {
                let rows = [
                    ("resident above the start, filled", full, go.grown(1), Unit::Bytes),
                    ("the same, dropped and collected", collected, go.grown(2), Unit::Bytes),
                    ("the same, released", released, go.grown(3), Unit::Bytes),
                ];
                side_by_side(&mut trial, &format!("{}, one after the other", go.whose()), rows.into_iter());
                trial.plot(go.plot("The same in Go", "Filled, dropped and collected, debug.FreeOSMemory."));
                trial.plot(compare(
                    "Resident memory beside Go's",
                    "Neither gives back by collecting, both by being asked.",
                    &[("resident", &timeline), ("resident", &go)],
                ));
            }
            Err(why) => trial.finding(format!("Go beside it: {why}.")),
        }
        trial.plot(Plot {
            title: String::from("Resident memory above the start"),
            reading: String::from(
                "Dropping and collecting changes nothing that the system sees. Releasing does.",
            ),
            shape: Shape::Bars {
                unit: Unit::Bytes,
                bars: vec![
                    Bar::measured("filled", full),
                    Bar::measured("dropped and collected", collected),
                    Bar::measured("released", released.max(0.0)),
                ],
            },
        });
        trial.finding(
            "Go 1.27.3 does the same with 200 MiB: 207,528 KiB resident after debug.FreeOSMemory is called become 2,668 KiB.",
        );
        trial.finding(
            "A practice text expects the system to end a program under a limit that gives nothing back, and not one that does. So it is if \
             the memory is needed outside the heap: needed inside, free pages are used again, and nothing ends.",
        );
        trial.finding(
            "A practice text quotes Go's documentation with the words \"use sparingly\" and \"stops the world\". It says \
             neither. What it costs is a full collection, and a page fault for each page that is needed again.",
        );
        trial.finish()
    }
}
