//! A loan ends in the `enter` that it began in: outside, its pool could not be reached.
use tricolor::{Heap, Pool};

fn main() {
    let heap = Heap::new().unwrap();
    let pool: Pool<Vec<u8>> = Pool::new(&heap);
    let mut mutator = heap.attach().unwrap();
    let lent = mutator.enter(|mu| pool.lend(mu, Vec::new));
    mutator.collect();
    drop(lent);
}
