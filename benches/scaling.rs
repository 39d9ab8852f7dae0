//! How small allocation scales from one mutator to two, beside two bump allocators that share nothing; and how marking a
//! random graph scales from one worker to two, beside two pointer chases that share nothing.
//!
//!     cargo bench --bench scaling             (all of them)
//!     cargo bench --bench scaling -- bump n16 (these only)
//!     cargo bench --bench scaling -- n16 least=8  (in heaps that are told 8 MiB as their least size)
//!
//! The two processors of a machine may be two threads of one core, or busy with others' work, so the ceiling is measured in the
//! same run, in turns: a bump allocator in 256 KiB of memory of its own, begun again when it is full. Each figure is the
//! operations of all threads in a second; the median of [`ROUNDS`], and the range of the ratio two to one.
//!
//! Threads take their operations from a common stock, a [`PIECE`] at a time, so that all of them are at work until the end: the
//! collector shares a processor with one of two mutators, and that one would end a sixth later than the other.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Instant;
use tricolor::{Gc, GcCell, GcSlice, Heap, Root, Trace};

const ROUNDS: usize = 9;
/// Operations for each thread.
const OPS: u64 = 300_000_000;
/// Operations that a thread takes from the stock at once: some milliseconds.
const PIECE: u64 = 1_000_000;
/// Allocations of one `enter`.
const AT_ONCE: u64 = 1000;

/// The pieces that all threads together have still to do.
struct Stock(AtomicU64);

impl Stock {
    fn for_threads(threads: usize) -> Self {
        Self(AtomicU64::new(threads as u64 * (OPS / PIECE)))
    }

    /// Takes a piece. Says whether there was one.
    fn take(&self) -> bool {
        self.0.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok()
    }
}

/// Runs `work` on so many threads at the same time, and says how many millions of operations a second that gave.
fn rate(threads: usize, work: impl Fn(&Stock) + Send + Sync + 'static) -> f64 {
    let (work, start) = (Arc::new(work), Arc::new(Barrier::new(threads + 1)));
    let stock = Arc::new(Stock::for_threads(threads));
    let running: Vec<_> = (0..threads)
        .map(|_| {
            let (work, start, stock) = (Arc::clone(&work), Arc::clone(&start), Arc::clone(&stock));
            thread::spawn(move || {
                start.wait();
                work(&stock);
            })
        })
        .collect();
    start.wait();
    let began = Instant::now();
    running.into_iter().for_each(|thread| thread.join().expect("no thread panics"));
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let all = (threads as u64 * OPS) as f64;
    all / began.elapsed().as_secs_f64() / 1e6
}

/// Something to be done on so many threads.
type Case = Box<dyn Fn(usize) -> f64>;

fn bump(stock: &Stock) {
    let mut memory = vec![[0_u64; 2]; 16 << 10];
    let mut next = 0;
    while stock.take() {
        for value in 0..PIECE {
            if next == memory.len() {
                next = 0;
            }
            memory[next] = [value; 2];
            black_box(&raw const memory[next]);
            next += 1;
        }
    }
}

fn allocate(heap: &Heap, stock: &Stock) {
    let mut mutator = heap.attach().expect("one a thread");
    while stock.take() {
        for _ in 0..PIECE / AT_ONCE {
            mutator.enter(|mu| {
                for value in 0..AT_ONCE {
                    black_box(mu.alloc([value; 2]));
                }
            });
        }
    }
}

fn allocate_pointers(heap: &Heap, stock: &Stock) {
    let mut mutator = heap.attach().expect("one a thread");
    while stock.take() {
        for _ in 0..PIECE / AT_ONCE {
            mutator.enter(|mu| {
                let mut last: Option<Gc<'_, (u64, u64)>> = None;
                let target = mu.alloc((1, 2));
                for value in 0..AT_ONCE {
                    black_box(mu.alloc((last, value)));
                    last = Some(target);
                }
            });
        }
    }
}

/// Millions of links a second, that each of so many threads follows in a cycle of its own.
fn chases(threads: usize, cycles: [&Arc<Vec<u32>>; 2]) -> f64 {
    let began = Instant::now();
    let running: Vec<_> = cycles[..threads]
        .iter()
        .map(|links| Arc::clone(links))
        .map(|links| thread::spawn(move || chase(&links)))
        .collect();
    running.into_iter().for_each(|thread| thread.join().expect("no thread panics"));
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let all = (threads as u64 * CHASED) as f64;
    all / began.elapsed().as_secs_f64() / 1e6
}

