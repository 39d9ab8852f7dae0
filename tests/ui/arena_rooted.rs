//! An arena is not put into the heap: it would outlive its `enter` there.
use tricolor::{Arena, Heap};

fn main() {
    let heap = Heap::new().unwrap();
    heap.attach().unwrap().enter(|mu| {
        mu.alloc(Arena::<u64>::new(mu, 10));
    });
}
