//! Promise: what a program has dropped leaves the process by itself. In a process of its own: what is resident is the process's.

use std::time::{Duration, Instant};
use tricolor::core::units::Bytes;
use tricolor::{Gc, GcSlice, Heap, Root};

const SIZE: usize = 192 << 20;

/// Resident memory of this process in bytes; `None` where the system does not say.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<usize>().ok()? << 10)
}

/// Waits until `is_so`, at most 60 seconds, and says whether it came to be.
fn comes_true(mut is_so: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(60) {
        if is_so() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}

#[test]
fn what_is_dropped_leaves_the_process_by_itself() {
    let Some(before) = resident() else { return };
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    let kept: Root<GcSlice<Gc<'static, [u64; 128]>>> =
        mutator.enter(|mu| mu.root(mu.alloc_slice(SIZE / 1024, |at| mu.alloc([at as u64; 128]))));
    mutator.collect();
    let full = resident().unwrap().saturating_sub(before);
    assert!(full >= SIZE, "{full} bytes are resident");
    drop(kept);
    mutator.collect();
    drop(mutator);
    let left = || resident().unwrap().saturating_sub(before);
    assert!(comes_true(|| left() <= SIZE * 15 / 100), "{} bytes are resident yet", left());
    let figures = heap.figures();
    let scavenge = figures.scavenge;
    assert!(scavenge.has_thread && scavenge.background.get() >= SIZE * 85 / 100, "{scavenge:?}");
    assert_eq!((scavenge.on_request, scavenge.refused), (Bytes::ZERO, 0));
    // And RSS is explained: by what the heap holds, its tables, and the rest of the process, which is a few MiB.
    let held = (figures.memory.sys - figures.memory.heap_released).get();
    assert!(left() <= held + (16 << 20), "{} resident, {held} held", left());
    assert_eq!(heap.verify(), []);
}
