//! words: real text in the heap. Tries, maps and strings of every file, checked against a plain Rust map.
//!
//! ```text
//!   file ──▶ words ──┬─▶ document: a map (word ─▶ count) and a trie (byte by byte, count at the end)
//!                    └─▶ one map of everything, alive to the end
//!   window           the last documents stay alive; the oldest is checked, then dropped
//! ```
//! The reference is counted first, by standard collections, and with it the model: how many objects must be alive
//! at the end. Then the same text goes through the heap, which collects as it goes, also in the middle of documents.

use crate::claim::{Claims, Tolerance};
use crate::error::LabError;
use crate::experiment::{Experiment, Lab, Trial};
use crate::measure::time::timed;
use crate::record::{Axis, Plot, Record, Scale, Series, Shape, Source, Ticks};
use crate::unit::{Unit, binary, digits};
use std::collections::{HashMap, HashSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use tricolor::{Gc, GcCell, GcSlice, GcStr, Mu, Mutator, Root, Trace};

/// See the module.
pub(super) struct Words;

/// Documents that stay alive.
const WINDOW: usize = 48;
/// Words that are counted between two safepoints.
const BATCH: usize = 2048;
/// Bytes of text that are read at most.
const MOST: (u64, u64) = (6 << 20, 192 << 20);
/// A file larger than this is no text a person wrote.
const LARGEST: u64 = 4 << 20;
/// Buckets of an empty map.
const BUCKETS: usize = 16;

/// A word of a map, and the next of its bucket.
#[derive(Trace)]
struct Entry<'gc> {
    word: Gc<'gc, GcStr>,
    count: GcCell<u64>,
    next: GcCell<Option<Gc<'gc, Entry<'gc>>>>,
}

/// The buckets of a map.
type Buckets<'gc> = Gc<'gc, GcSlice<GcCell<Option<Gc<'gc, Entry<'gc>>>>>>;

/// A map from words to counts, which doubles when it is full.
#[derive(Trace)]
struct Map<'gc> {
    buckets: GcCell<Buckets<'gc>>,
    words: GcCell<usize>,
}

/// A byte of a trie: its children are a list.
#[derive(Trace)]
struct Branch<'gc> {
    byte: u8,
    count: GcCell<u64>,
    child: GcCell<Option<Gc<'gc, Branch<'gc>>>>,
    sibling: GcCell<Option<Gc<'gc, Branch<'gc>>>>,
}

/// A file.
#[derive(Trace)]
struct Document<'gc> {
    map: Gc<'gc, Map<'gc>>,
    trie: Gc<'gc, Branch<'gc>>,
}

/// FNV-1a, Fowler, Noll and Vo: short, and good enough for words.
fn hash(word: &str) -> usize {
    let bits = word.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |bits, byte| {
        (bits ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the low bits choose a bucket; this is a 64-bit program"
    )]
    let low = (bits ^ (bits >> 32)) as usize;
    low
}

