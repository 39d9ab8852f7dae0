//! Scenes: each does one dangerous thing while a collection stands at a step, and looks whether everything is there after.
//!
//! `tests/it/phases.rs` plays each at every step; `tests/faults.rs` plays it with the mistake that it shows, at the step
//! where it does. An item that was lost is filled with 0xA5 and says so.

use crate::stage::{STEPS, Stage};
use std::thread;
use std::time::Duration;
use tricolor::{Gc, GcCell, GcSlice, Heap, Mu, Mutator, Root, Trace};

/// Something that must not get lost, and may lead to the next.
#[derive(Trace)]
pub(crate) struct Item<'gc> {
    pub(crate) name: u64,
    check: u64,
    pub(crate) next: Place<'gc>,
}

/// Where an item can be.
pub(crate) type Place<'gc> = GcCell<Option<Gc<'gc, Item<'gc>>>>;

fn scrambled(name: u64) -> u64 {
    name.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5851_F42D_4C95_7F2D
}

/// A new item.
pub(crate) fn item<'gc>(mu: &Mu<'gc>, name: u64, next: Option<Gc<'gc, Item<'gc>>>) -> Gc<'gc, Item<'gc>> {
    mu.alloc(Item { name, check: scrambled(name), next: GcCell::new(next) })
}

/// Two items, one leading to the other.
pub(crate) fn path<'gc>(mu: &Mu<'gc>, name: u64) -> Gc<'gc, Item<'gc>> {
    item(mu, name, Some(item(mu, name + 1, None)))
}

/// An item is what it was.
pub(crate) fn look(item: Gc<'_, Item<'_>>, name: u64) {
    assert_eq!((item.name, item.check), (name, scrambled(name)), "item {name} is lost");
}

pub(crate) fn look_along<'gc>(first: Option<Gc<'gc, Item<'gc>>>, names: impl IntoIterator<Item = u64>) {
    let mut at = first;
    for name in names {
        let item = at.unwrap_or_else(|| panic!("item {name} is lost: nothing leads to it"));
        look(item, name);
        at = item.next.get();
    }
    assert!(at.is_none());
}

/// A stage, a mutator of its heap, and a root that leads along 0, 1, 2.
pub(crate) fn set() -> (Stage, Mutator, Root<Item<'static>>) {
    let stage = Stage::new(Heap::builder().verify_every(0));
    let mut mutator = stage.heap.attach().expect("one mutator a thread");
    let root = mutator.enter(|mu| mu.root(item(mu, 0, Some(path(mu, 1)))));
    (stage, mutator, root)
}

/// Nothing is broken, and nothing stays that nothing leads to.
pub(crate) fn all_is_well(stage: &Stage) {
    let found = stage.heap.verify();
    let found = found.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    assert!(found.is_empty(), "{found}");
}

/// Erases the root's field, and keeps what it led to in a new item only.
fn hide(mutator: &mut Mutator, root: &Root<Item<'static>>) -> Root<Item<'static>> {
    mutator.enter(|mu| {
        let hidden = root.get(mu).next.take(mu);
        mu.root(item(mu, 9, hidden))
    })
}

/// What a field led to is taken into the hands, the field is erased, and a new object holds it.
pub(crate) fn field_erased(step: &str) {
    let (stage, mut mutator, root) = set();
    let mut cycle = stage.begin();
    cycle.until(step);
    let holder = hide(&mut mutator, &root);
    cycle.finish();
    mutator.enter(|mu| look_along(Some(holder.get(mu)), [9, 1, 2]));
    all_is_well(&stage);
}

/// More fields are erased than a barrier's buffer holds.
pub(crate) fn many_fields_erased(step: &str) {
    const MANY: usize = 600;
    let (stage, mut mutator, _root) = set();
    let places: Root<GcSlice<Place<'static>>> =
        mutator.enter(|mu| mu.root(mu.alloc_slice(MANY, |at| GcCell::new(Some(path(mu, 2 * at as u64))))));
    let mut cycle = stage.begin();
    cycle.until(step);
    let others: Root<GcSlice<Place<'static>>> = mutator.enter(|mu| {
        let old = places.get(mu);
        mu.root(mu.alloc_slice(MANY, |at| GcCell::new(old[at].take(mu))))
    });
    cycle.finish();
    mutator.enter(|mu| {
        for (at, place) in (0..).zip(others.get(mu).iter()) {
            look_along(place.get(), [2 * at, 2 * at + 1]);
        }
    });
    all_is_well(&stage);
}

