//! A value that borrows cannot be known to a weak map: the map may outlive what is borrowed.
use tricolor::{Heap, WeakMap};

fn main() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    let text = String::from("text");
    mutator.enter(|mu| {
        let map = mu.alloc(WeakMap::new());
        map.insert(mu, mu.alloc(1_u64), mu.alloc(text.as_str()));
    });
}
