//! A map is not `Copy`: two with the same tables would not agree on what is in them.
use tricolor::{GcCell, GcMap, Heap};

fn main() {
    let heap = Heap::new().unwrap();
    heap.attach().unwrap().enter(|mu| {
        let map = GcMap::new();
        map.insert(mu, 1_u64, 1_u64);
        mu.alloc(GcCell::new(map));
    });
}
