//! A mutator of one heap cannot make a root for an object of another.
use tricolor::Heap;

fn main() {
    let (one, two) = (Heap::new().unwrap(), Heap::new().unwrap());
    let (mut first, mut second) = (one.attach().unwrap(), two.attach().unwrap());
    first.enter(|a| {
        let of_one = a.alloc(1_u64);
        second.enter(|b| drop(b.root(of_one)));
    });
}
