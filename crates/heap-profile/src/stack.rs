//! A stack: the return addresses of a thread, innermost first, without names.

use core::hash::{Hash, Hasher};

/// Frames that are kept of a stack. Deeper ones lose their outermost.
pub(crate) const MOST_FRAMES: usize = 64;

/// The return addresses of a thread, innermost first.
#[derive(Clone)]
pub(crate) struct Stack {
    addresses: [usize; MOST_FRAMES],
    len: usize,
}

impl Stack {
    /// The stack of this thread.
    #[inline(never)]
    pub(crate) fn capture() -> Self {
        let mut stack = Self { addresses: [0; MOST_FRAMES], len: 0 };
        backtrace::trace(|frame| {
            stack.addresses[stack.len] = frame.ip().addr();
            stack.len += 1;
            stack.len < MOST_FRAMES
        });
        stack
    }

    /// A stack of no frames: of samples whose stacks there was no room for.
    pub(crate) fn none() -> Self {
        Self { addresses: [0; MOST_FRAMES], len: 0 }
    }

    pub(crate) fn addresses(&self) -> &[usize] {
        &self.addresses[..self.len]
    }
}

impl PartialEq for Stack {
    fn eq(&self, other: &Self) -> bool {
        self.addresses() == other.addresses()
    }
}

impl Eq for Stack {}

impl Hash for Stack {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.addresses().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[inline(never)]
    fn deep(depth: usize) -> Stack {
        if depth == 0 { Stack::capture() } else { core::hint::black_box(deep(depth - 1)) }
    }

    #[test]
    fn a_stack_has_as_many_frames_as_there_are_up_to_the_most() {
        let (one, other) = (deep(1), deep(5));
        assert_eq!(other.addresses().len(), one.addresses().len() + 4);
        assert_eq!(deep(1000).addresses().len(), MOST_FRAMES);
        assert!(one != other);
    }
}
