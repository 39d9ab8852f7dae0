//! The program of finalizers and cleanups: what is finalized is held by nobody, whole, once, after what led to it; what is cleaned up
//! was finalized before.

use crate::parts::{Item, builder, collector, join, start};
use heap_core::sync::Arc;
use heap_testkit::random::Random;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use tricolor::{Cleanup, Gc, GcCell, Heap, Mu, Mutator, Root, Trace, Weak};

const ITEMS: usize = 2;

/// Belongs to one thread.
#[derive(Trace)]
struct Node<'gc> {
    name: u64,
    item: Gc<'gc, Item<'gc>>,
    next: GcCell<Option<Gc<'gc, Node<'gc>>>>,
}

impl Node<'_> {
    fn look(&self) -> u64 {
        assert_eq!(self.item.look(), self.name);
        self.name
    }
}

type Place<'gc> = GcCell<Option<Gc<'gc, Node<'gc>>>>;

/// What a thread knows of a node of its own.
#[derive(Default)]
struct State {
    /// It has a finalizer.
    set: bool,
    /// The node that was made to lead to it.
    outer: Option<u64>,
    /// In a root.
    rooted: bool,
}

/// What a thread knows.
#[derive(Default)]
struct Model {
    nodes: BTreeMap<u64, State>,
    shelved: Option<u64>,
}

impl Model {
    /// Whether something of the program's leads to a node, or something that has its finalizer before it.
    fn has(&self, name: u64) -> bool {
        let state = &self.nodes[&name];
        state.rooted
            || self.shelved == Some(name)
            || state.outer.is_some_and(|outer| self.has(outer) || self.nodes[&outer].set)
    }
}

/// A thread and its nodes.
struct Own {
    model: Rc<RefCell<Model>>,
    roots: Vec<(u64, Root<Node<'static>>)>,
    weak: Vec<(u64, Root<Weak<'static, Node<'static>>>)>,
    shelf: Root<Place<'static>>,
    next: u64,
}

impl Own {
    fn node<'gc>(
        &mut self,
        mu: &Mu<'gc>,
        inner: Option<Gc<'gc, Node<'gc>>>,
        keeps: bool,
    ) -> Gc<'gc, Node<'gc>> {
        self.next += 1;
        let name = self.next;
        let node = mu.alloc(Node { name, item: Item::new(mu, name), next: GcCell::new(inner) });
        if let Some(inner) = inner {
            self.model.borrow_mut().nodes.get_mut(&inner.name).expect("it was made").outer = Some(name);
        }
        self.model.borrow_mut().nodes.insert(name, State { set: true, ..State::default() });
        let (model, shelf) = (Rc::clone(&self.model), self.shelf.clone());
        mu.set_finalizer(node, move |mu, node| {
            let mut model = model.borrow_mut();
            assert_eq!(node.look(), name);
            node.next.get().inspect(|inner| _ = inner.look());
            assert!(!model.has(name), "node {name} is finalized, and kept");
            let was = core::mem::replace(&mut model.nodes.get_mut(&name).expect("it was made").set, false);
            assert!(was, "node {name} is finalized twice");
            let _more = Item::new(mu, 5000 + name);
            if keeps {
                shelf.get(mu).set(mu, Some(node));
                model.shelved = Some(name);
            }
        });
        node
    }

    fn make(&mut self, mutator: &mut Mutator, random: &mut Random) {
        let keeps = random.below(3) == 0;
        mutator.enter(|mu| {
            let inner = (random.below(2) == 0).then(|| self.node(mu, None, false));
            let node = self.node(mu, inner, keeps);
            if random.below(2) == 0 {
                self.weak.push((node.name, mu.root(mu.alloc(mu.downgrade(node)))));
            }
            if random.below(2) == 0 {
                self.model.borrow_mut().nodes.get_mut(&node.name).expect("it was made").rooted = true;
                self.roots.push((node.name, mu.root(node)));
            }
        });
    }

    fn let_go(&mut self) {
        if let Some((name, root)) = self.roots.pop() {
            if !self.roots.iter().any(|(other, _)| *other == name) {
                self.model.borrow_mut().nodes.get_mut(&name).expect("it was made").rooted = false;
            }
            drop(root);
        }
    }

    /// Finds a node by a weak reference, and holds it.
    fn find(&mut self, mutator: &mut Mutator, random: &mut Random) {
        if self.weak.is_empty() {
            return;
        }
        let (name, weak) = &self.weak[random.index(self.weak.len())];
        let found = mutator.enter(|mu| {
            let node = weak.get(mu).upgrade(mu)?;
            let mut model = self.model.borrow_mut();
            assert_eq!(node.look(), *name);
            let state = model.nodes.get_mut(name).expect("it was made");
            assert!(state.set, "node {name} was finalized, and is found");
            state.rooted = true;
            Some(mu.root(node))
        });
        self.roots.extend(found.map(|root| (*name, root)));
    }

    fn clear_shelf(&mut self, mutator: &mut Mutator) {
        mutator.enter(|mu| {
            let node = self.shelf.get(mu).take(mu);
            assert_eq!(node.map(|node| node.look()), self.model.borrow_mut().shelved.take());
        });
    }

