//! Objects and arrays of kinds made at run time, and what is stored in them.

use super::{all_is_well, array, checked, left, link, link_kind, numbers, register, root, stack};
use crate::raw_scenes::{get, get_any, name, named, set, word};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use tricolor::raw::{self, Kind, Layout, LayoutError};
use tricolor::{AllocError, Decoder, Heap, LayoutPolicy};

static DROPPED: AtomicUsize = AtomicUsize::new(0);

#[test]
fn what_a_superset_holds_is_found_with_and_without_a_decoder() {
    unsafe fn nothing(_: *mut u8) {}
    for decoder in [None, Some(Decoder::NAN_BOX)] {
        let mut builder = checked().gc_off().layouts(LayoutPolicy::PerType);
        if let Some(decoder) = decoder {
            builder = builder.decoder(decoder);
        }
        let heap = builder.build().unwrap();
        let names = (0..5000).map(|number| &*Box::leak(format!("kind {number}").into_boxed_str()));
        let of = |name| Layout::new(name, 32).exact(1).exact(3);
        let kinds: Vec<Kind> = names.map(|name| of(name).register(&heap).unwrap()).collect();
        assert!(!kinds[0].is_superset() && kinds[4999].is_superset());
        let refused = of("droppable").on_drop(nothing).register(&heap).unwrap_err();
        assert!(matches!(refused, LayoutError::Full { .. }), "{refused}");
        let mut mutator = raw::Mutator::attach(&heap).unwrap();
        let inside = mutator.enter();
        let chain = kinds[4990..].iter().fold(null_mut(), |last, kind| {
            let object = named(&inside, kind, 1);
            set(&inside, object, 3, last);
            object
        });
        let first = root(&inside, chain);
        drop(inside);
        mutator.collect();
        assert_eq!(left(&heap), 10);
        let same = first.clone();
        drop(first);
        mutator.collect();
        assert_eq!(left(&heap), 10);
        drop(same);
        mutator.collect();
        assert_eq!(left(&heap), 0);
        all_is_well(&heap);
    }
}

#[test]
fn a_layout_that_cannot_be_says_why() {
    let heap = Heap::new().unwrap();
    let of = |size| Layout::new("odd", size);
    let error = |layout: Layout| layout.register(&heap).unwrap_err();
    assert_eq!(error(of(0)), LayoutError::Empty);
    assert_eq!(error(of(16).align(24)), LayoutError::Alignment { align: 24 });
    assert_eq!(error(of(16).align(1 << 14)), LayoutError::Alignment { align: 1 << 14 });
    assert_eq!(error(of(16).exact(2)), LayoutError::PastEnd { word: 2, words: 2 });
    assert_eq!(error(of(15).ambiguous(1)), LayoutError::PastEnd { word: 1, words: 1 });
    assert_eq!(error(of(16).exact(1).ambiguous(1)), LayoutError::TwoKinds { word: 1 });
    assert_eq!(error(of(8200).exact(0)), LayoutError::TooLong { words: 1025, most: 1024 });
    let array = |layout: Layout, header| layout.register_array(&heap, header).unwrap_err();
    assert_eq!(array(of(0), 8), LayoutError::Empty);
    assert_eq!(array(of(12).exact(0), 8), LayoutError::BrokenElement { size: 12 });
    assert!(matches!(array(of(8), usize::MAX), LayoutError::LongHeader { .. }));
    assert!(of(8200).register(&heap).is_ok() && of(12).register_array(&heap, 0).is_ok());
    assert!(error(of(16).exact(2)).to_string().contains("word 2 lies past the end"));
}

#[test]
fn objects_are_aligned_and_clear_where_something_is_read() {
    let heap = checked().gc_off().build().unwrap();
    let mut mutator = raw::Mutator::attach(&heap).unwrap();
    for bytes in [8, 24, 40, 64, 100, 1000, 8000, 8192] {
        for align in [8, 16, 64, 4096, 8192] {
            let kind = Layout::new("aligned", bytes).align(align).exact(0).register(&heap).unwrap();
            assert_eq!(kind.size(), bytes);
            for _ in 0..3 {
                let inside = mutator.enter();
                for _ in 0..20 {
                    // SAFETY: R3. R6: it is clear.
                    let object = unsafe { inside.alloc(&kind) }.unwrap().as_ptr();
                    assert!(object.addr().is_multiple_of(align), "{bytes} bytes aligned to {align}");
                    for number in 0..bytes / 8 {
                        // SAFETY: a word of the object.
                        assert_eq!(unsafe { word(object, number).read() }, 0);
                    }
                    if bytes > 8 {
                        // What is no reference is the program's.
                        // SAFETY: the last word of the object, which no mask names.
                        unsafe { word(object, bytes / 8 - 1).write(!0) };
                    }
                }
                drop(inside);
                mutator.collect();
            }
        }
    }
    all_is_well(&heap);
}

