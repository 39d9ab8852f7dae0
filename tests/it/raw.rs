//! The raw layer: what a runtime is promised, if it does what it has to.

mod hints;
mod objects;

use crate::raw_scenes::{Held, boxed, get, get_any, name, named, set, set_any, unboxed};
use crate::support::within;
use heap_testkit::random::Random;
use heap_testkit::stacks::Stacks;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use tricolor::raw::{self, Inside, Kind, Layout, RootId};
use tricolor::{AllocError, Collector, Decoder, Heap, HeapBuilder};

/// A number, and the next link.
fn link_kind(heap: &Heap) -> Kind {
    Layout::new("link", 16).exact(1).register(heap).unwrap()
}

/// A new link.
fn link(inside: &Inside<'_>, kind: &Kind, number: u64, next: *mut u8) -> *mut u8 {
    let link = named(inside, kind, number);
    set(inside, link, 1, next);
    link
}

/// The numbers of the links from one on.
fn numbers(inside: &Inside<'_>, first: *mut u8) -> Vec<u64> {
    let mut found = Vec::new();
    let mut at = first;
    while !at.is_null() {
        found.push(name(at));
        at = get(inside, at, 1);
    }
    found
}

/// Registers a stack of references, which outlives the mutator.
fn register(inside: &Inside<'_>, stack: &[Held]) -> RootId {
    // SAFETY: R2: by this function's caller, who makes the stack before the mutator.
    unsafe { inside.add_exact(stack.as_ptr().cast(), stack.len()) }
}

/// A stack of references.
fn stack(len: usize) -> Vec<Held> {
    vec![Held::new(null_mut()); len]
}

/// A safepoint.
fn poll(inside: &Inside<'_>) {
    // SAFETY: R1: the tests use after it only what hangs on a stack that is registered.
    unsafe { inside.poll() };
}

/// An array that is clear.
fn array(inside: &Inside<'_>, kind: &raw::ArrayKind, len: usize) -> NonNull<u8> {
    // SAFETY: R3: a kind of this heap. R6: there is nothing to fill.
    unsafe { inside.alloc_array(kind, len) }.unwrap()
}

/// A root of an object.
fn root(inside: &Inside<'_>, object: *mut u8) -> raw::Root {
    // SAFETY: R4: an object of this heap.
    unsafe { inside.root(NonNull::new(object).unwrap()) }
}

/// Objects that are not freed.
fn left(heap: &Heap) -> u64 {
    heap.figures().memory.mallocs - heap.figures().memory.frees
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
        let stack = stack(100);
        let mut mutator = raw::Mutator::attach(&heap).unwrap();
        let inside = mutator.enter();
        let range = register(&inside, &stack);
        for number in 0..1000 {
            stack[number % 100].set(link(&inside, &kind, number as u64, null_mut()));
        }
        drop(inside);
        mutator.collect();
        assert_eq!(left(&heap), 100);
        assert_eq!(heap.figures().last_cycle.unwrap().roots, 100);
        let inside = mutator.enter();
        for (at, held) in (0..).zip(&stack) {
            assert_eq!(numbers(&inside, held.get()), [900 + at]);
        }
        inside.remove(range);
        drop(inside);
        mutator.collect();
        assert_eq!(left(&heap), 0);
        all_is_well(&heap);
    }
}

#[test]
fn a_poll_collects_when_it_is_due_and_an_allocation_does_not() {
    let heap = checked().collect_every(1).build().unwrap();
    let kind = link_kind(&heap);
    let held = stack(1);
    let mut mutator = raw::Mutator::attach(&heap).unwrap();
    let inside = mutator.enter();
    let _range = register(&inside, &held);
    let mut list = null_mut();
    for number in 0..50 {
        // In no root meanwhile: there is no safepoint.
        list = link(&inside, &kind, number, list);
    }
    assert_eq!(heap.figures().cycles, 0);
    for number in 50..100 {
        list = link(&inside, &kind, number, list);
        held[0].set(list);
        poll(&inside);
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
        // SAFETY: R3. Such blocks have no other duties.
        let refused = (0..10_000).find_map(|_| unsafe { inside.alloc(&kind) }.err());
        assert!(matches!(refused, Some(AllocError::Limit { .. })), "{refused:?}");
        poll(&inside);
    }
}

/// Several threads have stacks of their own, which change all the time, and exchange items through a shared array.
fn race(builder: HeapBuilder, moves: u64) {
    let heap = Stacks::settings(builder).build().unwrap();
    let stacks = Stacks::new(&heap);
    thread::scope(|scope| {
        for number in 0..3 {
            let stacks = &stacks;
            scope.spawn(move || stacks.work(number, Random::new(number), moves));
        }
    });
    drop(stacks);
    heap.collect();
    all_is_well(&heap);
    assert_eq!(left(&heap), 0, "nobody holds anything");
}

#[test]
fn stacks_that_change_beside_the_collector_lose_nothing() {
    within(Duration::from_secs(120), || {
        race(checked().collect_every(3), if cfg!(miri) { 30 } else { 3000 });
    });
}

