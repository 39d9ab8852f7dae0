//! Chains: lists of numbers in blocks of one size, so that no addition copies what is there.
//!
//! A vector that is full is copied into one twice as long. With a hundred thousand spans in it that is half a MiB of new memory to be
//! faulted in and written, in the middle of some mutator's allocation: 270 to 400 µs. Here an addition takes a block at
//! most, and only a vector of the blocks' addresses grows, a hundredth of it.
//!
//! ```text
//!   blocks   [ x x x n n … ] [ n n n n … ] [ n n . . … ]       taken from both ends, added to at the last
//!              first ─┘                      last ─┘
//!   Spare    blocks that were emptied, for chains that share it
//! ```
//!
//! Invariants
//!   I1  no block is without a number: the first is given up when its last number is taken, and so is the last
//!   I2  numbers lie from `first` in the first block to `last` in the last
#![forbid(unsafe_code)]

use std::collections::VecDeque;

/// Numbers of a block: a KiB. More are kept by each list that has anything, and there are some for each layout; fewer are more blocks,
/// whose addresses are copied now and then.
pub(crate) const BLOCK: usize = if crate::stress::STRESSED { 4 } else { 256 };

type Block = Box<[u32; BLOCK]>;

/// Blocks that nothing is in.
#[derive(Debug, Default)]
pub(crate) struct Spare(Vec<Block>);

impl Spare {
    fn take(&mut self) -> Block {
        self.0.pop().unwrap_or_else(|| Box::new([0; BLOCK]))
    }

    /// How many there are.
    pub(crate) fn blocks(&self) -> usize {
        self.0.len()
    }

    /// Adds another's.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// So many blocks, with memory behind them: they were written to, and not with zeros, which might be asked of the system, which
    /// clears memory only when it is touched.
    pub(crate) fn touched(blocks: usize) -> Self {
        Self((0..blocks).map(|_| Box::new(core::hint::black_box([u32::MAX; BLOCK]))).collect())
    }
}

/// A list of numbers. See the module's text.
#[derive(Debug, Default)]
pub(crate) struct Chain {
    blocks: VecDeque<Block>,
    /// Numbers of the first block that were taken.
    first: usize,
    /// Numbers of the last block, those that were taken among them.
    last: usize,
}

impl Chain {
    /// Adds a number at the end.
    #[inline]
    pub(crate) fn push(&mut self, number: u32, spare: &mut Spare) {
        if self.last == BLOCK || self.blocks.is_empty() {
            self.blocks.push_back(spare.take());
            self.last = 0;
        }
        if let Some(block) = self.blocks.back_mut() {
            block[self.last] = number;
            self.last += 1;
        }
    }

    /// Takes the last number.
    #[inline]
    pub(crate) fn pop(&mut self, spare: &mut Spare) -> Option<u32> {
        let number = self.blocks.back()?[self.last - 1];
        self.last -= 1;
        if self.last == 0 || self.last == self.first {
            self.last_is_taken(spare);
        }
        Some(number)
    }

    /// Takes the first number.
    #[inline]
    pub(crate) fn pop_first(&mut self, spare: &mut Spare) -> Option<u32> {
        let number = self.blocks.front()?[self.first];
        self.first += 1;
        if self.first == BLOCK || self.first == self.last {
            self.first_is_taken(spare);
        }
        Some(number)
    }

    /// The number that so many calls of [`Chain::pop_first`] would leave as the first, if it is in the first block.
    #[inline]
    pub(crate) fn after(&self, calls: usize) -> Option<u32> {
        let block = self.blocks.front()?;
        let end = if self.blocks.len() == 1 { self.last } else { BLOCK };
        block[..end].get(self.first + calls).copied()
    }

    /// Gives up the last block, if its last number is taken (I1).
    #[inline(never)]
    fn last_is_taken(&mut self, spare: &mut Spare) {
        let is_only = self.blocks.len() == 1;
        let least = if is_only { self.first } else { 0 };
        if self.last == least {
            spare.0.extend(self.blocks.pop_back());
            self.last = BLOCK;
            self.first = if is_only { 0 } else { self.first };
        }
    }

    /// Gives up the first block, if its last number is taken (I1).
    #[inline(never)]
    fn first_is_taken(&mut self, spare: &mut Spare) {
        let is_only = self.blocks.len() == 1;
        let end = if is_only { self.last } else { BLOCK };
        if self.first == end {
            spare.0.extend(self.blocks.pop_front());
            self.first = 0;
        }
    }

    /// Takes all numbers out: moves the blocks' addresses.
    pub(crate) fn clear(&mut self, spare: &mut Spare) {
        spare.0.extend(self.blocks.drain(..));
        (self.first, self.last) = (0, 0);
    }

    /// How many blocks there are.
    pub(crate) fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// The numbers, the first first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        let blocks = self.blocks.len();
        self.blocks.iter().enumerate().flat_map(move |(at, block)| {
            let begin = if at == 0 { self.first } else { 0 };
            let end = if at + 1 == blocks { self.last } else { BLOCK };
            block[begin..end].iter().copied()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    #[test]
    fn a_chain_is_a_queue_with_two_ends() {
        let (mut chain, mut spare, mut model) = (Chain::default(), Spare::default(), VecDeque::new());
        let mut state = 7_u64;
        let turns = BLOCK as u64 * 40;
        for turn in 0..turns {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            // Grows in the first half, and shrinks in the second, a few times to nothing.
            let grows = state % 10 < if turn < turns / 2 { 6 } else { 3 };
            let number = u32::try_from(turn).expect("small");
            match (grows, state >> 32 & 1) {
                (true, _) => {
                    chain.push(number, &mut spare);
                    model.push_back(number);
                }
                (false, 0) => assert_eq!(chain.pop(&mut spare), model.pop_back()),
                (false, _) => assert_eq!(chain.pop_first(&mut spare), model.pop_front()),
            }
            if turn % (BLOCK as u64 / 2) == 0 {
                assert!(chain.iter().eq(model.iter().copied()), "after {turn}");
                assert!(chain.blocks.len() <= model.len() / BLOCK + 2, "I1: {} blocks", chain.blocks.len());
            }
        }
        assert!(chain.iter().eq(model.iter().copied()));
        chain.clear(&mut spare);
        assert_eq!(
            (chain.iter().count(), chain.pop(&mut spare), chain.pop_first(&mut spare)),
            (0, None, None)
        );
    }

    #[test]
    fn blocks_that_were_made_ahead_are_used() {
        let (mut chain, mut spare) = (Chain::default(), Spare::default());
        spare.append(Spare::touched(2));
        assert_eq!((chain.blocks(), spare.blocks()), (0, 2));
        (0..u32::try_from(BLOCK + 1).expect("small")).for_each(|number| chain.push(number, &mut spare));
        assert_eq!((chain.blocks(), spare.blocks()), (2, 0));
        assert!(chain.iter().map(|number| number as usize).eq(0..=BLOCK), "what was in a block is not seen");
    }

    #[test]
    fn blocks_are_used_again() {
        let (mut chain, mut spare) = (Chain::default(), Spare::default());
        for round in 0..5 {
            (0..u32::try_from(BLOCK * 3).expect("small")).for_each(|number| chain.push(number, &mut spare));
            assert_eq!((chain.blocks.len(), spare.0.len()), (3, 0), "round {round}");
            match round {
                0 | 3 => chain.clear(&mut spare),
                1 => while chain.pop(&mut spare).is_some() {},
                _ => while chain.pop_first(&mut spare).is_some() {},
            }
            assert_eq!((chain.blocks.len(), spare.0.len()), (0, 3), "round {round}");
        }
    }
}
