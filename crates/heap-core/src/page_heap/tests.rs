use super::{PageHeap, PageStock, RunMemory, SpanRequest};
use crate::error::AllocError;
use crate::os::sim::SimOs;
use crate::os::{Os, OsOp};
use crate::page::{FreeRun, WantedRun};
use crate::size_class::SizeClass;
use crate::span::SpanId;
use crate::sync::Arc;
use crate::units::{Bytes, PageIndex, Pages};

fn heap(os: &Arc<SimOs>, limit: Bytes) -> PageHeap {
    reserving(os, Bytes::mib(8), limit)
}

fn reserving(os: &Arc<SimOs>, bytes: Bytes, limit: Bytes) -> PageHeap {
    let os: Arc<dyn Os> = os.clone();
    PageHeap::new(&os, bytes, bytes, limit).unwrap()
}

fn request(class: SizeClass, used: Bytes) -> SpanRequest {
    SpanRequest { class, used, quick_mask: Some(0), entry: core::ptr::dangling_mut() }
}

fn large(heap: &PageHeap, pages: usize) -> Result<SpanId, AllocError> {
    heap.new_span(&request(SizeClass::LARGE, Pages::new(pages).bytes()), None)
}

fn small(heap: &PageHeap, stock: &mut PageStock) -> Result<SpanId, AllocError> {
    let class = SizeClass::for_bytes(64);
    heap.new_span(&request(class, class.size()), Some(stock))
}

fn first(heap: &PageHeap, id: SpanId) -> usize {
    heap.map().span(id).first().get()
}

const ANY_RUN: WantedRun = WantedRun {
    most: Pages::new(512),
    align: Pages::new(1),
    least_free: Pages::new(1),
    least_free_before: Pages::ZERO,
};

/// Gives the free pages of the heap back, as `heap-scav` does.
fn release_all(heap: &PageHeap) -> usize {
    let (mut below, mut released) = (PageIndex::new(1024), 0);
    while let FreeRun::Taken(run) = heap.take_to_release(below, &ANY_RUN) {
        // SAFETY: the run is free and in use in the bitmap: nobody uses its memory.
        unsafe { heap.space().release(run.base.offset(), run.pages.bytes()) }.unwrap();
        heap.put_back(run, RunMemory::Released);
        released += run.pages.get();
        below = run.base;
    }
    released
}

fn sound(heap: &PageHeap) {
    heap.with_pages(|all| all.check()).unwrap();
}

#[test]
fn spans_come_from_the_lowest_free_pages_and_go_back_there() {
    let heap = heap(&SimOs::new(), Bytes::new(usize::MAX));
    let spans: Vec<_> = [3, 10, 2].map(|pages| large(&heap, pages).unwrap()).into();
    assert_eq!(spans.iter().map(|&id| first(&heap, id)).collect::<Vec<_>>(), [0, 3, 13]);
    heap.free_span(spans[1]);
    sound(&heap);
    let again = large(&heap, 8).unwrap();
    assert_eq!((first(&heap, again), again), (3, spans[1]), "pages and record are used again");
    assert_eq!(first(&heap, large(&heap, 2).unwrap()), 11);
    assert_eq!(first(&heap, large(&heap, 600).unwrap()), 15, "over the border of two chunks");
    sound(&heap);
}

