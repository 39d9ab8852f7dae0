//! Objects of every kind are whole when they are finalized.

use super::{Node, heaps, is_well, look, node, overwrite};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use tricolor::core::stress::STRESSED;
use tricolor::{Event, Gc, GcCell, GcMap, GcVec, Heap, Trace};

macro_rules! finalized {
    ($($name:ident: |$mu:ident| $make:expr, |$found:ident| $look:expr;)*) => {
        $(
            #[test]
            fn $name() {
                for heap in heaps() {
                    let mut mutator = heap.attach().unwrap();
                    let times = Rc::new(Cell::new(0));
                    mutator.enter(|$mu| {
                        let (object, times) = ($make, Rc::clone(&times));
                        $mu.set_finalizer(object, move |_, $found| {
                            times.set(times.get() + 1);
                            $look
                        });
                    });
                    mutator.collect();
                    assert_eq!(times.get(), 1);
                    overwrite(&mut mutator);
                    mutator.collect();
                    mutator.collect();
                    assert_eq!((times.get(), heap.figures().memory.heap_objects), (1, 0));
                    is_well(&heap);
                }
            }
        )*
    };
}

/// A number, or a reference: the word may be either.
#[derive(Trace, Clone, Copy)]
enum Either<'gc> {
    Number(u64),
    Node(Gc<'gc, Node<'gc>>),
}

finalized! {
    a_large_object: |mu| mu.alloc([1_u64; 9000]), |found| assert_eq!(*found, [1; 9000]);
    a_slice_of_numbers: |mu| mu.alloc_slice(100, |at| at as u64), |found| assert_eq!(found[99], 99);
    a_large_slice_of_references:
        |mu| mu.alloc_slice(40_000, |at| GcCell::new(Some(node(mu, at as u64, None)))),
        |found| (0..).zip(found.iter()).for_each(|(at, place)| assert_eq!(look(place.get().unwrap()), at));
    a_slice_of_numbers_and_references:
        |mu| mu.alloc_slice(1000, |at| match at % 3 {
            0 => Either::Number(at as u64),
            _ => Either::Node(node(mu, at as u64, None)),
        }),
        |found| (0..).zip(found.iter()).for_each(|(at, either)| match *either {
            Either::Number(number) => assert_eq!(number, at),
            Either::Node(node) => assert_eq!(look(node), at),
        });
    a_vector:
        |mu| {
            let vector = mu.alloc(GcVec::<Gc<'_, Node<'_>>>::new());
            (0..1000).for_each(|at| vector.push(mu, node(mu, at, None)));
            vector
        },
        |found| (0..).zip(found.iter()).for_each(|(at, node)| assert_eq!(look(node), at));
    a_map:
        |mu| {
            let map = mu.alloc(GcMap::<u64, Gc<'_, Node<'_>>>::new());
            (0..1000).for_each(|at| _ = map.insert(mu, at, node(mu, at, None)));
            map
        },
        |found| (0..1000).for_each(|at| assert_eq!(look(found.get(&at).unwrap()), at));
    a_long_list:
        |mu| (0..20_000).fold(node(mu, 0, None), |next, name| node(mu, name + 1, Some(next))),
        |found| {
            let (mut at, mut wanted) = (Some(found), 20_000);
            while let Some(node) = at {
                assert_eq!(look(node), wanted);
                wanted = wanted.wrapping_sub(1);
                at = node.next.get();
            }
            assert_eq!(wanted, u64::MAX);
        };
    an_object_of_no_size: |mu| mu.alloc(()), |found| { let () = *found; };
    a_weak_reference_to_what_it_keeps:
        |mu| {
            let next = node(mu, 1, None);
            mu.alloc((mu.downgrade(next), next))
        },
        |found| assert_eq!(look(found.1), 1);
}

#[test]
fn what_a_hand_traced_object_keeps_is_there() {
    use tricolor::core::layout::TypeMask;
    use tricolor::{Rebrand, Tracer};
    /// References in memory of its own.
    struct Bag<'gc>(Box<[Gc<'gc, Node<'gc>>]>);
    // SAFETY: 1: no word of it is a reference into the heap. 2: all are reported. 3: it only reads what does not change. 4: a box of
    // references, which are not read.
    unsafe impl Trace for Bag<'_> {
        const MASK: TypeMask = TypeMask::noscan(size_of::<Self>());
        const BY_HAND: bool = true;
        fn trace(&self, tracer: &mut Tracer<'_>) {
            self.0.iter().for_each(|&node| tracer.gc(node));
        }
    }
    // SAFETY: the brand is replaced.
    unsafe impl Rebrand for Bag<'_> {
        type At<'gc> = Bag<'gc>;
    }
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        let times = Rc::new(Cell::new(0));
        mutator.enter(|mu| {
            let bag = mu.alloc(Bag((0..100).map(|name| node(mu, name, None)).collect()));
            let times = Rc::clone(&times);
            mu.set_finalizer(bag, move |_, bag| {
                times.set(times.get() + 1);
                (0..).zip(&bag.0).for_each(|(name, &node)| assert_eq!(look(node), name));
            });
        });
        mutator.collect();
        overwrite(&mut mutator);
        mutator.collect();
        mutator.collect();
        assert_eq!((times.get(), heap.figures().memory.heap_objects), (1, 0));
        is_well(&heap);
    }
}

#[test]
fn tiny_objects_that_share_a_slot_are_finalized_together() {
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        let seen = Rc::new(RefCell::new(Vec::new()));
        mutator.enter(|mu| {
            for name in 1..=3_u8 {
                let seen = Rc::clone(&seen);
                mu.set_finalizer(mu.alloc(name), move |_, tiny| seen.borrow_mut().push(*tiny));
            }
        });
        mutator.collect();
        seen.borrow_mut().sort_unstable();
        assert_eq!(*seen.borrow(), [1, 2, 3]);
        mutator.collect();
        assert_eq!(heap.figures().memory.heap_objects, 0);
    }
}

#[test]
fn a_stack_without_room_loses_nothing_of_it() {
    let lost = Arc::new(AtomicU32::new(0));
    let told = Arc::clone(&lost);
    let builder = Heap::builder().mark_stack(256).workers(1).poison(0xA5).verify_every(1);
    let heap = builder
        .on_event(move |event| _ = told.fetch_add(u32::from(*event == Event::Lost), SeqCst))
        .build()
        .unwrap();
    let mut mutator = heap.attach().unwrap();
    let times = Rc::new(Cell::new(0));
    mutator.enter(|mu| {
        for _ in 0..3 {
            let wide = mu.alloc_slice(5000, |at| {
                GcCell::new(Some(node(mu, at as u64, Some(node(mu, 10_000 + at as u64, None)))))
            });
            let times = Rc::clone(&times);
            mu.set_finalizer(wide, move |_, wide| {
                times.set(times.get() + 1);
                for (at, place) in (0..).zip(wide.iter()) {
                    let one = place.get().unwrap();
                    assert_eq!((look(one), look(one.next.get().unwrap())), (at, 10_000 + at));
                }
            });
        }
    });
    mutator.collect();
    assert_eq!(times.get(), 3);
    // Pieces are so small under stress that there is room for what one leads to.
    assert!(lost.load(SeqCst) > 0 || STRESSED, "there was room for all of it");
    mutator.collect();
    assert_eq!(heap.figures().memory.heap_objects, 0);
    is_well(&heap);
}
