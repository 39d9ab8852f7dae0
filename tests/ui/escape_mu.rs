//! A `Mu` does not leave its `enter`: outside, a collection may run while it allocates.
use tricolor::{Heap, Mu};

fn main() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    let mut gone: Option<&Mu<'_>> = None;
    mutator.enter(|mu| gone = Some(mu));
    gone.unwrap().alloc(1_u64);
}
