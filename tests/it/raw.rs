//! The raw layer: what a runtime is promised, if it does what it has to.

use crate::support::within;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use tricolor::raw::{self, Inside, Kind, Layout, LayoutError};
use tricolor::{Collector, Decoder, Heap, HeapBuilder, LayoutPolicy};

/// A link: a number, and the next link.
const LINK: usize = 16;

/// A link's second word.
fn next(link: *mut u8) -> *mut *mut u8 {
    link.wrapping_add(8).cast()
}

fn link_kind(heap: &Heap) -> Kind {
    Layout::new("link", LINK).exact(1).register(heap).unwrap()
}

/// A new link.
fn link(inside: &Inside<'_>, kind: &Kind, number: u64, to: *mut u8) -> *mut u8 {
    // SAFETY: R3: a kind of this heap. R5, R6: filled below.
    let link = unsafe { inside.alloc(kind) }.unwrap().as_ptr();
    // SAFETY: R5: a new link, which only this thread knows.
    unsafe { link.cast::<u64>().write(number) };
    // SAFETY: R4: the second word of a link, and a link.
    unsafe { inside.write(next(link), to) };
    link
}

/// The numbers of the links from one on.
fn numbers(inside: &Inside<'_>, first: *mut u8) -> Vec<u64> {
    let mut found = Vec::new();
    let mut at = first;
    while !at.is_null() {
        // SAFETY: a link, whose number does not change.
        found.push(unsafe { at.cast::<u64>().read() });
        // SAFETY: the second word of a link.
        at = unsafe { inside.read(next(at)) };
    }
    found
}

fn checked() -> HeapBuilder {
    Heap::builder().poison(0xA5).verify_every(1).workers(1)
}

