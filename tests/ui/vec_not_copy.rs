//! A `GcVec` holds `Copy` values: there is nothing to drop when one is removed.
use tricolor::{GcVec, Heap};

fn main() {
    let heap = Heap::new().unwrap();
    heap.attach().unwrap().enter(|mu| {
        mu.alloc(GcVec::<String>::new());
    });
}
