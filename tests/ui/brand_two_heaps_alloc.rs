//! An object of one heap cannot be made with a reference into another.
use tricolor::{Gc, Heap, Trace};

#[derive(Trace)]
struct Holder<'gc> {
    held: Gc<'gc, u64>,
}

fn main() {
    let (one, two) = (Heap::new().unwrap(), Heap::new().unwrap());
    let (mut first, mut second) = (one.attach().unwrap(), two.attach().unwrap());
    first.enter(|a| {
        let of_one = a.alloc(1_u64);
        second.enter(|b| {
            b.alloc(Holder { held: of_one });
        });
    });
}
