//! Promise: objects of an arena are objects as others are; their chunk lives as long as anything leads into it, is scanned as
//! far as it is filled, and goes at once.

use crate::support::{beside_a_collector, is_well, panic_text, within};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tricolor::{
    AllocError, Arena, Collector, Gc, GcCell, GcSlice, Heap, HeapBuilder, LayoutPolicy, Leaf, Root, Trace,
    Tracer, TypeMask, Weak, raw,
};

fn heaps() -> impl Iterator<Item = Heap> {
    let builders: [fn(HeapBuilder) -> HeapBuilder; 5] = [
        |builder| builder,
        |builder| builder.collector(Collector::StopTheWorld),
        |builder| builder.verify_every(1).poison(0xA5),
        |builder| builder.layouts(LayoutPolicy::PerType).poison(0xA5),
        |builder| builder.own_threads(false),
    ];
    builders.into_iter().map(|with| with(Heap::builder().gc_off()).build().expect("a heap"))
}

#[derive(Trace)]
struct Node<'gc> {
    next: GcCell<Option<Gc<'gc, Node<'gc>>>>,
    object: Gc<'gc, [u64; 3]>,
}

fn node<'gc>(mu: &tricolor::Mu<'gc>, arena: &mut Arena<'gc, Node<'gc>>, number: u64) -> Gc<'gc, Node<'gc>> {
    arena.alloc(mu, Node { next: GcCell::new(None), object: mu.alloc([number; 3]) })
}

#[test]
fn a_chunk_is_kept_whole_by_a_reference_to_its_middle() {
    crate::arena_scenes::kept_by_its_middle();
}

#[test]
fn a_chunk_is_filled_while_a_collection_waits() {
    crate::arena_scenes::chunk_in_the_hands();
}

/// Half filled, in memory that had other contents before, so that a look past what is filled would find them.
#[test]
fn places_that_are_not_filled_are_not_looked_at() {
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        for round in 0..4_u64 {
            for count in [4, 100, 5000] {
                let kept: Root<Node<'static>> = mutator.enter(|mu| {
                    let mut arena = Arena::new(mu, count);
                    let full = round % 2 == 0;
                    let filled = if full { arena.capacity() } else { arena.capacity() / 3 };
                    let nodes: Vec<_> =
                        (0..filled as u64).map(|number| node(mu, &mut arena, number)).collect();
                    assert_eq!(arena.left(), arena.capacity() - filled);
                    mu.root(nodes[filled / 2])
                });
                mutator.collect();
                is_well(&heap);
                mutator.enter(|mu| assert!(kept.get(mu).object[0] < 5100));
                drop(kept);
                mutator.collect();
                is_well(&heap);
            }
        }
        assert_eq!(heap.figures().memory.heap_objects, 0);
    }
}

/// References to nodes, in an object of the heap.
type Table = GcSlice<GcCell<Option<Gc<'static, Node<'static>>>>>;
type WeakNode = Weak<'static, Node<'static>>;

