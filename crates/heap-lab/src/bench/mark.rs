//! The `mark` bench: forced full collections over a live shape.

use super::Outcome;
use crate::error::LabError;
use crate::measure::machine;
use crate::measure::resident::{peak, reset_peak};
use crate::measure::spread::Spread;
use crate::measure::time::{Stopwatch, millis, nanos};
use crate::shapes::{self, MarkShape};
use tricolor::HeapBuilder;

/// Seed of the random shapes: the same graph every time.
const SEED: u64 = 1;

/// How often the program goes along a list itself.
const WALKS: usize = 3;

/// Builds the shape, collects once to be rid of what building left, then times `cycles` collections.
pub(super) fn run(
    builder: &HeapBuilder,
    shape: MarkShape,
    count: usize,
    cycles: u32,
    args: Vec<String>,
) -> Result<Outcome, LabError> {
    machine::must_fit((count as u64).saturating_mul(shape.bytes()), "COUNT")?;
    let heap = builder.clone().gc_off().build()?;
    let mut mutator = heap.attach()?;
    let live = shapes::build(&mut mutator, shape, count, SEED);
    mutator.collect();
    // Building may have needed more than marking does; where the kernel refuses, the peak errs high.
    reset_peak();

    let (mut walls, mut marks) = (Vec::new(), Vec::new());
    let (mut objects, mut bytes) = (0, 0.0);
    let watch = Stopwatch::start();
    for _ in 0..cycles {
        let one = Stopwatch::start();
        mutator.collect();
        walls.push(millis(one.lap().wall));
        if let Some(cycle) = mutator.figures().last_cycle {
            marks.push(nanos(cycle.mark_cpu));
            (objects, bytes) = (cycle.live_objects, cycle.live.get() as f64);
        }
    }
    let lap = watch.lap();
    let walks = (0..WALKS).filter_map(|_| {
        let one = Stopwatch::start();
        let nodes = live.walk(&mut mutator)?;
        Some(nanos(one.lap().thread) / nodes.max(1) as f64)
    });
    let walks: Vec<f64> = walks.collect();
    let memory = mutator.figures().memory;
    drop(live);

    let median = |samples: Vec<f64>| Spread::of(samples).map(|spread| spread.median());
    let mark = median(marks);
    Ok(Outcome {
        bench: "mark",
        args,
        wall_s: lap.wall.as_secs_f64(),
        cpu_s: lap.cpu.as_secs_f64(),
        ns_per_op: None,
        cpu_ns_per_op: None,
        objects,
        cycles: u64::from(cycles),
        cycle_wall_ms: median(walls),
        mark_cpu_ns_per_object: mark.map(|nanos| nanos / objects.max(1) as f64),
        // Bytes in a nanosecond are gigabytes in a second.
        mark_mb_per_s: mark.filter(|nanos| *nanos > 0.0).map(|nanos| bytes / nanos * 1e3),
        walk_cpu_ns_per_object: median(walks),
        heap_inuse_bytes: Some(memory.heap_inuse.get()),
        heap_alloc_bytes: Some(memory.heap_alloc.get()),
        peak_rss_bytes: peak()?,
    })
}
