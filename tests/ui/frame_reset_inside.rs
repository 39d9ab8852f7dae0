//! A frame is not reset while one inside it is open, whose values may hold locals of it.
use tricolor::Heap;

fn main() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    mutator.enter(|mu| {
        mu.frame(|f| {
            f.frame(|g| {
                g.alloc(1_u64);
                f.reset();
            });
        });
    });
}
