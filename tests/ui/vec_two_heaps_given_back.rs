//! A vector is given back to the heap that its memory is of.
use tricolor::{GcVec, Heap};

fn main() {
    let (one, two) = (Heap::new().unwrap(), Heap::new().unwrap());
    let (mut first, mut second) = (one.attach().unwrap(), two.attach().unwrap());
    first.enter(|a| {
        let numbers = GcVec::new();
        numbers.push(a, 1_u64);
        second.enter(|b| numbers.give_back(b));
    });
}
