//! Programs of several mutators, drawn by a seed: they make, keep, change, forget, wait, collect, leave and come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use tricolor::{Gc, GcCell, Heap, Leaf, Mu, Mutator, Root, Trace};

#[derive(Trace)]
struct Node<'gc> {
    next: GcCell<Option<Gc<'gc, Node<'gc>>>>,
    number: u64,
}

/// Numbers that look random (xorshift).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

type List = Root<Node<'static>>;

fn list(mu: &Mu<'_>, length: u64) -> List {
    let mut first = mu.alloc(Node { next: GcCell::new(None), number: 0 });
    for number in 1..length {
        first = mu.alloc(Node { next: GcCell::new(Some(first)), number });
    }
    mu.root(first)
}

/// Takes the first node's followers away, and puts them back.
fn change(mu: &Mu<'_>, list: &List) -> u64 {
    let first = list.get(mu);
    let rest = first.next.replace(mu, None);
    mu.alloc([0_u64; 16]);
    first.next.set(mu, rest);
    rest.map_or(first.number, |second| second.number)
}

/// What one thread does.
fn steps(heap: &Heap, random: &mut Random, steps: u64, may_collect: bool) {
    let attach = || heap.attach().expect("this thread has none");
    let (mut mutator, mut kept): (Mutator, Vec<List>) = (attach(), Vec::new());
    for _ in 0..steps {
        match random.below(40) {
            0 if may_collect => mutator.collect(),
            1 => mutator.park(std::thread::yield_now),
            2 => {
                drop(mutator);
                mutator = attach();
            }
            3 => mutator.enter(|mu| {
                mu.cleanup(mu.alloc([7_u64; 2]), || {});
                mu.alloc(Leaf::new(vec![1_u8]));
            }),
            4 => mutator.enter(|mu| _ = mu.alloc_slice(8 << 10, |_| 0_u64)),
            5 => _ = heap.step(core::time::Duration::from_micros(100)),
            _ => mutator.enter(|mu| {
                kept.push(list(mu, 1 + random.below(300)));
                if kept.len() > 30 {
                    let old = usize::try_from(random.below(kept.len() as u64)).expect("a place");
                    kept.swap_remove(old);
                }
                for list in kept.iter().step_by(7) {
                    std::hint::black_box(change(mu, list));
                }
                (0..random.below(100)).for_each(|_| _ = mu.alloc([1_u64; 8]));
            }),
        }
    }
}

/// Runs a program of so many threads on a heap, for so many steps each.
pub(crate) fn storm(heap: &Heap, seed: u64, threads: u64, count: u64, may_collect: bool) {
    std::thread::scope(|scope| {
        for thread in 0..threads {
            std::thread::Builder::new()
                .name(format!("storm {thread}"))
                .spawn_scoped(scope, move || {
                    steps(heap, &mut Random::new(seed * 64 + thread + 1), count, may_collect);
                })
                .expect("a thread");
        }
    });
}

/// Runs programs of two threads on a heap until it is told to stop.
pub(crate) fn storm_until(heap: &Heap, seed: u64, stop: &Arc<AtomicBool>) {
    let mut round = seed;
    while !stop.load(Relaxed) {
        storm(heap, round, 2, 20, true);
        round += 1000;
    }
}
