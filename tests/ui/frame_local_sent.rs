//! A local stays on the thread of its frame.
use tricolor::Heap;

fn main() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    mutator.enter(|mu| {
        mu.frame(|f| {
            let local = f.alloc(1_u64);
            std::thread::scope(|threads| {
                threads.spawn(move || assert_eq!(*local, 1));
            });
        });
    });
}
