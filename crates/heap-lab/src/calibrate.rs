//! Calibration: what single steps of the heap take on this machine, for the simulator in [`crate::scale`].
//!
//! Marking, counting and sweeping are read in processor time, or as the shortest of several, so that whatever else runs on the
//! machine disturbs them little. Everything is measured in small heaps: what it says of large ones is then a prediction.

use crate::error::LabError;
use crate::measure::collector::last_cycle;
use crate::measure::time::{Stopwatch, nanos};
use crate::page_search::search;
use crate::scale::costs::{Costs, ShapeCosts};
use crate::shapes::{self, MarkShape};
use heap_core::stress::GREY_SPINS;
use heap_core::units::{PAGE_BYTES, Pages};
use std::hint::{black_box, spin_loop};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Barrier, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use tricolor::{Collector, Heap, HeapBuilder};

/// The shapes that are measured.
pub(crate) const SHAPES: [MarkShape; 5] =
    [MarkShape::Int3, MarkShape::Ptr3, MarkShape::Tree, MarkShape::List, MarkShape::Graph];
/// Bytes of a heap that is measured: more than the caches of a processor, less than any machine has.
pub(crate) const HEAP: u64 = 32 << 20;
/// Mutators of the two heaps whose rounds are compared.
const MUTATORS: (usize, usize) = (1, 65);
/// Seed of random shapes.
const SEED: u64 = 1;
/// Bytes that a mutator takes from the page heap at once.
const RUN: usize = 64 * PAGE_BYTES;

/// What one live heap cost, forced to collect several times. Of each the least: whatever disturbs, adds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Collected {
    /// Objects marked.
    pub(crate) objects: f64,
    /// Pages in use.
    pub(crate) pages: f64,
    /// Bytes of the heap's tables.
    pub(crate) metadata: f64,
    /// Processor time of marking, all workers.
    pub(crate) mark_cpu: f64,
    /// The same, of the worker that had most.
    pub(crate) busiest: f64,
    /// Marking by the clock.
    pub(crate) mark_wall: f64,
    /// Counting what survived, by the clock.
    pub(crate) count: f64,
    /// Everything but marking, processor time: counting and sweeping.
    pub(crate) others_cpu: f64,
}

/// Objects of a shape that fill about `bytes`.
pub(crate) fn count_of(shape: MarkShape, bytes: u64) -> usize {
    // Building a graph takes a list beside it.
    let each = if shape == MarkShape::Graph { 32 } else { shape.bytes() };
    usize::try_from(bytes / each).unwrap_or(usize::MAX)
}

/// Collects a live heap of a shape so often, with so many workers.
///
/// # Errors
/// When the heap cannot be built, or tells nothing of its cycles.
pub(crate) fn collected(
    builder: &HeapBuilder,
    shape: MarkShape,
    bytes: u64,
    workers: usize,
    cycles: usize,
) -> Result<Collected, LabError> {
    let heap = builder.clone().gc_off().workers(workers).collector(Collector::StopTheWorld).build()?;
    let mut mutator = heap.attach()?;
    let live = shapes::build(&mut mutator, shape, count_of(shape, bytes), SEED);
    // The first cycle also sweeps what building left, and starts the helpers.
    mutator.collect();
    let least = f64::INFINITY;
    let mut all = Collected {
        objects: 0.0,
        pages: 0.0,
        metadata: 0.0,
        mark_cpu: least,
        busiest: least,
        mark_wall: least,
        count: least,
        others_cpu: least,
    };
    for _ in 0..cycles {
        let watch = Stopwatch::start();
        mutator.collect();
        let lap = watch.lap();
        let cycle = last_cycle(mutator.figures())?;
        let mark = nanos(cycle.mark_cpu);
        let helped = nanos(cycle.helper_cpu);
        all.objects = cycle.live_objects as f64;
        all.mark_cpu = all.mark_cpu.min(mark);
        // With more than two workers the helpers' time is that of all of them.
        let helper = helped / (workers.max(2) - 1) as f64;
        all.busiest = all.busiest.min((mark - helped).max(helper));
        all.mark_wall = all.mark_wall.min(nanos(cycle.mark));
        all.count = all.count.min(nanos(cycle.pause.saturating_sub(cycle.mark + cycle.finish_sweep)));
        all.others_cpu = all.others_cpu.min(nanos(lap.cpu) - mark);
    }
    let accounting = heap.accounting();
    all.pages = accounting.in_use.get() as f64 / PAGE_BYTES as f64;
    all.metadata = accounting.metadata.get() as f64;
    drop(live);
    Ok(all)
}