#[test]
fn references_into_a_chunk_are_as_others_are() {
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        let (table, weak, other): (Root<Table>, Root<GcSlice<WeakNode>>, Root<WeakNode>) =
            mutator.enter(|mu| {
                let (mut one, mut two) = (Arena::new(mu, 40), Arena::new(mu, 40));
                let table = mu.alloc_slice(20, |number| GcCell::new(Some(node(mu, &mut one, number as u64))));
                for pair in table.as_slice().windows(2) {
                    pair[0].get().unwrap().next.set(mu, pair[1].get());
                }
                let weak = mu.alloc_slice(20, |at| mu.downgrade(table[at].get().unwrap()));
                let other = node(mu, &mut two, 77);
                table[19].get().unwrap().next.set(mu, Some(other));
                (mu.root(table), mu.root(weak), mu.root(mu.alloc(mu.downgrade(other))))
            });
        for _ in 0..2 {
            mutator.collect();
            is_well(&heap);
            mutator.enter(|mu| {
                let found = weak.get(mu)[7].upgrade(mu).expect("it is kept");
                assert!(Gc::ptr_eq(found, table.get(mu)[7].get().unwrap()));
                assert_eq!(other.get(mu).upgrade(mu).map(|node| node.object[0]), Some(77));
            });
        }
        // One reference is enough: it keeps the chunk, and the chunk's last object the other chunk.
        mutator.enter(|mu| (1..20).for_each(|at| table.get(mu)[at].set(mu, None)));
        mutator.collect();
        mutator.enter(|mu| {
            let mut at = table.get(mu)[0].get();
            for number in (0..20).chain([77]) {
                let node = at.expect("all are there");
                assert_eq!(node.object[2], number);
                at = node.next.get();
            }
            assert!(weak.get(mu).iter().all(|weak| weak.upgrade(mu).is_some()));
            table.get(mu)[0].set(mu, None);
        });
        mutator.collect();
        mutator.enter(|mu| {
            assert!(weak.get(mu).iter().all(|weak| weak.upgrade(mu).is_none()), "all go at once");
            assert!(other.get(mu).upgrade(mu).is_none());
        });
        is_well(&heap);
        drop((table, weak, other));
        mutator.collect();
        assert_eq!(heap.figures().memory.heap_objects, 0);
    }
}

#[test]
fn a_full_chunk_is_followed_by_another_and_each_goes_by_itself() {
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        let mut roots: Vec<Root<Node<'static>>> = mutator.enter(|mu| {
            let mut arena = Arena::new(mu, 10);
            assert!(arena.capacity() >= 10);
            let chunk = arena.capacity();
            (0..5 * chunk as u64)
                .map(|number| node(mu, &mut arena, number))
                .step_by(chunk)
                .map(|node| mu.root(node))
                .collect()
        });
        let all = 5 * mutator.enter(|mu| Arena::<Node<'_>>::new(mu, 10).capacity() as u64);
        mutator.collect();
        for chunks in (1..=5).rev() {
            assert_eq!(heap.figures().memory.heap_objects, chunks + all / 5 * chunks);
            roots.pop();
            mutator.collect();
            is_well(&heap);
        }
        assert_eq!(heap.figures().memory.heap_objects, 0);
    }
}

#[test]
fn drops_of_a_chunk_run_when_it_dies_each_once_and_in_order() {
    struct Named(u32, Arc<Mutex<Vec<u32>>>);
    impl Drop for Named {
        fn drop(&mut self) {
            self.1.lock().unwrap().push(self.0);
        }
    }
    for heap in heaps() {
        for count in [7, 3000_u32] {
            let dropped = Arc::<Mutex<Vec<u32>>>::default();
            let mut mutator = heap.attach().unwrap();
            let kept: Root<Leaf<Named>> = mutator.enter(|mu| {
                let mut arena = Arena::new(mu, 2 * count as usize);
                let named =
                    (0..count).map(|name| arena.alloc(mu, Leaf::new(Named(name, Arc::clone(&dropped)))));
                mu.root(named.last().unwrap())
            });
            mutator.collect();
            assert!(dropped.lock().unwrap().is_empty(), "one is kept, and so are the others");
            is_well(&heap);
            drop(kept);
            mutator.collect();
            assert!(dropped.lock().unwrap().iter().copied().eq(0..count));
            mutator.collect();
            assert_eq!(dropped.lock().unwrap().len(), count as usize);
            is_well(&heap);
        }
    }
}

#[test]
fn a_drop_that_panics_does_not_keep_the_chunks_others_from_running() {
    struct Loud(bool, Arc<AtomicU32>);
    impl Drop for Loud {
        fn drop(&mut self) {
            self.1.fetch_add(1, SeqCst);
            assert!(!self.0, "loud");
        }
    }
    for heap in heaps() {
        let drops = Arc::<AtomicU32>::default();
        let mut mutator = heap.attach().unwrap();
        mutator.enter(|mu| {
            let mut arena = Arena::new(mu, 9);
            (0..9).for_each(|name| _ = arena.alloc(mu, Leaf::new(Loud(name == 4, Arc::clone(&drops)))));
        });
        let panic = catch_unwind(AssertUnwindSafe(|| mutator.collect()));
        assert_eq!(panic_text(&*panic.unwrap_err()), "loud");
        assert_eq!(drops.load(SeqCst), 9);
        is_well(&heap);
        mutator.collect();
        assert_eq!((drops.load(SeqCst), heap.figures().memory.heap_objects), (9, 0));
    }
}