#[test]
fn a_stock_serves_small_spans_and_gives_back_what_is_left() {
    let heap = heap(&SimOs::new(), Bytes::new(usize::MAX));
    let mut stock = PageStock::default();
    let spans: Vec<_> = (0..10).map(|_| small(&heap, &mut stock).unwrap()).collect();
    assert_eq!(spans.iter().map(|&id| first(&heap, id)).collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
    assert_eq!(heap.counters().page_cache_hits.load(core::sync::atomic::Ordering::Relaxed), 9);
    assert_eq!(heap.with_pages(|all| all.in_use()), Pages::new(64));
    assert_eq!(first(&heap, large(&heap, 20).unwrap()), 64, "another's stock is not touched");
    heap.put_stock(&mut stock);
    assert_eq!(heap.with_pages(|all| all.in_use()), Pages::new(30));
    sound(&heap);
}

#[test]
fn the_limit_counts_pages_in_spans_and_nothing_else() {
    let heap = heap(&SimOs::new(), Bytes::kib(80));
    let span = large(&heap, 10).unwrap();
    let mut stock = PageStock::default();
    for _ in 0..3 {
        let error = small(&heap, &mut stock).unwrap_err();
        assert_eq!(
            error,
            AllocError::Limit { asked: Bytes::kib(8), held: Bytes::kib(80), limit: Bytes::kib(80) }
        );
    }
    heap.free_span(span);
    assert!(small(&heap, &mut stock).is_ok());
    assert!(large(&heap, 10).is_err());
    assert!(large(&heap, 9).is_ok());
    heap.put_stock(&mut stock);
    sound(&heap);
}

#[test]
fn a_system_that_refuses_leaves_everything_as_it_was() {
    for op in [OsOp::Prepare, OsOp::Ready] {
        let os = SimOs::new();
        let heap = heap(&os, Bytes::new(usize::MAX));
        let mut stock = PageStock::default();
        for _ in 0..3 {
            os.fail_nth_of(op, 1);
            assert!(matches!(small(&heap, &mut stock), Err(AllocError::Os { .. })), "{op:?}");
            os.fail_nth_of(op, 1);
            let refused = large(&heap, 700);
            os.fail_never();
            assert!(op == OsOp::Prepare || matches!(refused, Err(AllocError::Os { .. })), "{op:?}");
            if let Ok(span) = refused {
                heap.free_span(span);
            }
            heap.put_stock(&mut stock);
            sound(&heap);
        }
        assert!(small(&heap, &mut stock).is_ok());
        assert!(large(&heap, 400).is_ok());
    }
}

/// A run of which some pages are ready and some are released: when the system refuses those, all must be as before.
#[test]
fn a_run_that_is_partly_released_keeps_that_when_the_system_refuses() {
    let os = SimOs::new();
    let heap = heap(&os, Bytes::new(usize::MAX));
    let (low, high) = (large(&heap, 10).unwrap(), large(&heap, 10).unwrap());
    let _rest = large(&heap, 492).unwrap();
    heap.free_span(high);
    assert_eq!(release_all(&heap), 10);
    heap.free_span(low);
    os.fail_nth_of(OsOp::Ready, 1);
    assert!(matches!(large(&heap, 20), Err(AllocError::Os { .. })));
    os.fail_never();
    sound(&heap);
    // What the bitmaps say is with the system is with the system, page for page: releasing the rest would panic otherwise.
    let (grown, released) = heap.page_figures();
    assert_eq!(os.ready_bytes(), Pages::new(grown.get() - released.get()).bytes());
    release_all(&heap);
    let (grown, released) = heap.page_figures();
    assert_eq!((grown.get() - released.get(), os.ready_bytes()), (492, Pages::new(492).bytes()));
    let span = large(&heap, 20).unwrap();
    assert_eq!(first(&heap, span), 0);
    assert!(!heap.map().span(span).is_dirty(), "all of it reads zero");
    assert_eq!(os.ready_bytes(), Pages::new(512).bytes());
}

#[test]
fn what_is_freed_while_markers_run_is_free_when_they_have_ended() {
    let heap = heap(&SimOs::new(), Bytes::new(usize::MAX));
    let mut stock = PageStock::default();
    let spans: Vec<_> = core::iter::from_fn(|| small(&heap, &mut stock).ok()).collect();
    assert_eq!(spans.len(), 1024, "the whole reservation");
    heap.withhold_records();
    for &span in &spans[..2] {
        heap.free_span(span);
    }
    assert!(
        matches!(small(&heap, &mut stock), Err(AllocError::Reservation { .. })),
        "there are pages, and no record"
    );
    heap.withhold_records();
    heap.reuse_records();
    let again = [(); 2].map(|()| small(&heap, &mut stock).unwrap());
    assert!(again.iter().all(|span| spans[..2].contains(span)));
    assert!(small(&heap, &mut stock).is_err());
}

#[test]
fn free_records_and_blocks_of_bits_are_used_again() {
    let heap = heap(&SimOs::new(), Bytes::new(usize::MAX));
    let mut stock = PageStock::default();
    for _ in 0..100 {
        let spans: Vec<_> = (0..5).map(|_| small(&heap, &mut stock).unwrap()).collect();
        let large = large(&heap, 7).unwrap();
        for span in spans.into_iter().chain([large]) {
            heap.free_span(span);
        }
    }
    assert_eq!(heap.spans_high(), 6);
    heap.put_stock(&mut stock);
    assert_eq!(heap.with_pages(|all| all.in_use()), Pages::ZERO);
}

#[test]
fn an_allocation_waits_for_pages_that_are_away_instead_of_being_refused() {
    let heap = heap(&SimOs::new(), Bytes::new(usize::MAX));
    let all = large(&heap, 1024).unwrap();
    heap.free_span(all);
    let FreeRun::Taken(run) = heap.take_to_release(PageIndex::new(1024), &ANY_RUN) else {
        panic!("all is free")
    };
    assert_eq!((run.base.get(), heap.away()), (512, Pages::new(512)));
    assert_eq!(heap.with_pages(|pages| pages.in_use()), Pages::new(512));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| first(&heap, large(&heap, 700).unwrap()));
        while !waiting.is_finished() && heap.counters().inuse.load(core::sync::atomic::Ordering::Relaxed) == 0
        {
            std::thread::yield_now();
        }
        assert!(!waiting.is_finished(), "there is no room for it yet");
        heap.put_back(run, RunMemory::Kept);
        assert_eq!(waiting.join().unwrap(), 0);
    });
    assert_eq!(heap.away(), Pages::ZERO);
    sound(&heap);
    let refused = large(&heap, 700).unwrap_err();
    assert!(matches!(refused, AllocError::Reservation { .. }), "nothing is away, so: {refused}");
    let mut stock = PageStock::default();
    let rest = large(&heap, 324).unwrap();
    heap.free_span(rest);
    let FreeRun::Taken(run) = heap.take_to_release(PageIndex::new(1024), &ANY_RUN) else {
        panic!("324 are free")
    };
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| first(&heap, small(&heap, &mut stock).unwrap()));
        heap.put_back(run, RunMemory::Kept);
        assert_eq!(waiting.join().unwrap(), 700);
    });
}

