use super::{Region, Source, Tracts};
use crate::error::AllocError;
use crate::memory::Memory;
use crate::memory::tests::{memory, memory_with};
use crate::os::OsOp;
use crate::os::sim::SimOs;
use crate::stress::{FRAME_PAGES, FRAME_PAGES_KEPT};
use crate::sync::atomic::Ordering::Relaxed;
use crate::units::{Bytes, PAGE_BYTES, Pages};
use crate::verify::check;
use core::ptr::NonNull;

fn source<'a>(memory: &'a Memory, tracts: &'a Tracts) -> Source<'a> {
    Source { memory, tracts, generation: memory.generation() }
}

fn alloc(region: &Region, source: Source<'_>, size: usize, align: usize) -> NonNull<u8> {
    region.alloc(size, align).unwrap_or_else(|| region.alloc_slow(source, size, align).unwrap())
}

fn frames(memory: &Memory) -> usize {
    memory.pages().counters().frames.load(Relaxed)
}

/// The memory is sound, with these pages in frames.
fn holds(memory: &Memory, pages: usize) {
    assert_eq!(check(memory), []);
    let (figures, accounting) = (memory.figures(), memory.accounting());
    assert_eq!(figures.check(), Ok(()));
    assert_eq!(accounting.check(), Ok(()));
    assert_eq!(
        (frames(memory), figures.frames, accounting.frames),
        (pages * PAGE_BYTES, Pages::new(pages).bytes(), Pages::new(pages).bytes())
    );
}

#[test]
fn what_is_handed_out_is_aligned_disjoint_and_in_no_span() {
    let (memory, tracts, region) = (memory(), Tracts::default(), Region::new());
    assert!(region.alloc(8, 8).is_none());
    let source = source(&memory, &tracts);
    let mut all: Vec<(usize, usize)> = Vec::new();
    for (at, align) in (0..=14).cycle().map(|shift| 1_usize << shift).take(200).enumerate() {
        let size = 1 + at * 7 % 300;
        let start = alloc(&region, source, size, align);
        // SAFETY: so many bytes were handed out.
        unsafe { start.write_bytes(0xFF, size) };
        let start = start.addr().get();
        assert!(start.is_multiple_of(align), "{start:#x} is not aligned to {align}");
        assert!(region.has(start) && region.has(start + size - 1));
        assert!(memory.pages().is_in_frame(start));
        assert_eq!((memory.map().resolve(start), memory.map().guess_mark(start)), (None, None));
        all.push((start, start + size));
    }
    all.sort_unstable();
    assert!(all.windows(2).all(|two| two[0].1 <= two[1].0), "two overlap");
    holds(&memory, frames(&memory) / PAGE_BYTES);
    region.release(source);
    assert!(!region.has(all[0].0));
    tracts.flush(&memory);
    holds(&memory, 0);
    assert!(!memory.pages().is_in_frame(all[0].0));
    assert!(!memory.pages().is_in_frame(0));
}

#[test]
fn a_region_grows_and_keeps_its_last_chunk_when_it_is_reset() {
    let (memory, tracts, region) = (memory(), Tracts::default(), Region::new());
    let source = source(&memory, &tracts);
    let first = alloc(&region, source, 8, 8);
    for _ in 0..FRAME_PAGES * PAGE_BYTES / 64 {
        alloc(&region, source, 64, 8);
    }
    // The second is twice as long.
    holds(&memory, 3 * FRAME_PAGES);
    assert!(region.used().get() > FRAME_PAGES * PAGE_BYTES);
    region.reset(source);
    assert_eq!(region.used(), Bytes::ZERO);
    let again = alloc(&region, source, 8, 8);
    assert_ne!(first, again, "the longer tract is kept");
    region.reset(source);
    assert_eq!(alloc(&region, source, 8, 8), again);
    region.release(source);
    assert!(tracts.kept() <= Pages::new(FRAME_PAGES_KEPT));
    holds(&memory, tracts.kept().get());
    tracts.flush(&memory);
    holds(&memory, 0);
}

#[test]
fn a_large_request_gets_pages_of_its_own_and_they_are_not_kept() {
    let (memory, tracts, region) = (memory(), Tracts::default(), Region::new());
    let source = source(&memory, &tracts);
    let pages = FRAME_PAGES * 16 + FRAME_PAGES_KEPT;
    alloc(&region, source, pages * PAGE_BYTES - 3, 8);
    holds(&memory, pages);
    alloc(&region, source, PAGE_BYTES, 4 * PAGE_BYTES);
    region.release(source);
    assert!(tracts.kept() <= Pages::new(FRAME_PAGES_KEPT));
    for size in [isize::MAX.cast_unsigned(), isize::MAX.cast_unsigned() - PAGE_BYTES] {
        let refused = region.alloc_slow(source, size, 1 << 20);
        assert_eq!(refused, Err(AllocError::TooLarge { count: 1, size: Bytes::new(size) }));
    }
    assert!(matches!(region.alloc_slow(source, 1 << 40, 8), Err(AllocError::Reservation { .. })));
    tracts.flush(&memory);
    holds(&memory, 0);
}

