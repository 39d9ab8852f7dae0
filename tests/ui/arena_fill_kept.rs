//! What an arena lends to be filled ends with the closure: the chunk is counted then.
use tricolor::{Arena, Fill, Heap};

fn main() {
    let heap = Heap::new().unwrap();
    heap.attach().unwrap().enter(|mu| {
        let mut arena = Arena::new(mu, 10);
        let mut kept: Option<&mut Fill<'_, '_, u64>> = None;
        arena.fill(mu, |fill| kept = Some(fill));
        kept.unwrap().alloc(1);
    });
}
