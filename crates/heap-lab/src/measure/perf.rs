//! Where the processor is in another process: the share of each function, as Linux's `perf` samples them.
//!
//! `perf` is asked for nothing but user code, a thousand times a second, and for a list without call chains. It is no part of this
//! program, and on many machines it is not installed, or not allowed: then there is a reason, in words, and no profile.
//!
//! Its list is text, and reading that is apart from running it, so that it is tested on text.

use crate::scratch::Scratch;
use std::path::Path;
use std::process::{Command, Output};

/// Samples a second of processor time.
pub(crate) const RATE: u32 = 997;

/// The share of each function in the samples of a process.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct CpuProfile {
    /// Samples in all.
    pub(crate) samples: u64,
    /// Functions, that with the most samples first, and the share of each, from 0 to 1.
    pub(crate) functions: Vec<(String, f64)>,
}

impl CpuProfile {
    /// That of a program with these arguments, run to its end; or why there is none, as the end of a sentence.
    pub(crate) fn of(program: &Path, args: &[String]) -> Result<Self, String> {
        let scratch = Scratch::new().map_err(|error| error.to_string())?;
        let file = scratch.file("perf.data");
        let mut record = Command::new("perf");
        record
            .args(["record", "-q", "-e", "cpu-clock:u", "-F", &RATE.to_string(), "-o"])
            .arg(&file)
            .arg("--");
        successful(record.arg(program).args(args))?;
        let mut report = Command::new("perf");
        report.args(["report", "--stdio", "-q", "--no-inline", "-g", "none", "-F", "sample,sym", "-i"]);
        let listed = successful(report.arg(file))?;
        Self::read(&String::from_utf8_lossy(&listed.stdout))
            .ok_or_else(|| String::from("`perf report` listed nothing"))
    }

    fn read(listed: &str) -> Option<Self> {
        let counts: Vec<(u64, String)> = listed.lines().filter_map(count).collect();
        let samples = counts.iter().map(|(count, _)| count).sum();
        if samples == 0 {
            return None;
        }
        let mut functions: Vec<_> =
            counts.into_iter().map(|(count, name)| (name, count as f64 / samples as f64)).collect();
        functions.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        Some(Self { samples, functions })
    }

    /// The share of the functions in whose names this is.
    pub(crate) fn share(&self, part: &str) -> f64 {
        self.functions.iter().filter(|(name, _)| name.contains(part)).map(|(_, share)| share).sum()
    }
}

/// Samples and function of a line such as `   123  [.] a::function`.
fn count(line: &str) -> Option<(u64, String)> {
    let (number, rest) = line.trim_start().split_once(' ')?;
    let name = rest.trim_start().split_once(']').map_or(rest, |(_, name)| name);
    Some((number.parse().ok()?, name.trim().to_owned()))
}

fn successful(command: &mut Command) -> Result<Output, String> {
    match command.output() {
        Ok(output) if output.status.success() => Ok(output),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(format!("`perf` failed: {}", said.lines().next().unwrap_or("it does not say why")))
        }
        Err(error) => Err(format!("`perf` cannot be run: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_list_become_shares() {
        let listed = "\n     30  [.] heap_core::page::tree::Tree::find\n     60  [.] memset\n     10  [.] <heap_core::page::Bits>::take\n\n";
        let profile = CpuProfile::read(listed).expect("three lines");
        assert_eq!((profile.samples, profile.functions[0].clone()), (100, (String::from("memset"), 0.6)));
        assert!((profile.share("heap_core::page::") - 0.4).abs() < 1e-9);
        assert!(CpuProfile::read("# nothing\n").is_none());
    }

    #[test]
    fn a_program_that_is_not_there_is_a_reason_and_no_panic() {
        let why = successful(&mut Command::new("/none/perf")).expect_err("not there");
        assert!(why.starts_with("`perf` cannot be run: "), "{why}");
        assert!(successful(&mut Command::new("false")).is_err());
    }
}
