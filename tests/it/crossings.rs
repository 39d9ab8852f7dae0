//! Promise: pools, arenas, weak maps, finalizers, cleanups and samplers keep theirs also when one is used in the middle of another.

use crate::support::{is_well, within};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};
use tricolor::{
    Arena, Collector, Gc, GcCell, GcMap, Heap, HeapBuilder, Leaf, Lent, Mu, Mutator, Pool, Root, Sample,
    Sampler, Trace, Weak, WeakMap,
};

fn heaps() -> impl Iterator<Item = Heap> {
    let builders: [fn(HeapBuilder) -> HeapBuilder; 4] = [
        |builder| builder.poison(0xA5),
        |builder| builder.collector(Collector::StopTheWorld).poison(0xA5),
        |builder| builder.verify_every(1).poison(0xA5),
        |builder| builder.own_threads(false).poison(0xA5),
    ];
    builders.into_iter().map(|with| with(Heap::builder()).build().expect("a heap"))
}

#[derive(Trace)]
struct Node<'gc> {
    next: GcCell<Option<Gc<'gc, Node<'gc>>>>,
    name: u64,
    check: u64,
}

fn new<'gc>(name: u64) -> Node<'gc> {
    Node { next: GcCell::new(None), name, check: !name }
}

fn look(node: Gc<'_, Node<'_>>) -> u64 {
    assert_eq!(node.check, !node.name, "node {} is lost", node.name);
    node.name
}

fn overwrite(mutator: &mut Mutator) {
    mutator.enter(|mu| (0..2000).for_each(|name| _ = mu.alloc(new(1_000_000 + name))));
}

type Maps<'gc> = WeakMap<'gc, Node<'gc>, Node<'gc>>;

/// Objects of one chunk are keys of their own, though one of them keeps all.
#[test]
fn objects_of_a_chunk_are_keys_each_of_its_own_until_the_chunk_dies() {
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        let (map, kept): (Root<Maps<'static>>, Root<Node<'static>>) = mutator.enter(|mu| {
            let map = mu.alloc(WeakMap::new());
            let mut arena = Arena::new(mu, 50);
            let keys: Vec<_> = (0..120).map(|name| arena.alloc(mu, new(name))).collect();
            for (&key, name) in keys.iter().zip(1000..) {
                assert!(map.insert(mu, key, mu.alloc(new(name))).is_none(), "{name} is a key already");
            }
            // A chain from chunk to chunk, by values that lead to keys in the middle of others.
            let last = mu.alloc(new(7));
            last.next.set(mu, Some(keys[119]));
            assert_eq!(map.insert(mu, keys[3], last).map(look), Some(1003));
            (mu.root(map), mu.root(keys[20]))
        });
        for _ in 0..3 {
            mutator.collect();
            overwrite(&mut mutator);
        }
        mutator.enter(|mu| {
            let (map, kept) = (map.get(mu), kept.get(mu));
            assert_eq!(map.get(mu, kept).map(look), Some(1020));
            assert_eq!(look(kept), 20);
        });
        is_well(&heap);
        drop(kept);
        mutator.collect();
        mutator.collect();
        mutator.enter(|mu| {
            let map = map.get(mu);
            map.shrink_to_fit(mu);
            assert!(map.is_empty());
        });
        is_well(&heap);
    }
}

