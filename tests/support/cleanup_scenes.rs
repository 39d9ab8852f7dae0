//! Scenes with cleanups, as in `scenes.rs`.

use crate::scenes::{Item, all_is_well, item, look_along, path, set};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use tricolor::{Cleanup, Gc, Mu, Root, Weak};

/// Counts how often a cleanup runs.
#[derive(Clone, Default)]
struct Counter(Arc<AtomicU32>);

impl Counter {
    fn set<'gc>(&self, mu: &Mu<'gc>, object: Gc<'gc, Item<'gc>>) -> Cleanup {
        let count = Arc::clone(&self.0);
        mu.cleanup(object, move || _ = count.fetch_add(1, SeqCst))
    }

    fn get(&self) -> u32 {
        self.0.load(SeqCst)
    }
}

/// At a step cleanups are asked for: of what is old, of what is new and kept, and of what is kept by nothing.
pub(crate) fn cleanup_asked_for(step: &str) {
    let (stage, mut mutator, root) = set();
    let (old, kept, dropped) = (Counter::default(), Counter::default(), Counter::default());
    let mut cycle = stage.begin();
    cycle.until(step);
    mutator.enter(|mu| {
        let first = root.get(mu);
        old.set(mu, first);
        let last = first.next.get().and_then(|one| one.next.get()).expect("0, 1, 2");
        old.set(mu, last);
        let new = item(mu, 3, None);
        last.next.set(mu, Some(new));
        kept.set(mu, new);
        dropped.set(mu, item(mu, 4, None));
    });
    cycle.finish();
    for _ in 0..2 {
        all_is_well(&stage);
        assert_eq!((old.get(), kept.get()), (0, 0), "cleanups of what is kept, after a step {step}");
        mutator.collect();
    }
    assert_eq!(dropped.get(), 1, "the cleanup of what nothing keeps");
    mutator.enter(|mu| look_along(Some(root.get(mu)), 0..4));
    drop(root);
    mutator.collect();
    assert_eq!((old.get(), kept.get(), dropped.get()), (2, 1, 1));
}

/// Nothing keeps a path with a cleanup. At a step it is loaded from a weak place, and kept if it is there: the cleanup runs if and
/// only if it is not.
pub(crate) fn loaded_or_cleaned_up(step: &str) {
    let (stage, mut mutator, root) = set();
    let count = Counter::default();
    let weak: Root<Weak<'static, Item<'static>>> = mutator.enter(|mu| {
        let lone = path(mu, 5);
        count.set(mu, lone);
        mu.root(mu.alloc(mu.downgrade(lone)))
    });
    let mut cycle = stage.begin();
    cycle.until(step);
    let is_found = mutator.enter(|mu| {
        assert_eq!(count.get(), 0, "nobody has been at a safepoint since the collection began");
        let found = weak.get(mu).upgrade(mu);
        root.get(mu).next.set(mu, found);
        found.is_some()
    });
    cycle.finish();
    mutator.collect();
    assert_eq!(count.get(), u32::from(!is_found), "cleanups, and it was found: {is_found}, at {step}");
    all_is_well(&stage);
    mutator.enter(|mu| assert_eq!(weak.get(mu).upgrade(mu).is_some(), is_found));
    drop(root);
    mutator.collect();
    assert_eq!(count.get(), 1);
}

/// Cleanups of what is dead are stopped at a step, or are due.
pub(crate) fn cleanup_stopped(step: &str) {
    let (stage, mut mutator, _root) = set();
    let count = Counter::default();
    let cleanups: Vec<Cleanup> =
        mutator.enter(|mu| (0..9).map(|name| count.set(mu, item(mu, name, None))).collect());
    let mut cycle = stage.begin();
    cycle.until(step);
    let stopped = cleanups.iter().filter(|cleanup| cleanup.stop()).count();
    let early = ["began", "barrier on", "settled", "roots", "dry"].contains(&step);
    assert_eq!(stopped, if early { 9 } else { 0 }, "stopped at {step}");
    cycle.finish();
    mutator.safepoint();
    assert_eq!(count.get() as usize, 9 - stopped, "cleanups that were not stopped at {step}");
    assert!(!cleanups.iter().any(Cleanup::stop));
    all_is_well(&stage);
}
