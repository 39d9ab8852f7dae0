//! Scenes of vectors: as those of `tests/support/scenes.rs`, each does one dangerous thing to a vector while a collection
//! stands at a step, and looks whether everything is there after.

use crate::scenes::{Item, all_is_well, item, look, look_along, path, set};
use crate::stage::{Cycle, STEPS, Stage};
use std::sync::mpsc;
use std::thread;
use tricolor::{Collector, Gc, GcVec, Heap, Mu, Mutator, Pool, Root, Trace};

type One<'gc> = Gc<'gc, Item<'gc>>;
type Items<'gc> = GcVec<'gc, One<'gc>>;

/// How many there are at first: as many as the first buffer has places for, so that the next one makes the vector grow.
const MANY: u64 = 3;

/// A stage, a mutator of its heap, and a vector of paths: the first item of each has an even name.
fn set_vector() -> (Stage, Mutator, Root<Items<'static>>) {
    let stage = Stage::new(Heap::builder().verify_every(0));
    let mut mutator = stage.heap.attach().expect("one mutator a thread");
    let root = mutator.enter(|mu| {
        let items = GcVec::new();
        items.extend(mu, (0..MANY).map(|at| path(mu, 2 * at)));
        assert_eq!(items.len(), items.capacity(), "the first buffer is full");
        mu.root(mu.alloc(items))
    });
    (stage, mutator, root)
}

/// All that is in a vector is what it was; `newborn` says so of an item that was put there while the collection stood.
fn look_at_all(items: &Items<'_>, newborn: u64) {
    for one in items {
        if one.name == newborn {
            look_along(Some(one), [newborn]);
        } else {
            look_along(Some(one), [one.name, one.name + 1]);
        }
    }
}

/// Takes the first item out of a vector in some way, so that it is in no place of it then.
type Take = for<'gc> fn(&Mu<'gc>, &Items<'gc>) -> One<'gc>;

fn first<'gc>(items: &Items<'gc>) -> One<'gc> {
    items.first().expect("the first item")
}

/// Ways in which a vector loses its first item.
const TAKES: [Take; 12] = [
    |mu, items| items.remove(mu, 0),
    |mu, items| items.swap_remove(mu, 0),
    |mu, items| items.replace(mu, 0, item(mu, 90, None)),
    |mu, items| {
        items.reverse(mu);
        items.pop(mu).expect("the first item")
    },
    |mu, items| {
        items.swap(mu, 0, 2);
        items.pop(mu).expect("the first item")
    },
    |mu, items| {
        items.rotate_left(mu, 1);
        items.pop(mu).expect("the first item")
    },
    |mu, items| {
        let taken = first(items);
        items.clear(mu);
        taken
    },
    |mu, items| {
        let taken = first(items);
        items.copy_within(mu, 1.., 0);
        taken
    },
    |mu, items| {
        let taken = first(items);
        items.write(mu, 0, &[item(mu, 90, None)]);
        taken
    },
    |mu, items| {
        let taken = first(items);
        items.fill(mu, item(mu, 90, None));
        taken
    },
    |mu, items| {
        // Grown, and moved in the new buffer.
        items.insert(mu, 1, item(mu, 90, None));
        items.remove(mu, 0)
    },
    |mu, items| {
        items.reserve(mu, 100);
        let taken = items.remove(mu, 0);
        items.shrink_to_fit(mu);
        taken
    },
];

fn taken(step: &str, take: Take) {
    let (stage, mut mutator, root) = set_vector();
    let mut cycle = stage.begin();
    cycle.until(step);
    let holder: Root<Item<'static>> = mutator.enter(|mu| {
        let hidden = take(mu, &root.get(mu));
        mu.root(item(mu, 9, Some(hidden)))
    });
    cycle.finish();
    mutator.enter(|mu| {
        look_along(Some(holder.get(mu)), [9, 0, 1]);
        look_at_all(&root.get(mu), 90);
    });
    all_is_well(&stage);
}

