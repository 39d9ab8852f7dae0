//! Promise: a finalizer gets its object whole when nothing else leads to it, once, on the thread that has set it, at a safepoint;
//! what it leads to is finalized after it; what it keeps lives on; one that panics keeps neither the others from running nor the
//! heap from being sound.

mod kinds;
mod threads;

use crate::support::{is_well, panic_text, within};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use tricolor::{Collector, Gc, GcCell, Heap, HeapBuilder, Leaf, Mu, Mutator, Root, Trace, Weak, WeakMap};

#[derive(Trace)]
struct Node<'gc> {
    name: u64,
    check: u64,
    next: GcCell<Option<Gc<'gc, Node<'gc>>>>,
}

type Place<'gc> = GcCell<Option<Gc<'gc, Node<'gc>>>>;

fn node<'gc>(mu: &Mu<'gc>, name: u64, next: Option<Gc<'gc, Node<'gc>>>) -> Gc<'gc, Node<'gc>> {
    mu.alloc(Node { name, check: !name, next: GcCell::new(next) })
}

fn look(node: Gc<'_, Node<'_>>) -> u64 {
    assert_eq!(node.check, !node.name, "node {} is lost", node.name);
    node.name
}

fn place(mutator: &mut Mutator) -> Root<Place<'static>> {
    mutator.enter(|mu| mu.root(mu.alloc(GcCell::new(None::<Gc<'_, Node<'_>>>))))
}

fn heaps() -> impl Iterator<Item = Heap> {
    let builders: [fn(HeapBuilder) -> HeapBuilder; 5] = [
        |builder| builder,
        |builder| builder.collector(Collector::StopTheWorld),
        |builder| builder.verify_every(1).poison(0xA5),
        |builder| builder.collector(Collector::StopTheWorld).verify_every(1).poison(0xA5),
        |builder| builder.own_threads(false).poison(0xA5),
    ];
    builders.into_iter().map(|with| with(Heap::builder()).build().expect("a heap"))
}

/// Objects for slots that were freed.
fn overwrite(mutator: &mut Mutator) {
    mutator.enter(|mu| (0..2000).for_each(|name| _ = node(mu, 1_000_000 + name, None)));
}

/// The names of what was finalized, in order.
#[derive(Clone, Default)]
struct Names(Rc<RefCell<Vec<u64>>>);

impl Names {
    fn set<'gc>(&self, mu: &Mu<'gc>, object: Gc<'gc, Node<'gc>>) -> bool {
        let names = self.clone();
        mu.set_finalizer(object, move |_, node| names.0.borrow_mut().push(look(node)))
    }

    fn sorted(&self) -> Vec<u64> {
        let mut names = self.0.borrow().clone();
        names.sort_unstable();
        names
    }
}

#[test]
fn each_object_is_finalized_once_and_no_living_one() {
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        let names = Names::default();
        let roots: Vec<Root<Node<'static>>> = mutator.enter(|mu| {
            let make = |name| {
                let object = node(mu, name, Some(node(mu, name + 500, None)));
                assert!(!names.set(mu, object));
                object
            };
            (0..300).map(make).filter(|object| object.name % 3 == 0).map(|object| mu.root(object)).collect()
        });
        let dead: Vec<u64> = (0..300).filter(|name| name % 3 != 0).collect();
        for _ in 0..3 {
            mutator.collect();
            overwrite(&mut mutator);
            assert_eq!(names.sorted(), dead);
            is_well(&heap);
        }
        let figures = heap.figures().finalizers;
        assert_eq!((figures.waiting, figures.queued, figures.run), (100, 200, 200));
        drop(roots);
        mutator.collect();
        assert_eq!(names.sorted(), (0..300).collect::<Vec<_>>());
        mutator.collect();
        assert_eq!(heap.figures().memory.heap_objects, 0);
        assert_eq!(heap.figures().roots, 0);
        is_well(&heap);
    }
}

