//! A type parameter is `Trace` when the type is.
use tricolor::{Heap, Trace};

struct Untraced;

#[derive(Trace)]
struct Holder<T> {
    held: T,
}

fn main() {
    let heap = Heap::new().unwrap();
    heap.attach().unwrap().enter(|mu| {
        mu.alloc(Holder { held: Untraced });
    });
}
