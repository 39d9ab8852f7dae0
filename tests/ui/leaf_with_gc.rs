//! A `Leaf` is not looked into, so it has no `Gc`.
use tricolor::{Heap, Leaf};

fn main() {
    let heap = Heap::new().unwrap();
    heap.attach().unwrap().enter(|mu| {
        let number = mu.alloc(1_u64);
        mu.alloc(Leaf::new(number));
    });
}
