//! Finding pages: how long a run takes to find, take and give back, in heaps from 1 GiB to 16 TiB.
//!
//! The heap is simulated: the page allocator's tables are real, the pages behind them do not exist. Everything is in
//! use but for holes, in two shapes:
//!
//! * `end`: one hole, at the very end. The hint points at it.
//! * `far`: the same, and one free page at the very beginning, which holds the hint down, so that a request for more
//!   than a page has to go through the tree, root and all. (A request of one page finds that page.)
//!
//! `cache` takes a mutator's page cache and puts it back; `start` makes an allocator for a reservation of that size and
//! drops it. The claim to hold these against: the time depends on the depth of the tree, which is always five, and not
//! on the size of the heap.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use heap_core::os::host;
use heap_core::page::{CHUNK_PAGES, PageAlloc};
use heap_core::units::{Bytes, PageIndex, Pages};
use std::hint::black_box;

/// Sizes of the simulated heaps.
const SIZES: [Bytes; 6] = [
    Bytes::gib(1),
    Bytes::gib(16),
    Bytes::gib(128),
    Bytes::gib(1 << 10),
    Bytes::gib(4 << 10),
    Bytes::gib(16 << 10),
];

/// Pages of the hole at the end: room for the longest request, over the border of two chunks.
const HOLE: Pages = Pages::new(700);

/// An allocator whose pages are all in use.
fn full(size: Bytes) -> PageAlloc {
    let total = size.pages_floor();
    let mut pages = PageAlloc::new(&host(), total).expect("address space for the tables");
    pages.grow(PageIndex::new(0), total);
    let all = pages.take(total).expect("a fresh heap is one run");
    assert_eq!(all.uncovered, total);
    pages
}

fn find(criterion: &mut Criterion) {
    for size in SIZES {
        let mut pages = full(size);
        let hole = PageIndex::new((pages.total() - HOLE).get());
        for shape in ["end", "far"] {
            if shape == "end" {
                pages.give_back(hole, HOLE);
            } else {
                pages.give_back(PageIndex::new(0), Pages::new(1));
            }
            for count in [1, 16, 600].map(Pages::new) {
                let mut group = criterion.benchmark_group(format!("page_find/{shape}/{}", count.get()));
                group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
                    bencher.iter(|| {
                        let run = pages.take(black_box(count)).expect("the hole is long enough");
                        pages.give_back(run.base, run.pages);
                    });
                });
                group.finish();
            }
        }
        let mut group = criterion.benchmark_group("page_find/cache");
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter(|| {
                let cache = pages.take_cache().expect("the hole is free");
                pages.put_cache(black_box(cache));
            });
        });
        group.finish();
        pages.check_caches(&[]).expect("no cache is out");
        assert_eq!(pages.free(), HOLE + Pages::new(1));
    }
}

fn start(criterion: &mut Criterion) {
    let (os, mut group) = (host(), criterion.benchmark_group("page_find/start"));
    for size in SIZES {
        let total = size.pages_floor();
        assert!(total >= CHUNK_PAGES);
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter(|| PageAlloc::new(&os, black_box(total)).expect("address space for the tables"));
        });
    }
    group.finish();
}

criterion_group!(benches, find, start);
criterion_main!(benches);