/// Nothing is broken.
fn all_is_well(heap: &Heap) {
    let found = heap.verify();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn what_a_range_leads_to_stays_and_the_rest_goes() {
    for collector in [Collector::Concurrent, Collector::StopTheWorld] {
        let heap = checked().collector(collector).gc_off().build().unwrap();
        let kind = link_kind(&heap);
        let mut stack = vec![null_mut::<u8>(); 100];
        let mut mutator = raw::Mutator::attach(&heap).unwrap();
        let (first, len) = (stack.as_mut_ptr(), stack.len());
        let inside = mutator.enter();
        // SAFETY: R2: the stack lives longer than the mutator, and holds links of this heap.
        let range = unsafe { inside.add_exact(first, len) };
        for number in 0..1000_u64 {
            let place = first.wrapping_add(number as usize % len);
            // SAFETY: a word of the stack.
            unsafe { place.write(link(&inside, &kind, number, null_mut())) };
        }
        drop(inside);
        mutator.collect();
        assert_eq!(heap.figures().memory.mallocs - heap.figures().memory.frees, 100);
        assert_eq!(heap.figures().last_cycle.unwrap().roots, 100);
        let inside = mutator.enter();
        for at in 0..len {
            // SAFETY: a word of the stack.
            let link = unsafe { first.wrapping_add(at).read() };
            assert_eq!(numbers(&inside, link), [900 + at as u64]);
        }
        inside.remove(range);
        drop(inside);
        mutator.collect();
        assert_eq!(heap.figures().memory.mallocs, heap.figures().memory.frees);
        all_is_well(&heap);
    }
}

#[test]
fn a_poll_collects_when_it_is_due_and_an_allocation_does_not() {
    let heap = checked().collect_every(1).build().unwrap();
    let kind = link_kind(&heap);
    let mut held = [null_mut::<u8>(); 1];
    let mut mutator = raw::Mutator::attach(&heap).unwrap();
    let place = held.as_mut_ptr();
    let inside = mutator.enter();
    // SAFETY: R2: it lives longer than the mutator.
    let _range = unsafe { inside.add_exact(place, 1) };
    let mut list = null_mut();
    for number in 0..50 {
        // In no root meanwhile: there is no safepoint.
        list = link(&inside, &kind, number, list);
    }
    assert_eq!(heap.figures().cycles, 0);
    for number in 50..100 {
        list = link(&inside, &kind, number, list);
        // SAFETY: a word that is registered.
        unsafe { place.write(list) };
        // SAFETY: R1: all links hang on the one that is registered.
        unsafe { inside.poll() };
        assert_eq!(heap.figures().cycles, number - 49);
    }
    assert!(numbers(&inside, list).into_iter().eq((0..100).rev()));
}

#[test]
fn a_refused_allocation_is_an_error_that_a_safepoint_mends() {
    let heap = Heap::builder().hard_limit(2 << 20).workers(1).build().unwrap();
    let kind = Layout::new("block", 1000).register(&heap).unwrap();
    let mut mutator = raw::Mutator::attach(&heap).unwrap();
    let inside = mutator.enter();
    for _ in 0..3 {
        // SAFETY: R3. The blocks have no duties.
        let refused = (0..10_000).find_map(|_| unsafe { inside.alloc(&kind) }.err());
        assert!(matches!(refused, Some(tricolor::AllocError::Limit { .. })), "{refused:?}");
        // SAFETY: R1: nothing is used after.
        unsafe { inside.poll() };
    }
}

/// Several threads have stacks of their own, which change all the time, and exchange links through a shared object.
fn race(builder: &HeapBuilder, rounds: u64) {
    const THREADS: u64 = 3;
    const SLOTS: usize = 16;
    let heap = builder.build().unwrap();
    let kind = link_kind(&heap);
    let board = Layout::new("place", 8).exact(0).register_array(&heap, 8).unwrap();
    let mut mutator = raw::Mutator::attach(&heap).unwrap();
    let inside = mutator.enter();
    // SAFETY: R3. An array of nulls is whole.
    let shared = unsafe { inside.alloc_array(&board, SLOTS) }.unwrap();
    // SAFETY: R4: an array of this heap.
    let root = unsafe { inside.root(shared) };
    drop(inside);
    drop(mutator);
    let run = |thread: u64| {
        let mut stack = vec![null_mut::<u8>(); SLOTS];
        let mut mutator = raw::Mutator::attach(&heap).unwrap();
        let (first, len) = (stack.as_mut_ptr(), stack.len());
        let inside = mutator.enter();
        // SAFETY: R2: the stack lives longer than the mutator.
        let _range = unsafe { inside.add_exact(first, len) };
        let mut random = thread + 1;
        for round in 0..rounds {
            random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let at = |shift: u32| (random >> shift) as usize % SLOTS;
            let (mine, other) = (first.wrapping_add(at(40)), first.wrapping_add(at(48)));
            let places = inside.get(&root).as_ptr().wrapping_add(board.header()).cast::<*mut u8>();
            let place = places.wrapping_add(at(56));
            // SAFETY: all are words of the stack, or of the shared array, and hold links or null.
            unsafe {
                match random >> 32 & 7 {
                    0 | 1 => {
                        let tail = other.read();
                        // Not longer than a few.
                        let tail = if numbers(&inside, tail).len() < 4 { tail } else { null_mut() };
                        mine.write(link(&inside, &kind, thread << 32 | round, tail));
                    }
                    2 => mine.write(other.read()),
                    3 => inside.write(place, mine.read()),
                    4 => mine.write(inside.read(place)),
                    5 => {
                        let head = mine.read();
                        if !head.is_null() {
                            mine.write(inside.read(next(head)));
                        }
                    }
                    6 => {
                        // Another's link may be changed by several at once.
                        let head = mine.read();
                        if !head.is_null() {
                            inside.write(next(head), null_mut());
                        }
                    }
                    _ if round % 64 == 0 => inside.park(thread::yield_now),
                    _ => {}
                }
            }
            // SAFETY: R1: all links are in the stack or in the shared array.
            unsafe { inside.poll() };
            // SAFETY: a word of the stack.
            for number in numbers(&inside, unsafe { mine.read() }) {
                assert!(
                    number >> 32 < THREADS && (number & 0xFFFF_FFFF) < rounds,
                    "{number:#x} is no link's"
                );
            }
        }
        // Goes with its range registered.
    };
    thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || run(thread));
        }
    });
    drop(root);
    heap.collect();
    all_is_well(&heap);
    assert_eq!(heap.figures().memory.mallocs, heap.figures().memory.frees, "nobody holds anything");
}

