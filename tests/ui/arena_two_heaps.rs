//! A reference into one heap cannot be put into an arena of another, and an arena takes its chunks from one heap.
use tricolor::{Arena, Heap};

fn main() {
    let (one, other) = (Heap::new().unwrap(), Heap::new().unwrap());
    let (mut here, mut there) = (one.attach().unwrap(), other.attach().unwrap());
    here.enter(|mu| {
        let mut arena = Arena::new(mu, 10);
        arena.alloc(mu, mu.alloc(1_u64));
        there.enter(|other| {
            arena.alloc(mu, other.alloc(1_u64));
        });
    });
}
