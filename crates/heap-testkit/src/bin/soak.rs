//! Soak: generated programs on one to four mutators, beside a collector that is checked in every cycle, for as long as asked.
//!
//!     cargo run --release -p heap-testkit --bin soak -- [SECONDS [ROUND]]        default 900, from 0
//!
//! Every other round, programs one after another in each setting of the tests, each with the heap for itself; one that fails is shrunk.
//! Every cycle is verified before and after marking, free slots are poisoned, and each thread's part of the heap is compared
//! with its model. Prints what was done each minute, and ends with 1 at the first difference, naming its seed.

use heap_testkit::program::Program;
use heap_testkit::run::{Cell, Stats, run, run_threads};
use heap_testkit::shrink::shrink;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tricolor::{Collector, Heap};

/// Operations of each thread's program.
const OPS: usize = 2000;
/// Those of a program that has its heap for itself.
const OPS_ALONE: usize = 150;
/// How many of those are a round, in each setting.
const PROGRAMS: u64 = 5;

/// Programs that have the heap for themselves.
fn alone(round: u64) -> Result<Stats, String> {
    let mut all = Stats::default();
    for seed in round * PROGRAMS..(round + 1) * PROGRAMS {
        for cell in Cell::ALL {
            match run(&Program::generate(seed, OPS_ALONE), cell) {
                Ok(did) => all.add(&did),
                Err(failure) => return Err(shrink(failure, |shorter| run(shorter, cell).err()).to_string()),
            }
        }
    }
    Ok(all)
}

/// Programs of several threads on one heap.
fn together(round: u64) -> Result<Stats, String> {
    let threads = 1 + round / 2 % 4;
    let programs: Vec<_> = (0..threads).map(|thread| Program::generate(round * 16 + thread, OPS)).collect();
    let collector = if round % 10 == 5 { Collector::StopTheWorld } else { Collector::Concurrent };
    let builder = Heap::builder()
        .reservation(256 << 20)
        .gc_percent([1, 5, 50][(round % 3) as usize])
        .poison(0xDD)
        .verify_every(1)
        .collector(collector)
        .workers(1 + (round % 2) as usize);
    run_threads(&programs, &builder).map_err(|what| format!("{threads} threads, {collector:?}: {what}"))
}

fn main() -> ExitCode {
    let number = |nth, without| std::env::args().nth(nth).map_or(Ok(without), |word| word.parse());
    let (Ok(seconds), Ok(first)) = (number(1, 900), number(2, 0)) else {
        eprintln!("soak: the arguments are numbers: of seconds, such as 900, and of the first round");
        return ExitCode::from(2);
    };
    let (limit, began) = (Duration::from_secs(seconds), Instant::now());
    let (mut all, mut round, mut minute) = (Stats::default(), first, 1);
    while began.elapsed() < limit {
        round += 1;
        match if round.is_multiple_of(2) { alone(round) } else { together(round) } {
            Ok(did) => all.add(&did),
            Err(what) => {
                println!("difference in round {round}: {what}");
                return ExitCode::FAILURE;
            }
        }
        if began.elapsed() >= Duration::from_secs(60 * minute) {
            println!("{minute} min, {} rounds: {all:?}", round - first);
            minute += 1;
        }
    }
    let minutes = began.elapsed().as_secs_f64() / 60.0;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let a_minute = all.cycles as f64 / minutes;
    println!(
        "{minutes:.1} min, {} rounds, 0 differences, {a_minute:.0} cycles a minute: {all:?}",
        round - first
    );
    ExitCode::SUCCESS
}