#[test]
fn stacks_that_change_beside_the_collector_lose_nothing() {
    within(Duration::from_secs(120), || {
        race(&checked().collect_every(3), if cfg!(miri) { 30 } else { 3000 });
    });
}

#[test]
fn stacks_that_change_lose_nothing_to_a_collector_that_stops_the_world() {
    within(Duration::from_secs(120), || {
        let builder = checked().collect_every(3).collector(Collector::StopTheWorld);
        race(&builder, if cfg!(miri) { 30 } else { 3000 });
    });
}

#[test]
fn stacks_that_change_beside_the_collectors_own_thread_lose_nothing() {
    within(Duration::from_secs(120), || {
        race(&checked().least_heap(64 << 10), if cfg!(miri) { 30 } else { 60_000 });
    });
}

/// A number, and a value that may be anything.
fn boxed(heap: &Heap) -> Kind {
    Layout::new("boxed", 16).ambiguous(1).register(heap).unwrap()
}

const BOXED: u64 = 0xFFFC << 48;

/// The address in a word with a tag.
fn unboxed(word: u64) -> *mut u8 {
    core::ptr::with_exposed_provenance_mut((word & ((1 << 48) - 1)) as usize)
}

#[test]
fn tagged_words_are_read_with_the_decoder_wherever_they_are() {
    for collector in [Collector::Concurrent, Collector::StopTheWorld] {
        for decoder in [Some(Decoder::NAN_BOX), None] {
            let mut builder = checked().gc_off().collector(collector);
            if let Some(decoder) = decoder {
                builder = builder.decoder(decoder);
            }
            let heap = builder.build().unwrap();
            let kind = boxed(&heap);
            let mut stack = [1.5_f64.to_bits(), 0, BOXED | 1, f64::NAN.to_bits()];
            let mut mutator = raw::Mutator::attach(&heap).unwrap();
            let first = stack.as_mut_ptr();
            let inside = mutator.enter();
            // SAFETY: R2: the stack lives longer than the mutator.
            let _range = unsafe { inside.add_ambiguous(first, 4) };
            let mut last = 0.25_f64.to_bits();
            for number in 0..10_u64 {
                // SAFETY: R3. R5, R6: filled below.
                let object = unsafe { inside.alloc(&kind) }.unwrap().as_ptr();
                // SAFETY: R5: a new object.
                unsafe { object.cast::<u64>().write(number) };
                // SAFETY: the second word, ambiguous.
                unsafe { inside.write_ambiguous(object.wrapping_add(8).cast(), last) };
                // Inside the object: its tag is in the low bits, too.
                last = BOXED | (object.expose_provenance() as u64 + 5);
            }
            // SAFETY: a word of the stack.
            unsafe { first.wrapping_add(1).write(last) };
            drop(inside);
            mutator.collect();
            let left = heap.figures().memory.mallocs - heap.figures().memory.frees;
            if decoder.is_none() {
                assert_eq!(left, 0, "without a decoder a box is a number");
                continue;
            }
            assert_eq!(left, 10);
            let inside = mutator.enter();
            let mut numbers = Vec::new();
            let mut at = last;
            while at & BOXED == BOXED {
                let object = unboxed(at - 5);
                // SAFETY: an object, filled above.
                numbers.push(unsafe { object.cast::<u64>().read() });
                // SAFETY: its second word.
                at = unsafe { inside.read_ambiguous(object.wrapping_add(8).cast()) };
            }
            assert!(numbers.into_iter().eq((0..10).rev()));
            assert_eq!(f64::from_bits(at), 0.25);
            drop(inside);
            all_is_well(&heap);
        }
    }
}

#[test]
fn a_plain_address_counts_whatever_the_decoder_says() {
    let heap = checked().decoder(Decoder::new(|_| 0)).build().unwrap();
    let kind = boxed(&heap);
    let mut word = [0_u64];
    let mut mutator = raw::Mutator::attach(&heap).unwrap();
    let place = word.as_mut_ptr();
    let inside = mutator.enter();
    // SAFETY: R2: it lives longer than the mutator.
    let _range = unsafe { inside.add_ambiguous(place, 1) };
    // SAFETY: R3. Zeros are whole.
    let object = unsafe { inside.alloc(&kind) }.unwrap();
    // SAFETY: the word that is registered.
    unsafe { place.write(object.addr().get() as u64 | 1) };
    drop(inside);
    mutator.collect();
    assert_eq!(heap.figures().memory.mallocs - heap.figures().memory.frees, 1);
    all_is_well(&heap);
}