/// Bytes that move between memory and processor for each object: what its layout says, and a mark of a byte each. Where objects lie
/// in the order of marking, the rest of a cache line serves the next; where they do not, a line is moved for each object and for each
/// mark that is looked at.
fn moved_bytes(shape: MarkShape) -> f64 {
    /// A cache line.
    const LINE: f64 = 64.0;
    if shape == MarkShape::Int3 {
        8.0 + 1.0
    } else if shape == MarkShape::Ptr3 {
        8.0 + 24.0 + 1.0
    } else if shape == MarkShape::Graph {
        LINE + 4.0 * LINE
    } else {
        // Trees and lists, in the order of allocation.
        16.0 + 1.0
    }
}

/// Costs by shape.
type ByShape = Vec<(&'static str, ShapeCosts)>;

/// The costs of all shapes, and bytes of tables for each byte in use.
fn shape_costs(
    builder: &HeapBuilder,
    stage: &dyn Fn(&str),
    cycles: usize,
) -> Result<(ByShape, f64), LabError> {
    let mut all = ByShape::new();
    let mut metadata = Vec::new();
    for shape in SHAPES {
        stage(shape.word());
        let one = collected(builder, shape, HEAP, 1, cycles)?;
        let each = one.mark_cpu / one.objects;
        // An object without references costs the word that leads to it, and no more.
        let word_ns = if shape == MarkShape::Int3 {
            each
        } else if shape == MarkShape::Ptr3 {
            all.first().map_or(0.0, |(_, int3)| int3.word_ns.min(each))
        } else {
            0.0
        };
        all.push((
            shape.word(),
            ShapeCosts {
                word_ns,
                object_ns: each - word_ns,
                moved_bytes: moved_bytes(shape),
                heap_bytes: one.pages * PAGE_BYTES as f64 / one.objects,
                count_ns_per_page: one.count / one.pages,
                sweep_ns_per_page: (one.others_cpu - one.count).max(0.0) / one.pages,
            },
        ));
        metadata.push(one.metadata / (one.pages * PAGE_BYTES as f64));
    }
    // Small objects have most.
    Ok((all, metadata.into_iter().fold(0.0, f64::max)))
}

/// All rounds of a cycle with so many mutators that are outside, each with a thread of its own; the least of several cycles.
///
/// # Errors
/// When the heap cannot be built.
pub(crate) fn rounds(builder: &HeapBuilder, mutators: usize, cycles: usize) -> Result<f64, LabError> {
    let heap: Heap = builder.clone().gc_off().collector(Collector::Concurrent).build()?;
    let mut own = heap.attach()?;
    let (here, done) = (Barrier::new(mutators), Barrier::new(mutators));
    let mut least = f64::INFINITY;
    thread::scope(|scope| {
        for _ in 1..mutators {
            scope.spawn(|| {
                let mutator = heap.attach();
                here.wait();
                done.wait();
                drop(mutator);
            });
        }
        here.wait();
        for _ in 0..cycles {
            own.collect();
            if let Some(cycle) = own.figures().last_cycle {
                least = least.min(cycle.rounds.iter().map(|round| nanos(round.wall)).sum());
            }
        }
        done.wait();
    });
    Ok(least)
}

/// Bytes a nanosecond that all processors together read from memory; the best of a few.
fn memory_bytes_per_ns() -> f64 {
    /// Words that each thread reads: 64 MiB.
    const WORDS: usize = 8 << 20;
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let (ready, best) = (Barrier::new(threads), Mutex::new(f64::INFINITY));
    let (turns, sum) = (4, AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let words = vec![1u64; WORDS];
                for _ in 0..turns {
                    ready.wait();
                    let begun = Instant::now();
                    let read = black_box(&words).iter().fold(0u64, |sum, word| sum.wrapping_add(*word));
                    sum.fetch_add(read, Ordering::Relaxed);
                    let took = nanos(begun.elapsed());
                    ready.wait();
                    let mut best = best.lock().unwrap_or_else(PoisonError::into_inner);
                    *best = best.min(took);
                }
            });
        }
    });
    let least = *best.lock().unwrap_or_else(PoisonError::into_inner);
    black_box(sum);
    (threads * WORDS * 8) as f64 / least
}

/// From waking a sleeping thread until it runs, and what waking costs who wakes: the lower quartiles of some dozens.
fn waking() -> (f64, f64) {
    const TIMES: usize = 40;
    let (turn, bell) = (Mutex::new(None::<Instant>), Condvar::new());
    let (is_over, mut calls) = (AtomicBool::new(false), Vec::new());
    let arrivals = thread::scope(|scope| {
        let sleeper = scope.spawn(|| {
            let mut arrivals = Vec::new();
            let mut called = turn.lock().unwrap_or_else(PoisonError::into_inner);
            while !is_over.load(Ordering::Acquire) {
                if let Some(called) = called.take() {
                    arrivals.push(nanos(called.elapsed()));
                }
                called = bell.wait(called).unwrap_or_else(PoisonError::into_inner);
            }
            arrivals
        });
        for _ in 0..TIMES {
            thread::sleep(Duration::from_micros(500));
            *turn.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            let begun = Instant::now();
            bell.notify_one();
            calls.push(nanos(begun.elapsed()));
        }
        thread::sleep(Duration::from_micros(500));
        is_over.store(true, Ordering::Release);
        {
            // So that the sleeper is not between looking and sleeping.
            let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        }
        bell.notify_one();
        sleeper.join().unwrap_or_default()
    });
    (quartile(arrivals), quartile(calls))
}

