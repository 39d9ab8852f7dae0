//! What a local leads to is not borrowed by an object either.
use tricolor::{Heap, Leaf, Local};

fn main() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    mutator.enter(|mu| {
        mu.frame(|f| {
            let borrowed: &u64 = Local::get(f.alloc(1_u64));
            mu.alloc(Leaf::new(borrowed));
        });
    });
}
