//! A mutator stays on its thread.
use tricolor::Heap;

fn main() {
    let mutator = Heap::new().unwrap().attach().unwrap();
    std::thread::spawn(move || drop(mutator));
}