/// All finalizers and cleanups of a chunk whose objects do not lead to each other are due when it dies, each with its own object.
#[test]
fn objects_of_a_chunk_are_finalized_each_for_itself_and_then_cleaned_up() {
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        let names = Rc::new(RefCell::new(Vec::new()));
        let (cleaned, dropped) = (Arc::<AtomicU32>::default(), Arc::<AtomicU32>::default());
        struct Tick(Arc<AtomicU32>, u64);
        impl Drop for Tick {
            fn drop(&mut self) {
                self.0.fetch_add(1, SeqCst);
            }
        }
        let kept: Root<GcCell<Option<Gc<'static, Leaf<Tick>>>>> =
            mutator.enter(|mu| mu.root(mu.alloc(GcCell::new(None::<Gc<'_, Leaf<Tick>>>))));
        let weaks = mutator.enter(|mu| {
            let mut arena = Arena::new(mu, 10);
            let mut weaks: Vec<Root<Weak<'static, Leaf<Tick>>>> = Vec::new();
            for name in 0..5 {
                let object = arena.alloc(mu, Leaf::new(Tick(Arc::clone(&dropped), name)));
                let (names, place) = (Rc::clone(&names), kept.clone());
                mu.set_finalizer(object, move |mu, object| {
                    names.borrow_mut().push(object.1);
                    if name == 3 {
                        place.get(mu).set(mu, Some(object));
                    }
                });
                let cleaned = Arc::clone(&cleaned);
                mu.cleanup(object, move || _ = cleaned.fetch_add(1, SeqCst));
                weaks.push(mu.root(mu.alloc(mu.downgrade(object))));
            }
            weaks
        });
        mutator.collect();
        names.borrow_mut().sort_unstable();
        assert_eq!(*names.borrow(), [0, 1, 2, 3, 4]);
        mutator.collect();
        overwrite(&mut mutator);
        assert_eq!((cleaned.load(SeqCst), dropped.load(SeqCst)), (0, 0), "one of them keeps the chunk");
        mutator.enter(|mu| {
            assert_eq!(kept.get(mu).get().map(|object| object.1), Some(3));
            assert!(weaks.iter().all(|weak| weak.get(mu).upgrade(mu).is_none()));
            kept.get(mu).set(mu, None);
        });
        mutator.collect();
        mutator.collect();
        assert_eq!((cleaned.load(SeqCst), dropped.load(SeqCst)), (5, 5));
        assert_eq!(names.borrow().len(), 5, "each once");
        is_well(&heap);
    }
}

/// A chunk that leads into itself leads back to each of its objects.
#[test]
fn a_chunk_that_leads_into_itself_is_not_finalized_and_stays() {
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        let times = Rc::new(Cell::new(0));
        mutator.enter(|mu| {
            let mut arena = Arena::new(mu, 2);
            let (first, second) = (arena.alloc(mu, new(1)), arena.alloc(mu, new(2)));
            second.next.set(mu, Some(first));
            let times = Rc::clone(&times);
            mu.set_finalizer(second, move |_, _| times.set(times.get() + 1));
        });
        (0..3).for_each(|_| mutator.collect());
        assert_eq!((times.get(), heap.figures().memory.heap_objects), (0, 1));
        is_well(&heap);
    }
}

/// A finalizer puts its object into a pool, and makes it a key and a value again.
#[test]
fn a_finalizer_may_save_its_object_in_a_pool_and_in_a_weak_map() {
    for heap in heaps() {
        let mut mutator = heap.attach().unwrap();
        let pool: Pool<Gc<'static, Node<'static>>> = Pool::new(&heap);
        let map: Root<Maps<'static>> = mutator.enter(|mu| mu.root(mu.alloc(Maps::new())));
        let times = Rc::new(Cell::new(0));
        fn set<'gc>(
            mu: &Mu<'gc>,
            node: Gc<'gc, Node<'gc>>,
            pool: Pool<Gc<'static, Node<'static>>>,
            map: Root<Maps<'static>>,
            times: Rc<Cell<u32>>,
        ) {
            mu.set_finalizer(node, move |mu, node| {
                times.set(times.get() + 1);
                look(node);
                assert_eq!(node.next.get().map(look), Some(node.name + 1));
                assert!(!map.get(mu).contains_key(node), "its entry was cleared");
                map.get(mu).insert(mu, node, node);
                pool.put(mu, node);
                set(mu, node, pool.clone(), map.clone(), times);
            });
        }
        mutator.enter(|mu| {
            for name in [10, 20, 30] {
                let node = mu.alloc(new(name));
                node.next.set(mu, Some(mu.alloc(new(name + 1))));
                map.get(mu).insert(mu, node, node);
                set(mu, node, pool.clone(), map.clone(), Rc::clone(&times));
            }
        });
        for round in 1..=3 {
            mutator.collect();
            assert_eq!(times.get(), 3 * round, "saved, finalized again when the pool has let go");
            overwrite(&mut mutator);
            mutator.enter(|mu| {
                assert_eq!(pool.len(mu), 3);
                let node = pool.take(mu).unwrap();
                assert_eq!(map.get(mu).get(mu, node).map(look), Some(node.name));
                assert_eq!(node.next.get().map(look), Some(node.name + 1));
                pool.put(mu, node);
            });
            // Aged, and then let go with the next.
            mutator.collect();
            assert_eq!(times.get(), 3 * round);
            is_well(&heap);
        }
    }
}

/// A sampler that tries all that it can reach: what it may not do is refused, and the object that it was told of is none yet.
#[test]
fn a_sampler_that_reaches_for_its_heap_is_refused_and_breaks_nothing() {
    #[derive(Clone)]
    struct Reaching {
        heap: Arc<OnceLock<Heap>>,
        what: u32,
        root: Arc<Mutex<Option<Root<[u64; 4]>>>>,
        told: Arc<AtomicU32>,
    }
    impl Sampler for Reaching {
        fn sampled(&self, _: &Sample) -> u32 {
            let Some(heap) = self.heap.get() else { return 0 };
            match self.what {
                0 => heap.collect(),
                1 => drop(heap.verify()),
                2 => drop(heap.attach().expect("a second mutator of this thread")),
                3 => _ = heap.step(Duration::from_millis(1)),
                4 => heap.sampled(|_, _| ()),
                5 => drop(heap.figures()),
                6 => drop(self.root.lock().unwrap().take()),
                7 => drop(Pool::<Leaf<Tick>>::new(heap)),
                8 => drop(heap.census()),
                _ => heap.set_sample_mean(1 + usize::try_from(self.told.load(SeqCst)).unwrap() % 3),
            }
            self.told.fetch_add(1, SeqCst)
        }
    }
    struct Tick(Arc<AtomicU32>, [u64; 600]);
    impl Drop for Tick {
        fn drop(&mut self) {
            assert_eq!(self.1, [0xD0; 600]);
            self.0.fetch_add(1, SeqCst);
        }
    }
    within(Duration::from_secs(60), || {
        for what in 0..10 {
            for collector in [Collector::Concurrent, Collector::StopTheWorld] {
                let reaching =
                    Reaching { heap: Arc::default(), what, root: Arc::default(), told: Arc::default() };
                let builder = Heap::builder().collector(collector).verify_every(1).poison(0xA5);
                let heap = builder.sampler(reaching.clone(), 1).build().unwrap();
                let mut mutator = heap.attach().unwrap();
                *reaching.root.lock().unwrap() = Some(mutator.enter(|mu| mu.root(mu.alloc([3_u64; 4]))));
                assert!(reaching.heap.set(heap.clone()).is_ok());
                let drops = Arc::<AtomicU32>::default();
                let tick = || Leaf::new(Tick(Arc::clone(&drops), [0xD0; 600]));
                for _ in 0..3 {
                    mutator.enter(|mu| {
                        let mut arena = Arena::new(mu, 20);
                        for _ in 0..30 {
                            mu.alloc(tick());
                            arena.alloc(mu, tick());
                            mu.alloc_slice(3, |_| 5_u8);
                        }
                    });
                    mutator.collect();
                }
                mutator.collect();
                assert_eq!(drops.load(SeqCst), 180, "what = {what}");
                is_well(&heap);
            }
        }
    });
}

thread_local! {
    /// For drops to use, when their thread is outside.
    static MINE: RefCell<Option<(Mutator, Pool<Leaf<Again>>)>> = const { RefCell::new(None) };
}

struct Again(u32, Arc<AtomicU32>);

impl Drop for Again {
    fn drop(&mut self) {
        self.1.fetch_add(1, SeqCst);
        let Some(less) = self.0.checked_sub(1) else { return };
        MINE.with(|mine| {
            if let Ok(mut mine) = mine.try_borrow_mut()
                && let Some((mutator, pool)) = &mut *mine
            {
                mutator.enter(|mu| pool.put(mu, Leaf::new(Again(less, Arc::clone(&self.1)))));
            }
        });
    }
}

/// Values that are let go put others into the pool they come from, at a safepoint of the same mutator.
#[test]
fn a_value_that_is_let_go_may_put_another_into_its_pool() {
    for heap in heaps() {
        let drops = Arc::<AtomicU32>::default();
        let pool = Pool::new(&heap);
        let mut mutator = heap.attach().unwrap();
        mutator.enter(|mu| (0..4).for_each(|_| pool.put(mu, Leaf::new(Again(3, Arc::clone(&drops))))));
        MINE.set(Some((mutator, pool.clone())));
        for round in 1..=4 {
            heap.collect();
            heap.collect();
            assert_eq!(drops.load(SeqCst), 4 * round);
        }
        let (mut mutator, pool) = MINE.take().unwrap();
        mutator.enter(|mu| {
            assert!(pool.is_empty(mu));
            pool.put(mu, Leaf::new(Again(0, Arc::clone(&drops))));
        });
        // What is left when the mutator goes, and when nobody has the pool any more.
        drop(pool);
        drop(mutator);
        heap.collect();
        assert_eq!(drops.load(SeqCst), 17);
        is_well(&heap);
    }
}

/// A loan that is forgotten is over with its `enter`, and its object with it.
#[test]
fn a_loan_that_is_forgotten_keeps_nothing() {
    for heap in heaps() {
        let pool: Pool<Gc<'static, Node<'static>>> = Pool::new(&heap);
        let mut mutator = heap.attach().unwrap();
        mutator.enter(|mu| {
            std::mem::forget(pool.lend(mu, || mu.alloc(new(1))));
            let _kept = Lent::keep(pool.lend(mu, || mu.alloc(new(2))));
            assert!(pool.is_empty(mu));
        });
        let panic = catch_unwind(AssertUnwindSafe(|| {
            mutator.enter(|mu| {
                let _outer = pool.lend(mu, || mu.alloc(new(3)));
                let _inner = pool.lend(mu, || {
                    assert!(pool.is_empty(mu));
                    panic!("no value")
                });
            });
        }));
        assert!(panic.is_err());
        assert!(mutator.enter(|mu| pool.is_empty(mu)));
        mutator.collect();
        assert_eq!(heap.figures().memory.heap_objects, 0);
        is_well(&heap);
    }
}

#[derive(Trace)]
struct Table<'gc> {
    weak: GcMap<'gc, u64, Weak<'gc, Node<'gc>>>,
    map: Maps<'gc>,
    place: GcCell<Option<Gc<'gc, Node<'gc>>>>,
}

