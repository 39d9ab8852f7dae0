//! Promise: a census is exact as of the last completed cycle, by type and by size class, and stops nobody.

use crate::support::within;
use heap_testkit::random::Random;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::Duration;
use tricolor::core::size_class::SizeClass;
use tricolor::{Census, Collector, Gc, GcCell, GcStr, Heap, LayoutPolicy, Root, Trace, raw};

#[derive(Trace)]
struct Node<'gc> {
    next: GcCell<Option<Gc<'gc, Node<'gc>>>>,
    number: u64,
}

/// The same shape as a node's.
#[derive(Trace)]
struct Twin<'gc> {
    next: GcCell<Option<Gc<'gc, Node<'gc>>>>,
    number: u64,
}

fn alive(census: &Census) -> BTreeMap<String, (u64, usize)> {
    let types = census.types().into_iter();
    types.map(|kind| (kind.label, (kind.alive.objects, kind.alive.bytes.get()))).collect()
}

/// The count of a type, by the end of its name.
fn of(census: &Census, name: &str) -> (u64, usize) {
    let types = alive(census);
    let found: Vec<_> = types.iter().filter(|(label, _)| label.contains(name)).collect();
    assert!(found.len() <= 1, "{name} is {found:?}");
    found.first().map_or((0, 0), |(_, count)| **count)
}

#[test]
fn types_of_one_shape_are_told_apart_and_slices_are_added_up() {
    for collector in [Collector::Concurrent, Collector::StopTheWorld] {
        let heap =
            Heap::builder().gc_off().collector(collector).layouts(LayoutPolicy::PerType).build().unwrap();
        let mut mutator = heap.attach().unwrap();
        let mut nodes: Vec<Root<_>> = Vec::new();
        let mut texts: Vec<Root<_>> = Vec::new();
        let mut twins: Vec<Root<_>> = Vec::new();
        mutator.enter(|mu| {
            for number in 0..3000 {
                let node = mu.alloc(Node { next: GcCell::new(None), number });
                let twin = mu.alloc(Twin { next: GcCell::new(Some(node)), number });
                if number % 3 == 0 {
                    twins.push(mu.root(twin));
                }
                if number % 5 == 0 {
                    nodes.push(mu.root(node));
                }
            }
            for len in (0..3000).step_by(100) {
                texts.push(mu.root(mu.alloc_str(&"x".repeat(len))));
            }
        });
        mutator.collect();
        let census = heap.census();
        // A twin keeps its node.
        let kept = (0..3000).filter(|number| number % 3 == 0 || number % 5 == 0).count();
        assert_eq!(of(&census, "Node"), (kept as u64, kept * 16));
        assert_eq!(of(&census, "Twin"), (1000, 16_000));
        let strings: usize =
            (0..3000).step_by(100).map(|len: usize| SizeClass::for_bytes(len + 8).size().get()).sum();
        assert_eq!(of(&census, "u8"), (30, strings));
        assert_eq!(census.classes.iter().map(|class| class.objects).sum::<u64>(), census.total.objects);

        twins.clear();
        mutator.collect();
        let later = heap.census();
        assert_eq!(of(&later, "Node"), (600, 9600));
        let change: Vec<_> =
            later.since(&census).into_iter().map(|kind| (kind.objects, kind.bytes)).collect();
        let nodes_gone = kept as i64 - 600;
        assert_eq!(change, [(-nodes_gone, -16 * nodes_gone), (-1000, -16_000)]);
    }
}