#[test]
fn what_leads_to_others_is_finalized_before_them() {
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        let names = Names::default();
        // 0 → 100 → 1 → 101 → 2 → …, of which the hundreds have none.
        mutator.enter(|mu| {
            let mut next = None;
            for name in (0..10).rev() {
                let object = node(mu, name, next);
                names.set(mu, object);
                next = Some(node(mu, 100 + name, Some(object)));
            }
        });
        for after in 1..=10 {
            mutator.collect();
            overwrite(&mut mutator);
            assert_eq!(*names.0.borrow(), (0..after).collect::<Vec<_>>());
            is_well(&heap);
        }
        mutator.collect();
        assert_eq!(heap.figures().memory.heap_objects, 0);
    }
}

#[test]
fn two_that_lead_to_a_third_are_finalized_first() {
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        let names = Names::default();
        mutator.enter(|mu| {
            let third = node(mu, 3, None);
            for object in [node(mu, 1, Some(third)), node(mu, 2, Some(third)), third] {
                names.set(mu, object);
            }
        });
        mutator.collect();
        assert_eq!(names.sorted(), [1, 2]);
        mutator.collect();
        assert_eq!(names.sorted(), [1, 2, 3]);
    }
}

#[test]
fn what_leads_back_to_itself_is_never_finalized() {
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        let names = Names::default();
        let weak: Root<Weak<'static, Node<'static>>> = mutator.enter(|mu| {
            // Itself; two with one each; one by way of another without.
            let own = node(mu, 1, None);
            own.next.set(mu, Some(own));
            let (one, two) = (node(mu, 2, None), node(mu, 3, None));
            one.next.set(mu, Some(two));
            two.next.set(mu, Some(one));
            let (with, without) = (node(mu, 4, None), node(mu, 5, None));
            with.next.set(mu, Some(without));
            without.next.set(mu, Some(with));
            // One that leads to a ring is not in it.
            let outside = node(mu, 6, Some(own));
            for object in [own, one, two, with, outside] {
                names.set(mu, object);
            }
            mu.root(mu.alloc(mu.downgrade(with)))
        });
        for _ in 0..3 {
            mutator.collect();
            assert_eq!(names.sorted(), [6]);
            is_well(&heap);
        }
        mutator.enter(|mu| {
            let with = weak.get(mu).upgrade(mu).expect("it stays");
            assert!(mu.clear_finalizer(with));
            assert!(!mu.clear_finalizer(with));
        });
        let before = heap.figures().memory.heap_objects;
        mutator.collect();
        assert_eq!(before - heap.figures().memory.heap_objects, 2, "without its finalizer a ring is garbage");
        assert_eq!(names.sorted(), [6]);
    }
}

#[test]
fn what_is_kept_lives_on_without_a_finalizer_until_one_is_set_again() {
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        let (kept, times) = (place(&mut mutator), Rc::new(Cell::new(0)));
        fn set<'gc>(
            mu: &Mu<'gc>,
            object: Gc<'gc, Node<'gc>>,
            kept: Root<Place<'static>>,
            times: Rc<Cell<u32>>,
        ) {
            mu.set_finalizer(object, move |mu, node| {
                assert_eq!((look(node), look(node.next.get().expect("8"))), (7, 8));
                times.set(times.get() + 1);
                kept.get(mu).set(mu, Some(node));
                if times.get() == 2 {
                    set(mu, node, kept, times);
                }
            });
        }
        mutator.enter(|mu| set(mu, node(mu, 7, Some(node(mu, 8, None))), kept.clone(), Rc::clone(&times)));
        for (round, wanted) in [(1, 1), (2, 1)] {
            mutator.collect();
            overwrite(&mut mutator);
            assert_eq!(times.get(), wanted, "in round {round}");
            mutator.enter(|mu| assert_eq!(look(kept.get(mu).get().expect("it is kept")), 7));
            is_well(&heap);
        }
        // Set again from outside, and then by itself.
        mutator.enter(|mu| {
            let object = kept.get(mu).take(mu).expect("it is kept");
            set(mu, object, kept.clone(), Rc::clone(&times));
        });
        mutator.collect();
        assert_eq!(times.get(), 2);
        mutator.enter(|mu| kept.get(mu).set(mu, None));
        mutator.collect();
        assert_eq!(times.get(), 3);
        mutator.enter(|mu| kept.get(mu).set(mu, None));
        for _ in 0..2 {
            mutator.collect();
            assert_eq!(times.get(), 3);
        }
        assert_eq!(heap.figures().memory.heap_objects, 1, "the place");
        is_well(&heap);
    }
}

