//! A vector does not leave its `enter`: nothing would keep its memory.
use tricolor::{GcVec, Heap};

fn main() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    let numbers = mutator.enter(|mu| {
        let numbers = GcVec::new();
        numbers.push(mu, 1_u64);
        numbers
    });
    assert_eq!(numbers.get(0), Some(1));
}