/// Objects go from what keeps them weakly into a pool, from there into the heap and back, in whatever round a cycle is.
fn from_hand_to_hand(collector: Collector) {
    let heap = Heap::builder().collector(collector).poison(0xDD).verify_every(1).workers(2).build().unwrap();
    let stop = AtomicBool::new(false);
    thread::scope(|threads| {
        for _ in 0..3 {
            threads.spawn(|| {
                let mut mutator = heap.attach().unwrap();
                let pool: Pool<Gc<'static, Node<'static>>> = Pool::new(&heap);
                let table: Root<Table<'static>> = mutator.enter(|mu| {
                    let (weak, map, place) = (GcMap::new(), WeakMap::new(), GcCell::new(None));
                    mu.root(mu.alloc(Table { weak, map, place }))
                });
                for number in 0.. {
                    pass(&mut mutator, &pool, &table, number);
                    if stop.load(SeqCst) {
                        return;
                    }
                }
            });
        }
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(1500) {
            heap.collect();
        }
        stop.store(true, SeqCst);
    });
    is_well(&heap);
}

fn pass(
    mutator: &mut Mutator,
    pool: &Pool<Gc<'static, Node<'static>>>,
    table: &Root<Table<'static>>,
    number: u64,
) {
    mutator.enter(|mu| {
        let table = table.get(mu);
        let node = if number.is_multiple_of(5) {
            Arena::new(mu, 3).alloc(mu, new(number))
        } else {
            mu.alloc(new(number))
        };
        let value = mu.alloc(new(!number));
        value.next.set(mu, Some(node));
        table.map.insert(mu, node, value);
        table.weak.insert(mu, number % 64, mu.downgrade(node));
        // From where it is weak to the pool, and nowhere else.
        if let Some(found) = table.weak.get(&(number * 7 % 64)).and_then(|weak| weak.upgrade(mu)) {
            pool.put(mu, found);
        }
    });
    mutator.enter(|mu| {
        if let Some(node) = pool.take(mu) {
            let value = table.get(mu).map.get(mu, node).expect("its key is in the pool");
            assert_eq!(look(value), !look(node));
            // The value keeps its key.
            pool.put(mu, value);
        }
    });
    mutator.enter(|mu| {
        if let Some(value) = pool.take(mu) {
            look(value);
            if let Some(other) = table.get(mu).place.replace(mu, Some(value)) {
                let key = other.next.get().expect("a value leads to its key");
                assert_eq!(look(key), !look(other));
                pool.put(mu, key);
            }
        }
    });
}

#[test]
fn objects_go_from_hand_to_hand_beside_a_collector() {
    from_hand_to_hand(Collector::Concurrent);
}

#[test]
fn objects_go_from_hand_to_hand_beside_a_collector_that_stops_the_world() {
    from_hand_to_hand(Collector::StopTheWorld);
}