/// A number, or a reference: the word may be either.
#[derive(Trace, Clone, Copy)]
enum Either<'gc> {
    Number(u64),
    Item(Gc<'gc, Item<'gc>>),
}

/// The same with a field that may hold a number instead.
pub(crate) fn ambiguous_field_erased(step: &str) {
    let (stage, mut mutator, _root) = set();
    let root: Root<GcCell<Either<'static>>> =
        mutator.enter(|mu| mu.root(mu.alloc(GcCell::new(Either::Item(path(mu, 1))))));
    let mut cycle = stage.begin();
    cycle.until(step);
    let holder: Root<Item<'static>> = mutator.enter(|mu| {
        let Either::Item(hidden) = root.get(mu).replace(mu, Either::Number(7)) else {
            panic!("an item was stored")
        };
        mu.root(item(mu, 9, Some(hidden)))
    });
    cycle.finish();
    mutator.enter(|mu| {
        look_along(Some(holder.get(mu)), [9, 1, 2]);
        assert!(matches!(root.get(mu).get(), Either::Number(7)));
    });
    all_is_well(&stage);
}

/// New objects are put into one that has been scanned: the first from what was left of a run.
pub(crate) fn newborn_stored(step: &str) {
    let (stage, mut mutator, root) = set();
    let mut cycle = stage.begin();
    cycle.until(step);
    mutator.enter(|mu| {
        let last = root.get(mu).next.get().and_then(|one| one.next.get()).expect("0, 1, 2");
        last.next.set(mu, Some(path(mu, 3)));
    });
    cycle.finish();
    mutator.enter(|mu| look_along(Some(root.get(mu)), 0..5));
    all_is_well(&stage);
}

/// The same with as many as take several runs.
pub(crate) fn newborns_stored(step: &str) {
    const MANY: usize = 3000;
    let (stage, mut mutator, _root) = set();
    let places: Root<GcSlice<Place<'static>>> =
        mutator.enter(|mu| mu.root(mu.alloc_slice(MANY, |_| Place::default())));
    let mut cycle = stage.begin();
    cycle.until(step);
    mutator.enter(|mu| {
        for (at, place) in (0..).zip(places.get(mu).iter()) {
            place.set(mu, Some(path(mu, 2 * at)));
        }
    });
    cycle.finish();
    mutator.enter(|mu| {
        for (at, place) in (0..).zip(places.get(mu).iter()) {
            look_along(place.get(), [2 * at, 2 * at + 1]);
        }
    });
    all_is_well(&stage);
}

