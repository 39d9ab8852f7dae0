//! Scenes with weak references, as in `scenes.rs`.

use crate::scenes::{Item, all_is_well, item, look, look_along, path, set};
use std::thread;
use tricolor::{AtomicGc, Gc, Mutator, Root, Trace, Weak};

type WeakItem<'gc> = Weak<'gc, Item<'gc>>;

/// A root of a weak reference to a path that nothing keeps.
fn weak_path(mutator: &mut Mutator, name: u64) -> Root<WeakItem<'static>> {
    mutator.enter(|mu| mu.root(mu.alloc(mu.downgrade(path(mu, name)))))
}

/// Nothing keeps a path. At a step it is loaded from a weak place, and put behind what has been scanned: what was found then
/// stays whole, and what was not is never found again.
pub(crate) fn weak_loaded(step: &str) {
    let (stage, mut mutator, root) = set();
    let weak = weak_path(&mut mutator, 5);
    let mut cycle = stage.begin();
    cycle.until(step);
    let is_found = mutator.enter(|mu| {
        let found = weak.get(mu).upgrade(mu);
        root.get(mu).next.set(mu, found);
        found.is_some()
    });
    let early = ["began", "barrier on", "settled", "roots", "dry"].contains(&step);
    assert_eq!(
        is_found, early,
        "whether a weak place that nobody has decided about finds its object, at {step}"
    );
    cycle.finish();
    mutator.enter(|mu| {
        let names: &[u64] = if is_found { &[0, 5, 6] } else { &[0] };
        look_along(Some(root.get(mu)), names.iter().copied());
        assert_eq!(weak.get(mu).upgrade(mu).is_some(), is_found);
        // Something new for slots that were freed.
        (0..1000).for_each(|name| _ = path(mu, name));
        look_along(Some(root.get(mu)), names.iter().copied());
    });
    all_is_well(&stage);
    root_dropped_and_collected(&mut mutator, root, &weak);
}

fn root_dropped_and_collected(
    mutator: &mut Mutator,
    root: Root<Item<'static>>,
    weak: &Root<WeakItem<'static>>,
) {
    drop(root);
    mutator.collect();
    mutator.enter(|mu| {
        assert!(weak.get(mu).upgrade(mu).is_none(), "an object that is dead was found in a weak place");
    });
}

/// A weak reference is made at a step, to what is old or new, and its object kept or not.
pub(crate) fn weak_made(step: &str) {
    let (stage, mut mutator, root) = set();
    let mut cycle = stage.begin();
    cycle.until(step);
    let (old, young, gone) = mutator.enter(|mu| {
        let first = root.get(mu);
        let last = first.next.get().and_then(|one| one.next.get()).expect("0, 1, 2");
        let new = item(mu, 3, None);
        last.next.set(mu, Some(new));
        let weak = |object| mu.root(mu.alloc(mu.downgrade(object)));
        let made: (Root<WeakItem<'static>>, Root<WeakItem<'static>>, Root<WeakItem<'static>>) =
            (weak(last), weak(new), weak(item(mu, 4, None)));
        made
    });
    cycle.finish();
    for _ in 0..2 {
        mutator.enter(|mu| {
            look(old.get(mu).upgrade(mu).expect("2 is kept"), 2);
            look(young.get(mu).upgrade(mu).expect("3 is kept"), 3);
        });
        all_is_well(&stage);
        mutator.collect();
    }
    mutator.enter(|mu| assert!(gone.get(mu).upgrade(mu).is_none(), "nothing keeps 4"));
}

#[derive(Trace)]
struct Shared<'gc> {
    weak: AtomicGc<'gc, Weak<'gc, u128>>,
    strong: AtomicGc<'gc, u128>,
}

/// A mutator that has answered the last round makes a white object and a weak reference to it. Another, that has not, loads it.
pub(crate) fn weak_loaded_by_a_late_mutator() {
    let (stage, mut mutator, _root) = set();
    let shared: Root<Shared<'static>> = mutator
        .enter(|mu| mu.root(mu.alloc(Shared { weak: AtomicGc::new(None), strong: AtomicGc::new(None) })));
    let mut cycle = stage.begin();
    mutator.park(|| cycle.until("dry"));
    mutator.enter(|mu| {
        cycle.until_inside(mu, "marked");
        cycle.until_wanted_outside(mu);
        let (heap, theirs) = (stage.heap.clone(), shared.clone());
        let other = thread::spawn(move || {
            heap.attach().expect("one mutator a thread").enter(|mu| {
                let object = mu.alloc(77_u128);
                let shared = theirs.get(mu);
                shared.strong.store(mu, Some(object));
                shared.weak.store(mu, Some(mu.alloc(mu.downgrade(object))));
            });
        });
        other.join().expect("it does not panic");
        let weak: Gc<'_, Weak<'_, u128>> = shared.get(mu).weak.load().expect("it was stored");
        assert_eq!(
            weak.upgrade(mu).map(|object| *object),
            Some(77),
            "a new object that is kept, weakly loaded"
        );
    });
    cycle.finish();
    all_is_well(&stage);
}