#[test]
fn kinds_of_the_raw_layer_go_by_their_names() {
    let heap = Heap::builder().gc_off().layouts(LayoutPolicy::PerType).build().unwrap();
    let pair = raw::Layout::new("pair", 16).exact(1).register(&heap).unwrap();
    let other = raw::Layout::new("other pair", 16).exact(1).register(&heap).unwrap();
    let table = raw::Layout::new("table", 8).exact(0).register_array(&heap, 8).unwrap();
    let mut mutator = raw::Mutator::attach(&heap).unwrap();
    let inside = mutator.enter();
    let roots: Vec<_> = (0..30)
        .map(|number| {
            let object = match number % 3 {
                // SAFETY: R3: a kind of this heap; the object is zeros, as R6 wishes.
                0 => unsafe { inside.alloc(&pair) },
                // SAFETY: as above.
                1 => unsafe { inside.alloc(&other) },
                // SAFETY: as above.
                _ => unsafe { inside.alloc_array(&table, 5) },
            };
            // SAFETY: R4: an object that was just made.
            unsafe { inside.root(object.unwrap()) }
        })
        .collect();
    drop(inside);
    mutator.collect();
    let census = alive(&heap.census());
    let expected = [("other pair", (10, 160)), ("pair", (10, 160)), ("table", (10, 480))];
    assert_eq!(census, expected.map(|(name, count)| (name.to_owned(), count)).into());
    drop(roots);
}

#[test]
fn where_layouts_are_shared_a_shape_is_what_is_counted() {
    let heap = Heap::builder().gc_off().build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let root = mutator.enter(|mu| mu.root(mu.alloc(Node { next: GcCell::new(None), number: 1 })));
    mutator.collect();
    assert_eq!(alive(&heap.census()), [("16 bytes, references at 0".to_owned(), (1, 16))].into());
    drop(root);
}

#[test]
fn what_is_kept_is_counted_exactly_while_others_allocate_and_cycles_come_and_go() {
    const KEPT: usize = 20_000;
    within(Duration::from_secs(120), || {
        for collector in [Collector::Concurrent, Collector::StopTheWorld] {
            let heap = Heap::builder()
                .collector(collector)
                .layouts(LayoutPolicy::PerType)
                .least_heap(1 << 20)
                .build()
                .unwrap();
            let mut mutator = heap.attach().unwrap();
            let kept = mutator.enter(|mu| {
                let mut first = None;
                for number in 0..KEPT as u64 {
                    first = Some(mu.alloc(Node { next: GcCell::new(first), number }));
                    mu.alloc(Node { next: GcCell::new(None), number });
                }
                mu.root(first.expect("there are some"))
            });
            mutator.collect();
            assert_eq!(of(&heap.census(), "Node"), (KEPT as u64, KEPT * 16));
            let stop = AtomicBool::new(false);
            let seen = thread::scope(|threads| {
                for _ in 0..2 {
                    threads.spawn(|| {
                        let mut mutator = heap.attach().unwrap();
                        while !stop.load(SeqCst) {
                            mutator.enter(|mu| {
                                for number in 0..1000 {
                                    mu.alloc(Twin { next: GcCell::new(None), number });
                                }
                            });
                        }
                    });
                }
                let mut cycles = Vec::new();
                while cycles.len() < 12 {
                    let census = heap.census();
                    assert_eq!(of(&census, "Node"), (KEPT as u64, KEPT * 16));
                    if cycles.last() != Some(&census.cycle) {
                        cycles.push(census.cycle);
                    }
                    thread::sleep(Duration::from_micros(300));
                }
                stop.store(true, SeqCst);
                cycles
            });
            assert!(seen.is_sorted(), "{seen:?}");
            drop(kept);
        }
    });
}

#[test]
fn two_censuses_of_one_cycle_are_equal() {
    let heap = Heap::builder().gc_off().build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let root = mutator.enter(|mu| mu.root(mu.alloc([1_u64; 4])));
    mutator.collect();
    let one = heap.census();
    mutator.enter(|mu| (0..5000_u64).for_each(|number| _ = mu.alloc([number; 4])));
    assert_eq!(heap.census(), one);
    drop(root);
    mutator.collect();
    assert_eq!(heap.census().total.objects, 0);
    assert_eq!(heap.census().cycle, one.cycle + 1);
}

