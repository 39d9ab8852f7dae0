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

// Said because the models take this file by its path.
#[path = "grey/pile.rs"]
mod pile;

use self::pile::Pile;
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

/// References on the way from one worker to another.
#[derive(Clone, Debug)]
#[cfg_attr(test, derive(PartialEq))]
pub(crate) enum Batch {
    /// Marked objects that are not scanned yet.
    Objects(Vec<usize>),
    /// What is left of a large object being scanned in pieces.
    Piece(Piece),
    /// Words that may be references, out of fields that were erased. They are looked up when all roots are taken.
    Maybe(Vec<usize>),
}

impl Batch {
    /// A batch with nothing in it, and no memory.
    pub(crate) const NOTHING: Self = Self::Objects(Vec::new());

    /// Whether nothing is in it.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Objects(references) | Self::Maybe(references) => references.is_empty(),
            Self::Piece(_) => false,
        }
    }

    /// Whether it has so many references that it is not lent whole.
    fn is_large(&self) -> bool {
        match self {
            Self::Objects(references) | Self::Maybe(references) => references.len() > ROOM,
            Self::Piece(_) => false,
        }
    }

    /// The vector that its references were in.
    pub(crate) fn into_memory(self) -> Vec<usize> {
        match self {
            Self::Objects(references) | Self::Maybe(references) => references,
            Self::Piece(_) => Vec::new(),
        }
    }
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

    /// Takes the last of a batch's references if there are so many that others want some.
    fn cut(&mut self, from: &mut Vec<usize>) -> Option<Vec<usize>> {
        if from.len() <= ROOM {
            return None;
        }
        let rest = from.len() - LENT;
        let mut lent = self.spare();
        lent.extend(from.drain(rest..));
        Some(lent)
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
        if !state.lends && !step::without(Step::LentEarly) {
            return None;
        }
        if state.spares.is_empty() && state.batches.last_mut().is_some_and(|last| last.is_large()) {
            // One will be needed, and is not to be asked of the system under the lock.
            drop(state);
            self.keep(Vec::with_capacity(ROOM));
            state = self.state.lock();
        }
        let Some(mut batch) = state.batches.pop() else {
            self.hungry.store(state.hungry().max(1), Relaxed);
            return None;
        };
        // The rest is for others.
        let lent = match &mut batch {
            Batch::Objects(objects) => state.cut(objects).map(Batch::Objects),
            Batch::Maybe(words) => state.cut(words).map(Batch::Maybe),
            Batch::Piece(_) => None,
        };
        state.assisting += 1;
        let Some(lent) = lent else { return Some(batch) };
        state.batches.push(batch);
        Some(lent)
    }

    /// Takes back what is left of a batch that was lent, and what was found in it.
    pub(crate) fn give_back(
        &self,
        mut rest: Batch,
        mut objects: impl ExactSizeIterator<Item = usize>,
        pieces: &mut Vec<Piece>,
    ) {
        // What can be copied and asked of the system, not under the lock.
        let mut own = Vec::new();
        if let Batch::Objects(untaken) = &mut rest
            && !untaken.is_empty()
            && untaken.capacity() - untaken.len() >= objects.len()
        {
            untaken.extend(&mut objects);
        } else if objects.len() > ROOM || (objects.len() > 0 && !rest.is_empty()) {
            own = self.spare();
            own.extend(&mut objects);
        }
        let mut state = self.state.lock();
        pieces.drain(..).for_each(|piece| state.batches.push(Batch::Piece(piece)));
        if rest.is_empty() {
            state.keep(rest.into_memory());
        } else {
            state.batches.push(rest);
        }
        if !own.is_empty() {
            state.batches.push(Batch::Objects(own));
        }
        if objects.len() > 0 {
            match state.batches.last_mut() {
                Some(Batch::Objects(last)) if last.capacity() - last.len() >= objects.len() => {
                    last.extend(objects);
                }
                _ => {
                    let mut batch = state.spare();
                    batch.extend(objects);
                    state.batches.push(Batch::Objects(batch));
                }
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
mod tests {
    use super::*;
    use heap_core::sync::{Arc, thread};

    /// A queue that lends, and `len` numbers.
    fn lending(len: usize) -> (GreyQueue, Vec<usize>) {
        let queue = GreyQueue::new(1);
        queue.open(1);
        (queue, (0..len).collect())
    }

    /// Gives back that much, in a vector of no room.
    fn give_back(queue: &GreyQueue, objects: &[usize], pieces: &[Piece]) {
        queue.give_back(Batch::NOTHING, objects.iter().copied(), &mut pieces.to_vec());
    }

    #[test]
    fn a_mutator_borrows_a_part_and_the_rest_stays_what_it_was() {
        let (queue, words) = lending(ROOM + 1);
        assert_eq!(queue.borrow(), None);
        assert!(queue.is_hungry(), "it is asked for");
        queue.offer_maybe(words.clone());
        let (rest, lent) = words.split_at(ROOM + 1 - LENT);
        assert_eq!(queue.borrow(), Some(Batch::Maybe(lent.to_vec())));
        assert_eq!(queue.borrow(), Some(Batch::Maybe(rest.to_vec())), "no objects by that");
        assert_eq!(queue.borrow(), None);
        // Two have borrowed, and one has given back.
        let piece = Piece { object: 8, from: 9 };
        give_back(&queue, &[7], &[piece]);
        assert_eq!(queue.offers_if_dry(), None);
        assert_eq!(queue.borrow(), Some(Batch::Objects(vec![7])));
        assert_eq!(queue.borrow(), Some(Batch::Piece(piece)));
        (0..3).for_each(|_| give_back(&queue, &[], &[]));
        assert_eq!(queue.offers_if_dry(), Some(1), "nobody has anything");
    }

    #[test]
    fn nothing_is_lent_before_the_first_drain_and_after_the_end() {
        let queue = GreyQueue::new(1);
        queue.offer(vec![1]);
        assert_eq!(queue.borrow(), None);
        queue.open(1);
        assert_eq!(queue.borrow(), Some(Batch::Objects(vec![1])));
        assert!(!queue.close_if_dry(1), "it is lent");
        give_back(&queue, &[], &[]);
        assert!(queue.close_if_dry(1));
        queue.put(Batch::Objects(vec![2]));
        assert_eq!(queue.borrow(), None);
    }

    #[test]
    fn what_was_not_taken_of_a_batch_goes_back_as_what_it_was() {
        let (queue, all) = lending(4);
        for kind in [Batch::Maybe, Batch::Objects] {
            queue.put(Batch::Objects(vec![9]));
            assert!(queue.borrow().is_some());
            queue.give_back(kind(vec![3]), all.iter().copied(), &mut Vec::new());
        }
        let back: Vec<_> = core::iter::from_fn(|| queue.borrow()).filter(|batch| !batch.is_empty()).collect();
        let (maybe, objects): (Vec<_>, Vec<_>) =
            back.into_iter().partition(|batch| matches!(batch, Batch::Maybe(_)));
        assert_eq!(maybe, [Batch::Maybe(vec![3])], "nothing is added to words that may be references");
        let mut objects: Vec<_> = objects.into_iter().flat_map(Batch::into_memory).collect();
        objects.sort_unstable();
        assert_eq!(objects, [0, 0, 1, 1, 2, 2, 3, 3, 3]);
    }

    #[test]
    fn more_than_a_spare_has_room_for_is_given_back_as_one_batch() {
        let (queue, objects) = lending(2 * ROOM + 1);
        queue.offer(vec![1]);
        let Some(Batch::Objects(mut lent)) = queue.borrow() else { panic!("there is a batch") };
        lent.clear();
        queue.give_back(Batch::Objects(lent), objects.iter().copied(), &mut Vec::new());
        assert!(queue.state.lock().batches.iter().eq(&[Batch::Objects(objects)]));
    }

    /// The batches that are queued, each with so many references.
    fn queued(queue: &GreyQueue) -> Vec<usize> {
        let len = |batch: &Batch| batch.clone().into_memory().len();
        queue.state.lock().batches.iter().map(len).collect()
    }

    #[test]
    fn what_is_left_goes_where_there_is_room_and_else_into_a_batch_of_its_own() {
        let (queue, all) = lending(2 * ROOM);
        let borrowed = || queue.borrow().expect("there is a batch").into_memory();
        queue.offer(all[..ROOM - 1].to_vec());
        let mut rest = borrowed();
        assert_eq!((rest.len(), queued(&queue)), (ROOM - 1, vec![]), "a small batch is lent whole");
        assert_eq!(queue.state.lock().spares.len(), 0, "and takes no other memory");
        rest.pop();
        queue.give_back(Batch::Objects(rest), 0..2, &mut Vec::new());
        assert_eq!(queued(&queue), [ROOM], "what was found lies with what was not taken");
        let rest = borrowed();
        queue.give_back(Batch::Objects(rest), 0..1, &mut Vec::new());
        assert_eq!(queued(&queue), [ROOM, 1], "there is no room for one more");
        let mut emptied = borrowed();
        emptied.clear();
        queue.give_back(Batch::Objects(emptied), 0..1, &mut Vec::new());
        assert_eq!(queued(&queue), [ROOM, 1], "nor in the batch before");
        let mut emptied = borrowed();
        emptied.clear();
        queue
            .state
            .lock()
            .batches
            .last_mut()
            .map(|last| if let Batch::Objects(last) = last { last.pop() } else { None });
        queue.give_back(Batch::Objects(emptied), 0..1, &mut Vec::new());
        assert_eq!(queued(&queue), [ROOM], "in which there is some now");
    }

    #[test]
    fn assists_that_find_more_than_they_take_do_not_splinter_the_queue() {
        let (queue, all) = lending(LENT);
        queue.offer(all);
        let mut references = LENT;
        for _ in 0..20 * ROOM {
            let mut rest = queue.borrow().expect("there is a batch").into_memory();
            rest.pop();
            queue.give_back(Batch::Objects(rest), 0..2, &mut Vec::new());
            references += 1;
        }
        let queued = queued(&queue);
        assert_eq!(queued.iter().sum::<usize>(), references);
        assert!(queued.len() <= 2 * references.div_ceil(ROOM - LENT), "{queued:?}");
    }

    #[test]
    fn memory_goes_round_and_is_tidied_away() {
        let (queue, objects) = lending(LENT);
        let spares = || queue.state.lock().spares.len();
        queue.ready(3);
        assert_eq!(spares(), 3);
        queue.ready(2);
        assert_eq!(spares(), 3, "there are enough");
        let mut buffer = queue.spare();
        assert_eq!((spares(), buffer.is_empty(), buffer.capacity()), (2, true, ROOM));
        let memory = buffer.as_ptr();
        buffer.extend(&objects);
        queue.offer(buffer);
        let Some(Batch::Objects(mut lent)) = queue.borrow() else { panic!("there is a batch") };
        assert_eq!((lent.as_ptr(), spares()), (memory, 2), "all of it is lent");
        lent.clear();
        queue.give_back(Batch::Objects(lent), 0..1, &mut Vec::new());
        let Some(Batch::Objects(again)) = queue.take() else { panic!("something was left") };
        assert_eq!((again.as_ptr(), spares()), (memory, 2), "what was emptied is used next");
        queue.keep(again);
        queue.keep(Vec::with_capacity(4 * ROOM));
        queue.keep(Vec::with_capacity(ROOM - 1));
        assert_eq!(spares(), 4, "too small a vector is none");
        queue.tidy(2);
        assert_eq!(spares(), 2);
        assert!(
            queue.state.lock().spares.iter().all(|spare| spare.capacity() == ROOM),
            "what has grown goes first"
        );
        queue.tidy(0);
        assert_eq!(spares(), 0);
    }

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
