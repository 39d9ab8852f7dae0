//! Trees: the benchmarks game's binary trees over whatever can build and count one.

use crate::report::{Clock, Report};
use crate::{Refusal, positive};

/// The depth of the smallest trees.
const MIN_DEPTH: u32 = 4;

/// A memory manager that can hold trees. A tree of depth 0 is one node.
pub trait Forest {
    /// Builds a tree, counts its nodes and lets it go.
    fn build_and_count(&mut self, depth: u32) -> u64;

    /// Builds a tree that lives on, one at a time.
    fn keep(&mut self, depth: u32);

    /// Counts the nodes of the tree that lives on.
    fn count_kept(&mut self) -> u64;
}

/// A stretch tree, one that lives long, and for every second depth many that die young. The check sums go to
/// standard error.
///
/// # Errors
/// If the depth is no number or out of range.
pub fn run(peer: &str, forest: &mut impl Forest, depth: &str) -> Result<Report, Refusal> {
    let max = u32::try_from(positive(depth)?).unwrap_or(u32::MAX);
    if !(MIN_DEPTH..=28).contains(&max) {
        return Err(Refusal::new(format!("depth {max} is not in {MIN_DEPTH}..28")));
    }
    let clock = Clock::start();
    let stretch = forest.build_and_count(max + 1);
    eprintln!("stretch tree of depth {}: check {stretch}", max + 1);
    forest.keep(max);
    let mut objects = stretch;
    for depth in (MIN_DEPTH..=max).step_by(2) {
        let times = 1u64 << (max - depth + MIN_DEPTH);
        let check: u64 = (0..times).map(|_| forest.build_and_count(depth)).sum();
        eprintln!("{times} trees of depth {depth}: check {check}");
        objects += check;
    }
    let kept = forest.count_kept();
    eprintln!("long lived tree of depth {max}: check {kept}");
    objects += kept;
    let spent = clock.since();

    let mut report = Report::new(peer, "trees", &[depth], spent);
    report.field("objects", objects);
    report.field("ns_per_op", spent.wall.as_secs_f64() * 1e9 / objects as f64);
    report.field("cpu_ns_per_op", spent.cpu.as_secs_f64() * 1e9 / objects as f64);
    Ok(report)
}
