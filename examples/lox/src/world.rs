//! What an interpreter keeps between two slices: one object, and everything it leads to.
//!
//! While a slice runs, the operand stack and the frames are an array and a vector of the interpreter's own, so pushing a
//! value costs no barrier. When the slice ends, what is in use of them is copied here ([`World::stack`]), and from here when the next
//! begins. Between the two nothing of the program is outside the heap, except the one root of this object.

use crate::object::{Class, Closure, Global, Upvalue, Value};
use crate::table::Table;
use crate::text::{Strings, Text};
use crate::watch::Watches;
use std::cell::Cell;
use tricolor::{AllocError, Gc, GcCell, GcSlice, Mu, Trace};

/// Calls inside each other, the script among them.
pub(crate) const MOST_FRAMES: usize = 64;
/// Places on the stack.
pub(crate) const MOST_VALUES: usize = MOST_FRAMES * 256;

/// A call that is not over.
#[derive(Trace, Clone, Copy)]
pub(crate) struct Frame<'gc> {
    pub(crate) closure: Gc<'gc, Closure<'gc>>,
    /// The next instruction.
    pub(crate) next: usize,
    /// The callee's place on the stack; the arguments follow.
    pub(crate) base: usize,
}

#[derive(Trace)]
pub(crate) struct World<'gc> {
    pub(crate) strings: Strings<'gc>,
    globals: Table<'gc, Gc<'gc, Global<'gc>>>,
    /// The name of initializers.
    pub(crate) init: Gc<'gc, Text<'gc>>,
    /// The upvalues of closures that have none.
    pub(crate) no_upvalues: Gc<'gc, GcSlice<Value<'gc>>>,
    /// The values on the stack, and nil above them.
    stack: Gc<'gc, GcSlice<GcCell<Value<'gc>>>>,
    height: Cell<usize>,
    /// Near objects, and room for as many as there can be.
    yard: GcCell<Gc<'gc, GcSlice<GcCell<Value<'gc>>>>>,
    near: Cell<usize>,
    /// The calls that are not over, the innermost last, and none after them.
    frames: Gc<'gc, GcSlice<GcCell<Option<Frame<'gc>>>>>,
    calls: Cell<usize>,
    /// The captured variables that are still on the stack, the topmost first.
    pub(crate) open: GcCell<Option<Gc<'gc, Upvalue<'gc>>>>,
    pub(crate) watches: Watches<'gc>,
}

impl<'gc> World<'gc> {
    pub(crate) fn new(mu: &Mu<'gc>) -> Result<Gc<'gc, Self>, AllocError> {
        let strings = Strings::new();
        let init = strings.intern(mu, b"init")?;
        mu.try_alloc(Self {
            strings,
            globals: Table::new(),
            init,
            no_upvalues: mu.try_alloc_slice(0, |_| unreachable!("there are none"))?,
            stack: mu.try_alloc_slice(MOST_VALUES, |_| GcCell::new(Value::NIL))?,
            height: Cell::new(0),
            yard: GcCell::new(mu.try_alloc_slice(0, |_| GcCell::new(Value::NIL))?),
            near: Cell::new(0),
            watches: Watches::new(),
            frames: mu.try_alloc_slice(MOST_FRAMES, |_| GcCell::new(None))?,
            calls: Cell::new(0),
            open: GcCell::new(None),
        })
    }

    /// The global variable of a name, which is made, and not defined, if there is none.
    pub(crate) fn global(
        &self,
        mu: &Mu<'gc>,
        name: Gc<'gc, Text<'gc>>,
    ) -> Result<Gc<'gc, Global<'gc>>, AllocError> {
        if let Some(global) = self.globals.get(name) {
            return Ok(global);
        }
        let global = mu.try_alloc(Global { name, value: GcCell::new(None) })?;
        self.globals.set(mu, name, global)?;
        Ok(global)
    }

    /// Room for so many values in the yard. Nothing of a program is there when it is asked for.
    pub(crate) fn reserve(&self, mu: &Mu<'gc>, room: usize) -> Result<(), AllocError> {
        if self.yard.get().len() < room {
            self.yard.set(mu, mu.try_alloc_slice(room, |_| GcCell::new(Value::NIL))?);
        }
        Ok(())
    }

    /// Keeps the values, near objects and calls of a slice that ends.
    pub(crate) fn save(
        &self,
        mu: &Mu<'gc>,
        values: &[Value<'gc>],
        near: &[Value<'gc>],
        frames: &[Frame<'gc>],
    ) {
        let yard = self.yard.get();
        yard.write(mu, 0, near);
        for place in yard.as_slice().get(near.len()..self.near.get()).unwrap_or_default() {
            place.set(mu, Value::NIL);
        }
        self.near.set(near.len());
        self.stack.write(mu, 0, values);
        for place in self.stack.as_slice().get(values.len()..self.height.get()).unwrap_or_default() {
            place.set(mu, Value::NIL);
        }
        self.height.set(values.len());
        for (index, place) in self.frames.iter().take(self.calls.get().max(frames.len())).enumerate() {
            place.set(mu, frames.get(index).copied());
        }
        self.calls.set(frames.len());
    }

    /// The values that are kept.
    pub(crate) fn values(&self) -> impl Iterator<Item = Value<'gc>> {
        self.stack.as_slice()[..self.height.get()].iter().map(GcCell::get)
    }

    /// The near objects that are kept.
    pub(crate) fn near(&self) -> impl Iterator<Item = Value<'gc>> {
        self.yard.get().as_slice()[..self.near.get()].iter().map(GcCell::get)
    }

    /// The calls that are kept.
    pub(crate) fn frames(&self) -> impl DoubleEndedIterator<Item = Frame<'gc>> {
        self.frames.as_slice()[..self.calls.get()].iter().filter_map(GcCell::get)
    }

    /// Forgets all values and calls: the program is over.
    pub(crate) fn reset(&self, mu: &Mu<'gc>) {
        self.save(mu, &[], &[], &[]);
        self.open.set(mu, None);
        self.watches.clear(mu);
    }

    /// The lines of a stack trace, the innermost call first.
    pub(crate) fn trace(&self) -> Vec<u8> {
        let mut text = Vec::new();
        for frame in self.frames().rev() {
            let function = frame.closure.function;
            let line = function.lines.as_slice().get(frame.next.saturating_sub(1)).copied().unwrap_or(0);
            text.extend_from_slice(format!("[line {line}] in ").as_bytes());
            match function.name {
                Some(name) => {
                    text.extend_from_slice(name.bytes.as_slice());
                    text.extend_from_slice(b"()\n");
                }
                None => text.extend_from_slice(b"script\n"),
            }
        }
        text
    }
}

impl<'gc> Class<'gc> {
    /// Gives the class a method.
    pub(crate) fn define(
        &self,
        mu: &Mu<'gc>,
        world: Gc<'gc, World<'gc>>,
        name: Gc<'gc, Text<'gc>>,
        method: Gc<'gc, Closure<'gc>>,
    ) -> Result<(), AllocError> {
        self.methods.set(mu, name, method)?;
        if Gc::ptr_eq(name, world.init) {
            self.initializer.set(mu, Some(method));
        }
        Ok(())
    }

    /// Takes over the methods of another class.
    pub(crate) fn inherit(&self, mu: &Mu<'gc>, superclass: &Self) -> Result<(), AllocError> {
        self.methods.set_all(mu, &superclass.methods)?;
        self.initializer.set(mu, superclass.initializer.get());
        Ok(())
    }
}
