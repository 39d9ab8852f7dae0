//! A `GcCell` holds `Copy` values: there is nothing to drop when one is replaced.
use tricolor::{GcCell, Heap};

fn main() {
    let heap = Heap::new().unwrap();
    heap.attach().unwrap().enter(|mu| {
        mu.alloc(GcCell::new(String::new()));
    });
}
