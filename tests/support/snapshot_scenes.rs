//! Scenes of snapshots: what one of them could misread.

use crate::raw_scenes::{boxed, named, set_any};
use std::array;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use tricolor::raw::{self, Layout};
use tricolor::{Decoder, EdgeKind, Gc, Heap, Leaf, Root, Snapshot, WeakMap};

/// The number of the node at an address.
fn at(snapshot: &Snapshot, address: usize) -> usize {
    let found = snapshot.nodes().position(|node| node.address == address);
    found.unwrap_or_else(|| panic!("{address:#x} is no node"))
}

/// What a node leads to: how, where, and the address.
pub(crate) fn edges(snapshot: &Snapshot, address: usize) -> Vec<(EdgeKind, u32, usize)> {
    let edges = snapshot.edges(at(snapshot, address)).iter();
    edges.map(|edge| (edge.kind, edge.at, snapshot.node(edge.to as usize).address)).collect()
}

/// Words that may be anything lead where a collection reads them to lead, and nowhere else.
pub(crate) fn numbers_looked_up() {
    let heap = Heap::builder().gc_off().poison(0xA5).decoder(Decoder::NAN_BOX).build().unwrap();
    let kind = Layout::new("item", 24).exact(1).ambiguous(2).register(&heap).unwrap();
    let table = Layout::new("value", 8).ambiguous(0).register_array(&heap, 8).unwrap();
    let mut mutator = raw::Mutator::attach(&heap).unwrap();
    let inside = mutator.enter();
    // SAFETY: R3, and R6: all numbers.
    let array = unsafe { inside.alloc_array(&table, 5) }.unwrap().as_ptr();
    // SAFETY: R4: an object of this heap.
    let root = unsafe { inside.root(NonNull::new(array).unwrap()) };
    let items: [*mut u8; 3] = array::from_fn(|name| named(&inside, &kind, name as u64));
    set_any(&inside, items[0], 2, boxed(items[1]));
    // Behind the last of this kind: a slot of the run that nobody has filled.
    let unfilled = items[2].addr() as u64 + 24;
    let values = [boxed(items[0]), items[0].addr() as u64 + 23, unfilled, 1.5_f64.to_bits(), !0];
    for (number, value) in values.into_iter().enumerate() {
        set_any(&inside, array, 1 + number, value);
    }
    drop(inside);
    let snapshot = heap.snapshot().unwrap();
    assert_eq!(snapshot.len(), 3, "nodes, some of which are no objects");
    let [array, first, second] = [array, items[0], items[1]].map(<*mut u8>::addr);
    let maybe = EdgeKind::AmbiguousElement;
    assert_eq!(edges(&snapshot, array), [(maybe, 0, first), (maybe, 1, first)]);
    assert!(!maybe.is_certain() && !maybe.is_weak());
    assert_eq!(edges(&snapshot, first), [(EdgeKind::AmbiguousField, 16, second)]);
    drop(root);
    assert!(heap.verify().is_empty());
}

/// A number that is the address of a dead object, whose drop is due or has run, does not make it a node.
pub(crate) fn dead_not_brought_back() {
    /// A root that may be anything.
    static WORD: AtomicUsize = AtomicUsize::new(0);
    static ADDRESSES: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];
    static SEEN: AtomicUsize = AtomicUsize::new(0);
    static DROPS: AtomicUsize = AtomicUsize::new(0);
    struct Looks(Heap);
    impl Drop for Looks {
        fn drop(&mut self) {
            DROPS.fetch_add(1, SeqCst);
            for address in &ADDRESSES {
                WORD.store(address.load(SeqCst), SeqCst);
                SEEN.fetch_add(self.0.snapshot().unwrap().len(), SeqCst);
            }
            WORD.store(0, SeqCst);
        }
    }
    let heap = Heap::builder().gc_off().build().unwrap();
    let mut mutator = raw::Mutator::attach(&heap).unwrap();
    mutator.safe().enter(|mu| {
        for address in &ADDRESSES {
            address.store(Gc::addr(mu.alloc(Leaf::new(Looks(heap.clone())))), SeqCst);
        }
    });
    let inside = mutator.enter();
    // SAFETY: R2: the word is there for good; the test's thread writes to it, outside.
    let range = unsafe { inside.add_ambiguous(WORD.as_ptr().cast(), 1) };
    drop(inside);
    WORD.store(ADDRESSES[1].load(SeqCst), SeqCst);
    assert_eq!(heap.snapshot().unwrap().len(), 1, "it is not dead yet");
    WORD.store(0, SeqCst);
    mutator.collect();
    assert_eq!((DROPS.load(SeqCst), SEEN.load(SeqCst)), (2, 0), "drops, and dead objects that were nodes");
    let inside = mutator.enter();
    inside.remove(range);
    drop(inside);
    assert!(heap.verify().is_empty());
}

/// Chains of entries of weak maps: each value is the key of the next, and entries were made from the last to the first.
pub(crate) fn late_keys() {
    const LONG: usize = 50;
    type Map<'gc> = WeakMap<'gc, [u64; 3], [u64; 3]>;
    let heap = Heap::builder().gc_off().build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let roots: (Root<Map<'static>>, Root<[u64; 3]>) = mutator.enter(|mu| {
        let map: Gc<'_, Map<'_>> = mu.alloc(WeakMap::new());
        let links: Vec<_> = (0..LONG as u64).map(|number| mu.alloc([number; 3])).collect();
        for pair in links.windows(2).rev() {
            map.insert(mu, pair[0], pair[1]);
        }
        (mu.root(map), mu.root(links[0]))
    });
    let snapshot = heap.snapshot().unwrap();
    let values = (0..snapshot.len()).flat_map(|number| snapshot.edges(number));
    let found = values.filter(|edge| edge.kind == EdgeKind::Value).count();
    assert_eq!(found, LONG - 1, "values of keys that were found");
    drop(roots);
    assert!(heap.snapshot().unwrap().is_empty());
}
