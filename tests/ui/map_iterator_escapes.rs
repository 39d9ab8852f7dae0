//! An iterator over a map does not leave its `enter`, with the tables that it keeps.
use tricolor::{Gc, GcMap, Heap, Root};

fn main() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    let root: Root<GcMap<'static, u64, u64>> =
        mutator.enter(|mu| mu.root(mu.alloc(GcMap::<u64, u64>::new())));
    let mut entries = mutator.enter(|mu| Gc::get(root.get(mu)).iter());
    mutator.collect();
    entries.next();
}
