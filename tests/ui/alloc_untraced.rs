//! What goes into the heap is `Trace`.
use tricolor::Heap;

struct Untraced;

fn main() {
    let heap = Heap::new().unwrap();
    heap.attach().unwrap().enter(|mu| {
        mu.alloc(Untraced);
    });
}
