//! A store of a reference through [`tricolor::GcCell`], beside a store into a plain `Cell`: while no cycle marks, and while one
//! does.
//!
//! A cycle is kept marking by its listener, which does not let the collector go on once every mutator's roots are taken.
//! `marking_seen` stores what is marked already, as most stores do; `marking_fresh` overwrites references to objects that
//! nobody has marked yet, each once, so that each is shaded and goes through the buffer.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::cell::Cell;
use std::hint::black_box;
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};
use tricolor::{Event, Gc, GcCell, GcSlice, Heap, Mutator, Root};

const STORES: u64 = 1000;

type Cells<'gc> = GcSlice<GcCell<Option<Gc<'gc, Gc<'gc, u64>>>>>;

/// A heap that `fill` has put something into, and what it made of that; a cycle that has taken all roots and does not go on
/// until `f` is done.
fn while_marking<T, R>(fill: impl FnOnce(&mut Mutator) -> T, f: impl FnOnce(&mut Mutator, T) -> R) -> R {
    let (reached, at_roots) = mpsc::channel();
    let (go, gone) = mpsc::channel::<()>();
    let gone = Mutex::new(gone);
    let heap = Heap::builder()
        .gc_off()
        .on_event(move |event| {
            if matches!(event, Event::Asked { round: "roots", .. }) {
                reached.send(()).ok();
                // Until the other end is dropped.
                gone.lock().expect("nobody panics").recv().ok();
            }
        })
        .build()
        .expect("address space");
    let mut mutator = heap.attach().expect("a fresh heap");
    let filled = fill(&mut mutator);
    let collected = {
        let heap = heap.clone();
        thread::spawn(move || heap.collect())
    };
    at_roots.recv().expect("a cycle takes roots");
    let result = f(&mut mutator, filled);
    drop(go);
    drop(mutator);
    collected.join().expect("the cycle ends");
    result
}

fn store(c: &mut Criterion) {
    let mut group = c.benchmark_group("store");
    group.throughput(Throughput::Elements(STORES));
    let plain: Vec<Cell<usize>> = (0..64).map(Cell::new).collect();
    group.bench_function("plain_cell", |b| {
        b.iter(|| (0..STORES).for_each(|i| plain[(i % 64) as usize].set(black_box(7))));
    });
    let heap = Heap::new().expect("address space");
    heap.attach().expect("a fresh heap").enter(|mu| {
        let cells = mu.alloc_slice(64, |_| GcCell::new(None));
        let target = mu.alloc(1_u64);
        group.bench_function("idle", |b| {
            b.iter(|| (0..STORES).for_each(|i| cells[(i % 64) as usize].set(mu, black_box(Some(target)))));
        });
    });
    while_marking(
        |_| (),
        |mutator, ()| {
            mutator.enter(|mu| {
                let cells = mu.alloc_slice(64, |_| GcCell::new(None));
                let target = mu.alloc(1_u64);
                group.bench_function("marking_seen", |b| {
                    b.iter(|| {
                        (0..STORES).for_each(|i| cells[(i % 64) as usize].set(mu, black_box(Some(target))));
                    });
                });
            });
        },
    );
    // Each round has a cycle of its own: what was there before it is white.
    group.bench_function("marking_fresh", |b| b.iter_custom(|rounds| (0..rounds).map(|_| fresh()).sum()));
    group.finish();
}

/// Overwrites [`STORES`] references to white objects, while a cycle marks.
fn fresh() -> Duration {
    let fill = |mutator: &mut Mutator| -> Root<Cells<'static>> {
        mutator.enter(|mu| {
            let fresh = |n| GcCell::new(Some(mu.alloc(mu.alloc(n as u64))));
            mu.root(mu.alloc_slice(usize::try_from(STORES).expect("small"), fresh))
        })
    };
    while_marking(fill, |mutator, root| {
        mutator.enter(|mu| {
            let (cells, new) = (root.get(mu), mu.alloc(mu.alloc(1)));
            let begun = Instant::now();
            for cell in cells.iter() {
                cell.set(mu, black_box(Some(new)));
            }
            begun.elapsed()
        })
    })
}

criterion_group!(benches, store);
criterion_main!(benches);
