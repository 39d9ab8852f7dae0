//! Promise: a heap may be looked at from every side while its vectors take each other's buffers and chunks are lent to be filled.

use crate::support::{Over, is_well, within};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};
use tricolor::{
    Arena, AtomicGc, Collector, Fill, Gc, GcVec, Heap, HeapBuilder, Mu, Mutator, Root, Sample, Sampler, Trace,
};

#[derive(Trace)]
struct Node {
    name: u64,
    check: u64,
}

fn new(name: u64) -> Node {
    Node { name, check: !name }
}

fn look(node: Gc<'_, Node>) -> u64 {
    assert_eq!(node.check, !node.name, "node {} is lost", node.name);
    node.name
}

/// What a thread keeps, with words that say what is in it.
#[derive(Trace)]
struct Shelf<'gc> {
    nodes: GcVec<'gc, Gc<'gc, Node>>,
    numbers: GcVec<'gc, u64>,
}

/// The newest object of a chunk that is lent, which other threads see before it is counted.
#[derive(Trace)]
struct Window<'gc> {
    newest: AtomicGc<'gc, Tree<'gc>>,
}

#[derive(Trace)]
struct Tree<'gc> {
    below: Option<[Gc<'gc, Tree<'gc>>; 2]>,
    check: Gc<'gc, [u64; 2]>,
}

fn grow<'gc>(mu: &Mu<'gc>, fill: &mut Fill<'_, 'gc, Tree<'gc>>, window: &Window<'gc>, depth: u64) {
    let mut trees = Vec::new();
    for step in 0..1_u64 << depth {
        // As many are joined as the number of the step ends in ones: a tree from the leaves up, without a recursion.
        let mut tree = fill.alloc(Tree { below: None, check: mu.alloc([step, !step]) });
        for _ in 0..step.trailing_ones() {
            let Some(left) = trees.pop() else { break };
            tree = fill.alloc(Tree { below: Some([left, tree]), check: mu.alloc([step, !step]) });
        }
        trees.push(tree);
        window.newest.store(mu, Some(tree));
    }
}

fn look_below(tree: Gc<'_, Tree<'_>>) {
    assert_eq!(tree.check[0], !tree.check[1]);
    tree.below.into_iter().flatten().for_each(look_below);
}

/// Vectors that outgrow their buffers and are compared with lists, callbacks that push to the vector that is sorted, and chunks lent
/// inside each other, some of whose closures panic.
fn fill_shelves(mutator: &mut Mutator, window: &Root<Window<'static>>, seed: u64) {
    let shelf: Root<Shelf<'static>> =
        mutator.enter(|mu| mu.root(mu.alloc(Shelf { nodes: GcVec::new(), numbers: GcVec::new() })));
    let mut model: Vec<u64> = Vec::new();
    for round in 0..20 {
        let depth = (seed + round) % 6;
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            mutator.enter(|mu| {
                let (shelf, window) = (shelf.get(mu), window.get(mu));
                window.newest.load().into_iter().for_each(look_below);
                for name in 0..(seed + 7 * round) % 40 {
                    shelf.nodes.push(mu, mu.alloc(new(name)));
                    shelf.numbers.push(mu, name);
                    model.push(name);
                }
                let (last, mut is_first) = (mu.alloc(new(round)), true);
                shelf.nodes.sort_by(mu, |one, other| {
                    if core::mem::take(&mut is_first) {
                        (0..9).for_each(|_| shelf.nodes.push(mu, last));
                    }
                    one.name.cmp(&other.name)
                });
                model.sort_unstable();
                if !is_first {
                    model.extend([round; 9]);
                }
                if round % 7 == 6 {
                    shelf.nodes.truncate(mu, 2);
                    shelf.nodes.shrink_to_fit(mu);
                    model.truncate(2);
                    shelf.numbers.clear(mu);
                    shelf.numbers.shrink_to_fit(mu);
                }
                assert!(shelf.nodes.iter().map(look).eq(model.iter().copied()));
                assert!(shelf.numbers.iter().all(|number| number < 40));
                let (mut outer, mut inner) = (Arena::new(mu, 5), Arena::new(mu, 11));
                outer.fill(mu, |outer| {
                    inner.fill(mu, |inner| {
                        grow(mu, outer, &window, depth);
                        grow(mu, inner, &window, 5 - depth);
                        if round % 5 == 4 {
                            resume_unwind(Box::new(round));
                        }
                    });
                });
                window.newest.load().into_iter().for_each(look_below);
            });
        }));
        if let Err(panic) = outcome {
            assert_eq!(panic.downcast_ref(), Some(&round), "another panic");
        }
    }
}

struct Nobody;

impl Sampler for Nobody {
    fn sampled(&self, _sample: &Sample) -> u32 {
        0
    }
}

/// While somebody looks at the heap from every side, and switches the sampler on and off.
#[test]
fn buffers_are_used_again_and_chunks_are_lent_while_the_heap_is_looked_at() {
    within(Duration::from_secs(60), looked_at);
}

fn looked_at() {
    let builders: [fn(HeapBuilder) -> HeapBuilder; 5] = [
        |builder| builder,
        |builder| builder.collector(Collector::StopTheWorld).verify_every(1),
        |builder| builder.verify_every(1),
        |builder| builder.own_threads(false),
        |builder| builder.collect_every(30).mark_stack(8),
    ];
    for with in builders {
        let builder = Heap::builder().poison(0xA5).sampler(Nobody, 0).hard_limit(64 << 20);
        let heap = with(builder).build().unwrap();
        let window: Root<Window<'static>> =
            heap.attach().unwrap().enter(|mu| mu.root(mu.alloc(Window { newest: AtomicGc::new(None) })));
        let stop = AtomicBool::new(false);
        thread::scope(|threads| {
            let _over = Over(&stop);
            let users: Vec<_> = (0..2_u64)
                .map(|thread| {
                    let (heap, stop, window) = (&heap, &stop, &window);
                    threads.spawn(move || {
                        let mut mutator = heap.attach().unwrap();
                        let mut seed = thread;
                        while !stop.load(SeqCst) {
                            fill_shelves(&mut mutator, window, seed);
                            seed += 3;
                        }
                    })
                })
                .collect();
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_millis(500) && !users.iter().any(|user| user.is_finished())
            {
                heap.collect();
                heap.set_sample_mean(200);
                is_well(&heap);
                assert!(heap.snapshot().is_ok());
                heap.set_sample_mean(0);
                heap.step(Duration::from_micros(200));
                heap.accounting().check().unwrap();
                assert!(heap.census().total.objects > 0);
            }
        });
        is_well(&heap);
    }
}
