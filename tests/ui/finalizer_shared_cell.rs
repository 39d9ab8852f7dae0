//! What only one thread may write to is not finalized by another.
use tricolor::{GcCell, Heap};

fn main() {
    let heap = Heap::new().unwrap();
    heap.attach().unwrap().enter(|mu| {
        mu.set_shared_finalizer(mu.alloc(GcCell::new(1_u64)), |mu, cell| cell.set(mu, 2));
    });
}
