//! A `GcMap` holds `Copy` keys and values: there is nothing to drop when one is removed.
use tricolor::{GcMap, Heap};

fn main() {
    let heap = Heap::new().unwrap();
    heap.attach().unwrap().enter(|mu| {
        mu.alloc(GcMap::<u64, String>::new());
    });
}
