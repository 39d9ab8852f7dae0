//! Benches: one shape timed once, as one JSON object.
//!
//! An experiment judges; a bench only measures, so that the same shape can be timed here and in another system and
//! the two put side by side. The shapes and their names are those of a Go program with the same loops, which lacks `widenil`,
//! `sparse` and `table`: those are for comparing vectors of several widths.
//!
//! ```text
//!   trees DEPTH [THREADS]     binary trees: a stretch tree, a long-lived one, and many short-lived
//!   alloc SHAPE MODE          ns per allocation of one size, noscan (n) or scan (s)
//!   mark SHAPE COUNT CYCLES   forced full collections over a live heap of COUNT objects
//!   pause                     what is felt over a live heap that changes; all by options
//!   scav SHAPE                what goes back to the system, and what that costs
//! ```
//! The keys of the object are a contract; a key that does not apply to a kind is left out.
//!
//! Invariants
//!   B1  a repetition is a process: a bench times its shape once, and whoever compares interleaves runs
//!   B2  set-up is outside the clocks

mod alloc;
mod mark;
pub(crate) mod pause;
mod scav;
mod trees;

use crate::choice::choices;
use crate::churn::Wish;
use crate::error::LabError;
use crate::measure::collector::Mode;
use crate::measure::scav_line::scav_traced;
use crate::measure::trace_line::traced;
use crate::shapes::MarkShape;
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;
use tricolor::{Heap, HeapBuilder, Vectors};

/// What to time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bench {
    /// Binary trees of this depth, built by so many threads at once.
    Trees {
        /// Depth of the long-lived tree.
        depth: u32,
        /// Mutator threads.
        threads: usize,
    },
    /// One allocation after another.
    Alloc {
        /// What is allocated.
        shape: AllocShape,
        /// Into what heap.
        mode: AllocMode,
    },
    /// Full collections.
    Mark {
        /// What is live.
        shape: MarkShape,
        /// Objects of it.
        count: usize,
        /// Collections timed.
        cycles: u32,
    },
    /// Mutators that change a live heap.
    Pause(Wish),
    /// Free pages that go back to the system.
    Scav(scav::Wish),
}

choices! {
    /// What `alloc` allocates: bytes, and whether they hold references.
    AllocShape, "alloc shape" {
        /// 8 bytes without references.
        N8 = "n8",
        /// 16 bytes without references.
        N16 = "n16",
        /// 16 bytes with references.
        S16 = "s16",
        /// 32 bytes with references.
        S32 = "s32",
        /// 64 bytes with references.
        S64 = "s64",
        /// 64 bytes without references.
        N64 = "n64",
        /// 256 bytes without references.
        N256 = "n256",
        /// 1 KiB without references.
        N1k = "n1k",
        /// 1 KiB with references.
        S1k = "s1k",
        /// 8 KiB without references.
        N8k = "n8k",
        /// 32 KiB without references: the largest small object.
        N32k = "n32k",
        /// 64 KiB without references: a span of its own.
        N64k = "n64k",
        /// 128 KiB without references: a span of its own.
        N128k = "n128k",
    }
}

choices! {
    /// Into what heap `alloc` allocates.
    AllocMode, "alloc mode" {
        /// Never collected, into memory never touched: page faults included.
        Fresh = "fresh",
        /// Collected as it goes, with nothing live.
        Gc = "gc",
        /// Collected as it goes, with 64 MiB of live bytes.
        Gc64 = "gc64",
        /// Filled, dropped and collected before, then allocated into the swept spans without a collection.
        Reuse = "reuse",
    }
}

choices! {
    /// The widest vectors that marking may use.
    Width, "width of vectors" {
        /// None.
        Scalar = "scalar",
        /// Of 32 bytes.
        Avx2 = "avx2",
        /// Of 64 bytes.
        Avx512 = "avx512",
    }
}

impl Width {
    fn choose(self, builder: HeapBuilder) -> HeapBuilder {
        builder.vectors(match self {
            Self::Scalar => Vectors::Scalar,
            Self::Avx2 => Vectors::Avx2,
            Self::Avx512 => Vectors::Avx512,
        })
    }
}

choices! {
    /// What the heap says about huge pages.
    Huge, "word about huge pages" {
        /// Nothing: the system's policy decides.
        System = "system",
        /// None.
        Never = "never",
        /// Those that the system has.
        Wanted = "wanted",
    }
}

impl Huge {
    #[cfg(target_os = "linux")]
    fn choose(self, builder: HeapBuilder) -> Result<HeapBuilder, LabError> {
        use tricolor::core::os::linux::{HugePages, LinuxOs};
        Ok(builder.os(Arc::new(LinuxOs::new().huge_pages(match self {
            Self::System => HugePages::System,
            Self::Never => HugePages::Never,
            Self::Wanted => HugePages::Wanted,
        }))))
    }

