use super::*;
use std::collections::HashSet;
use tricolor::Heap;

/// Live slots after a collection with `count` of a shape alive.
fn live(shape: MarkShape, count: usize) -> u64 {
    let heap = Heap::builder().gc_off().build().expect("a heap");
    let mut mutator = heap.attach().expect("attached");
    let live = build(&mut mutator, shape, count, 1);
    mutator.collect();
    let objects = mutator.figures().memory.heap_objects;
    drop(live);
    mutator.collect();
    assert_eq!(mutator.figures().memory.heap_objects, 0, "{shape:?} outlives its roots");
    objects
}

#[test]
fn each_shape_has_the_objects_it_says() {
    assert_eq!(live(MarkShape::Ptr3, 1000), 1000 + 1 + 1, "objects, the array, the integer");
    assert_eq!(live(MarkShape::Ptr3Nil, 1000), 1000 + 1);
    assert_eq!(live(MarkShape::Int3, 1000), 1000 + 1);
    assert_eq!(live(MarkShape::List, 1000), 1000);
    assert_eq!(live(MarkShape::ListRandom, 1000), 1000);
    assert_eq!(live(MarkShape::Tree, 1000), 1000);
    assert_eq!(live(MarkShape::Bytes, 3), 3);
}

#[test]
fn a_walk_meets_each_node_of_a_list_once_and_other_shapes_have_none() {
    let heap = Heap::builder().gc_off().build().expect("a heap");
    let mut mutator = heap.attach().expect("attached");
    let mut walk = |shape, count| build(&mut mutator, shape, count, 1).walk(&mut mutator);
    assert_eq!(walk(MarkShape::List, 1000), Some(1000));
    assert_eq!(walk(MarkShape::ListRandom, 1000), Some(1000));
    assert_eq!(walk(MarkShape::ListRandom, 0), None, "there is no node to begin with");
    assert_eq!(walk(MarkShape::Tree, 1000), None);
}

#[test]
fn most_of_a_random_graph_is_reachable_and_never_more_than_all() {
    let reached = live(MarkShape::Graph, 10_000);
    // A node that no edge of 40,000 leads to has a chance of exp(-4), 1.8 %.
    assert!((9_700..=10_000).contains(&reached), "{reached}");
}

#[test]
fn wide_leads_to_no_more_than_its_objects_and_arrays() {
    let reached = live(MarkShape::Wide, 100_000);
    assert!(reached <= (WIDE_OBJECTS / 2 + WIDE_ARRAYS) as u64, "{reached}: two numbers share a block");
    assert!(reached > 20_000, "{reached}");
}

#[test]
fn sparse_shapes_lead_to_no_more_than_their_objects_and_arrays() {
    assert_eq!(live(MarkShape::WideNil, 100_000), WIDE_ARRAYS as u64);
    for shape in [MarkShape::WideSparse, MarkShape::Table] {
        let reached = live(shape, 100_000);
        assert!(reached <= (WIDE_OBJECTS / 2 + WIDE_ARRAYS) as u64, "{shape:?}: {reached}");
        assert!(reached > 5_000, "{shape:?}: {reached}");
    }
}

#[test]
fn a_seed_decides_every_choice_and_a_shuffle_loses_nothing() {
    let order = |seed| {
        let mut items: Vec<usize> = (0..100).collect();
        Random::new(seed).shuffle(&mut items);
        items
    };
    assert_eq!(order(7), order(7));
    assert_ne!(order(7), order(8));
    assert_eq!(order(7).iter().collect::<HashSet<_>>().len(), 100);
    let mut random = Random::new(1);
    assert!((0..10_000).all(|_| random.below(3) < 3));
}