impl<'gc> Map<'gc> {
    fn buckets(mu: &Mu<'gc>, count: usize) -> Buckets<'gc> {
        mu.alloc_slice(count, |_| GcCell::new(None))
    }

    fn new(mu: &Mu<'gc>) -> Gc<'gc, Self> {
        mu.alloc(Self { buckets: GcCell::new(Self::buckets(mu, BUCKETS)), words: GcCell::new(0) })
    }

    fn find(&self, word: &str) -> Option<Gc<'gc, Entry<'gc>>> {
        let buckets = self.buckets.get();
        let mut next = buckets[hash(word) & (buckets.len() - 1)].get();
        while let Some(entry) = next {
            if entry.word.as_str() == word {
                return Some(entry);
            }
            next = entry.next.get();
        }
        None
    }

    fn count(&self, mu: &Mu<'gc>, word: &str) {
        if let Some(entry) = self.find(word) {
            entry.count.set(mu, entry.count.get() + 1);
            return;
        }
        if self.words.get() == self.buckets.get().len() {
            self.double(mu);
        }
        let buckets = self.buckets.get();
        let bucket = &buckets[hash(word) & (buckets.len() - 1)];
        let entry = mu.alloc(Entry {
            word: mu.alloc_str(word),
            count: GcCell::new(1),
            next: GcCell::new(bucket.get()),
        });
        bucket.set(mu, Some(entry));
        self.words.set(mu, self.words.get() + 1);
    }

    fn double(&self, mu: &Mu<'gc>) {
        let old = self.buckets.get();
        let new = Self::buckets(mu, old.len() * 2);
        for bucket in old.iter() {
            let mut next = bucket.get();
            while let Some(entry) = next {
                next = entry.next.get();
                let home = &new[hash(entry.word.as_str()) & (new.len() - 1)];
                entry.next.set(mu, home.get());
                home.set(mu, Some(entry));
            }
        }
        self.buckets.set(mu, new);
    }
}

impl<'gc> Branch<'gc> {
    fn new(mu: &Mu<'gc>, byte: u8) -> Gc<'gc, Self> {
        mu.alloc(Self { byte, count: GcCell::new(0), child: GcCell::new(None), sibling: GcCell::new(None) })
    }

    fn child_with(&self, byte: u8) -> Option<Gc<'gc, Self>> {
        let mut next = self.child.get();
        while let Some(branch) = next {
            if branch.byte == byte {
                return Some(branch);
            }
            next = branch.sibling.get();
        }
        None
    }

    fn count(root: Gc<'gc, Self>, mu: &Mu<'gc>, word: &str) {
        let mut at = root;
        for byte in word.bytes() {
            at = at.child_with(byte).unwrap_or_else(|| {
                let new = Self::new(mu, byte);
                new.sibling.set(mu, at.child.get());
                at.child.set(mu, Some(new));
                new
            });
        }
        at.count.set(mu, at.count.get() + 1);
    }

    fn counted(root: Gc<'gc, Self>, word: &str) -> u64 {
        let mut at = Some(root);
        for byte in word.bytes() {
            at = at.and_then(|branch| branch.child_with(byte));
        }
        at.map_or(0, |branch| branch.count.get())
    }
}

fn words_of(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_alphanumeric() && character != '_')
        .filter(|word| !word.is_empty())
}

/// What standard collections say of a document.
type Plain<'a> = HashMap<&'a str, u64>;

fn counted(text: &str) -> Plain<'_> {
    let mut plain = Plain::new();
    for word in words_of(text) {
        *plain.entry(word).or_default() += 1;
    }
    plain
}

/// Objects that a map of these words has: itself, its buckets, and an entry and a string for each.
fn map_objects(words: usize) -> usize {
    2 + 2 * words
}

/// Objects that a document of these words has: itself, its map, and a branch for each prefix and the root.
fn document_objects(plain: &Plain<'_>) -> usize {
    let prefixes: HashSet<&[u8]> =
        plain.keys().flat_map(|word| (1..=word.len()).map(|end| &word.as_bytes()[..end])).collect();
    1 + map_objects(plain.len()) + 1 + prefixes.len()
}

/// Words whose counts in the heap differ from the plain ones, in the map or in the trie.
fn differing(mutator: &mut Mutator, document: &Root<Document<'static>>, plain: &Plain<'_>) -> u64 {
    mutator.enter(|mu| {
        let document = document.get(mu);
        let wrong = |(word, count): &(&&str, &u64)| {
            let in_map = document.map.find(word).map_or(0, |entry| entry.count.get());
            in_map != **count || Branch::counted(document.trie, word) != **count
        };
        let lost = document.map.words.get().abs_diff(plain.len()) as u64;
        lost + plain.iter().filter(wrong).count() as u64
    })
}

/// What the heap made of the text.
#[derive(Default)]
struct Outcome {
    differing: u64,
    distinct: u64,
    most_often: u64,
    samples: Vec<(f64, f64, f64)>,
}