#[test]
fn a_finalizer_takes_the_place_of_the_last_and_is_taken_back() {
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        let (first, second) = (Names::default(), Names::default());
        let root: Root<Node<'static>> = mutator.enter(|mu| mu.root(node(mu, 1, None)));
        mutator.enter(|mu| {
            let object = root.get(mu);
            assert!(!first.set(mu, object));
            assert_eq!(Rc::strong_count(&first.0), 2);
            assert!(second.set(mu, object));
            assert_eq!(Rc::strong_count(&first.0), 1, "what was replaced is dropped");
            let other = node(mu, 2, None);
            assert!(!mu.clear_finalizer(other));
            second.set(mu, other);
            assert!(mu.clear_finalizer(other));
            assert!(!mu.clear_finalizer(other));
            assert!(!mu.clear_shared_finalizer(object), "it is not a shared one");
        });
        drop(root);
        mutator.collect();
        assert_eq!((first.sorted(), second.sorted()), (vec![], vec![1]));
        assert_eq!(heap.figures().finalizers.cleared, 1);
        assert_eq!(Rc::strong_count(&second.0), 1);
    }
}

#[test]
fn a_finalizer_runs_on_its_thread_and_inside() {
    for heap in heaps() {
        let (is_dead, tell) = (Arc::new(AtomicBool::new(false)), mpsc::channel::<()>());
        let mut mutator = heap.attach().unwrap();
        let names = Names::default();
        let thread = thread::current().id();
        mutator.enter(|mu| {
            let (object, noted, is_dead) = (node(mu, 1, None), names.clone(), Arc::clone(&is_dead));
            mu.set_finalizer(object, move |mu, node| {
                assert_eq!(thread::current().id(), thread);
                assert!(is_dead.load(SeqCst));
                noted.0.borrow_mut().push(look(node));
                // It can do what code inside can.
                let more: Root<Node<'static>> = mu.root(self::node(mu, 2, Some(node)));
                assert_eq!(look(more.get(mu).next.get().unwrap()), 1);
            });
        });
        drop(tell);
        // Another thread finds the object dead, and does not run it.
        is_dead.store(true, SeqCst);
        thread::scope(|threads| {
            threads.spawn(|| heap.attach().unwrap().collect());
        });
        heap.collect();
        assert_eq!(names.sorted(), [], "no safepoint of this mutator came by");
        assert_eq!((heap.figures().finalizers.queued, heap.figures().roots), (1, 1));
        thread::scope(|threads| {
            threads.spawn(|| heap.attach().unwrap().collect());
        });
        is_well(&heap);
        mutator.safepoint();
        assert_eq!(names.sorted(), [1]);
        mutator.safepoint();
        mutator.collect();
        assert_eq!(names.sorted(), [1]);
        assert_eq!(heap.figures().memory.heap_objects, 0);
    }
}

