//! Several threads and one heap: each makes graphs, sends them to its neighbour, and puts them on a shelf that all share.
//!
//! A `Root` may go to another thread if its object may be used there, and the compiler sees whether it may. An object that is
//! not changed after it was made has no `GcCell`, and can. One that several threads change has an `AtomicGc`, and can, too.
//! Cycles through a `GcCell` stay on their thread.
//!
//! Run with `cargo run --example graph_threads`.

use std::sync::mpsc;
use std::thread;
use tricolor::{AtomicGc, Gc, GcCell, GcSlice, Heap, Mu, Mutator, Root, Trace};

const THREADS: u64 = 4;
const ROUNDS: u64 = 10;
const LAYERS: u64 = 20;
const WIDTH: usize = 16;

/// A node of a graph in layers. All nodes of a layer refer to the same slice of nodes of the layer below.
#[derive(Trace)]
struct Node<'gc> {
    value: u64,
    below: Option<Gc<'gc, GcSlice<Gc<'gc, Node<'gc>>>>>,
}

/// What all threads share, and each adds to.
#[derive(Trace)]
struct Shelf<'gc> {
    top: AtomicGc<'gc, Shelved<'gc>>,
}

#[derive(Trace)]
struct Shelved<'gc> {
    graph: Gc<'gc, Node<'gc>>,
    below: Option<Gc<'gc, Shelved<'gc>>>,
}

impl<'gc> Shelf<'gc> {
    /// Puts a graph on top, also if others do the same.
    fn add(&self, mu: &Mu<'gc>, graph: Gc<'gc, Node<'gc>>) {
        let mut below = self.top.load();
        while let Err(now) = self.top.compare_exchange(mu, below, Some(mu.alloc(Shelved { graph, below }))) {
            below = now;
        }
    }

    /// The graphs, from the top.
    fn graphs(&self) -> impl Iterator<Item = Gc<'gc, Node<'gc>>> {
        core::iter::successors(self.top.load(), |shelved| shelved.below).map(|shelved| shelved.graph)
    }
}

/// A node of a ring, which has no end and so must be closed after it was made.
#[derive(Trace)]
struct Link<'gc> {
    next: GcCell<Option<Gc<'gc, Link<'gc>>>>,
}

/// A graph whose values are all `value`; its top node.
fn graph<'gc>(mu: &Mu<'gc>, value: u64) -> Gc<'gc, Node<'gc>> {
    let mut top = mu.alloc(Node { value, below: None });
    for _ in 0..LAYERS {
        let layer = mu.alloc_slice(WIDTH, |_| mu.alloc(Node { value, below: top.below }));
        top = mu.alloc(Node { value, below: Some(layer) });
    }
    top
}

/// The sum of the values along one path down.
fn sum<'gc>(top: Gc<'gc, Node<'gc>>) -> u64 {
    let path = core::iter::successors(Some(top), |node| node.below.map(|layer| layer[layer.len() / 2]));
    path.map(|node| node.value).sum()
}

/// A ring of two, on this thread.
fn ring(mutator: &mut Mutator) -> Root<Link<'static>> {
    mutator.enter(|mu| {
        let one = mu.alloc(Link { next: GcCell::new(None) });
        let two = mu.alloc(Link { next: GcCell::new(Some(one)) });
        one.next.set(mu, Some(two));
        mu.root(one)
    })
}

/// What one thread does: make, keep, send, receive, read.
fn work(
    heap: &Heap,
    shelf: &Root<Shelf<'static>>,
    number: u64,
    to: &mpsc::Sender<Root<Node<'static>>>,
    from: &mpsc::Receiver<Root<Node<'static>>>,
) {
    let mut mutator = heap.attach().expect("this thread has no mutator yet");
    let mine = ring(&mut mutator);
    for round in 1..=ROUNDS {
        let root = mutator.enter(|mu| {
            let graph = graph(mu, number * 1000 + round);
            shelf.get(mu).add(mu, graph);
            mu.root(graph)
        });
        to.send(root).expect("the other end is still there");
        // Waiting outside `enter` holds up no collection; `park` says that this is a wait.
        let received = mutator.park(|| from.recv()).expect("the other end is still there");
        mutator.collect();
        let found = mutator.enter(|mu| sum(received.get(mu)));
        let sender = (number + THREADS - 1) % THREADS;
        assert_eq!(found, (sender * 1000 + round) * (LAYERS + 1), "the neighbour's graph is as it was made");
    }
    mutator.enter(|mu| {
        let one = mine.get(mu);
        let two = one.next.get().expect("the ring is closed");
        assert!(two.next.get().is_some_and(|back| Gc::ptr_eq(back, one)), "the ring is a ring");
    });
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let heap = Heap::builder().workers(2).measure_pauses(true).build()?;
    let shelf: Root<Shelf<'static>> =
        heap.attach()?.enter(|mu| mu.root(mu.alloc(Shelf { top: AtomicGc::new(None) })));
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..THREADS).map(|_| mpsc::channel()).unzip();
    thread::scope(|scope| {
        let mut senders = senders.into_iter().cycle().skip(1);
        for (number, from) in (0..).zip(receivers) {
            let to = senders.next().expect("an endless iterator");
            let (heap, shelf) = (&heap, &shelf);
            scope.spawn(move || work(heap, shelf, number, &to, &from));
        }
    });
    heap.collect();
    heap.attach()?.enter(|mu| {
        let mut found: Vec<u64> = shelf.get(mu).graphs().map(sum).collect();
        found.sort_unstable();
        let made = (0..THREADS).flat_map(|number| (1..=ROUNDS).map(move |round| number * 1000 + round));
        assert!(
            found.into_iter().eq(made.map(|value| value * (LAYERS + 1))),
            "every graph is on the shelf once"
        );
    });
    drop(shelf);
    heap.collect();
    let figures = heap.figures();
    assert_eq!(figures.memory.heap_objects, 0, "all roots are dropped");
    println!(
        "{THREADS} threads, {} collections, whose work kept a thread for at most {:?}",
        figures.cycles, figures.mutator_pauses.max
    );
    Ok(())
}
