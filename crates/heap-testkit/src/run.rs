//! Running programs: in which settings, on which heaps, on how many threads.
//!
//! [`run`] is one program on a heap of its own; [`run_threads`] is several on one heap, each on a thread, while another
//! thread collects. There, what is counted is counted at the end. What an operation does, and what is compared, is the
//! business of `runner.rs`.

use crate::program::Program;
use crate::runner::{Cycles, Runner};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use tricolor::core::os::sim::SimOs;
use tricolor::{Collector, Heap, HeapBuilder, LayoutPolicy};

pub use crate::runner::Stats;

/// The settings every program is run under. A heap's faults hide in some of them and show in others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cell {
    /// Collect at every allocation.
    EveryAlloc,
    /// Fill free slots, verify in every cycle.
    PoisonVerify,
    /// Collect when the heap has grown by one percent.
    SmallPercent,
    /// A layout for each type, verify in every cycle.
    PerType,
    /// Collections stop the world; verified in every cycle, where what is marked must be exactly what is reachable.
    StopTheWorld,
    /// Operations are refused by a hard limit, at which a program of some hundred arrives.
    Limit,
}

/// Bytes of spans that a heap with a limit has at most.
const LIMIT: usize = 192 << 10;

impl Cell {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::EveryAlloc,
        Self::PoisonVerify,
        Self::SmallPercent,
        Self::PerType,
        Self::StopTheWorld,
        Self::Limit,
    ];

    /// Those in which nothing is refused.
    pub const UNLIMITED: [Self; 5] =
        [Self::EveryAlloc, Self::PoisonVerify, Self::SmallPercent, Self::PerType, Self::StopTheWorld];

    /// The settings. One seed in eight gets a simulated system, which checks every transition of memory.
    #[must_use]
    pub fn builder(self, seed: u64) -> HeapBuilder {
        let builder =
            Heap::builder().reservation(256 << 20).workers(if seed.is_multiple_of(2) { 1 } else { 2 });
        let builder =
            if seed.is_multiple_of(8) { builder.reservation(16 << 20).os(SimOs::new()) } else { builder };
        match self {
            Self::EveryAlloc => builder.collect_every(1),
            Self::PoisonVerify => builder.poison(0xDD).verify_every(1).gc_percent(5),
            Self::SmallPercent => builder.gc_percent(1),
            Self::PerType => builder.layouts(LayoutPolicy::PerType).verify_every(1).gc_percent(5),
            Self::StopTheWorld => {
                builder.collector(Collector::StopTheWorld).poison(0xDD).verify_every(1).gc_percent(5)
            }
            Self::Limit => builder.hard_limit(LIMIT).poison(0xDD).verify_every(1).gc_percent(100),
        }
    }
}

/// A program and what it showed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The program.
    pub program: Program,
    /// The settings.
    pub cell: Cell,
    /// The number of the operation; `None` if it was none's.
    pub at: Option<usize>,
    /// What heap and model disagree about.
    pub what: String,
}

/// Operations of a program that a failure shows.
const MOST_SHOWN: usize = 60;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { program, cell, at, what } = self;
        writeln!(f, "{}: {what}", at.map_or("at the end".into(), |at| format!("operation {at}")))?;
        write!(f, "{}", repro(program, *cell))?;
        // A program that was not shrunk is best had from its seed.
        if program.ops.len() <= MOST_SHOWN { write!(f, "\n{:#?}", program.ops) } else { Ok(()) }
    }
}

/// The line that says how to see a failure again.
#[must_use]
pub fn repro(program: &Program, cell: Cell) -> String {
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    format!("REPRO: seed={:#x} ops={} cell={cell:?} build={build}", program.seed, program.ops.len())
}

/// Runs a program on a heap of its own.
///
/// # Errors
/// If heap and model disagree, or something panics.
pub fn run(program: &Program, cell: Cell) -> Result<Stats, Failure> {
    run_on(program, cell, &cell.builder(program.seed))
}

