//! The kernels that look at many words at once, at every width this processor has: 4096 words in blocks of sixty-four, with
//! so many sixteenths of them null, and the same through a mask of every third word.
//!
//! What a marker gains by them is measured by `heap-lab bench mark`, with shapes `widenil`, `sparse` and `table` and
//! `--vectors scalar`, `avx2` or `avx512`.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::sync::atomic::AtomicUsize;
use tricolor::Vectors;
use tricolor::core::racy::kernel::Kernel;
use tricolor::core::racy::words::WordRange;

const BLOCK: usize = 64;
const WORDS: usize = 64 * BLOCK;
/// One word in three, as in entries of a reference and two numbers.
const THIRDS: u64 = 0o111_111_111_111_111_111_111;

/// Words of which so many sixteenths are null, from a fixed seed.
fn words(nulls: usize) -> Vec<AtomicUsize> {
    let mut state = 0x9e37_79b9_7f4a_7c15_usize;
    let word = |_| {
        // xorshift: enough to scatter nulls.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        AtomicUsize::new(if state % 16 < nulls { 0 } else { state & !7 | 8 })
    };
    (0..WORDS).map(word).collect()
}

fn within(c: &mut Criterion) {
    for (name, mask) in [("all", !0), ("thirds", THIRDS)] {
        let mut group = c.benchmark_group(format!("within_{name}"));
        group.throughput(Throughput::Elements(WORDS as u64));
        for nulls in [0, 8, 16] {
            let words = words(nulls);
            for vectors in Vectors::ALL {
                let Some(kernel) = Kernel::of(vectors) else { continue };
                let id = BenchmarkId::new(format!("{vectors:?}"), format!("{nulls}of16"));
                group.bench_function(id, |b| {
                    b.iter(|| {
                        black_box(&words).chunks_exact(BLOCK).fold(0_u64, |sum, block| {
                            // SAFETY: a block is sixty-four atomic words.
                            let found = unsafe { kernel.within(block.as_ptr(), mask, WordRange::NON_NULL) };
                            sum.wrapping_add(found)
                        })
                    });
                });
            }
        }
        group.finish();
    }
}

criterion_group!(benches, within);
criterion_main!(benches);
