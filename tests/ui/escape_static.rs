//! A `Gc` does not go into a static.
use std::sync::Mutex;
use tricolor::{Gc, Heap};

static KEPT: Mutex<Option<Gc<'static, u64>>> = Mutex::new(None);

fn main() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    mutator.enter(|mu| *KEPT.lock().unwrap() = Some(mu.alloc(1)));
}