fn quartile(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 4).copied().unwrap_or(f64::NAN)
}

/// How long a worker looks about: so many looks at a counter; the least of a few.
fn looking() -> f64 {
    let counter = AtomicUsize::new(0);
    let looks = |_| {
        let begun = Instant::now();
        for _ in 0..GREY_SPINS {
            if black_box(&counter).load(Ordering::Relaxed) != 0 {
                break;
            }
            spin_loop();
        }
        nanos(begun.elapsed())
    };
    (0..9).map(looks).fold(f64::INFINITY, f64::min)
}

/// Putting a batch into a locked queue and taking it out again; the least of a few. All on one thread: it errs low by what it takes to
/// move the lines between two caches, which a machine that is busy with something else does not tell.
fn handover() -> f64 {
    const TIMES: usize = 1000;
    let queue = Mutex::new(Vec::<Vec<usize>>::new());
    let lock = || queue.lock().unwrap_or_else(PoisonError::into_inner);
    let turn = |_| {
        let begun = Instant::now();
        for index in 0..TIMES {
            lock().push(vec![index; 16]);
            black_box(lock().pop());
        }
        nanos(begun.elapsed()) / TIMES as f64
    };
    (0..9).map(turn).fold(f64::INFINITY, f64::min)
}

/// What a mutator does, in processor time, until it has used up the pages that it takes at once: objects of 64 bytes, collections
/// beside it not included.
fn between_pages(builder: &HeapBuilder) -> Result<f64, LabError> {
    const RUNS: usize = 128;
    let heap = builder.clone().gc_percent(100).build()?;
    let mut mutator = heap.attach()?;
    let mut fill = || {
        let watch = Stopwatch::start();
        for _ in 0..RUNS {
            mutator.enter(|mu| {
                for index in 0..RUN / 64 {
                    black_box(mu.alloc([index as u64; 8]));
                }
            });
        }
        nanos(watch.lap().thread) / RUNS as f64
    };
    Ok((0..3).map(|_| fill()).fold(f64::INFINITY, f64::min))
}

/// Sizes of address space in which a search is measured.
const SEARCHED: [u32; 4] = [30, 34, 38, 40];

/// What single steps take here. `stage` is told what is being measured.
///
/// # Errors
/// When a heap cannot be built, or the system refuses address space.
pub(crate) fn costs(builder: &HeapBuilder, cycles: usize, stage: &dyn Fn(&str)) -> Result<Costs, LabError> {
    let (shapes, metadata_per_byte) = shape_costs(builder, stage, cycles)?;
    stage("rounds");
    let (few, many) = (rounds(builder, MUTATORS.0, 30)?, rounds(builder, MUTATORS.1, 30)?);
    stage("memory, waking and searching");
    let (wake_ns, wake_call_ns) = waking();
    let page_search_ns = SEARCHED
        .into_iter()
        .map(|power| Ok(((1u64 << power) as f64, search(1 << power, Pages::new(64), 1000)?)))
        .collect::<Result<_, LabError>>()?;
    Ok(Costs {
        shapes,
        memory_bytes_per_ns: memory_bytes_per_ns(),
        wake_ns,
        wake_call_ns,
        look_ns: looking(),
        handover_ns: handover(),
        rounds_ns: few,
        rounds_ns_per_mutator: ((many - few) / (MUTATORS.1 - MUTATORS.0) as f64).max(0.0),
        metadata_per_byte,
        page_search_ns,
        between_pages_ns: between_pages(builder)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_takes_some_time_and_no_more_than_a_second() {
        let costs = costs(&Heap::builder(), 1, &|_| {}).expect("calibrated");
        for shape in SHAPES {
            let of = costs.of(shape).expect("measured");
            let each = of.ns_per_object();
            assert!((0.1..1e6).contains(&each), "{shape:?}: {of:?}");
            assert!(of.heap_bytes >= 16.0 && of.heap_bytes < 64.0, "{shape:?}: {of:?}");
            assert!(of.count_ns_per_page > 0.0 && of.sweep_ns_per_page >= 0.0, "{shape:?}: {of:?}");
        }
        for ns in [costs.wake_ns, costs.look_ns, costs.handover_ns, costs.rounds_ns, costs.between_pages_ns] {
            assert!(ns > 0.0 && ns < 1e9, "{costs:?}");
        }
        assert!(costs.memory_bytes_per_ns > 0.0 && costs.metadata_per_byte > 0.0, "{costs:?}");
        assert_eq!(costs.page_search_ns.len(), SEARCHED.len());
    }
}
