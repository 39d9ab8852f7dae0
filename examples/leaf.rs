//! Values that need a `Drop`: it runs at a safepoint after the object died, once, and never inside an allocation.
//!
//! Run with `cargo run --example leaf`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tricolor::{Gc, GcCell, Heap, Leaf, Root, Trace};

/// Something of the world outside the heap, to be given back: a file, a socket. Here, a count.
struct Resource {
    open: Arc<AtomicU64>,
}

impl Resource {
    fn open(open: &Arc<AtomicU64>) -> Self {
        open.fetch_add(1, Relaxed);
        Self { open: Arc::clone(open) }
    }
}

impl Drop for Resource {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Relaxed);
    }
}

/// A traced type has no `Drop` of its own, since it could look at objects that died with it. The part that needs one is
/// a `Leaf`, and the collector does not look into it.
#[derive(Trace)]
struct Connection<'gc> {
    resource: Leaf<Resource>,
    name: String,
    peer: GcCell<Option<Gc<'gc, Connection<'gc>>>>,
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let open = Arc::new(AtomicU64::new(0));
    let heap = Heap::new()?;
    let mut mutator = heap.attach()?;

    // Two connections that refer to each other: a cycle, which reference counting would never free.
    let root: Root<Connection<'static>> = mutator.enter(|mu| {
        let connection = |name: &str| {
            let resource = Leaf::new(Resource::open(&open));
            mu.alloc(Connection { resource, name: name.to_owned(), peer: GcCell::new(None) })
        };
        let (left, right) = (connection("left"), connection("right"));
        left.peer.set(mu, Some(right));
        right.peer.set(mu, Some(left));
        mu.root(left)
    });
    mutator.collect();
    assert_eq!(open.load(Relaxed), 2, "both are reachable");
    mutator.enter(|mu| {
        let peer = root.get(mu).peer.get().expect("it was set");
        assert_eq!(peer.name, "right");
        assert_eq!(peer.resource.open.load(Relaxed), 2, "a leaf is used as what is in it");
    });

    // Unreachable is not dropped yet: that takes a collection.
    drop(root);
    assert_eq!(open.load(Relaxed), 2);
    mutator.collect();
    assert_eq!(open.load(Relaxed), 0, "`collect` has run the drops when it returns");

    // What is in the heap when the heap goes is dropped with it.
    mutator.enter(|mu| drop(mu.root(mu.alloc(Leaf::new(Resource::open(&open))))));
    assert_eq!(open.load(Relaxed), 1);
    drop(mutator);
    drop(heap);
    assert_eq!(open.load(Relaxed), 0);
    println!("every resource was given back, once");
    Ok(())
}
