//! t18: the page tree. How a run of free pages is found without looking at every page.

mod profile;

use crate::claim::{Claims, Tolerance};
use crate::error::LabError;
use crate::experiment::{Experiment, Lab};
use crate::measure::time::timed;
use crate::page_search::{BATCHES, TABLES, fragmented, search};
use crate::record::{Axis, Plot, Record, Scale, Series, Shape, Source, Table, Ticks};
use crate::unit::{Unit, binary, digits};
use heap_core::os;
use heap_core::page::{CHUNK_PAGES, PageAlloc};
use heap_core::units::{PAGE_BYTES, PageIndex, Pages};
use std::hint::black_box;

/// See the module.
pub(super) struct PageTree;

/// Pages of the run that is searched for.
const WANTED: usize = 16;
/// Simulated heaps, as powers of two of bytes: 1 GiB to 16 TiB.
const HEAPS: std::ops::RangeInclusive<u32> = 30..=44;
/// Heaps in which a plain bitmap is scanned for comparison: larger ones only take longer.
const FLAT: std::ops::RangeInclusive<u32> = 30..=36;
/// How much longer a search may take in a heap 16,384 times as large. The root of the tree has an entry for each
/// 16 GiB, so 16 TiB adds a scan of 1024 words, of which a processor reads several in a nanosecond.
const FLAT_ENOUGH: f64 = 8.0;

/// The largest of them.
const LARGEST: usize = 1 << 44;
/// Levels of the tree, each of which has eight entries for one of the level above.
const LEVELS: usize = 5;

/// Bytes that an entry of a level speaks of.
fn entry_bytes(level: usize) -> usize {
    (CHUNK_PAGES.get() * PAGE_BYTES) << (3 * (LEVELS - 1 - level))
}

/// Nanoseconds of the same search by a scan over one bit a page, a word at a time.
fn scan(bytes: u64) -> f64 {
    let words = usize::try_from(bytes).unwrap_or(usize::MAX) / PAGE_BYTES / 64;
    let mut bitmap = vec![u64::MAX; words];
    bitmap[words - 1] = 0;
    let mut batches: Vec<f64> = (0..5)
        .map(|_| {
            let (found, lap) = timed(|| black_box(&bitmap).iter().position(|word| *word == 0));
            black_box(found);
            lap.wall_ns_per(1)
        })
        .collect();
    batches.sort_by(f64::total_cmp);
    batches[batches.len() / 2]
}

