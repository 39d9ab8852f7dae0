//! A reference into one heap cannot be pushed into a vector of another.
use tricolor::{GcVec, Heap};

fn main() {
    let (one, two) = (Heap::new().unwrap(), Heap::new().unwrap());
    let (mut first, mut second) = (one.attach().unwrap(), two.attach().unwrap());
    first.enter(|a| {
        let of_one = a.alloc(1_u64);
        second.enter(|b| {
            let items = b.alloc(GcVec::new());
            items.push(b, b.alloc(2_u64));
            items.push(b, of_one);
        });
    });
}
