//! A stack: the return addresses of a thread, innermost first, without names.

use crate::hash::Words;
use core::hash::Hasher as _;

/// Frames that are kept of a stack at most. Deeper ones lose their outermost.
pub(crate) const MOST_FRAMES: usize = 64;

/// The return addresses of a thread, innermost first.
#[derive(Clone)]
pub(crate) struct Stack {
    addresses: [usize; MOST_FRAMES],
    len: usize,
    /// Frames for which there is room, [`MOST_FRAMES`] at most.
    room: usize,
}

impl Stack {
    /// A stack of no frames, with room for so many.
    pub(crate) fn with_room_for(frames: usize) -> Self {
        Self { addresses: [0; MOST_FRAMES], len: 0, room: frames.min(MOST_FRAMES) }
    }

    /// The stack of this thread, as the system's unwinder finds it: for every frame it reads tables, which takes some 1700
    /// instructions. Frames that lie below `above`, the address of a variable of the caller, are left out, and the caller's with them.
    #[inline]
    pub(crate) fn unwound(above: usize, frames: usize) -> Self {
        let mut stack = Self::with_room_for(frames);
        backtrace::trace(|frame| {
            // What a frame's stack pointer was when it called the next inner one; 0, if this system does not say.
            let inner_end = frame.sp().addr();
            let address = frame.ip().addr();
            let is_inner = inner_end != 0 && inner_end <= above;
            // Beyond the outermost frame some unwinders find one at address 0.
            address != 0 && (is_inner || stack.push(address))
        });
        stack
    }

    /// Adds the next outer frame. Whether there is room for another.
    pub(crate) fn push(&mut self, address: usize) -> bool {
        if let Some(place) = self.addresses[..self.room].get_mut(self.len) {
            *place = address;
            self.len += 1;
        }
        self.len < self.room
    }

    /// For how many frames there is room in all.
    pub(crate) fn room(&self) -> usize {
        self.room
    }

    /// Whether there is no room for another frame: there may have been more of them.
    pub(crate) fn is_full(&self) -> bool {
        self.len >= self.room
    }

    /// Forgets all but the innermost `len` frames.
    pub(crate) fn cut(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    pub(crate) fn addresses(&self) -> &[usize] {
        &self.addresses[..self.len]
    }

    pub(crate) fn hash(&self) -> u64 {
        let mut words = Words::default();
        self.addresses().iter().for_each(|&address| words.add(address as u64));
        words.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[inline(never)]
    fn deep(depth: usize) -> Stack {
        let here = 0_u8;
        if depth == 0 {
            Stack::unwound((&raw const here).addr(), MOST_FRAMES)
        } else {
            core::hint::black_box(deep(depth - 1))
        }
    }

    #[test]
    fn a_stack_has_as_many_frames_as_there_are_up_to_the_most() {
        let (one, other) = (deep(1), deep(5));
        assert_eq!(other.addresses().len(), one.addresses().len() + 4);
        let full = deep(1000);
        assert_eq!(full.addresses().len(), MOST_FRAMES);
        let here = 0_u8;
        for frames in [0, 1, 3] {
            assert_eq!(Stack::unwound((&raw const here).addr(), frames).addresses().len(), frames);
        }
        assert!(one.addresses() != other.addresses() && one.hash() != other.hash());
    }

    #[test]
    fn a_stack_begins_with_the_callers_caller() {
        let stack = deep(2);
        let first = stack.addresses();
        assert_eq!(first[0], first[1], "both are where the function calls itself");
        let mut names = Vec::new();
        backtrace::resolve(core::ptr::without_provenance_mut(first[0]), |symbol| {
            names.extend(symbol.name().map(|name| name.to_string()));
        });
        assert!(names.iter().any(|name| name.contains("deep")), "{names:?}");
    }

    #[test]
    fn what_is_cut_off_no_longer_counts() {
        let mut stack = deep(3);
        let inner = stack.addresses()[..2].to_vec();
        stack.cut(2);
        stack.cut(7);
        assert_eq!(stack.addresses(), inner);
        assert!(stack.push(1));
        assert_eq!(stack.addresses(), [inner, vec![1]].concat());
    }
}
