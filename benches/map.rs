//! A [`tricolor::GcMap`] of numbers beside hashbrown's, with the same hash function: getting what is there and what is not, and
//! growing from nothing. At a thousand entries tables are in the first cache, at a million in none.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use foldhash::fast::FixedState;
use std::hint::black_box;
use tricolor::{GcMap, Heap};

type Numbers<'gc> = GcMap<'gc, u64, u64, FixedState>;
type Peer = hashbrown::HashMap<u64, u64, FixedState>;

/// Keys that lie nowhere near each other; the odd ones are in the maps.
fn key(at: u64) -> u64 {
    at.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn get(c: &mut Criterion) {
    for (name, count) in [("thousand", 1000_u64), ("million", 1_000_000)] {
        let mut group = c.benchmark_group(format!("get_{name}"));
        const LOOKS: u64 = 1000;
        group.throughput(Throughput::Elements(LOOKS));
        let peer: Peer = (0..count).map(|at| (key(2 * at + 1), at)).collect();
        // An order that no prefetcher knows.
        let order = |round: &mut u64| {
            *round = round.wrapping_add(LOOKS);
            let from = *round;
            (from..from + LOOKS).map(move |at| key(at ^ 0x5555) % count)
        };
        for (kind, even) in [("hit", 1), ("miss", 0)] {
            let mut round = 0;
            group.bench_function(format!("hashbrown_{kind}"), |b| {
                b.iter(|| order(&mut round).filter_map(|at| peer.get(&key(2 * at + even))).sum::<u64>());
            });
            let heap = Heap::new().expect("address space");
            heap.attach().expect("a fresh heap").enter(|mu| {
                let map = mu.alloc(Numbers::default());
                map.extend(mu, (0..count).map(|at| (key(2 * at + 1), at)));
                let mut round = 0;
                group.bench_function(format!("gc_map_{kind}"), |b| {
                    b.iter(|| order(&mut round).filter_map(|at| map.get(&key(2 * at + even))).sum::<u64>());
                });
            });
        }
        group.finish();
    }
}

fn insert(c: &mut Criterion) {
    let mut group = c.benchmark_group("insert");
    for count in [100_u64, 10_000] {
        group.throughput(Throughput::Elements(count));
        group.bench_function(format!("hashbrown_grow_{count}"), |b| {
            b.iter_batched(
                Peer::default,
                |mut map| {
                    (0..count).for_each(|at| {
                        map.insert(black_box(key(at)), at);
                    });
                    map.len()
                },
                BatchSize::SmallInput,
            );
        });
        let heap = Heap::builder().own_threads(false).build().expect("address space");
        let mut mutator = heap.attach().expect("a fresh heap");
        group.bench_function(format!("gc_map_grow_{count}"), |b| {
            b.iter(|| {
                mutator.enter(|mu| {
                    let map = Numbers::default();
                    (0..count).for_each(|at| {
                        map.insert(mu, black_box(key(at)), at);
                    });
                    map.len()
                })
            });
        });
    }
    group.finish();
}

criterion_group!(benches, get, insert);
criterion_main!(benches);
