//! Raw words against `bitvec`, for the three things a refill does with a bitmap: count its ones, walk its ones and
//! find its zero runs. It answers why the hot paths keep plain words and `bits`, while cold code may use `bitvec`.
//!
//! The bitmap is that of a span of 512 slots (16-byte objects), at four densities: a fresh span, one survivor in
//! sixteen, half of them, and all but one in sixteen.

use std::hint::black_box;

use bitvec::prelude::{BitSlice, Lsb0};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use heap_core::bits;

const WORDS: usize = 8;
const SLOTS: usize = WORDS * bits::WORD_BITS;

/// Bitmaps with about so many sixteenths of their bits set, from a fixed seed.
fn bitmap(sixteenths: u64) -> [u64; WORDS] {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut words = [0; WORDS];
    for slot in 0..SLOTS {
        // xorshift: enough to scatter bits.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        if state % 16 < sixteenths {
            bits::set(&mut words, slot);
        }
    }
    words
}

const DENSITIES: [(&str, u64); 4] = [("fresh", 0), ("1of16", 1), ("8of16", 8), ("15of16", 15)];

fn oracle(words: &[u64]) -> &BitSlice<u64, Lsb0> {
    BitSlice::from_slice(words)
}

fn count(c: &mut Criterion) {
    let mut group = c.benchmark_group("bits_count");
    for (name, sixteenths) in DENSITIES {
        let words = bitmap(sixteenths);
        group.bench_function(BenchmarkId::new("words", name), |b| {
            b.iter(|| bits::count_ones(black_box(&words)));
        });
        group.bench_function(BenchmarkId::new("bitvec", name), |b| {
            b.iter(|| oracle(black_box(&words)).count_ones());
        });
    }
    group.finish();
}

fn ones(c: &mut Criterion) {
    let mut group = c.benchmark_group("bits_iterate_ones");
    for (name, sixteenths) in DENSITIES {
        let words = bitmap(sixteenths);
        group.bench_function(BenchmarkId::new("words", name), |b| {
            b.iter(|| bits::iter_ones(black_box(&words)).fold(0, |sum, bit| sum ^ bit));
        });
        group.bench_function(BenchmarkId::new("bitvec", name), |b| {
            b.iter(|| oracle(black_box(&words)).iter_ones().fold(0, |sum, bit| sum ^ bit));
        });
    }
    group.finish();
}

fn zero_runs(c: &mut Criterion) {
    let mut group = c.benchmark_group("bits_zero_runs");
    for (name, sixteenths) in DENSITIES {
        let words = bitmap(sixteenths);
        group.bench_function(BenchmarkId::new("words", name), |b| {
            b.iter(|| {
                let words = black_box(&words);
                let (mut at, mut found) = (0, 0);
                while let Some((start, len)) = bits::next_zero_run(words, at, SLOTS, SLOTS) {
                    found ^= start;
                    at = start + len;
                }
                found
            });
        });
        group.bench_function(BenchmarkId::new("bitvec", name), |b| {
            b.iter(|| {
                let slots = oracle(black_box(&words));
                let (mut at, mut found) = (0, 0);
                while let Some(ahead) = slots[at..].first_zero() {
                    let start = at + ahead;
                    found ^= start;
                    at = start + slots[start..].leading_zeros();
                }
                found
            });
        });
    }
    group.finish();
}

criterion_group!(benches, count, ones, zero_runs);
criterion_main!(benches);
