//! An arena does not leave its `enter`: outside, a collector may look into its chunk while it is filled.
use tricolor::{Arena, Heap};

fn main() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    let mut arena = mutator.enter(|mu| Arena::<u64>::new(mu, 10));
    mutator.enter(|mu| {
        arena.alloc(mu, 1);
    });
}