#[test]
fn who_waits_for_pages_looks_before_the_next_run_is_taken() {
    use core::sync::atomic::Ordering::Relaxed;
    let heap = heap(&SimOs::new(), Bytes::new(usize::MAX));
    let all = large(&heap, 1024).unwrap();
    heap.free_span(all);
    let take = |below| match heap.take_to_release(PageIndex::new(below), &ANY_RUN) {
        FreeRun::Taken(run) => run,
        other @ (FreeRun::Further(_) | FreeRun::None) => panic!("{other:?}"),
    };
    let first_run = take(1024);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| first(&heap, large(&heap, 700).unwrap()));
        while heap.waiting.load(Relaxed) == 0 {
            std::thread::yield_now();
        }
        heap.put_back(first_run, RunMemory::Kept);
        let second_run = take(1024);
        assert_eq!(waiting.join().unwrap(), 0, "it has looked");
        assert_eq!(second_run.pages, Pages::new(324), "what it left");
        heap.put_back(second_run, RunMemory::Kept);
    });
    let waits = heap.waits();
    assert_eq!((waits.count, heap.away()), (1, Pages::ZERO), "it waited once");
    assert!(waits.max > core::time::Duration::ZERO);
    sound(&heap);
}

#[test]
fn what_is_retained_is_known_without_the_lock() {
    let os = SimOs::new();
    let heap = heap(&os, Bytes::new(usize::MAX));
    let mut stock = PageStock::default();
    let retained = |what: usize| {
        assert_eq!(heap.retained(), Pages::new(what));
        let (grown, released) = heap.page_figures();
        assert_eq!(heap.retained(), grown - released);
    };
    retained(0);
    let span = large(&heap, 100).unwrap();
    retained(100);
    let one = small(&heap, &mut stock).unwrap();
    retained(128);
    heap.free_span(span);
    heap.free_span(one);
    retained(128);
    heap.put_stock(&mut stock);
    retained(101);
    assert_eq!(os.ready_bytes(), Pages::new(101).bytes(), "one page of the stock was used");
    assert_eq!(release_all(&heap), 101);
    retained(0);
    let again = large(&heap, 600).unwrap();
    retained(600);
    heap.free_span(again);
    let run = heap.with_pages(|all| all.take(Pages::new(700)).unwrap());
    assert_eq!(run.uncovered, Pages::new(100));
    retained(700);
}

