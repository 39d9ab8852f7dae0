//! A vector cannot be taken out of an object in the heap.
use tricolor::{GcVec, Heap};

fn main() {
    let heap = Heap::new().unwrap();
    heap.attach().unwrap().enter(|mu| {
        let numbers = mu.alloc(GcVec::new());
        numbers.push(mu, 1_u64);
        let twice = *numbers;
        twice.push(mu, 2);
    });
}
