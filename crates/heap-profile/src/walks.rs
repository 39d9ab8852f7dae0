//! Walks that were judged: which stack each stands for.
//!
//! A walk over frame pointers is quick, and may be wrong: a function that keeps no frame pointer is left out of it, or breaks the
//! chain. So a walk is never a stack. It is what a stack is found by, once it was seen to stand for one: when a walk is met for
//! the first time, the thread is unwound as well, and the two are compared.
//!
//! ```text
//!   unwound   a b c d e f g h
//!   walked    a b c d e f           the same, up to g and h of the C library, which has no frame pointers
//! ```
//!
//! It is *whole* if it is the unwound stack, but for [`OUTERMOST`] frames at the end; of a stack that has more frames than are kept,
//! if it is all of what is kept. From then on the same walk stands for the same stack, as long as so many frames are kept. Any other
//! is *broken*, and the thread is unwound each time that it is met: slower, and right.

use crate::stack::Stack;
use crate::stacks::Stacks;

/// Outermost frames that a walk may lack: those of the C library which call a program's `main` or a thread's first function. One of
/// them is a return address that the walk finds; glibc has one or two above it.
const OUTERMOST: usize = 2;

/// Frames after the last that a walk shares with its stack which may be rubbish: what a function of the C library keeps in the
/// register of the frame pointer can look like one.
const RUBBISH: usize = 4;

/// What is known of a walk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Known {
    /// It stands for the stack of this number.
    Whole(u32),
    /// It does not say which stack it is of.
    Broken,
    /// It was not judged yet, or there was no room to note how.
    Unjudged,
}

/// Walks, and what is known of them.
pub(crate) struct Walks {
    /// Frames that are kept of a stack. Walks with room for another number are neither judged nor found: theirs are other stacks.
    frames: usize,
    walks: Stacks,
    /// By number of the walk: the number of its stack, if it is whole.
    stacks: Vec<Option<u32>>,
    /// Outermost return addresses of whole walks. What comes after one of them in a walk is rubbish. A few for each program.
    ends: Vec<usize>,
}

impl Walks {
    /// None yet, and room for so many, of stacks of which so many frames are kept.
    pub(crate) fn with_room_for(most: usize, frames: usize) -> Self {
        Self { frames, walks: Stacks::with_room_for(most), stacks: vec![None], ends: Vec::new() }
    }

    /// Forgets what was judged, because so many frames are kept of a stack from now on: the same walk stands for another.
    pub(crate) fn start_over(&mut self, frames: usize) {
        *self = Self::with_room_for(self.walks.most(), frames);
    }

    /// What is known of a walk, off which rubbish is cut.
    pub(crate) fn find(&self, walk: &mut Stack) -> Known {
        if walk.room() != self.frames {
            return Known::Unjudged;
        }
        self.cut(walk);
        match self.walks.find(walk) {
            None => Known::Unjudged,
            Some(number) => self.stacks[number as usize].map_or(Known::Broken, Known::Whole),
        }
    }

    /// A walk was compared with the stack that the unwinder found, which has this number.
    pub(crate) fn learn(&mut self, mut walk: Stack, unwound: &Stack, stack: u32) {
        if walk.room() != self.frames {
            return;
        }
        let whole = shared(&walk, unwound);
        if let Some(len) = whole {
            let end = walk.addresses()[len - 1];
            if len < walk.addresses().len() && !self.ends.contains(&end) {
                self.ends.push(end);
            }
            walk.cut(len);
        } else {
            self.cut(&mut walk);
        }
        let number = self.walks.number(&walk);
        // 0 is no room; another that is known was learned by another thread meanwhile.
        if number as usize == self.stacks.len() {
            self.stacks.push(whole.map(|_| stack));
        }
    }

    /// Cuts rubbish off that comes after a known end.
    fn cut(&self, walk: &mut Stack) {
        let addresses = walk.addresses();
        let from = addresses.len().saturating_sub(RUBBISH + 1);
        let end = addresses[from..].iter().position(|address| self.ends.contains(address));
        if let Some(end) = end {
            walk.cut(from + end + 1);
        }
    }
}

