use super::{Empties, MOST_LAYOUTS, Memory, MemoryOptions};
use crate::cache::Cache;
use crate::error::AllocError;
use crate::layout::{DropFn, Extent, FIXED_LAYOUTS, Layout, LayoutId, TypeMask, fixed_id};
use crate::os::Os;
use crate::os::sim::SimOs;
use crate::size_class::SizeClass;
use crate::span::marks::{Epoch, QUEUED};
use crate::sync::Arc;
use crate::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use crate::units::Bytes;
use crate::verify::check;
use core::ptr::NonNull;

/// A memory of 16 MiB on a simulated system.
pub(crate) fn memory() -> Memory {
    memory_with(&SimOs::new(), None, Bytes::new(usize::MAX))
}

pub(crate) fn memory_with(os: &Arc<SimOs>, poison: Option<u8>, hard_limit: Bytes) -> Memory {
    let os: Arc<dyn Os> = os.clone();
    let options = MemoryOptions {
        reservation: Bytes::mib(16),
        least_reservation: Bytes::mib(16),
        hard_limit,
        poison,
        decoder: None,
        shards: 2,
    };
    // SAFETY: the tests keep to the duties, or the memory holds nothing that could be used wrongly.
    unsafe { Memory::new(&os, &options) }.unwrap()
}

/// The fixed layout of noscan objects of that many bytes.
pub(crate) fn noscan(bytes: usize) -> LayoutId {
    fixed_id(SizeClass::for_bytes(bytes), &TypeMask::noscan(bytes)).unwrap()
}

/// The layout of objects of that many bytes all of whose words are references.
pub(crate) fn references(bytes: usize) -> LayoutId {
    fixed_id(SizeClass::for_bytes(bytes), &TypeMask::pointer().repeated(bytes / 8)).unwrap()
}

/// Allocates an object and fills it with a byte.
pub(crate) fn alloc(memory: &Memory, cache: &Cache, id: LayoutId, fill: u8) -> NonNull<u8> {
    let stride = memory.entry(id).layout().class.size().get();
    let slot = cache.alloc_any(id, stride).map_or_else(|| cache.refill(memory, id), Ok).unwrap();
    // SAFETY: a slot of this cache's run, `stride` bytes long.
    unsafe { slot.write_bytes(fill, stride) };
    slot
}

/// A cycle in which exactly these objects are reached.
pub(crate) fn cycle(memory: &Memory, cache: &Cache, live: &[NonNull<u8>]) {
    memory.finish_sweep(Empties::Free);
    cache.flush(memory);
    memory.begin_cycle();
    for object in live {
        let found = memory.map().resolve(object.addr().get()).expect("an allocated slot");
        memory.map().mark_of(memory.map().span(found.span), found.slot).set(memory.epoch().byte());
    }
    memory.end_marking();
}

/// Sweeps, and insists that all is well.
pub(crate) fn settled(memory: &Memory, cache: &Cache) {
    memory.finish_sweep(Empties::Free);
    cache.flush(memory);
    assert_eq!(check(memory), []);
}

pub(crate) fn objects(memory: &Memory) -> u64 {
    memory.figures().heap_objects
}

#[test]
fn what_is_not_reached_is_freed_and_the_rest_stays() {
    let (memory, cache) = (memory(), Cache::new());
    let all: Vec<_> = (0..500_u16).map(|i| alloc(&memory, &cache, noscan(48), (i % 251) as u8)).collect();
    let kept: Vec<_> = all.iter().copied().step_by(7).collect();
    for _ in 0..3 {
        cycle(&memory, &cache, &kept);
        settled(&memory, &cache);
        assert_eq!(objects(&memory), kept.len() as u64);
        for (number, object) in (0_u16..).zip(&kept) {
            // SAFETY: the object is allocated.
            assert_eq!(u16::from(unsafe { object.read() }), number * 7 % 251);
        }
    }
    cycle(&memory, &cache, &[]);
    settled(&memory, &cache);
    assert_eq!((objects(&memory), memory.figures().heap_inuse), (0, Bytes::ZERO));
}

