//! What a pool keeps is dropped on any thread, and its references are looked at: it must be able to live in the heap.
use std::rc::Rc;
use tricolor::Pool;

fn main() {
    let _pool: Option<Pool<Rc<u8>>> = None;
}
