//! The shared part of the grey set: batches that one worker hands to another, and when it is over.
//!
//! Each worker keeps the references it found on a stack of its own and touches nobody else's. It gives a batch away
//! only when somebody is hungry, and takes one only when its own stack is empty. So the queue's lock is taken a few times per
//! batch (for memory, to put it, to take it, and for the memory again), not once per object.
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
//! Memory for references goes round: a vector that was emptied becomes a *spare*, and is the next that is filled. The collector's
//! thread makes some before a cycle, and writes to them ([`GreyQueue::ready`]), and when a cycle has ended
//! it gives back what is not worth keeping ([`GreyQueue::tidy`]). So a mutator rarely asks the system's allocator for memory here, and gives it
//! none: either may take 300 µs (`docs/design/pauses.md`). Batches and spares are in lists that are never copied ([`pile`]).
//!
//! If a worker's thread never comes (the system refused it), [`GreyQueue::new`] is told fewer workers; nobody waits for
//! a thread that does not exist.

// Their paths are said because the models take this file by its own.
#[path = "grey/batch.rs"]
mod batch;
#[path = "grey/pile.rs"]
mod pile;

use self::pile::Pile;
pub(crate) use batch::{Batch, Piece};
use core::mem::{replace, take};
use heap_core::fault::step::{self, Step};
use heap_core::stress::BARRIER_BUFFER;
use heap_core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use heap_core::sync::{Condvar, Mutex, MutexGuard};

/// References that a mutator borrows of a large batch. A small one it borrows whole, and gives back: of parts there would be more and more,
/// with a few references each.
const LENT: usize = if heap_core::stress::STRESSED { 2 } else { 256 };
/// References that a batch and a spare have room for, at least: what a barrier's buffer has, and what is left of most batches that
/// were lent.
pub(crate) const ROOM: usize = 2 * BARRIER_BUFFER;
/// Bytes of a spare that was made ahead.
pub(crate) const SPARE_BYTES: usize = ROOM * size_of::<usize>();
/// Batches, and spares, that there is at least room for in the queue when it was readied.
const BATCHES: usize = if heap_core::stress::STRESSED { 2 } else { 256 };

#[derive(Debug)]
struct State {
    batches: Pile<Batch>,
    /// Empty vectors, with [`ROOM`] as all batches have.
    spares: Pile<Vec<usize>>,
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

    /// An empty vector with room.
    fn spare(&mut self) -> Vec<usize> {
        self.spares.pop().unwrap_or_else(|| Vec::with_capacity(ROOM))
    }

    /// Makes a spare of a vector that was emptied. One that a batch was in has room.
    fn keep(&mut self, emptied: Vec<usize>) {
        debug_assert!(emptied.is_empty() && (emptied.capacity() >= ROOM || emptied.capacity() == 0));
        if emptied.capacity() > 0 {
            self.spares.push(emptied);
        }
    }
}

