//! The program of weak references: what is held is found, what was not found once is never found again, and what is found is whole.

use crate::parts::{Item, Shelf, builder, collector, join, start};
use heap_core::sync::Arc;
use heap_testkit::random::Random;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use tricolor::{GcCell, Mutator, Root, Weak};

const ITEMS: usize = 3;

/// An item that all threads know of, and none need hold.
struct Known {
    weak: Root<Weak<'static, Item<'static>>>,
    /// Somebody has not found it. Written after a load that found nothing, read before a load.
    gone: AtomicBool,
}

/// One thread: what it holds, by number.
struct Holding {
    roots: Vec<(usize, Root<Item<'static>>)>,
    /// A place in the heap, and whose it is.
    shelf: Root<Shelf<'static>>,
    on_shelf: Option<usize>,
}

/// What to do with what is found.
#[derive(Clone, Copy)]
enum Then {
    Look,
    Root,
    Shelve,
}

impl Holding {
    fn has(&self, number: usize) -> bool {
        self.on_shelf == Some(number) || self.roots.iter().any(|(held, _)| *held == number)
    }

    /// Loads a weak reference. The model is asked before and told after.
    fn load(&mut self, mutator: &mut Mutator, known: &[Known], number: usize, then: Then) {
        let one = &known[number];
        let was_gone = one.gone.load(SeqCst);
        let found = mutator.enter(|mu| {
            let item = one.weak.get(mu).upgrade(mu)?;
            assert_eq!(item.look(), number as u64);
            match then {
                Then::Look => Some(None),
                Then::Root => Some(Some(mu.root(item))),
                Then::Shelve => {
                    self.shelf.get(mu).item.set(mu, Some(item));
                    Some(None)
                }
            }
        });
        match found {
            Some(root) => {
                assert!(!was_gone, "item {number} was gone, and is found again");
                self.roots.extend(root.map(|root| (number, root)));
                if let Then::Shelve = then {
                    self.on_shelf = Some(number);
                }
            }
            None => {
                assert!(!self.has(number), "item {number} is held, and is not found");
                one.gone.store(true, SeqCst);
            }
        }
    }

    /// What it holds is whole.
    fn look(&self, mutator: &mut Mutator) {
        mutator.enter(|mu| {
            for (number, root) in &self.roots {
                assert_eq!(root.get(mu).look(), *number as u64);
            }
            let shelved = self.shelf.get(mu).item.get().map(|item| item.look());
            assert_eq!(shelved, self.on_shelf.map(|number| number as u64));
        });
    }
}

/// Threads find items by weak references while others let go of them and collect.
pub fn weak(seed: u64) {
    let mut random = Random::new(seed);
    let heap = builder(&mut random).build().expect("a heap");
    let mut mutator = heap.attach().expect("one mutator a thread");
    let (known, roots): (Vec<Known>, Vec<Root<Item<'static>>>) = (0..ITEMS)
        .map(|number| {
            mutator.enter(|mu| {
                let item = Item::new(mu, number as u64);
                let weak = mu.root(mu.alloc(mu.downgrade(item)));
                (Known { weak, gone: AtomicBool::new(false) }, mu.root(item))
            })
        })
        .unzip();
    drop(mutator);
    let known = Arc::new(known);
    let threads: Vec<_> = (0..1 + random.below(3))
        .map(|_| {
            let (heap, known, mut random) = (heap.clone(), Arc::clone(&known), Random::new(random.next()));
            let mut held = Vec::new();
            for (number, root) in roots.iter().enumerate() {
                if random.below(2) == 0 {
                    held.push((number, root.clone()));
                }
            }
            start("finder", move || {
                let mut mutator = heap.attach().expect("one mutator a thread");
                let shelf = mutator.enter(|mu| mu.root(mu.alloc(Shelf { item: GcCell::new(None) })));
                let mut holding = Holding { roots: held, shelf, on_shelf: None };
                for round in 0..4 + random.below(8) {
                    let number = random.index(ITEMS);
                    match random.below(6) {
                        0 | 1 => drop(holding.roots.pop()),
                        2 => holding.load(&mut mutator, &known, number, Then::Root),
                        3 => holding.load(&mut mutator, &known, number, Then::Shelve),
                        4 => {
                            mutator.enter(|mu| holding.shelf.get(mu).item.set(mu, None));
                            holding.on_shelf = None;
                        }
                        _ => {
                            let _garbage = mutator.enter(|mu| Item::new(mu, 1000 + round).look());
                        }
                    }
                    holding.load(&mut mutator, &known, random.index(ITEMS), Then::Look);
                    holding.look(&mut mutator);
                }
            })
        })
        .collect();
    drop(roots);
    let collector = collector(&heap, 1 + random.below(4));
    threads.into_iter().for_each(join);
    join(collector);
    heap.collect();
    let mut mutator = heap.attach().expect("one mutator a thread");
    for one in known.iter() {
        assert!(mutator.enter(|mu| one.weak.get(mu).upgrade(mu).is_none()), "nobody holds it");
    }
    drop(mutator);
    drop(known);
    heap.collect();
    assert_eq!((heap.figures().roots, heap.figures().memory.heap_objects), (0, 0));
}