    fn look(&self, mutator: &mut Mutator) {
        mutator.enter(|mu| {
            for (name, root) in &self.roots {
                let node = root.get(mu);
                assert_eq!(node.look(), *name);
                node.next.get().inspect(|inner| _ = inner.look());
            }
            let shelved = self.shelf.get(mu).get().map(|node| node.look());
            assert_eq!(shelved, self.model.borrow().shelved);
        });
    }
}

/// An item that all threads know of.
struct Known {
    weak: Root<Weak<'static, Item<'static>>>,
    cleanup: Cleanup,
    states: Arc<States>,
}

#[derive(Default)]
struct States {
    /// Roots of it. More when one is about to be made, less when one is about to be dropped.
    held: AtomicUsize,
    finalized: AtomicBool,
    cleaned_up: AtomicBool,
}

fn known(mu: &Mu<'_>, number: u64) -> Known {
    let (item, states) = (Item::new(mu, number), Arc::new(States::default()));
    let (of_cleanup, of_finalizer) = (Arc::clone(&states), Arc::clone(&states));
    let cleanup = mu.cleanup(item, move || {
        assert!(of_cleanup.finalized.load(SeqCst), "item {number} is cleaned up before it is finalized");
        assert!(!of_cleanup.cleaned_up.swap(true, SeqCst), "item {number} is cleaned up twice");
    });
    mu.set_shared_finalizer(item, move |_, item| {
        assert_eq!(item.look(), number);
        assert_eq!(of_finalizer.held.load(SeqCst), 0, "item {number} is finalized, and held");
        assert!(!of_finalizer.finalized.swap(true, SeqCst), "item {number} is finalized twice");
        assert!(!of_finalizer.cleaned_up.load(SeqCst), "item {number} was cleaned up");
    });
    Known { weak: mu.root(mu.alloc(mu.downgrade(item))), cleanup, states }
}

/// Finds an item that all know of, and holds it if it is there.
fn find(mutator: &mut Mutator, one: &Known) -> Option<Root<Item<'static>>> {
    let was = one.states.finalized.load(SeqCst);
    mutator.enter(|mu| {
        let item = one.weak.get(mu).upgrade(mu)?;
        assert!(!was, "an item was finalized, and is found");
        item.look();
        one.states.held.fetch_add(1, SeqCst);
        Some(mu.root(item))
    })
}

fn thread(heap: &Heap, known: &[Known], mut random: Random) {
    let mut mutator = heap.attach().expect("one mutator a thread");
    let shelf = mutator.enter(|mu| mu.root(mu.alloc(GcCell::new(None::<Gc<'_, Node<'_>>>))));
    let model = Rc::default();
    let mut own = Own { model, roots: Vec::new(), weak: Vec::new(), shelf, next: 100 };
    let mut held: Vec<(usize, Root<Item<'static>>)> = Vec::new();
    for _ in 0..4 + random.below(8) {
        match random.below(8) {
            0 | 1 => own.make(&mut mutator, &mut random),
            2 => own.let_go(),
            3 => own.find(&mut mutator, &mut random),
            4 => own.clear_shelf(&mut mutator),
            5 => {
                let number = random.index(ITEMS);
                held.extend(find(&mut mutator, &known[number]).map(|root| (number, root)));
            }
            6 => {
                if let Some((number, root)) = held.pop() {
                    known[number].states.held.fetch_sub(1, SeqCst);
                    drop(root);
                }
            }
            _ => mutator.safepoint(),
        }
        own.look(&mut mutator);
    }
    for (number, _root) in held {
        known[number].states.held.fetch_sub(1, SeqCst);
    }
}

/// Threads make nodes with finalizers, of which some lead to others, and find items that have one that any thread runs, while
/// others collect.
pub fn finalizers(seed: u64) {
    let mut random = Random::new(seed);
    let heap = builder(&mut random).build().expect("a heap");
    let all: Vec<Known> = heap
        .attach()
        .expect("one mutator a thread")
        .enter(|mu| (0..ITEMS as u64).map(|number| known(mu, number)).collect());
    let stopped = random.below(4) == 0 && all[0].cleanup.stop();
    let all = Arc::new(all);
    let threads: Vec<_> = (0..1 + random.below(2))
        .map(|_| {
            let (heap, known, random) = (heap.clone(), Arc::clone(&all), Random::new(random.next()));
            start("mutator", move || thread(&heap, &known, random))
        })
        .collect();
    let collector = collector(&heap, 1 + random.below(4));
    threads.into_iter().for_each(join);
    join(collector);
    // Found dead, finalized; and found dead.
    let mut mutator = heap.attach().expect("one mutator a thread");
    mutator.collect();
    mutator.collect();
    drop(mutator);
    for (number, one) in all.iter().enumerate() {
        assert!(one.states.finalized.load(SeqCst), "item {number} is held by nobody, and not finalized");
        let is_stopped = stopped && number == 0;
        assert_eq!(one.states.cleaned_up.load(SeqCst), !is_stopped, "item {number}, and its cleanup");
    }
    drop(all);
    heap.collect();
    assert_eq!((heap.figures().roots, heap.figures().memory.heap_objects), (0, 0));
    assert_eq!((heap.figures().finalizers.waiting, heap.figures().cleanups.waiting), (0, 0));
}