    #[cfg(not(target_os = "linux"))]
    fn choose(self, _: HeapBuilder) -> Result<HeapBuilder, LabError> {
        Err(LabError::Argument("--huge-pages is for Linux: leave it out".into()))
    }
}

/// What a bench's heap is to be like; what nobody asked for is as the heap has it by itself.
#[derive(Clone, Copy, Default, Debug, PartialEq)]
pub(crate) struct Asked {
    /// Marking workers.
    pub(crate) workers: Option<usize>,
    /// How it is collected.
    pub(crate) mode: Option<Mode>,
    /// The widest vectors that marking uses.
    pub(crate) width: Option<Width>,
    /// What it says about huge pages.
    pub(crate) huge: Option<Huge>,
}

impl Asked {
    fn builder(self) -> Result<HeapBuilder, LabError> {
        let mut builder = Heap::builder();
        if let Some(workers) = self.workers {
            builder = builder.workers(workers);
        }
        if let Some(mode) = self.mode {
            builder = mode.choose(&builder);
        }
        if let Some(width) = self.width {
            builder = width.choose(builder);
        }
        if let Some(huge) = self.huge {
            builder = huge.choose(builder)?;
        }
        Ok(builder)
    }

    /// Adds what was asked for to the arguments of an outcome, where it is not among them.
    fn say_in(self, args: &mut Vec<Value>) {
        let words = [
            ("--workers", self.workers.map(|workers| workers.to_string())),
            ("--collector", self.mode.map(|mode| mode.word().to_owned())),
            ("--vectors", self.width.map(|width| width.word().to_owned())),
            ("--huge-pages", self.huge.map(|huge| huge.word().to_owned())),
        ];
        for (option, word) in words {
            if let Some(word) = word
                && !args.iter().any(|arg| arg == option)
            {
                args.extend([Value::from(option), Value::from(word)]);
            }
        }
    }
}

/// The deepest tree: 2^32 nodes are more than any machine of this decade holds.
const MAX_DEPTH: u32 = 31;
/// The most mutator threads: enough for any machine, few enough to be a typing error above.
const MAX_THREADS: u64 = 1024;

impl Bench {
    /// What `kind` and its arguments mean.
    ///
    /// # Errors
    /// When a word is unknown, missing, too much, or out of range; the message lists what exists.
    pub(crate) fn parse(kind: &str, args: &[String], options: &pause::Typed) -> Result<Self, LabError> {
        // How the heap is collected is a question for every kind.
        let has = |option: &str| match kind {
            "pause" => true,
            "scav" => ["--live", "--seconds", "--collector"].contains(&option),
            _ => option == "--collector",
        };
        if let Some(option) = options.all().find(|&option| !has(option)) {
            return Err(LabError::Argument(format!("`bench {kind}` has no {option}: `bench pause` has")));
        }
        let words: Vec<&str> = args.iter().map(String::as_str).collect();
        match (kind, words.as_slice()) {
            ("trees", [depth]) => Ok(Self::Trees { depth: self::depth(depth)?, threads: 1 }),
            ("trees", [depth, threads]) => {
                let threads = within("THREADS", threads, 1, MAX_THREADS)?;
                Ok(Self::Trees { depth: self::depth(depth)?, threads: usize::try_from(threads).unwrap_or(1) })
            }
            ("alloc", [shape, mode]) => {
                Ok(Self::Alloc { shape: AllocShape::named(shape)?, mode: AllocMode::named(mode)? })
            }
            ("mark", [shape, count, cycles]) => Ok(Self::Mark {
                shape: MarkShape::named(shape)?,
                count: usize::try_from(within("COUNT", count, 1, 1 << 40)?).unwrap_or(usize::MAX),
                cycles: u32::try_from(within("CYCLES", cycles, 1, 1_000_000)?).unwrap_or(1),
            }),
            ("pause", []) => pause::parse(options).map(Self::Pause),
            ("pause", _) => Err(usage(
                "pause [--live SIZE] [--mutators N] [--seconds S] [--collector WORD] [--observer WORD]",
                &[],
            )),
            ("scav", [shape]) => {
                scav::Wish::parse(shape, options.live.as_deref(), options.seconds).map(Self::Scav)
            }
            ("scav", _) => Err(usage(
                "scav SHAPE [--live SIZE] [--seconds S] [--collector WORD]",
                &[("SHAPE", scav::Shape::ALL.iter().map(|one| one.word()).collect())],
            )),
            ("trees", _) => Err(usage("trees DEPTH [THREADS]", &[])),
            ("alloc", _) => Err(usage(
                "alloc SHAPE MODE",
                &[
                    ("SHAPE", AllocShape::ALL.iter().map(|one| one.word()).collect()),
                    ("MODE", AllocMode::ALL.iter().map(|one| one.word()).collect()),
                ],
            )),
            ("mark", _) => Err(usage(
                "mark SHAPE COUNT CYCLES",
                &[("SHAPE", MarkShape::ALL.iter().map(|one| one.word()).collect())],
            )),
            (unknown, _) => {
                Err(LabError::unknown("bench", unknown, ["trees", "alloc", "mark", "pause", "scav"]))
            }
        }
    }