#[test]
fn a_rewound_region_is_as_it_was() {
    let (memory, tracts, region) = (memory(), Tracts::default(), Region::new());
    let source = source(&memory, &tracts);
    let empty = region.mark();
    alloc(&region, source, 24, 8);
    let (mark, used) = (region.mark(), region.used());
    let next = alloc(&region, source, 8, 8);
    for _ in 0..20 {
        alloc(&region, source, PAGE_BYTES, 8);
    }
    let deeper = region.mark();
    alloc(&region, source, 40, 8);
    region.rewind(source, deeper);
    assert_eq!(region.mark(), deeper);
    region.rewind(source, mark);
    assert_eq!((region.used(), region.mark()), (used, mark));
    assert_eq!(alloc(&region, source, 8, 8), next);
    region.rewind(source, empty);
    assert_eq!(region.used(), Bytes::ZERO);
    assert!(region.alloc(8, 8).is_none());
    tracts.flush(&memory);
    holds(&memory, 0);
}

#[test]
fn the_rest_of_a_region_is_lent_and_comes_back() {
    let (memory, tracts, outer) = (memory(), Tracts::default(), Region::new());
    let source = source(&memory, &tracts);
    // Of nothing, nothing is lent.
    let rest = outer.lend();
    let inner = Region::with(&rest);
    alloc(&inner, source, 8, 8);
    inner.release(source);
    outer.take_back(&rest);
    let first = alloc(&outer, source, 8, 8).addr().get();
    let rest = outer.lend();
    let inner = Region::with(&rest);
    assert_eq!(alloc(&inner, source, 8, 8).addr().get(), first + 8);
    inner.reset(source);
    assert_eq!(alloc(&inner, source, 8, 8).addr().get(), first + 8);
    inner.release(source);
    outer.take_back(&rest);
    assert_eq!(alloc(&outer, source, 8, 8).addr().get(), first + 8);
    // If the lender has taken a tract meanwhile, it goes on there.
    let rest = outer.lend();
    let inner = Region::with(&rest);
    let theirs = alloc(&inner, source, 8, 8).addr().get();
    let ours = alloc(&outer, source, 8, 8).addr().get();
    assert_eq!(theirs, first + 16);
    inner.release(source);
    outer.take_back(&rest);
    assert_eq!(alloc(&outer, source, 8, 8).addr().get(), ours + 8);
    outer.release(source);
    tracts.flush(&memory);
    holds(&memory, 0);
}

#[test]
fn the_hard_limit_counts_frames_and_what_is_kept_for_them() {
    let os = SimOs::new();
    let memory = memory_with(&os, None, Bytes::new(8 * PAGE_BYTES));
    let (tracts, region) = (Tracts::default(), Region::new());
    let source = source(&memory, &tracts);
    // The wish of a first tract may be the whole limit; what is needed fits after it was refused.
    let mut tract = 0;
    let refused = loop {
        match region.alloc_slow(source, PAGE_BYTES, 8) {
            Ok(_) => tract += 1,
            Err(refused) => break refused,
        }
    };
    assert!(tract > 0);
    let full = Bytes::new(8 * PAGE_BYTES);
    assert_eq!(refused, AllocError::Limit { asked: Bytes::new(PAGE_BYTES), held: full, limit: full });
    holds(&memory, 8);
    region.release(source);
    tracts.flush(&memory);
    holds(&memory, 0);
}

#[test]
fn a_refusal_of_the_system_leaves_a_region_as_it_was() {
    for op in [OsOp::Prepare, OsOp::Ready] {
        let os = SimOs::new();
        let memory = memory_with(&os, None, Bytes::new(usize::MAX));
        let (tracts, region) = (Tracts::default(), Region::new());
        let source = source(&memory, &tracts);
        os.fail_nth_of(op, 1);
        let first = region.alloc_slow(source, 8, 8);
        // Where a tract is longer than what is needed, that is asked for next.
        assert_eq!(first.is_ok(), FRAME_PAGES > 1, "{first:?}");
        holds(&memory, usize::from(first.is_ok()));
        os.fail_never();
        alloc(&region, source, 8, 8);
        region.release(source);
        tracts.flush(&memory);
        holds(&memory, 0);
    }
}

#[test]
fn what_is_taken_back_is_poisoned() {
    let memory = memory_with(&SimOs::new(), Some(0xAB), Bytes::new(usize::MAX));
    let (tracts, region) = (Tracts::default(), Region::new());
    let source = source(&memory, &tracts);
    let start = alloc(&region, source, 16, 8);
    // SAFETY: handed out.
    unsafe { start.write_bytes(1, 16) };
    region.reset(source);
    if cfg!(not(feature = "asan")) {
        // SAFETY: the tract is the region's, and ready memory that was written to.
        assert_eq!(unsafe { start.cast::<[u8; 16]>().read() }, [0xAB; 16]);
    }
    region.release(source);
    tracts.flush(&memory);
}

#[test]
fn a_run_that_is_counted_wrongly_is_a4() {
    let memory = memory();
    let _run = memory.pages().take_frame(Pages::new(3)).unwrap();
    assert_eq!(check(&memory), []);
    memory.pages().counters().frames.fetch_sub(PAGE_BYTES, Relaxed);
    assert!(check(&memory).iter().any(|violation| violation.name == "A4"));
}
