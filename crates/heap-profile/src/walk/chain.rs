//! The chain of frame pointers: what is read of a stack, and why that cannot fault.
//!
//! A function that keeps a frame pointer pushes its caller's and then points at it, so that two words lie there:
//!
//! ```text
//!   rbp ─▶ ┌───────────────────────┐ ─▶ ┌───────────────────────┐ ─▶ …        addresses grow ─▶
//!          │ the caller's rbp      │    │ its caller's rbp      │
//!          │ a return address      │    │ a return address      │
//!          └───────────────────────┘    └───────────────────────┘
//! ```
//!
//! A function that does not keep one uses the register for something else, and the chain leads anywhere. So nothing in it is
//! believed. A record is read only if
//!
//! * C1  it lies, both words of it, between the walk's own frame and the end of the thread's stack as the system gives it;
//! * C2  its address is a multiple of 8;
//! * C3  its address is greater than that of the record before, so that a walk ends.
//!
//! By C1 nothing unmapped is read, whatever the chain is: a thread's stack is one mapping (for the first thread, one that grows
//! downwards), and all of it from the frame that is running to its end is there as long as the frame runs. A thread that runs on
//! another stack than the system gave it (a coroutine) has its frame outside, and its walk is empty.
//!
//! That a frame is inside needs a word for the first thread, whose stack is room that is mapped as it is used. How much, the C library
//! says by the stack's resource limit, less what is mapped in it already. Linux chooses no address there for a mapping; without
//! a limit it might, far away, so no more than [`FARTHEST`] is believed. Who maps memory at an address of his own choice in that
//! room, and runs on it, has taken the system's stack away from itself.
//!
//! The words are loaded by an instruction in a block of assembly. They belong to other functions, and some of them hold nothing
//! that the language would call a value: a load of the language would be undefined there, and the instruction is not.

#![expect(unsafe_code, reason = "reads the words of a stack; the argument is in the module's text")]

use crate::stack::Stack;
use core::arch::asm;
use core::cell::Cell;
use core::mem::MaybeUninit;

/// How deep a frame may be that is walked from, in bytes from its stack's end: more would find the frames of recursions that need
/// such stacks, less would be nearer to the usual limit of 8 MiB. Without a limit mappings begin terabytes away.
const FARTHEST: usize = 64 << 20;

/// The two words that a frame pointer leads to.
struct Record {
    /// The caller's frame pointer.
    outer: usize,
    /// The return address into the caller.
    address: usize,
}

/// A part of a stack that can be read, from `start` up to `end`.
struct Readable {
    start: usize,
    end: usize,
}

impl Readable {
    /// # Safety
    /// Every byte from `start` up to `end` can be read by this thread for as long as this value is used.
    unsafe fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// The record at a place; nothing, if it is none by C1 and C2.
    #[inline]
    fn record(&self, at: usize) -> Option<Record> {
        let last = self.end.checked_sub(size_of::<Record>())?;
        if at < self.start || at > last || !at.is_multiple_of(size_of::<usize>()) {
            return None;
        }
        let (outer, address);
        // SAFETY: two loads, for which any address does as long as it can be read: both words lie in the range (C1), which can be by
        // `new`. Nothing is written, the flags stay, and the stack is not used. `outer` has a register of its own, and `address` is
        // written when `at` is not needed any more.
        unsafe {
            asm!(
                "mov {outer}, qword ptr [{at}]",
                "mov {address}, qword ptr [{at} + 8]",
                at = in(reg) at,
                outer = out(reg) outer,
                address = lateout(reg) address,
                options(readonly, nostack, preserves_flags),
            );
        }
        Some(Record { outer, address })
    }
}

/// Where this thread's stack is.
#[derive(Clone, Copy)]
enum Limits {
    /// The system was not asked yet.
    Unasked,
    /// It does not say.
    Unknown,
    /// From and up to here.
    Known(usize, usize),
}

impl Limits {
    /// What the system says: it is asked once for each thread.
    #[inline]
    fn of_this_thread() -> Self {
        thread_local! { static LIMITS: Cell<Limits> = const { Cell::new(Limits::Unasked) } }
        LIMITS.with(|limits| {
            if matches!(limits.get(), Self::Unasked) {
                limits.set(Self::ask());
            }
            limits.get()
        })
    }

    #[cold]
    fn ask() -> Self {
        let mut room = MaybeUninit::uninit();
        // SAFETY: has no duties.
        let this = unsafe { libc::pthread_self() };
        // SAFETY: the thread is this one, so it lives; there is room for the attributes, which this call fills.
        if unsafe { libc::pthread_getattr_np(this, room.as_mut_ptr()) } != 0 {
            return Self::Unknown;
        }
        let (mut start, mut size) = (core::ptr::null_mut(), 0);
        // SAFETY: the attributes were filled just now; there is room for what is written.
        let failed = unsafe { libc::pthread_attr_getstack(room.as_ptr(), &raw mut start, &raw mut size) };
        // SAFETY: the attributes were filled, and nobody uses them after this.
        unsafe { libc::pthread_attr_destroy(room.as_mut_ptr()) };
        let start = start.addr();
        match start.checked_add(size) {
            Some(end) if failed == 0 => Self::Known(start.max(end.saturating_sub(FARTHEST)), end),
            _ => Self::Unknown,
        }
    }
}

/// Follows the chain from a frame pointer outwards; a walk ends at the first that is none, or when the stack is full.
#[inline]
fn follow(mut at: usize, readable: &Readable, into: &mut Stack) {
    while let Some(record) = readable.record(at) {
        let has_room = into.push(record.address);
        // C3.
        if !has_room || record.outer <= at {
            break;
        }
        at = record.outer;
    }
}

/// See [`super::IS_BUILT`].
pub(crate) const IS_BUILT: bool = true;

/// See [`super::walk`], which this is.
#[inline(never)]
pub(crate) fn walk(above: usize, frames: usize) -> Stack {
    let mut stack = Stack::with_room_for(frames);
    let pointer: usize;
    // SAFETY: a copy of a register, which touches nothing else. It may hold anything, and what it holds is not believed (C1 to C3).
    unsafe { asm!("mov {}, rbp", out(reg) pointer, options(nomem, nostack, preserves_flags)) };
    // Not the stack that is returned, which may lie in the caller's frame already.
    let here = 0_u8;
    let frame = (&raw const here).addr();
    let Limits::Known(start, end) = Limits::of_this_thread() else { return stack };
    if frame < start || frame >= end {
        return stack;
    }
    // SAFETY: the walk's own frame is in this thread's stack, so all from there to the stack's end is mapped, and stays so
    // until the walk returns. See the module's text.
    let readable = unsafe { Readable::new(frame, end) };
    // The walk's own record leads to its caller's, which lies above the caller's variables.
    if let Some(own) = readable.record(pointer)
        && pointer <= above
        && own.outer > above
    {
        follow(own.outer, &readable, &mut stack);
    }
    stack
}

#[cfg(test)]
mod tests;