/// The same with an object so small that it shares a block with one from before, which is dead.
pub(crate) fn tiny_newborn_stored(step: &str) {
    let (stage, mut mutator, _root) = set();
    let root: Root<GcCell<Option<Gc<'static, u64>>>> = mutator.enter(|mu| {
        let root = mu.root(mu.alloc(GcCell::new(None::<Gc<'_, u64>>)));
        let _dead = mu.alloc(1_u64);
        root
    });
    let mut cycle = stage.begin();
    cycle.until(step);
    mutator.enter(|mu| root.get(mu).set(mu, Some(mu.alloc(2_u64))));
    cycle.finish();
    mutator.enter(|mu| assert_eq!(root.get(mu).get().map(|tiny| *tiny), Some(2), "the tiny object is lost"));
    all_is_well(&stage);
}

/// The same with objects that have pages of their own: one of numbers, one of references.
pub(crate) fn large_newborn_stored(step: &str) {
    const LARGE: usize = 10_000;
    type Numbers<'gc> = GcCell<Option<Gc<'gc, GcSlice<u64>>>>;
    type Items<'gc> = GcCell<Option<Gc<'gc, GcSlice<Place<'gc>>>>>;
    let (stage, mut mutator, _root) = set();
    let (numbers, items): (Root<Numbers<'static>>, Root<Items<'static>>) =
        mutator.enter(|mu| (mu.root(mu.alloc(Numbers::default())), mu.root(mu.alloc(Items::default()))));
    let mut cycle = stage.begin();
    cycle.until(step);
    mutator.enter(|mu| {
        numbers.get(mu).set(mu, Some(mu.alloc_slice(LARGE, |at| at as u64)));
        items.get(mu).set(mu, Some(mu.alloc_slice(LARGE, |at| GcCell::new(Some(item(mu, at as u64, None))))));
    });
    cycle.finish();
    all_is_well(&stage);
    mutator.enter(|mu| {
        // In the place of those that were freed, if they were.
        for _ in 0..4 {
            let _others = mu.alloc_slice(LARGE, |_| 0xA5_u64);
        }
        let large = numbers.get(mu).get().expect("the large object");
        assert!((0..).zip(large.iter()).all(|(at, &number)| number == at), "the large object is lost");
        for (at, place) in (0..).zip(items.get(mu).get().expect("the large array").iter()) {
            look_along(place.get(), [at]);
        }
    });
    all_is_well(&stage);
}

/// A mutator hides an object and goes.
pub(crate) fn mutator_gone(step: &str) {
    let (stage, mut mutator, root) = set();
    let mut cycle = stage.begin();
    cycle.until(step);
    let holder = hide(&mut mutator, &root);
    drop(mutator);
    cycle.finish();
    let mut mutator = stage.heap.attach().expect("one mutator a thread");
    mutator.enter(|mu| look_along(Some(holder.get(mu)), [9, 1, 2]));
    all_is_well(&stage);
}

/// A mutator comes and hides an object.
pub(crate) fn mutator_come_and_field_erased(step: &str) {
    let (stage, mutator, root) = set();
    drop(mutator);
    let mut cycle = stage.begin();
    cycle.until(step);
    let mut mutator = stage.heap.attach().expect("one mutator a thread");
    let holder = hide(&mut mutator, &root);
    cycle.finish();
    mutator.enter(|mu| look_along(Some(holder.get(mu)), [9, 1, 2]));
    all_is_well(&stage);
}

/// A mutator comes and puts new objects into one that was there.
pub(crate) fn mutator_come_and_newborn_stored(step: &str) {
    let (stage, mutator, root) = set();
    drop(mutator);
    let mut cycle = stage.begin();
    cycle.until(step);
    let mut mutator = stage.heap.attach().expect("one mutator a thread");
    mutator.enter(|mu| {
        let last = root.get(mu).next.get().and_then(|one| one.next.get()).expect("0, 1, 2");
        last.next.set(mu, Some(path(mu, 3)));
    });
    cycle.finish();
    mutator.enter(|mu| look_along(Some(root.get(mu)), 0..5));
    all_is_well(&stage);
}

/// A root is made of what another object leads to; one is cloned and one pointed elsewhere, and the others go.
pub(crate) fn roots_moved(step: &str) {
    let (stage, mut mutator, root) = set();
    let other: Root<Item<'static>> = mutator.enter(|mu| mu.root(path(mu, 5)));
    let mut cycle = stage.begin();
    cycle.until(step);
    let made = mutator.enter(|mu| mu.root(root.get(mu).next.get().expect("an item")));
    let cloned = other.clone();
    mutator.enter(|mu| other.set(mu, root.get(mu)));
    drop(root);
    cycle.finish();
    mutator.enter(|mu| {
        look_along(Some(made.get(mu)), [1, 2]);
        look_along(Some(cloned.get(mu)), [5, 6]);
        look_along(Some(other.get(mu)), 0..3);
    });
    all_is_well(&stage);
}

/// What a root leads to is put into a new object, and the root is dropped.
pub(crate) fn root_dropped(step: &str) {
    let (stage, mut mutator, root) = set();
    let mut cycle = stage.begin();
    cycle.until(step);
    let holder = mutator.enter(|mu| mu.root(item(mu, 9, Some(root.get(mu)))));
    drop(root);
    cycle.finish();
    mutator.enter(|mu| look_along(Some(holder.get(mu)), [9, 0, 1, 2]));
    all_is_well(&stage);
}

/// A large structure is hidden, and a host's step of marking gets to a part of it when it has come to light.
fn hidden_and_stepped(step: &str, len: usize, make: impl for<'gc> Fn(&Mu<'gc>, u64) -> Gc<'gc, Item<'gc>>) {
    type Array<'gc> = GcCell<Option<Gc<'gc, GcSlice<Place<'gc>>>>>;
    let (stage, mut mutator, _root) = set();
    let array: Root<Array<'static>> = mutator.enter(|mu| {
        let all = mu.alloc_slice(len, |at| GcCell::new(Some(make(mu, 2 * at as u64))));
        mu.root(mu.alloc(GcCell::new(Some(all))))
    });
    let mut cycle = stage.begin();
    cycle.until(step);
    let holder: Root<Array<'static>> = mutator.enter(|mu| {
        let hidden = array.get(mu).take(mu);
        mu.root(mu.alloc(GcCell::new(hidden)))
    });
    if STEPS[..4].contains(&step) {
        // What the barrier shaded is in the queue now.
        cycle.until("dry");
        // Each marks a little: the first of the array, the others of what it leads to.
        for _ in 0..3 {
            let _more = stage.heap.step(Duration::ZERO);
        }
    }
    cycle.finish();
    mutator.enter(|mu| {
        for (at, place) in (0..).zip(holder.get(mu).get().expect("the array").iter()) {
            let first = place.get().expect("an item");
            look(first, 2 * at);
            if let Some(second) = first.next.get() {
                look(second, 2 * at + 1);
            }
        }
    });
    all_is_well(&stage);
}

