//! What a marker takes from others and gives to them: batches, and when.
//!
//! It drains its own stacks and then takes a batch, until there is none anywhere. In slices it pauses now and then, and before that, or
//! when somebody waits, it gives away what is left of an array, or half of its objects.

use super::Marker;
use crate::event::Event;
use crate::grey::{Batch, GreyQueue};
use core::mem::take;
use core::time::Duration;
use heap_core::stress::GREY_BATCH;

/// The fewest objects on a stack of which half are given to a hungry worker. Small, since a depth-first walk keeps few
/// objects with much below them; not smaller, since a batch costs a lock.
pub(super) const FROM: usize = 8;

/// Words that a worker looks at before it pauses: 100 to 400 µs of marking.
const SLICE_WORDS: usize = if heap_core::stress::STRESSED { 16 } else { 64 << 10 };
/// A wait for a batch that is put into a log. Shorter ones are spent looking, and there is one at each end of a drain.
const LONG_IDLE: Duration = Duration::from_micros(20);

/// What a worker does after a slice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Go {
    /// The next one.
    On,
    /// The cycle is given up.
    Home,
}

impl Marker<'_> {
    /// Takes a batch, waiting for one if need be.
    fn take(&mut self, queue: &GreyQueue) -> Option<Batch> {
        let begun = self.log.and_then(|(log, _)| log.begin());
        let batch = queue.take();
        self.work.batches += u64::from(batch.is_some());
        if let (Some((log, track)), Some(since)) = (self.log, begun)
            && since.elapsed() >= LONG_IDLE
        {
            log.end(begun, track, || Event::Idled);
        }
        batch
    }

    /// Scans everything, until nothing is left anywhere.
    pub(crate) fn drain(&mut self) {
        loop {
            self.drain_own::<false>(usize::MAX);
            let Some(queue) = self.queue else { return };
            match self.take(queue) {
                Some(batch) => self.add(batch),
                None => return,
            }
        }
    }

    /// The same in slices: after each, `pause` may take its time, and says whether to go on. If not, what is left is thrown
    /// away: the cycle is given up.
    pub(crate) fn drain_in_slices(&mut self, mut pause: impl FnMut(usize) -> Go) {
        // Words since the last pause.
        let mut done = 0;
        loop {
            done += self.drain_own::<true>(SLICE_WORDS - done);
            if done >= SLICE_WORDS {
                // What is here could not be had by others while this worker pauses.
                if let Some(queue) = self.queue {
                    self.share(queue);
                }
                if pause(take(&mut done)) == Go::Home {
                    return self.give_up();
                }
            }
            if !self.is_done() {
                continue;
            }
            let Some(queue) = self.queue else { return };
            match self.take(queue) {
                Some(batch) => self.add(batch),
                None => return,
            }
        }
    }

    /// Throws away what it has, and sends the others home.
    fn give_up(&mut self) {
        self.stack.len = 0;
        self.pieces.clear();
        if let Some(queue) = self.queue {
            queue.give_up();
        }
    }

    /// Takes a batch to scan.
    pub(crate) fn add(&mut self, mut batch: Batch) {
        self.take_some(&mut batch, usize::MAX);
        if let Some(queue) = self.queue {
            queue.keep(batch.into_memory());
        }
    }

    /// Takes so many of a batch's references, to scan what they lead to.
    pub(super) fn take_some(&mut self, batch: &mut Batch, most: usize) {
        match batch {
            Batch::Objects(objects) => {
                objects.drain(objects.len().saturating_sub(most)..).for_each(|object| self.push(object));
            }
            Batch::Maybe(words) => {
                words.drain(words.len().saturating_sub(most)..).for_each(|word| self.visit_tagged(word));
            }
            &mut Batch::Piece(piece) => {
                self.pieces.push(piece);
                *batch = Batch::NOTHING;
            }
        }
    }

    /// Gives what is left of a large object to whoever wants it, and if that is little or nothing, half of its objects.
    #[cold]
    pub(super) fn share(&mut self, queue: &GreyQueue) {
        if let Some(piece) = self.pieces.pop() {
            // Nothing has to be copied, and it leads to as much as the objects that it has led to.
            let is_enough = self.words_left(piece) >= self.piece_words;
            queue.put(Batch::Piece(piece));
            if is_enough {
                return;
            }
        }
        if self.stack.len > FROM {
            let mut batch = queue.spare();
            // The oldest entries lead to the most work: in a tree, to its largest subtrees.
            self.stack.take_oldest((self.stack.len / 2).min(GREY_BATCH), &mut batch);
            queue.put(Batch::Objects(batch));
        }
    }
}
