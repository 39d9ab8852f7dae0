//! An object of an arena belongs to its `enter`, as every reference does, and needs a root beyond it.
use tricolor::{Arena, Heap};

fn main() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    let object = mutator.enter(|mu| Arena::new(mu, 10).alloc(mu, 1_u64));
    mutator.collect();
    println!("{object}");
}
