//! Arguments, as typed.
//!
//! This file is the command line and its help, nothing else: what the words mean is the plan's business.

use clap::{Args as Group, Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;

/// Experiments on the tricolor heap: every claim is predicted from a model, then measured.
///
/// Without a command it runs the headline experiments, shows them here, and writes a page for the browser.
/// Exit code: 0 every claim holds, 1 some claim does not, 2 an error. An experiment of which nothing but claims about time do not hold
/// is measured again, up to three times in all.
#[derive(Debug, Parser)]
#[command(name = "heap-lab", version, max_term_width = 100)]
pub(crate) struct Args {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the experiments.
    List {
        /// As one JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Run experiments and judge their claims.
    Run(Run),
    /// Show the size classes of small objects.
    Classes {
        /// Explain these: class numbers (3) or requests in bytes (100B).
        #[arg(long, value_name = "CLASS", num_args = 1.., conflicts_with = "csv")]
        explain: Vec<String>,
        /// As comma-separated values.
        #[arg(long)]
        csv: bool,
    },
    /// Time one shape, to be paired with the same shape in another system.
    Bench(Bench),
    /// Say what has become dearer from one version to another, by saved runs and profiles.
    Compare(Compare),
    /// Simulate cycles and the page allocator in heaps, and on machines, that are not at hand.
    Simulate(Simulate),
    /// Print what `go build -gcflags='-m -l'` prints of a package, without Go.
    Escape(Escape),
    /// Say what keeps what in a heap, from a `.heapsnapshot` file, or take one.
    Snapshot(Snapshot),
    /// A program that an experiment runs as a process of its own.
    #[command(hide = true)]
    Guest(Guest),
    /// Start a heap that changes all the time, and a page for the browser that shows it, until interrupted.
    Serve(Serve),
}

/// What to ask of a snapshot.
#[derive(Debug, Group)]
pub(crate) struct Snapshot {
    /// The file: one that `heap-snapshot` or V8 has written.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Rows of each table, and items of each list, at most.
    #[arg(long, value_name = "N", default_value_t = 15)]
    pub(crate) top: usize,
    /// Of one node, by its id: what keeps it, and what it leads to.
    #[arg(long, value_name = "ID", conflicts_with = "kind")]
    pub(crate) node: Option<u64>,
    /// Only objects with this in the name of their type.
    #[arg(long = "type", value_name = "NAME")]
    pub(crate) kind: Option<String>,
    /// One JSON object on standard output, instead of text.
    #[arg(long)]
    pub(crate) json: bool,
    /// Write the file: a snapshot of a heap with a workload.
    #[arg(long, conflicts_with_all = ["top", "node", "kind", "json"])]
    pub(crate) take: bool,
    /// For `--take`: leak, list or tree.
    #[arg(long, value_name = "WORD", default_value = "leak", requires = "take")]
    pub(crate) workload: String,
    /// For `--take`: how many objects the heap has, about.
    #[arg(long, value_name = "N", default_value_t = 100_000, requires = "take", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) objects: u32,
}

/// What to be.
#[derive(Debug, Group)]
pub(crate) struct Guest {
    /// `limited`, of t14, or `large`, of t18.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Its numbers and words.
    #[arg(value_name = "ARGS")]
    pub(crate) args: Vec<String>,
}

/// What to serve.
#[derive(Debug, Group)]
pub(crate) struct Serve {
    /// What the heap's program does: mixed, trees or pinned.
    #[arg(long, value_name = "NAME", default_value = "mixed")]
    pub(crate) workload: String,
    /// Where to listen, on this machine: with port 0, at one that is free.
    #[arg(long, value_name = "A", default_value = crate::serve::ADDRESS)]
    pub(crate) addr: String,
    /// Live bytes of the heap, such as 1GiB [default: 64MiB].
    #[arg(long, value_name = "SIZE")]
    pub(crate) live: Option<String>,
    /// For how long [default: until interrupted].
    #[arg(long, value_name = "N")]
    pub(crate) seconds: Option<f64>,
}

/// What to compare.
#[derive(Debug, Group)]
#[command(
    after_help = "Runs are saved by `run … --save FILE`, a line for each, best taken in turn for the two versions; profiles are those of \
pprof, with alloc_objects and alloc_space. A directory stands for all .json, .jsonl, .pb, .pb.gz and .pprof files in it.\n\nExit code: 0 \
no regressions, 1 some figure is dearer or a function newly allocates, 2 bad input: a file that is missing, cut off or of another schema, \
programs that only one side ran, too few runs to say anything."
)]
pub(crate) struct Compare {
    /// What was: a file or a directory.
    #[arg(value_name = "BASE")]
    pub(crate) base: PathBuf,
    /// What is: a file or a directory.
    #[arg(value_name = "NEW")]
    pub(crate) new: PathBuf,
    /// The probability of any false alarm, for all figures together.
    #[arg(long, value_name = "P", default_value_t = 0.05)]
    pub(crate) alpha: f64,
    /// The least change that matters of a figure that varies, in per cent.
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0)]
    pub(crate) effect: f64,
    /// The least change that matters of a figure that is equal in all runs, in per cent.
    #[arg(long, value_name = "PERCENT", default_value_t = 1.0)]
    pub(crate) exact: f64,
    /// Compare the programs that both sides ran, and leave out others.
    #[arg(long)]
    pub(crate) common: bool,
    /// One JSON object, instead of Markdown.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What to simulate.