#[test]
fn stacks_that_change_lose_nothing_to_a_collector_that_stops_the_world() {
    within(Duration::from_secs(120), || {
        let builder = checked().collect_every(3).collector(Collector::StopTheWorld);
        race(builder, if cfg!(miri) { 30 } else { 3000 });
    });
}

#[test]
fn stacks_that_change_beside_the_collectors_own_thread_lose_nothing() {
    within(Duration::from_secs(120), || {
        race(checked().least_heap(64 << 10), if cfg!(miri) { 30 } else { 60_000 });
    });
}

/// A name, and a value that may be anything.
fn boxed_kind(heap: &Heap) -> Kind {
    Layout::new("boxed", 16).ambiguous(1).register(heap).unwrap()
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
            let kind = boxed_kind(&heap);
            let stack = [1.5_f64, 0.0, f64::NAN, 1e300].map(|number| Cell::new(number.to_bits()));
            let mut mutator = raw::Mutator::attach(&heap).unwrap();
            let inside = mutator.enter();
            // SAFETY: R2: the stack outlives the mutator.
            let _range = unsafe { inside.add_ambiguous(stack.as_ptr().cast(), stack.len()) };
            for number in 0..10 {
                let object = named(&inside, &kind, number);
                set_any(&inside, object, 1, stack[1].get());
                // Inside the object: there is a tag in the low bits, too.
                stack[1].set(boxed(object) + 5);
            }
            drop(inside);
            mutator.collect();
            if decoder.is_none() {
                assert_eq!(left(&heap), 0, "without a decoder a box is a number");
                continue;
            }
            assert_eq!(left(&heap), 10);
            let inside = mutator.enter();
            let mut at = stack[1].get();
            for number in (0..10).rev() {
                assert_eq!(at >> 50, 0x3FFF, "a box");
                assert_eq!(name(unboxed(at - 5)), number);
                at = get_any(&inside, unboxed(at - 5), 1);
            }
            assert_eq!(at, 0.0_f64.to_bits());
            drop(inside);
            all_is_well(&heap);
        }
    }
}

#[test]
fn a_plain_address_counts_whatever_the_decoder_says() {
    let heap = checked().decoder(Decoder::new(|_| 0)).build().unwrap();
    let kind = boxed_kind(&heap);
    let held = [Cell::new(0_u64)];
    let mut mutator = raw::Mutator::attach(&heap).unwrap();
    let inside = mutator.enter();
    // SAFETY: R2: it outlives the mutator.
    let _range = unsafe { inside.add_ambiguous(held.as_ptr().cast(), 1) };
    held[0].set(named(&inside, &kind, 1).expose_provenance() as u64 | 1);
    drop(inside);
    mutator.collect();
    assert_eq!(left(&heap), 1);
    all_is_well(&heap);
}

#[test]
fn a_tagged_word_that_is_erased_while_a_cycle_marks_is_shaded() {
    for step in ["began", "barrier on", "settled", "roots", "dry", "marked", "off"] {
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
                let held = stack(2);
                let mut mutator = raw::Mutator::attach(&heap).unwrap();
                let inside = mutator.enter();
                let range = register(&inside, &held[..1]);
                for (number, place) in (1..).zip(&held) {
                    place.set(link(&inside, &kind, number, null_mut()));
                }
                // SAFETY: R2, R4: both are links.
                unsafe { inside.set_range(&range, held.as_ptr().cast(), 2) };
                let blocking = || {
                    parked.send(()).unwrap();
                    going.recv().unwrap();
                    assert!(is_over.load(SeqCst));
                };
                // SAFETY: R1: both links are registered.
                unsafe { inside.park(blocking) };
                for (number, place) in (1..).zip(&held) {
                    assert_eq!(numbers(&inside, place.get()), [number]);
                }
            })
        };
        is_parked.recv().unwrap();
        for _ in 0..3 {
            heap.collect();
            assert_eq!(left(&heap), 2);
        }
        is_over.store(true, SeqCst);
        go_on.send(()).unwrap();
        other.join().unwrap();
        heap.collect();
        assert_eq!(left(&heap), 0);
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
    assert_eq!(left(&heap), 0);
    all_is_well(&heap);
}

#[test]
fn a_panic_while_parked_leaves_the_thread_inside() {
    let heap = checked().gc_off().build().unwrap();
    let kind = link_kind(&heap);
    let mut mutator = raw::Mutator::attach(&heap).unwrap();
    let inside = mutator.enter();
    let parked = AssertUnwindSafe(|| {
        // SAFETY: R1: nothing is held.
        unsafe { inside.park(|| panic!("woken")) };
    });
    catch_unwind(parked).unwrap_err();
    let list = link(&inside, &kind, 1, null_mut());
    assert_eq!(numbers(&inside, list), [1]);
    drop(inside);
    mutator.collect();
    all_is_well(&heap);
}

