//! A type that is traced by hand does not change under the collector, so it is no key of a map.
use tricolor::{GcMap, Heap, Trace, TypeMask};

#[derive(Clone, Copy)]
struct ByHand(u64);

// SAFETY: it has no reference.
unsafe impl Trace for ByHand {
    const MASK: TypeMask = TypeMask::noscan(8);
    const BY_HAND: bool = true;
}

fn main() {
    let heap = Heap::new().unwrap();
    heap.attach().unwrap().enter(|mu| {
        mu.alloc(GcMap::<ByHand, u64>::new());
        mu.alloc(ByHand(1).0);
    });
}
