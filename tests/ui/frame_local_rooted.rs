//! There is no root of a local: a root would keep what goes with the frame.
use tricolor::Heap;

fn main() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    mutator.enter(|mu| {
        mu.frame(|f| {
            let local = f.alloc(1_u64);
            drop(mu.root(local));
        });
    });
}
