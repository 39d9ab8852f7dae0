//! A root of an object with a `GcCell` stays on its thread: two threads would write to the cell.
use tricolor::{GcCell, Heap, Root};

fn main() {
    let heap = Heap::new().unwrap();
    let root: Root<GcCell<u64>> = heap.attach().unwrap().enter(|mu| mu.root(mu.alloc(GcCell::new(1_u64))));
    std::thread::spawn(move || drop(root));
}