#[test]
fn weak_references_find_nothing_from_before_and_what_it_leads_to() {
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        let kept = place(&mut mutator);
        type WeakNode = Root<Weak<'static, Node<'static>>>;
        let (of_it, of_next): (WeakNode, WeakNode) = mutator.enter(|mu| {
            let object = node(mu, 1, Some(node(mu, 2, None)));
            let weak = |object| mu.root(mu.alloc(mu.downgrade(object)));
            (weak(object), weak(object.next.get().unwrap()))
        });
        mutator.enter(|mu| {
            let (its, nexts, kept) = (of_it.clone(), of_next.clone(), kept.clone());
            let object = of_it.get(mu).upgrade(mu).unwrap();
            mu.set_finalizer(object, move |mu, node| {
                assert!(its.get(mu).upgrade(mu).is_none());
                let next = nexts.get(mu).upgrade(mu).expect("what it leads to is kept");
                assert!(Gc::ptr_eq(next, node.next.get().unwrap()));
                let again = mu.downgrade(node);
                assert!(again.upgrade(mu).is_some(), "a new one");
                kept.get(mu).set(mu, Some(node));
            });
        });
        mutator.collect();
        for _ in 0..2 {
            mutator.enter(|mu| {
                assert!(of_it.get(mu).upgrade(mu).is_none(), "also when it lives on");
                assert_eq!(look(of_next.get(mu).upgrade(mu).unwrap()), 2);
                assert_eq!(look(kept.get(mu).get().unwrap()), 1);
            });
            mutator.collect();
        }
    }
}

#[test]
fn a_weak_map_has_lost_what_is_finalized_and_keeps_values_of_what_that_leads_to() {
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        let (kept, times) = (place(&mut mutator), Rc::new(Cell::new(0)));
        let notes: Root<WeakMap<'static, Node<'static>, Node<'static>>> =
            mutator.enter(|mu| mu.root(mu.alloc(WeakMap::<Node<'_>, Node<'_>>::new())));
        mutator.enter(|mu| {
            let next = node(mu, 2, None);
            let object = node(mu, 1, Some(next));
            let map = notes.get(mu);
            map.insert(mu, object, node(mu, 10, None));
            map.insert(mu, next, node(mu, 20, Some(node(mu, 21, None))));
            let (notes, kept, times) = (notes.clone(), kept.clone(), Rc::clone(&times));
            mu.set_finalizer(object, move |mu, node| {
                let map = notes.get(mu);
                assert!(map.get(mu, node).is_none(), "what is finalized is a key no more");
                let note = map.get(mu, node.next.get().unwrap()).expect("what it leads to is one");
                assert_eq!((look(note), look(note.next.get().unwrap())), (20, 21));
                map.insert(mu, node, self::node(mu, 11, None));
                kept.get(mu).set(mu, Some(node));
                times.set(times.get() + 1);
            });
        });
        mutator.collect();
        overwrite(&mut mutator);
        assert_eq!(times.get(), 1);
        mutator.collect();
        mutator.enter(|mu| {
            let (node, map) = (kept.get(mu).get().unwrap(), notes.get(mu));
            assert_eq!(map.get(mu, node).map(look), Some(11), "it is one again");
            assert_eq!(map.get(mu, node.next.get().unwrap()).map(look), Some(20));
        });
        is_well(&heap);
    }
}

/// Counts drops.
struct Tick(Arc<AtomicU32>);

impl Drop for Tick {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn its_drop_and_its_cleanups_come_when_it_is_dead() {
    #[derive(Trace)]
    struct File<'gc> {
        tick: Leaf<Tick>,
        next: GcCell<Option<Gc<'gc, Node<'gc>>>>,
    }
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        let (drops, cleanups) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let finalized = Rc::new(Cell::new(0));
        let what_is = || (finalized.get(), cleanups.load(SeqCst), drops.load(SeqCst));
        mutator.enter(|mu| {
            let tick = Leaf::new(Tick(Arc::clone(&drops)));
            let file = mu.alloc(File { tick, next: GcCell::new(Some(node(mu, 1, None))) });
            let cleanups = Arc::clone(&cleanups);
            mu.cleanup(file, move || _ = cleanups.fetch_add(1, SeqCst));
            let finalized = Rc::clone(&finalized);
            mu.set_finalizer(file, move |_, file| {
                assert_eq!((file.tick.0.load(SeqCst), look(file.next.get().unwrap())), (0, 1));
                finalized.set(finalized.get() + 1);
            });
        });
        mutator.collect();
        assert_eq!(what_is(), (1, 0, 0));
        mutator.collect();
        assert_eq!(what_is(), (1, 1, 1));
        mutator.collect();
        assert_eq!(what_is(), (1, 1, 1));
        is_well(&heap);
    }
}