/// How many frames of a walk are those of the stack, if it is whole.
fn shared(walk: &Stack, unwound: &Stack) -> Option<usize> {
    let (walked, addresses) = (walk.addresses(), unwound.addresses());
    let len = addresses.iter().zip(walked).take_while(|(one, other)| one == other).count();
    // Of a stack that is cut off, the last frames are not the outermost ones.
    let outermost = if unwound.is_full() { 0 } else { OUTERMOST };
    let is_whole = addresses.len() - len <= outermost && walked.len() - len <= RUBBISH;
    (is_whole && len > 0).then_some(len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::MOST_FRAMES;

    fn found(walks: &Walks, walk: &Stack) -> Known {
        walks.find(&mut walk.clone())
    }

    fn stack(addresses: impl IntoIterator<Item = usize>) -> Stack {
        let mut stack = Stack::with_room_for(MOST_FRAMES);
        addresses.into_iter().for_each(|address| _ = stack.push(address));
        stack
    }

    #[test]
    fn a_walk_is_whole_if_it_is_the_stack_but_for_the_outermost_frames() {
        let unwound = stack(1..=10);
        let table = [
            (stack(1..=10), Some(10)),
            (stack(1..=8), Some(8)),
            (stack(1..=7), None),
            // Rubbish at the end, and too much of it.
            (stack((1..=8).chain([99, 98])), Some(8)),
            (stack((1..=8).chain(90..95)), None),
            // A frame is missing, the innermost, or another in its place.
            (stack([1, 2, 3, 4, 6, 7, 8, 9, 10]), None),
            (stack(2..=10), None),
            (stack([1, 2, 3, 4, 55, 6, 7, 8, 9, 10]), None),
            (stack([]), None),
            (stack([77]), None),
        ];
        for (walk, expected) in table {
            assert_eq!(shared(&walk, &unwound), expected, "{:?}", walk.addresses());
        }
        assert_eq!(shared(&stack([]), &stack([1, 2])), None, "a walk of nothing says nothing");
        let full = stack(1..=MOST_FRAMES);
        assert_eq!(shared(&full, &full), Some(MOST_FRAMES));
    }

    #[test]
    fn a_stack_that_was_cut_off_is_found_by_all_of_it() {
        let of_three = |addresses: &[usize]| {
            let mut stack = Stack::with_room_for(3);
            addresses.iter().for_each(|&address| _ = stack.push(address));
            stack
        };
        // Further out there may be anything, and what is missing here is not the C library's.
        let unwound = of_three(&[1, 2, 3]);
        for walk in [&[1][..], &[1, 2], &[1, 99, 98], &[1, 2, 99]] {
            assert_eq!(shared(&of_three(walk), &unwound), None, "{walk:?}");
        }
        assert_eq!(shared(&unwound, &unwound), Some(3));
        let mut walks = Walks::with_room_for(9, 3);
        walks.learn(of_three(&[1, 99, 98]), &unwound, 7);
        assert_eq!(found(&walks, &of_three(&[1, 5, 6])), Known::Unjudged, "1 is no end");
    }

    #[test]
    fn a_whole_walk_stands_for_its_stack_and_a_broken_one_for_none() {
        let mut walks = Walks::with_room_for(2, MOST_FRAMES);
        let (one, two) = (stack(1..=7), stack([1, 2, 4]));
        assert_eq!(found(&walks, &one), Known::Unjudged);
        walks.learn(one.clone(), &stack(1..=9), 7);
        walks.learn(two.clone(), &stack(1..=9), 7);
        assert_eq!((found(&walks, &one), found(&walks, &two)), (Known::Whole(7), Known::Broken));
        // Learned again by another thread: nothing changes. And there is no room for a third.
        walks.learn(one.clone(), &stack(1..=9), 7);
        let three = stack(1..=8);
        walks.learn(three.clone(), &stack(1..=9), 8);
        assert_eq!((found(&walks, &one), found(&walks, &three)), (Known::Whole(7), Known::Unjudged));
    }

    #[test]
    fn a_walk_of_another_number_of_frames_says_nothing() {
        let of = |frames, addresses: core::ops::RangeInclusive<usize>| {
            let mut stack = Stack::with_room_for(frames);
            addresses.for_each(|address| _ = stack.push(address));
            stack
        };
        let mut walks = Walks::with_room_for(9, 8);
        // It was begun before the number changed.
        walks.learn(of(64, 1..=5), &of(64, 1..=7), 1);
        assert_eq!(found(&walks, &of(8, 1..=5)), Known::Unjudged);
        walks.learn(of(8, 1..=5), &of(8, 1..=7), 2);
        assert_eq!(found(&walks, &of(8, 1..=5)), Known::Whole(2));
        assert_eq!(found(&walks, &of(64, 1..=5)), Known::Unjudged);
    }

    #[test]
    fn rubbish_after_a_known_end_makes_no_new_walk() {
        let mut walks = Walks::with_room_for(9, MOST_FRAMES);
        walks.learn(stack((1..=8).chain([99])), &stack(1..=10), 5);
        for rubbish in [vec![], vec![11], vec![11, 12, 13]] {
            let walk = stack((1..=8).chain(rubbish));
            assert_eq!(found(&walks, &walk), Known::Whole(5), "{:?}", walk.addresses());
        }
        assert_eq!(found(&walks, &stack(1..=7)), Known::Unjudged);
        assert_eq!(found(&walks, &stack((2..=8).chain([11]))), Known::Unjudged);
    }
}
