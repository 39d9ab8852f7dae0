//! Scenes of maps: as those of `tests/support/scenes.rs`, each does one dangerous thing to a map while a collection stands at a
//! step, and looks whether everything is there after.

use crate::scenes::{Item, all_is_well, item, look_along, path};
use crate::stage::{Cycle, Stage};
use heap_testkit::random::scrambled;
use std::sync::mpsc;
use std::thread;
use tricolor::{Gc, GcMap, Heap, Mu, Mutator, Root, Trace};

type One<'gc> = Gc<'gc, Item<'gc>>;
type Items<'gc> = GcMap<'gc, u64, One<'gc>>;

/// How many there are at first: as many as the first tables have room for, so that the next one makes the map grow.
const MANY: u64 = 3;

/// A stage, a mutator of its heap, and a map of paths: the first item of each has its key as a name.
fn set_map() -> (Stage, Mutator, Root<Items<'static>>) {
    let stage = Stage::new(Heap::builder().verify_every(0));
    let mut mutator = stage.heap.attach().expect("one mutator a thread");
    let root = mutator.enter(|mu| {
        let items = Items::new();
        items.extend(mu, (0..MANY).map(|at| (2 * at, path(mu, 2 * at))));
        assert_eq!(items.len(), items.capacity(), "the first tables are full");
        mu.root(mu.alloc(items))
    });
    (stage, mutator, root)
}

/// All that is in a map is what it was; what has a key from 90 on is no path.
fn look_at_all(items: &Items<'_>) {
    for (key, one) in items {
        if key >= 90 {
            look_along(Some(one), [key]);
        } else {
            look_along(Some(one), [key, key + 1]);
        }
    }
}

/// Takes the item 0 out of a map in some way, so that it is in no place of it then.
type Take = for<'gc> fn(&Mu<'gc>, &Items<'gc>) -> One<'gc>;

/// Ways in which a map loses an item.
const TAKES: [Take; 8] = [
    |mu, items| items.remove(mu, &0).expect("the item"),
    |mu, items| items.insert(mu, 0, path(mu, 0)).expect("the item"),
    |mu, items| {
        let taken = items.get(&0).expect("the item");
        items.clear(mu);
        taken
    },
    |mu, items| {
        let taken = items.get(&0).expect("the item");
        items.retain(mu, |key, _| *key > 0);
        taken
    },
    |mu, items| items.drain(mu).find(|(key, _)| *key == 0).expect("the item").1,
    |mu, items| {
        // Grown, and taken out of the new tables.
        items.insert(mu, 90, item(mu, 90, None));
        items.remove(mu, &0).expect("the item")
    },
    |mu, items| {
        items.reserve(mu, 100);
        let taken = items.remove(mu, &0).expect("the item");
        items.shrink_to_fit(mu);
        taken
    },
    |mu, items| {
        let taken = items.get(&0).expect("the item");
        let _entry = items.entry(mu, 0).and_modify(|_| path(mu, 0));
        taken
    },
];

/// An item is taken out in every way, and a new object holds it.
pub(crate) fn entries_taken_out(step: &str) {
    for take in TAKES {
        let (stage, mut mutator, root) = set_map();
        let mut cycle = stage.begin();
        cycle.until(step);
        let holder: Root<Item<'static>> = mutator.enter(|mu| {
            let hidden = take(mu, &root.get(mu));
            mu.root(item(mu, 9, Some(hidden)))
        });
        cycle.finish();
        mutator.enter(|mu| {
            look_along(Some(holder.get(mu)), [9, 0, 1]);
            look_at_all(&root.get(mu));
        });
        all_is_well(&stage);
    }
}

/// A map grows, and shrinks again: the same items are in other tables.
pub(crate) fn map_grown(step: &str) {
    let (stage, mut mutator, root) = set_map();
    let mut cycle = stage.begin();
    cycle.until(step);
    mutator.enter(|mu| root.get(mu).insert(mu, 90, item(mu, 90, None)).is_none());
    cycle.finish();
    mutator.enter(|mu| {
        assert_eq!(root.get(mu).len() as u64, MANY + 1);
        look_at_all(&root.get(mu));
    });
    let mut cycle = stage.begin();
    cycle.until(step);
    mutator.enter(|mu| {
        root.get(mu).remove(mu, &90);
        root.get(mu).shrink_to_fit(mu);
    });
    cycle.finish();
    mutator.enter(|mu| {
        assert_eq!(root.get(mu).capacity() as u64, MANY);
        look_at_all(&root.get(mu));
    });
    all_is_well(&stage);
}

