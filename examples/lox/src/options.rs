//! The command line.

use crate::escape::Escape;
use std::path::PathBuf;
use tricolor::{Heap, HeapBuilder};

/// How the interpreter is called.
pub const USAGE: &str = "Usage: lox [--gc-stats] [--no-escape | --check-escape] [--memory-limit BYTES] [--collect-every SLOTS] [--verify-every CYCLES] [path]";

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The program; none for reading line by line.
    pub path: Option<PathBuf>,
    /// Whether the figures of the heap are shown at the end.
    pub shows_figures: bool,
    /// What is made of the analysis of what outlives its call.
    pub escape: Escape,
    /// The bytes that the heap may have.
    pub memory_limit: Option<usize>,
    /// Allocations between two collections.
    pub collect_every: Option<u32>,
    /// Cycles between two checks of the whole heap.
    pub verify_every: Option<u32>,
}

impl Options {
    /// Reads the arguments, without the program's name. None if they make no sense.
    #[must_use]
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Option<Self> {
        let mut options = Self::default();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--gc-stats" => options.shows_figures = true,
                "--no-escape" => options.escape = Escape::Off,
                "--check-escape" => options.escape = Escape::Checked,
                "--memory-limit" => options.memory_limit = Some(bytes(&arguments.next()?)?),
                "--collect-every" => options.collect_every = Some(arguments.next()?.parse().ok()?),
                "--verify-every" => options.verify_every = Some(arguments.next()?.parse().ok()?),
                path if options.path.is_none() && !path.starts_with("--") => options.path = Some(path.into()),
                _ => return None,
            }
        }
        Some(options)
    }

    /// The heap that was asked for.
    #[must_use]
    pub fn heap(&self) -> HeapBuilder {
        let mut heap = Heap::builder();
        if let Some(bytes) = self.memory_limit {
            heap = heap.hard_limit(bytes);
        }
        if let Some(slots) = self.collect_every {
            heap = heap.collect_every(slots);
        }
        if let Some(cycles) = self.verify_every {
            heap = heap.verify_every(cycles);
        }
        heap
    }
}

/// A number of bytes, perhaps with K, M or G for powers of 1024.
fn bytes(text: &str) -> Option<usize> {
    let units = [('K', 10), ('M', 20), ('G', 30)];
    let unit = units.iter().find_map(|&(unit, shift)| Some((text.strip_suffix(unit)?, shift)));
    let (digits, shift) = unit.unwrap_or((text, 0));
    digits.parse::<usize>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::Options;
    use crate::Escape;

    fn parsed(line: &str) -> Option<Options> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_may_stand_anywhere() {
        let expected = Options {
            path: Some("a.lox".into()),
            shows_figures: true,
            escape: Escape::Off,
            memory_limit: Some(3 << 20),
            collect_every: Some(1),
            verify_every: None,
        };
        assert_eq!(
            parsed("--memory-limit 3M a.lox --no-escape --gc-stats --collect-every 1"),
            Some(expected)
        );
        assert_eq!(parsed(""), Some(Options::default()));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in
            ["a b", "--memory-limit", "--memory-limit x", "--memory-limit 9999999999999G", "--unknown"]
        {
            assert_eq!(parsed(line), None, "{line}");
        }
    }
}
