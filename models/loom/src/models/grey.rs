//! The grey queue: no batch is lost, nobody leaves while a batch is queued or being scanned, everybody leaves.

use super::{Bound, explore, fails_without};
use crate::fault::step::Step;
use crate::grey::{Batch, GreyQueue, Piece};
use crate::sync::Mutex;
use loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use loom::thread;
use std::sync::Arc;

const EARLY: &str = "left before the end";
const STUCK: &str = "deadlock";
const LOST: &str = "marking is over and an object is lost";

/// The queue, and a count of what is not scanned yet. The count is loom's, so that an interleaving is explored for each
/// order of its changes and looks. They are relaxed read-modify-writes, which find the newest value and order nothing
/// else.
struct Marking {
    queue: GreyQueue,
    unscanned: AtomicUsize,
    /// What was scanned. Looked at in the end only.
    scanned: std::sync::atomic::AtomicUsize,
}

impl Marking {
    fn new(workers: usize) -> Arc<Self> {
        let marking = Arc::new(Self {
            queue: GreyQueue::new(workers),
            unscanned: AtomicUsize::new(0),
            scanned: std::sync::atomic::AtomicUsize::new(0),
        });
        // All roots are taken: batches may be lent.
        marking.queue.open(workers);
        marking
    }

    /// Queues a root. One without anything below it comes as a piece of a large object.
    fn put_root(&self, depth: usize) {
        self.unscanned.fetch_add(1, Relaxed);
        self.queue.put(match depth {
            0 => Batch::Piece(Piece { object: 0, from: 0 }),
            _ => Batch::Objects(vec![depth]),
        });
    }

    /// One worker, as the marker has it: a stack of its own, from which it gives only to the hungry. An object of depth
    /// n leads to `fan` of depth n - 1.
    fn work(&self, fan: usize) {
        while let Some(batch) = self.queue.take() {
            let mut stack = match batch {
                Batch::Objects(stack) | Batch::Maybe(stack) => stack,
                Batch::Piece(Piece { object, .. }) => vec![object],
            };
            while let Some(depth) = stack.pop() {
                if depth > 0 {
                    self.unscanned.fetch_add(fan, Relaxed);
                    stack.extend(core::iter::repeat_n(depth - 1, fan));
                }
                self.scanned.fetch_add(1, Relaxed);
                self.unscanned.fetch_sub(1, Relaxed);
                if stack.len() > 1 && self.queue.is_hungry() {
                    self.queue.put(Batch::Objects(vec![stack.remove(0)]));
                }
            }
        }
        assert_eq!(self.unscanned.fetch_add(0, Relaxed), 0, "{EARLY}");
    }
}

/// `workers` mark together, from roots of the given depths.
fn mark(workers: usize, roots: &[usize], fan: usize, objects: usize) {
    let marking = Marking::new(workers);
    for &depth in roots {
        marking.put_root(depth);
    }
    let helpers: Vec<_> = (1..workers)
        .map(|_| {
            let marking = Arc::clone(&marking);
            thread::spawn(move || marking.work(fan))
        })
        .collect();
    marking.work(fan);
    for helper in helpers {
        helper.join().expect("a helper does not panic");
    }
    assert_eq!(marking.scanned.load(Relaxed), objects, "every object is scanned once");
}

const ALL_BUT_HINT: &[(Step, &str)] = &[
    (Step::CountedOutsideLock, EARLY),
    (Step::OverBeforeBatch, EARLY),
    (Step::EndNotTold, STUCK),
    (Step::WaitedUnlooked, STUCK),
];

/// Exhausted for 2 workers, 7 objects and at most 5 preemptions: a root that leads to two that lead to two each.
/// 3 s.
#[test]
fn two_workers_finish_a_tree() {
    explore(Bound::Preemptions(5), ALL_BUT_HINT, || mark(2, &[2], 2, 7));
}

const ALL: &[(Step, &str)] = &[
    (Step::CountedOutsideLock, EARLY),
    (Step::OverBeforeBatch, EARLY),
    (Step::HintDecides, EARLY),
    (Step::EndNotTold, STUCK),
    (Step::WaitedUnlooked, STUCK),
];

