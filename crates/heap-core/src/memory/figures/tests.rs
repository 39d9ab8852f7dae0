//! How full the spans are and where the pages are, against tables by hand and against generated programs.

use crate::accounting::{Accounting, PageState};
use crate::cache::Cache;
use crate::figures::BySize;
use crate::layout::{Extent, Layout, LayoutId, TypeMask};
use crate::memory::tests::{alloc, cycle, memory, memory_with, noscan, references, settled};
use crate::memory::{Empties, Memory};
use crate::os::sim::SimOs;
use crate::page::{FreeRun, WantedRun};
use crate::page_heap::RunMemory;
use crate::size_class::SizeClass;
use crate::units::{Bytes, PageIndex, Pages, wide};
use core::ptr::NonNull;
use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_oneof};
use proptest::{prop_assert, prop_assert_eq, proptest};

fn large_layout(memory: &Memory) -> LayoutId {
    memory.register(&Layout::of(SizeClass::LARGE, Extent::Object, &TypeMask::noscan(8))).unwrap()
}

fn large(memory: &Memory, cache: &Cache, bytes: usize) -> NonNull<u8> {
    let birth = cache.birth(memory);
    crate::large::alloc(memory, memory.entry(large_layout(memory)), Bytes::new(bytes), false, birth).unwrap()
}

/// Takes up to `most` free pages, highest first, and puts them back in that state.
fn scavenge(memory: &Memory, most: usize, outcome: RunMemory) {
    let wanted = WantedRun {
        most: Pages::new(8),
        align: Pages::new(1),
        least_free: Pages::new(1),
        least_free_before: Pages::ZERO,
    };
    let (mut below, mut left) = (PageIndex::new(usize::MAX >> 20), most);
    while left > 0
        && let FreeRun::Taken(run) = memory.pages().take_to_release(below, &wanted)
    {
        if outcome == RunMemory::Released {
            // SAFETY: the run was free and is nobody else's while it is away.
            unsafe { memory.pages().space().release(run.base.offset(), run.pages.bytes()) }.unwrap();
        }
        memory.pages().put_back(run, outcome);
        (below, left) = (run.base, left.saturating_sub(run.pages.get()));
    }
}

/// The bytes of each state, page by page.
fn walked(memory: &Memory) -> [Bytes; 3] {
    let mut sums = [Bytes::ZERO; 3];
    let mut next = PageIndex::new(0);
    for stretch in memory.stretches() {
        assert_eq!(stretch.first, next, "stretches leave nothing out");
        next = stretch.first.plus(stretch.pages);
        sums[match stretch.state {
            PageState::InUse => 0,
            PageState::Idle => 1,
            PageState::Released => 2,
        }] += stretch.pages.bytes();
    }
    sums
}

fn states(accounting: &Accounting) -> [Bytes; 3] {
    [accounting.in_use, accounting.idle, accounting.released]
}

#[test]
fn every_byte_of_an_empty_memory_is_reserved() {
    let memory = memory();
    let accounting = memory.accounting();
    accounting.check().unwrap();
    assert_eq!(states(&accounting), [Bytes::ZERO; 3]);
    // The table of layouts has entries from the start.
    assert_eq!(accounting.metadata, Bytes::kib(4));
    let space: usize = memory.mappings().iter().map(|mapping| mapping.len.get()).sum();
    assert_eq!(accounting.address_space.get(), space);
    assert_eq!(accounting.reserved, accounting.address_space - accounting.metadata);
}

#[test]
fn pages_go_from_released_to_in_use_to_idle_to_released() {
    let (memory, cache) = (memory(), Cache::new());
    let one = large(&memory, &cache, 100_000);
    let chunk = Bytes::mib(4);
    let span = Bytes::kib(13 * 8);
    assert_eq!(states(&memory.accounting()), [span, Bytes::ZERO, chunk - span]);
    cycle(&memory, &cache, &[one]);
    settled(&memory, &cache);
    cycle(&memory, &cache, &[]);
    settled(&memory, &cache);
    assert_eq!(states(&memory.accounting()), [Bytes::ZERO, span, chunk - span]);
    scavenge(&memory, 1, RunMemory::Released);
    assert_eq!(
        states(&memory.accounting()),
        [Bytes::ZERO, span - Bytes::kib(64), chunk - span + Bytes::kib(64)]
    );
    scavenge(&memory, usize::MAX, RunMemory::Released);
    let all = memory.accounting();
    assert_eq!((states(&all), all.retained()), ([Bytes::ZERO, Bytes::ZERO, chunk], all.metadata));
    settled(&memory, &cache);
}

