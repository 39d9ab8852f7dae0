//! Churn under a memory limit.

use super::table::Table;
use super::{SEED, Shape, Wish, args, waits};
use crate::error::LabError;
use crate::measure::resident::resident;
use crate::measure::scav_line;
use crate::measure::time::Stopwatch;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};
use tricolor::{Event, Heap, HeapBuilder, MemoryLimit};

/// The limit over what lives, in percent.
const KEPT: u64 = 120;
/// The same for one that cannot be kept.
const BELOW: u64 = 80;
/// Between two looks at resident memory. Each costs up to a millisecond of a GiB.
const LOOK: Duration = Duration::from_millis(50);

/// The table's live bytes, by filling one in a heap of its own.
fn live_bytes(builder: &HeapBuilder, wish: &Wish) -> Result<u64, LabError> {
    let heap = builder.build()?;
    let mut mutator = heap.attach()?;
    let _table = Table::fill(&mut mutator, wish.live, SEED);
    mutator.collect();
    Ok(heap.figures().memory.heap_alloc.get() as u64)
}

/// Looks at resident memory until it is told to stop; the most there was.
fn watch(stop: &AtomicBool) -> Result<u64, LabError> {
    let mut most = 0;
    while !stop.load(Relaxed) {
        most = most.max(resident()?);
        thread::sleep(LOOK);
    }
    Ok(most)
}

fn held(heap: &Heap) -> u64 {
    let memory = heap.figures().memory;
    (memory.sys - memory.heap_released).get() as u64
}

pub(super) fn churn(builder: &HeapBuilder, wish: &Wish) -> Result<Value, LabError> {
    let live = live_bytes(builder, wish)?;
    let percent = if wish.shape == Shape::Below { BELOW } else { KEPT };
    let limit = live / 100 * percent;
    let told = Arc::new(AtomicU64::new(0));
    let theirs = Arc::clone(&told);
    let limited =
        builder.clone().memory_limit(MemoryLimit::Bytes(usize::try_from(limit).unwrap_or(usize::MAX)));
    let rss_before = resident()?;
    let heap = scav_line::watched(limited, move |event| {
        theirs.fetch_add(u64::from(matches!(event, Event::LimitBelowLive { .. })), Relaxed);
    })
    .build()?;
    let mut mutator = heap.attach()?;
    let mut table = Table::fill(&mut mutator, wish.live, SEED);
    let stop = AtomicBool::new(false);
    let before = heap.figures();
    let clock = Stopwatch::start();
    let begun = Instant::now();
    let (mut replaced, mut most_held, mut longest) = (0_u64, 0, Duration::ZERO);
    let most_rss = thread::scope(|scope| {
        let watcher = scope.spawn(|| watch(&stop));
        let (mut last, mut looked) = (begun, begun);
        while last - begun < wish.time {
            replaced += table.replace(&mut mutator) as u64;
            let now = Instant::now();
            longest = longest.max(now - last);
            last = now;
            if now - looked > LOOK {
                most_held = most_held.max(held(&heap));
                looked = now;
                last = Instant::now();
            }
        }
        stop.store(true, Relaxed);
        watcher.join().map_err(|_| LabError::Measure(String::from("the watching thread panicked")))?
    })?;
    let lap = clock.lap();
    let after = heap.figures();
    let gc = (after.mark_cpu_total + after.assist_cpu_total)
        .saturating_sub(before.mark_cpu_total + before.assist_cpu_total);
    let processors = thread::available_parallelism().map_or(1, core::num::NonZero::get);
    let of_limit = |bytes: u64| bytes as f64 / limit as f64;
    Ok(json!({
        "bench": "scav",
        "args": args(wish),
        "wall_s": lap.wall.as_secs_f64(),
        "cpu_s": lap.cpu.as_secs_f64(),
        "objects": after.memory.heap_objects,
        "cycles": after.cycles - before.cycles,
        "live_bytes": live,
        "limit_bytes": limit,
        "replaced_per_s": replaced as f64 / lap.wall.as_secs_f64(),
        "longest_batch_us": super::us(longest),
        "gc_cpu_percent_of_all_processors": gc.as_secs_f64() / (lap.wall.as_secs_f64() * processors as f64) * 100.0,
        "gc_cpu_percent_of_used": gc.as_secs_f64() / lap.cpu.as_secs_f64() * 100.0,
        "limit_below_live_told": told.load(Relaxed),
        "held_of_limit": of_limit(most_held),
        "rss_of_limit": of_limit(most_rss.saturating_sub(rss_before)),
        "rss_before_bytes": rss_before,
        "peak_rss_bytes": most_rss,
        "background_bytes": after.scavenge.background.get(),
        "background_cpu_percent_of_one_processor":
            after.scavenge.background_cpu.as_secs_f64() / lap.wall.as_secs_f64() * 100.0,
        "assisted_bytes": after.scavenge.assisted.get(),
        "assists": waits(&after.scavenge.assists),
        "waits": waits(&after.scavenge.waits),
    }))
}
