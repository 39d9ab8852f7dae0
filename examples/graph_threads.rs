//! Several threads and one heap: each makes a graph of its own and sends roots to the others.
//!
//! A `Root` may go to another thread if its object may be used there: the object is not changed after it was made, so it
//! has no `GcCell`, and the compiler sees that. Cycles need a `GcCell`, so they stay on their thread.
//!
//! Run with `cargo run --example graph_threads`.

use std::sync::mpsc;
use std::thread;
use tricolor::{Gc, GcCell, GcSlice, Heap, Mu, Mutator, Root, Trace};

const THREADS: u64 = 4;
const LAYERS: u64 = 20;
const WIDTH: usize = 16;

/// A node of a graph in layers. All nodes of a layer refer to the same slice of nodes of the layer below.
#[derive(Trace)]
struct Node<'gc> {
    value: u64,
    below: Option<Gc<'gc, GcSlice<Gc<'gc, Node<'gc>>>>>,
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
    number: u64,
    to: &mpsc::Sender<Root<Node<'static>>>,
    from: &mpsc::Receiver<Root<Node<'static>>>,
) {
    let mut mutator = heap.attach().expect("this thread has no mutator yet");
    let mine = ring(&mut mutator);
    for round in 1..=10 {
        let root = mutator.enter(|mu| mu.root(graph(mu, number * 1000 + round)));
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
    let heap = Heap::builder().workers(2).build()?;
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..THREADS).map(|_| mpsc::channel()).unzip();
    thread::scope(|scope| {
        let mut senders = senders.into_iter().cycle().skip(1);
        for (number, from) in (0..).zip(receivers) {
            let to = senders.next().expect("an endless iterator");
            let heap = &heap;
            scope.spawn(move || work(heap, number, &to, &from));
        }
    });
    heap.collect();
    let figures = heap.figures();
    assert_eq!(figures.memory.heap_objects, 0, "all roots are dropped");
    println!(
        "{THREADS} threads, {} collections, longest pause {:?}",
        figures.cycles,
        figures.pauses.iter().max()
    );
    Ok(())
}
