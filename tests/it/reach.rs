//! Promise: how deep or wide the graph is does not matter: marking has no recursion and cuts large arrays into pieces.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use tricolor::{Collector, Event, Gc, GcCell, GcSlice, Heap, Root, Trace};

type Next<'gc> = GcCell<Option<Gc<'gc, Link<'gc>>>>;

#[derive(Trace)]
struct Link<'gc> {
    next: Next<'gc>,
    number: u64,
}

/// Ten million in a release build, fewer where every step is checked.
const MANY: usize = if cfg!(debug_assertions) { 300_000 } else { 10_000_000 };

fn list(heap: &Heap, len: usize) -> Root<Link<'static>> {
    heap.attach().unwrap().enter(|mu| {
        let mut head = mu.alloc(Link { next: GcCell::new(None), number: 0 });
        for number in 1..len as u64 {
            head = mu.alloc(Link { next: GcCell::new(Some(head)), number });
        }
        mu.root(head)
    })
}

#[test]
fn a_list_of_many_nodes_is_marked_without_a_deep_stack() {
    let heap = Heap::builder().workers(2).build().unwrap();
    // A small stack: recursion of any kind would not fit.
    let list = std::thread::Builder::new().stack_size(256 << 10);
    let thread = list.spawn(move || {
        let root = list_and_check(&heap);
        assert_eq!(heap.figures().memory.heap_objects, MANY as u64);
        drop(root);
        heap.collect();
        assert_eq!(heap.figures().memory.heap_objects, 0);
    });
    thread.unwrap().join().unwrap();
}

fn list_and_check(heap: &Heap) -> Root<Link<'static>> {
    let root = list(heap, MANY);
    heap.collect();
    heap.attach().unwrap().enter(|mu| {
        let (mut at, mut wanted) = (Some(root.get(mu)), MANY as u64);
        while let Some(link) = at {
            wanted -= 1;
            assert_eq!(link.number, wanted);
            at = link.next.get();
        }
        assert_eq!(wanted, 0);
    });
    root
}

#[test]
fn an_array_of_many_references_is_scanned_to_its_last() {
    let heap = Heap::builder().workers(2).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let root: Root<GcSlice<GcCell<Option<Gc<'static, u128>>>>> = mutator.enter(|mu| {
        let array = mu.alloc_slice(MANY, |_| GcCell::new(None));
        // Every seventh place, and the ends.
        for (index, place) in array.iter().enumerate() {
            if index % 7 == 0 || index == MANY - 1 {
                place.set(mu, Some(mu.alloc(index as u128)));
            }
        }
        mu.root(array)
    });
    for _ in 0..2 {
        mutator.collect();
    }
    mutator.enter(|mu| {
        for (index, place) in root.get(mu).iter().enumerate() {
            let wanted = (index % 7 == 0 || index == MANY - 1).then_some(index as u128);
            assert_eq!(place.get().map(|number| *number), wanted, "place {index}");
        }
    });
    let held = MANY.div_ceil(7) + usize::from(!(MANY - 1).is_multiple_of(7));
    assert_eq!(heap.figures().memory.heap_objects, held as u64 + 1);
}

/// A marker without room for what it has found throws it away, and finds it again.
#[test]
fn objects_that_a_marker_has_no_room_for_are_found_again() {
    type Leaves<'gc> = GcSlice<Gc<'gc, Gc<'gc, u64>>>;
    for collector in [Collector::Concurrent, Collector::StopTheWorld] {
        for workers in [1, 2] {
            let lost = Arc::new(AtomicUsize::new(0));
            let theirs = Arc::clone(&lost);
            let heap = Heap::builder()
                .collector(collector)
                .workers(workers)
                .mark_stack(1)
                .poison(0xA5)
                .on_event(move |event| _ = theirs.fetch_add(usize::from(*event == Event::Lost), Relaxed))
                .build()
                .unwrap();
            let mut mutator = heap.attach().unwrap();
            // Wide, and each leads to something that must be scanned.
            let root: Root<Leaves<'static>> =
                mutator.enter(|mu| mu.root(mu.alloc_slice(50_000, |n| mu.alloc(mu.alloc(n as u64)))));
            mutator.collect();
            // With shrunk quanta so few are taken at once that there is room.
            let has_room = tricolor::core::stress::STRESSED;
            assert!(has_room || lost.load(Relaxed) > 0, "1024 entries are not enough for 50,000 objects");
            mutator.enter(|mu| {
                for (n, leaf) in (0..).zip(root.get(mu).iter()) {
                    assert_eq!(***leaf, n);
                }
            });
            drop(root);
            mutator.collect();
            assert_eq!(heap.figures().memory.heap_objects, 0);
        }
    }
}

#[test]
fn cycles_and_self_references_die_when_no_root_leads_there() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    let root = mutator.enter(|mu| {
        let links: Vec<_> =
            (0..100).map(|number| mu.alloc(Link { next: GcCell::new(None), number })).collect();
        for (index, link) in links.iter().enumerate() {
            link.next.set(mu, Some(links[(index * 37 + 1) % 100]));
        }
        let alone = mu.alloc(Link { next: GcCell::new(None), number: 0 });
        alone.next.set(mu, Some(alone));
        mu.root(links[5])
    });
    mutator.collect();
    let mut seen = std::collections::HashSet::new();
    mutator.enter(|mu| {
        let mut at = root.get(mu);
        while seen.insert(at.number) {
            at = at.next.get().expect("every link has a next");
        }
    });
    assert_eq!(heap.figures().memory.heap_objects, seen.len() as u64);
    drop(root);
    mutator.collect();
    assert_eq!(heap.figures().memory.heap_objects, 0);
}

#[test]
fn a_root_that_is_cloned_moved_and_set_keeps_exactly_its_object() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    let first: Root<u128> = mutator.enter(|mu| mu.root(mu.alloc(1_u128)));
    let second = first.clone();
    mutator.enter(|mu| second.set(mu, mu.alloc(2_u128)));
    drop(first);
    mutator.collect();
    assert_eq!(heap.figures().memory.heap_objects, 1);
    assert_eq!(heap.figures().roots, 1);
    // `u128` is `Send` and `Sync`: its root may go to another thread, which attaches to look.
    let number = std::thread::scope(|scope| {
        let heap = heap.clone();
        let second = &second;
        scope.spawn(move || heap.attach().unwrap().enter(|mu| *second.get(mu))).join().unwrap()
    });
    assert_eq!(number, 2);
}
