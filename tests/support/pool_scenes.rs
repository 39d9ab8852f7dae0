//! Scenes with pools, as in `scenes.rs`.

use crate::scenes::{Item, all_is_well, look_along, path, set};
use tricolor::{Collector, Gc, Heap, Mutator, Pool};

/// A pool of items.
pub(crate) type Items = Pool<Gc<'static, Item<'static>>>;

fn put_path(mutator: &mut Mutator, pool: &Items, name: u64) {
    mutator.enter(|mu| pool.put(mu, path(mu, name)));
}

fn take(mutator: &mut Mutator, pool: &Items, name: u64) {
    mutator.enter(|mu| look_along(Some(pool.take(mu).expect("it was put")), [name, name + 1]));
}

/// A path that only a pool keeps is whole when a collection has passed.
pub(crate) fn kept_in_a_pool(step: &str) {
    let (stage, mut mutator, _root) = set();
    let pool = Items::new(&stage.heap);
    put_path(&mut mutator, &pool, 5);
    let mut cycle = stage.begin();
    cycle.until(step);
    put_path(&mut mutator, &pool, 7);
    cycle.finish();
    all_is_well(&stage);
    take(&mut mutator, &pool, 7);
    take(&mut mutator, &pool, 5);
}

/// At a step what is in a pool goes to where it has been scanned, and what was there goes into the pool.
pub(crate) fn exchanged_with_a_pool(step: &str) {
    let (stage, mut mutator, root) = set();
    let pool = Items::new(&stage.heap);
    put_path(&mut mutator, &pool, 5);
    let mut cycle = stage.begin();
    cycle.until(step);
    mutator.enter(|mu| {
        let from_pool = pool.take(mu);
        assert!(from_pool.is_some(), "a pool has lost what one collection should leave, at {step}");
        let old = root.get(mu).next.replace(mu, from_pool);
        pool.put(mu, old.expect("1 was there"));
    });
    cycle.finish();
    all_is_well(&stage);
    mutator.enter(|mu| look_along(Some(root.get(mu)), [0, 5, 6]));
    take(&mut mutator, &pool, 1);
}

/// A mutator answers the first round in the middle of `enter`: what it has ages there, and is put again beside it.
pub(crate) fn aged_inside() {
    let (stage, mut mutator, _root) = set();
    let pool = Items::new(&stage.heap);
    put_path(&mut mutator, &pool, 5);
    put_path(&mut mutator, &pool, 7);
    stage.heap.collect();
    let mut cycle = stage.begin();
    mutator.park(|| cycle.until("began"));
    mutator.enter(|mu| {
        assert_eq!(pool.len(mu), 2, "before it has heard of the second collection");
        let taken = pool.take(mu);
        cycle.until_inside(mu, "barrier on");
        assert!(pool.is_empty(mu), "what is aged is gone when a second collection has begun");
        pool.put(mu, taken.expect("it was there"));
    });
    cycle.finish();
    all_is_well(&stage);
    take(&mut mutator, &pool, 7);
}

/// What nobody takes survives one collection and not two, whoever collects.
pub(crate) fn aged() {
    for collector in [Collector::Concurrent, Collector::StopTheWorld] {
        let heap = Heap::builder().collector(collector).gc_off().build().expect("a heap");
        let mut mutator = heap.attach().expect("one mutator a thread");
        let pool = Items::new(&heap);
        put_path(&mut mutator, &pool, 5);
        mutator.collect();
        assert_eq!(mutator.enter(|mu| pool.len(mu)), 1, "values of a pool after one collection");
        assert_eq!(heap.figures().memory.heap_objects, 2, "objects after one collection");
        mutator.collect();
        assert_eq!(mutator.enter(|mu| pool.len(mu)), 0, "values of a pool after two collections");
        assert_eq!(heap.figures().memory.heap_objects, 0, "objects after two collections");
    }
}
