//! A weak reference into one heap is not loaded through a mutator of another.
use tricolor::Heap;

fn main() {
    let (one, two) = (Heap::new().unwrap(), Heap::new().unwrap());
    let (mut first, mut second) = (one.attach().unwrap(), two.attach().unwrap());
    first.enter(|a| {
        let of_one = a.downgrade(a.alloc(1_u64));
        second.enter(|b| assert!(of_one.upgrade(b).is_some()));
    });
}
