//! A linked list in the heap: made, read, cut in half, dropped.
//!
//! Run with `cargo run --example list`.

use tricolor::{Gc, GcCell, Heap, Mu, Root, Trace};

const NODES: u64 = 10_000;

/// A node. `next` can be changed, so it is in a `GcCell`; `value` cannot.
#[derive(Trace)]
struct Node<'gc> {
    value: u64,
    next: GcCell<Option<Gc<'gc, Node<'gc>>>>,
}

/// A list of `0..count`.
fn make<'gc>(mu: &Mu<'gc>, count: u64) -> Gc<'gc, Node<'gc>> {
    let mut head = mu.alloc(Node { value: count - 1, next: GcCell::new(None) });
    for value in (0..count - 1).rev() {
        head = mu.alloc(Node { value, next: GcCell::new(Some(head)) });
    }
    head
}

/// The nodes from `head` on.
fn nodes<'gc>(head: Gc<'gc, Node<'gc>>) -> impl Iterator<Item = Gc<'gc, Node<'gc>>> {
    core::iter::successors(Some(head), |node| node.next.get())
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let heap = Heap::new()?;
    let mut mutator = heap.attach()?;

    // References end with their `enter`. A root is what stays.
    let list: Root<Node<'static>> = mutator.enter(|mu| mu.root(make(mu, NODES)));
    mutator.collect();
    let sum: u64 = mutator.enter(|mu| nodes(list.get(mu)).map(|node| node.value).sum());
    assert_eq!(sum, NODES * (NODES - 1) / 2, "all nodes are reachable from the root");
    assert_eq!(heap.figures().memory.heap_objects, NODES, "and nothing else is in the heap");

    // Cut the list: nothing refers to the second half any more.
    mutator.enter(|mu| {
        let last = nodes(list.get(mu)).nth(usize::try_from(NODES / 2 - 1).expect("a small number"));
        last.expect("the list is long enough").next.set(mu, None);
    });
    mutator.collect();
    assert_eq!(heap.figures().memory.heap_objects, NODES / 2, "the second half is gone");

    // Drop the root: nothing refers to the first half.
    drop(list);
    mutator.collect();
    assert_eq!(heap.figures().memory.heap_objects, 0, "the heap is empty");
    assert_eq!(heap.verify(), [], "and its book is in order");
    println!("a list of {NODES} nodes came and went in {} collections", heap.figures().cycles);
    Ok(())
}
