//! Promise: a weak reference finds its object as long as something keeps it, and never again once a collection has found it
//! dead.

use crate::support::{self, is_well, within};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::thread;
use std::time::Duration;
use tricolor::{AtomicGc, Gc, GcCell, GcSlice, Heap, Leaf, Root, Trace, Weak};

fn heaps() -> impl Iterator<Item = Heap> {
    support::heaps(Heap::builder)
}

macro_rules! kept_and_let_go {
    ($($name:ident: $type:ty, |$mu:ident| $make:expr;)*) => {
        $(
            #[test]
            fn $name() {
                for heap in heaps() {
                    let mut mutator = heap.attach().unwrap();
                    let (strong, weak): (Root<$type>, Root<Weak<'static, $type>>) = mutator.enter(|$mu| {
                        let object = $make;
                        ($mu.root(object), $mu.root($mu.alloc($mu.downgrade(object))))
                    });
                    for _ in 0..3 {
                        mutator.collect();
                        mutator.enter(|mu| {
                            let found = weak.get(mu).upgrade(mu).expect("it is kept");
                            assert!(Gc::ptr_eq(found, strong.get(mu)));
                        });
                        is_well(&heap);
                    }
                    drop(strong);
                    mutator.collect();
                    mutator.enter(|mu| assert!(weak.get(mu).upgrade(mu).is_none()));
                    is_well(&heap);
                    mutator.collect();
                    mutator.enter(|mu| assert!(weak.get(mu).upgrade(mu).is_none()));
                }
            }
        )*
    };
}

kept_and_let_go! {
    a_small_object_is_let_go: [u64; 4], |mu| mu.alloc([1_u64; 4]);
    a_large_object_is_let_go: [u64; 9000], |mu| mu.alloc([1_u64; 9000]);
    a_slice_is_let_go: GcSlice<u64>, |mu| mu.alloc_slice(30, |at| at as u64);
    a_large_slice_of_references_is_let_go: GcSlice<GcCell<Option<Gc<'static, u64>>>>,
        |mu| mu.alloc_slice(9000, |_| GcCell::new(None::<Gc<'_, u64>>));
    an_object_with_a_drop_is_let_go: Leaf<String>, |mu| mu.alloc(Leaf::new(String::from("text")));
    a_tiny_object_that_is_alone_is_let_go: u8, |mu| mu.alloc(1_u8);
}

#[test]
fn an_object_is_not_found_any_more_when_it_is_dropped() {
    struct Tick(Arc<AtomicU32>);
    impl Drop for Tick {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    for heap in heaps() {
        let drops = Arc::new(AtomicU32::new(0));
        let mut mutator = heap.attach().unwrap();
        let weak: Root<Weak<'static, Leaf<Tick>>> = mutator
            .enter(|mu| mu.root(mu.alloc(mu.downgrade(mu.alloc(Leaf::new(Tick(Arc::clone(&drops))))))));
        mutator.enter(|mu| assert!(weak.get(mu).upgrade(mu).is_some()));
        assert_eq!(drops.load(SeqCst), 0);
        mutator.collect();
        mutator.enter(|mu| assert!(weak.get(mu).upgrade(mu).is_none()));
        assert_eq!(drops.load(SeqCst), 1);
    }
}

#[test]
fn places_die_with_the_last_copy_also_when_their_objects_live() {
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        let strong: Root<[u64; 4]> = mutator.enter(|mu| mu.root(mu.alloc([1_u64; 4])));
        mutator.enter(|mu| (0..10_000).for_each(|_| _ = mu.downgrade(strong.get(mu))));
        mutator.collect();
        assert_eq!(heap.figures().memory.heap_objects, 1, "the object, and no place");
        is_well(&heap);
        let copies: Root<GcSlice<Weak<'static, [u64; 4]>>> = mutator.enter(|mu| {
            let weak = mu.downgrade(strong.get(mu));
            mu.root(mu.alloc_slice(100, |_| weak))
        });
        mutator.collect();
        assert_eq!(
            heap.figures().memory.heap_objects,
            3,
            "the object, one place, and the slice of its copies"
        );
        mutator.enter(|mu| {
            let all = copies.get(mu);
            assert!(all[0].is_copy_of(all[99]));
            assert!(!all[0].is_copy_of(mu.downgrade(strong.get(mu))));
            assert!(all.iter().all(|weak| weak.upgrade(mu).is_some()));
        });
    }
}

