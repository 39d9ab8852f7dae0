//! Promise: after a full collection exactly what is reachable is left, with its contents, and drops have run once for
//! exactly the dead.
//!
//! Generated programs against the reference model, in six settings: objects of every kind, vectors, maps, strings, weak references
//! and weak maps, frames, arenas, pools, cleanups, finalizers, and, in the last setting, refusals. `TRICOLOR_PROGRAMS` sets how many a setting runs,
//! `TRICOLOR_OPS` how long each is, and `TRICOLOR_SEED` with which seed they begin; a failure prints the line with which
//! to see it again.

use crate::support::{length_from, number_from, within};
use heap_testkit::program::Program;
use heap_testkit::run::{Cell, Failure, Stats, repro, run, run_on, run_threads};
use heap_testkit::shrink::shrink;
use std::io::Write as _;
use std::sync::{Mutex, Once, PoisonError};
use std::time::{Duration, Instant};
use tricolor::{Collector, Heap};

/// What runs now, by cell: an abort cannot be caught, but it panics first, and the hook can say what led there.
static RUNNING: Mutex<[Option<(Program, Cell)>; Cell::ALL.len()]> =
    Mutex::new([const { None }; Cell::ALL.len()]);

fn say_what_runs_when_panicking() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if panic.to_string().contains("an invariant of the heap is broken") {
                for (program, cell) in RUNNING.lock().unwrap_or_else(PoisonError::into_inner).iter().flatten()
                {
                    writeln!(std::io::stderr(), "running: {}", repro(program, *cell)).ok();
                }
            }
            before(panic);
        }));
    });
}

/// Runs many programs in one setting, and says how much that was.
fn many(cell: Cell, programs: u64) {
    say_what_runs_when_panicking();
    let (first, ops) = (number_from("TRICOLOR_SEED", 1), length_from("TRICOLOR_OPS", 150));
    let programs = number_from("TRICOLOR_PROGRAMS", programs);
    let (mut stats, begun) = (Stats::default(), Instant::now());
    let slot = Cell::ALL.iter().position(|each| *each == cell).expect("a cell is one of all");
    for seed in first..first + programs {
        let program = Program::generate(seed, ops);
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner)[slot] = Some((program.clone(), cell));
        match run(&program, cell) {
            Ok(did) => stats.add(&did),
            Err(failure) => panic!("{}", shrink(failure, |shorter| run(shorter, cell).err())),
        }
    }
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)[slot] = None;
    println!("{cell:?}: {programs} programs, {stats:?}, {:?}", begun.elapsed());
    if programs >= 100 {
        assert!(stats.found > 0 && stats.gone > 0, "weak references: {stats:?}");
        assert!(
            stats.noted > 0 && stats.locals > 0 && stats.packed > 0,
            "weak maps, frames, arenas: {stats:?}"
        );
        assert!(stats.taken > 0 && stats.expired > 0, "pools: {stats:?}");
        assert!(stats.cleaned > 0 && stats.finalized > 0, "cleanups and finalizers: {stats:?}");
        assert_eq!(stats.refused > 0, cell == Cell::Limit, "refusals: {stats:?}");
    }
}

#[test]
fn programs_agree_with_the_model_when_every_allocation_collects() {
    many(Cell::EveryAlloc, 250);
}

#[test]
fn programs_agree_with_the_model_with_poison_and_a_verifier_in_every_cycle() {
    many(Cell::PoisonVerify, 250);
}

#[test]
fn programs_agree_with_the_model_when_one_percent_of_growth_collects() {
    many(Cell::SmallPercent, 250);
}

#[test]
fn programs_agree_with_the_model_with_a_layout_for_each_type() {
    many(Cell::PerType, 250);
}

#[test]
fn programs_agree_with_the_model_when_collections_stop_the_world() {
    many(Cell::StopTheWorld, 250);
}

#[test]
fn programs_agree_with_the_model_when_a_limit_refuses_operations() {
    many(Cell::Limit, 250);
}

/// Both kinds of collector, each only when the program says: what was found, dropped, cleaned up and finalized is the same.
#[test]
fn both_collectors_do_the_same() {
    let (first, ops) = (number_from("TRICOLOR_SEED", 1), length_from("TRICOLOR_OPS", 150));
    let mut stats = Stats::default();
    for seed in first..first + number_from("TRICOLOR_PROGRAMS", 60) {
        let program = Program::generate(seed, ops);
        let told = |program: &Program, cell: Cell, collector| {
            run_on(
                program,
                cell,
                &cell.builder(seed).gc_off().collector(collector).poison(0xDD).verify_every(1),
            )
        };
        let both = |program: &Program| {
            let one = told(program, Cell::SmallPercent, Collector::Concurrent)?;
            let other = told(program, Cell::StopTheWorld, Collector::StopTheWorld)?;
            if one == other {
                return Ok(one);
            }
            Err(Failure {
                program: program.clone(),
                cell: Cell::StopTheWorld,
                at: None,
                what: format!("{one:?} with a concurrent collector, {other:?} with one that stops the world"),
            })
        };
        match both(&program) {
            Ok(did) => stats.add(&did),
            Err(failure) => panic!("{}", shrink(failure, |shorter| both(shorter).err())),
        }
    }
    println!("both: {stats:?}");
}

#[test]
fn programs_on_several_threads_agree_with_their_models_while_another_thread_collects() {
    let rounds = number_from("TRICOLOR_PROGRAMS", 12);
    let (first, ops) = (number_from("TRICOLOR_SEED", 1), length_from("TRICOLOR_OPS", 400));
    let mut stats = Stats::default();
    for round in 0..rounds {
        let threads = 2 + round % 3;
        let programs: Vec<_> =
            (0..threads).map(|thread| Program::generate(first + 100 * round + thread, ops)).collect();
        let builder = Heap::builder().reservation(256 << 20).gc_percent(2).poison(0xDD).verify_every(4);
        let stops = round % 4 == 3;
        let builder = if stops { builder.collector(Collector::StopTheWorld) } else { builder };
        let did = within(Duration::from_secs(60), move || run_threads(&programs, &builder));
        match did {
            Ok(did) => stats.add(&did),
            Err(what) => panic!(
                "round {round}, {threads} threads: {what}\nREPRO: seed={first:#x} ops={ops} cell=threads"
            ),
        }
    }
    println!("threads: {stats:?}");
}
