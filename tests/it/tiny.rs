//! Promise: noscan objects below 16 bytes share blocks; each keeps its own contents, and a block lives as long as one of its
//! objects.

use tricolor::core::units::Bytes;
use tricolor::{Gc, Heap, Root};

#[test]
fn tiny_objects_share_blocks_and_keep_their_contents() {
    let heap = Heap::builder().gc_off().build().unwrap();
    let mut mutator = heap.attach().unwrap();
    mutator.enter(|mu| {
        let bytes: Vec<_> = (0..=255_u8).map(|number| mu.alloc(number)).collect();
        let shorts: Vec<_> = (0..256_u16).map(|number| mu.alloc(number * 257)).collect();
        let words: Vec<_> = (0..256_u32).map(|number| mu.alloc([number; 3])).collect();
        let longs: Vec<_> = (0..256_u64).map(|number| mu.alloc(number << 40)).collect();
        assert!((0..=255).zip(&bytes).all(|(number, object)| **object == number));
        assert!((0..).zip(&shorts).all(|(number, object)| **object == number * 257));
        assert!((0..).zip(&words).all(|(number, object)| **object == [number; 3]));
        assert!((0..).zip(&longs).all(|(number, object)| **object == number << 40));
        assert!(longs.iter().all(|object| Gc::addr(*object).is_multiple_of(8)));
        assert!(shorts.iter().all(|object| Gc::addr(*object).is_multiple_of(2)));
    });
    mutator.safepoint();
    // 256 bytes in 16 blocks, 256 shorts in 32, 256 of 12 bytes in one each, 256 longs in 128.
    drop(mutator);
    let memory = heap.figures().memory;
    assert_eq!(memory.mallocs, 4 * 256);
    let blocks = 4 * 256 - memory.tiny_allocs;
    assert!((16 + 32 + 256 + 128..16 + 32 + 256 + 128 + 4).contains(&blocks), "{blocks} blocks");
    heap.collect();
    assert_eq!(heap.figures().memory.heap_objects, 0);
    assert_eq!(heap.figures().memory.frees, 4 * 256);
}

#[test]
fn a_block_lives_as_long_as_any_object_in_it() {
    let heap = Heap::builder().gc_off().build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let mut roots: Vec<Root<u8>> =
        mutator.enter(|mu| (0..160_u8).map(|number| mu.root(mu.alloc(number))).collect());
    // Objects 0..16 share a block, and so on: keep one of each block, at every position once.
    let kept: Vec<_> = (0..10).map(|block| roots[block * 16 + block].clone()).collect();
    mutator.collect();
    assert_eq!(heap.figures().memory.heap_objects, 10);
    roots.clear();
    mutator.collect();
    assert_eq!(heap.figures().memory.heap_objects, 10);
    assert_eq!(heap.figures().memory.heap_alloc, Bytes::new(160));
    mutator.enter(|mu| {
        for (block, root) in (0..).zip(&kept) {
            assert_eq!(*root.get(mu), block * 17);
        }
    });
    assert_eq!(heap.verify(), []);
    drop(kept);
    mutator.collect();
    assert_eq!(heap.figures().memory.heap_objects, 0);
}

#[test]
fn the_current_block_is_not_filled_on_after_a_collection() {
    let heap = Heap::builder().gc_off().verify_every(1).poison(0x55).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let mut roots: Vec<Root<u8>> = Vec::new();
    for number in 0..200_u8 {
        mutator.enter(|mu| roots.push(mu.root(mu.alloc(number))));
        if number % 3 == 0 {
            // The block this object is in dies with it; what comes next must not be put there.
            roots.pop();
            mutator.collect();
        }
    }
    mutator.enter(|mu| {
        let numbers: Vec<u8> = roots.iter().map(|root| *root.get(mu)).collect();
        assert_eq!(numbers, (0..200).filter(|number| number % 3 != 0).collect::<Vec<_>>());
    });
}