#[test]
fn pages_in_a_stock_are_idle_whatever_is_behind_them() {
    let (memory, cache) = (memory(), Cache::new());
    alloc(&memory, &cache, noscan(64), 1);
    // 64 pages went to the cache's stock, one of them into a span.
    let states_now = states(&memory.accounting());
    assert_eq!(states_now, [Bytes::kib(8), Bytes::kib(63 * 8), Bytes::kib((512 - 64) * 8)]);
    assert_eq!(walked(&memory), states_now);
    cache.flush(&memory);
    assert_eq!(states(&memory.accounting()), [Bytes::kib(8), Bytes::ZERO, Bytes::kib(511 * 8)]);
}

#[test]
fn spans_are_held_until_they_are_given_back_and_then_counted_by_what_is_in_them() {
    let (memory, cache) = (memory(), Cache::new());
    let objects: Vec<_> = (0..130).map(|_| alloc(&memory, &cache, noscan(128), 1)).collect();
    let class = SizeClass::for_bytes(128);
    let now = || memory.fragmentation().classes[class.index()];
    // 64 slots a span: two came back full, the third is in the cache.
    assert_eq!((now().spans, now().held, now().full), (3, 1, 2));
    assert_eq!(now().held_bytes, Bytes::kib(8));
    cache.flush(&memory);
    assert_eq!((now().held, now().tenths), (0, [1, 0, 0, 0, 0, 0, 0, 0, 0, 2]));
    assert_eq!((now().occupied, now().pinned), (Bytes::new(130 * 128), Bytes::new(62 * 128)));

    // Of the first span one object is left, of the second nine, of the third none.
    let live: Vec<_> = objects[..1].iter().chain(&objects[64..73]).copied().collect();
    cycle(&memory, &cache, &live);
    assert_eq!(now().occupied, Bytes::new(130 * 128), "nothing is swept yet");
    settled(&memory, &cache);
    assert_eq!((now().spans, now().lone, now().full, now().empty), (2, 1, 0, 0));
    assert_eq!(now().tenths, [1, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!((now().occupied, now().pinned), (Bytes::new(10 * 128), Bytes::new(118 * 128)));
    assert!((now().ratio() - 12.8).abs() < 1e-9);
    let layouts = memory.fragmentation().layouts;
    assert_eq!(layouts.len(), 1);
    assert_eq!((layouts[0].id, layouts[0].is_noscan, layouts[0].spans), (noscan(128), true, now()));
}

#[test]
fn a_span_that_an_allocation_sweeps_is_held_and_rests_with_what_was_put_into_it() {
    let (memory, cache) = (memory(), Cache::new());
    alloc(&memory, &cache, references(64), 0);
    let kept = alloc(&memory, &cache, noscan(64), 0);
    cycle(&memory, &cache, &[kept]);
    // Its one object is dead, and its span is swept and taken for this.
    alloc(&memory, &cache, references(64), 0);
    assert_eq!(memory.fragmentation().total.held, 1);
    settled(&memory, &cache);
    let total = memory.fragmentation().total;
    assert_eq!((total.spans, total.lone, total.empty), (2, 2, 0));
    assert_eq!(total.in_use(), Bytes::kib(16));
}

#[test]
fn the_end_of_a_large_objects_last_page_is_its_tail() {
    let (memory, cache) = (memory(), Cache::new());
    let objects = [40_000, 65_536, 100_001].map(|bytes| large(&memory, &cache, bytes));
    let class = || memory.fragmentation().classes[0];
    assert_eq!((class().spans, class().full, class().lone), (3, 3, 0));
    assert_eq!(class().occupied, Bytes::new(40_000 + 65_536 + 100_001));
    assert_eq!(class().tail, Bytes::new((40_960 - 40_000) + (106_496 - 100_001)));
    cycle(&memory, &cache, &objects[..1]);
    settled(&memory, &cache);
    assert_eq!((class().spans, class().occupied, class().tail), (1, Bytes::new(40_000), Bytes::new(960)));
    cycle(&memory, &cache, &[]);
    settled(&memory, &cache);
    assert_eq!(memory.fragmentation().total, crate::fragmentation::SpanUse::default());
}

/// One step of a generated program.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Allocate so many objects of a layout.
    Alloc(usize, usize),
    /// Allocate a large object of so many bytes.
    Large(usize),
    /// A cycle in which one object of so many lives, and of those that lived before.
    Cycle(usize),
    /// Sweep so many spans.
    Sweep(usize),
    /// Hand everything back.
    Flush,
    /// Give so many free pages to the system.
    Scavenge(usize),
    /// The same, and the system refuses.
    Refused(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..LAYOUTS.len(), 1_usize..200).prop_map(|(layout, count)| Step::Alloc(layout, count)),
        1 => (32_769_usize..300_000).prop_map(Step::Large),
        2 => (1_usize..40).prop_map(Step::Cycle),
        2 => (1_usize..20).prop_map(Step::Sweep),
        1 => any::<bool>().prop_map(|_| Step::Flush),
        2 => (1_usize..300).prop_map(Step::Scavenge),
        1 => (1_usize..50).prop_map(Step::Refused),
    ]
}