#[derive(Trace)]
#[trace(by_hand)]
struct ByHand<'gc> {
    objects: Vec<Gc<'gc, [u64; 3]>>,
}

// SAFETY: 1: no word of its own. 2: all references of the vector are reported. 3: it only reads. 4: a vector of `Copy` elements
// reads none of them when it is dropped.
unsafe impl Trace for ByHand<'_> {
    const MASK: TypeMask = TypeMask::noscan(size_of::<Self>());
    const BY_HAND: bool = true;

    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.objects.iter().for_each(|&object| tracer.gc(object));
    }
}

#[derive(Trace, Clone, Copy)]
enum Either<'gc> {
    Number(u64),
    Object(Gc<'gc, [u64; 3]>),
}

#[test]
fn objects_of_a_chunk_keep_what_they_lead_to_whatever_their_type() {
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        let (by_hand, either): (Root<ByHand<'static>>, Root<Either<'static>>) = mutator.enter(|mu| {
            let mut arena = Arena::new(mu, 50);
            let lists = (0..30).map(|number| {
                let objects = (0..number).map(|number| mu.alloc([number; 3])).collect();
                arena.alloc(mu, ByHand { objects })
            });
            let last = mu.root(lists.last().unwrap());
            let mut arena = Arena::new(mu, 50);
            let eithers = (0..30).map(|number| {
                let either = if number % 2 == 0 {
                    Either::Number(number)
                } else {
                    Either::Object(mu.alloc([number; 3]))
                };
                arena.alloc(mu, either)
            });
            (last, mu.root(eithers.last().unwrap()))
        });
        for _ in 0..2 {
            mutator.collect();
            is_well(&heap);
            mutator.enter(|mu| {
                let objects = &by_hand.get(mu).objects;
                assert!((0..29).zip(objects).all(|(number, object)| object[1] == number));
                assert!(matches!(*either.get(mu), Either::Object(object) if object[2] == 29));
            });
        }
        assert_eq!(heap.figures().memory.heap_objects, 2 + 29 * 30 / 2 + 15);
    }
}

#[test]
fn types_of_every_size_and_alignment_have_chunks() {
    #[derive(Trace)]
    #[repr(align(64))]
    struct Wide {
        number: u64,
    }
    #[derive(Trace)]
    #[repr(align(16384))]
    struct TooWide {
        number: u64,
    }
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        let roots = mutator.enter(|mu| {
            let mut bytes = Arena::new(mu, 1000);
            let byte = (0..200_u8).map(|number| bytes.alloc(mu, number)).last().unwrap();
            let mut wides = Arena::new(mu, 9);
            let wide = (0..9).map(|number| wides.alloc(mu, Wide { number })).last().unwrap();
            assert_eq!(Gc::addr(wide) % 64, 0);
            let mut large = Arena::new(mu, 3);
            let large = (0..5).map(|number| large.alloc(mu, [number; 5000])).last().unwrap();
            let mut nothing = Arena::new(mu, 3);
            (0..10).for_each(|_| drop(mu.root(nothing.alloc(mu, ()))));
            assert_eq!((nothing.capacity(), nothing.left()), (3, 3));
            let mut none = Arena::new(mu, 0);
            assert_eq!(*none.alloc(mu, 5_u64), 5);
            let error = Arena::<TooWide>::try_new(mu, 1).unwrap_err();
            assert!(matches!(error, AllocError::Alignment { .. }));
            let error = Arena::<[u64; 4]>::try_new(mu, usize::MAX / 4).unwrap_err();
            assert!(matches!(error, AllocError::TooLarge { .. }));
            (mu.root(byte), mu.root(wide), mu.root(large))
        });
        mutator.collect();
        is_well(&heap);
        mutator.enter(|mu| {
            assert_eq!(*roots.0.get(mu), 199);
            assert_eq!(roots.1.get(mu).number, 8);
            assert_eq!(roots.2.get(mu)[4999], 4);
        });
        _ = TooWide { number: 0 }.number;
    }
}

