//! Captured variables: on the stack while their scope lasts, and out of it afterwards.

use super::MASK;
use crate::object::{Capture, Closure, Function, Place, Upvalue, Value};
use crate::world::{MOST_VALUES, World};
use crate::yard::Yard;
use tricolor::{AllocError, Gc, GcCell, Mu};

/// Where a closure is made: what its captures are looked for in.
pub(super) struct Around<'a, 'gc> {
    pub(super) mu: &'a Mu<'gc>,
    pub(super) world: Gc<'gc, World<'gc>>,
    /// What runs.
    pub(super) closure: Gc<'gc, Closure<'gc>>,
    pub(super) stack: &'a [Value<'gc>; MOST_VALUES],
    pub(super) base: usize,
    pub(super) yard: &'a mut Yard<'gc>,
    pub(super) captured: &'a mut Vec<Value<'gc>>,
}

impl<'gc> Around<'_, 'gc> {
    /// A closure in the heap.
    #[inline(never)]
    pub(super) fn closure(
        mut self,
        function: Gc<'gc, Function<'gc>>,
    ) -> Result<Gc<'gc, Closure<'gc>>, AllocError> {
        let upvalues = if function.captures.is_empty() {
            self.world.no_upvalues
        } else {
            self.capture(function.captures.as_slice())?;
            self.mu.try_alloc_slice(self.captured.len(), |index| self.captured[index])?
        };
        self.mu.try_alloc(Closure { function, upvalues })
    }

    /// A closure in the yard.
    #[inline(never)]
    pub(super) fn near_closure(
        mut self,
        runs: Gc<'gc, Closure<'gc>>,
        below: u8,
    ) -> Result<Value<'gc>, AllocError> {
        self.capture(runs.function.captures.as_slice())?;
        Ok(self.yard.put_closure(below, runs, self.captured))
    }

    fn capture(&mut self, captures: &[Capture]) -> Result<(), AllocError> {
        let place = |index: u8| self.base + usize::from(index);
        self.captured.clear();
        for capture in captures {
            self.captured.push(match *capture {
                Capture::Local(index) => Value::Cell(open(self.mu, self.world, place(index))?),
                Capture::LocalPlace(index) => Value::Place(place(index)),
                Capture::LocalCopy(index) => self.stack[place(index) & MASK],
                Capture::Upvalue(index) => self.closure.upvalues[usize::from(index)],
                Capture::NearUpvalue(index) => near(self.yard, self.stack, self.base, index),
            });
        }
        Ok(())
    }
}

/// What the near closure that runs from `base` on has captured.
#[inline(always)]
pub(super) fn near<'gc>(
    yard: &Yard<'gc>,
    stack: &[Value<'gc>; MOST_VALUES],
    base: usize,
    index: u8,
) -> Value<'gc> {
    let Value::Near(own) = stack[base & MASK] else { unreachable!("a function is in its own first place") };
    yard.captured(own, usize::from(index))
}

/// The value of a captured variable that is in a cell.
#[inline(always)]
pub(super) fn load<'gc>(stack: &[Value<'gc>; MOST_VALUES], captured: Value<'gc>) -> Value<'gc> {
    let Value::Cell(cell) = captured else { unreachable!("the compiler knows which are cells") };
    match cell.place.get() {
        Place::Open(place) => stack[place as usize & MASK],
        Place::Closed(value) => value,
    }
}

/// Assigns a captured variable that is in a cell.
#[inline(always)]
pub(super) fn store<'gc>(
    mu: &Mu<'gc>,
    stack: &mut [Value<'gc>; MOST_VALUES],
    captured: Value<'gc>,
    value: Value<'gc>,
) {
    let Value::Cell(cell) = captured else { unreachable!("the compiler knows which are cells") };
    match cell.place.get() {
        Place::Open(place) => stack[place as usize & MASK] = value,
        Place::Closed(_) => cell.place.set(mu, Place::Closed(value)),
    }
}

/// The open upvalue of a place on the stack.
fn open<'gc>(
    mu: &Mu<'gc>,
    world: Gc<'gc, World<'gc>>,
    place: usize,
) -> Result<Gc<'gc, Upvalue<'gc>>, AllocError> {
    let Ok(place) = u32::try_from(place) else { unreachable!("the stack is not so high") };
    let mut above = None;
    let mut next = world.open.get();
    while let Some(upvalue) = next {
        match upvalue.place.get() {
            Place::Open(other) if other > place => {
                above = next;
                next = upvalue.next.get();
            }
            Place::Open(other) if other == place => return Ok(upvalue),
            Place::Open(_) | Place::Closed(_) => break,
        }
    }
    let made = mu.try_alloc(Upvalue { place: GcCell::new(Place::Open(place)), next: GcCell::new(next) })?;
    match above {
        Some(above) => above.next.set(mu, Some(made)),
        None => world.open.set(mu, Some(made)),
    }
    Ok(made)
}

/// Moves the captured variables from a place on out of the stack.
#[inline(always)]
pub(super) fn close<'gc>(
    mu: &Mu<'gc>,
    world: Gc<'gc, World<'gc>>,
    stack: &[Value<'gc>; MOST_VALUES],
    from: usize,
) {
    if world.open.get().is_some() {
        close_slow(mu, world, stack, from);
    }
}

#[inline(never)]
fn close_slow<'gc>(mu: &Mu<'gc>, world: Gc<'gc, World<'gc>>, stack: &[Value<'gc>; MOST_VALUES], from: usize) {
    while let Some(upvalue) = world.open.get() {
        let Place::Open(place) = upvalue.place.get() else { return };
        let place = place as usize;
        if place < from {
            return;
        }
        upvalue.place.set(mu, Place::Closed(stack[place & MASK]));
        world.open.set(mu, upvalue.next.take(mu));
    }
}
