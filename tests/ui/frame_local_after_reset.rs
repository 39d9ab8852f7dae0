//! A local is of no use after a reset: its memory is handed out again.
use tricolor::Heap;

fn main() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    mutator.enter(|mu| {
        mu.frame(|f| {
            let gone = f.alloc(1_u64);
            f.reset();
            assert_eq!(*gone, 1);
        });
    });
}