#[test]
fn a_limit_is_an_error_and_the_arena_is_as_before() {
    struct Tick(Arc<AtomicU32>);
    impl Drop for Tick {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    let drops = Arc::<AtomicU32>::default();
    let heap = Heap::builder().hard_limit(1 << 20).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    mutator.enter(|mu| {
        let mut arena = Arena::new(mu, 1000);
        let error =
            (0..1_000_000).find_map(|_| arena.try_alloc(mu, Leaf::new(Tick(Arc::clone(&drops)))).err());
        assert!(matches!(error, Some(AllocError::Limit { .. })), "{error:?}");
        assert_eq!((drops.load(SeqCst), arena.left()), (1, 0), "what was refused is dropped");
        assert!(arena.try_alloc(mu, Leaf::new(Tick(Arc::clone(&drops)))).is_err());
        assert!(Arena::<[u64; 100]>::try_new(mu, 10_000).is_err());
    });
    is_well(&heap);
    let panic = catch_unwind(AssertUnwindSafe(|| {
        mutator.enter(|mu| {
            let mut arena = Arena::new(mu, 1000);
            (0..1_000_000).for_each(|_| _ = arena.alloc(mu, Leaf::new(Tick(Arc::clone(&drops)))));
        });
    }));
    assert!(panic_text(&*panic.unwrap_err()).contains("limit"));
    mutator.collect();
    mutator.collect();
    is_well(&heap);
    assert_eq!(heap.figures().memory.heap_objects, 0);
}

/// What no safe program can do: a runtime of the raw layer keeps the address of an object whose chunk is freed, and stores it.
#[test]
fn the_verifier_sees_a_reference_into_a_chunk_that_was_freed() {
    for count in [20, 5000] {
        let heap = Heap::builder().gc_off().poison(0xA5).build().unwrap();
        let mut mutator = heap.attach().unwrap();
        let address = mutator.enter(|mu| {
            let mut arena = Arena::new(mu, count);
            (0..count as u64).for_each(|number| _ = node(mu, &mut arena, number));
            Gc::as_ptr(node(mu, &mut arena, 0)).cast::<u8>().as_ptr().addr()
        });
        is_well(&heap);
        drop(mutator);
        heap.collect();
        let kind = raw::Layout::new("holder", 16).exact(0).register(&heap).unwrap();
        let mut mutator = raw::Mutator::attach(&heap).unwrap();
        let inside = mutator.enter();
        // SAFETY: R3: a kind of this heap. R6: it is clear.
        let holder = unsafe { inside.alloc(&kind) }.unwrap().cast::<usize>();
        // SAFETY: a word of the object, which no cycle looks at. That it is no reference is the mistake.
        unsafe { holder.write(address) };
        drop(inside);
        drop(mutator);
        let found = heap.verify();
        assert!(found.iter().any(|violation| violation.name == "D2"), "{found:?}");
    }
}

#[test]
fn arenas_are_used_beside_a_collector() {
    for collector in [Collector::Concurrent, Collector::StopTheWorld] {
        within(Duration::from_secs(120), move || {
            beside_a_collector(collector, |mutator, number| {
                let start = *number;
                let root: Root<Node<'static>> = mutator.enter(|mu| {
                    let mut arena = Arena::new(mu, 1 + (start % 300) as usize);
                    let mut last = node(mu, &mut arena, start);
                    for at in 1..200 {
                        let next = last;
                        last = node(mu, &mut arena, start + at);
                        last.next.set(mu, Some(next));
                    }
                    mu.root(last)
                });
                mutator.safepoint();
                mutator.enter(|mu| {
                    let mut at = Some(root.get(mu));
                    for expected in (start..start + 200).rev() {
                        let node = at.expect("all are there");
                        assert_eq!(*node.object, [expected; 3]);
                        at = node.next.get();
                    }
                });
                *number += 200;
            });
        });
    }
}