/// An array that is scanned in several pieces.
pub(crate) fn array_stepped(step: &str) {
    hidden_and_stepped(step, 40_000, |mu, name| item(mu, name, None));
}

/// More objects than a step of marking gets to.
pub(crate) fn objects_stepped(step: &str) {
    hidden_and_stepped(step, 8_000, path);
}

/// What is in the hands of a mutator only, which stays inside until the round of roots waits for it, becomes a root; or an
/// old root is pointed to it.
pub(crate) fn root_made_of_what_is_in_the_hands() {
    from_the_hands(|mu, hidden, _| Some(mu.root(hidden)));
}

/// See [`root_made_of_what_is_in_the_hands`].
pub(crate) fn root_set_to_what_is_in_the_hands() {
    from_the_hands(|mu, hidden, old| {
        old.set(mu, hidden);
        None
    });
}

fn from_the_hands(
    keep: impl for<'gc> FnOnce(&Mu<'gc>, Gc<'gc, Item<'gc>>, &Root<Item<'static>>) -> Option<Root<Item<'static>>>,
) {
    let (stage, mut mutator, root) = set();
    let made = mutator.enter(|mu| {
        let hidden = path(mu, 5);
        let mut cycle = stage.begin();
        cycle.until_inside(mu, "settled");
        cycle.until_wanted_outside(mu);
        let made = keep(mu, hidden, &root);
        // The collector goes on when this thread has left; nobody leads it from here.
        (made, cycle)
    });
    let (made, cycle) = made;
    cycle.finish();
    mutator.enter(|mu| look_along(Some(made.as_ref().unwrap_or(&root).get(mu)), [5, 6]));
    all_is_well(&stage);
}

