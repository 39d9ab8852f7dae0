//! What the peers' programs share: the binary trees, the clock, the report.
//!
//! Each peer is a binary of its own, because a program has one global allocator. They print the JSON object that
//! `heap-lab bench` prints, so that a pair of commands can be compared field by field.
#![forbid(unsafe_code)]

pub mod boxes;
pub mod report;
pub mod trees;

/// Why a run did not happen.
#[derive(Debug)]
pub struct Refusal(String);

impl Refusal {
    /// For this reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// Runs what `run` makes of the program's arguments, prints the report and ends: 0, or 2 with the usage.
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
        Err(Refusal(reason)) => {
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
