//! An object whose brand is not that of the `enter` is not rooted: read back, it would have another brand, and a reference
//! could leave through the first.

use tricolor::{Gc, GcCell, Heap};

fn main() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    mutator.enter(|mu| {
        let cell = mu.alloc(GcCell::new(None::<Gc<'static, u64>>));
        let _root = mu.root(cell);
    });
}
