//! Values, and the objects they lead to. All of them live in the heap.

use crate::op::Op;
use crate::table::Table;
use crate::text::Text;
use std::io::{self, Write};
use tricolor::{Gc, GcCell, GcSlice, Trace};

/// A value of the language. The last four kinds are not seen by programs: two are among the constants of a function, and two are
/// what closures have captured.
///
/// A closure or an instance that does not outlive its call is [`Value::Near`]: the number of its place in the `Yard`.
///
/// Every payload is one word of the integer registers. So the compiler treats a value as a pair of a tag and
/// a word, and copies the two one by one; a copy of sixteen bytes at once would wait for the two stores before it.
#[derive(Trace, Clone, Copy)]
pub(crate) enum Value<'gc> {
    Nil(Blank),
    False(Blank),
    True(Blank),
    Number(Number),
    Text(Gc<'gc, Text<'gc>>),
    Closure(Gc<'gc, Closure<'gc>>),
    Class(Gc<'gc, Class<'gc>>),
    Instance(Gc<'gc, Instance<'gc>>),
    Bound(Gc<'gc, Bound<'gc>>),
    Native(&'static Native),
    Near(usize),
    Function(Gc<'gc, Function<'gc>>),
    Global(Gc<'gc, Global<'gc>>),
    /// A captured variable that may outlive its call.
    Cell(Gc<'gc, Upvalue<'gc>>),
    /// A captured variable that does not: its place on the stack.
    Place(usize),
}

const _: () = assert!(size_of::<Option<Value<'_>>>() == 16);
const _: () = assert!(size_of::<Place<'_>>() == 16);

/// The word of a value that needs none. Without it that word would be what was there before: a reference, as the collector reads it, that
/// keeps what a program has forgotten.
#[derive(Trace, Clone, Copy)]
pub(crate) struct Blank(usize);

impl Value<'_> {
    pub(crate) const NIL: Self = Self::Nil(Blank(0));
    pub(crate) const FALSE: Self = Self::False(Blank(0));
    pub(crate) const TRUE: Self = Self::True(Blank(0));
}

/// A number, as its bits.
#[derive(Trace, Clone, Copy)]
pub(crate) struct Number(u64);

impl Number {
    #[inline(always)]
    pub(crate) fn get(self) -> f64 {
        f64::from_bits(self.0)
    }
}

impl From<f64> for Value<'_> {
    #[inline(always)]
    fn from(number: f64) -> Self {
        Self::Number(Number(number.to_bits()))
    }
}

impl From<bool> for Value<'_> {
    #[inline(always)]
    fn from(truth: bool) -> Self {
        if truth { Self::TRUE } else { Self::FALSE }
    }
}

/// A compiled function.
#[derive(Trace)]
pub(crate) struct Function<'gc> {
    /// None for the script.
    pub(crate) name: Option<Gc<'gc, Text<'gc>>>,
    pub(crate) code: Gc<'gc, GcSlice<Op>>,
    pub(crate) constants: Gc<'gc, GcSlice<Value<'gc>>>,
    /// The line of each instruction.
    pub(crate) lines: Gc<'gc, GcSlice<u32>>,
    pub(crate) captures: Gc<'gc, GcSlice<Capture>>,
    pub(crate) arity: usize,
    /// The places on the stack that a call needs, from the callee's on.
    pub(crate) room: usize,
}

/// Where a closure finds one of its upvalues when it is made.
#[derive(Trace, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Capture {
    /// A local variable of the function around it, which may outlive its call.
    Local(u8),
    /// One that does not.
    LocalPlace(u8),
    /// The value of one that never changes any more.
    LocalCopy(u8),
    /// What the function around it has captured.
    Upvalue(u8),
    /// The same, where that is a near closure.
    NearUpvalue(u8),
}

/// A function with the variables it has captured.
#[derive(Trace)]
pub(crate) struct Closure<'gc> {
    pub(crate) function: Gc<'gc, Function<'gc>>,
    /// A [`Value::Cell`], or a copy of the variable's value, as the function's instructions expect it.
    pub(crate) upvalues: Gc<'gc, GcSlice<Value<'gc>>>,
}

/// A captured variable.
#[derive(Trace)]
pub(crate) struct Upvalue<'gc> {
    pub(crate) place: GcCell<Place<'gc>>,
    /// The next open one, further down the stack.
    pub(crate) next: GcCell<Option<Gc<'gc, Upvalue<'gc>>>>,
}

