//! The program of weak maps and sets: what is known of a key that is held is found, and whole; a text that is held is there once.

use crate::parts::{Item, Shelf, builder, collector, join, start};
use heap_testkit::random::Random;
use tricolor::{Gc, GcCell, GcStr, Heap, Interner, Mutator, Root, Trace, Weak, WeakMap};

const KEYS: usize = 3;

/// What a thread has: a weak map and a weak set are one thread's.
#[derive(Trace)]
struct Own<'gc> {
    map: WeakMap<'gc, Item<'gc>, Value<'gc>>,
    names: Interner<'gc>,
    shelf: Shelf<'gc>,
}

/// Leads to the key of another entry, or of its own.
#[derive(Trace)]
struct Value<'gc> {
    name: u64,
    item: Gc<'gc, Item<'gc>>,
    next: GcCell<Option<Gc<'gc, Item<'gc>>>>,
}

/// One thread's model: of each key a root, if it holds one; a weak reference; and what its value is called and leads to.
struct Model {
    own: Root<Own<'static>>,
    weak: Vec<Root<Weak<'static, Item<'static>>>>,
    held: Vec<Option<Root<Item<'static>>>>,
    values: Vec<Option<(u64, Option<usize>)>>,
    name: u64,
    text: Option<Root<GcStr>>,
}

impl Model {
    fn new(mutator: &mut Mutator) -> Self {
        let own: Root<Own<'static>> = mutator.enter(|mu| {
            mu.root(mu.alloc(Own {
                map: WeakMap::new(),
                names: Interner::new(),
                shelf: Shelf { item: GcCell::new(None) },
            }))
        });
        let mut model =
            Self { own, weak: vec![], held: vec![], values: vec![None; KEYS], name: 0, text: None };
        for number in 0..KEYS {
            mutator.enter(|mu| {
                let key = Item::new(mu, number as u64);
                model.weak.push(mu.root(mu.alloc(mu.downgrade(key))));
                model.held.push(Some(mu.root(key)));
            });
        }
        model
    }

    /// Whether a key must be there: it is held, or a value leads to it whose key must be.
    fn must_be(&self, number: usize) -> bool {
        let mut known: Vec<bool> = self.held.iter().map(Option::is_some).collect();
        for _ in 0..KEYS {
            for from in 0..KEYS {
                if let (true, Some((_, Some(to)))) = (known[from], self.values[from]) {
                    known[to] = true;
                }
            }
        }
        known[number]
    }

    /// Gives a key, if it is found, a new value, which leads to another key that is found.
    fn insert(&mut self, mutator: &mut Mutator, number: usize, to: usize) {
        self.name += 1;
        let name = self.name;
        let leads_to = mutator.enter(|mu| {
            let own = self.own.get(mu);
            let key = self.weak[number].get(mu).upgrade(mu)?;
            let to = self.weak[to].get(mu).upgrade(mu);
            let next = GcCell::new(to);
            let old = own.map.insert(mu, key, mu.alloc(Value { name, item: Item::new(mu, name), next }));
            assert_eq!(old.is_some(), self.values[number].is_some(), "an entry of key {number}");
            if let Some(old) = old {
                assert_eq!(Some(old.item.look()), self.values[number].map(|(name, _)| name));
                // What was taken out is put where a marker may have been.
                own.shelf.item.set(mu, Some(old.item));
            }
            Some(to.is_some())
        });
        if let Some(leads) = leads_to {
            self.values[number] = Some((name, leads.then_some(to)));
        }
    }

    /// Looks a key up that is loaded weakly, and its value.
    fn look(&mut self, mutator: &mut Mutator, number: usize) {
        let must_be = self.must_be(number);
        let is_there = mutator.enter(|mu| {
            let Some(key) = self.weak[number].get(mu).upgrade(mu) else { return false };
            assert_eq!(key.look(), number as u64);
            let own = self.own.get(mu);
            let value = own.map.get(mu, key);
            let found = value.map(|value| {
                assert_eq!(value.item.look(), value.name);
                (value.name, value.next.get().map(|next| usize::try_from(next.look()).expect("a key")))
            });
            assert_eq!(found, self.values[number], "what is known of key {number}");
            true
        });
        assert!(is_there || !must_be, "key {number} is kept, and is not found");
    }

    /// Follows the values from a key, and keeps what is at the end in a root.
    fn follow(&mut self, mutator: &mut Mutator, from: usize) {
        let end = mutator.enter(|mu| {
            let own = self.own.get(mu);
            let mut key = self.weak[from].get(mu).upgrade(mu)?;
            for _ in 0..KEYS {
                let Some(next) = own.map.get(mu, key).and_then(|value| value.next.get()) else { break };
                key = next;
            }
            Some((usize::try_from(key.look()).expect("a key"), mu.root(key)))
        });
        if let Some((number, root)) = end {
            self.held[number] = Some(root);
        }
    }

    fn intern(&mut self, mutator: &mut Mutator, keeps: bool) {
        let kept = mutator.enter(|mu| {
            let names = &self.own.get(mu).names;
            let found = names.intern(mu, "a text of more than a tiny slot");
            assert_eq!(found.as_str(), "a text of more than a tiny slot");
            if let Some(text) = &self.text {
                assert!(Gc::ptr_eq(text.get(mu), found), "a text that is held is there twice");
            }
            keeps.then(|| mu.root(found))
        });
        self.text = kept;
    }
}

/// Threads with maps and sets of their own, beside collections.
pub fn ephemeron(seed: u64) {
    let mut random = Random::new(seed);
    let heap = builder(&mut random).build().expect("a heap");
    let threads: Vec<_> = (0..1 + random.below(2))
        .map(|_| {
            let (heap, random) = (heap.clone(), Random::new(random.next()));
            start("keeper", move || keep(&heap, random))
        })
        .collect();
    let collector = collector(&heap, 1 + random.below(4));
    threads.into_iter().for_each(join);
    join(collector);
    heap.collect();
    assert_eq!((heap.figures().roots, heap.figures().memory.heap_objects), (0, 0));
}

fn keep(heap: &Heap, mut random: Random) {
    let mut mutator = heap.attach().expect("one mutator a thread");
    let mut model = Model::new(&mut mutator);
    for _ in 0..6 + random.below(10) {
        let (one, other) = (random.index(KEYS), random.index(KEYS));
        match random.below(8) {
            0 | 1 => model.insert(&mut mutator, one, other),
            2 | 3 => model.held[one] = None,
            4 => model.follow(&mut mutator, one),
            5 => model.intern(&mut mutator, random.below(2) == 0),
            6 => mutator.enter(|mu| model.own.get(mu).shelf.item.set(mu, None)),
            _ => {
                let _garbage = mutator.enter(|mu| Item::new(mu, 1000).look());
            }
        }
        model.look(&mut mutator, random.index(KEYS));
    }
}
