//! Scenes with finalizers, as in `scenes.rs`.

use crate::scenes::{Item, all_is_well, item, look, look_along, path, set};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use tricolor::{Collector, Gc, GcCell, Heap, Mu, Root, Weak};

/// The names of items whose finalizers have run, in order.
#[derive(Clone, Default)]
struct Names(Rc<RefCell<Vec<u64>>>);

impl Names {
    /// Notes an item, and looks whether all that it leads to is there: items with the next names.
    fn set<'gc>(&self, mu: &Mu<'gc>, object: Gc<'gc, Item<'gc>>, leads_along: u64) -> Gc<'gc, Item<'gc>> {
        let names = Rc::clone(&self.0);
        let was = mu.set_finalizer(object, move |_, item| {
            names.borrow_mut().push(item.name);
            look_along(Some(item), item.name..item.name + leads_along);
        });
        assert!(!was);
        object
    }

    fn sorted(&self) -> Vec<u64> {
        let mut names = self.0.borrow().clone();
        names.sort_unstable();
        names
    }
}

/// At a step finalizers are set: of what is old, of what is new and kept, and of paths that nothing keeps.
pub(crate) fn finalizer_set(step: &str) {
    let (stage, mut mutator, root) = set();
    let names = Names::default();
    let dead: Root<GcCell<Option<Gc<'static, Item<'static>>>>> =
        mutator.enter(|mu| mu.root(mu.alloc(GcCell::new(Some(path(mu, 20))))));
    let mut cycle = stage.begin();
    cycle.until(step);
    mutator.enter(|mu| {
        let first = names.set(mu, root.get(mu), 4);
        let last = first.next.get().and_then(|one| one.next.get()).expect("0, 1, 2");
        last.next.set(mu, Some(names.set(mu, item(mu, 3, None), 1)));
        names.set(mu, path(mu, 10), 2);
        names.set(mu, dead.get(mu).take(mu).expect("a path"), 2);
    });
    cycle.finish();
    for _ in 0..2 {
        // Something new for slots that were freed.
        mutator.enter(|mu| (0..1000).for_each(|name| _ = path(mu, name)));
        all_is_well(&stage);
        mutator.collect();
    }
    assert_eq!(names.sorted(), [10, 20], "finalizers of what nothing keeps, set at {step}");
    mutator.enter(|mu| look_along(Some(root.get(mu)), 0..4));
    drop(root);
    mutator.collect();
    assert_eq!(names.sorted(), [0, 10, 20], "3 is led to by 0");
    mutator.collect();
    assert_eq!(names.sorted(), [0, 3, 10, 20]);
    all_is_well(&stage);
}

/// Nothing keeps a path with a finalizer. At a step it is loaded from a weak place, and kept if it is there: the finalizer runs if and
/// only if it is not.
pub(crate) fn loaded_or_finalized(step: &str) {
    let (stage, mut mutator, root) = set();
    let names = Names::default();
    let weak: Root<Weak<'static, Item<'static>>> = mutator.enter(|mu| {
        let lone = names.set(mu, path(mu, 5), 2);
        mu.root(mu.alloc(mu.downgrade(lone)))
    });
    let mut cycle = stage.begin();
    cycle.until(step);
    let is_found = mutator.enter(|mu| {
        let found = weak.get(mu).upgrade(mu);
        if let Some(item) = found {
            look_along(Some(item), [5, 6]);
        }
        root.get(mu).next.set(mu, found);
        found.is_some()
    });
    cycle.finish();
    mutator.safepoint();
    assert_eq!(names.sorted().len(), usize::from(!is_found), "finalizers, found: {is_found}, at {step}");
    mutator.enter(|mu| (0..1000).for_each(|name| _ = path(mu, name)));
    mutator.enter(|mu| {
        assert_eq!(weak.get(mu).upgrade(mu).is_some(), is_found);
        let left: &[u64] = if is_found { &[0, 5, 6] } else { &[0] };
        look_along(Some(root.get(mu)), left.iter().copied());
    });
    all_is_well(&stage);
    drop(root);
    mutator.collect();
    assert_eq!(names.sorted(), [5]);
}

