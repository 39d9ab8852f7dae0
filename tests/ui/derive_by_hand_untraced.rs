//! `by_hand` does not trace anything by itself: the `unsafe impl Trace` is the program's.
use tricolor::{Gc, Heap, Trace};

#[derive(Trace)]
#[trace(by_hand)]
struct Bag<'gc> {
    items: Vec<Gc<'gc, u64>>,
}

fn main() {
    let heap = Heap::new().unwrap();
    heap.attach().unwrap().enter(|mu| {
        mu.alloc(Bag { items: vec![mu.alloc(1)] });
    });
}