impl Experiment for PageTree {
    fn id(&self) -> &'static str {
        "t18"
    }

    fn title(&self) -> &'static str {
        "The page tree"
    }

    fn question(&self) -> &'static str {
        "How is a run of free pages found in a heap of any size without looking at every page?"
    }

    fn extension(&self) -> Option<&'static str> {
        Some("where the processor is while large objects are made")
    }

    fn krate(&self) -> &'static str {
        "heap-core"
    }

    fn run(&self, lab: &Lab) -> Result<Record, LabError> {
        let chunk = CHUNK_PAGES.get();
        let mut claims = Claims::new();
        let flat = claims.predict_time(
            "search at 16 TiB over search at 1 GiB",
            "root entries 16 TiB / 16 GiB = 1024, then 4 levels of 8: about as long as a few cache misses, not 16,384 ×",
            FLAT_ENOUGH,
            Unit::Times,
            Tolerance::AtMost,
        );
        let linear = claims.predict_time(
            "scan of a plain bitmap at 64 GiB over 1 GiB",
            "one bit a page: time in proportion to the heap, 64 GiB / 1 GiB; a quarter of that at least, since the larger bitmap is read ahead",
            16.0,
            Unit::Times,
            Tolerance::AtLeast,
        );
        // Every level has a summary of 8 bytes for each of its entries, and the lowest level an entry for each chunk.
        let entries: usize = (0..LEVELS).map(|level| LARGEST / entry_bytes(level)).sum();
        let os_page = os::host().os_page();
        let tree_bytes = claims.predict(
            "bytes of the tree's table, 16 TiB of address space",
            format!(
                "{LEVELS} levels of 8 bytes an entry, from one for each chunk of {} to one for {}, in whole pages of the system",
                binary(entry_bytes(LEVELS - 1) as f64),
                binary(entry_bytes(0) as f64)
            ),
            (entries * size_of::<u64>()).next_multiple_of(os_page.get()) as f64,
            Unit::Bytes,
            Tolerance::Exact,
        );
        let straddle = claims.predict(
            "first page of a run of 16 that straddles two chunks",
            "first fit by address: 8 pages before the edge of chunks 1 and 2, although chunk 3 alone would do",
            (2 * chunk - 8) as f64,
            Unit::Pages,
            Tolerance::Exact,
        );
        let fresh = claims.predict(
            "pages of a fresh run that the system must back",
            "fresh memory is with the system: all of them",
            WANTED as f64,
            Unit::Pages,
            Tolerance::Exact,
        );
        let again = claims.predict(
            "pages of the same run, given back and taken again, that the system must back",
            "given back is not given to the system: none of them",
            0.0,
            Unit::Pages,
            Tolerance::Exact,
        );
        let share = lab.extension(&mut claims, profile::claim);
        let mut trial = lab.begin(self, claims)?;
        trial.method(format!(
            "A page allocator over a simulated heap (tables only, no memory behind the pages): 63 chunks with gaps of \
             one page, evenly spread, and a free chunk at the very end, so that a search for 16 pages must pass \
             everything. The chunks between were never grown; their summaries say nothing is free, as those of full \
             chunks do. The least of {BATCHES} batches in each of {TABLES} allocators is shown, in processor time, taking and giving back \
             included; a scan is the median of a few, by the clock.",
        ));

        let rounds = lab.size(2_000, 20_000);
        let mut tree = Vec::new();
        for power in HEAPS {
            let bytes = 1u64 << power;
            trial.stage(format!("searching a heap of {}", binary(bytes as f64)));
            let nanos = search(bytes, Pages::new(WANTED), rounds)?;
            trial.figure(format!("search_ns_{}", binary(bytes as f64).replace(' ', "_")), nanos);
            tree.push((bytes as f64, nanos));
        }
        let mut plain = Vec::new();
        for power in FLAT {
            let bytes = 1u64 << power;
            trial.stage(format!("scanning a bitmap of {}", binary(bytes as f64)));
            let nanos = scan(bytes);
            trial.figure(format!("bitmap_scan_ns_{}", binary(bytes as f64).replace(' ', "_")), nanos);
            plain.push((bytes as f64, nanos));
        }
        let growth = |points: &[(f64, f64)]| points[points.len() - 1].1 / points[0].1;
        trial.judge(flat, growth(&tree));
        trial.judge(linear, growth(&plain));

        let [tree_table, ..] = fragmented(LARGEST as u64)?.tables(os_page);
        trial.judge(tree_bytes, tree_table.mapping.len.get() as f64);
        let mut pages = fragmented(1 << 30)?;
        let lowest = straddling_run(&mut pages)?;
        trial.judge(straddle, lowest.get() as f64);
        let (first, second) = taken_twice()?;
        trial.judge(fresh, first.get() as f64);
        trial.judge(again, second.get() as f64);

        trial.table(levels());
        if let Some(share) = share {
            profile::judge(&mut trial, share)?;
        }
        trial.plot(Plot {
            title: String::from("Finding a run of 16 pages at the far end"),
            reading: String::from(
                "A plain bitmap is scanned in proportion to the heap; the tree hardly notices its size.",
            ),
            shape: Shape::Lines {
                x: Axis {
                    label: String::from("simulated heap"),
                    scale: Scale::Log,
                    ticks: Ticks::Unit(Unit::Bytes),
                },
                y: Axis {
                    label: String::from("one search"),
                    scale: Scale::Log,
                    ticks: Ticks::Unit(Unit::Nanos),
                },
                series: vec![
                    Series { label: String::from("page tree"), points: tree, source: Source::Measured },
                    Series {
                        label: String::from("plain bitmap, scanned"),
                        points: plain,
                        source: Source::Measured,
                    },
                ],
            },
        });
        for text in FINDINGS {
            trial.finding(*text);
        }
        trial.finish()
    }
}

