use super::map::{ScanWord, SpanMap};
use super::marks::Epoch;
use super::{Home, Span, SpanId, SpanShape};
use crate::cache::Cache;
use crate::memory::tests::{alloc, memory, noscan, references};
use crate::os::sim::SimOs;
use crate::os::{Os, Reservation};
use crate::size_class::SizeClass;
use crate::sync::Arc;
use crate::units::{Bytes, PAGE_BYTES, PageIndex, Pages};

fn shape(class: SizeClass, first: usize) -> SpanShape {
    SpanShape {
        first: PageIndex::new(first),
        pages: class.span_pages(),
        slots: class.slots(),
        stride: class.size().get(),
        magic: class.magic(),
        block: 16,
        dirty: false,
    }
}

#[test]
fn a_record_says_what_it_was_made_with_until_it_is_unmade() {
    let span = Span::default();
    assert_eq!((span.home(), span.entry().is_null()), (Home::Free, true));
    let class = SizeClass::for_bytes(48);
    span.make(&shape(class, 7), core::ptr::dangling_mut());
    assert_eq!((span.first().get(), span.pages(), span.slots()), (7, class.span_pages(), class.slots()));
    assert_eq!((span.stride(), span.used(), span.is_large()), (Bytes::new(48), Bytes::new(48), false));
    for home in [Home::Cached, Home::Partial, Home::Full, Home::Large, Home::Moving] {
        span.set_home(home);
        assert_eq!(span.home(), home);
    }
    assert!(format!("{span:?}").contains("slots: 170"), "{span:?}");
    span.unmake();
    assert_eq!((span.home(), span.entry().is_null()), (Home::Free, true));
}

#[test]
fn multiplication_finds_the_slot_of_every_byte_of_every_class() {
    for class in SizeClass::small() {
        let span = Span::default();
        span.make(&shape(class, 0), core::ptr::dangling_mut());
        let size = class.size().get();
        for offset in 0..class.span_pages().bytes().get() {
            assert_eq!(span.slot_at(offset) as usize, offset / size, "byte {offset} of {class:?}");
        }
    }
}

#[test]
fn words_inside_an_allocated_slot_lead_to_it_and_no_others_do() {
    let (memory, cache) = (memory(), Cache::new());
    for id in [noscan(24), noscan(8), references(64), noscan(9472), noscan(32768)] {
        let object = alloc(&memory, &cache, id, 1).addr().get();
        let next = alloc(&memory, &cache, id, 2).addr().get();
        let stride = memory.entry(id).layout().class.size().get();
        let map = memory.map();
        for offset in [0, 1, stride / 2, stride - 1] {
            let found = map.resolve(object + offset).unwrap_or_else(|| panic!("byte {offset} of {stride}"));
            assert_eq!(found.start, object);
        }
        assert_ne!(map.resolve(next).map(|found| found.start), Some(object));
        cache.flush(&memory);
        assert_eq!(map.resolve(next + stride).map(|found| found.start), None, "a free slot is nothing");
    }
    let map = memory.map();
    for word in [0, 1, 8, map.base() - 1, map.base() + (16 << 20), usize::MAX, map.base() + (16 << 20) - 1] {
        assert_eq!(map.resolve(word), None, "{word:#x}");
        assert!(map.span_at(word).is_none());
    }
}

#[test]
fn the_quick_road_leads_where_the_checked_one_does() {
    let (memory, cache) = (memory(), Cache::new());
    let quick = memory.map().quick();
    for id in [noscan(24), references(8), references(48), references(64), noscan(1024)] {
        for _ in 0..20 {
            let object = alloc(&memory, &cache, id, 0).addr().get();
            let found = memory.map().resolve(object).unwrap();
            let span = memory.map().span(found.span);
            // SAFETY: an allocated slot's address.
            let (mark, scan) = unsafe { quick.look(object) };
            assert_eq!(scan.slow(), None);
            assert!(core::ptr::eq(mark.byte(), memory.map().mark_of(span, found.slot).byte()));
            mark.set(Epoch::LAST.byte());
            assert!(memory.map().may_be_reached(span, Epoch::LAST), "both know the same byte");
            assert_eq!(Some(scan.mask()), memory.entry(id).quick_mask());
            // SAFETY: as above.
            assert_eq!(unsafe { quick.scan_word(object) }, scan);
        }
    }
    // A span of several pages: see the record.
    let object = alloc(&memory, &cache, noscan(9472), 0).addr().get();
    // SAFETY: an allocated slot's address.
    let (_, scan) = unsafe { quick.look(object) };
    assert_eq!(scan.slow(), memory.map().span_at(object));
}

#[test]
fn a_word_in_the_piece_of_a_page_at_the_end_leads_nowhere() {
    let os: Arc<dyn Os> = SimOs::new();
    let space = Reservation::reserve(&os, Bytes::new(Bytes::mib(4).get() + PAGE_BYTES / 2)).unwrap();
    assert_ne!(space.len().get() % PAGE_BYTES, 0, "the last page is none");
    let map = SpanMap::new(&os, &space).unwrap();
    let end = map.base() + Bytes::mib(4).get();
    for word in [end, end + 8, map.base() + space.len().get() - 1] {
        assert_eq!((map.contains(word), map.resolve(word), map.guess_mark(word)), (false, None, None));
    }
    assert!(map.contains(end - 1));
}

#[test]
fn entering_and_leaving_touches_the_spans_own_pages_only() {
    let os: Arc<dyn Os> = SimOs::new();
    let space = Reservation::reserve(&os, Bytes::mib(4)).unwrap();
    let map = SpanMap::new(&os, &space).unwrap();
    let id = SpanId::new(3);
    let class = SizeClass::for_bytes(9472);
    map.span(id).make(&shape(class, 5), core::ptr::dangling_mut());
    map.enter(id, None);
    let pages = class.span_pages().get();
    for page in 0..20 {
        let wanted = (5..5 + pages).contains(&page).then_some(id);
        assert_eq!(map.owner(PageIndex::new(page)), wanted, "page {page}");
        assert_eq!(map.span_at(map.base() + page * PAGE_BYTES), wanted);
    }
    map.leave(map.span(id));
    assert!((0..20).all(|page| map.owner(PageIndex::new(page)).is_none()));
    assert_eq!(map.address(PageIndex::new(2)).get(), map.base() + Pages::new(2).bytes().get());
}

#[test]
fn a_scan_word_is_itself_whether_it_was_foreseen_or_not() {
    let (memory, cache) = (memory(), Cache::new());
    let road = memory.map().quick();
    let objects = [references(16), references(32)].map(|id| alloc(&memory, &cache, id, 0).addr().get());
    // SAFETY: both are addresses of objects of this heap.
    let words = objects.map(|object| unsafe { road.scan_word(object) });
    assert_ne!(words[0], words[1]);
    let mut usual = ScanWord::NOSCAN;
    for word in [0, 0, 1, 0, 1, 1].map(|at| words[at]) {
        assert_eq!(word.foreseen(&mut usual), word);
        assert_eq!(usual, word);
    }
}