/// Exhausted for 2 workers and 4 objects: two roots that were queued before the workers came, a large object's piece
/// and one that leads to two. 4 s.
#[test]
fn two_workers_finish_two_batches() {
    explore(Bound::None, ALL, || mark(2, &[0, 1], 2, 4));
}

/// Exhausted for 3 workers, 3 objects and at most 4 preemptions: a root that leads to two. 10 s.
#[test]
fn three_workers_finish_and_leave() {
    explore(Bound::Preemptions(4), ALL_BUT_HINT, || mark(3, &[1], 2, 3));
}

impl Marking {
    /// A mutator that assists: borrows a batch if there is one, scans one object of it, and gives back the rest, and what that
    /// object led to.
    fn assist(&self, fan: usize) {
        let Some(batch) = self.queue.borrow() else { return };
        let mut untaken = match batch {
            Batch::Objects(objects) | Batch::Maybe(objects) => objects,
            Batch::Piece(Piece { object, .. }) => vec![object],
        };
        let mut found = Vec::new();
        if let Some(depth) = untaken.pop() {
            if depth > 0 {
                self.unscanned.fetch_add(fan, Relaxed);
                found.extend(core::iter::repeat_n(depth - 1, fan));
            }
            self.scanned.fetch_add(1, Relaxed);
            self.unscanned.fetch_sub(1, Relaxed);
        }
        let rest = if untaken.is_empty() { Batch::NOTHING } else { Batch::Objects(untaken) };
        self.queue.give_back(rest, found.into_iter(), &mut Vec::new());
    }
}

const ASSISTED: &[(Step, &str)] = &[
    (Step::AssistUncounted, EARLY),
    (Step::OverBeforeBatch, EARLY),
    (Step::EndNotTold, STUCK),
    (Step::WaitedUnlooked, STUCK),
];

/// Exhausted for 2 workers, a mutator that assists once, 3 objects, and at most 3 preemptions: a root that leads to two.
/// Under a second.
#[test]
fn a_mutator_assists_while_two_workers_finish() {
    explore(Bound::Preemptions(3), ASSISTED, || {
        let marking = Marking::new(2);
        marking.put_root(1);
        let assistant = {
            let marking = Arc::clone(&marking);
            thread::spawn(move || marking.assist(2))
        };
        let helper = {
            let marking = Arc::clone(&marking);
            thread::spawn(move || marking.work(2))
        };
        marking.work(2);
        helper.join().expect("the helper does not panic");
        assistant.join().expect("the assistant does not panic");
        assert_eq!(marking.scanned.load(Relaxed), 3, "every object is scanned once");
    });
}

const OFFERED: &[(Step, &str)] = &[(Step::EndNotTold, STUCK), (Step::WaitedUnlooked, STUCK)];

/// Exhausted for 2 workers, a mutator that offers twice, and a second drain when it has ended, with at most 3 preemptions.
/// 2 s.
#[test]
fn what_is_offered_while_two_workers_finish_is_kept() {
    explore(Bound::Preemptions(3), OFFERED, || {
        let marking = Marking::new(2);
        marking.queue.put(Batch::Objects(vec![7]));
        let mutator = {
            let marking = Arc::clone(&marking);
            thread::spawn(move || (0..2).for_each(|n| marking.queue.offer(vec![n])))
        };
        let drain = |marking: &Marking| {
            while let Some(Batch::Objects(objects)) = marking.queue.take() {
                marking.scanned.fetch_add(objects.len(), Relaxed);
            }
        };
        let helper = {
            let marking = Arc::clone(&marking);
            thread::spawn(move || drain(&marking))
        };
        drain(&marking);
        helper.join().expect("the helper does not panic");
        mutator.join().expect("the mutator does not panic");
        let left = 3 - marking.scanned.load(Relaxed);
        assert_eq!(
            marking.queue.offers_if_dry(),
            (left == 0).then_some(2),
            "dry if and only if all is scanned"
        );
        marking.queue.open(1);
        drain(&marking);
        assert_eq!(marking.scanned.load(Relaxed), 3, "every object is scanned once");
        assert_eq!(marking.queue.offers_if_dry(), Some(2), "every offer is counted");
    });
}

