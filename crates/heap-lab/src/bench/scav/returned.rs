//! What goes back when nearly all of a heap was dropped: by itself, and on demand.

use super::table::Table;
use super::{SEED, Shape, Wish, args, waits};
use crate::error::LabError;
use crate::measure::resident::{peak, resident};
use crate::measure::time::{Stopwatch, millis};
use serde_json::{Value, json};
use std::thread;
use std::time::{Duration, Instant};
use tricolor::{Figures, Heap, HeapBuilder};

/// When it is said what went back so far, beside the end.
const LOOKS: [u64; 3] = [1, 2, 5];
/// Garbage is made for a cycle for so long at most.
const PATIENCE: Duration = Duration::from_secs(60);

/// Bytes of free pages that are with the process.
fn free(figures: &Figures) -> usize {
    let memory = &figures.memory;
    memory.heap_idle.get().saturating_sub(memory.heap_released.get())
}

/// The part of what was free that is with the system now, in percent. What is swept meanwhile becomes free meanwhile, and
/// counts.
fn percent(returned: usize, figures: &Figures) -> f64 {
    let all = returned + free(figures);
    if all == 0 { 0.0 } else { returned as f64 / all as f64 * 100.0 }
}

/// A heap that was full, and nearly all of whose content was dropped; and its mutator is gone.
fn emptied(builder: &HeapBuilder, wish: &Wish) -> Result<(Heap, Figures, u64), LabError> {
    let heap = builder.build()?;
    let mut mutator = heap.attach()?;
    let mut table = Table::fill(&mut mutator, wish.live, SEED);
    mutator.collect();
    let full = heap.figures();
    let resident = resident()?;
    if wish.shape == Shape::Idle {
        // One place is left of it, which wastes.
        let mut waster = Table::fill(&mut mutator, 1, SEED);
        drop(table);
        let (begun, before) = (Instant::now(), heap.figures().cycles);
        while heap.figures().cycles == before {
            if begun.elapsed() > PATIENCE {
                return Err(LabError::Measure(String::from("the heap had no cycle of its own")));
            }
            waster.waste(&mut mutator);
        }
    } else {
        table.replace(&mut mutator);
        drop(table);
        mutator.collect();
    }
    Ok((heap, full, resident))
}

/// By itself.
pub(super) fn in_the_background(builder: &HeapBuilder, wish: &Wish) -> Result<Value, LabError> {
    let rss_before = resident()?;
    let (heap, full, rss_full) = emptied(builder, wish)?;
    let watch = Stopwatch::start();
    let begun = Instant::now();
    let mut looks = Vec::new();
    let ends = LOOKS.map(Duration::from_secs).into_iter().filter(|look| *look < wish.time);
    for end in ends.chain([wish.time]) {
        thread::sleep(end.saturating_sub(begun.elapsed()));
        let figures = heap.figures();
        looks.push((end.as_secs_f64(), percent(figures.scavenge.background.get(), &figures)));
    }
    let lap = watch.lap();
    let after = heap.figures();
    let cpu = after.scavenge.background_cpu.as_secs_f64() / lap.wall.as_secs_f64() * 100.0;
    Ok(json!({
        "bench": "scav",
        "args": args(wish),
        "wall_s": lap.wall.as_secs_f64(),
        "cpu_s": lap.cpu.as_secs_f64(),
        "objects": full.memory.heap_objects,
        "cycles": after.cycles,
        "live_bytes": full.memory.heap_alloc.get(),
        "returned_bytes": after.scavenge.background.get(),
        "free_bytes": free(&after),
        "returned_percent": percent(after.scavenge.background.get(), &after),
        "returned_percent_at_s": looks,
        "cpu_percent_of_one_processor": cpu,
        "us_of_cpu_per_mib": after.scavenge.background_cpu.as_secs_f64() * 1e6
            / (after.scavenge.background.get() as f64 / f64::from(1 << 20)),
        "calls": after.scavenge.calls,
        "rss_before_bytes": rss_before,
        "rss_full_bytes": rss_full,
        "peak_rss_bytes": peak()?,
        "rss_bytes": resident()?,
        "retained_bytes": (after.memory.heap_sys - after.memory.heap_released).get(),
    }))
}

/// On demand.
pub(super) fn on_demand(builder: &HeapBuilder, wish: &Wish) -> Result<Value, LabError> {
    let rss_before = resident()?;
    let (heap, full, rss_full) = emptied(&builder.clone().scavenge(tricolor::Scavenge::OnRequest), wish)?;
    let rss_free = resident()?;
    let before = heap.figures();
    let watch = Stopwatch::start();
    let returned = heap.release_free_memory();
    let lap = watch.lap();
    let after = heap.figures();
    let gib = free(&before) as f64 / f64::from(1 << 30);
    Ok(json!({
        "bench": "scav",
        "args": args(wish),
        "wall_s": lap.wall.as_secs_f64(),
        "cpu_s": lap.cpu.as_secs_f64(),
        "objects": full.memory.heap_objects,
        "cycles": after.cycles,
        "live_bytes": full.memory.heap_alloc.get(),
        "returned_bytes": returned,
        "free_bytes": free(&after),
        "returned_percent": percent(returned, &after),
        "ms_per_gib": millis(lap.wall) / gib,
        "calls": after.scavenge.calls,
        "waits": waits(&after.scavenge.waits),
        "rss_before_bytes": rss_before,
        "rss_full_bytes": rss_full,
        "peak_rss_bytes": peak()?,
        "rss_free_bytes": rss_free,
        "rss_bytes": resident()?,
    }))
}
