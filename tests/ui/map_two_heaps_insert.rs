//! A value of one heap does not go into a map of another.
use tricolor::{GcMap, Heap};

fn main() {
    let (left, right) = (Heap::new().unwrap(), Heap::new().unwrap());
    let (mut left, mut right) = (left.attach().unwrap(), right.attach().unwrap());
    left.enter(|left| {
        let map = left.alloc(GcMap::new());
        map.insert(left, 1_u64, left.alloc(1_u64));
        right.enter(|right| {
            map.insert(left, 2, right.alloc(2_u64));
        });
    });
}
