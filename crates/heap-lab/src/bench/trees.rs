//! The `trees` bench: the binary trees of the benchmarks game.
//!
//! A stretch tree of depth + 1 is built and dropped, a long-lived one of `depth` is kept, and then, for each second
//! depth from 4 up, 2^(depth − d + 4) trees of depth d are built, counted and dropped. With several threads each
//! takes its share of every depth, through a mutator of its own. An operation is a node.

use super::Outcome;
use crate::error::LabError;
use crate::measure::machine;
use crate::measure::resident::peak;
use crate::measure::time::Stopwatch;
use crate::shapes::Tree;
use std::thread;
use tricolor::{Gc, Heap, HeapBuilder, Mu, Mutator};

/// Depth of the smallest trees.
const MIN_DEPTH: u32 = 4;

/// Nodes of a full tree of this depth: a single node has depth 0.
fn nodes(depth: u32) -> u64 {
    (2 << depth) - 1
}

fn full<'gc>(mu: &Mu<'gc>, depth: u32) -> Gc<'gc, Tree<'gc>> {
    let child = |mu: &Mu<'gc>| depth.checked_sub(1).map(|below| full(mu, below));
    let left = child(mu);
    let right = child(mu);
    mu.alloc(Tree { left, right })
}

fn count(tree: Gc<'_, Tree<'_>>) -> u64 {
    1 + tree.left.map_or(0, count) + tree.right.map_or(0, count)
}

/// Builds and counts so many trees of one depth, leaving the heap whenever a collection is due.
fn build_and_count(mutator: &mut Mutator, depth: u32, trees: u64) -> u64 {
    let (mut built, mut found) = (0, 0);
    while built < trees {
        mutator.enter(|mu| {
            while built < trees {
                found += count(full(mu, depth));
                built += 1;
                if mu.should_yield() {
                    break;
                }
            }
        });
    }
    found
}

/// This thread's share of every depth: how many nodes it counted, and how many it should have.
fn share(mutator: &mut Mutator, max: u32, thread: u64, threads: u64) -> (u64, u64) {
    let (mut found, mut expected) = (0, 0);
    for depth in (MIN_DEPTH..=max).step_by(2) {
        let all = 1u64 << (max - depth + MIN_DEPTH);
        let mine = (all + thread) / threads;
        found += build_and_count(mutator, depth, mine);
        expected += mine * nodes(depth);
    }
    (found, expected)
}

fn helper(heap: &Heap, max: u32, thread: u64, threads: u64) -> Result<(u64, u64), LabError> {
    let mut mutator = heap.attach()?;
    Ok(share(&mut mutator, max, thread, threads))
}

pub(super) fn run(
    builder: &HeapBuilder,
    depth: u32,
    threads: usize,
    args: Vec<String>,
) -> Result<Outcome, LabError> {
    let max = depth.max(MIN_DEPTH + 2);
    // The stretch tree and the long-lived one, and as much again between collections.
    machine::must_fit(nodes(max + 2) * 16 * 2, "DEPTH")?;
    let heap = builder.build()?;
    let mut mutator = heap.attach()?;
    let before = heap.figures();
    let watch = Stopwatch::start();

    let stretched = mutator.enter(|mu| count(full(mu, max + 1)));
    let long_lived = mutator.enter(|mu| mu.root(full(mu, max)));
    let threads = threads as u64;
    let (mut found, mut expected) = (stretched, nodes(max + 1));
    let shares = thread::scope(|scope| {
        let heap = &heap;
        let helpers: Vec<_> =
            (1..threads).map(|thread| scope.spawn(move || helper(heap, max, thread, threads))).collect();
        let mine = share(&mut mutator, max, 0, threads);
        let panicked = |_| LabError::Heap(String::from("a mutator thread panicked"));
        let mut shares = vec![Ok(mine)];
        // A thread that waits is parked, so that a collection of the others need not wait for it.
        mutator.park(|| {
            shares.extend(
                helpers.into_iter().map(|helper| helper.join().map_err(panicked).and_then(|share| share)),
            );
        });
        shares
    });
    for one in shares {
        let (counted, built) = one?;
        found += counted;
        expected += built;
    }
    found += mutator.enter(|mu| count(long_lived.get(mu)));
    expected += nodes(max);

    let lap = watch.lap();
    let after = heap.figures();
    if found != expected {
        return Err(LabError::Measure(format!("{found} nodes were counted, {expected} were built")));
    }
    Ok(Outcome {
        bench: "trees",
        args,
        wall_s: lap.wall.as_secs_f64(),
        cpu_s: lap.cpu.as_secs_f64(),
        ns_per_op: Some(lap.wall_ns_per(expected)),
        cpu_ns_per_op: Some(lap.cpu_ns_per(expected)),
        objects: expected,
        cycles: after.cycles - before.cycles,
        cycle_wall_ms: None,
        mark_cpu_ns_per_object: None,
        mark_mb_per_s: None,
        walk_cpu_ns_per_object: None,
        heap_inuse_bytes: None,
        heap_alloc_bytes: None,
        peak_rss_bytes: peak()?,
    })
}