#[test]
fn tables_are_memory_before_the_heap_grows_into_them() {
    let os = SimOs::new();
    let heap = reserving(&os, Bytes::mib(64), Bytes::new(usize::MAX));
    let mut stock = PageStock::default();
    let goal = Bytes::mib(30);
    small(&heap, &mut stock).unwrap();
    assert!(heap.is_ready_to_grow(goal), "a small heap stays small");
    let class = SizeClass::for_bytes(16);
    let mut grow_to = |bytes: Bytes| {
        while heap.counters().in_spans() < bytes {
            heap.new_span(&request(class, class.size()), Some(&mut stock)).unwrap();
        }
    };
    grow_to(Bytes::mib(16));
    assert!(!heap.is_ready_to_grow(goal));
    heap.ready_growth(goal, || false);
    assert_eq!(os.backed_bytes(), Bytes::ZERO, "there was something else to do");
    let mut turns = 0;
    heap.ready_growth(goal, || {
        turns += 1;
        turns <= 2
    });
    let some = os.backed_bytes();
    assert!(some > Bytes::ZERO && !heap.is_ready_to_grow(goal), "it may go on later");
    heap.ready_growth(goal, || true);
    let (used, backed) = heap.extents();
    let all = os.backed_bytes();
    // Some 660 bytes a page of 16-byte objects, and a little for each piece's ends.
    let expected = (backed.pages - used.pages) * 660;
    assert!((expected * 9 / 10..expected * 11 / 10).contains(&all.get()), "{all} of {expected}");
    let told: usize = heap.tables()[..5].iter().map(|table| table.used.get()).sum();
    assert!(told >= backed.pages * 650, "what is memory counts as such: {told}");
    assert!(heap.is_ready_to_grow(goal));
    heap.ready_growth(goal, || true);
    assert_eq!(os.backed_bytes(), all, "nothing twice");
    grow_to(goal);
    let (used, backed) = heap.extents();
    assert!(used.pages <= backed.pages && used.records <= backed.records && used.blocks <= backed.blocks);
}

#[test]
fn pages_are_accessible_before_the_heap_grows_into_them() {
    let os = SimOs::new();
    let heap = reserving(&os, Bytes::mib(160), Bytes::new(usize::MAX));
    let prepared = || os.calls_of(OsOp::Prepare);
    let grow_to = |bytes: Bytes| {
        while heap.grown().bytes() < bytes {
            large(&heap, 512).unwrap();
        }
    };
    grow_to(Bytes::mib(16));
    assert_eq!(prepared(), 4, "a small heap asks for what it needs");
    heap.ready_growth(Bytes::mib(28), || true);
    assert_eq!(prepared(), 5);
    heap.ready_growth(Bytes::mib(28), || true);
    grow_to(Bytes::mib(28));
    assert_eq!(prepared(), 5, "nothing twice, and nothing by who grows");
    assert_eq!(heap.grown(), Pages::new(28 << 7), "what is only accessible is not the heap's yet");
    // Nobody readies: at 64 MiB it begins to ask for more than it needs, which the reservation bounds.
    grow_to(Bytes::mib(64));
    let before = prepared();
    grow_to(Bytes::mib(128));
    assert!((4..16).contains(&(prepared() - before)), "{} calls for 64 MiB", prepared() - before);
    grow_to(Bytes::mib(160));
    assert!(matches!(large(&heap, 512), Err(AllocError::Reservation { .. })));
    sound(&heap);
}

#[test]
fn who_is_refused_more_than_it_needs_asks_for_what_it_needs() {
    let os = SimOs::new();
    let heap = reserving(&os, Bytes::mib(160), Bytes::new(usize::MAX));
    let prepared = || os.calls_of(OsOp::Prepare);
    large(&heap, 64 << 7).unwrap();
    assert_eq!(prepared(), 1);
    // One chunk more than it needed is accessible.
    large(&heap, 512).unwrap();
    assert_eq!(prepared(), 1);
    os.fail_nth_of(OsOp::Prepare, 1);
    large(&heap, 512).unwrap();
    assert_eq!((prepared(), heap.grown()), (3, Pages::new(72 << 7)), "one was refused, and one was not");
    // Refused ahead: nothing has changed, and who grows asks again.
    os.fail_nth_of(OsOp::Prepare, 1);
    let goal = Bytes::mib(120);
    heap.ready_growth(goal, || true);
    assert!(!heap.is_ready_to_grow(goal));
    large(&heap, 16 << 7).unwrap();
    assert_eq!(prepared(), 5);
    // Refused both: an error, and nothing has changed.
    os.fail_from(1);
    let grown = heap.grown();
    assert!(matches!(large(&heap, 50 << 7), Err(AllocError::Os { .. })));
    assert_eq!(heap.grown(), grown);
    os.fail_never();
    large(&heap, 50 << 7).unwrap();
    sound(&heap);
}
