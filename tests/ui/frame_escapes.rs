//! The frame itself does not leave its closure.
use tricolor::{Frame, Heap};

fn main() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    mutator.enter(|mu| {
        let mut kept: Option<&mut Frame<'_>> = None;
        mu.frame(|f| kept = Some(f));
        kept.unwrap().alloc(1_u64);
    });
}
