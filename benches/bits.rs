//! Raw words against `bitvec`, for the three things a refill does with a bitmap: count its ones, walk its ones and
//! find its zero runs. It answers why the hot paths keep plain words (`heap_core::span::slots`), while cold code may use
//! `bitvec`.
//!
//! The bitmap is that of a span of 512 slots (16-byte objects), at four densities: a fresh span, one survivor in
//! sixteen, half of them, and all but one in sixteen.

use std::hint::black_box;
use std::sync::atomic::AtomicU64;

use bitvec::prelude::{BitSlice, Lsb0};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use heap_core::span::slots;

const WORDS: usize = 8;
const SLOTS: usize = WORDS * 64;
const LIMIT: u32 = 512;
const _: () = assert!(LIMIT as usize == SLOTS);

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
            words[slot / 64] |= 1_u64 << (slot % 64);
        }
    }
    words
}

const DENSITIES: [(&str, u64); 4] = [("fresh", 0), ("1of16", 1), ("8of16", 8), ("15of16", 15)];

fn shared(words: &[u64; WORDS]) -> [AtomicU64; WORDS] {
    words.map(AtomicU64::new)
}

fn oracle(words: &[u64]) -> &BitSlice<u64, Lsb0> {
    BitSlice::from_slice(words)
}

fn count(c: &mut Criterion) {
    let mut group = c.benchmark_group("bits_count");
    for (name, sixteenths) in DENSITIES {
        let words = bitmap(sixteenths);
        group.bench_function(BenchmarkId::new("words", name), |b| {
            let words = shared(&words);
            b.iter(|| slots::count(black_box(&words)));
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
            b.iter(|| {
                let mut sum = 0;
                for (index, &word) in black_box(&words).iter().enumerate() {
                    let mut left = word;
                    while left != 0 {
                        sum ^= index * 64 + left.trailing_zeros() as usize;
                        left &= left - 1;
                    }
                }
                sum
            });
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
            let words = shared(&words);
            b.iter(|| {
                let words = black_box(&words);
                let (mut at, mut found) = (0, 0);
                while let Some(run) = slots::next_run(words, LIMIT, at, LIMIT) {
                    found ^= run.start;
                    at = run.start + run.len;
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