/// The record of a span that was freed is given to another layout; the old layout's list must not get it back.
#[test]
fn a_span_that_has_another_layout_by_now_is_not_taken_for_the_old_ones() {
    let (memory, cache) = (memory(), Cache::new());
    let (old, new) = (noscan(24), references(24));
    alloc(&memory, &cache, old, 1);
    // The span rests in the old layout's list, as of this generation.
    cycle(&memory, &cache, &[]);
    // It is empty, and freed by the walk: the old layout's list is not told.
    memory.finish_sweep(Empties::Free);
    let object = alloc(&memory, &cache, new, 0);
    cycle(&memory, &cache, &[object]);
    let other = alloc(&memory, &cache, old, 2);
    let span_of = |object: NonNull<u8>| memory.map().resolve(object.addr().get()).unwrap().span;
    assert_ne!(span_of(object), span_of(other), "two layouts in one span");
    let layout_of = |object| memory.entry_of(memory.map().span(span_of(object))).id();
    assert_eq!((layout_of(object), layout_of(other)), (new, old));
    settled(&memory, &cache);
}

#[test]
fn epochs_may_begin_again_without_old_marks_counting() {
    let (memory, cache) = (memory(), Cache::new());
    let cycles = 2 * u32::from(Epoch::LAST.byte()) + 3;
    let kept = alloc(&memory, &cache, noscan(64), 1);
    let brief: Vec<_> = (0..20).map(|_| alloc(&memory, &cache, noscan(64), 2)).collect();
    cycle(&memory, &cache, &[kept, brief[3]]);
    for _ in 0..cycles {
        cycle(&memory, &cache, &[kept]);
    }
    settled(&memory, &cache);
    assert_eq!(objects(&memory), 1);
}

#[test]
fn a_layout_has_one_number_and_past_the_last_shapes_share_a_superset() {
    let memory = memory();
    let class = SizeClass::for_bytes(512);
    let layout = |number: u64| {
        let mut layout = Layout::of(class, Extent::Object, &TypeMask::noscan(512));
        layout.exact = vec![number];
        layout
    };
    let first = memory.register(&layout(1)).unwrap();
    assert_eq!(first.index(), FIXED_LAYOUTS);
    assert_eq!(memory.register(&layout(1)).unwrap(), first);
    let ids: Vec<_> =
        (2..MOST_LAYOUTS as u64 + 10).map(|number| memory.register(&layout(number)).unwrap()).collect();
    let last = *ids.last().unwrap();
    assert_eq!(*memory.entry(last).layout(), Layout::superset(class));
    assert_eq!(memory.register(&layout(1 << 60)).unwrap(), last, "all further shapes of the class share it");
    assert!(last.index() < MOST_LAYOUTS);
    let mut droppable = layout(1 << 61);
    droppable.drop = Some(DropFn(count_drop));
    assert_eq!(memory.register(&droppable), Err(AllocError::Layouts { most: MOST_LAYOUTS }));
}

static DROPS: AtomicUsize = AtomicUsize::new(0);

/// # Safety
/// As `DropFn`.
unsafe fn count_drop(_: *mut u8) {
    DROPS.fetch_add(1, Relaxed);
}

#[test]
fn a_dead_object_keeps_its_slot_until_its_drop_has_run() {
    let (memory, cache) = (memory(), Cache::new());
    let mut layout = Layout::of(SizeClass::for_bytes(32), Extent::Object, &TypeMask::noscan(32));
    layout.drop = Some(DropFn(count_drop));
    let id = memory.register(&layout).unwrap();
    let (dead, kept) = (alloc(&memory, &cache, id, 1), alloc(&memory, &cache, id, 2));
    let before = DROPS.load(Relaxed);
    cycle(&memory, &cache, &[kept]);
    settled(&memory, &cache);
    assert!(memory.has_dead());
    let found = memory.map().resolve(dead.addr().get()).expect("its slot is kept");
    assert_eq!(memory.map().mark_of(memory.map().span(found.span), found.slot).get(), QUEUED);
    // However many cycles come before somebody runs the drop, it is queued once.
    for _ in 0..3 {
        cycle(&memory, &cache, &[kept]);
        settled(&memory, &cache);
    }
    assert_eq!((DROPS.load(Relaxed), objects(&memory)), (before, 2));
    let queue = memory.take_dead();
    assert_eq!((queue.len(), memory.has_dead()), (1, false));
    memory.bury(&queue[0]);
    assert_eq!(DROPS.load(Relaxed), before + 1);
    cycle(&memory, &cache, &[kept]);
    settled(&memory, &cache);
    assert_eq!(objects(&memory), 1);
    assert_eq!(memory.map().resolve(dead.addr().get()), None);
    drop(memory);
    assert_eq!(DROPS.load(Relaxed), before + 2, "what lives at the end is dropped at the end");
}
