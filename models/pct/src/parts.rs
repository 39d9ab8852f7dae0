//! What programs are made of: a heap, threads, and items that say when they were lost.

use heap_core::os::sim::SimOs;
use heap_core::sync::thread;
use heap_testkit::random::Random;
use tricolor::{Gc, GcCell, Heap, HeapBuilder, Mu, Scavenge, Trace};

pub fn builder(random: &mut Random) -> HeapBuilder {
    // No period: no time passes in a schedule, and to wait for some would be to run again at once.
    let builder = Heap::builder()
        .collect_at_least_every(None)
        .reservation(4 << 20)
        .poison(0xA5)
        .verify_every(1)
        .scavenge(Scavenge::OnRequest);
    let builder = builder.workers(if random.below(4) == 0 { 2 } else { 1 });
    let builder = if random.below(16) == 0 { builder.os(SimOs::new()) } else { builder };
    match random.below(4) {
        0 => builder.collect_every(5),
        1 => builder.gc_percent(100).least_heap(1 << 10),
        _ => builder.gc_off(),
    }
}

/// Starts a thread; its panic is the program's when it is joined.
pub fn start<T: Send + 'static>(name: &str, f: impl FnOnce() -> T + Send + 'static) -> thread::JoinHandle<T> {
    thread::Builder::new().name(name.into()).spawn(f).expect("the system starts a thread")
}

pub fn join<T>(thread: thread::JoinHandle<T>) -> T {
    thread.join().expect("no thread panics")
}

/// A thread without a mutator that collects.
pub fn collector(heap: &Heap, times: u64) -> thread::JoinHandle<()> {
    let heap = heap.clone();
    start("collector", move || (0..times).for_each(|_| heap.collect()))
}

fn scrambled(name: u64) -> u64 {
    Random::new(name).next()
}

/// Something that must not get lost, and must be looked into: what proves it is an object of its own.
#[derive(Trace)]
pub struct Item<'gc> {
    pub name: u64,
    check: Gc<'gc, [u64; 2]>,
}

impl<'gc> Item<'gc> {
    pub fn new(mu: &Mu<'gc>, name: u64) -> Gc<'gc, Self> {
        mu.alloc(Self { name, check: mu.alloc([scrambled(name), name]) })
    }

    pub fn look(&self) -> u64 {
        // Before the reference is followed, which leads nowhere if the item was lost.
        assert_ne!(self.name, LOST, "an item was lost");
        assert_eq!(
            *self.check,
            [scrambled(self.name), self.name],
            "item {:#x} is not what it was",
            self.name
        );
        self.name
    }
}

/// Holds one item, or none.
#[derive(Trace)]
pub struct Shelf<'gc> {
    pub item: GcCell<Option<Gc<'gc, Item<'gc>>>>,
}

/// What free slots are filled with.
const LOST: u64 = 0xA5A5_A5A5_A5A5_A5A5;
