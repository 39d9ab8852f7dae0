//! A hard limit is an error, and an error can be handled: make room, collect, try again.
//!
//! Run with `cargo run --example limit`.

use tricolor::{AllocError, Gc, GcSlice, Heap, Mu, Root};

const LIMIT: usize = 8 << 20;
const BLOCK: usize = 64 << 10;

type Block<'gc> = Gc<'gc, GcSlice<u8>>;

/// A block, or why not.
fn block<'gc>(mu: &Mu<'gc>) -> Result<Block<'gc>, AllocError> {
    mu.try_alloc_slice(BLOCK, |_| 0_u8)
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let heap = Heap::builder().hard_limit(LIMIT).build()?;
    let mut mutator = heap.attach()?;

    // A cache that never forgets fills the heap, until the heap says no. Nothing else has happened: what is there stays.
    let mut cache: Vec<Root<GcSlice<u8>>> = Vec::new();
    let refusal = loop {
        match mutator.enter(|mu| block(mu).map(|block| mu.root(block))) {
            Ok(root) => cache.push(root),
            Err(error) => break error,
        }
    };
    assert!(matches!(refusal, AllocError::Limit { .. }), "the heap was refused more pages: {refusal}");
    assert!(cache.len() > LIMIT / BLOCK / 2, "most of the limit was of use: {} blocks", cache.len());
    assert!(mutator.enter(|mu| block(mu).is_err()), "there is still no room");

    // Forget half of it. The blocks are unreachable now, but it takes a collection to see that.
    let before = cache.len();
    cache.truncate(before / 2);
    mutator.collect();
    let more = mutator.enter(|mu| block(mu).map(|block| mu.root(block)))?;
    cache.push(more);

    println!("refused after {before} blocks ({refusal}); {} blocks after making room", cache.len());
    assert!(cache.iter().all(|root| mutator.enter(|mu| root.get(mu).len() == BLOCK)), "no block was lost");
    Ok(())
}
