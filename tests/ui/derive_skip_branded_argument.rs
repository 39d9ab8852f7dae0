//! A parameter that must be `'static` is not given a reference: nothing of such a type can be put into a heap.
use tricolor::{Gc, Heap, Trace};

#[derive(Trace)]
struct Skipping<T: 'static + Send> {
    #[trace(skip)]
    value: T,
}

fn main() {
    let heap = Heap::new().unwrap();
    heap.attach().unwrap().enter(|mu| {
        let value: Gc<'_, u64> = mu.alloc(1_u64);
        mu.alloc(Skipping { value });
    });
}
