//! What the peers' programs share: the binary trees, the shapes of allocations, the clock, the reports.
//!
//! Each peer is a binary of its own, because a program has one global allocator. They print the JSON object that
//! `heap-lab bench` prints, so that a pair of commands can be compared field by field.
#![forbid(unsafe_code)]

pub mod alloc;
pub mod boxes;
pub mod mark;
pub mod report;
pub mod trees;

/// Why a run did not happen.
#[derive(Debug)]
pub struct Refusal {
    reason: String,
    absent: bool,
}

impl Refusal {
    /// For this reason: it cannot do what is asked.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), absent: false }
    }

    /// The memory manager itself is not on this machine, for this reason.
    pub fn absent(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), absent: true }
    }
}

/// Runs what `run` makes of the program's arguments, prints the report and ends: 0, or 2 with the usage, or 3 if the memory manager is
/// not there.
pub fn program(
    usage: &str,
    run: impl FnOnce(&[&str]) -> Result<report::Report, Refusal>,
) -> std::process::ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match run(&args) {
        Ok(report) => {
            println!("{}", report.json());
            std::process::ExitCode::SUCCESS
        }
        Err(Refusal { reason, absent: true }) => {
            eprintln!("{reason}");
            std::process::ExitCode::from(3)
        }
        Err(Refusal { reason, absent: false }) => {
            eprintln!("{reason}\nusage: {usage}");
            std::process::ExitCode::from(2)
        }
    }
}

/// Reads a number that must be at least 1.
///
/// # Errors
/// If it is not one.
pub fn positive(text: &str) -> Result<usize, Refusal> {
    match text.parse() {
        Ok(0) | Err(_) => Err(Refusal::new(format!("{text:?} is not a positive number"))),
        Ok(number) => Ok(number),
    }
}

/// Numbers that are the same in every run (splitmix64).
#[derive(Debug, Default)]
pub struct Dice(u64);

impl Dice {
    /// One below a limit.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        ((u128::from(mixed) * limit as u128) >> 64) as usize
    }
}