/// The first item is taken out in every way, and a new object holds it.
pub(crate) fn elements_taken_out(step: &str) {
    TAKES.into_iter().for_each(|take| taken(step, take));
}

/// The last item is popped, and a new object holds it.
pub(crate) fn element_popped(step: &str) {
    let (stage, mut mutator, root) = set_vector();
    let mut cycle = stage.begin();
    cycle.until(step);
    let holder: Root<Item<'static>> = mutator.enter(|mu| mu.root(item(mu, 9, root.get(mu).pop(mu))));
    cycle.finish();
    let last = 2 * (MANY - 1);
    mutator.enter(|mu| look_along(Some(holder.get(mu)), [9, last, last + 1]));
    all_is_well(&stage);
}

/// A vector grows, and shrinks again: the same items are in other memory.
pub(crate) fn vector_grown(step: &str) {
    let (stage, mut mutator, root) = set_vector();
    let mut cycle = stage.begin();
    cycle.until(step);
    mutator.enter(|mu| root.get(mu).push(mu, item(mu, 90, None)));
    cycle.finish();
    mutator.enter(|mu| {
        assert_eq!(root.get(mu).len() as u64, MANY + 1);
        look_at_all(&root.get(mu), 90);
    });
    let mut cycle = stage.begin();
    cycle.until(step);
    mutator.enter(|mu| {
        root.get(mu).pop(mu);
        root.get(mu).shrink_to_fit(mu);
    });
    cycle.finish();
    mutator.enter(|mu| {
        assert_eq!(root.get(mu).capacity() as u64, MANY);
        look_at_all(&root.get(mu), 90);
    });
    all_is_well(&stage);
}

/// A vector outgrows its buffer, and others of the same length come at once: they must not get it before its elements are found.
pub(crate) fn vector_outgrown(step: &str) {
    let (stage, mut mutator, root) = set_vector();
    let mut cycle = stage.begin();
    cycle.until(step);
    let others: Vec<Root<Items<'static>>> = mutator.enter(|mu| {
        root.get(mu).push(mu, item(mu, 90, None));
        let fill = |round: u64| {
            let items = Items::new();
            items.extend(mu, (0..MANY).map(|at| path(mu, 100 * round + 2 * at)));
            mu.root(mu.alloc(items))
        };
        (1..4).map(fill).collect()
    });
    cycle.finish();
    mutator.enter(|mu| {
        look_at_all(&root.get(mu), 90);
        others.iter().for_each(|items| look_at_all(&items.get(mu), 90));
    });
    all_is_well(&stage);
    mutator.collect();
    all_is_well(&stage);
}

/// A vector that nobody else has is given back, and others of the same length come at once, and when the collection is over: what was in it is
/// not lost if it is somewhere else, and its memory has one owner.
pub(crate) fn vector_given_back(step: &str) {
    let (stage, mut mutator, root) = set_vector();
    let pool: Pool<Items<'static>> = Pool::new(&stage.heap);
    let fill = |mu: &Mu<'_>, round: u64, many: u64| {
        let items = Items::new();
        items.extend(mu, (0..many).map(|at| path(mu, 100 * round + 2 * at)));
        mu.root(mu.alloc(items))
    };
    mutator.enter(|mu| {
        let items = Items::new();
        items.extend(mu, (0..MANY).map(|at| path(mu, 500 + 2 * at)));
        // Its buffer is as long as those that come later, and nobody wants it before.
        let short = Items::with_capacity(mu, 5);
        short.extend(mu, (0..5).map(|at| path(mu, 600 + 2 * at)));
        pool.put(mu, short);
        pool.put(mu, items);
    });
    let mut cycle = stage.begin();
    cycle.until(step);
    let (mut others, holder) = mutator.enter(|mu| {
        // One that was made here, whose buffer the barrier may have shaded; one whose buffer may be grey; one that nothing has shaded
        // before the roots are taken.
        let made = Items::with_capacity(mu, 5);
        made.extend(mu, (0..5).map(|at| path(mu, 700 + 2 * at)));
        made.give_back(mu);
        let kept = pool.take(mu).expect("one collection leaves it");
        let hidden = first(&kept);
        kept.give_back(mu);
        pool.take(mu).expect("one collection leaves it").give_back(mu);
        ((1..4).map(|round| fill(mu, round, MANY)).collect::<Vec<_>>(), mu.root(item(mu, 9, Some(hidden))))
    });
    cycle.finish();
    others.extend(mutator.enter(|mu| (4..40).map(|round| fill(mu, round, 5)).collect::<Vec<_>>()));
    mutator.enter(|mu| {
        look_along(Some(holder.get(mu)), [9, 500, 501]);
        look_at_all(&root.get(mu), 90);
        for (round, items) in (1..).zip(&others) {
            let items = items.get(mu);
            let names = items.iter().map(|one| one.name);
            let many = if round < 4 { MANY } else { 5 };
            assert!(names.eq((0..many).map(|at| 100 * round + 2 * at)), "an item of vector {round} is lost");
            look_at_all(&items, 90);
        }
    });
    all_is_well(&stage);
    mutator.collect();
    all_is_well(&stage);
}