#[test]
fn a_tagged_word_that_is_erased_while_a_cycle_marks_is_shaded() {
    for step in ["barrier on", "settled", "roots"] {
        crate::raw_scenes::tagged_word_erased(step);
    }
}

#[test]
fn a_range_that_changes_between_any_two_steps_keeps_what_it_holds() {
    for step in ["began", "barrier on", "settled", "roots", "dry", "marked", "off"] {
        crate::raw_scenes::range_changed(step);
        crate::raw_scenes::callback_heard(step);
    }
}

#[test]
fn what_a_superset_holds_is_found_with_and_without_a_decoder() {
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
        unsafe fn nothing(_: *mut u8) {}
        let refused = of("droppable").on_drop(nothing).register(&heap).unwrap_err();
        assert!(matches!(refused, LayoutError::Full { .. }), "{refused}");
        let mut mutator = raw::Mutator::attach(&heap).unwrap();
        let inside = mutator.enter();
        let chain = (0..10).fold(null_mut::<u8>(), |last, number| {
            // SAFETY: R3. R5, R6: filled below.
            let object = unsafe { inside.alloc(&kinds[4990 + number]) }.unwrap().as_ptr();
            // SAFETY: the last word, exact.
            unsafe { inside.write(object.wrapping_add(24).cast(), last) };
            object
        });
        // SAFETY: R4: an object of this heap.
        let root = unsafe { inside.root(NonNull::new(chain).unwrap()) };
        drop(inside);
        mutator.collect();
        assert_eq!(heap.figures().memory.mallocs - heap.figures().memory.frees, 10);
        drop(root.clone());
        drop(root);
        mutator.collect();
        assert_eq!(heap.figures().memory.mallocs, heap.figures().memory.frees);
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
            for _ in 0..3 {
                let inside = mutator.enter();
                for _ in 0..20 {
                    // SAFETY: R3. Zeros are whole.
                    let object = unsafe { inside.alloc(&kind) }.unwrap();
                    assert!(object.addr().get().is_multiple_of(align), "{bytes} bytes aligned to {align}");
                    for word in 0..bytes / 8 {
                        let word = object.cast::<u64>().as_ptr().wrapping_add(word);
                        // SAFETY: a word of the object.
                        assert_eq!(unsafe { word.read() }, 0);
                    }
                    if bytes > 8 {
                        // What is no reference is the program's.
                        // SAFETY: the last word of the object, which no mask names.
                        unsafe { object.cast::<u64>().as_ptr().wrapping_add(bytes / 8 - 1).write(!0) };
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
    let mut held = [null_mut::<u8>(); 2];
    let mut mutator = raw::Mutator::attach(&heap).unwrap();
    let place = held.as_mut_ptr();
    for len in [0, 1, 2, 7, 100, 2500, if cfg!(miri) { 2600 } else { 50_000 }] {
        let inside = mutator.enter();
        // SAFETY: R2: it lives longer than the range.
        let range = unsafe { inside.add_exact(place, 2) };
        // SAFETY: R3. Zeros are whole.
        let array = unsafe { inside.alloc_array(&pairs, len) }.unwrap().as_ptr();
        // SAFETY: as above.
        let text = unsafe { inside.alloc_array(&bytes, len) }.unwrap().as_ptr();
        // SAFETY: words that are registered.
        unsafe { place.write(array) };
        // SAFETY: as above.
        unsafe { place.wrapping_add(1).write(text) };
        // SAFETY: an array of so many bytes.
        unsafe { text.wrapping_add(bytes.header()).write_bytes(7, len) };
        let element = |index: usize| array.wrapping_add(24 + 16 * index + 8).cast::<*mut u8>();
        for index in 0..len {
            // SAFETY: the second word of an element.
            unsafe { inside.write(element(index), link(&inside, &links, index as u64, null_mut())) };
        }
        drop(inside);
        mutator.collect();
        let live = heap.figures().memory.mallocs - heap.figures().memory.frees;
        assert_eq!(live, 2 + len as u64);
        let inside = mutator.enter();
        // SAFETY: the first words of arrays.
        assert_eq!(unsafe { (array.cast::<usize>().read(), text.cast::<usize>().read()) }, (len, len));
        for index in 0..len {
            // SAFETY: the second word of an element.
            assert_eq!(numbers(&inside, unsafe { inside.read(element(index)) }), [index as u64]);
        }
        inside.remove(range);
    }
    let inside = mutator.enter();
    // SAFETY: nothing is made.
    let error = unsafe { inside.alloc_array(&pairs, usize::MAX / 8) }.unwrap_err();
    assert!(matches!(error, tricolor::AllocError::TooLarge { .. }));
}

#[test]
fn many_words_are_stored_at_once() {
    let heap = checked().gc_off().build().unwrap();
    let (links, places) = (link_kind(&heap), Layout::new("place", 8).exact(0));
    let places = places.register_array(&heap, 8).unwrap();
    let values = Layout::new("value", 8).ambiguous(0).register_array(&heap, 8).unwrap();
    let mut mutator = raw::Mutator::attach(&heap).unwrap();
    let inside = mutator.enter();
    // SAFETY: R3. Zeros are whole.
    let (refs, words) = unsafe { (inside.alloc_array(&places, 10), inside.alloc_array(&values, 10)) };
    let (refs, words) = (refs.unwrap(), words.unwrap());
    // SAFETY: R4: arrays of this heap.
    let roots = unsafe { [inside.root(refs), inside.root(words)] };
    let first = refs.as_ptr().wrapping_add(8).cast::<*mut u8>();
    let numbered: Vec<*mut u8> = (0..5).map(|number| link(&inside, &links, number, null_mut())).collect();
    // SAFETY: words of the array, and links.
    unsafe {
        inside.fill(first, numbered[4], 10);
        inside.copy(first, numbered.as_ptr(), 4);
        inside.copy(first.wrapping_add(1), first, 4);
    }
    let first_word = words.as_ptr().wrapping_add(8).cast::<u64>();
    // SAFETY: words of the other, and links.
    unsafe {
        inside.fill_ambiguous(
            first_word,
            link(&inside, &links, 7, null_mut()).expose_provenance() as u64,
            10,
        );
        inside.copy_ambiguous(first_word, [1, 2, 3].as_ptr(), 3);
    }
    drop(inside);
    mutator.collect();
    assert_eq!(heap.figures().memory.mallocs - heap.figures().memory.frees, 2 + 5 + 1);
    let inside = mutator.enter();
    assert_eq!(inside.get(&roots[0]), refs);
    for (at, number) in [0, 0, 1, 2, 3, 4, 4, 4, 4, 4].into_iter().enumerate() {
        // SAFETY: a word of the array.
        assert_eq!(numbers(&inside, unsafe { inside.read(first.wrapping_add(at)) }), [number]);
    }
    // SAFETY: a word of the other.
    assert_eq!(unsafe { inside.read_ambiguous(first_word.wrapping_add(2)) }, 3);
    drop(inside);
    all_is_well(&heap);
}

static DROPPED: AtomicUsize = AtomicUsize::new(0);

#[test]
fn what_an_object_keeps_elsewhere_is_traced_and_its_drop_runs_once() {
    /// A box with a link, and its address in the object.
    unsafe fn trace(object: *const u8, visit: &mut dyn FnMut(usize)) {
        // SAFETY: the object's only word, zero or the box.
        let at = unsafe { object.cast::<*const usize>().read() };
        if !at.is_null() {
            // SAFETY: the box lives as long as the object, and does not change.
            visit(unsafe { at.read() });
        }
    }
    unsafe fn drop_one(object: *mut u8) {
        // SAFETY: as above.
        let at = unsafe { object.cast::<*mut usize>().read() };
        // SAFETY: the object's own box.
        drop(unsafe { Box::from_raw(at) });
        DROPPED.fetch_add(1, SeqCst);
    }
    let heap = checked().gc_off().build().unwrap();
    let links = link_kind(&heap);
    let kind = Layout::new("owner", 8).traced_by(trace).on_drop(drop_one).register(&heap).unwrap();
    let mut mutator = raw::Mutator::attach(&heap).unwrap();
    let inside = mutator.enter();
    let mut roots = Vec::new();
    for number in 0..20 {
        let kept = Box::new(link(&inside, &links, number, null_mut()).addr());
        // SAFETY: R3. R6: filled below.
        let object = unsafe { inside.alloc(&kind) }.unwrap();
        // SAFETY: R5: a new object.
        unsafe { object.cast::<*mut usize>().write(Box::into_raw(kept)) };
        if number % 2 == 0 {
            // SAFETY: R4: an object of this heap.
            roots.push(unsafe { inside.root(object) });
        }
    }
    drop(inside);
    mutator.collect();
    assert_eq!(DROPPED.load(SeqCst), 10);
    mutator.collect();
    assert_eq!(heap.figures().memory.mallocs - heap.figures().memory.frees, 20);
    drop(roots);
    drop(mutator);
    all_is_well(&heap);
    drop(heap);
    assert_eq!(DROPPED.load(SeqCst), 20);
}

#[test]
fn who_is_parked_is_answered_for() {
    within(Duration::from_secs(60), || {
        let heap = checked().gc_off().build().unwrap();
        let kind = link_kind(&heap);
        let (parked, is_parked) = mpsc::channel();
        let (go_on, going) = mpsc::channel::<()>();
        let is_over = Arc::new(AtomicBool::new(false));
        let other = {
            let (heap, is_over) = (heap.clone(), Arc::clone(&is_over));
            thread::spawn(move || {
                let mut held = [null_mut::<u8>(); 2];
                let mut mutator = raw::Mutator::attach(&heap).unwrap();
                let place = held.as_mut_ptr();
                let inside = mutator.enter();
                // SAFETY: R2: it lives longer than the mutator. The second word comes later.
                let range = unsafe { inside.add_exact(place, 1) };
                for at in 0..2 {
                    // SAFETY: a word of its own.
                    unsafe { place.wrapping_add(at).write(link(&inside, &kind, 1 + at as u64, null_mut())) };
                }
                // SAFETY: R2, R4: both are links now.
                unsafe { inside.set_range(&range, place.cast_const().cast(), 2) };
                // SAFETY: R1: both are registered.
                unsafe {
                    inside.park(|| {
                        parked.send(()).unwrap();
                        going.recv().unwrap();
                        assert!(is_over.load(SeqCst));
                    });
                }
                for at in 0..2 {
                    // SAFETY: a word of its own.
                    let link = unsafe { place.wrapping_add(at).read() };
                    assert_eq!(numbers(&inside, link), [1 + at as u64]);
                }
            })
        };
        is_parked.recv().unwrap();
        for _ in 0..3 {
            heap.collect();
            assert_eq!(heap.figures().memory.mallocs - heap.figures().memory.frees, 2);
        }
        is_over.store(true, SeqCst);
        go_on.send(()).unwrap();
        other.join().unwrap();
        heap.collect();
        assert_eq!(heap.figures().memory.mallocs, heap.figures().memory.frees);
    });
}

/// Counts how often it was dropped.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn callbacks_end_with_their_mutator_whichever_way_it_goes() {
    let heap = checked().gc_off().build().unwrap();
    let (dropped, called) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let attach = || {
        let mut mutator = raw::Mutator::attach(&heap).unwrap();
        let (counted, called) = (Counted(Arc::clone(&dropped)), Arc::clone(&called));
        let inside = mutator.enter();
        let callback = move |_: &mut raw::RootVisitor<'_>| {
            let Counted(_) = &counted;
            called.fetch_add(1, SeqCst);
        };
        // SAFETY: R2: it reports nothing.
        let id = unsafe { inside.add_callback(callback) };
        drop(inside);
        (mutator, id)
    };
    thread::scope(|scope| {
        scope.spawn(|| drop(attach().0));
        scope.spawn(|| core::mem::forget(attach().0));
        scope.spawn(|| {
            let (mut mutator, id) = attach();
            mutator.collect();
            mutator.enter().remove(id);
        });
        scope.spawn(|| {
            let (mut mutator, _) = attach();
            // A stay that is forgotten ends with the mutator.
            core::mem::forget(mutator.enter());
        });
    });
    // A scope does not wait for what a thread does at its very end.
    within(Duration::from_secs(60), {
        let (heap, dropped) = (heap.clone(), Arc::clone(&dropped));
        move || {
            while heap.figures().mutators > 0 || dropped.load(SeqCst) < 4 {
                thread::yield_now();
            }
        }
    });
    let before = called.load(SeqCst);
    assert!(before > 0);
    heap.collect();
    assert_eq!((called.load(SeqCst), dropped.load(SeqCst)), (before, 4));
}

#[test]
fn a_stay_that_was_forgotten_ends_when_the_mutator_is_used() {
    let heap = checked().gc_off().build().unwrap();
    let kind = link_kind(&heap);
    let mut mutator = raw::Mutator::attach(&heap).unwrap();
    core::mem::forget(mutator.enter());
    let inside = mutator.enter();
    link(&inside, &kind, 1, null_mut());
    core::mem::forget(inside);
    mutator.collect();
    core::mem::forget(mutator.enter());
    assert_eq!(mutator.safe().enter(|mu| *mu.alloc(7_u64)), 7);
    mutator.collect();
    assert_eq!(heap.figures().memory.mallocs, heap.figures().memory.frees);
    all_is_well(&heap);
}

#[test]
fn a_panic_while_parked_leaves_the_thread_inside() {
    let heap = checked().gc_off().build().unwrap();
    let kind = link_kind(&heap);
    let mut mutator = raw::Mutator::attach(&heap).unwrap();
    let inside = mutator.enter();
    let parked = std::panic::AssertUnwindSafe(|| {
        // SAFETY: R1: nothing is held.
        unsafe { inside.park(|| panic!("woken")) };
    });
    std::panic::catch_unwind(parked).unwrap_err();
    let list = link(&inside, &kind, 1, null_mut());
    assert_eq!(numbers(&inside, list), [1]);
    drop(inside);
    mutator.collect();
    all_is_well(&heap);
}

/// In a process of its own: see below.
#[test]
fn callback_that_panics() {
    if std::env::var_os("TRICOLOR_RAW_PANIC").is_none() {
        return;
    }
    let heap = Heap::builder().gc_off().build().unwrap();
    let mut mutator = raw::Mutator::attach(&heap).unwrap();
    let inside = mutator.enter();
    // SAFETY: R2, but for the panic.
    let _id = unsafe { inside.add_callback(|_| panic!("no root is known")) };
    drop(inside);
    mutator.collect();
}

#[test]
#[cfg_attr(miri, ignore = "starts a process")]
fn a_callback_that_panics_ends_the_process() {
    let binary = std::env::current_exe().unwrap();
    let output = std::process::Command::new(binary)
        .args(["--exact", "raw::callback_that_panics", "--nocapture", "--test-threads=1"])
        .env("TRICOLOR_RAW_PANIC", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(said.contains("a root callback panicked"), "{said}");
}

#[test]
fn raw_objects_and_those_of_the_safe_interface_share_a_heap() {
    let heap = checked().collect_every(2).build().unwrap();
    let kind = link_kind(&heap);
    let mut held = [null_mut::<u8>(); 1];
    let mut mutator = raw::Mutator::from(heap.attach().unwrap());
    let place = held.as_mut_ptr();
    let inside = mutator.enter();
    // SAFETY: R2: it lives longer than the mutator.
    let _range = unsafe { inside.add_exact(place, 1) };
    drop(inside);
    for number in 0..100 {
        let root = mutator.safe().enter(|mu| mu.root(mu.alloc(number)));
        let inside = mutator.enter();
        // SAFETY: the word that is registered.
        unsafe { place.write(link(&inside, &kind, number, place.read())) };
        drop(inside);
        assert_eq!(mutator.safe().enter(|mu| *root.get(mu)), number);
    }
    let inside = mutator.enter();
    // SAFETY: the word that is registered.
    assert!(numbers(&inside, unsafe { place.read() }).into_iter().eq((0..100).rev()));
}