#[test]
#[should_panic(expected = "changed by another")]
fn a_range_of_one_mutator_is_not_another_s() {
    let heaps = [(); 2].map(|()| checked().build().unwrap());
    let held = stack(1);
    let [mut one, mut other] = heaps.map(|heap| raw::Mutator::attach(&heap).unwrap());
    let range = register(&one.enter(), &held);
    other.enter().remove(range);
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
    let held = stack(1);
    let mut mutator = raw::Mutator::from(heap.attach().unwrap());
    let inside = mutator.enter();
    let _range = register(&inside, &held);
    drop(inside);
    for number in 0..100 {
        let root = mutator.safe().enter(|mu| mu.root(mu.alloc(number)));
        let inside = mutator.enter();
        held[0].set(link(&inside, &kind, number, held[0].get()));
        drop(inside);
        assert_eq!(mutator.safe().enter(|mu| *root.get(mu)), number);
    }
    let inside = mutator.enter();
    assert!(numbers(&inside, held[0].get()).into_iter().eq((0..100).rev()));
}

#[test]
fn a_cleanup_runs_when_nothing_registered_leads_to_its_object() {
    let heap = checked().build().unwrap();
    let kind = link_kind(&heap);
    let stack = stack(4);
    let mut mutator = raw::Mutator::attach(&heap).unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    {
        let inside = mutator.enter();
        let _range = register(&inside, &stack);
        for (number, place) in (0..).zip(&stack) {
            let object = link(&inside, &kind, number, null_mut());
            place.set(object);
            let count = Arc::clone(&count);
            let object = NonNull::new(object).unwrap();
            // SAFETY: R4: an object of this heap.
            let cleanup = unsafe { inside.cleanup(object, move || _ = count.fetch_add(1, SeqCst)) };
            assert!(number != 3 || cleanup.stop());
        }
    }
    mutator.collect();
    assert_eq!(count.load(SeqCst), 0);
    stack[0].set(null_mut());
    stack[3].set(null_mut());
    mutator.collect();
    assert_eq!(count.load(SeqCst), 1, "the fourth's was stopped");
    assert_eq!(left(&heap), 2);
    drop(mutator);
    heap.collect();
    assert_eq!(count.load(SeqCst), 3);
    all_is_well(&heap);
}

#[test]
fn a_finalizer_gets_its_object_and_may_register_it_again() {
    let heap = checked().build().unwrap();
    let kind = link_kind(&heap);
    let stack: std::rc::Rc<[Held]> = stack(2).into();
    let mut mutator = raw::Mutator::attach(&heap).unwrap();
    let seen = std::rc::Rc::new(Cell::new(0));
    {
        let inside = mutator.enter();
        let _range = register(&inside, &stack);
        stack[0].set(link(&inside, &kind, 1, link(&inside, &kind, 2, null_mut())));
        let object = NonNull::new(stack[0].get()).unwrap();
        let (seen, theirs) = (std::rc::Rc::clone(&seen), std::rc::Rc::clone(&stack));
        let finalizer = move |inside: &Inside<'_>, object: NonNull<u8>| {
            assert_eq!(numbers(inside, object.as_ptr()), [1, 2]);
            seen.set(seen.get() + 1);
            theirs[1].set(object.as_ptr());
            poll(inside);
            assert_eq!(numbers(inside, theirs[1].get()), [1, 2]);
        };
        // SAFETY: R4: an object of this heap. R1: it is in the stack before its safepoint.
        assert!(!unsafe { inside.set_finalizer(object, finalizer) });
        // SAFETY: as above; it does nothing.
        assert!(!unsafe { inside.set_shared_finalizer(object, |_, _| ()) });
        assert!(inside.clear_shared_finalizer(object));
    }
    mutator.collect();
    assert_eq!(seen.get(), 0);
    stack[0].set(null_mut());
    mutator.collect();
    assert_eq!((seen.get(), left(&heap)), (1, 2));
    mutator.collect();
    assert_eq!((seen.get(), left(&heap)), (1, 2), "it is registered again");
    stack[1].set(null_mut());
    mutator.collect();
    assert_eq!((seen.get(), left(&heap)), (1, 0));
    all_is_well(&heap);
}

#[test]
fn what_a_mutator_that_is_gone_has_left_is_not_taken_for_anothers() {
    let heap = checked().gc_off().build().unwrap();
    let (kind, held) = (link_kind(&heap), stack(1));
    let mut left_over = Vec::new();
    for round in 0..20_u64 {
        // Where the last one was, as likely as not.
        let mut mutator = raw::Mutator::attach(&heap).unwrap();
        let inside = mutator.enter();
        let (range, frame) = (register(&inside, &held), inside.open_frame());
        held[0].set(link(&inside, &kind, round, null_mut()));
        for (range, frame) in std::mem::take(&mut left_over) {
            catch_unwind(AssertUnwindSafe(|| inside.remove(range))).expect_err("the range of another");
            // SAFETY: R9: nothing is in a frame.
            catch_unwind(AssertUnwindSafe(|| unsafe { inside.close_frame(frame) }))
                .expect_err("another's frame");
        }
        assert_eq!(inside.open_frames(), 1);
        drop(inside);
        mutator.collect();
        assert_eq!(numbers(&mutator.enter(), held[0].get()), [round]);
        held[0].set(null_mut());
        left_over.push((range, frame));
    }
    all_is_well(&heap);
}
