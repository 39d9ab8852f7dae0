//! Marking and sweeping: a forced full cycle over a live heap, by shape.
//!
//! `heap-lab bench mark` measures the same on heaps of millions of objects and separates marking from sweeping; these
//! are small enough to run often.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tricolor::{Gc, GcCell, GcSlice, Heap, Trace};

#[derive(Trace)]
struct Node<'gc> {
    next: GcCell<Option<Gc<'gc, Node<'gc>>>>,
    value: u64,
}

#[derive(Trace)]
struct Three<'gc> {
    a: Option<Gc<'gc, u64>>,
    b: Option<Gc<'gc, u64>>,
    c: Option<Gc<'gc, u64>>,
}

const OBJECTS: usize = 100_000;

fn cycles(c: &mut Criterion) {
    let mut group = c.benchmark_group("cycle");
    group.throughput(Throughput::Elements(OBJECTS as u64));
    for workers in [1, 2] {
        let heap = Heap::builder().workers(workers).gc_off().build().expect("address space");
        let mut m = heap.attach().expect("a fresh heap");
        let list = m.enter(|mu| {
            let first = mu.alloc(Node { next: GcCell::new(None), value: 0 });
            let mut last = first;
            for value in 1..OBJECTS as u64 {
                let node = mu.alloc(Node { next: GcCell::new(None), value });
                last.next.set(mu, Some(node));
                last = node;
            }
            mu.root(first)
        });
        group.bench_function(format!("list/{workers}"), |b| b.iter(|| m.collect()));
        drop(list);
        let three = m.enter(|mu| {
            let one = Some(mu.alloc(1_u64));
            let all: Gc<'_, GcSlice<Gc<'_, Three<'_>>>> =
                mu.alloc_slice(OBJECTS, |_| mu.alloc(Three { a: one, b: one, c: one }));
            mu.root(all)
        });
        group.bench_function(format!("ptr3/{workers}"), |b| b.iter(|| m.collect()));
        drop(three);
        let plain = m.enter(|mu| {
            let all = mu.alloc_slice(OBJECTS, |i| mu.alloc([i; 3]));
            mu.root(all)
        });
        group.bench_function(format!("int3/{workers}"), |b| b.iter(|| m.collect()));
        drop(plain);
    }
    group.finish();
}

fn sweep(c: &mut Criterion) {
    let heap = Heap::builder().workers(1).gc_off().build().expect("address space");
    let mut m = heap.attach().expect("a fresh heap");
    let mut group = c.benchmark_group("sweep");
    group.throughput(Throughput::Elements(OBJECTS as u64));
    group.bench_function("all_dead", |b| {
        b.iter_batched(
            || {},
            |()| {
                m.enter(|mu| {
                    (0..OBJECTS).for_each(|i| {
                        std::hint::black_box(mu.alloc([i; 2]));
                    });
                });
                m.collect();
            },
            criterion::BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, cycles, sweep);
criterion_main!(benches);