/// Vectors outgrow one buffer after another, and some are given back, between collections; what is used again holds what its new owner
/// put there, and what a collection has freed is not used again.
pub(crate) fn outgrown_and_freed() {
    for collector in [Collector::Concurrent, Collector::StopTheWorld] {
        let heap = Heap::builder().collector(collector).gc_off().poison(0xA5).build().expect("a heap");
        let mut mutator = heap.attach().expect("one mutator a thread");
        let mut kept: Vec<Root<Shelf<'static>>> = Vec::new();
        for round in 0..6 {
            mutator.enter(|mu| {
                for len in [2, 5, 40, 300, 5000] {
                    let shelf = mu.alloc(Shelf { items: GcVec::new(), numbers: GcVec::new() });
                    for at in 0..len {
                        shelf.items.push(mu, item(mu, 2 * at, None));
                        shelf.numbers.push(mu, at);
                    }
                    let (items, numbers) = (GcVec::new(), GcVec::new());
                    items.extend(mu, shelf.items.iter());
                    numbers.extend(mu, shelf.numbers.iter().rev());
                    let names = items.iter().map(|one| one.name);
                    assert!(names.eq(numbers.iter().rev().map(|at| 2 * at)), "an item or a number is lost");
                    items.give_back(mu);
                    numbers.give_back(mu);
                    kept.push(mu.root(shelf));
                }
            });
            let look_at_shelves = |mutator: &mut Mutator| {
                mutator.enter(|mu| {
                    for shelf in kept.iter().map(|shelf| shelf.get(mu)) {
                        shelf.items.iter().zip(0..).for_each(|(one, at)| look_along(Some(one), [2 * at]));
                        assert!(shelf.numbers.iter().eq(0..shelf.items.len() as u64), "a number is lost");
                    }
                });
                let found = heap.verify();
                assert!(found.is_empty(), "{}", found[0]);
            };
            look_at_shelves(&mut mutator);
            if round % 2 == 0 {
                mutator.collect();
                look_at_shelves(&mut mutator);
            }
        }
    }
}

/// Before each vector of references another of numbers is given back, in the largest buffer that is kept. A hundred and more layouts come
/// by, as many as a mutator has places for buffers, so one of them comes by the place where the numbers are: it must not get their
/// buffer, into which no marker looks.
pub(crate) fn of_many_layouts() {
    let heap = Heap::builder().gc_off().poison(0xA5).build().expect("a heap");
    let mut mutator = heap.attach().expect("one mutator a thread");
    of_one_stride::<0>(&mut mutator);
    of_one_stride::<1>(&mut mutator);
    of_one_stride::<2>(&mut mutator);
    of_one_stride::<3>(&mut mutator);
    of_one_stride::<4>(&mut mutator);
    of_one_stride::<5>(&mut mutator);
    of_one_stride::<6>(&mut mutator);
    of_one_stride::<7>(&mut mutator);
    let found = heap.verify();
    assert!(found.is_empty(), "{}", found[0]);
}

