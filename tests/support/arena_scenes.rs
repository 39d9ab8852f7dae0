//! Scenes with arenas, as in `scenes.rs`.

use crate::scenes::{Item, all_is_well, item, look, look_along, set};
use std::sync::mpsc;
use std::thread;
use tricolor::{Arena, Collector, Gc, Heap, Mu, Root, Trace};

/// An object of a chunk, that leads to one of its own and to one of the chunk.
#[derive(Trace)]
pub(crate) struct Link<'gc> {
    item: Gc<'gc, Item<'gc>>,
    next: Option<Gc<'gc, Link<'gc>>>,
}

/// Puts a link before others.
fn link<'gc>(
    mu: &Mu<'gc>,
    arena: &mut Arena<'gc, Link<'gc>>,
    item: Gc<'gc, Item<'gc>>,
    next: Option<Gc<'gc, Link<'gc>>>,
) -> Gc<'gc, Link<'gc>> {
    arena.alloc(mu, Link { item, next })
}

/// The items of the links have these names.
fn look_at_links<'gc>(first: Gc<'gc, Link<'gc>>, names: impl IntoIterator<Item = u64>) {
    last_of_links(first, names);
}

/// The same; returns the last item.
fn last_of_links<'gc>(
    first: Gc<'gc, Link<'gc>>,
    names: impl IntoIterator<Item = u64>,
) -> Option<Gc<'gc, Item<'gc>>> {
    let (mut at, mut last) = (Some(first), None);
    for name in names {
        let link = at.unwrap_or_else(|| panic!("item {name} is lost: no link leads to it"));
        look(link.item, name);
        (at, last) = (link.next, Some(link.item));
    }
    assert!(at.is_none());
    last
}

/// At a step a chunk is made and partly filled, with what is new and what was just erased.
pub(crate) fn chunk_filled(step: &str) {
    for count in [10, 5000] {
        let (stage, mut mutator, root) = set();
        let mut cycle = stage.begin();
        cycle.until(step);
        let links: Root<Link<'static>> = mutator.enter(|mu| {
            let mut arena = Arena::new(mu, count);
            let old = root.get(mu).next.take(mu).expect("1 was there");
            let last = link(mu, &mut arena, old, None);
            let new = item(mu, 7, None);
            mu.root(link(mu, &mut arena, new, Some(last)))
        });
        cycle.finish();
        all_is_well(&stage);
        mutator.enter(|mu| look_at_links(links.get(mu), [7, 1]));
        mutator.collect();
        all_is_well(&stage);
        mutator.enter(|mu| {
            look_along(last_of_links(links.get(mu), [7, 1]), [1, 2]);
        });
    }
}

/// A chunk is begun, and a reference into it is stored where the collector finds it; the collector goes on, from one step to another,
/// while the mutator stays inside; then the chunk is filled further.
pub(crate) fn chunk_filled_between(from: &str, to: &str) {
    let (stage, mut mutator, root) = set();
    let held: Root<Held<'static>> = mutator.enter(|mu| mu.root(mu.alloc(Held::default())));
    let mut cycle = stage.begin();
    mutator.park(|| cycle.until(from));
    mutator.enter(|mu| {
        let mut arena = Arena::new(mu, 100);
        let first = link(mu, &mut arena, item(mu, 5, None), None);
        held.get(mu).link.set(mu, Some(first));
        cycle.until_inside(mu, to);
        let old = root.get(mu).next.take(mu).expect("1 was there");
        let second = link(mu, &mut arena, old, Some(first));
        let third = link(mu, &mut arena, item(mu, 6, None), Some(second));
        held.get(mu).link.set(mu, Some(third));
    });
    cycle.finish();
    all_is_well(&stage);
    mutator.enter(|mu| look_at_links(held.get(mu).link.get().expect("it was set"), [6, 1, 5]));
    mutator.collect();
    all_is_well(&stage);
    mutator.enter(|mu| look_at_links(held.get(mu).link.get().expect("it was set"), [6, 1, 5]));
}

#[derive(Trace, Default)]
struct Held<'gc> {
    link: tricolor::GcCell<Option<Gc<'gc, Link<'gc>>>>,
}