/// The epochs begin again: what was marked in one long ago is not taken for marked.
pub(crate) fn epochs_begin_again() {
    const EPOCHS: u64 = 250;
    let (stage, mut mutator, root) = set();
    // Every sixteenth stays, so that the others' slots are free and keep their marks.
    let mut kept: Vec<Root<Item<'static>>> =
        mutator.enter(|mu| (0..1600).map(|name| mu.root(item(mu, name, None))).collect());
    mutator.collect();
    let mut at = 0;
    kept.retain(|_| {
        at += 1;
        at % 16 == 0
    });
    while stage.heap.figures().cycles < EPOCHS {
        mutator.collect();
    }
    // The first of each path in such a slot, the second in fresh memory.
    let paths: Vec<Root<Item<'static>>> = mutator.enter(|mu| {
        let firsts: Vec<_> = (0..1400).map(|name| item(mu, 2 * name, None)).collect();
        for (at, first) in (0..).zip(&firsts) {
            first.next.set(mu, Some(item(mu, 2 * at + 1, None)));
        }
        firsts.into_iter().map(|first| mu.root(first)).collect()
    });
    mutator.collect();
    mutator.enter(|mu| {
        for (at, root) in (0..).zip(&paths) {
            look_along(Some(root.get(mu)), [2 * at, 2 * at + 1]);
        }
        look_along(Some(root.get(mu)), 0..3);
    });
    all_is_well(&stage);
}

/// A mutator whose roots are taken goes, and leaves slots that were black. Another, whose roots are not, fills them with
/// what has not been marked.
pub(crate) fn black_slots_are_left_to_a_mutator_that_is_white() {
    const MANY: u64 = 1500;
    let (stage, mut mutator, root) = set();
    let (paths, cycle) = mutator.enter(|mu| {
        let seconds: Vec<_> = (0..MANY).map(|at| item(mu, 2 * at + 1, None)).collect();
        let mut cycle = stage.begin();
        cycle.until_inside(mu, "settled");
        cycle.until_wanted_outside(mu);
        let heap = stage.heap.clone();
        let gone = thread::spawn(move || {
            heap.attach().expect("one mutator a thread").enter(|mu| look(item(mu, 9, None), 9));
        });
        gone.join().expect("it only comes and goes");
        let firsts = seconds.into_iter().zip(0..).map(|(second, at)| mu.root(item(mu, 2 * at, Some(second))));
        let paths: Vec<Root<Item<'static>>> = firsts.collect();
        (paths, cycle)
    });
    cycle.finish();
    mutator.enter(|mu| {
        look_along(Some(root.get(mu)), 0..3);
        for (at, path) in (0..).zip(&paths) {
            look_along(Some(path.get(mu)), [2 * at, 2 * at + 1]);
        }
    });
    all_is_well(&stage);
}

/// A field is erased that holds a number, which looks like the address of a slot that is handed out and not filled yet.
pub(crate) fn number_like_a_slot_to_come_erased(step: &str) {
    let (stage, mut mutator, root) = set();
    // The next items come where others have died, and are poison.
    let numbers: Root<GcSlice<GcCell<Either<'static>>>> = mutator.enter(|mu| {
        for name in 0..300 {
            look(item(mu, name, None), name);
        }
        mu.root(mu.alloc_slice(64, |_| GcCell::new(Either::Number(7))))
    });
    mutator.collect();
    mutator.enter(|mu| {
        let last = item(mu, 9, None);
        let address = core::ptr::from_ref::<Item<'_>>(&last).addr() as u64;
        for (at, number) in (1..).zip(numbers.get(mu).iter()) {
            number.set(mu, Either::Number(address + 8 * at));
        }
    });
    let mut cycle = stage.begin();
    cycle.until(step);
    mutator.enter(|mu| numbers.get(mu).iter().for_each(|number| number.set(mu, Either::Number(7))));
    cycle.finish();
    mutator.enter(|mu| look_along(Some(root.get(mu)), 0..3));
    all_is_well(&stage);
}
