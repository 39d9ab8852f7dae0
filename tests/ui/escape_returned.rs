//! A `Gc` does not leave its `enter` as the result: a collection may run after it.
use tricolor::Heap;

fn main() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    let gone = mutator.enter(|mu| mu.alloc(1_u64));
    assert_eq!(*gone, 1);
}
