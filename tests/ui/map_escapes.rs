//! A map does not leave its `enter`: nothing would keep its tables.
use tricolor::{GcMap, Heap};

fn main() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    let map = mutator.enter(|mu| {
        let map = GcMap::new();
        map.insert(mu, 1_u64, 1_u64);
        map
    });
    assert_eq!(map.get(&1), Some(1));
}
