//! A value of an outer frame does not hold a local of an inner one, which goes first.
use std::cell::Cell;
use tricolor::{Heap, Local};

fn main() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    mutator.enter(|mu| {
        mu.frame(|f| {
            let outer = f.alloc(Cell::new(None::<Local<'_, u64>>));
            f.frame(|g| outer.set(Some(g.alloc(1_u64))));
            assert!(outer.get().is_some());
        });
    });
}