/// Layouts of a generated program: bytes, and whether they have references.
const LAYOUTS: [(usize, bool); 6] =
    [(16, false), (48, false), (64, true), (1024, false), (3072, false), (32_768, false)];

proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(if cfg!(miri) { 2 } else { 96 }))]

    #[test]
    fn every_byte_is_accounted_for_after_any_steps(steps in vec(step(), 1..60)) {
        let os = SimOs::new();
        let (memory, cache) = (memory_with(&os, None, Bytes::mib(12)), Cache::new());
        let mut live: Vec<NonNull<u8>> = Vec::new();
        for step in steps {
            match step {
                Step::Alloc(layout, count) => {
                    let (bytes, has_references) = LAYOUTS[layout];
                    let id = if has_references { references(bytes) } else { noscan(bytes) };
                    for _ in 0..count {
                        let slot = cache.alloc_any(id, bytes).map_or_else(|| cache.refill(&memory, id), Ok);
                        let Ok(slot) = slot else { break };
                        // SAFETY: a slot of this cache's run, that many bytes long.
                        unsafe { slot.write_bytes(0, bytes) };
                        live.push(slot);
                    }
                }
                Step::Large(bytes) => {
                    let (entry, birth) = (memory.entry(large_layout(&memory)), cache.birth(&memory));
                    live.extend(crate::large::alloc(&memory, entry, Bytes::new(bytes), false, birth));
                }
                Step::Cycle(one_in) => {
                    live = live.into_iter().step_by(one_in).collect();
                    cycle(&memory, &cache, &live);
                }
                Step::Sweep(spans) => {
                    let _freed = memory.sweep_some(spans);
                }
                Step::Flush => cache.flush(&memory),
                Step::Scavenge(pages) => scavenge(&memory, pages, RunMemory::Released),
                Step::Refused(pages) => scavenge(&memory, pages, RunMemory::Kept),
            }
            let accounting = memory.accounting();
            prop_assert_eq!(accounting.check(), Ok(()));
            prop_assert_eq!(states(&accounting), walked(&memory));
            prop_assert_eq!(memory.fragmentation().check(accounting.in_use), Ok(()));
            let kept = accounting.in_use + accounting.idle;
            prop_assert!(os.ready_bytes() <= kept, "ready, and counted as with the system");
        }
        memory.finish_sweep(Empties::Free);
        cache.flush(&memory);
        prop_assert_eq!(crate::verify::check(&memory), []);
        let now = memory.fragmentation();
        prop_assert_eq!(now.total.held, 0);
        let occupied: Bytes = now.classes.iter().skip(1).map(|class| class.occupied).sum();
        let bytes = |class: &BySize| Bytes::new(class.size.get() * wide(class.mallocs - class.frees));
        let small: Bytes = memory.figures().by_size.iter().skip(1).map(bytes).sum();
        prop_assert_eq!(occupied, small, "of small classes: what was allocated and not freed");
    }
}

#[test]
fn figures_wait_for_nobody_who_waits_for_the_system() {
    // What is held while the system makes more pages accessible.
    let memory = memory();
    let (told, tells) = std::sync::mpsc::channel();
    let memory = &memory;
    std::thread::scope(|scope| {
        let is_told = memory.pages().with_pages(|_| {
            scope.spawn(move || {
                let told_of = (memory.figures().heap_sys, memory.accounting().address_space);
                _ = told.send((told_of, memory.mappings().len(), memory.pages().retained()));
            });
            tells.recv_timeout(core::time::Duration::from_secs(10)).is_ok()
        });
        assert!(is_told, "they wait for the lock of the pages");
    });
}