/// In pieces, by both ways in turns, through several chunks.
#[test]
fn what_is_put_into_a_lent_chunk_is_as_what_is_put_by_itself() {
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        for (count, pieces) in [(5, 7), (100, 33), (3000, 700)] {
            let root: Root<Node<'static>> = mutator.enter(|mu| {
                let (mut arena, mut last, mut made) = (Arena::new(mu, count), None, 0);
                for piece in 0..pieces {
                    arena.fill(mu, |fill| {
                        for _ in 0..piece % 20 {
                            let object = mu.alloc([made; 3]);
                            last = Some(fill.alloc(Node { next: GcCell::new(last), object }));
                            made += 1;
                        }
                    });
                    let one = node(mu, &mut arena, made);
                    one.next.set(mu, last);
                    last = Some(one);
                    made += 1;
                }
                assert!(arena.left() < arena.capacity());
                mu.root(last.expect("there are some"))
            });
            mutator.collect();
            is_well(&heap);
            mutator.enter(|mu| {
                let mut at = Some(root.get(mu));
                let made: u64 = (0..pieces).map(|piece| piece % 20 + 1).sum();
                for number in (0..made).rev() {
                    let node = at.expect("all are there");
                    assert_eq!(*node.object, [number; 3]);
                    at = node.next.get();
                }
                assert!(at.is_none());
            });
        }
        mutator.collect();
        mutator.collect();
        is_well(&heap);
        assert_eq!(heap.figures().memory.heap_objects, 0);
    }
}

#[test]
fn a_lent_chunk_comes_back_as_it_is_when_who_fills_it_panics() {
    struct Counted(Arc<AtomicU32>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    for heap in heaps() {
        let (drops, mut mutator) = (Arc::<AtomicU32>::default(), heap.attach().unwrap());
        mutator.enter(|mu| {
            let mut arena = Arena::new(mu, 20);
            let capacity = arena.capacity();
            let panic = catch_unwind(AssertUnwindSafe(|| {
                arena.fill(mu, |fill| {
                    for number in 0..7 {
                        assert!(number < 6, "six are enough");
                        fill.alloc(Leaf::new(Counted(Arc::clone(&drops))));
                    }
                });
            }));
            assert_eq!(panic_text(&*panic.unwrap_err()), "six are enough");
            assert_eq!((arena.left(), drops.load(SeqCst)), (capacity - 6, 0));
            arena.fill(mu, |fill| _ = fill.alloc(Leaf::new(Counted(Arc::clone(&drops)))));
            let mut nothing = Arena::new(mu, 3);
            nothing.fill(mu, |fill| (0..10).for_each(|_| _ = fill.alloc(())));
            assert_eq!((nothing.capacity(), nothing.left()), (3, 3));
        });
        mutator.collect();
        assert_eq!(drops.load(SeqCst), 7, "each once");
        mutator.collect();
        is_well(&heap);
        assert_eq!((drops.load(SeqCst), heap.figures().memory.heap_objects), (7, 0));
    }
}

#[test]
fn a_limit_is_an_error_to_who_fills_a_chunk_and_the_chunk_is_as_before() {
    let heap = Heap::builder().hard_limit(1 << 20).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let kept: Root<Node<'static>> = mutator.enter(|mu| {
        let object = mu.alloc([7; 3]);
        let mut arena = Arena::new(mu, 1000);
        let (last, error) = arena.fill(mu, |fill| {
            let mut last = None;
            loop {
                match fill.try_alloc(Node { next: GcCell::new(last), object }) {
                    Ok(node) => last = Some(node),
                    Err(error) => return (last, error),
                }
            }
        });
        assert!(matches!(error, AllocError::Limit { .. }), "{error:?}");
        assert_eq!(arena.left(), 0);
        mu.root(last.expect("there was room for some"))
    });
    mutator.collect();
    is_well(&heap);
    mutator.enter(|mu| {
        let mut at = Some(kept.get(mu));
        while let Some(node) = at {
            assert_eq!(*node.object, [7; 3]);
            at = node.next.get();
        }
    });
}
