//! Promise: a snapshot is of one moment, and has exactly what can be reached then, what leads to what, and from where.
//!
//! That generated programs agree with their snapshots is tested where they are run, with the operation that verifies.

use crate::raw_scenes::{Held, named, set};
use crate::snapshot_scenes::{self, edges};
use crate::support::{heaps, is_well, panic_text, within};
use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use std::{array, thread};
use tricolor::raw::{self, Layout};
use tricolor::{
    Arena, Collector, EdgeKind, EscapeHints, Gc, GcCell, GcSlice, Heap, LayoutPolicy, Leaf, Mu, NodeKind,
    Pool, Rebrand, Root, RootKind, Snapshot, SnapshotError, Trace, Tracer, TypeMask, Weak, WeakMap,
};

#[derive(Trace)]
#[repr(C)]
struct Node<'gc> {
    name: u64,
    to: [GcCell<Option<Gc<'gc, Node<'gc>>>>; 2],
}

fn node<'gc>(mu: &Mu<'gc>, name: u64) -> Gc<'gc, Node<'gc>> {
    mu.alloc(Node { name, to: array::from_fn(|_| GcCell::new(None)) })
}

/// The addresses that roots of a kind lead to.
fn rooted(snapshot: &Snapshot, kind: RootKind) -> Vec<usize> {
    let groups = snapshot.roots().iter().filter(|group| group.kind == kind);
    groups.flat_map(|group| &group.targets).map(|&to| snapshot.node(to as usize).address).collect()
}

/// S1 to S3, as far as they can be seen from outside.
fn is_whole(snapshot: &Snapshot) {
    let (mut distance, mut seen) = (HashMap::new(), Vec::new());
    for group in snapshot.roots() {
        assert!(!group.targets.is_empty());
        for &to in &group.targets {
            if distance.insert(to as usize, 0).is_none() {
                seen.push(to as usize);
            }
        }
    }
    let mut next = 0;
    while let Some(&from) = seen.get(next) {
        next += 1;
        for edge in snapshot.edges(from) {
            let to = edge.to as usize;
            assert!(to < snapshot.len(), "{edge:?} of {} nodes", snapshot.len());
            if !edge.kind.is_weak() && !distance.contains_key(&to) {
                distance.insert(to, distance[&from] + 1);
                seen.push(to);
            }
        }
    }
    assert_eq!(seen.len(), snapshot.len(), "every node can be reached, and without weak edges");
    let ids: HashSet<u32> = snapshot.nodes().map(|node| node.id).collect();
    let addresses: HashSet<usize> = snapshot.nodes().map(|node| node.address).collect();
    assert!(ids.len() == snapshot.len() && addresses.len() == snapshot.len());
    assert!(ids.iter().all(|id| (1024..=u32::MAX - (1 << 16)).contains(id)));
}

#[test]
fn nodes_are_what_can_be_reached_and_edges_say_where_they_lie() {
    for heap in heaps(|| Heap::builder().layouts(LayoutPolicy::PerType)) {
        let mut mutator = heap.attach().unwrap();
        assert!(heap.snapshot().unwrap().is_empty());
        let mut addresses = Vec::new();
        let root: Root<GcSlice<Option<Gc<'static, Node<'static>>>>> = mutator.enter(|mu| {
            let (first, second) = (node(mu, 1), node(mu, 2));
            first.to[1].set(mu, Some(second));
            second.to[0].set(mu, Some(first));
            second.to[1].set(mu, Some(second));
            node(mu, 3).to[0].set(mu, Some(first));
            let slice = mu.alloc_copy(&[None, Some(first), None, Some(first)]);
            addresses = vec![Gc::addr(slice), Gc::addr(first), Gc::addr(second)];
            mu.root(slice)
        });
        let [slice, first, second] = addresses[..] else { unreachable!() };
        let snapshot = heap.snapshot().unwrap();
        is_whole(&snapshot);
        assert_eq!(snapshot.nodes().map(|node| node.address).collect::<Vec<_>>(), addresses);
        assert_eq!(edges(&snapshot, slice), [(EdgeKind::Element, 1, first), (EdgeKind::Element, 3, first)]);
        assert_eq!(edges(&snapshot, first), [(EdgeKind::Field, 16, second)]);
        assert_eq!(edges(&snapshot, second), [(EdgeKind::Field, 8, first), (EdgeKind::Field, 16, second)]);
        let kinds: Vec<_> = snapshot.nodes().map(|node| (node.kind, node.size.get())).collect();
        assert_eq!(kinds, [(NodeKind::Array, 48), (NodeKind::Object, 24), (NodeKind::Object, 24)]);
        assert!(snapshot.node(1).label.starts_with("it::snapshot::Node"), "{}", snapshot.node(1).label);
        assert_eq!(rooted(&snapshot, RootKind::Handles), [slice]);
        // The same object has the same number, whatever came and went.
        mutator.enter(|mu| (0..1000).for_each(|name| _ = node(mu, name)));
        mutator.collect();
        let later = heap.snapshot().unwrap();
        assert!(snapshot.nodes().map(|node| node.id).eq(later.nodes().map(|node| node.id)));
        drop(root);
        assert!(heap.snapshot().unwrap().is_empty());
        is_well(&heap);
    }
}