#[test]
fn a_finalizer_that_panics_reaches_the_caller_after_all_ran_and_leaves_the_heap_sound() {
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        let (names, cleanups) = (Names::default(), Arc::new(AtomicU32::new(0)));
        mutator.enter(|mu| {
            for name in 0..100 {
                let (object, names, cleanups) = (node(mu, name, None), names.clone(), Arc::clone(&cleanups));
                mu.set_finalizer(object, move |mu, node| {
                    let _more = self::node(mu, 7, Some(node));
                    names.0.borrow_mut().push(look(node));
                    assert!(name % 10 != 4, "bomb {name}");
                });
                mu.cleanup(mu.alloc([0_u64; 5]), move || {
                    cleanups.fetch_add(1, SeqCst);
                    assert!(name % 10 != 6, "other bomb {name}");
                });
            }
        });
        let panic = catch_unwind(AssertUnwindSafe(|| mutator.collect())).unwrap_err();
        assert!(panic_text(&*panic).starts_with("other bomb "), "the first: {}", panic_text(&*panic));
        assert_eq!((names.sorted().len(), cleanups.load(SeqCst)), (100, 100), "the others ran");
        is_well(&heap);
        mutator.collect();
        assert_eq!(names.sorted().len(), 100, "none ran twice");
        mutator.collect();
        assert_eq!((heap.figures().memory.heap_objects, heap.figures().roots), (0, 0));
        assert_eq!(mutator.enter(|mu| *mu.alloc(5_u64)), 5);
        assert_eq!(Rc::strong_count(&names.0), 1);
    }
}

#[test]
fn a_finalizer_may_collect_by_allocating() {
    for every in [1, 7] {
        let heap = Heap::builder()
            .collect_every(every)
            .poison(0xA5)
            .verify_every(5)
            .own_threads(false)
            .build()
            .unwrap();
        let mut mutator = heap.attach().unwrap();
        let names = Names::default();
        mutator.enter(|mu| {
            for name in 0..50 {
                let (object, names) = (node(mu, name, Some(node(mu, 1000 + name, None))), names.clone());
                mu.set_finalizer(object, move |mu, found| {
                    for more in 0..50 {
                        node(mu, more, None);
                    }
                    assert_eq!(look(found.next.get().unwrap()), 1000 + look(found));
                    names.0.borrow_mut().push(look(found));
                    // New work for the next collection, not for this safepoint.
                    if name < 10 {
                        names.set(mu, node(mu, 100 + name, None));
                    }
                });
            }
        });
        for _ in 0..4 {
            mutator.collect();
        }
        let wanted: Vec<u64> = (0..50).chain(100..110).collect();
        assert_eq!(names.sorted(), wanted);
        is_well(&heap);
    }
}

#[test]
fn finalizers_that_set_themselves_again_do_not_keep_a_safepoint_for_ever() {
    let heap = Heap::builder().collect_every(1).own_threads(false).build().unwrap();
    let times = within(Duration::from_secs(60), move || {
        let mut mutator = heap.attach().unwrap();
        let times = Rc::new(Cell::new(0_u32));
        fn again<'gc>(mu: &Mu<'gc>, object: Gc<'gc, Node<'gc>>, times: Rc<Cell<u32>>) {
            mu.set_finalizer(object, move |mu, object| {
                times.set(times.get() + 1);
                (0..50).for_each(|name| _ = node(mu, name, None));
                again(mu, object, times);
            });
        }
        mutator.enter(|mu| again(mu, node(mu, 1, None), Rc::clone(&times)));
        for _ in 0..5 {
            mutator.collect();
        }
        times.get()
    });
    assert!(times >= 5, "{times}");
}
