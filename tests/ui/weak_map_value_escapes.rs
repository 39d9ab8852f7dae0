//! The value of a key does not leave its `enter`, where it was found: a collection may free it.
use tricolor::{Heap, Root, WeakMap};

fn main() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    let map: Root<WeakMap<'static, u64, u64>> = mutator.enter(|mu| mu.root(mu.alloc(WeakMap::<u64, u64>::new())));
    let key: Root<u64> = mutator.enter(|mu| mu.root(mu.alloc(1_u64)));
    let gone = mutator.enter(|mu| map.get(mu).get(mu, key.get(mu)));
    assert!(gone.is_none());
}