#[derive(Debug, Group)]
pub(crate) struct Simulate {
    /// Live bytes: one size, or FROM..TO, doubling.
    #[arg(long, value_name = "SIZES", default_value = "1GiB..16TiB")]
    pub(crate) heap: String,
    /// Marking workers, and as many mutators: one number, or FROM..TO, doubling.
    #[arg(long, value_name = "COUNTS", default_value = "1..256")]
    pub(crate) workers: String,
    /// Gigabytes a second that memory gives to all workers together [default: what it gives here].
    #[arg(long, value_name = "GB/S")]
    pub(crate) memory: Option<f64>,
    /// As one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
    /// Compare predictions with measurements instead: the experiment `scale`.
    #[arg(long, conflicts_with_all = ["heap", "workers", "memory", "json"])]
    pub(crate) check: bool,
}

/// What to analyse.
#[derive(Debug, Group)]
pub(crate) struct Escape {
    /// The files of one package.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// 1: what is where; 2: also why.
    #[arg(short = 'm', value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
    pub(crate) m: u8,
    /// As one JSON array.
    #[arg(long)]
    pub(crate) json: bool,
    /// Further tables of imports, as `crates/heap-escape-go/tables/harvest.go` writes them.
    #[arg(long, value_name = "DIR")]
    pub(crate) tables: Option<PathBuf>,
    /// The Go installation of which the standard library's source is read: a folder, or `auto` for that of `GOROOT` or of the `go` on
    /// `PATH`, if there is one; `off` for no source of imports at all, only tables.
    #[arg(long, value_name = "DIR|auto|off", default_value = "auto")]
    pub(crate) goroot: OsString,
}