/// Counts all texts in the heap, a window of documents alive, checking each document before it is dropped.
fn count_in_heap(trial: &Trial<'_>, mutator: &mut Mutator, texts: &[String], kept: &mut Kept) -> Outcome {
    let everything = mutator.enter(|mu| mu.root(Map::new(mu)));
    let mut window: VecDeque<(Root<Document<'static>>, usize)> = VecDeque::new();
    let mut outcome = Outcome::default();
    let mut read = 0;
    for (number, text) in texts.iter().enumerate() {
        trial.stage(format!("document {} of {}", number + 1, texts.len()));
        let document =
            mutator.enter(|mu| mu.root(mu.alloc(Document { map: Map::new(mu), trie: Branch::new(mu, 0) })));
        let words: Vec<&str> = words_of(text).collect();
        for batch in words.chunks(BATCH) {
            mutator.enter(|mu| {
                let (document, everything) = (document.get(mu), everything.get(mu));
                for word in batch {
                    document.map.count(mu, word);
                    Branch::count(document.trie, mu, word);
                    everything.count(mu, word);
                }
            });
        }
        window.push_back((document, number));
        if window.len() > WINDOW
            && let Some((oldest, number)) = window.pop_front()
        {
            outcome.differing += differing(mutator, &oldest, &counted(&texts[number]));
        }
        read += text.len();
        if number % (texts.len() / 40).max(1) == 0 {
            let figures = mutator.figures();
            let live = figures.last_cycle.map_or(0, |cycle| cycle.live.get());
            outcome.samples.push((read as f64, figures.memory.heap_alloc.get() as f64, live as f64));
        }
    }
    for (document, number) in &window {
        outcome.differing += differing(mutator, document, &counted(&texts[*number]));
    }
    mutator.enter(|mu| {
        let everything = everything.get(mu);
        outcome.distinct = everything.words.get() as u64;
        for bucket in everything.buckets.get().iter() {
            let mut next = bucket.get();
            while let Some(entry) = next {
                outcome.most_often = outcome.most_often.max(entry.count.get());
                next = entry.next.get();
            }
        }
    });
    kept.window = window.into_iter().map(|(document, _)| document).collect();
    kept.everything = Some(everything);
    outcome
}

/// What is still alive when the counting is done.
#[derive(Default)]
struct Kept {
    window: Vec<Root<Document<'static>>>,
    everything: Option<Root<Map<'static>>>,
}

/// Every text file below these directories, in the order of their paths, up to so many bytes; binary files, hidden
/// folders and build folders are passed over.
fn read_texts(folders: &[PathBuf], most: u64) -> Result<Vec<String>, LabError> {
    let mut files = Vec::new();
    let mut open: Vec<PathBuf> = folders.to_vec();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).map_err(LabError::io("read the directory", &folder))? {
            let entry = entry.map_err(LabError::io("read the directory", &folder))?;
            let name = entry.file_name();
            let hidden = name.as_encoded_bytes().starts_with(b".");
            // Symbolic links are neither: what they lead to is read where it lies.
            let kind = entry.file_type().map_err(LabError::io("look at", &entry.path()))?;
            if kind.is_dir() && !hidden && name != "target" {
                open.push(entry.path());
            } else if kind.is_file() && !hidden {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    let (mut texts, mut bytes) = (Vec::new(), 0);
    for path in files {
        let length = fs::metadata(&path).map_err(LabError::io("look at", &path))?.len();
        if length > LARGEST || bytes + length > most {
            continue;
        }
        let content = fs::read(&path).map_err(LabError::io("read", &path))?;
        if let Ok(text) = String::from_utf8(content)
            && words_of(&text).next().is_some()
        {
            bytes += length;
            texts.push(text);
        }
    }
    Ok(texts)
}

/// The sources that a developer has: this workspace's, and those that cargo has unpacked.
fn found_folders() -> Vec<PathBuf> {
    let workspace = std::env::current_dir().ok().and_then(|here| {
        here.ancestors().find(|folder| folder.join("Cargo.lock").is_file()).map(Path::to_owned)
    });
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
    let registry = home.map(|home| home.join("registry").join("src"));
    [workspace, registry].into_iter().flatten().filter(|folder| folder.is_dir()).collect()
}

impl Experiment for Words {
    fn id(&self) -> &'static str {
        "words"
    }

    fn title(&self) -> &'static str {
        "The words of real text"
    }

    fn question(&self) -> &'static str {
        "Do tries, maps and strings of real files survive in a heap that is collected under them, and nothing else?"
    }

    fn run(&self, lab: &Lab) -> Result<Record, LabError> {
        let chosen = &lab.options.input;
        let folders = if chosen.is_empty() { found_folders() } else { chosen.clone() };
        lab.progress.stage("reading");
        let texts = read_texts(&folders, lab.size(MOST.0, MOST.1))?;
        if texts.is_empty() {
            let shown: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
            return Err(LabError::Argument(format!(
                "no text file with a word in it was found under: {}; name a folder with --input DIR",
                if shown.is_empty() { String::from("(no folder)") } else { shown.join(", ") }
            )));
        }
        lab.progress.stage("counting with standard collections");
        let bytes: usize = texts.iter().map(String::len).sum();
        let mut plain = Plain::new();
        for word in texts.iter().flat_map(|text| words_of(text)) {
            *plain.entry(word).or_default() += 1;
        }
        let words: u64 = plain.values().sum();
        let window = &texts[texts.len().saturating_sub(WINDOW)..];
        let alive = map_objects(plain.len())
            + window.iter().map(|text| document_objects(&counted(text))).sum::<usize>();

        let mut claims = Claims::new();
        let differing = claims.predict(
            "words whose counts differ in a map or a trie",
            format!(
                "none, in any of {} documents, each checked before it is dropped",
                digits(texts.len() as f64)
            ),
            0.0,
            Unit::Count,
            Tolerance::Exact,
        );
        let distinct = claims.predict(
            "distinct words in the map of everything",
            "as many as a standard map finds",
            plain.len() as f64,
            Unit::Count,
            Tolerance::Exact,
        );
        let most_often = claims.predict(
            "count of the most frequent word",
            "as a standard map counts it",
            plain.values().copied().max().unwrap_or(0) as f64,
            Unit::Count,
            Tolerance::Exact,
        );
        let objects = claims.predict(
            "objects alive at the end",
            format!("a map of everything, and the last {} documents: entries, strings, and a branch for each prefix", window.len()),
            alive as f64,
            Unit::Objects,
            Tolerance::Exact,
        );
        let nothing = claims.predict(
            "objects alive when the roots are gone",
            "none",
            0.0,
            Unit::Objects,
            Tolerance::Exact,
        );
        let mut trial = lab.begin(self, claims)?;
        trial.method(
            "The text is counted by standard collections first, and the number of objects that must be alive at the end \
             follows from it. Then it is counted in a heap that may double between collections; collections fall into the \
             middle of documents too.",
        );

        let heap = trial.heap().gc_percent(100).build()?;
        let mut mutator = heap.attach()?;
        let mut kept = Kept::default();
        let (outcome, lap) = timed(|| count_in_heap(&trial, &mut mutator, &texts, &mut kept));
        let cycles = mutator.figures().cycles;
        mutator.collect();
        let at_end = mutator.figures().memory;
        drop(kept);
        mutator.collect();
        let gone = mutator.figures().memory;

        trial.judge(differing, outcome.differing as f64);
        trial.judge(distinct, outcome.distinct as f64);
        trial.judge(most_often, outcome.most_often as f64);
        trial.judge(objects, at_end.heap_objects as f64);
        trial.judge(nothing, gone.heap_objects as f64);
        let figures = mutator.figures();
        for (name, value) in [
            ("files", texts.len() as f64),
            ("bytes", bytes as f64),
            ("words", words as f64),
            ("distinct_words", plain.len() as f64),
            ("cycles", cycles as f64),
            ("wall_s", lap.wall.as_secs_f64()),
            ("cpu_s", lap.cpu.as_secs_f64()),
            ("mutator_cpu_s", lap.thread.as_secs_f64()),
            ("mark_cpu_s", figures.mark_cpu_total.as_secs_f64()),
            ("objects_made", gone.mallocs as f64),
            ("bytes_allocated", gone.total_alloc.get() as f64),
            ("heap_alloc_at_end", at_end.heap_alloc.get() as f64),
            ("heap_inuse_at_end", at_end.heap_inuse.get() as f64),
            ("fragmentation_at_end", at_end.fragmentation()),
        ] {
            trial.figure(name, value);
        }
        trial.plot(sawtooth(&outcome.samples));
        trial.finding(format!(
            "{} words of {} files ({}) went through the heap: {} objects were made, {} collections ran, and {} objects were \
             alive at the end.",
            digits(words as f64),
            digits(texts.len() as f64),
            binary(bytes as f64),
            digits(gone.mallocs as f64),
            digits(cycles as f64),
            digits(at_end.heap_objects as f64),
        ));
        trial.finish()
    }
}

fn sawtooth(samples: &[(f64, f64, f64)]) -> Plot {
    let series = |label: &str, of: fn(&(f64, f64, f64)) -> f64| Series {
        label: label.to_owned(),
        points: samples.iter().map(|sample| (sample.0, of(sample))).collect(),
        source: Source::Measured,
    };
    Plot {
        title: String::from("The heap while the text goes through it"),
        reading: String::from(
            "What lives grows with the vocabulary; the heap rises above it and falls back at each collection.",
        ),
        shape: Shape::Lines {
            x: Axis {
                label: String::from("bytes of text read"),
                scale: Scale::Linear,
                ticks: Ticks::Unit(Unit::Bytes),
            },
            y: Axis { label: String::from("bytes"), scale: Scale::Linear, ticks: Ticks::Unit(Unit::Bytes) },
            series: vec![
                series("allocated", |sample| sample.1),
                series("live at the last collection", |sample| sample.2),
            ],
        },
    }
}
