//! Keys of a map can be hashed and compared.
use tricolor::{GcMap, Heap};

fn main() {
    let heap = Heap::new().unwrap();
    heap.attach().unwrap().enter(|mu| {
        let map = GcMap::new();
        map.insert(mu, 1.5_f64, 1);
    });
}
