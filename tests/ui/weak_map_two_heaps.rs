//! A key of one heap is not put into a weak map of another.
use tricolor::{Heap, WeakMap};

fn main() {
    let (one, two) = (Heap::new().unwrap(), Heap::new().unwrap());
    let (mut first, mut second) = (one.attach().unwrap(), two.attach().unwrap());
    first.enter(|a| {
        let key = a.alloc(1_u64);
        second.enter(|b| {
            let map = b.alloc(WeakMap::new());
            map.insert(b, key, b.alloc(2_u64));
        });
    });
}
