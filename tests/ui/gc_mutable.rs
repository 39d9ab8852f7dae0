//! Objects are shared: there is no `&mut` to one.
use tricolor::Heap;

fn main() {
    let heap = Heap::new().unwrap();
    heap.attach().unwrap().enter(|mu| *mu.alloc(1_u64) += 1);
}