#[test]
fn a_cycle_with_a_weak_edge_back_dies_whole() {
    #[derive(Trace)]
    struct Node<'gc> {
        child: GcCell<Option<Gc<'gc, Node<'gc>>>>,
        parent: GcCell<Option<Weak<'gc, Node<'gc>>>>,
    }
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        let parent: Root<Node<'static>> = mutator.enter(|mu| {
            let parent = mu.alloc(Node { child: GcCell::new(None), parent: GcCell::new(None) });
            let child =
                mu.alloc(Node { child: GcCell::new(None), parent: GcCell::new(Some(mu.downgrade(parent))) });
            parent.child.set(mu, Some(child));
            mu.root(parent)
        });
        mutator.collect();
        let child: Root<Node<'static>> = mutator.enter(|mu| {
            let child = parent.get(mu).child.get().expect("it was set");
            let back = child.parent.get().and_then(|weak| weak.upgrade(mu)).expect("the parent is kept");
            assert!(Gc::ptr_eq(back, parent.get(mu)));
            mu.root(child)
        });
        drop(parent);
        mutator.collect();
        mutator.enter(|mu| assert!(child.get(mu).parent.get().expect("the edge").upgrade(mu).is_none()));
        drop(child);
        mutator.collect();
        assert_eq!(heap.figures().memory.heap_objects, 0);
        is_well(&heap);
    }
}

/// Four threads find, keep, forget and replace objects in shared places, beside collections that are verified.
#[test]
fn threads_find_what_they_keep() {
    const PLACES: usize = 8;
    #[derive(Trace)]
    struct Both<'gc> {
        strong: AtomicGc<'gc, [u64; 3]>,
        weak: AtomicGc<'gc, Weak<'gc, [u64; 3]>>,
    }
    within(Duration::from_secs(120), || {
        let heap = Heap::builder().least_heap(64 << 10).verify_every(3).poison(0xA5).build().unwrap();
        let table: Root<GcSlice<Both<'static>>> = heap.attach().unwrap().enter(|mu| {
            mu.root(
                mu.alloc_slice(PLACES, |_| Both { strong: AtomicGc::new(None), weak: AtomicGc::new(None) }),
            )
        });
        let over = AtomicBool::new(false);
        thread::scope(|threads| {
            let workers: Vec<_> = (0..3_u64)
                .map(|seed| {
                    let (heap, table) = (heap.clone(), table.clone());
                    threads.spawn(move || work(&heap, &table, seed))
                })
                .collect();
            let mut mutator = heap.attach().unwrap();
            threads.spawn(|| {
                workers.into_iter().for_each(|worker| worker.join().unwrap());
                over.store(true, SeqCst);
            });
            while !over.load(SeqCst) {
                mutator.collect();
            }
        });
        is_well(&heap);
    });

    fn work(heap: &Heap, table: &Root<GcSlice<Both<'static>>>, seed: u64) {
        let mut mutator = heap.attach().unwrap();
        let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        for _ in 0..6000 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let number = random >> 8;
            mutator.enter(|mu| {
                let place = &table.get(mu)[usize::try_from(random % PLACES as u64).unwrap()];
                match random >> 3 & 3 {
                    0 => {
                        let object = mu.alloc([number, !number, number]);
                        place.weak.store(mu, Some(mu.alloc(mu.downgrade(object))));
                        place.strong.store(mu, Some(object));
                    }
                    1 => place.strong.store(mu, None),
                    _ => {
                        let Some(weak) = place.weak.load() else { return };
                        let Some(object) = weak.upgrade(mu) else {
                            assert!(weak.upgrade(mu).is_none(), "gone, and found again");
                            return;
                        };
                        assert_eq!(
                            (object[0], object[2]),
                            (!object[1], object[0]),
                            "what was found is whole"
                        );
                        place.strong.store(mu, Some(object));
                        assert!(weak.upgrade(mu).is_some(), "it is in the hands");
                    }
                }
            });
        }
    }
}