/// A reference with so many numbers beside it.
type Beside<'gc, const NUMBERS: usize> = (One<'gc>, [u64; NUMBERS]);

/// [`of_many_layouts`] for one type of element, in buffers of many sizes.
fn of_one_stride<const NUMBERS: usize>(mutator: &mut Mutator) {
    let kept: Vec<Root<GcVec<'static, Beside<'static, NUMBERS>>>> = mutator.enter(|mu| {
        (1_u64..)
            .zip(1..100)
            .map(|(number, places)| {
                GcVec::<'_, u64>::with_capacity(mu, 4095).give_back(mu);
                let items = GcVec::with_capacity(mu, places);
                items.push(mu, (item(mu, number, None), [number; NUMBERS]));
                mu.root(mu.alloc(items))
            })
            .collect()
    });
    mutator.collect();
    mutator.enter(|mu| {
        // What was freed is handed out again, too.
        (0..200).for_each(|name| _ = item(mu, 1000 + name, None));
        for (items, places) in kept.iter().zip(1..) {
            let first = items.get(mu).first().expect("one element");
            assert_eq!(first.0.name, places, "item {places} is lost");
            look_along(Some(first.0), [places]);
            assert_eq!(first.1, [places; NUMBERS]);
        }
    });
}

/// A vector is filled that was empty, in growing steps, by one and by many at once.
pub(crate) fn vector_filled(step: &str) {
    let (stage, mut mutator, root) = set_vector();
    mutator.enter(|mu| root.get(mu).clear(mu));
    let mut cycle = stage.begin();
    cycle.until(step);
    mutator.enter(|mu| {
        let items = root.get(mu);
        for round in 0..100 {
            items.push(mu, path(mu, 4 * round));
            let more = [path(mu, 4 * round + 2); 3];
            items.extend_from_slice(mu, &more);
        }
        items.insert(mu, 0, item(mu, 901, None));
    });
    cycle.finish();
    mutator.enter(|mu| {
        assert_eq!(root.get(mu).len(), 401);
        look_at_all(&root.get(mu), 901);
    });
    all_is_well(&stage);
}

/// A long vector, which is scanned in pieces, is turned and moved while it is.
pub(crate) fn vector_turned(step: &str) {
    const LONG: u64 = 40_000;
    let (stage, mut mutator, root) = set_vector();
    mutator.enter(|mu| root.get(mu).extend(mu, (MANY..LONG).map(|at| item(mu, 2 * at, None))));
    let mut cycle = stage.begin();
    cycle.until(step);
    mutator.enter(|mu| {
        root.get(mu).rotate_left(mu, 5);
        root.get(mu).reverse(mu);
    });
    if STEPS[..4].contains(&step) {
        cycle.until("dry");
        let _more = stage.heap.step(core::time::Duration::ZERO);
        mutator.enter(|mu| {
            root.get(mu).reverse(mu);
            root.get(mu).rotate_right(mu, 5);
            root.get(mu).reverse(mu);
            root.get(mu).rotate_right(mu, 5);
        });
    }
    cycle.finish();
    mutator.enter(|mu| {
        let mut names: Vec<u64> = root
            .get(mu)
            .iter()
            .map(|one| {
                look(one, one.name);
                one.name
            })
            .collect();
        names.sort_unstable();
        assert!(names.into_iter().eq((0..LONG).map(|at| 2 * at)));
    });
    all_is_well(&stage);
}

/// A vector that was large is emptied: nothing stays that was in it.
pub(crate) fn emptied() {
    let (stage, mut mutator, root) = set_vector();
    mutator.enter(|mu| {
        let items = root.get(mu);
        items.extend(mu, (0..1000).map(|at| path(mu, at)));
        while items.len() > 600 {
            items.pop(mu);
        }
        items.truncate(mu, 300);
        items.remove(mu, 0);
        items.clear(mu);
    });
    mutator.collect();
    let left = stage.heap.figures().memory.heap_objects;
    assert_eq!(left, 2, "a vector, its buffer, and objects that something leads to");
}

