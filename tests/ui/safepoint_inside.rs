//! No collection while a `Gc` is in use: `safepoint` needs the mutator, which `enter` has borrowed.
use tricolor::Heap;

fn main() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    mutator.enter(|mu| {
        let number = mu.alloc(1_u64);
        mutator.safepoint();
        assert_eq!(*number, 1);
    });
}
