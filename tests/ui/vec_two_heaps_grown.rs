//! A vector, also one of numbers, grows in the heap that it is in, and in no other.
use tricolor::{GcVec, Heap};

fn main() {
    let (one, two) = (Heap::new().unwrap(), Heap::new().unwrap());
    let (mut first, mut second) = (one.attach().unwrap(), two.attach().unwrap());
    first.enter(|a| {
        let numbers = a.alloc(GcVec::new());
        numbers.push(a, 1_u64);
        second.enter(|b| numbers.push(b, 2));
    });
}
