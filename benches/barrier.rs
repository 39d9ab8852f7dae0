//! A store of a reference through [`tricolor::GcCell`], beside a store into a plain `Cell`.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::cell::Cell;
use std::hint::black_box;
use tricolor::{GcCell, Heap};

const STORES: u64 = 1000;

fn store(c: &mut Criterion) {
    let heap = Heap::new().expect("address space");
    let mut m = heap.attach().expect("a fresh heap");
    let mut group = c.benchmark_group("store");
    group.throughput(Throughput::Elements(STORES));
    m.enter(|mu| {
        let cells = mu.alloc_slice(64, |_| GcCell::new(None));
        let target = mu.alloc(1_u64);
        group.bench_function("gc_cell", |b| {
            b.iter(|| (0..STORES).for_each(|i| cells[(i % 64) as usize].set(mu, black_box(Some(target)))));
        });
        let plain: Vec<Cell<usize>> = (0..64).map(Cell::new).collect();
        group.bench_function("plain_cell", |b| {
            b.iter(|| (0..STORES).for_each(|i| plain[(i % 64) as usize].set(black_box(7))));
        });
    });
    group.finish();
}

criterion_group!(benches, store);
criterion_main!(benches);
