//! A cleanup runs on whichever thread comes by: what it holds must be able to go there.
use std::rc::Rc;
use tricolor::Heap;

fn main() {
    let heap = Heap::new().unwrap();
    let count = Rc::new(1);
    heap.attach().unwrap().enter(|mu| {
        mu.cleanup(mu.alloc([1_u64; 4]), move || drop(count));
    });
}
