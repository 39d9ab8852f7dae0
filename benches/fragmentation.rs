//! What it costs to ask a heap how full its spans are, at 1 and at 10 GiB of spans; and what a walk over all spans would cost.
//!
//!     cargo bench --bench fragmentation
//!
//! The spans are real and nearly all of the memory behind them is never touched: nothing is written into the objects, so
//! 10 GiB of heap take some hundred MiB of tables. Every span of every small class is filled, then a cycle reaches one object in each
//! and everything is swept: the worst a program can do to a heap. [`READS`] snapshots, one by one, while nothing else runs,
//! and while a thread allocates and sweeps.

use heap_core::cache::Cache;
use heap_core::layout::{LayoutId, TypeMask, fixed_id};
use heap_core::memory::{Empties, Memory, MemoryOptions};
use heap_core::os::host;
use heap_core::size_class::SizeClass;
use heap_core::units::Bytes;
use heap_core::verify::each_span;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

const SIZES: [Bytes; 2] = [Bytes::gib(1), Bytes::gib(10)];
const READS: usize = 20_000;

fn memory() -> Memory {
    let space = Bytes::gib(32);
    let options = MemoryOptions {
        reservation: space,
        least_reservation: space,
        hard_limit: Bytes::new(usize::MAX),
        poison: None,
        decoder: None,
        shards: 1,
    };
    // SAFETY: one thread at a time uses each cache, everything stays in this program, cycles come after sweeping, and no
    // object has references, so that what nobody initialised is whole.
    unsafe { Memory::new(&host(), &options) }.expect("address space")
}

fn layouts() -> Vec<LayoutId> {
    SizeClass::small().filter_map(|class| fixed_id(class, &TypeMask::noscan(class.size().get()))).collect()
}

/// Fills spans of all classes in turn, without a look at the objects.
fn fill(memory: &Memory, cache: &Cache, size: Bytes) {
    let layouts = layouts();
    'all: loop {
        for id in &layouts {
            cache.refill(memory, *id).expect("there is room");
            if memory.pages().counters().inuse.load(Relaxed) >= size.get() {
                break 'all;
            }
        }
    }
}

/// A cycle that reaches the first object of each span, and nothing else.
fn thin(memory: &Memory, cache: &Cache) {
    memory.finish_sweep(Empties::Free);
    cache.flush(memory);
    memory.begin_cycle();
    each_span(memory, |_, span| memory.map().mark_of(span, 0).set(memory.epoch().byte()));
    memory.end_marking();
    memory.finish_sweep(Empties::Free);
}

/// Times of one snapshot, sorted.
fn read(memory: &Memory) -> Vec<Duration> {
    let mut times: Vec<Duration> = (0..READS)
        .map(|_| {
            let start = Instant::now();
            black_box(memory.fragmentation());
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times
}

fn show(what: &str, times: &[Duration]) {
    let at = |per_mille: usize| times[(times.len() * per_mille / 1000).min(times.len() - 1)];
    println!("  {what}: p50 {:?}, p99 {:?}, worst {:?}", at(500), at(990), at(1000));
}

fn main() {
    for size in SIZES {
        let (memory, cache) = (memory(), Cache::new());
        let start = Instant::now();
        fill(&memory, &cache, size);
        let filled = start.elapsed();
        let start = Instant::now();
        thin(&memory, &cache);
        let now = memory.fragmentation();
        println!(
            "{size}: {} spans of {} layouts, {} with one object, {:.0} bytes kept for each byte of an object \
             (filled in {filled:.2?}, marked and swept in {:.2?}; {} of tables)",
            now.total.spans,
            now.layouts.len(),
            now.total.lone,
            now.total.ratio(),
            start.elapsed(),
            memory.accounting().metadata,
        );
        now.check(memory.accounting().in_use).expect("the figures add up");
        show("a snapshot", &read(&memory));
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let (busy, layouts) = (Cache::new(), layouts());
                while !stop.load(Relaxed) {
                    for id in &layouts {
                        busy.refill(&memory, *id).expect("there is room");
                    }
                    busy.flush(&memory);
                }
            });
            show("while a thread allocates", &read(&memory));
            stop.store(true, Relaxed);
        });
        let start = Instant::now();
        let mut allocated = 0_u64;
        each_span(&memory, |_, span| allocated += u64::from(span.allocated()));
        black_box(allocated);
        println!("  a walk over all spans: {:?}", start.elapsed());
    }
}
