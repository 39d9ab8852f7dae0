//! A map cannot be taken out of an object in the heap.
use tricolor::{GcMap, Heap};

fn main() {
    let heap = Heap::new().unwrap();
    heap.attach().unwrap().enter(|mu| {
        let map = mu.alloc(GcMap::new());
        map.insert(mu, 1_u64, 1_u64);
        let twice = *map;
        twice.insert(mu, 2, 2);
    });
}
