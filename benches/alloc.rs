//! The allocation path: a bump per object, a refill per span, a span's sweep when memory is reused.
//!
//! Each round allocates objects that die at once and leaves `enter`, so that the heap collects itself as it would in a
//! program. The time includes refills, sweeping and the (nearly empty) cycles. `refill` allocates 8 KiB objects: one
//! span each, so its time is that of the whole slow path.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use tricolor::{Gc, Heap, Mutator, Trace};

#[derive(Trace)]
struct S16<'gc> {
    next: Option<Gc<'gc, u64>>,
    value: u64,
}

#[derive(Trace)]
struct S64<'gc> {
    next: Option<Gc<'gc, u64>>,
    values: [u64; 7],
}

const ROUND: u64 = 10_000;

fn mutator() -> Mutator {
    let heap = Heap::builder().workers(1).build().expect("address space");
    heap.attach().expect("a fresh heap")
}

fn alloc(c: &mut Criterion) {
    let mut group = c.benchmark_group("alloc");
    group.throughput(Throughput::Elements(ROUND));
    let mut m = mutator();
    group.bench_function("n8_tiny", |b| {
        b.iter(|| {
            m.enter(|mu| {
                (0..ROUND).for_each(|i| {
                    black_box(mu.alloc(i));
                });
            });
        });
    });
    group.bench_function("n16", |b| {
        b.iter(|| {
            m.enter(|mu| {
                (0..ROUND).for_each(|i| {
                    black_box(mu.alloc([i, i]));
                });
            });
        });
    });
    group.bench_function("s16", |b| {
        b.iter(|| {
            m.enter(|mu| {
                (0..ROUND).for_each(|i| {
                    black_box(mu.alloc(S16 { next: None, value: i }));
                });
            });
        });
    });
    group.bench_function("s64", |b| {
        b.iter(|| {
            m.enter(|mu| {
                (0..ROUND).for_each(|i| {
                    black_box(mu.alloc(S64 { next: None, values: [i; 7] }));
                });
            });
        });
    });
    group.bench_function("str_12", |b| {
        b.iter(|| {
            m.enter(|mu| {
                (0..ROUND).for_each(|_| {
                    black_box(mu.alloc_str("twelve bytes"));
                });
            });
        });
    });
    group.finish();
}

/// A frame beside the least that an allocation can be: a bump pointer and its end, in memory.
fn frame(c: &mut Criterion) {
    let mut group = c.benchmark_group("frame");
    group.throughput(Throughput::Elements(ROUND));
    let mut m = mutator();
    m.enter(|mu| {
        mu.frame(|f| {
            group.bench_function("n16", |b| {
                b.iter(|| {
                    (0..ROUND).for_each(|i| {
                        black_box(f.alloc([i, i]));
                    });
                    f.reset();
                });
            });
            group.bench_function("nested", |b| {
                b.iter(|| (0..ROUND).for_each(|i| f.frame(|g| _ = black_box(g.alloc([i, i])))));
            });
        });
        group.bench_function("opened", |b| {
            b.iter(|| (0..ROUND).for_each(|i| mu.frame(|f| _ = black_box(f.alloc([i, i])))));
        });
    });
    let mut words = vec![[0_u64; 2]; 10_000];
    let mut next = 0;
    group.bench_function("bump_n16", |b| {
        b.iter(|| {
            (0..ROUND).for_each(|i| {
                let place = &mut words[next];
                *place = [i, i];
                next += 1;
                black_box(place);
                black_box(&mut next);
            });
            next = 0;
        });
    });
    group.finish();
}

fn start(c: &mut Criterion) {
    c.bench_function("start/heap_and_first_object", |b| {
        b.iter(|| {
            let heap = Heap::new().expect("address space");
            let mut m = heap.attach().expect("a fresh heap");
            m.enter(|mu| {
                black_box(mu.alloc([1_u64, 2]));
            });
            drop(m);
            heap
        });
    });
}

fn refill(c: &mut Criterion) {
    let mut m = mutator();
    c.bench_function("refill/n8k", |b| {
        b.iter(|| {
            m.enter(|mu| {
                black_box(mu.alloc_slice(1000, |_| 0_u64));
            });
        });
    });
    c.bench_function("enter", |b| b.iter(|| m.enter(|mu| black_box(mu.should_yield()))));
}

criterion_group!(benches, alloc, frame, start, refill);
criterion_main!(benches);