/// Follows a random cycle through 128 MiB.
fn chase(links: &[u32]) {
    let mut at = 0;
    for _ in 0..CHASED {
        at = links[at as usize];
    }
    black_box(at);
}

const CHASED: u64 = 2_000_000;
const LINKS: usize = 32 << 20;
const NODES: usize = 4_000_000;

/// A cycle through all places, in random order (Sattolo's shuffle).
fn random_cycle(random: &mut impl FnMut(usize) -> usize) -> Vec<u32> {
    let mut links: Vec<u32> = (0..u32::try_from(LINKS).expect("it fits")).collect();
    for last in (1..links.len()).rev() {
        links.swap(last, random(last));
    }
    links
}

fn xorshift() -> impl FnMut(usize) -> usize {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).expect("below a usize")
    }
}

#[derive(Trace)]
struct Node<'gc> {
    to: [GcCell<Option<Gc<'gc, Node<'gc>>>>; 4],
}

/// A heap with a graph of random edges; one worker or two mark it when asked.
fn graph(workers: usize) -> (Heap, Root<GcSlice<Gc<'static, Node<'static>>>>) {
    let heap = Heap::builder().workers(workers).gc_off().build().expect("address space");
    let mut mutator = heap.attach().expect("one a thread");
    let mut random = xorshift();
    let root = mutator.enter(|mu| {
        let empty = |_| mu.alloc(Node { to: core::array::from_fn(|_| GcCell::new(None)) });
        let nodes = mu.alloc_slice(NODES, empty);
        for node in nodes.iter() {
            node.to.iter().for_each(|cell| cell.set(mu, Some(nodes[random(NODES)])));
        }
        mu.root(nodes)
    });
    (heap, root)
}

/// Millions of objects marked in a second.
fn mark(heap: &Heap) -> f64 {
    heap.collect();
    let cycle = heap.figures().last_cycle.expect("it was run just now");
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let objects = cycle.live_objects as f64;
    objects / cycle.mark.as_secs_f64() / 1e6
}

fn main() {
    let words = std::env::args().skip(1).filter(|word| !word.starts_with('-'));
    let (told, wanted): (Vec<String>, Vec<String>) = words.partition(|word| word.starts_with("least="));
    let least: Option<usize> = told
        .last()
        .map(|told| told["least=".len()..].parse().expect("least= is followed by a number of MiB"));
    let on_a_heap = move |threads, work: fn(&Heap, &Stock)| {
        let builder = least.into_iter().fold(Heap::builder(), |told, mib| told.least_heap(mib << 20));
        let heap = builder.build().expect("address space");
        rate(threads, move |stock| work(&heap, stock))
    };
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|word| word == name);
    let mut cases: Vec<(&str, Case)> = Vec::new();
    if is_wanted("bump") {
        cases.push(("bump", Box::new(|threads| rate(threads, bump))));
    }
    if is_wanted("n16") {
        cases.push(("n16", Box::new(move |threads| on_a_heap(threads, allocate))));
    }
    if is_wanted("s16") {
        cases.push(("s16", Box::new(move |threads| on_a_heap(threads, allocate_pointers))));
    }
    if is_wanted("chase") {
        let mut random = xorshift();
        let (one, other) = (Arc::new(random_cycle(&mut random)), Arc::new(random_cycle(&mut random)));
        cases.push(("chase", Box::new(move |threads| chases(threads, [&one, &other]))));
    }
    if is_wanted("graph") {
        let graphs = [graph(1), graph(2)];
        cases.push(("graph", Box::new(move |workers| mark(&graphs[workers - 1].0))));
    }
    let mut found = vec![(Vec::new(), Vec::new()); cases.len()];
    for _ in 0..ROUNDS {
        for (case, (one, two)) in cases.iter().zip(&mut found) {
            one.push(case.1(1));
            two.push(case.1(2));
        }
    }
    println!(
        "case   1 thread   2 threads   ratio [range]     (millions of allocations, links or objects a second)"
    );
    for ((name, _), (one, two)) in cases.iter().zip(&found) {
        let mut ratios: Vec<f64> = one.iter().zip(two).map(|(one, two)| two / one).collect();
        let median = |values: &[f64]| {
            let mut values = values.to_vec();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        ratios.sort_by(f64::total_cmp);
        println!(
            "{name:<5} {:>9.0} {:>11.0} {:>8.2} [{:.2} .. {:.2}]",
            median(one),
            median(two),
            median(&ratios),
            ratios[0],
            ratios[ratios.len() - 1]
        );
    }
}
