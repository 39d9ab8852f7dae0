use crate::api::weak_map::WeakMap;
use crate::api::weak_set::Interner;
use crate::gc::Gc;
use crate::heap::Heap;
use heap_core::units::Bytes;

#[test]
fn the_lists_are_as_long_as_what_is_on_them() {
    const MANY: usize = 10_000;
    let heap = Heap::builder().gc_off().build().expect("a heap");
    let mut mutator = heap.attach().expect("one mutator a thread");
    let list = |mutator: &mut crate::mutator::Mutator| {
        mutator.enter(|mu| [mu.heap().ephemerons.bytes(), mu.heap().places.bytes()])
    };
    assert_eq!(list(&mut mutator), [Bytes::ZERO; 2]);
    let root = mutator.enter(|mu| {
        let (map, names) = (WeakMap::<[u64; 2], [u64; 2]>::new(), Interner::new());
        for number in 0..MANY as u64 {
            let key = mu.alloc([number, number]);
            map.insert(mu, key, key);
            names.intern(mu, &number.to_string());
        }
        let key = mu.alloc([7_u64, 7]);
        map.insert(mu, key, key);
        assert!(map.get(mu, key).is_some_and(|found| Gc::ptr_eq(found, key)));
        (mu.root(mu.alloc(map)), mu.root(key))
    });
    assert!(list(&mut mutator).iter().all(|list| list.get() >= MANY * size_of::<usize>()));
    mutator.collect();
    let [ephemerons, places] = list(&mut mutator);
    assert_eq!(places, Bytes::ZERO, "the set is dead, and its places");
    assert!((8..=16).contains(&ephemerons.get()), "one is left, of {MANY}: {ephemerons:?}");
    drop(root);
    mutator.collect();
    assert_eq!(list(&mut mutator), [Bytes::ZERO; 2]);
}