#[test]
#[should_panic(expected = "inside `enter`")]
fn a_census_inside_enter_is_refused() {
    let heap = Heap::new().unwrap();
    heap.attach().unwrap().enter(|_| drop(heap.census()));
}

#[test]
fn who_has_no_time_gets_no_census_and_leaves_less_to_do() {
    // Without threads of its own nobody sweeps beside the program.
    let heap = Heap::builder().own_threads(false).least_heap(4 << 20).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let mut roots: Vec<Root<_>> = Vec::new();
    while heap.figures().cycles == 0 {
        mutator.enter(|mu| {
            for _ in 0..1000 {
                mu.alloc([0_u64; 8]);
            }
            roots.push(mu.root(mu.alloc([1_u64; 8])));
        });
    }
    let mut late = 0;
    let census = loop {
        match heap.census_within(Duration::ZERO) {
            Some(census) => break census,
            None => late += 1,
        }
        assert!(late < 10_000, "each call sweeps some spans");
    };
    assert!(late > 0, "4 MiB are more spans than are swept at once");
    assert_eq!(census, heap.census());
    assert_eq!(heap.census_within(Duration::ZERO), Some(census), "there is nothing to sweep and to wait for");
}

#[test]
fn differences_add_up_and_say_what_was_kept_and_let_go() {
    for layouts in [LayoutPolicy::PerType, LayoutPolicy::SharedByShape] {
        let heap = Heap::builder().gc_off().layouts(layouts).build().unwrap();
        let mut mutator = heap.attach().unwrap();
        let (mut nodes, mut texts): (Vec<Root<Node<'static>>>, Vec<Root<GcStr>>) = (Vec::new(), Vec::new());
        let mut random = Random::new(3);
        let mut taken = vec![heap.census()];
        let mut kept = vec![(0_i64, 0_i64)];
        for _ in 0..12 {
            for list in 0..2 {
                let (keep, drop) = (random.below(400), random.index(300));
                mutator.enter(|mu| {
                    for number in 0..keep {
                        if list == 0 {
                            nodes.push(mu.root(mu.alloc(Node { next: GcCell::new(None), number })));
                        } else {
                            texts.push(mu.root(mu.alloc_str(&"x".repeat(5 + 40 * (number % 3) as usize))));
                        }
                    }
                });
                if list == 0 {
                    nodes.truncate(nodes.len().saturating_sub(drop));
                } else {
                    texts.truncate(texts.len().saturating_sub(drop));
                }
            }
            mutator.collect();
            taken.push(heap.census());
            kept.push((nodes.len() as i64, texts.len() as i64));
        }
        let sum = |growth: &[tricolor::Growth]| -> (i64, i64) {
            growth.iter().fold((0, 0), |sum, kind| (sum.0 + kind.objects, sum.1 + kind.bytes))
        };
        for (from, earlier) in taken.iter().enumerate() {
            for (to, later) in taken.iter().enumerate() {
                let growth = later.since(earlier);
                assert!(growth.is_sorted_by_key(|kind| std::cmp::Reverse((kind.bytes, kind.objects))));
                assert!(growth.iter().all(|kind| (kind.objects, kind.bytes) != (0, 0)));
                let wanted = (kept[to].0 - kept[from].0, kept[to].1 - kept[from].1);
                let bytes = later.total.bytes.get() as i64 - earlier.total.bytes.get() as i64;
                assert_eq!(sum(&growth), (wanted.0 + wanted.1, bytes));
                if layouts == LayoutPolicy::PerType {
                    let of = |name: &str| {
                        growth.iter().find(|kind| kind.label.contains(name)).map_or(0, |kind| kind.objects)
                    };
                    assert_eq!((of("Node"), of("u8")), wanted);
                }
                // The other way round it is the same, negative.
                let back = earlier.since(later);
                assert_eq!(sum(&back), (-(wanted.0 + wanted.1), -bytes));
            }
        }
    }
}
