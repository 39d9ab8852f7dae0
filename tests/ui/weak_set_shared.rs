//! A weak set is its thread's own: a root of one does not go to another thread.
use tricolor::{Heap, Interner, Root};

fn main() {
    let heap = Heap::new().unwrap();
    let names: Root<Interner<'static>> = heap.attach().unwrap().enter(|mu| mu.root(mu.alloc(Interner::new())));
    std::thread::spawn(move || drop(names));
}