/// Only a reference to its middle keeps a chunk, which keeps all its objects, and what they lead to.
pub(crate) fn kept_by_its_middle() {
    for collector in [Collector::Concurrent, Collector::StopTheWorld] {
        for count in [3, 50, 20_000] {
            let heap = Heap::builder().collector(collector).gc_off().poison(0xA5).build().expect("a heap");
            let mut mutator = heap.attach().expect("one mutator a thread");
            let middle: Root<Link<'static>> = mutator.enter(|mu| {
                let mut arena = Arena::new(mu, count);
                let mut middle = None;
                let mut last = None;
                for name in 0..count as u64 {
                    last = Some(link(mu, &mut arena, item(mu, name, None), last));
                    if name == count as u64 / 2 {
                        middle = last;
                    }
                }
                mu.root(middle.expect("there is a middle"))
            });
            for _ in 0..2 {
                mutator.collect();
                let found = heap.verify();
                assert!(found.is_empty(), "{}", found[0]);
                let names = (0..=count as u64 / 2).rev();
                mutator.enter(|mu| look_at_links(middle.get(mu), names));
                assert_eq!(heap.figures().memory.heap_objects, 1 + count as u64, "a chunk and its items");
            }
            drop(middle);
            mutator.collect();
            assert_eq!(heap.figures().memory.heap_objects, 0, "objects of a chunk that nothing leads to");
        }
    }
}

/// A chunk that is lent to be filled, and to be filled further, keeps what its objects lead to: also if a collection begins meanwhile.
pub(crate) fn chunk_lent(step: &str) {
    for count in [10, 60, 5000] {
        let (stage, mut mutator, root) = set();
        let mut cycle = stage.begin();
        cycle.until(step);
        let links: Root<Link<'static>> = mutator.enter(|mu| {
            let mut arena = Arena::new(mu, count);
            let old = root.get(mu).next.take(mu).expect("1 was there");
            let last = arena.fill(mu, |fill| {
                let mut last = fill.alloc(Link { item: old, next: None });
                for name in 10..60 {
                    last = fill.alloc(Link { item: item(mu, name, None), next: Some(last) });
                }
                last
            });
            let last = link(mu, &mut arena, item(mu, 60, None), Some(last));
            let last = arena.fill(mu, |fill| fill.alloc(Link { item: item(mu, 61, None), next: Some(last) }));
            mu.root(last)
        });
        cycle.finish();
        all_is_well(&stage);
        for _ in 0..2 {
            let names = (10..62).rev().chain([1]);
            mutator.enter(|mu| look_along(last_of_links(links.get(mu), names), [1, 2]));
            mutator.collect();
            all_is_well(&stage);
        }
    }
}

/// A thread that sleeps inside `enter` has half a chunk in its hands, while another asks for a collection.
pub(crate) fn chunk_in_the_hands() {
    let heap = Heap::builder().gc_off().poison(0xA5).verify_every(1).build().expect("a heap");
    let (told, tell) = (mpsc::channel(), mpsc::channel::<()>());
    thread::scope(|threads| {
        let (heap, begun, go_on) = (&heap, told.0, tell.1);
        threads.spawn(move || {
            let mut mutator = heap.attach().expect("one mutator a thread");
            let links: Root<Link<'static>> = mutator.enter(|mu| {
                let mut arena = Arena::new(mu, 100);
                let mut last = link(mu, &mut arena, item(mu, 0, None), None);
                begun.send(()).ok();
                go_on.recv().ok();
                for name in 1..60 {
                    last = link(mu, &mut arena, item(mu, name, None), Some(last));
                }
                mu.root(last)
            });
            mutator.collect();
            mutator.enter(|mu| look_at_links(links.get(mu), (0..60).rev()));
        });
        told.1.recv().expect("it begins");
        let collector = threads.spawn(|| heap.collect());
        thread::sleep(std::time::Duration::from_millis(5));
        tell.0.send(()).ok();
        collector.join().expect("it does not panic");
    });
    let found = heap.verify();
    assert!(found.is_empty(), "{}", found[0]);
}