/// A map is filled that was empty, in growing steps, with items that come and go.
pub(crate) fn map_filled(step: &str) {
    let (stage, mut mutator, root) = set_map();
    mutator.enter(|mu| root.get(mu).clear(mu));
    let mut cycle = stage.begin();
    cycle.until(step);
    mutator.enter(|mu| {
        let items = root.get(mu);
        for key in 100..500 {
            items.insert(mu, key, item(mu, key, None));
            if key % 3 == 0 {
                items.remove(mu, &(key - 50));
            }
        }
    });
    cycle.finish();
    mutator.enter(|mu| {
        let items = root.get(mu);
        assert!((450..500).all(|key| items.contains_key(&key)));
        look_at_all(&items);
    });
    all_is_well(&stage);
}

/// An iterator is under way when the map gets other tables, and gives the items of those that it had.
pub(crate) fn iterated(step: &str) {
    let (stage, mut mutator, root) = set_map();
    mutator.enter(|mu| root.get(mu).extend(mu, (100..200).map(|key| (key, item(mu, key, None)))));
    let mut cycle = stage.begin();
    cycle.until(step);
    mutator.enter(|mu| {
        let items = root.get(mu);
        let mut seen = 0;
        for (key, one) in &*items {
            look_along(Some(one), if key < 90 { key..key + 2 } else { key..key + 1 });
            seen += 1;
            if seen == 10 {
                items.extend(mu, (1000..3000).map(|key| (key, item(mu, key, None))));
                items.retain(mu, |key, _| *key < 1000);
                items.shrink_to_fit(mu);
            }
        }
        assert_eq!(seen, 103);
    });
    cycle.finish();
    mutator.enter(|mu| look_at_all(&root.get(mu)));
    all_is_well(&stage);
}

/// A map that two threads use, though not at the same time.
#[derive(Trace)]
struct Shelf<'gc> {
    items: Items<'gc>,
}

// SAFETY: the scene below orders all that its threads do to a shelf, by channels.
unsafe impl Send for Shelf<'_> {}
// SAFETY: as above.
unsafe impl Sync for Shelf<'_> {}

/// A mutator whose roots are not taken, and who has something in the hands, puts it into a black map, which another one has made,
/// with room or without.
pub(crate) fn put_by_another() {
    for room in [0, 3] {
        let (stage, mut mutator, _root) = set_map();
        let ((ask, asked), (give, given)) =
            (mpsc::channel::<usize>(), mpsc::channel::<Root<Shelf<'static>>>());
        let heap = stage.heap.clone();
        let other = thread::spawn(move || {
            let mut mutator = heap.attach().unwrap();
            let room = asked.recv().unwrap();
            let shelf = mutator.enter(|mu| {
                let items = Items::new();
                items.reserve(mu, room);
                mu.root(mu.alloc(Shelf { items }))
            });
            give.send(shelf).unwrap();
        });
        let (cycle, shelf): (Cycle<'_>, _) = mutator.enter(|mu| {
            let hidden = path(mu, 5);
            let mut cycle = stage.begin();
            cycle.until_inside(mu, "settled");
            cycle.until_wanted_outside(mu);
            ask.send(room).unwrap();
            let shelf = given.recv().unwrap();
            assert_eq!(shelf.get(mu).items.capacity(), room);
            shelf.get(mu).items.insert(mu, 5, hidden);
            (cycle, shelf)
        });
        cycle.finish();
        other.join().unwrap();
        mutator.enter(|mu| look_along(shelf.get(mu).items.get(&5), [5, 6]));
        all_is_well(&stage);
    }
}

/// Keys come and go in a map that is as full as it may be, so that many are not in the group that their hash says, and all that are
/// in the map are found.
///
/// Keys in a row would do with most seeds of the hasher: with some they are spread so evenly that no group is ever full.
pub(crate) fn keys_come_and_go() {
    let (_stage, mut mutator, _) = set_map();
    mutator.enter(|mu| {
        let map = GcMap::<u64, u64>::new();
        let mut next = 0;
        while map.len() < 100 || map.len() < map.capacity() {
            map.insert(mu, scrambled(next), next);
            next += 1;
        }
        let full = map.len() as u64;
        for number in next..next + 20_000 {
            assert_eq!(
                map.remove(mu, &scrambled(number - full)),
                Some(number - full),
                "a key that is in the map is not found"
            );
            map.insert(mu, scrambled(number), number);
        }
    });
}
