//! What a slice begins with, and why it ends.

use crate::object::Value;
use crate::world::{MOST_VALUES, World};
use std::io::{self, Write};
use std::time::Instant;
use tricolor::Gc;

/// Why a slice ended.
pub(crate) enum Stop {
    /// The program is over.
    Done,
    /// The collector would like to see this thread, or the slice was long enough.
    Pause,
    /// Something that is watched is over: after a collection it must not be found.
    Check,
    /// The heap refused an allocation. How far the program had come: equal marks are the same moment.
    Refused(Mark),
    /// A runtime error, with its message.
    Failed(String),
    /// What was printed could not be written.
    Output(io::Error),
}

/// A moment in the run of a program. An instruction is run twice only after a loop or a call, which are counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Mark {
    pub(super) ticks: u64,
    pub(super) calls: usize,
    pub(super) next: usize,
}

/// What a program runs with.
pub(crate) struct Host<'a> {
    pub(crate) out: &'a mut dyn Write,
    /// When the interpreter was started.
    pub(crate) started: Instant,
    /// Calls and loops between two looks at the collector.
    pub(crate) poll: u32,
    /// Calls and loops so far.
    pub(crate) ticks: u64,
}

/// The most looks at the collector in a slice.
pub(super) const MOST_POLLS: u32 = 4096;

pub(super) type Stack<'gc> = Box<[Value<'gc>; MOST_VALUES]>;

/// The values that were kept, in a stack of the interpreter's own, and how many they are.
pub(super) fn restore<'gc>(world: Gc<'gc, World<'gc>>) -> (Stack<'gc>, usize) {
    let places = vec![Value::NIL; MOST_VALUES].into_boxed_slice();
    let Ok(mut stack) = Stack::try_from(places) else { unreachable!("there are as many") };
    let mut height = 0;
    for (place, value) in stack.iter_mut().zip(world.values()) {
        *place = value;
        height += 1;
    }
    (stack, height)
}