/// What the search gives when the lowest run long enough lies across the edge between two chunks, and a chunk
/// further on has one inside.
fn straddling_run(pages: &mut PageAlloc) -> Result<PageIndex, LabError> {
    let chunk = CHUNK_PAGES.get();
    let absent = || LabError::Measure(String::from("a run that was made free was not found"));
    // The heap's chunks 0, 4, 8 … are grown, full but for gaps; grow 1 to 3 and fill them but for the two runs.
    let base = PageIndex::new(chunk);
    pages.grow(base, Pages::new(3 * chunk));
    let all = pages.take(Pages::new(3 * chunk)).ok_or_else(absent)?;
    pages.give_back(all.base.plus(Pages::new(chunk - 8)), Pages::new(16));
    pages.give_back(all.base.plus(Pages::new(2 * chunk + 100)), Pages::new(16));
    pages.take(Pages::new(16)).map(|run| run.base).ok_or_else(absent)
}

/// What a fresh run uncovers, and what the same run uncovers after it was given back.
fn taken_twice() -> Result<(Pages, Pages), LabError> {
    let refused = |error: os::OsError| LabError::Heap(format!("no page tree for one chunk: {error}"));
    let absent = || LabError::Measure(String::from("an empty chunk has no run"));
    let mut pages = PageAlloc::new(&os::host(), CHUNK_PAGES).map_err(refused)?;
    pages.grow(PageIndex::new(0), CHUNK_PAGES);
    let first = pages.take(Pages::new(WANTED)).ok_or_else(absent)?;
    pages.give_back(first.base, first.pages);
    let second = pages.take(Pages::new(WANTED)).ok_or_else(absent)?;
    Ok((first.uncovered, second.uncovered))
}

/// The levels of the tree, from the arithmetic of the module [`heap_core::page`].
fn levels() -> Table {
    let mut table = Table::new(
        "Levels of the tree: every entry holds the free run at its start, the longest anywhere in it, and the one at its end",
        ["level", "an entry speaks of", "pages", "entries for 16 TiB"],
    );
    for level in 0..LEVELS {
        let bytes = entry_bytes(level);
        let name = match level {
            0 => "0, root",
            4 => "4, chunks",
            1 => "1",
            2 => "2",
            _ => "3",
        };
        table.row([
            String::from(name),
            binary(bytes as f64),
            digits((bytes / PAGE_BYTES) as f64),
            digits((LARGEST / bytes) as f64),
        ]);
    }
    table
}

const FINDINGS: &[&str] = &[
    "Nothing of Go's is measured beside this: a Go program cannot call its page allocator, nor give it address space without memory.",
    "The tree has five levels over chunks of 512 pages (4 MiB), and only the four lower levels branch by eight. Go's \
     root is a flat array of 2^14 entries of 16 GiB each, 256 TiB in all; ours is as long as the reservation needs. \
     It is often told as 128 GiB an entry and 1 TiB or 4 PiB in all: neither is so (Go 1.27, runtime/mpagealloc.go).",
    "A plain bitmap would not be large: 100 GiB of heap are 1.6 MB of bits, not 1.6 GB. What the tree saves is the \
     time to look at them.",
    "The middle number of a summary is the longest free run anywhere in the region, its ends included; not the \
     longest run in the middle.",
    "The search does not simply enter the leftmost child with a long enough run. A run that straddles two children \
     and comes first is taken first, at any level, without looking at a bitmap at all.",
    "What has been given back to the system is not in the tree. It is a second bitmap in each chunk; taking pages \
     reports how many of them were uncovered, so that the caller can pay for them.",
];
