//! No collection while a `Gc` is in use: `collect` needs the mutator, which `enter` has borrowed.
use tricolor::Heap;

fn main() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    mutator.enter(|mu| {
        let number = mu.alloc(1_u64);
        mutator.collect();
        assert_eq!(*number, 1);
    });
}
