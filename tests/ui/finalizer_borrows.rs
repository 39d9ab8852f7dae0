//! A finalizer may run long after the function that set it has returned.
use tricolor::Heap;

fn main() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    let text = String::from("here");
    mutator.enter(|mu| {
        mu.set_finalizer(mu.alloc([1_u64; 4]), |_, _| println!("{text}"));
    });
}
