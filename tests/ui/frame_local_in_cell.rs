//! A cell in the heap does not take a local either.
use tricolor::{GcCell, Heap};

fn main() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    mutator.enter(|mu| {
        mu.frame(|f| {
            let local = f.alloc(1_u64);
            mu.alloc(GcCell::new(Some(local)));
        });
    });
}
