//! A `Gc` does not leave its `enter` through a variable outside.
use tricolor::Heap;

fn main() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    let mut gone = None;
    mutator.enter(|mu| gone = Some(mu.alloc(1_u64)));
    assert_eq!(gone.map(|gc| *gc), Some(1));
}