#[test]
fn arrays_of_all_lengths_hold_what_they_are_given() {
    let heap = checked().gc_off().build().unwrap();
    let links = link_kind(&heap);
    // Two words an element, of which the second is a reference; behind a header of three.
    let pairs = Layout::new("pair", 16).exact(1).register_array(&heap, 24).unwrap();
    assert_eq!((pairs.header(), pairs.element()), (24, 16));
    let bytes = Layout::new("byte", 1).register_array(&heap, 0).unwrap();
    let held = stack(2);
    let mut mutator = raw::Mutator::attach(&heap).unwrap();
    for len in [0, 1, 2, 7, 100, 2500, if cfg!(miri) { 2600 } else { 50_000 }] {
        let inside = mutator.enter();
        let range = register(&inside, &held);
        held[0].set(array(&inside, &pairs, len).as_ptr());
        held[1].set(array(&inside, &bytes, len).as_ptr());
        // SAFETY: an array of so many bytes.
        unsafe { held[1].get().wrapping_add(bytes.header()).write_bytes(7, len) };
        for index in 0..len {
            let link = link(&inside, &links, index as u64, null_mut());
            set(&inside, held[0].get(), 3 + 2 * index + 1, link);
        }
        drop(inside);
        mutator.collect();
        assert_eq!(left(&heap), 2 + len as u64);
        let inside = mutator.enter();
        assert_eq!((name(held[0].get()), name(held[1].get())), (len as u64, len as u64));
        for index in 0..len {
            let link = get(&inside, held[0].get(), 3 + 2 * index + 1);
            assert_eq!(numbers(&inside, link), [index as u64]);
        }
        inside.remove(range);
    }
    let inside = mutator.enter();
    // SAFETY: nothing is made.
    let error = unsafe { inside.alloc_array(&pairs, usize::MAX / 8) }.unwrap_err();
    assert!(matches!(error, AllocError::TooLarge { .. }));
}

#[test]
fn many_words_are_stored_at_once() {
    let heap = checked().gc_off().build().unwrap();
    let links = link_kind(&heap);
    let places = Layout::new("place", 8).exact(0).register_array(&heap, 8).unwrap();
    let values = Layout::new("value", 8).ambiguous(0).register_array(&heap, 8).unwrap();
    let mut mutator = raw::Mutator::attach(&heap).unwrap();
    let inside = mutator.enter();
    let refs = array(&inside, &places, 10).as_ptr();
    let words = array(&inside, &values, 10).as_ptr();
    let roots = [refs, words].map(|array| root(&inside, array));
    let numbered: Vec<*mut u8> = (0..5).map(|number| link(&inside, &links, number, null_mut())).collect();
    let first = word(refs, 1).cast::<*mut u8>();
    // SAFETY: exact words of the array, and a link.
    unsafe { inside.fill(first, numbered[4], 10) };
    // SAFETY: exact words of the array, and links.
    unsafe { inside.copy(first, numbered.as_ptr(), 4) };
    // SAFETY: exact words of the array.
    unsafe { inside.copy(first.wrapping_add(1), first, 4) };
    let seven = link(&inside, &links, 7, null_mut()).expose_provenance() as u64;
    // SAFETY: ambiguous words of the other.
    unsafe { inside.fill_ambiguous(word(words, 1), seven, 10) };
    // SAFETY: ambiguous words of the other.
    unsafe { inside.copy_ambiguous(word(words, 1), [1, 2, 3].as_ptr(), 3) };
    drop(inside);
    mutator.collect();
    assert_eq!(left(&heap), 2 + 5 + 1);
    let inside = mutator.enter();
    assert_eq!(inside.get(&roots[0]).as_ptr(), refs);
    for (at, number) in [0, 0, 1, 2, 3, 4, 4, 4, 4, 4].into_iter().enumerate() {
        assert_eq!(numbers(&inside, get(&inside, refs, 1 + at)), [number]);
    }
    assert_eq!((1..=4).map(|at| get_any(&inside, words, at)).collect::<Vec<_>>(), [1, 2, 3, seven]);
    drop(inside);
    all_is_well(&heap);
}

#[test]
fn what_an_object_keeps_elsewhere_is_traced_and_its_drop_runs_once() {
    /// The object's only word is zero, or the address of a box with the address of a link.
    unsafe fn trace(object: *const u8, visit: &mut dyn FnMut(usize)) {
        let kept = with_exposed(object.cast_mut());
        if !kept.is_null() {
            // SAFETY: the box lives as long as the object, and does not change.
            visit(unsafe { kept.read() });
        }
    }
    unsafe fn drop_one(object: *mut u8) {
        // SAFETY: the object's own box.
        drop(unsafe { Box::from_raw(with_exposed(object)) });
        DROPPED.fetch_add(1, SeqCst);
    }
    fn with_exposed(object: *mut u8) -> *mut usize {
        core::ptr::with_exposed_provenance_mut(usize::try_from(name(object)).unwrap())
    }
    let heap = checked().gc_off().build().unwrap();
    let links = link_kind(&heap);
    let kind = Layout::new("owner", 8).traced_by(trace).on_drop(drop_one).register(&heap).unwrap();
    let mut mutator = raw::Mutator::attach(&heap).unwrap();
    let inside = mutator.enter();
    let mut roots = Vec::new();
    for number in 0..20 {
        let kept = Box::into_raw(Box::new(link(&inside, &links, number, null_mut()).addr()));
        let object = named(&inside, &kind, kept.expose_provenance() as u64);
        if number % 2 == 0 {
            roots.push(root(&inside, object));
        }
    }
    drop(inside);
    mutator.collect();
    assert_eq!(DROPPED.load(SeqCst), 10);
    mutator.collect();
    assert_eq!(left(&heap), 20);
    drop(roots);
    drop(mutator);
    all_is_well(&heap);
    drop(heap);
    assert_eq!(DROPPED.load(SeqCst), 20);
}
