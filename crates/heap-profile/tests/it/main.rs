//! The promises of profiles, through the public interface: one module a promise.

mod counts;
mod crates;
mod file;
mod tool;
mod walk;

use heap_gc::{Gc, Heap, Root};
use heap_profile::{Profile, Profiler};

/// Objects of [`keep`], of which one in ten is kept.
const KEPT: usize = 10_000;

/// Allocates numbers, and keeps some.
#[inline(never)]
fn keep(heap: &Heap) -> Vec<Root<[u64; 6]>> {
    let mut mutator = heap.attach().expect("no mutator of this thread");
    mutator.enter(|mu| {
        let all = (0..KEPT as u64).map(|number| mu.alloc([number; 6]));
        all.step_by(10).map(|object| mu.root(object)).collect()
    })
}

/// Allocates texts, and keeps none.
#[inline(never)]
fn drop_texts(heap: &Heap) {
    let mut mutator = heap.attach().expect("no mutator of this thread");
    mutator.enter(|mu| {
        for _ in 0..KEPT {
            core::hint::black_box(Gc::as_ptr(mu.alloc_str("a text of some length")));
        }
    });
}

/// A heap in which both have run, with what was kept, and its profile.
fn profiled(mean: usize) -> (Heap, Vec<Root<[u64; 6]>>, Profile) {
    let profiler = Profiler::new();
    let heap = Heap::builder().gc_off().sampler(profiler.clone(), mean).build().expect("address space");
    let kept = keep(&heap);
    drop_texts(&heap);
    heap.collect();
    let profile = profiler.profile("shop", &heap);
    (heap, kept, profile)
}
