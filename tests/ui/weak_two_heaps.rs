//! A weak reference into one heap cannot be stored in an object of another.
use tricolor::{GcCell, Heap};

fn main() {
    let (one, two) = (Heap::new().unwrap(), Heap::new().unwrap());
    let (mut first, mut second) = (one.attach().unwrap(), two.attach().unwrap());
    first.enter(|a| {
        let of_one = a.downgrade(a.alloc(1_u64));
        second.enter(|b| {
            let cell = b.alloc(GcCell::new(Some(b.downgrade(b.alloc(2_u64)))));
            cell.set(b, Some(of_one));
        });
    });
}