#[test]
fn sizes_and_types_add_up_to_a_census() {
    let heap = Heap::builder().gc_off().layouts(LayoutPolicy::PerType).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let mut roots: Vec<Root<_>> = Vec::new();
    let _large = mutator.enter(|mu| {
        roots.extend((0..500).map(|name| mu.root(node(mu, name))));
        let texts: Vec<_> = (0..300).map(|len| mu.alloc_str(&"x".repeat(len * 7))).collect();
        let large = mu.alloc_copy(&[1_u64; 9000]);
        (mu.root(mu.alloc_copy(&texts)), mu.root(large))
    });
    mutator.collect();
    let (census, snapshot) = (heap.census(), heap.snapshot().unwrap());
    is_whole(&snapshot);
    let mut types: HashMap<&str, (u64, usize)> = HashMap::new();
    for node in snapshot.nodes() {
        let sum = types.entry(node.label).or_default();
        *sum = (sum.0 + 1, sum.1 + node.size.get());
    }
    for kind in census.types() {
        let found = types.remove(&*kind.label);
        assert_eq!(found, Some((kind.alive.objects, kind.alive.bytes.get())), "{}", kind.label);
    }
    assert!(types.is_empty(), "{types:?}");
}

#[test]
fn a_long_array_and_a_long_list_are_seen_whole() {
    const LONG: u32 = 200_000;
    let heap = Heap::builder().gc_off().build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let _root = mutator.enter(|mu| {
        let mut last = node(mu, 0);
        let mut all = Vec::new();
        for name in 1..u64::from(LONG) {
            let next = node(mu, name);
            next.to[0].set(mu, Some(last));
            last = next;
            all.push(Some(next));
        }
        (mu.root(mu.alloc_copy(&all)), mu.root(last))
    });
    let snapshot = heap.snapshot().unwrap();
    is_whole(&snapshot);
    assert_eq!(snapshot.len(), LONG as usize + 1);
    assert_eq!(snapshot.edge_count(), 2 * (LONG as usize - 1));
    let array = snapshot.nodes().position(|node| node.kind == NodeKind::Array).unwrap();
    assert!(snapshot.edges(array).iter().map(|edge| edge.at).eq(0..LONG - 1));
}

/// References in memory of its own.
struct Hand<'gc>(Vec<Gc<'gc, Node<'gc>>>, &'static AtomicBool);

// SAFETY: 1: no word of its own holds a reference. 2: `trace` reports all of the vector's. 3: it only reads. 4: dropping it frees
// the vector without reading its elements.
unsafe impl Trace for Hand<'_> {
    const MASK: TypeMask = TypeMask::noscan(size_of::<Self>());
    const BY_HAND: bool = true;

    fn trace(&self, tracer: &mut Tracer<'_>) {
        assert!(!self.1.load(SeqCst), "as it was asked to");
        for edge in &self.0 {
            tracer.gc(*edge);
        }
    }
}

// SAFETY: the one brand is replaced.
unsafe impl Rebrand for Hand<'_> {
    type At<'gc> = Hand<'gc>;
}

