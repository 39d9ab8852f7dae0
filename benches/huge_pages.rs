//! What huge pages are worth to a heap, and what they cost: filling, marking, and what stays resident when one object
//! in four thousand is left. The figures behind the advice that the heap gives: docs/design/scavenging.md.
//!
//! Each word of [`HugePages`] in turn, in rounds, so that a slow minute of the machine does not fall on one of them; medians.

use std::sync::Arc;
use std::time::{Duration, Instant};
use tricolor::core::os::Os;
use tricolor::core::os::linux::{HugePages, LinuxOs};
use tricolor::{Gc, GcCell, GcSlice, Heap, Root, Scavenge, Trace};

const ROUNDS: usize = 5;
const NODES: usize = 2_000_000;
/// One in so many is kept.
const KEPT: usize = 4000;

/// 64 bytes.
#[derive(Trace)]
struct Node<'gc> {
    next: GcCell<Option<Gc<'gc, Node<'gc>>>>,
    words: [u64; 7],
}

type Nodes<'gc> = GcSlice<GcCell<Option<Gc<'gc, Node<'gc>>>>>;

/// Resident memory of this process in MiB; `None` where the system does not say.
fn resident() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/smaps_rollup").ok()?;
    let line = status.lines().find(|line| line.starts_with("Rss:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1024.0)
}

struct Measured {
    fill: Duration,
    mark: Duration,
    full: f64,
    sparse: f64,
}

fn measure(word: HugePages) -> Result<Measured, Box<dyn std::error::Error>> {
    let os: Arc<dyn Os> = Arc::new(LinuxOs::new().huge_pages(word));
    let before = resident().ok_or("this system has no /proc/self/smaps_rollup")?;
    let heap = Heap::builder().gc_off().scavenge(Scavenge::OnRequest).os(os).build()?;
    let mut mutator = heap.attach()?;
    let begun = Instant::now();
    let nodes: Root<Nodes<'static>> = mutator.enter(|mu| {
        let nodes = mu.alloc_slice(NODES, |_| GcCell::new(None::<Gc<'_, Node<'_>>>));
        for at in 0..NODES {
            // In a random order, so that marking goes all over the heap.
            let next = nodes[at.wrapping_mul(0x9E37_79B9) % NODES].get();
            let node = mu.alloc(Node { next: GcCell::new(next), words: [at as u64; 7] });
            nodes[at].set(mu, Some(node));
        }
        mu.root(nodes)
    });
    let fill = begun.elapsed();
    let full = resident().unwrap_or_default() - before;
    let begun = Instant::now();
    mutator.collect();
    let mark = begun.elapsed();
    mutator.enter(|mu| {
        let nodes = nodes.get(mu);
        for (at, place) in nodes.iter().enumerate() {
            if at % KEPT == 0 {
                assert!(place.get().is_some_and(|node| node.words[6] == at as u64));
                place.get().inspect(|node| node.next.set(mu, None));
            } else {
                place.set(mu, None);
            }
        }
    });
    mutator.release_free_memory();
    let sparse = resident().unwrap_or_default() - before;
    Ok(Measured { fill, mark, full, sparse })
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words = [HugePages::System, HugePages::Never, HugePages::Wanted];
    let mut all: [Vec<Measured>; 3] = Default::default();
    for _ in 0..ROUNDS {
        for (word, measured) in words.into_iter().zip(&mut all) {
            measured.push(measure(word)?);
        }
    }
    println!("{:>8} {:>9} {:>11} {:>11} {:>14}", "", "fill ms", "collect ms", "full MiB", "1 in 4000 MiB");
    for (word, measured) in words.into_iter().zip(&all) {
        let of = |figure: fn(&Measured) -> f64| median(measured.iter().map(figure).collect());
        println!(
            "{:>8} {:>9.1} {:>11.1} {:>11.1} {:>13.1}",
            format!("{word:?}"),
            of(|one| one.fill.as_secs_f64() * 1e3),
            of(|one| one.mark.as_secs_f64() * 1e3),
            of(|one| one.full),
            of(|one| one.sparse)
        );
    }
    Ok(())
}
