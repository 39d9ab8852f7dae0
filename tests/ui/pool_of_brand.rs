//! A pool outlives every `enter`, so its type has no brand but `'static`.
use tricolor::{Gc, Heap, Pool};

fn main() {
    let heap = Heap::new().unwrap();
    heap.attach().unwrap().enter(|mu| {
        let first = mu.alloc(1_u64);
        keep(&heap, first);
    });
}

fn keep<'gc>(heap: &Heap, _first: Gc<'gc, u64>) {
    let _pool: Pool<Gc<'gc, u64>> = Pool::new(heap);
}
