//! A `Gc` to an object with a `GcCell` is not shared with another thread.
use tricolor::{GcCell, Heap};

fn main() {
    let heap = Heap::new().unwrap();
    heap.attach().unwrap().enter(|mu| {
        let cell = mu.alloc(GcCell::new(1_u64));
        std::thread::scope(|scope| {
            scope.spawn(move || cell.get());
        });
    });
}
