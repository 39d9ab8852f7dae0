//! Alloc: one allocation after another, as `heap-lab bench alloc` has it, over whatever can allocate.

use crate::Refusal;
use crate::report::{Report, Spent};

/// Bytes that a run allocates: into memory never touched or swept before, and where it is used again and again.
const ONCE: usize = 1 << 30;
const COLLECTED: usize = 2 << 30;

/// What is allocated: so many words, of which the first may be a pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Words of 8 bytes.
    pub words: usize,
    /// Whether a collector has to look into it.
    pub scanned: bool,
}

impl Shape {
    /// The one of this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn named(word: &str) -> Result<Self, Refusal> {
        let (words, scanned) = match word {
            "n8" => (1, false),
            "n16" => (2, false),
            "s16" => (2, true),
            "s32" => (4, true),
            "s64" => (8, true),
            "n64" => (8, false),
            "n256" => (32, false),
            "n1k" => (128, false),
            "s1k" => (128, true),
            _ => return Err(Refusal::new(format!("no shape {word:?}"))),
        };
        Ok(Self { words, scanned })
    }

    /// How many of it are allocated in a run.
    pub fn times(self, mode: Mode) -> usize {
        let bytes = match mode {
            Mode::Fresh | Mode::Reuse => ONCE,
            Mode::Gc | Mode::Gc64 => COLLECTED,
        };
        bytes / (self.words * 8)
    }
}

/// Into what memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Never touched before, and never freed.
    Fresh,
    /// Freed as it goes, with nothing alive.
    Gc,
    /// The same, with 64 MiB alive.
    Gc64,
    /// Filled and freed before, and then not freed any more.
    Reuse,
}

impl Mode {
    /// The one of this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn named(word: &str) -> Result<Self, Refusal> {
        match word {
            "fresh" => Ok(Self::Fresh),
            "gc" => Ok(Self::Gc),
            "gc64" => Ok(Self::Gc64),
            "reuse" => Ok(Self::Reuse),
            _ => Err(Refusal::new(format!("no mode {word:?}"))),
        }
    }

    /// Bytes that lie about before they are freed, where somebody frees by hand: what a collector lets lie which waits until the heap
    /// has doubled, from 4 MiB at least.
    pub fn garbage(self) -> usize {
        match self {
            Self::Gc64 => 64 << 20,
            Self::Fresh | Self::Gc | Self::Reuse => 4 << 20,
        }
    }
}

/// The report of so many allocations.
pub fn report(peer: &str, args: &[&str], times: usize, spent: Spent) -> Report {
    let mut report = Report::new(peer, "alloc", args, spent);
    report.field("objects", times);
    report.field("ns_per_op", spent.wall.as_secs_f64() * 1e9 / times as f64);
    report.field("cpu_ns_per_op", spent.cpu.as_secs_f64() * 1e9 / times as f64);
    report
}