/// Buffers with more places than elements come where others were freed, full of old bytes.
pub(crate) fn roomy() {
    let (stage, mut mutator, root) = set_vector();
    mutator.enter(|mu| {
        for at in 0..200 {
            let freed = GcVec::with_capacity(mu, 7);
            freed.push(mu, item(mu, at, None));
        }
    });
    mutator.collect();
    let all: Vec<Root<Items<'static>>> =
        mutator.enter(|mu| (0..100).map(|_| mu.root(mu.alloc(Items::with_capacity(mu, 7)))).collect());
    all_is_well(&stage);
    mutator.collect();
    mutator.enter(|mu| assert!(all.iter().all(|items| items.get(mu).is_empty())));
    mutator.enter(|mu| look_at_all(&root.get(mu), 90));
}

/// Vectors that two threads use, though not at the same time.
#[derive(Trace)]
struct Shelf<'gc> {
    items: Items<'gc>,
    numbers: GcVec<'gc, u64>,
}

// SAFETY: the scenes below order all that their threads do to a shelf, by channels.
unsafe impl Send for Shelf<'_> {}
// SAFETY: as above.
unsafe impl Sync for Shelf<'_> {}

/// A mutator whose roots are not taken, and who has something in the hands, puts it onto a black shelf, which another one has
/// made: `make` fills the shelf, `put` uses it, and `look` comes when the collection is over.
fn by_another(
    make: for<'gc> fn(&Mu<'gc>) -> Shelf<'gc>,
    put: for<'gc> fn(&Mu<'gc>, &Shelf<'gc>, One<'gc>),
    look: for<'gc> fn(&Shelf<'gc>),
) {
    let (stage, mut mutator, _root) = set();
    let ((ask, asked), (give, given)) = (mpsc::channel::<()>(), mpsc::channel::<Root<Shelf<'static>>>());
    let heap = stage.heap.clone();
    let other = thread::spawn(move || {
        let mut mutator = heap.attach().unwrap();
        asked.recv().unwrap();
        give.send(mutator.enter(|mu| mu.root(mu.alloc(make(mu))))).unwrap();
    });
    let (cycle, shelf): (Cycle<'_>, _) = mutator.enter(|mu| {
        let hidden = path(mu, 5);
        let mut cycle = stage.begin();
        cycle.until_inside(mu, "settled");
        cycle.until_wanted_outside(mu);
        ask.send(()).unwrap();
        let shelf = given.recv().unwrap();
        put(mu, &shelf.get(mu), hidden);
        (cycle, shelf)
    });
    cycle.finish();
    other.join().unwrap();
    mutator.enter(|mu| look(&shelf.get(mu)));
    all_is_well(&stage);
}

/// It is pushed into a black buffer.
pub(crate) fn pushed_by_another() {
    by_another(
        |mu| Shelf { items: GcVec::with_capacity(mu, 3), numbers: GcVec::new() },
        |mu, shelf, hidden| shelf.items.extend_from_slice(mu, &[hidden; 2]),
        |shelf| shelf.items.iter().for_each(|one| look_along(Some(one), [5, 6])),
    );
    by_another(
        |mu| Shelf { items: GcVec::with_capacity(mu, 3), numbers: GcVec::new() },
        |mu, shelf, hidden| shelf.items.push(mu, hidden),
        |shelf| look_along(shelf.items.get(0), [5, 6]),
    );
}

/// A black vector gets a white buffer.
pub(crate) fn grown_by_another() {
    by_another(
        |_| Shelf { items: GcVec::new(), numbers: GcVec::new() },
        |mu, shelf, _| shelf.numbers.extend(mu, 0..100),
        |shelf| assert!(shelf.numbers.iter().eq(0..100), "the buffer is lost"),
    );
    by_another(
        |_| Shelf { items: GcVec::new(), numbers: GcVec::new() },
        |mu, shelf, hidden| shelf.items.push(mu, hidden),
        |shelf| look_along(shelf.items.get(0), [5, 6]),
    );
}