/// What to run, and how.
#[derive(Debug, Default, Group)]
pub(crate) struct Run {
    /// Experiments by id, or `headline`, or `all`.
    #[arg(value_name = "ID", default_value = "headline")]
    pub(crate) ids: Vec<String>,
    /// Smaller sizes: everything in under five minutes on two cores that are busy.
    #[arg(long)]
    pub(crate) quick: bool,
    /// One JSON object for each experiment on standard output, instead of text.
    #[arg(long)]
    pub(crate) json: bool,
    /// Also write a self-contained page.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Also write Markdown.
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,
    /// Also add what was measured to a file, a line a run: what `compare` reads.
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
    /// Run everything so many times; the last is shown.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) repeat: u16,
    /// Say what is claimed, with the model it follows from, and measure nothing of it.
    #[arg(long, conflicts_with_all = ["html", "markdown", "save", "repeat", "trace"])]
    pub(crate) predict: bool,
    /// What experiments measure beyond their questions (`list` says what): on or off [default: on].
    #[arg(long, value_name = "WORD")]
    pub(crate) extension: Option<String>,
    /// Measure Go beside it where an experiment has a program in Go: auto (if it is found), off or require [default: auto].
    #[arg(long, value_name = "WORD")]
    pub(crate) go: Option<String>,
    /// The Go to use, or the built `peers-go` [default: on PATH, then in GOROOT].
    #[arg(long, value_name = "PATH")]
    pub(crate) go_bin: Option<PathBuf>,
    /// For `peers`: other memory managers beside it: auto (those that are found), off or require [default: auto].
    #[arg(long, value_name = "WORD")]
    pub(crate) peers: Option<String>,
    /// The folder of their programs [default: where `just peers` builds them, then on PATH].
    #[arg(long, value_name = "DIR")]
    pub(crate) peers_dir: Option<PathBuf>,
    /// Also write what the heaps did, for Perfetto (ui.perfetto.dev) and Chrome.
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,
    /// For `words`: read every text file under this directory; may be given more than once.
    #[arg(long, value_name = "DIR")]
    pub(crate) input: Vec<PathBuf>,
    /// For `pause`: live bytes of the churned heap, such as 64MiB.
    #[arg(long, value_name = "SIZE")]
    pub(crate) live: Option<String>,
    /// Marking workers of every heap.
    #[arg(long, value_name = "N")]
    pub(crate) workers: Option<usize>,
    /// Seed of every random choice.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
}

/// What to time.
#[derive(Debug, Group)]
#[command(
    after_help = "trees DEPTH [THREADS]\nalloc SHAPE MODE\nmark SHAPE COUNT CYCLES\npause [--live SIZE] [--mutators N] [--seconds S] [--collector WORD] [--observer WORD]\nscav SHAPE [--live SIZE] [--seconds S] [--collector WORD]\n\nA wrong or missing word lists what exists."
)]
pub(crate) struct Bench {
    /// trees, alloc, mark, pause or scav.
    #[arg(value_name = "KIND")]
    pub(crate) kind: String,
    /// Its arguments, see below.
    #[arg(value_name = "ARGS")]
    pub(crate) args: Vec<String>,
    /// One JSON object on standard output, instead of text.
    #[arg(long)]
    pub(crate) json: bool,
    /// Also write what the heap did, for Perfetto (ui.perfetto.dev) and Chrome.
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,
    /// Marking workers of the heap.
    #[arg(long, value_name = "N")]
    pub(crate) workers: Option<usize>,
    /// The widest vectors that marking may use: scalar, avx2 or avx512 [default: what the processor has].
    #[arg(long, value_name = "WORD")]
    pub(crate) vectors: Option<String>,
    /// What the heap says to Linux about huge pages: system (nothing), never or wanted [default: system].
    #[arg(long, value_name = "WORD")]
    pub(crate) huge_pages: Option<String>,
    /// For `pause` and `scav`: live bytes of the heap, such as 64MiB [default: 1GiB; under a limit 256MiB].
    #[arg(long, value_name = "SIZE")]
    pub(crate) live: Option<String>,
    /// For `pause`: threads that change it [default: 2].
    #[arg(long, value_name = "N")]
    pub(crate) mutators: Option<usize>,
    /// For `pause` and `scav`: how long [default: 20; for scav 10, under a limit 60].
    #[arg(long, value_name = "S")]
    pub(crate) seconds: Option<f64>,
    /// How the heap is collected: concurrent, stop-the-world or off [default: what the heap does].
    #[arg(long, value_name = "WORD")]
    pub(crate) collector: Option<String>,
    /// For `pause`: who says what it feels like: self, spin or req [default: self].
    #[arg(long, value_name = "WORD")]
    pub(crate) observer: Option<String>,
}
