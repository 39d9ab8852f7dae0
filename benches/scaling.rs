//! How small allocation scales from one mutator to two, beside two bump allocators that share nothing.
//!
//!     cargo bench --bench scaling
//!
//! The two processors of a machine may be two threads of one core, or busy with others' work, so the ceiling is measured in the
//! same run, in turns: a bump allocator in 256 KiB of memory of its own, begun again when it is full. Each figure is the
//! operations of all threads in a second; the median of [`ROUNDS`], and the range of the ratio two to one.

use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Instant;
use tricolor::{Gc, Heap};

const ROUNDS: usize = 9;
const OPS: u64 = 20_000_000;
/// Allocations of one `enter`.
const AT_ONCE: u64 = 1000;

/// Runs `work` on so many threads at the same time, and says how many millions of operations a second that gave.
fn rate(threads: usize, work: impl Fn() + Send + Sync + 'static) -> f64 {
    let (work, start) = (Arc::new(work), Arc::new(Barrier::new(threads + 1)));
    let running: Vec<_> = (0..threads)
        .map(|_| {
            let (work, start) = (Arc::clone(&work), Arc::clone(&start));
            thread::spawn(move || {
                start.wait();
                work();
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

fn bump() {
    let mut memory = vec![[0_u64; 2]; 16 << 10];
    let mut next = 0;
    for value in 0..OPS {
        if next == memory.len() {
            next = 0;
        }
        memory[next] = [value; 2];
        black_box(&raw const memory[next]);
        next += 1;
    }
}

fn allocate(heap: &Heap) {
    let mut mutator = heap.attach().expect("one a thread");
    for _ in 0..OPS / AT_ONCE {
        mutator.enter(|mu| {
            for value in 0..AT_ONCE {
                black_box(mu.alloc([value; 2]));
            }
        });
    }
}

fn allocate_pointers(heap: &Heap) {
    let mut mutator = heap.attach().expect("one a thread");
    for _ in 0..OPS / AT_ONCE {
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

fn main() {
    let on_a_heap = |threads, work: fn(&Heap)| {
        let heap = Heap::new().expect("address space");
        rate(threads, move || work(&heap))
    };
    let cases: [(&str, Case); 3] = [
        ("bump", Box::new(|threads| rate(threads, bump))),
        ("n16", Box::new(move |threads| on_a_heap(threads, allocate))),
        ("s16", Box::new(move |threads| on_a_heap(threads, allocate_pointers))),
    ];
    let mut found = [const { (Vec::new(), Vec::new()) }; 3];
    for _ in 0..ROUNDS {
        for (case, (one, two)) in cases.iter().zip(&mut found) {
            one.push(case.1(1));
            two.push(case.1(2));
        }
    }
    println!("case   1 thread   2 threads   ratio [range]     (millions of allocations a second)");
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