    /// Times it. `args` are kept for the outcome, with what was asked of the heap.
    ///
    /// # Errors
    /// When the heap cannot be built or the system cannot be read.
    pub(crate) fn run(self, args: Vec<String>, asked: Asked) -> Result<Value, LabError> {
        let builder = scav_traced(traced(asked.builder()?));
        let mut outcome = match self {
            Self::Trees { depth, threads } => trees::run(&builder, depth, threads, args).map(object),
            Self::Alloc { shape, mode } => alloc::run(&builder, shape, mode, args).map(object),
            Self::Mark { shape, count, cycles } => {
                mark::run(&builder, shape, count, cycles, args).map(object)
            }
            Self::Pause(wish) => pause::run(&builder, &wish).map(object),
            Self::Scav(wish) => scav::run(&builder, &wish),
        }?;
        if let Some(args) = outcome.get_mut("args").and_then(Value::as_array_mut) {
            asked.say_in(args);
        }
        Ok(outcome)
    }
}

/// An outcome as the object that is printed.
fn object(outcome: impl Serialize) -> Value {
    // Plain data always has a form in JSON.
    serde_json::to_value(outcome).unwrap_or_default()
}

/// An outcome as lines of name and value.
pub(crate) fn text(outcome: &Value) -> String {
    let lines = outcome.as_object().into_iter().flatten();
    lines.map(|(name, value)| format!("{name:<24} {value}\n")).collect()
}

fn usage(form: &str, words: &[(&str, Vec<&str>)]) -> LabError {
    let lists: String = words.iter().map(|(name, all)| format!("; {name}: {}", all.join(" "))).collect();
    LabError::Argument(format!("expected `bench {form}`{lists}"))
}

fn depth(text: &str) -> Result<u32, LabError> {
    // A tree of depth 4 is the smallest that the shape builds.
    within("DEPTH", text, 4, u64::from(MAX_DEPTH)).map(|depth| u32::try_from(depth).unwrap_or(MAX_DEPTH))
}

/// A whole number such as `250000`, `250k`, `10M`, between `least` and `most`.
fn within(name: &str, text: &str, least: u64, most: u64) -> Result<u64, LabError> {
    let (number, scale) = match text.strip_suffix(['k', 'M']) {
        Some(number) if text.ends_with('k') => (number, 1_000),
        Some(number) => (number, 1_000_000),
        None => (text, 1),
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(scale))
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| {
            LabError::Argument(format!(
                "{name} is `{text}`, but must be a whole number from {least} to {most}"
            ))
        })
}

/// What a bench of one kind of operation found. Keys that do not apply are left out.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Outcome {
    /// The kind.
    pub(crate) bench: &'static str,
    /// Its arguments, as typed.
    pub(crate) args: Vec<String>,
    /// Wall seconds of the timed part.
    pub(crate) wall_s: f64,
    /// CPU seconds of the process in the timed part.
    pub(crate) cpu_s: f64,
    /// Wall nanoseconds for an allocation (`alloc`) or a node (`trees`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ns_per_op: Option<f64>,
    /// CPU nanoseconds for the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cpu_ns_per_op: Option<f64>,
    /// Objects allocated in the timed part, or live during it (`mark`).
    pub(crate) objects: u64,
    /// Collections in the timed part.
    pub(crate) cycles: u64,
    /// Median wall milliseconds of a collection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cycle_wall_ms: Option<f64>,
    /// CPU nanoseconds of marking for each live object, median over the collections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mark_cpu_ns_per_object: Option<f64>,
    /// Live megabytes (10^6) marked in a second of mark CPU.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mark_mb_per_s: Option<f64>,
    /// CPU nanoseconds of the thread for each node of a list when the program itself goes along it, median (`mark list`, `mark listr`): nobody who does not
    /// guess where the next node lies is faster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) walk_cpu_ns_per_object: Option<f64>,
    /// Bytes of spans in use over the live shape (`mark`); over `heap_alloc_bytes` it is the fragmentation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) heap_inuse_bytes: Option<usize>,
    /// Bytes of slots allocated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) heap_alloc_bytes: Option<usize>,
    /// The largest resident size of the process.
    pub(crate) peak_rss_bytes: u64,
}

#[cfg(test)]
mod tests;
