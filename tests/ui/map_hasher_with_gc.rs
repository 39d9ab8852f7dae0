//! The hasher of a map in the heap leads to nothing there: the collector does not look at it.
use std::hash::{BuildHasher, DefaultHasher};
use tricolor::{Gc, GcMap, Heap};

struct Seed<'gc>(Gc<'gc, u64>);

impl BuildHasher for Seed<'_> {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        DefaultHasher::new()
    }
}

fn main() {
    let heap = Heap::new().unwrap();
    heap.attach().unwrap().enter(|mu| {
        let seed = Seed(mu.alloc(1));
        mu.alloc(GcMap::<u64, u64, Seed<'_>>::with_hasher(seed));
    });
}
