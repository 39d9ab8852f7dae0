//! Taking turns: how long programs take that are run one after another, again and again, by two clocks.

use std::time::{Duration, Instant};

/// Processor time that this process has used, of all its threads.
fn processor() -> Duration {
    // SAFETY: zeros are a time.
    let mut time: libc::timespec = unsafe { std::mem::zeroed() };
    // SAFETY: a valid place for the answer.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    assert_eq!(result, 0);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).expect("below a second"))
}

/// Nanoseconds for each operation, elapsed and of processor time, or how many times as many.
#[derive(Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) elapsed: f64,
    pub(crate) processor: f64,
}

impl Cost {
    fn both(self, of: impl Fn(f64) -> f64) -> Self {
        Self { elapsed: of(self.elapsed), processor: of(self.processor) }
    }

    pub(crate) fn over(self, other: Self) -> Self {
        Self { elapsed: self.elapsed / other.elapsed, processor: self.processor / other.processor }
    }
}

/// Rounds for as long as a turn takes, of so many operations each.
fn turn(operations: usize, length: Duration, mut round: impl FnMut()) -> Cost {
    let (began, used) = (Instant::now(), processor());
    let mut rounds = 0;
    while began.elapsed() < length {
        (0..10).for_each(|_| round());
        rounds += 10;
    }
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let done = (rounds * operations) as f64;
    let (elapsed, processor) = (began.elapsed(), processor() - used);
    Cost { elapsed: elapsed.as_secs_f64(), processor: processor.as_secs_f64() }.both(|time| time * 1e9 / done)
}

fn median(mut costs: Vec<Cost>) -> Cost {
    let middle = |of: fn(&Cost) -> f64, costs: &mut Vec<Cost>| {
        costs.sort_by(|a, b| of(a).total_cmp(&of(b)));
        of(&costs[costs.len() / 2])
    };
    Cost {
        elapsed: middle(|cost| cost.elapsed, &mut costs),
        processor: middle(|cost| cost.processor, &mut costs),
    }
}

/// How long, and which.
pub(crate) struct Bench {
    names: Vec<String>,
    turns: usize,
    length: Duration,
}

impl Bench {
    /// As the arguments of this process say: so many turns of that length for all cases, or for those that are named. One short one
    /// without `--bench`, as a test.
    pub(crate) fn of_arguments(turns: usize, length: Duration) -> Self {
        let args: Vec<String> = std::env::args().skip(1).collect();
        let is_bench = args.iter().any(|arg| arg == "--bench");
        Self {
            names: args.into_iter().filter(|arg| !arg.starts_with('-')).collect(),
            turns: if is_bench { turns } else { 1 },
            length: if is_bench { length } else { Duration::from_millis(1) },
        }
    }

    /// Whether a case is wanted.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|wanted| wanted == name)
    }

    /// What an operation of each program costs, of which a round has so many: medians of all turns but the first, which touches
    /// the memory.
    pub(crate) fn run<const N: usize>(
        &self,
        operations: usize,
        mut programs: [&mut dyn FnMut(); N],
    ) -> [Cost; N] {
        let mut costs = [const { Vec::new() }; N];
        for _ in 0..=self.turns {
            for (costs, program) in costs.iter_mut().zip(&mut programs) {
                costs.push(turn(operations, self.length, &mut **program));
            }
        }
        costs.map(|mut costs| median(costs.split_off(1)))
    }
}

/// Prints the head of a table.
pub(crate) fn head<const N: usize>(columns: [&str; N]) {
    print!("{:<10}", "case");
    columns.iter().for_each(|column| print!(" |{column:>13}"));
    println!();
}

/// Prints a line of one.
pub(crate) fn line(name: &str, columns: &[Cost]) {
    print!("{name:<10}");
    columns.iter().for_each(|cost| print!(" |{:>6.2} {:>6.2}", cost.elapsed, cost.processor));
    println!();
}