/// An empty vector with room for so many, all of which was written to: there is memory behind it.
///
/// Not with zeros: those might be asked of the system, which clears memory only when it is touched.
pub(crate) fn touched<T: Clone>(room: usize, with: T) -> Vec<T> {
    let mut vector = Vec::with_capacity(room);
    vector.resize(room, with);
    core::hint::black_box(&mut vector).clear();
    vector
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
            batches: Pile::default(),
            spares: Pile::default(),
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
        self.offer_batch(objects, Batch::Objects);
    }

    /// The same for words that may be references.
    pub(crate) fn offer_maybe(&self, words: Vec<usize>) {
        self.offer_batch(words, Batch::Maybe);
    }

    fn offer_batch(&self, mut full: Vec<usize>, batch: fn(Vec<usize>) -> Batch) {
        if full.is_empty() {
            return self.keep(full);
        }
        // So that it can be a spare. Those of mutators have room; it is the root table's that may have less.
        full.reserve_exact(ROOM.saturating_sub(full.len()));
        let mut state = self.state.lock();
        if !step::without(Step::OfferUncounted) {
            state.offers += 1;
        }
        self.add(state, batch(full));
    }

    /// An empty vector with room.
    pub(crate) fn spare(&self) -> Vec<usize> {
        let spare = self.state.lock().spares.pop();
        spare.unwrap_or_else(|| Vec::with_capacity(ROOM))
    }

    /// Makes a spare of a vector, whatever is in it, if it has room.
    pub(crate) fn keep(&self, mut vector: Vec<usize>) {
        if vector.capacity() >= ROOM {
            vector.clear();
            self.state.lock().keep(vector);
        }
    }

    /// Makes spares, until there are so many, and room for them and for batches, and writes to all of it. Takes page faults, so
    /// it is for the thread that runs a cycle.
    pub(crate) fn ready(&self, spares: usize) {
        if spares == 0 {
            return;
        }
        let room = BATCHES.max(2 * spares);
        let (there, lacking) = {
            let state = self.state.lock();
            (state.spares.len(), (state.batches.lacks(room), state.spares.lacks(room)))
        };
        let new: Vec<_> = (there..spares).map(|_| touched(ROOM, usize::MAX)).collect();
        let mut for_batches = pile::ready(lacking.0, &Batch::NOTHING);
        let mut for_spares = pile::ready(lacking.1, &Vec::new());
        let mut state = self.state.lock();
        state.batches.add(&mut for_batches);
        state.spares.add(&mut for_spares);
        new.into_iter().for_each(|spare| state.spares.push(spare));
    }

    /// Gives memory back to the system's allocator: of all spares but so many, and of those that have grown.
    pub(crate) fn tidy(&self, most: usize) {
        let mut spares = take(&mut self.state.lock().spares);
        let all: Vec<_> = core::iter::from_fn(|| spares.pop()).collect();
        let (mut kept, mut given_up): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|spare| spare.capacity() <= ROOM);
        given_up.extend(kept.drain(most.min(kept.len())..));
        kept.into_iter().for_each(|spare| spares.push(spare));
        let room = BATCHES.max(2 * most);
        let unused = spares.take_empty(room);
        let mut state = self.state.lock();
        // Some may have come meanwhile.
        while let Some(spare) = state.spares.pop() {
            spares.push(spare);
        }
        let before = replace(&mut state.spares, spares);
        let empty = state.batches.take_empty(room);
        drop(state);
        drop((given_up, before, unused, empty));
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
        if state.spares.is_empty() && state.batches.last().is_some_and(Batch::is_large) {
            // One will be needed, and is not to be asked of the system under the lock.
            drop(state);
            self.keep(Vec::with_capacity(ROOM));
            state = self.state.lock();
        }
        // Looked at under the lock that it is taken with: since the one before, a cycle may have ended and another begun.
        if !state.lends && !step::without(Step::LentEarly) {
            return None;
        }
        let Some(mut batch) = state.batches.pop() else {
            self.hungry.store(state.hungry().max(1), Relaxed);
            return None;
        };
        state.assisting += 1;
        if batch.is_large() {
            // The rest is for others.
            let lent = batch.split(LENT, state.spare());
            state.batches.push(replace(&mut batch, lent));
        }
        Some(batch)
    }

    /// Takes back what is left of a batch that was lent, and what was found in it: so that there are no more batches than before, if there
    /// is room. Nothing is copied, nor asked of the system, under the lock.
    pub(crate) fn give_back(
        &self,
        mut rest: Batch,
        objects: impl ExactSizeIterator<Item = usize>,
        pieces: &mut Vec<Piece>,
    ) {
        let mut found = Batch::NOTHING;
        match &mut rest {
            Batch::Objects(untaken) if untaken.capacity() - untaken.len() >= objects.len() => {
                untaken.extend(objects);
            }
            Batch::Objects(_) | Batch::Maybe(_) | Batch::Piece(_) => {
                if objects.len() > 0 {
                    let mut own = self.spare();
                    own.extend(objects);
                    found = Batch::Objects(own);
                }
            }
        }
        let mut state = self.state.lock();
        pieces.drain(..).for_each(|piece| state.batches.push(Batch::Piece(piece)));
        for batch in [rest, found] {
            if batch.is_empty() {
                state.keep(batch.into_memory());
            } else {
                state.batches.push(batch);
            }
        }
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
#[path = "grey/tests.rs"]
mod tests;
