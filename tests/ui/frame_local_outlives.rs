//! A local does not leave its frame as the result: its memory goes with the frame.
use tricolor::Heap;

fn main() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    mutator.enter(|mu| {
        let gone = mu.frame(|f| f.alloc(1_u64));
        assert_eq!(*gone, 1);
    });
}
