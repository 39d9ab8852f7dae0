//! A `Weak` does not leave its `enter`: it leads to its place, which a collection may free.
use tricolor::Heap;

fn main() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    let gone = mutator.enter(|mu| mu.downgrade(mu.alloc(1_u64)));
    mutator.enter(|mu| assert!(gone.upgrade(mu).is_none()));
}
