//! Stacks that were seen: each once, by number, up to a bound.

use crate::stack::Stack;
use core::hash::{BuildHasherDefault, Hasher};
use std::collections::HashMap;

/// A hash that is one already.
#[derive(Default)]
struct Same(u64);

impl Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("the keys of stacks are numbers of 64 bits")
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

/// Stacks by number. Number 0 is the stack of no frames, which stands for those for which there was no room.
pub(crate) struct Stacks {
    all: Vec<Box<[usize]>>,
    /// Their numbers by hash; a stack whose hash is taken has the next that is free.
    numbers: HashMap<u64, u32, BuildHasherDefault<Same>>,
    most: usize,
}

impl Stacks {
    /// None yet, and room for so many.
    pub(crate) fn with_room_for(most: usize) -> Self {
        Self { all: vec![Box::default()], numbers: HashMap::default(), most }
    }

    /// For how many there is room.
    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// How many different ones were seen.
    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }

    pub(crate) fn addresses(&self, number: u32) -> &[usize] {
        &self.all[number as usize]
    }

    /// The number of a stack that was seen before; otherwise the hash that is free for it.
    fn look(&self, stack: &Stack) -> Result<u32, u64> {
        let mut hash = stack.hash();
        while let Some(&number) = self.numbers.get(&hash) {
            if self.addresses(number) == stack.addresses() {
                return Ok(number);
            }
            hash = hash.wrapping_add(1);
        }
        Err(hash)
    }

    /// The number of a stack that was seen before.
    pub(crate) fn find(&self, stack: &Stack) -> Option<u32> {
        self.look(stack).ok()
    }

    /// The number of a stack, a new one if there is room; 0 if there is not.
    pub(crate) fn number(&mut self, stack: &Stack) -> u32 {
        match self.look(stack) {
            Ok(number) => number,
            Err(_) if self.len() >= self.most => 0,
            Err(hash) => {
                let number = u32::try_from(self.all.len()).expect("fewer than 2^32 stacks");
                self.all.push(stack.addresses().into());
                self.numbers.insert(hash, number);
                number
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(addresses: &[usize]) -> Stack {
        let mut stack = Stack::with_room_for(addresses.len());
        addresses.iter().for_each(|&address| _ = stack.push(address));
        stack
    }

    #[test]
    fn a_stack_has_one_number_and_beyond_the_bound_none() {
        let mut stacks = Stacks::with_room_for(2);
        let (one, two, three) = (stack(&[1, 2]), stack(&[2, 1]), stack(&[1, 2, 3]));
        assert_eq!((stacks.find(&one), stacks.number(&one), stacks.number(&two)), (None, 1, 2));
        assert_eq!((stacks.number(&three), stacks.find(&three), stacks.len()), (0, None, 2));
        assert_eq!((stacks.number(&one), stacks.find(&two)), (1, Some(2)));
        assert_eq!((stacks.addresses(0), stacks.addresses(2)), (&[][..], &[2, 1][..]));
    }

    #[test]
    fn stacks_whose_hashes_are_equal_are_told_apart() {
        let mut stacks = Stacks::with_room_for(10);
        let (one, two) = (stack(&[1]), stack(&[2]));
        // As if another stack had the hash of the second.
        let first = stacks.number(&one);
        stacks.numbers.insert(two.hash(), first);
        let second = stacks.number(&two);
        assert!(second != first);
        assert_eq!((stacks.find(&one), stacks.find(&two)), (Some(first), Some(second)));
        assert_eq!(stacks.addresses(second), [2]);
    }
}
