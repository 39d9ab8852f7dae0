//! The shared part of the grey set: batches that one worker hands to another, and when it is over.
//!
//! Each worker keeps the references it found on a stack of its own and touches nobody else's. It gives a batch away
//! only when somebody is hungry, and takes one only when its own stack is empty. So the queue's lock is taken once per
//! batch, not once per object.
//!
//! Marking is over when every worker waits here and the queue is empty. A worker counts itself as waiting under the
//! lock, and a batch is put and taken under it, so the last one to come sees the truth:
//!
//!   E3  over  ⇔  waiting = workers  and  no batch queued
//!
//! A worker that finds nothing looks for a while before it sleeps, since being woken takes longer than most waits. The look
//! is at a counter that changes with every batch; it decides nothing, and the models leave it out.
//!
//! If a worker's thread never comes (the system refused it), [`GreyQueue::new`] is told fewer workers; nobody waits for
//! a thread that does not exist.

use heap_core::fault::step::{self, Step};
use heap_core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use heap_core::sync::{Condvar, Mutex};

/// References on the way from one worker to another.
#[derive(Debug)]
pub(crate) enum Batch {
    /// Marked objects that are not scanned yet.
    Objects(Vec<usize>),
    /// What is left of a large object being scanned in pieces.
    Piece(Piece),
}

/// The rest of a large object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Piece {
    /// The object.
    pub(crate) object: usize,
    /// The word to go on with.
    pub(crate) from: usize,
}

#[derive(Debug)]
struct State {
    batches: Vec<Batch>,
    waiting: usize,
    over: bool,
}

/// The queue of one cycle. See the module's text.
#[derive(Debug)]
pub(crate) struct GreyQueue {
    workers: usize,
    state: Mutex<State>,
    wake: Condvar,
    /// Workers that wait while the queue has nothing for them. Written under the lock; read without, as a hint: a wrong
    /// answer only moves a batch too early or too late.
    hungry: AtomicUsize,
    /// Batches put so far. Written under the lock; looked at without, by a worker that does not want to sleep yet.
    batches_put: AtomicUsize,
}

impl GreyQueue {
    /// An empty queue for that many workers.
    pub(crate) fn new(workers: usize) -> Self {
        let state = State { batches: Vec::new(), waiting: 0, over: false };
        Self {
            workers,
            state: Mutex::new(state),
            wake: Condvar::new(),
            hungry: AtomicUsize::new(0),
            batches_put: AtomicUsize::new(0),
        }
    }

    /// Whether somebody would take a batch now.
    #[inline]
    pub(crate) fn is_hungry(&self) -> bool {
        self.hungry.load(Relaxed) != 0
    }

    /// Gives a batch away.
    pub(crate) fn put(&self, batch: Batch) {
        let mut state = self.state.lock();
        state.batches.push(batch);
        self.batches_put.fetch_add(1, Relaxed);
        self.hungry.store(state.waiting.saturating_sub(state.batches.len()), Relaxed);
        drop(state);
        self.wake.notify_one();
    }

    /// Returns when a batch was put since `seen` were, or after a while.
    #[cfg(not(loom))]
    fn look_for_a_batch(&self, seen: usize) {
        for _ in 0..heap_core::stress::GREY_SPINS {
            if self.batches_put.load(Relaxed) != seen {
                return;
            }
            core::hint::spin_loop();
        }
    }

    /// Takes a batch, waiting for one if need be; `None` when marking is over.
    pub(crate) fn take(&self) -> Option<Batch> {
        let mut state = self.state.lock();
        state.waiting += 1;
        #[cfg(not(loom))]
        let mut looked = false;
        loop {
            let all_wait = if step::without(Step::HintDecides) {
                self.hungry.load(Relaxed) + 1 == self.workers
            } else {
                state.waiting == self.workers
            };
            let unlooked = step::without(Step::OverBeforeBatch) && all_wait;
            if !unlooked && let Some(batch) = state.batches.pop() {
                if step::without(Step::CountedOutsideLock) {
                    drop(state);
                    state = self.state.lock();
                }
                state.waiting -= 1;
                self.hungry.store(state.waiting.saturating_sub(state.batches.len()), Relaxed);
                return Some(batch);
            }
            if state.over || all_wait {
                state.over = true;
                drop(state);
                if !step::without(Step::EndNotTold) {
                    self.wake.notify_all();
                }
                return None;
            }
            self.hungry.store(state.waiting, Relaxed);
            #[cfg(not(loom))]
            if !looked {
                looked = true;
                let seen = self.batches_put.load(Relaxed);
                drop(state);
                self.look_for_a_batch(seen);
                state = self.state.lock();
                continue;
            }
            if step::without(Step::WaitedUnlooked) {
                drop(state);
                state = self.state.lock();
            }
            self.wake.wait(&mut state);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use heap_core::sync::{Arc, thread};

    #[test]
    fn every_batch_is_taken_once_and_all_workers_leave() {
        for workers in 1..=4 {
            let queue = Arc::new(GreyQueue::new(workers));
            queue.put(Batch::Objects(vec![6]));
            let threads: Vec<_> = (0..workers)
                .map(|_| {
                    let queue = Arc::clone(&queue);
                    thread::spawn(move || {
                        let mut taken = 0_u64;
                        // A batch of n begets two of n - 1: 2^7 - 1 batches in all.
                        while let Some(batch) = queue.take() {
                            let Batch::Objects(depth) = batch else { continue };
                            taken += 1;
                            if depth[0] > 0 {
                                queue.put(Batch::Objects(vec![depth[0] - 1]));
                                queue.put(Batch::Objects(vec![depth[0] - 1]));
                            }
                        }
                        taken
                    })
                })
                .collect();
            let taken: u64 = threads.into_iter().map(|thread| thread.join().expect("no worker panics")).sum();
            assert_eq!(taken, 127);
        }
    }
}
