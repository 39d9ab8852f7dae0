//! Scenes with weak maps and weak sets, as in `scenes.rs`.

use crate::scenes::{Item, all_is_well, item, look_along, path, set};
use tricolor::{Gc, GcStr, Interner, Mutator, Root, Trace, Weak, WeakMap};

type Items<'gc> = WeakMap<'gc, Item<'gc>, Item<'gc>>;

/// The value of a key is read at a step, put behind what has been scanned, and replaced in the map: it stays, and the new one.
pub(crate) fn value_read_and_replaced(step: &str) {
    let (stage, mut mutator, root) = set();
    let (map, key): (Root<Items<'static>>, Root<Item<'static>>) = mutator.enter(|mu| {
        let (map, key) = (mu.alloc(WeakMap::new()), item(mu, 3, None));
        map.insert(mu, key, path(mu, 5));
        (mu.root(map), mu.root(key))
    });
    let mut cycle = stage.begin();
    cycle.until(step);
    mutator.enter(|mu| {
        let (map, key) = (map.get(mu), key.get(mu));
        let value = map.get(mu, key);
        root.get(mu).next.set(mu, value);
        map.insert(mu, key, path(mu, 7)).expect("there was one");
    });
    cycle.finish();
    mutator.enter(|mu| {
        look_along(Some(root.get(mu)), [0, 5, 6]);
        look_along(map.get(mu).get(mu, key.get(mu)), [7, 8]);
        let taken = map.get(mu).remove(mu, key.get(mu));
        look_along(taken, [7, 8]);
        assert!(map.get(mu).is_empty());
    });
    all_is_well(&stage);
}

#[derive(Trace)]
struct Late<'gc> {
    key: Weak<'gc, Item<'gc>>,
    map: Gc<'gc, Items<'gc>>,
}

/// Nothing keeps a key. At a step it is loaded from a weak place, its value is taken, put behind what has been scanned, and replaced.
pub(crate) fn value_of_a_late_key_read(step: &str) {
    let (stage, mut mutator, root) = set();
    let late: Root<Late<'static>> = mutator.enter(|mu| {
        let (map, key) = (mu.alloc(WeakMap::new()), item(mu, 3, None));
        map.insert(mu, key, path(mu, 5));
        mu.root(mu.alloc(Late { key: mu.downgrade(key), map }))
    });
    let mut cycle = stage.begin();
    cycle.until(step);
    let is_found = mutator.enter(|mu| {
        let late = late.get(mu);
        let Some(key) = late.key.upgrade(mu) else { return false };
        let value = late.map.get(mu, key);
        assert!(value.is_some(), "the value of a key that was found");
        root.get(mu).next.set(mu, value);
        late.map.insert(mu, key, path(mu, 7)).expect("there was one");
        true
    });
    let is_early = ["began", "barrier on", "settled", "roots", "dry"].contains(&step);
    assert_eq!(is_found, is_early, "whether a key that nobody has decided about is found, at {step}");
    cycle.finish();
    mutator.enter(|mu| {
        let names: &[u64] = if is_found { &[0, 5, 6] } else { &[0, 1, 2] };
        look_along(Some(root.get(mu)), names.iter().copied());
        let late = late.get(mu);
        // Who found it before the roots were taken has not kept it.
        if let Some(key) = late.key.upgrade(mu) {
            assert!(is_found, "gone, and found again");
            look_along(late.map.get(mu, key), [7, 8]);
        }
        (0..1000).for_each(|name| _ = path(mu, name));
        look_along(Some(root.get(mu)), names.iter().copied());
    });
    all_is_well(&stage);
    mutator.collect();
    mutator.enter(|mu| assert!(late.get(mu).key.upgrade(mu).is_none(), "the map keeps its key"));
    all_is_well(&stage);
}