/// At a step a field of what has a finalizer is pointed elsewhere, and let go of.
pub(crate) fn finalizable_changed(step: &str) {
    let (stage, mut mutator, _root) = set();
    let names = Names::default();
    let holder: Root<Item<'static>> = mutator.enter(|mu| mu.root(names.set(mu, path(mu, 30), 3)));
    let mut cycle = stage.begin();
    cycle.until(step);
    mutator.enter(|mu| {
        let first = holder.get(mu);
        let old = first.next.replace(mu, Some(path(mu, 31))).expect("a path");
        look(old, 31);
    });
    drop(holder);
    cycle.finish();
    mutator.enter(|mu| (0..1000).for_each(|name| _ = path(mu, name)));
    mutator.collect();
    assert_eq!(names.sorted(), [30], "the finalizer of 30, changed at {step}");
}

/// Of two objects that are dead one leads to the other: they are finalized one after the other, and whole.
pub(crate) fn finalized_in_order() {
    for collector in [Collector::Concurrent, Collector::StopTheWorld] {
        let heap = Heap::builder().collector(collector).poison(0xA5).build().expect("a heap");
        let mut mutator = heap.attach().expect("one mutator a thread");
        let names = Names::default();
        mutator.enter(|mu| {
            let second = names.set(mu, item(mu, 1, None), 1);
            names.set(mu, item(mu, 0, Some(second)), 2);
        });
        for after in [&[0_u64][..], &[0, 1], &[0, 1]] {
            mutator.collect();
            assert_eq!(names.sorted(), after, "finalizers that have run");
            let found = heap.verify();
            assert!(found.is_empty(), "{found:?}");
        }
        assert_eq!(heap.figures().memory.heap_objects, 0);
    }
}

/// What is finalized is found by no weak reference, and cleaned up after.
pub(crate) fn finalized_then_cleaned_up() {
    for collector in [Collector::Concurrent, Collector::StopTheWorld] {
        let heap = Heap::builder().collector(collector).poison(0xA5).build().expect("a heap");
        let mut mutator = heap.attach().expect("one mutator a thread");
        let (names, count) = (Names::default(), Arc::new(AtomicU32::new(0)));
        let kept: Root<GcCell<Option<Gc<'static, Item<'static>>>>> =
            mutator.enter(|mu| mu.root(mu.alloc(GcCell::new(None::<Gc<'_, Item<'_>>>))));
        let (weak, place) = mutator.enter(|mu| {
            let object = path(mu, 5);
            let (counted, place) = (Arc::clone(&count), kept.clone());
            mu.cleanup(object, move || _ = counted.fetch_add(1, SeqCst));
            let noted = Rc::clone(&names.0);
            mu.set_finalizer(object, move |mu, item| {
                noted.borrow_mut().push(item.name);
                place.get(mu).set(mu, Some(item));
            });
            let weak: Root<Weak<'static, Item<'static>>> = mu.root(mu.alloc(mu.downgrade(object)));
            (weak, kept.clone())
        });
        mutator.collect();
        assert_eq!(names.sorted(), [5]);
        mutator.enter(|mu| {
            assert!(weak.get(mu).upgrade(mu).is_none(), "what is finalized was found in a weak place");
            look_along(place.get(mu).get(), [5, 6]);
        });
        for _ in 0..2 {
            mutator.collect();
            mutator.enter(|mu| look_along(place.get(mu).get(), [5, 6]));
            assert_eq!(count.load(SeqCst), 0, "cleanups of what was brought back and is kept");
        }
        mutator.enter(|mu| place.get(mu).set(mu, None));
        mutator.collect();
        assert_eq!(count.load(SeqCst), 1, "cleanups of what was finalized and is dead");
        assert_eq!(names.sorted(), [5], "it was not set again");
    }
}
