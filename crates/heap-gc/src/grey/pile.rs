//! Piles: stacks in blocks of one size, so that no addition copies what is there.
//!
//! A vector that is full is copied into one twice as long. With two thousand batches in it that was 64 KiB of new memory, which took 19
//! page faults under the queue's lock, in some mutator's assist: 200 µs. Here an addition takes a block at most.
#![forbid(unsafe_code)]

use super::touched;

/// Entries of a block.
pub(super) const BLOCK: usize = if heap_core::stress::STRESSED { 2 } else { 256 };

/// Memory for that many entries.
pub(super) type Block<T> = Vec<T>;

/// A stack. Blocks that were emptied stay.
#[derive(Debug)]
pub(super) struct Pile<T> {
    blocks: Vec<Block<T>>,
    /// The block with the last entry, if there is one. Those before it are full, those after it empty.
    at: usize,
}

impl<T> Default for Pile<T> {
    fn default() -> Self {
        Self { blocks: Vec::new(), at: 0 }
    }
}

impl<T> Pile<T> {
    pub(super) fn push(&mut self, entry: T) {
        if self.blocks.get(self.at).is_some_and(|block| block.len() == BLOCK) {
            self.at += 1;
        }
        if self.at == self.blocks.len() {
            self.blocks.push(Vec::with_capacity(BLOCK));
        }
        self.blocks[self.at].push(entry);
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        let block = self.blocks.get_mut(self.at)?;
        let entry = block.pop();
        if block.is_empty() {
            self.at = self.at.saturating_sub(1);
        }
        entry
    }

    pub(super) fn last(&self) -> Option<&T> {
        self.blocks.get(self.at)?.last()
    }

    pub(super) fn len(&self) -> usize {
        self.blocks.get(self.at).map_or(0, |block| self.at * BLOCK + block.len())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn clear(&mut self) {
        self.blocks.iter_mut().for_each(Vec::clear);
        self.at = 0;
    }

    /// Blocks that it lacks, for that many entries.
    pub(super) fn lacks(&self, entries: usize) -> usize {
        entries.div_ceil(BLOCK).saturating_sub(self.blocks.len())
    }

    /// Adds blocks.
    pub(super) fn add(&mut self, blocks: &mut Vec<Block<T>>) {
        self.blocks.append(blocks);
    }

    /// Takes the blocks out that are empty and not needed for that many entries.
    pub(super) fn take_empty(&mut self, entries: usize) -> Vec<Block<T>> {
        let needed = entries.max(self.len()).div_ceil(BLOCK);
        self.blocks.split_off(needed.min(self.blocks.len()))
    }

    /// Its entries, the first first.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.blocks.iter().flatten()
    }
}

/// So many blocks, with memory behind them.
pub(super) fn ready<T: Clone>(blocks: usize, with: &T) -> Vec<Block<T>> {
    (0..blocks).map(|_| touched(BLOCK, with.clone())).collect()
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_last_comes_first_and_blocks_stay() {
        let mut pile = Pile::default();
        assert_eq!((pile.pop(), pile.len()), (None::<usize>, 0));
        assert!(pile.last().is_none());
        let many = 3 * BLOCK + 1;
        for round in 0..3 {
            for entry in 0..many {
                pile.push(entry);
                assert_eq!((pile.len(), pile.last().copied()), (entry + 1, Some(entry)));
            }
            assert!(pile.iter().copied().eq(0..many));
            for entry in (round..many).rev() {
                assert_eq!(pile.pop(), Some(entry));
                assert_eq!(pile.len(), entry);
            }
            assert_eq!(pile.lacks(many), 0, "blocks that were emptied are kept");
            pile.clear();
            assert!(pile.is_empty() && pile.pop().is_none());
        }
    }

    #[test]
    fn blocks_are_added_ahead_and_taken_when_they_are_not_needed() {
        let mut pile = Pile::default();
        assert_eq!(pile.lacks(2 * BLOCK + 1), 3);
        pile.add(&mut ready(3, &0));
        let memory: Vec<_> = pile.blocks.iter().map(Vec::as_ptr).collect();
        (0..=BLOCK).for_each(|entry| pile.push(entry));
        assert_eq!(pile.blocks.iter().map(Vec::as_ptr).collect::<Vec<_>>(), memory, "they are what is used");
        assert_eq!(pile.take_empty(0).len(), 1, "two have entries");
        assert_eq!(pile.take_empty(0).len(), 0);
        assert!(pile.iter().copied().eq(0..=BLOCK));
        pile.clear();
        assert_eq!(pile.take_empty(1).len(), 1);
        assert_eq!((pile.lacks(BLOCK), pile.take_empty(0).len(), pile.lacks(BLOCK)), (0, 1, 1));
    }
}
