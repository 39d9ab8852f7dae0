//! A vector is not `Copy`: two with one memory would not agree on how many elements are in it.
use tricolor::{GcCell, GcVec, Heap};

fn main() {
    let heap = Heap::new().unwrap();
    heap.attach().unwrap().enter(|mu| {
        let numbers = GcVec::new();
        numbers.push(mu, 1_u64);
        mu.alloc(GcCell::new(numbers));
    });
}
