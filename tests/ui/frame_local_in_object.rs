//! No object holds a local: it would lead to memory that is gone.
use tricolor::Heap;

fn main() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    mutator.enter(|mu| {
        mu.frame(|f| {
            let local = f.alloc(1_u64);
            let object = mu.alloc(Some(local));
            assert!(object.is_some());
        });
    });
}
