//! Soak: generated programs on one to four mutators, beside a collector that is checked in every cycle, for as long as asked.
//!
//!     cargo run --release -p heap-testkit --bin soak -- [SECONDS]        default 900
//!
//! Every cycle is verified before and after marking, free slots are poisoned, and each thread's part of the heap is compared
//! with its model. Prints what was done each minute, and ends with 1 at the first difference, naming its seed.

use heap_testkit::program::Program;
use heap_testkit::run::{Stats, run_threads};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tricolor::{Collector, Heap};

/// Operations of each thread's program.
const OPS: usize = 2000;

fn main() -> ExitCode {
    let seconds = std::env::args().nth(1).map_or(Ok(900), |word| word.parse());
    let Ok(seconds) = seconds else {
        eprintln!("soak: the argument is a number of seconds, such as 900");
        return ExitCode::from(2);
    };
    let (limit, began) = (Duration::from_secs(seconds), Instant::now());
    let (mut all, mut round, mut minute) = (Stats::default(), 0_u64, 1);
    while began.elapsed() < limit {
        round += 1;
        let threads = 1 + round % 4;
        let programs: Vec<_> =
            (0..threads).map(|thread| Program::generate(round * 16 + thread, OPS)).collect();
        let collector = if round.is_multiple_of(5) { Collector::StopTheWorld } else { Collector::Concurrent };
        let builder = Heap::builder()
            .reservation(256 << 20)
            .gc_percent([1, 5, 50][(round % 3) as usize])
            .poison(0xDD)
            .verify_every(1)
            .collector(collector)
            .workers(1 + (round % 2) as usize);
        match run_threads(&programs, &builder) {
            Ok(did) => all.add(&did),
            Err(what) => {
                println!("difference in round {round}, {threads} threads, {collector:?}: {what}");
                return ExitCode::FAILURE;
            }
        }
        if began.elapsed() >= Duration::from_secs(60 * minute) {
            println!("{minute} min, {round} rounds: {all:?}");
            minute += 1;
        }
    }
    let minutes = began.elapsed().as_secs_f64() / 60.0;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let a_minute = all.cycles as f64 / minutes;
    println!("{minutes:.1} min, {round} rounds, 0 differences, {a_minute:.0} cycles a minute: {all:?}");
    ExitCode::SUCCESS
}
