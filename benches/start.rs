//! What a heap costs before it is used: the time to build one and allocate its first object, and the memory it keeps
//! resident. 200 heaps are built and kept; the median of the times and the mean of the growth are printed.

use std::time::{Duration, Instant};
use tricolor::{Heap, Root};

const HEAPS: usize = 200;

/// Resident memory of this process in bytes; `None` where the system does not say.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? << 10)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut kept = Vec::with_capacity(HEAPS);
    let mut times: Vec<Duration> = Vec::with_capacity(HEAPS);
    let before = resident();
    for number in 0..HEAPS as u64 {
        let start = Instant::now();
        let heap = Heap::builder().build()?;
        let mut mutator = heap.attach()?;
        let first: Root<u64> = mutator.enter(|mu| mu.root(mu.alloc(number)));
        times.push(start.elapsed());
        kept.push((first, mutator, heap));
    }
    times.sort_unstable();
    println!("start and first allocation: {:?} (median of {HEAPS})", times[HEAPS / 2]);
    match (before, resident()) {
        (Some(before), Some(after)) => {
            println!(
                "resident: {} KiB for each idle heap",
                (after.saturating_sub(before) / HEAPS as u64) >> 10
            );
        }
        _ => println!("resident: SKIPPED, this system has no /proc/self/status"),
    }
    Ok(())
}
