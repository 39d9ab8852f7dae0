//! A `Leaf` may be dropped on another thread, so it is `Send`.
use std::rc::Rc;
use tricolor::Leaf;

fn main() {
    let _ = Leaf::new(Rc::new(1_u64));
}