/// An entry is made at a step, for an old key and for a new one. They stay as long as their keys.
pub(crate) fn entries_made(step: &str) {
    let (stage, mut mutator, root) = set();
    let map: Root<Items<'static>> = mutator.enter(|mu| mu.root(mu.alloc(Items::new())));
    let mut cycle = stage.begin();
    cycle.until(step);
    let new: Root<Item<'static>> = mutator.enter(|mu| {
        let new = item(mu, 3, None);
        map.get(mu).insert(mu, root.get(mu), path(mu, 5));
        map.get(mu).insert(mu, new, path(mu, 7));
        mu.root(new)
    });
    cycle.finish();
    for _ in 0..3 {
        mutator.enter(|mu| {
            (0..1000).for_each(|name| _ = path(mu, name));
            look_along(map.get(mu).get(mu, root.get(mu)), [5, 6]);
            look_along(map.get(mu).get(mu, new.get(mu)), [7, 8]);
        });
        all_is_well(&stage);
        mutator.collect();
    }
    drop((root, new));
    mutator.collect();
    assert_eq!(stage.heap.figures().memory.heap_objects, 5, "the map, two tables, and two ephemerons");
    mutator.enter(|mu| map.get(mu).shrink_to_fit(mu));
    mutator.collect();
    assert_eq!(stage.heap.figures().memory.heap_objects, 1, "the map");
    all_is_well(&stage);
}

/// Values lead to the keys of other entries, along a chain, whose first key is taken away at a step.
pub(crate) fn chain_followed(step: &str) {
    const LINKS: u64 = 20;
    let (stage, mut mutator, _root) = set();
    let map: Root<Items<'static>> = mutator.enter(|mu| mu.root(mu.alloc(Items::new())));
    let first: Root<Item<'static>> = mutator.enter(|mu| {
        // The last link is made first.
        let mut key = item(mu, 1000 + LINKS, None);
        for at in (0..LINKS).rev() {
            let before = item(mu, 1000 + at, None);
            map.get(mu).insert(mu, before, item(mu, at, Some(key)));
            key = before;
        }
        mu.root(key)
    });
    let follow = |mutator: &mut Mutator| {
        mutator.enter(|mu| {
            (0..1000).for_each(|name| _ = path(mu, name));
            let mut key = first.get(mu);
            for at in 0..LINKS {
                look_along(Some(key), [1000 + at]);
                let value = map.get(mu).get(mu, key);
                let value = value.unwrap_or_else(|| panic!("the value of link {at}, whose key is kept"));
                assert_eq!(value.name, at, "link {at} is lost");
                key = value.next.get().expect("the next key");
            }
        });
    };
    follow(&mut mutator);
    // Reading shades, so once nobody reads meanwhile.
    mutator.collect();
    follow(&mut mutator);
    let mut cycle = stage.begin();
    cycle.until(step);
    follow(&mut mutator);
    cycle.finish();
    follow(&mut mutator);
    all_is_well(&stage);
    let mut cycle = stage.begin();
    cycle.until(step);
    drop(first);
    cycle.finish();
    mutator.collect();
    assert_eq!(stage.heap.figures().memory.heap_objects, 3 + 3 + LINKS, "the path, the map, what is left");
    all_is_well(&stage);
}

/// A string that is kept, and one that is not, are interned at a step.
pub(crate) fn interned(step: &str) {
    let (stage, mut mutator, _root) = set();
    let (names, kept): (Root<Interner<'static>>, Root<GcStr>) = mutator.enter(|mu| {
        let names = mu.alloc(Interner::new());
        names.intern(mu, "nobody keeps it");
        (mu.root(names), mu.root(names.intern(mu, "kept")))
    });
    let mut cycle = stage.begin();
    cycle.until(step);
    let found: Root<GcStr> = mutator.enter(|mu| {
        let names = names.get(mu);
        let again = names.intern(mu, "kept");
        assert!(Gc::ptr_eq(again, kept.get(mu)), "a string that is kept is there twice");
        mu.root(names.intern(mu, "nobody keeps it"))
    });
    cycle.finish();
    for _ in 0..2 {
        mutator.enter(|mu| {
            (0..1000).for_each(|_| _ = mu.alloc_str("something for slots that are free"));
            for (root, text) in [(&kept, "kept"), (&found, "nobody keeps it")] {
                let string = root.get(mu);
                assert_eq!(string.as_str(), text, "a string that was found is lost");
                assert!(Gc::ptr_eq(names.get(mu).intern(mu, text), string));
            }
        });
        all_is_well(&stage);
        mutator.collect();
    }
    drop(found);
    mutator.collect();
    mutator.enter(|mu| assert!(names.get(mu).find(mu, "nobody keeps it").is_none(), "it is gone"));
    all_is_well(&stage);
}
