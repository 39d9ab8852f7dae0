//! Why a value flows: the words of an explanation.

use std::fmt;

/// Why a value flows from one place to another.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Why {
    /// It is assigned.
    Assign,
    /// It is stored through a pointer, and what a pointer points to may be on the heap.
    Store,
    /// It is the argument of a call.
    Argument,
    /// It is the function value that is called.
    Callee,
    /// It is what a call gave back.
    Result,
    /// It is returned.
    Return,
    /// It is copied into a closure.
    Copied,
    /// A closure refers to it.
    Captured,
    /// It is deferred inside of a loop.
    Defer,
    /// It is too large for the stack.
    TooLarge,
    /// It is aligned too strictly for the stack.
    TooAligned,
    /// A reason of the language that is analysed.
    Other(&'static str),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Why::Assign => "assign",
            Why::Store => "store",
            Why::Argument => "call parameter",
            Why::Callee => "callee operand",
            Why::Result => "result of a call",
            Why::Return => "return",
            Why::Copied => "captured by a closure",
            Why::Captured => "reference",
            Why::Defer => "defer in a loop",
            Why::TooLarge => "too large for stack",
            Why::TooAligned => "too aligned for stack",
            Why::Other(words) => words,
        })
    }
}

/// A place in the source that is analysed: a number whose meaning is the caller's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Mark(pub u32);