#[test]
fn a_trace_function_is_asked_and_may_panic() {
    static PANICS: AtomicBool = AtomicBool::new(false);
    let heap = Heap::builder().gc_off().build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let (root, [hand, first, second]) = mutator.enter(|mu| {
        let (first, second) = (node(mu, 1), node(mu, 2));
        let hand = mu.alloc(Hand(vec![first, second], &PANICS));
        (mu.root(hand), [Gc::addr(hand), Gc::addr(first), Gc::addr(second)])
    });
    let found = edges(&heap.snapshot().unwrap(), hand);
    assert_eq!(found, [(EdgeKind::Traced, 0, first), (EdgeKind::Traced, 0, second)]);
    PANICS.store(true, SeqCst);
    let panic = catch_unwind(AssertUnwindSafe(|| heap.snapshot())).unwrap_err();
    assert!(panic_text(&*panic).contains("as it was asked to"));
    PANICS.store(false, SeqCst);
    // Nobody is held any more, and nothing is locked.
    mutator.enter(|mu| assert_eq!(root.get(mu).0.len(), 2));
    mutator.collect();
    assert_eq!(heap.snapshot().unwrap().len(), 3);
    is_well(&heap);
}

#[test]
fn weak_references_and_weak_maps_keep_what_they_keep() {
    type Kept = (Root<Weak<'static, Node<'static>>>, Root<WeakMap<'static, Node<'static>, Node<'static>>>);
    for heap in heaps(|| Heap::builder().gc_off().layouts(LayoutPolicy::PerType)) {
        let mut mutator = heap.attach().unwrap();
        let mut key_root = None;
        let ((_weak, map), [key, value, inner]): (Kept, _) = mutator.enter(|mu| {
            let (key, value, inner) = (node(mu, 1), node(mu, 2), node(mu, 3));
            let map = mu.alloc(WeakMap::new());
            // The value of a value's key, entered first: found in turns.
            map.insert(mu, value, inner);
            map.insert(mu, key, value);
            map.insert(mu, node(mu, 4), node(mu, 5));
            // Its value leads to its own key, which nothing else keeps.
            let own = node(mu, 6);
            let by = node(mu, 7);
            by.to[0].set(mu, Some(own));
            map.insert(mu, own, by);
            key_root = Some(mu.root(key));
            let weak = mu.alloc(mu.downgrade(value));
            ((mu.root(weak), mu.root(map)), [Gc::addr(key), Gc::addr(value), Gc::addr(inner)])
        });
        let names = |snapshot: &Snapshot| {
            snapshot.nodes().filter(|node| node.label.starts_with("it::snapshot::Node")).count()
        };
        let snapshot = heap.snapshot().unwrap();
        is_whole(&snapshot);
        assert_eq!(names(&snapshot), 3);
        let [(EdgeKind::Value, first, to)] = edges(&snapshot, key)[..] else {
            panic!("{:?}", edges(&snapshot, key))
        };
        assert_eq!(to, value);
        // The ephemeron by which it does so leads to both, weakly.
        let ephemeron = snapshot.node(first as usize).address;
        let weakly = [(EdgeKind::WeakKey, 0, key), (EdgeKind::WeakValue, 0, value)];
        assert_eq!(edges(&snapshot, ephemeron), weakly);
        assert!(matches!(edges(&snapshot, value)[..], [(EdgeKind::Value, _, to)] if to == inner));
        let targets = snapshot.nodes().filter_map(|node| {
            let mut edges = edges(&snapshot, node.address).into_iter();
            edges.find(|(kind, ..)| *kind == EdgeKind::WeakTarget).map(|(.., to)| to)
        });
        assert_eq!(targets.collect::<Vec<_>>(), [value]);
        // Without its key the value is not reachable, and a weak edge leads nowhere that is no node.
        key_root = None;
        let snapshot = heap.snapshot().unwrap();
        is_whole(&snapshot);
        assert_eq!(names(&snapshot), 0);
        let mut all = (0..snapshot.len()).flat_map(|number| snapshot.edges(number));
        assert!(
            all.all(|edge| !edge.kind.is_weak()),
            "ephemerons without a key, and a place without a target"
        );
        drop((key_root, map));
    }
}

#[test]
fn roots_say_what_they_are() {
    let words = [const { Cell::new(0_u64) }; 2];
    let stack = [const { Held::new(null_mut()) }; 2];
    let heap = Heap::builder().gc_off().escape_hints(EscapeHints::Trusted).build().unwrap();
    let pool: Pool<Gc<'static, [u64; 4]>> = Pool::new(&heap);
    let kind = Layout::new("pair", 16).exact(1).register(&heap).unwrap();
    let mut mutator = raw::Mutator::attach(&heap).unwrap();
    let inside = mutator.enter();
    let objects: [*mut u8; 4] = array::from_fn(|name| named(&inside, &kind, name as u64));
    // SAFETY: R2: the stack outlives the mutator.
    let range = unsafe { inside.add_exact(stack.as_ptr().cast(), stack.len()) };
    // SAFETY: as above.
    let any = unsafe { inside.add_ambiguous(words.as_ptr().cast(), words.len()) };
    let reported = objects[2].expose_provenance();
    let report = move |visitor: &mut raw::RootVisitor<'_>| {
        // SAFETY: an object, which lives as long as this is registered, because it reports it.
        unsafe { visitor.exact(std::ptr::with_exposed_provenance(reported)) };
    };
    // SAFETY: R2: it reports nothing else.
    let callback = unsafe { inside.add_callback(report) };
    stack[1].set(objects[0]);
    // Inside the object: an interior pointer.
    words[0].set(objects[1].addr() as u64 + 9);
    words[1].set(12_345);
    let frame = inside.open_frame();
    // SAFETY: R3, R9: a kind of this heap, and nothing in the heap leads there.
    let in_frame =
        unsafe { inside.alloc_hinted(&kind, raw::EscapeHint::Stays(raw::Site(1))) }.unwrap().as_ptr();
    set(&inside, in_frame, 1, objects[3]);
    drop(inside);
    let pooled = mutator.safe().enter(|mu| {
        let pooled = mu.alloc([1_u64; 4]);
        pool.put(mu, pooled);
        Gc::addr(pooled)
    });
    let (kept, finalized) = mutator.safe().enter(|mu| {
        let kept = node(mu, 1);
        let finalized = node(mu, 2);
        finalized.to[0].set(mu, Some(kept));
        mu.set_finalizer(finalized, |_, _| {});
        (Gc::addr(kept), Gc::addr(finalized))
    });
    let snapshot = heap.snapshot().unwrap();
    is_whole(&snapshot);
    let kinds: Vec<_> = snapshot.roots().iter().map(|group| (group.mutator, group.kind)).collect();
    let own =
        [RootKind::Range, RootKind::AmbiguousRange, RootKind::Callback, RootKind::Frames, RootKind::Pools];
    assert_eq!(kinds[0], (None, RootKind::Finalizers));
    assert_eq!(kinds[1..], own.map(|kind| (Some(1), kind)));
    for (kind, object) in own.into_iter().zip(objects.map(<*mut u8>::addr).into_iter().chain([pooled])) {
        assert_eq!(rooted(&snapshot, kind), [object], "{kind:?}");
    }
    // What a finalizer may need is kept; the object itself nobody can reach.
    assert_eq!(rooted(&snapshot, RootKind::Finalizers), [kept]);
    assert!(snapshot.nodes().all(|node| node.address != finalized && node.address != in_frame.addr()));
    assert_eq!(snapshot.len(), 6);
    let inside = mutator.enter();
    // SAFETY: nobody uses what is in it any more.
    unsafe { inside.close_frame(frame) };
    [range, any, callback].into_iter().for_each(|root| inside.remove(root));
    drop(inside);
    is_well(&heap);
}

