//! A finalizer that any thread runs takes only what may go there.
use std::rc::Rc;
use tricolor::Heap;

fn main() {
    let heap = Heap::new().unwrap();
    let count = Rc::new(1);
    heap.attach().unwrap().enter(|mu| {
        mu.set_shared_finalizer(mu.alloc([1_u64; 4]), move |_, _| drop(count));
    });
}
