//! The shared part of the grey set: batches that one worker hands to another, and when it is over.
//!
//! Each worker keeps the references it found on a stack of its own and touches nobody else's. It gives a batch away
//! only when somebody is hungry, and takes one only when its own stack is empty. So the queue's lock is taken once per
//! batch, not once per object.
//!
//! A drain is over when every worker waits here, the queue is empty and no mutator assists. A worker counts itself as
//! waiting under the lock, and a batch is put and taken under it, so the last one to come sees the truth:
//!
//!   E3  over  ⇔  waiting = workers  and  no batch queued  and  assisting = 0
//!
//! Mutators *offer* what their barriers shaded, at any time, also between two drains. Offers are counted, and the count
//! never goes down: whether anything was offered since some moment is a comparison ([`GreyQueue::offers_if_dry`]). A
//! mutator that *assists* borrows a batch and gives back what it did not get to; until then it counts like a worker.
//!
//! A worker that finds nothing looks for a while before it sleeps, since being woken takes longer than most waits. The look
//! is at a counter that changes with every batch; it decides nothing, and the models leave it out.
//!
//! If a worker's thread never comes (the system refused it), [`GreyQueue::new`] is told fewer workers; nobody waits for
//! a thread that does not exist.

use heap_core::fault::step::{self, Step};
use heap_core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use heap_core::sync::{Condvar, Mutex, MutexGuard};

/// Objects that a mutator borrows at once.
const LENT: usize = 256;

/// References on the way from one worker to another.
#[derive(Debug)]
pub(crate) enum Batch {
    /// Marked objects that are not scanned yet.
    Objects(Vec<usize>),
    /// What is left of a large object being scanned in pieces.
    Piece(Piece),
    /// Words that may be references, out of fields that were erased. They are looked up when all roots are taken.
    Maybe(Vec<usize>),
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
    workers: usize,
    waiting: usize,
    assisting: usize,
    /// Batches that mutators offered, ever.
    offers: u64,
    over: bool,
    /// Between the first drain of a cycle, when all roots are taken, and the end of marking: only then is anything lent.
    lends: bool,
}

impl State {
    /// Whether nobody has anything to scan, nor will find anything (E3).
    fn all_wait(&self) -> bool {
        self.waiting == self.workers && (self.assisting == 0 || step::without(Step::AssistUncounted))
    }

    fn hungry(&self) -> usize {
        self.waiting.saturating_sub(self.batches.len())
    }
}

/// The queue of a heap. See the module's text.
#[derive(Debug)]
pub(crate) struct GreyQueue {
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
        let state = State {
            batches: Vec::new(),
            workers,
            waiting: 0,
            assisting: 0,
            offers: 0,
            over: false,
            lends: false,
        };
        Self {
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

    /// A drain begins, with that many workers. The last one is over.
    pub(crate) fn open(&self, workers: usize) {
        let mut state = self.state.lock();
        debug_assert!(state.waiting == 0 || state.over);
        (state.workers, state.waiting, state.over) = (workers, 0, false);
        state.lends = true;
        self.hungry.store(0, Relaxed);
    }

    /// Gives a batch away.
    pub(crate) fn put(&self, batch: Batch) {
        self.add(self.state.lock(), batch);
    }

    /// Objects of a mutator's, or the root table's. Nothing if there is nothing.
    pub(crate) fn offer(&self, objects: Vec<usize>) {
        if !objects.is_empty() {
            self.offer_batch(Batch::Objects(objects));
        }
    }

    /// The same for words that may be references.
    pub(crate) fn offer_maybe(&self, words: Vec<usize>) {
        if !words.is_empty() {
            self.offer_batch(Batch::Maybe(words));
        }
    }

    fn offer_batch(&self, batch: Batch) {
        let mut state = self.state.lock();
        if !step::without(Step::OfferUncounted) {
            state.offers += 1;
        }
        self.add(state, batch);
    }

    fn add(&self, mut state: MutexGuard<'_, State>, batch: Batch) {
        state.batches.push(batch);
        self.batches_put.fetch_add(1, Relaxed);
        self.hungry.store(state.hungry(), Relaxed);
        drop(state);
        self.wake.notify_one();
    }

    /// Lends a batch to a mutator that assists, which must [`GreyQueue::give_back`]. If there is none, asks the workers for one
    /// and does not wait.
    pub(crate) fn borrow(&self) -> Option<Batch> {
        let mut state = self.state.lock();
        if !state.lends && !step::without(Step::LentEarly) {
            return None;
        }
        let Some(batch) = state.batches.pop() else {
            self.hungry.store(state.hungry().max(1), Relaxed);
            return None;
        };
        let batch = match batch {
            // The rest is for others: a mutator takes no more than it will scan.
            Batch::Objects(mut objects) if objects.len() > LENT => {
                let lent = objects.split_off(objects.len() - LENT);
                state.batches.push(Batch::Objects(objects));
                Batch::Objects(lent)
            }
            whole @ (Batch::Objects(_) | Batch::Piece(_) | Batch::Maybe(_)) => whole,
        };
        state.assisting += 1;
        Some(batch)
    }

    /// Takes back what is left of a batch that was lent.
    pub(crate) fn give_back(&self, batches: impl IntoIterator<Item = Batch>) {
        let mut state = self.state.lock();
        state.batches.extend(batches);
        self.batches_put.fetch_add(1, Relaxed);
        state.assisting -= 1;
        self.hungry.store(state.hungry(), Relaxed);
        drop(state);
        // Also when there is nothing: it may be over.
        self.wake.notify_all();
    }

    /// How many batches were offered so far, if there is none now and nobody assists. The workers have left.
    pub(crate) fn offers_if_dry(&self) -> Option<u64> {
        let state = self.state.lock();
        (state.batches.is_empty() && state.assisting == 0).then_some(state.offers)
    }

    /// Whether nothing was offered since `offers` were, nothing is queued, and nobody assists. Then marking has ended, and
    /// nothing is lent from now on.
    pub(crate) fn close_if_dry(&self, offers: u64) -> bool {
        let mut state = self.state.lock();
        let is_dry = state.batches.is_empty() && state.assisting == 0 && state.offers == offers;
        state.lends &= !is_dry;
        is_dry
    }

    /// A cycle begins: what is queued is of no interest, and nothing is lent before the first drain.
    pub(crate) fn begin(&self) {
        let mut state = self.state.lock();
        state.batches.clear();
        state.lends = false;
    }

    /// The cycle is given up: whoever waits for a batch goes home.
    pub(crate) fn give_up(&self) {
        let mut state = self.state.lock();
        state.batches.clear();
        (state.lends, state.over) = (false, true);
        drop(state);
        self.wake.notify_all();
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
                self.hungry.load(Relaxed) + 1 == state.workers
            } else {
                state.all_wait()
            };
            let unlooked = step::without(Step::OverBeforeBatch) && all_wait;
            if !unlooked && let Some(batch) = state.batches.pop() {
                if step::without(Step::CountedOutsideLock) {
                    drop(state);
                    state = self.state.lock();
                }
                state.waiting -= 1;
                self.hungry.store(state.hungry(), Relaxed);
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