#[test]
fn words_that_may_be_anything_are_read_as_a_collection_reads_them() {
    snapshot_scenes::numbers_looked_up();
}

#[test]
fn a_number_does_not_bring_back_what_waits_for_its_drop() {
    snapshot_scenes::dead_not_brought_back();
}

#[test]
fn values_are_found_however_late_their_keys_are() {
    snapshot_scenes::late_keys();
}

#[test]
fn it_is_of_one_moment() {
    // One object moves between two places, within one `enter`: a snapshot that saw one place early and the other late would see it
    // twice, or not at all.
    within(Duration::from_secs(120), || {
        for heap in heaps(|| Heap::builder().least_heap(1 << 20)) {
            let stop = AtomicBool::new(false);
            let counted: Vec<usize> = thread::scope(|threads| {
                for _ in 0..2 {
                    threads.spawn(|| {
                        let mut mutator = heap.attach().unwrap();
                        let ends: [Root<Node<'static>>; 2] =
                            mutator.enter(|mu| array::from_fn(|end| mu.root(node(mu, end as u64))));
                        let mut side = 0;
                        mutator.enter(|mu| ends[0].get(mu).to[0].set(mu, Some(node(mu, 2))));
                        while !stop.load(SeqCst) {
                            mutator.enter(|mu| {
                                let [from, to] = [side, 1 - side].map(|end| ends[end].get(mu));
                                let moved = from.to[0].get().expect("it is here");
                                from.to[0].set(mu, None);
                                to.to[0].set(mu, Some(moved));
                                // Garbage, so that cycles come and go.
                                (0..50).for_each(|name| _ = node(mu, name));
                            });
                            side = 1 - side;
                        }
                    });
                }
                let counts = (0..300).map(|_| {
                    let snapshot = heap.snapshot().unwrap();
                    is_whole(&snapshot);
                    snapshot.edge_count()
                });
                let counts = counts.collect();
                stop.store(true, SeqCst);
                counts
            });
            assert!(counted.iter().all(|edges| *edges <= 2), "{counted:?}");
            assert!(counted.iter().skip_while(|edges| **edges < 2).all(|edges| *edges == 2), "{counted:?}");
            is_well(&heap);
        }
    });
}

#[test]
fn what_is_kept_is_seen_whole_while_two_mutators_churn_and_cycles_are_verified() {
    const KEPT: u64 = 1000;
    within(Duration::from_secs(240), || {
        for builder in [Heap::builder().verify_every(1).poison(0xA5), Heap::builder().collect_every(200)] {
            let heap = builder.least_heap(1 << 20).layouts(LayoutPolicy::PerType).build().unwrap();
            let stop = AtomicBool::new(false);
            let mut mutator = heap.attach().unwrap();
            let _kept = mutator.enter(|mu| {
                let mut first = node(mu, 0);
                for name in 1..KEPT {
                    let next = node(mu, name);
                    next.to[0].set(mu, Some(first));
                    first = next;
                }
                mu.root(first)
            });
            let before: Vec<u32> = heap.snapshot().unwrap().nodes().map(|node| node.id).collect();
            thread::scope(|threads| {
                for seed in 0..2_u64 {
                    let (heap, stop) = (&heap, &stop);
                    threads.spawn(move || {
                        let mut mutator = heap.attach().unwrap();
                        let hold: Root<WeakMap<'static, Leaf<String>, Node<'static>>> =
                            mutator.enter(|mu| mu.root(mu.alloc(WeakMap::<Leaf<String>, Node<'_>>::new())));
                        let mut number = seed;
                        while !stop.load(SeqCst) {
                            mutator.enter(|mu| {
                                let map = hold.get(mu);
                                for _ in 0..20 {
                                    number += 1;
                                    let key = mu.alloc(Leaf::new(number.to_string()));
                                    map.insert(mu, key, node(mu, number));
                                    mu.alloc_str("text that nobody keeps");
                                }
                            });
                        }
                    });
                }
                for _ in 0..15 {
                    let snapshot = heap.snapshot().unwrap();
                    is_whole(&snapshot);
                    let ids: HashSet<u32> = snapshot.nodes().map(|node| node.id).collect();
                    assert!(
                        before.iter().all(|id| ids.contains(id)),
                        "what is kept is there, with its numbers"
                    );
                    assert!(ids.len() >= before.len());
                }
                stop.store(true, SeqCst);
            });
            is_well(&heap);
        }
    });
}

#[test]
fn it_is_refused_and_leaves_everything_as_it_was() {
    let heap = Heap::builder().gc_off().build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let root = mutator.enter(|mu| {
        let nodes: Vec<_> = (0..50_000).map(|name| node(mu, name)).collect();
        mu.root(mu.alloc_copy(&nodes))
    });
    let whole = heap.snapshot().unwrap();
    let mut refused = 0;
    for most in (0..22).map(|power| 1 << power) {
        match heap.snapshot_within(most) {
            Ok(snapshot) => {
                assert!(snapshot.memory().get() <= most + (1 << 20), "{:?} of {most}", snapshot.memory());
                assert_eq!(snapshot.len(), whole.len());
            }
            Err(SnapshotError::Bound { needed, most: bound }) => {
                assert!(needed > bound && bound.get() == most);
                refused += 1;
            }
            Err(other) => panic!("{other}"),
        }
        mutator.enter(|mu| assert_eq!(root.get(mu)[7].name, 7));
    }
    assert!(refused > 15, "{refused}");
    assert!(heap.snapshot_within(1 << 22).is_ok());
    let panic = catch_unwind(AssertUnwindSafe(|| mutator.enter(|_| heap.snapshot().map(drop)))).unwrap_err();
    assert!(panic_text(&*panic).contains("inside `enter`"));
    is_well(&heap);
}

#[test]
fn a_heap_whose_thread_is_gone_and_one_without_mutators_can_be_asked() {
    let heap = Heap::builder().build().unwrap();
    let root = thread::scope(|threads| {
        let make = || heap.attach().unwrap().enter(|mu| mu.root(mu.alloc([7_u64; 4])));
        threads.spawn(make).join().unwrap()
    });
    let snapshot = heap.snapshot().unwrap();
    assert_eq!((snapshot.len(), snapshot.node(0).size.get()), (1, 32));
    assert!(format!("{snapshot:?}").contains("nodes: 1"));
    drop(root);
}

#[test]
fn a_chunk_of_an_arena_is_one_node_with_an_edge_for_each_place() {
    #[derive(Trace)]
    struct Pair<'gc> {
        node: Gc<'gc, Node<'gc>>,
        before: Option<Gc<'gc, Pair<'gc>>>,
    }
    let heap = Heap::builder().gc_off().layouts(LayoutPolicy::PerType).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let _root = mutator.enter(|mu| {
        let mut arena = Arena::new(mu, 10);
        let mut before = None;
        for name in 0..5 {
            let pair = arena.alloc(mu, Pair { node: node(mu, name), before });
            assert!(pair.node.name == name && pair.before.is_none() == (name == 0));
            before = Some(pair);
        }
        // Into the middle of the chunk.
        mu.root(before.expect("five were made"))
    });
    let snapshot = heap.snapshot().unwrap();
    is_whole(&snapshot);
    assert_eq!(snapshot.len(), 6);
    assert_eq!(rooted(&snapshot, RootKind::Handles), [snapshot.node(0).address]);
    let inner = snapshot.edges(0).iter().filter(|edge| edge.to == 0).count();
    assert_eq!(
        (inner, snapshot.edges(0).len()),
        (4, 9),
        "each leads to its node, and all but one to the chunk"
    );
}

#[test]
fn many_may_ask_at_once_from_wherever_nobody_is_inside() {
    within(Duration::from_secs(120), || {
        for builder in [Heap::builder(), Heap::builder().collector(Collector::StopTheWorld)] {
            let heap = builder.least_heap(1 << 20).build().unwrap();
            let asked = AtomicUsize::new(0);
            let rounds = || 0..30;
            thread::scope(|threads| {
                for _ in 0..2 {
                    // Who comes and goes, with cleanups and drops that ask themselves.
                    threads.spawn(|| {
                        for number in rounds() {
                            let mut mutator = heap.attach().unwrap();
                            let again = heap.clone();
                            mutator.enter(|mu| {
                                let object = node(mu, number);
                                let _stop = mu.cleanup(object, move || drop(again.snapshot().unwrap()));
                                (0..500).for_each(|name| _ = node(mu, name));
                            });
                            mutator.park(|| is_whole(&heap.snapshot().unwrap()));
                            mutator.safepoint();
                        }
                    });
                    threads.spawn(|| {
                        for _ in rounds() {
                            is_whole(&heap.snapshot().unwrap());
                            asked.fetch_add(1, SeqCst);
                        }
                    });
                    threads.spawn(|| rounds().for_each(|_| heap.collect()));
                    threads.spawn(|| {
                        for _ in rounds() {
                            let root = heap.attach().unwrap().enter(|mu| mu.root(mu.alloc([1_u64; 5])));
                            let (one, other) = (root.clone(), root);
                            drop(one);
                            is_well(&heap);
                            drop(other);
                        }
                    });
                }
            });
            assert_eq!(asked.load(SeqCst), 60);
            heap.collect();
            assert!(heap.snapshot().unwrap().is_empty());
            is_well(&heap);
        }
    });
}
