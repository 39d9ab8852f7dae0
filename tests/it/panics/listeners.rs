//! Promise: a listener that panics between two steps of a collection ends none in its middle; nor does a panic while the mutator
//! is parked.

use super::{Fuse, checked, with_each_fuse};
use crate::reentrant::{Element, made, number};
use crate::support::{panic_text, within};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};
use tricolor::{Collector, Event, Gc, GcCell, HeapBuilder, Mu, Root, Trace};

const LIMIT: Duration = Duration::from_secs(120);

#[derive(Trace)]
struct Node<'gc> {
    item: GcCell<Element<'gc>>,
    next: GcCell<Option<Gc<'gc, Node<'gc>>>>,
}

/// Makes garbage, and turns a list of 200 nodes round.
fn turn(mu: &Mu<'_>, root: &Root<Node<'static>>) {
    let (mut done, mut rest) = (None, Some(root.get(mu)));
    while let Some(node) = rest {
        rest = node.next.replace(mu, done);
        done = Some(node);
        node.item.set(mu, made(mu, number(node.item.get()) + 1));
    }
    root.set(mu, done.expect("there are nodes"));
}

fn list(mu: &Mu<'_>) -> Root<Node<'static>> {
    let node = |next| mu.alloc(Node { item: GcCell::new(made(mu, 0)), next: GcCell::new(next) });
    let list = (1..200).fold(node(None), |next, _| node(Some(next)));
    mu.root(list)
}

fn look_at_list(mu: &Mu<'_>, root: &Root<Node<'static>>) {
    let nodes = std::iter::successors(Some(root.get(mu)), |node| node.next.get());
    let numbers: Vec<_> = nodes.map(|node| number(node.item.get())).collect();
    assert!(numbers.len() == 200 && numbers.iter().all(|each| *each == numbers[0]), "{numbers:?}");
}

/// How a listener is called.
#[derive(Clone, Copy, PartialEq, Debug)]
enum On {
    Cycle,
    Event,
}

fn listening(builder: HeapBuilder, on: On, fuse: &Fuse, told: &Arc<AtomicU64>) -> HeapBuilder {
    let (fuse, told) = (fuse.clone(), Arc::clone(told));
    match on {
        On::Cycle => builder.on_cycle(move |_| {
            told.fetch_add(1, SeqCst);
            fuse.burn();
        }),
        On::Event => builder.on_event(move |event: &Event| {
            // The scavenger's are told on its own thread, some time.
            if !matches!(event, Event::Scavenged(_) | Event::ReleaseRefused { .. } | Event::Late { .. }) {
                told.fetch_add(1, SeqCst);
                fuse.burn();
            }
        }),
    }
}

/// On the thread that asks for the collection: the panic reaches it.
#[test]
fn a_panic_in_a_listener_of_a_collection_that_was_asked_for_leaves_the_heap_whole() {
    within(LIMIT, || {
        for collector in [Collector::Concurrent, Collector::StopTheWorld] {
            for on in [On::Cycle, On::Event] {
                let (fuse, told) = (Fuse(Arc::new(AtomicI64::new(-1))), Arc::default());
                let builder = checked().collector(collector).gc_off().workers(1);
                let heap = listening(builder, on, &fuse, &told).build().unwrap();
                let mut mutator = heap.attach().unwrap();
                let root = mutator.enter(list);
                let name = format!("{on:?}, {collector:?}");
                let cell = RefCell::new(&mut mutator);
                let run = || cell.borrow_mut().collect();
                let cycles = Cell::new(heap.figures().cycles);
                let after = || {
                    // It was a whole cycle: the panic went on when it had ended.
                    assert_eq!(heap.figures().cycles, cycles.get() + 1, "{name}");
                    assert_eq!(heap.verify(), [], "{name}");
                    let mutator = &mut **cell.borrow_mut();
                    for _ in 0..3 {
                        mutator.enter(|mu| turn(mu, &root));
                        mutator.enter(|mu| look_at_list(mu, &root));
                    }
                    mutator.collect();
                    mutator.enter(|mu| look_at_list(mu, &root));
                    // Some hundred slots, and what was allocated since.
                    assert!(heap.figures().memory.heap_objects < 1000, "garbage is freed");
                    cycles.set(heap.figures().cycles);
                };
                let panics = with_each_fuse(&fuse, &name, run, after);
                assert!(panics >= if on == On::Cycle { 1 } else { 2 }, "{name}: {panics}");
            }
        }
    });
}

/// On the collector's thread, or at the edge of `enter` if the heap has none: cycles go on, whatever the listener does.
#[test]
fn a_panic_in_a_listener_of_a_collection_that_was_due_leaves_the_heap_whole() {
    within(LIMIT, || {
        for (own_threads, collector) in
            [(true, Collector::Concurrent), (false, Collector::Concurrent), (true, Collector::StopTheWorld)]
        {
            for on in [On::Cycle, On::Event] {
                let (fuse, told) = (Fuse(Arc::new(AtomicI64::new(-1))), Arc::<AtomicU64>::default());
                let builder = checked()
                    .collector(collector)
                    .own_threads(own_threads)
                    .gc_percent(50)
                    .least_heap(64 << 10);
                let heap = listening(builder, on, &fuse, &told).build().unwrap();
                let mut mutator = heap.attach().unwrap();
                let root = mutator.enter(list);
                let begun = Instant::now();
                for round in 0_i64.. {
                    if told.load(SeqCst) >= 60 {
                        break;
                    }
                    assert!(begun.elapsed() < LIMIT, "{own_threads}, {collector:?}, {on:?}: {told:?} calls");
                    fuse.set(round % 7);
                    // The panic of a collection at the edge comes out of `enter`, when the closure has ended.
                    let outcome = catch_unwind(AssertUnwindSafe(|| mutator.enter(|mu| turn(mu, &root))));
                    if let Err(panic) = outcome {
                        assert_eq!(panic_text(&*panic), "the fuse is burnt");
                        assert!(!own_threads || collector == Collector::StopTheWorld);
                    }
                    if round % 50 == 0 {
                        mutator.enter(|mu| look_at_list(mu, &root));
                    }
                }
                fuse.set(-1);
                mutator.collect();
                mutator.enter(|mu| look_at_list(mu, &root));
                assert_eq!(heap.verify(), []);
            }
        }
    });
}

#[test]
fn a_panic_while_a_mutator_is_parked_leaves_it_outside() {
    let heap = checked().build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let root = mutator.enter(list);
    let panic = catch_unwind(AssertUnwindSafe(|| mutator.park(|| resume_unwind(Box::new("while parked")))));
    assert_eq!(panic_text(&*panic.unwrap_err()), "while parked");
    // Nobody waits for it.
    within(LIMIT, {
        let heap = heap.clone();
        move || heap.collect()
    });
    mutator.enter(|mu| turn(mu, &root));
    mutator.enter(|mu| look_at_list(mu, &root));
    assert_eq!(heap.verify(), []);
}