/// Where a captured variable is.
#[derive(Trace, Clone, Copy)]
pub(crate) enum Place<'gc> {
    /// On the stack, as long as its function runs.
    Open(u32),
    Closed(Value<'gc>),
}

/// A global variable, whether it is defined yet or not.
#[derive(Trace)]
pub(crate) struct Global<'gc> {
    pub(crate) name: Gc<'gc, Text<'gc>>,
    pub(crate) value: GcCell<Option<Value<'gc>>>,
}

#[derive(Trace)]
pub(crate) struct Class<'gc> {
    pub(crate) name: Gc<'gc, Text<'gc>>,
    pub(crate) methods: Table<'gc, Gc<'gc, Closure<'gc>>>,
    /// The method `init`.
    pub(crate) initializer: GcCell<Option<Gc<'gc, Closure<'gc>>>>,
}

#[derive(Trace)]
pub(crate) struct Instance<'gc> {
    pub(crate) class: Gc<'gc, Class<'gc>>,
    pub(crate) fields: Table<'gc, Value<'gc>>,
}

/// A method with the instance it was taken from.
#[derive(Trace)]
pub(crate) struct Bound<'gc> {
    pub(crate) receiver: Value<'gc>,
    pub(crate) method: Gc<'gc, Closure<'gc>>,
}

/// A function that is not written in the language.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Native {
    /// Seconds since the interpreter was started.
    Clock,
}

impl Value<'_> {
    /// Whether a condition takes the value for false.
    #[inline(always)]
    pub(crate) fn is_falsey(self) -> bool {
        matches!(self, Self::Nil(_) | Self::False(_))
    }

    /// The operator `==`.
    #[inline(always)]
    pub(crate) fn equals(self, other: Self) -> bool {
        match (self, other) {
            (Self::Nil(_), Self::Nil(_))
            | (Self::False(_), Self::False(_))
            | (Self::True(_), Self::True(_)) => true,
            (Self::Number(a), Self::Number(b)) => a.get() == b.get(),
            (Self::Text(a), Self::Text(b)) => Gc::ptr_eq(a, b),
            (Self::Closure(a), Self::Closure(b)) => Gc::ptr_eq(a, b),
            (Self::Class(a), Self::Class(b)) => Gc::ptr_eq(a, b),
            (Self::Instance(a), Self::Instance(b)) => Gc::ptr_eq(a, b),
            (Self::Bound(a), Self::Bound(b)) => Gc::ptr_eq(a, b),
            (Self::Native(a), Self::Native(b)) => a == b,
            (Self::Near(a), Self::Near(b)) => a == b,
            _ => false,
        }
    }

    /// Writes the value as `print` does, without the end of the line.
    ///
    /// # Panics
    /// For a near value: `Yard::shown` says what stands for it.
    pub(crate) fn write(self, out: &mut dyn Write) -> io::Result<()> {
        let function = |out: &mut dyn Write, function: Gc<'_, Function<'_>>| match function.name {
            Some(name) => {
                out.write_all(b"<fn ")?;
                out.write_all(name.bytes.as_slice())?;
                out.write_all(b">")
            }
            None => out.write_all(b"<script>"),
        };
        match self {
            Self::Nil(_) => out.write_all(b"nil"),
            Self::True(_) => out.write_all(b"true"),
            Self::False(_) => out.write_all(b"false"),
            Self::Number(number) => out.write_all(crate::number::display(number.get()).as_bytes()),
            Self::Text(text) => out.write_all(text.bytes.as_slice()),
            Self::Closure(closure) => function(out, closure.function),
            Self::Class(class) => out.write_all(class.name.bytes.as_slice()),
            Self::Instance(instance) => {
                out.write_all(instance.class.name.bytes.as_slice())?;
                out.write_all(b" instance")
            }
            Self::Bound(bound) => function(out, bound.method.function),
            Self::Native(_) => out.write_all(b"<native fn>"),
            Self::Function(made) => function(out, made),
            Self::Global(global) => out.write_all(global.name.bytes.as_slice()),
            Self::Near(_) | Self::Cell(_) | Self::Place(_) => {
                unreachable!("what is shown is looked up before")
            }
        }
    }
}

impl std::fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = Vec::new();
        self.write(&mut text).map_err(|_| std::fmt::Error)?;
        f.write_str(&String::from_utf8_lossy(&text))
    }
}
