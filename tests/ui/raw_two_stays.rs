//! A raw mutator that is inside goes inside no second time, and does not collect.
use tricolor::Heap;
use tricolor::raw::Mutator;

fn main() {
    let heap = Heap::new().unwrap();
    let mut mutator = Mutator::attach(&heap).unwrap();
    let inside = mutator.enter();
    mutator.collect();
    let again = mutator.enter();
    drop((inside, again));
}