/// A grey object with one field, which leads to another object that is white.
struct Graph {
    queue: GreyQueue,
    /// The buffers of two mutators, and their gates: who answers for one has its lock.
    buffers: [Mutex<Vec<usize>>; 2],
    /// The field. Loom's, as is the mark, so that all orders of their changes are explored.
    field: AtomicUsize,
    /// Whether the white object is marked.
    mark: AtomicUsize,
    /// Whether it was scanned. Looked at in the end only.
    is_scanned: std::sync::atomic::AtomicBool,
}

const GREY: usize = 1;
const WHITE: usize = 2;

impl Graph {
    /// Scans an object, and returns what it leads to if that was not marked.
    fn scan(&self, object: usize) -> Vec<usize> {
        match object {
            GREY => (self.field.fetch_add(0, Relaxed) == WHITE && self.mark.swap(1, Relaxed) == 0)
                .then_some(WHITE)
                .into_iter()
                .collect(),
            _ => {
                self.is_scanned.store(true, Relaxed);
                Vec::new()
            }
        }
    }

    /// The first mutator loads the white object and erases the field, as its barrier has it.
    fn erase(&self) {
        let mut buffer = self.buffers[0].lock();
        if self.field.fetch_add(0, Relaxed) == WHITE && self.mark.swap(1, Relaxed) == 0 {
            buffer.push(WHITE);
        }
        self.field.swap(0, Relaxed);
    }

    fn assist(&self) {
        let Some(Batch::Objects(objects)) = self.queue.borrow() else { return };
        let left: Vec<usize> = objects.into_iter().flat_map(|object| self.scan(object)).collect();
        self.queue.give_back(Batch::NOTHING, left.into_iter(), &mut Vec::new());
    }

    /// The collector: drains until a round in between finds nothing.
    fn mark(&self) {
        loop {
            self.queue.open(1);
            while let Some(Batch::Objects(objects)) = self.queue.take() {
                for object in objects {
                    self.queue.offer(self.scan(object));
                }
            }
            let Some(offers) = self.queue.offers_if_dry() else { continue };
            for buffer in &self.buffers {
                self.queue.offer(core::mem::take(&mut buffer.lock()));
            }
            if self.queue.offers_if_dry() == Some(offers) {
                break;
            }
        }
        assert!(self.is_scanned.load(Relaxed), "{LOST}");
    }
}

const DRY: &[(Step, &str)] = &[(Step::OfferUncounted, LOST)];

/// Exhausted for 2 threads and at most 5 preemptions: a collector that asks for buffers until it is dry, and a mutator
/// that erases the only way to an object and then assists. A second mutator, asked after the first, has the object before
/// that in its buffer. 2 s.
#[test]
fn dry_by_offers_is_dry() {
    explore(Bound::Preemptions(5), DRY, || {
        let graph = Arc::new(Graph {
            queue: GreyQueue::new(1),
            buffers: [Mutex::new(Vec::new()), Mutex::new(vec![GREY])],
            field: AtomicUsize::new(WHITE),
            mark: AtomicUsize::new(0),
            is_scanned: std::sync::atomic::AtomicBool::new(false),
        });
        let mutator = {
            let graph = Arc::clone(&graph);
            thread::spawn(move || {
                graph.erase();
                graph.assist();
            })
        };
        graph.mark();
        mutator.join().expect("the mutator does not panic");
    });
}

#[test]
fn the_models_fail_without_a_step() {
    fails_without("models::grey::a_mutator_assists_while_two_workers_finish", ASSISTED);
    fails_without("models::grey::what_is_offered_while_two_workers_finish_is_kept", OFFERED);
    fails_without("models::grey::dry_by_offers_is_dry", DRY);
    fails_without("models::grey::two_workers_finish_a_tree", ALL_BUT_HINT);
    fails_without("models::grey::two_workers_finish_two_batches", ALL);
    fails_without("models::grey::three_workers_finish_and_leave", ALL_BUT_HINT);
}
