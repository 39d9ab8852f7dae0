use crate::cache::{Birth, Cache};
use crate::census::Count;
use crate::layout::{DropFn, Extent, Layout, TypeMask};
use crate::memory::tests::{alloc, cycle, memory, noscan, references, settled};
use crate::memory::{Empties, Memory};
use crate::size_class::SizeClass;
use crate::units::Bytes;

fn count(objects: u64, bytes: usize) -> Count {
    Count { objects, bytes: Bytes::new(bytes) }
}

#[test]
fn a_census_is_of_what_the_last_cycle_left_until_the_next_one_ends() {
    let (memory, cache) = (memory(), Cache::new());
    let [small, pairs] = [noscan(48), references(16)];
    let kept: Vec<_> = (0..1000).map(|_| alloc(&memory, &cache, small, 7)).step_by(3).collect();
    let pair = alloc(&memory, &cache, pairs, 0);
    let census = memory.census().expect("no cycle was");
    assert_eq!((census.cycle, census.total), (0, Count::default()), "nothing was found alive yet");

    let reached: Vec<_> = kept.iter().copied().chain([pair]).collect();
    cycle(&memory, &cache, &reached);
    assert_eq!(memory.census(), None, "not every mutator has heard of the end of the cycle");
    memory.end_cycle();
    assert_eq!(memory.census(), None, "not everything is swept");
    memory.finish_sweep(Empties::Free);
    let census = memory.census().expect("all is swept");
    let alive = [count(334, 334 * 48), count(1, 16)];
    assert_eq!((census.cycle, census.total), (1, count(335, 334 * 48 + 16)));
    let layouts: Vec<_> = census.layouts.iter().map(|layout| (layout.id, layout.alive)).collect();
    assert_eq!(layouts, [(small, alive[0]), (pairs, alive[1])]);
    assert_eq!(census.classes[SizeClass::for_bytes(48).index()], alive[0]);

    // New objects, in old spans and in new ones, are not of that cycle; and its end is not seen before it is whole.
    let more: Vec<_> = (0..3000).map(|_| alloc(&memory, &cache, small, 1)).collect();
    assert_eq!(memory.census().as_ref(), Some(&census));
    memory.begin_cycle();
    assert_eq!(memory.census().as_ref(), Some(&census));
    settled(&memory, &cache);
    cycle(&memory, &cache, &more[..5]);
    memory.end_cycle();
    settled(&memory, &cache);
    let next = memory.census().expect("all is swept");
    assert_eq!((next.cycle, next.total), (2, count(5, 5 * 48)));
    let growth: Vec<_> = next.since(&census).into_iter().map(|kind| (kind.objects, kind.bytes)).collect();
    assert_eq!(growth, [(-1, -16), (5 - 334, (5 - 334) * 48)]);
}

#[test]
fn what_waits_for_its_drop_is_not_alive() {
    unsafe fn nothing(_: *mut u8) {}
    let (memory, cache) = (memory(), Cache::new());
    let mut layout = Layout::of(SizeClass::for_bytes(32), Extent::Object, &TypeMask::noscan(32));
    layout.drop = Some(DropFn(nothing));
    let id = memory.register(&layout).expect("room for a layout");
    let objects: Vec<_> = (0..20).map(|_| alloc(&memory, &cache, id, 0)).collect();
    cycle(&memory, &cache, &objects[..7]);
    memory.end_cycle();
    memory.finish_sweep(Empties::Free);
    assert_eq!(memory.census().expect("all is swept").total, count(7, 7 * 32));
    assert_eq!(memory.figures().heap_objects, 20, "their slots are not free");
    for dead in memory.take_dead() {
        memory.bury(&dead);
    }
}

#[test]
fn large_objects_count_with_their_pages() {
    let (memory, cache) = (memory(), Cache::new());
    let layout = Layout::of(SizeClass::LARGE, Extent::Object, &TypeMask::noscan(40_000));
    let id = memory.register(&layout).expect("room for a layout");
    let large = |memory: &Memory| {
        let birth = Birth { colour: 0, generation: memory.generation() };
        crate::large::alloc(memory, memory.entry(id), Bytes::new(40_000), false, birth).expect("room")
    };
    let (kept, _dead) = (large(&memory), large(&memory));
    cycle(&memory, &cache, &[kept]);
    memory.end_cycle();
    memory.finish_sweep(Empties::Free);
    let census = memory.census().expect("all is swept");
    assert_eq!((census.total, census.classes[0]), (count(1, 40_960), count(1, 40_960)));
}
