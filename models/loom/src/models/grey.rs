//! The grey queue: no batch is lost, nobody leaves while a batch is queued or being scanned, everybody leaves.

use super::{Bound, explore, fails_without};
use crate::fault::step::Step;
use crate::grey::{Batch, GreyQueue, Piece};
use loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use loom::thread;
use std::sync::Arc;

const EARLY: &str = "left before the end";
const STUCK: &str = "deadlock";

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
        Arc::new(Self {
            queue: GreyQueue::new(workers),
            unscanned: AtomicUsize::new(0),
            scanned: std::sync::atomic::AtomicUsize::new(0),
        })
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

#[test]
fn the_models_fail_without_a_step() {
    fails_without("models::grey::two_workers_finish_a_tree", ALL_BUT_HINT);
    fails_without("models::grey::two_workers_finish_two_batches", ALL);
    fails_without("models::grey::three_workers_finish_and_leave", ALL_BUT_HINT);
}
