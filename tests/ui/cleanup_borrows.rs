//! A cleanup may run long after the function that asked for it has returned.
use tricolor::Heap;

fn main() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    let text = String::from("here");
    mutator.enter(|mu| {
        mu.cleanup(mu.alloc([1_u64; 4]), || println!("{text}"));
    });
}