/// Runs a program on a heap of its own with other settings than the cell's.
///
/// # Errors
/// As [`run`].
pub fn run_on(program: &Program, cell: Cell, builder: &HeapBuilder) -> Result<Stats, Failure> {
    let at = std::cell::Cell::new(None);
    let outcome = caught(|| {
        let (heap, cycles) = Cycles::build(builder)?;
        let mut runner = Runner::new(heap, 0, true, cycles)?;
        for (number, op) in program.ops.iter().enumerate() {
            at.set(Some(number));
            runner.step(*op)?;
        }
        at.set(None);
        runner.finish()
    });
    outcome.map_err(|what| Failure { program: program.clone(), cell, at: at.get(), what })
}

/// A panic is an error like any other.
fn caught<R>(f: impl FnOnce() -> Result<R, String>) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        Err(format!(
            "panic: {}",
            text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("of an unknown type")
        ))
    })
}

/// Runs a program on this thread, as one part of what several do with the heap. When it returns, its roots are dropped and
/// the thread is detached.
///
/// # Errors
/// If this part of the heap and its model disagree, or something panics.
pub fn run_part(program: &Program, heap: Heap, number: u64) -> Result<Stats, String> {
    caught(|| {
        let cycles = Cycles::Of(heap.clone());
        let mut runner = Runner::new(heap, number, false, cycles)?;
        program.ops.iter().enumerate().try_for_each(|(at, op)| {
            runner.step(*op).map_err(|what| format!("thread {number}, operation {at}: {what}"))
        })?;
        let (_, stats) = runner.end()?;
        runner.leave()?;
        Ok(stats)
    })
    .map_err(|what| format!("{what}\nseed {:#x} of thread {number}", program.seed))
}

/// Runs a program on each of several threads, all on one heap, while the calling thread collects again and again.
///
/// # Errors
/// If a thread's part of the heap and its model disagree, something panics, or the counts are wrong in the end.
pub fn run_threads(programs: &[Program], builder: &HeapBuilder) -> Result<Stats, String> {
    let (heap, cycles) = Cycles::build(builder)?;
    let (report, reports) = mpsc::channel();
    let mut stats = Stats::default();
    let mut first = None;
    thread::scope(|scope| {
        // Dropped when all have reported and all is counted: until then the threads keep their roots.
        let mut leave = Vec::new();
        for (number, program) in programs.iter().enumerate() {
            let (end, ended) = mpsc::channel::<()>();
            leave.push(end);
            let (report, heap, cycles) = (report.clone(), heap.clone(), cycles.clone());
            scope.spawn(move || {
                let mut kept = None;
                let outcome = caught(|| {
                    let runner = kept.insert(Runner::new(heap, number as u64 + 1, false, cycles)?);
                    program.ops.iter().enumerate().try_for_each(|(at, op)| {
                        runner.step(*op).map_err(|what| format!("thread {number}, operation {at}: {what}"))
                    })?;
                    runner.end()
                });
                report
                    .send(
                        outcome
                            .map_err(|what| format!("{what}\nseed {:#x} of thread {number}", program.seed)),
                    )
                    .ok();
                // A closed channel is the signal.
                ended.recv().ok();
                if let Some(runner) = &mut kept {
                    runner.clear_roots();
                }
            });
        }
        let (mut slots, mut waiting) = (0, programs.len());
        while waiting > 0 {
            heap.collect();
            match reports.recv_timeout(Duration::from_micros(200)) {
                Ok(Ok((theirs, did))) => {
                    slots += theirs;
                    stats.add(&did);
                    waiting -= 1;
                }
                Ok(Err(what)) => {
                    first.get_or_insert(what);
                    waiting -= 1;
                }
                Err(_) => {}
            }
        }
        if first.is_none() {
            heap.collect();
            heap.collect();
            let figures = heap.figures();
            stats.cycles = figures.cycles;
            if figures.memory.heap_objects != slots as u64 {
                first = Some(format!(
                    "{} slots are allocated, the models have {slots}",
                    figures.memory.heap_objects
                ));
            }
            if let Some(violation) = heap.verify().first() {
                first.get_or_insert(violation.to_string());
            }
        }
        drop(leave);
    });
    match first {
        Some(what) => Err(what),
        None => Ok(stats),
    }
}
