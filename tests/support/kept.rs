//! Spans without objects that are kept from one cycle to the next, in the memory below a collector.

use tricolor::core::cache::Cache;
use tricolor::core::layout::{LayoutId, TypeMask, fixed_id};
use tricolor::core::memory::{Empties, Memory, MemoryOptions};
use tricolor::core::os::host;
use tricolor::core::size_class::SizeClass;
use tricolor::core::span::SpanId;
use tricolor::core::units::Bytes;

const KIB: usize = 1024;

fn noscan(bytes: usize) -> LayoutId {
    fixed_id(SizeClass::for_bytes(bytes), &TypeMask::noscan(bytes)).expect("small and without references")
}

/// Allocates up to so many objects, nobody looks at what is in them, and says how many there was room for.
fn fill(memory: &Memory, cache: &Cache, bytes: usize, objects: usize) -> usize {
    let id = noscan(bytes);
    let is_allocated = |_: &usize| cache.alloc_any(id, bytes).is_some() || cache.refill(memory, id).is_ok();
    let allocated = (0..objects).take_while(is_allocated).count();
    cache.flush(memory);
    allocated
}

/// A cycle in which nothing is reached.
fn cycle(memory: &Memory, cache: &Cache) {
    memory.finish_sweep(Empties::Keep);
    memory.begin_cycle();
    memory.end_marking();
    cache.flush(memory);
    memory.end_cycle();
}

fn memory_of(hard_limit: Bytes) -> Memory {
    let options = MemoryOptions {
        reservation: Bytes::mib(64),
        least_reservation: Bytes::mib(64),
        hard_limit,
        poison: None,
        decoder: None,
        shards: 1,
    };
    // SAFETY: one thread uses the cache, everything stays in this program, cycles come after sweeping, and no object has references, so
    // that what nobody initialised is whole.
    unsafe { Memory::new(&host(), &options) }.expect("address space")
}

/// A span that is kept and freed while markers run: its record is no other span's before they have ended.
pub(crate) fn freed_while_marking() {
    let memory = memory_of(Bytes::mib(4));
    let cache = Cache::at(memory.seat());
    fill(&memory, &cache, KIB, 2 * KIB);
    cycle(&memory, &cache);
    fill(&memory, &cache, KIB, KIB);
    memory.finish_sweep(Empties::Keep);
    let spans = || (0..256).map(|number| memory.map().span(SpanId::new(number)));
    let kept: Vec<_> = spans().filter(|span| span.is_in_use() && span.allocated() == 0).collect();
    assert_eq!(kept.len(), 128, "spans that are kept");
    memory.begin_cycle();
    fill(&memory, &cache, 2 * KIB, 4 * KIB);
    let reused = kept.iter().filter(|span| span.is_in_use()).count();
    assert_eq!(reused, 0, "records that are other spans' while markers run");
    memory.end_marking();
}

/// Of 2 MiB of dead objects, 1 MiB is used again, and 1 MiB of spans kept; then others want all that the limit of 4 MiB leaves.
pub(crate) fn wanted_by_others() {
    let memory = memory_of(Bytes::mib(4));
    let cache = Cache::at(memory.seat());
    assert_eq!(fill(&memory, &cache, KIB, 2 * KIB), 2 * KIB);
    cycle(&memory, &cache);
    assert_eq!(fill(&memory, &cache, KIB, KIB), KIB);
    memory.finish_sweep(Empties::Keep);
    assert_eq!(memory.fragmentation().total.empty, 128, "spans that are kept");
    assert_eq!(fill(&memory, &cache, 2 * KIB, 4 * KIB), 3 * KIB / 2, "objects that there was room for");
}
