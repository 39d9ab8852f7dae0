//! The interpreter's loop: one slice of a program, inside one `enter`.
//!
//! The operand stack is an array outside the heap while the slice runs. That is sound because nothing the slice holds is freed before
//! it leaves, and it is fast because a push is a plain store. At the end what is in use is copied to the [`World`].
//!
//! An instruction that allocates does so before it changes anything. If the heap refuses, the slice ends *before* the
//! instruction, so that it can be run again after a collection.
//!
//! The stack has [`MOST_VALUES`] places, a power of two, and indices are masked instead of checked. No index is ever masked
//! to another: a call is refused unless all that its function can push fits (`Function::room`).

use crate::object::{Bound, Capture, Class, Closure, Instance, Native, Place, Upvalue, Value};
use crate::op::Op;
use crate::table::Table;
use crate::text::Text;
use crate::world::{Frame, MOST_FRAMES, MOST_VALUES, World};
use std::io::{self, Write};
use std::time::Instant;
use tricolor::{AllocError, Gc, GcCell, GcSlice, Mu};

/// Why a slice ended.
pub(crate) enum Stop {
    /// The program is over.
    Done,
    /// The collector would like to see this thread, or the slice was long enough.
    Pause,
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
    ticks: u64,
    calls: usize,
    next: usize,
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
const MOST_POLLS: u32 = 4096;

const MASK: usize = MOST_VALUES - 1;
const _: () = assert!(MOST_VALUES.is_power_of_two());

type Stack<'gc> = Box<[Value<'gc>; MOST_VALUES]>;

/// The values that were kept, in a stack of the interpreter's own, and how many they are.
fn restore<'gc>(world: Gc<'gc, World<'gc>>) -> (Stack<'gc>, usize) {
    let places = vec![Value::Nil; MOST_VALUES].into_boxed_slice();
    let Ok(mut stack) = Stack::try_from(places) else { unreachable!("there are as many") };
    let mut height = 0;
    for (place, value) in stack.iter_mut().zip(world.values()) {
        *place = value;
        height += 1;
    }
    (stack, height)
}

/// Runs a slice of the program whose calls `world` keeps.
pub(crate) fn run<'gc>(mu: &Mu<'gc>, world: Gc<'gc, World<'gc>>, host: &mut Host<'_>) -> Stop {
    let (mut stack, mut top) = restore(world);
    let mut frames: Vec<Frame<'gc>> = Vec::with_capacity(MOST_FRAMES);
    frames.extend(world.frames());
    let Some(Frame { mut closure, next: mut ip, mut base }) = frames.pop() else { return Stop::Done };
    let mut code: &'gc [Op] = closure.function.code.as_slice();
    let mut constants: &'gc [Value<'gc>] = closure.function.constants.as_slice();
    let mut budget = host.poll;
    let mut polls = MOST_POLLS;
    let mut scratch = Vec::new();

    /// Ends the slice: the program goes on at `$next`.
    macro_rules! stop {
        ($next:expr, $why:expr) => {{
            host.ticks += u64::from(host.poll - budget);
            frames.push(Frame { closure, next: $next, base });
            world.save(mu, &stack[..top], &frames);
            return $why;
        }};
    }
    macro_rules! fail {
        ($($message:tt)*) => { stop!(ip, Stop::Failed(format!($($message)*))) };
    }
    /// What was allocated, or the end of the slice.
    macro_rules! have {
        ($allocated:expr) => {
            match $allocated {
                Ok(object) => object,
                Err(_) => {
                    let ticks = host.ticks + u64::from(host.poll - budget);
                    stop!(ip - 1, Stop::Refused(Mark { ticks, calls: frames.len(), next: ip }))
                }
            }
        };
    }
    /// The place so far below the top.
    macro_rules! at {
        ($depth:expr) => {
            stack[top.wrapping_sub(1 + $depth) & MASK]
        };
    }
    macro_rules! push {
        ($value:expr) => {{
            debug_assert!(top < base + closure.function.room, "the compiler counts what is pushed");
            stack[top & MASK] = $value;
            top += 1;
        }};
    }
    macro_rules! numbers {
        ($a:ident, $b:ident => $result:expr) => {{
            let (Value::Number($a), Value::Number($b)) = (at!(1), at!(0)) else {
                fail!("Operands must be numbers.")
            };
            let ($a, $b) = ($a.get(), $b.get());
            top -= 1;
            at!(0) = Value::from($result);
        }};
    }
    macro_rules! constant {
        ($kind:ident, $index:expr) => {{
            let Value::$kind(object) = constants[usize::from($index)] else {
                unreachable!("the compiler made the constant")
            };
            object
        }};
    }
    /// What calling any value with so many arguments comes to: a closure to be called, or the end of the instruction.
    macro_rules! begun {
        ($callee:expr, $count:expr) => {
            match begin(mu, host, $callee) {
                Begun::Call(receiver, callee) => {
                    at!($count) = receiver;
                    (callee, $count)
                }
                Begun::Result(value) => {
                    top -= $count;
                    at!(0) = value;
                    continue;
                }
                Begun::Plain(_) if $count != 0 => fail!("Expected 0 arguments but got {}.", $count),
                Begun::Plain(instance) => {
                    at!(0) = instance;
                    continue;
                }
                Begun::Refused(refused) => have!(Err(refused)),
                Begun::Failed => fail!("Can only call functions and classes."),
            }
        };
    }
    /// Counts a call or a loop, and now and then looks whether the slice has to end.
    macro_rules! tick {
        () => {{
            budget -= 1;
            if budget == 0 {
                polls -= 1;
                if polls == 0 || mu.should_yield() {
                    stop!(ip, Stop::Pause);
                }
                host.ticks += u64::from(host.poll);
                budget = host.poll;
            }
        }};
    }

    if base + closure.function.room > MOST_VALUES {
        // Only a script can be that large here: a call has been looked at.
        fail!("Stack overflow.");
    }
    loop {
        let op = code[ip];
        ip += 1;
        // Instructions that are no calls go on with the next; a call leaves the match with what is called.
        let (callee, count) = match op {
            Op::Constant(index) => {
                push!(constants[usize::from(index)]);
                continue;
            }
            Op::Nil => {
                push!(Value::Nil);
                continue;
            }
            Op::True => {
                push!(Value::True);
                continue;
            }
            Op::False => {
                push!(Value::False);
                continue;
            }
            Op::Pop => {
                top -= 1;
                continue;
            }
            Op::GetLocal(index) => {
                push!(stack[(base + usize::from(index)) & MASK]);
                continue;
            }
            Op::SetLocal(index) => {
                stack[(base + usize::from(index)) & MASK] = at!(0);
                continue;
            }
            Op::GetGlobal(index) => {
                let global = constant!(Global, index);
                let Some(value) = global.value.get() else {
                    fail!("Undefined variable '{}'.", shown(global.name))
                };
                push!(value);
                continue;
            }
            Op::DefineGlobal(index) => {
                constant!(Global, index).value.set(mu, Some(at!(0)));
                top -= 1;
                continue;
            }
            Op::SetGlobal(index) => {
                let global = constant!(Global, index);
                if global.value.get().is_none() {
                    fail!("Undefined variable '{}'.", shown(global.name));
                }
                global.value.set(mu, Some(at!(0)));
                continue;
            }
            Op::GetUpvalue(index) => {
                push!(match closure.upvalues[usize::from(index)].place.get() {
                    Place::Open(place) => stack[place as usize & MASK],
                    Place::Closed(value) => value,
                });
                continue;
            }
            Op::SetUpvalue(index) => {
                let cell = &closure.upvalues[usize::from(index)].place;
                match cell.get() {
                    Place::Open(place) => stack[place as usize & MASK] = at!(0),
                    Place::Closed(_) => cell.set(mu, Place::Closed(at!(0))),
                }
                continue;
            }
            Op::GetProperty(index) => {
                let Value::Instance(instance) = at!(0) else { fail!("Only instances have properties.") };
                let name = constant!(Text, index);
                at!(0) = match instance.fields.get(name) {
                    Some(value) => value,
                    None => match instance.class.methods.get(name) {
                        Some(method) => Value::Bound(have!(mu.try_alloc(Bound { receiver: at!(0), method }))),
                        None => fail!("Undefined property '{}'.", shown(name)),
                    },
                };
                continue;
            }
            Op::SetProperty(index) => {
                let Value::Instance(instance) = at!(1) else { fail!("Only instances have fields.") };
                have!(instance.fields.set(mu, constant!(Text, index), at!(0)));
                at!(1) = at!(0);
                top -= 1;
                continue;
            }
            Op::GetSuper(index) => {
                let name = constant!(Text, index);
                let Value::Class(superclass) = at!(0) else { unreachable!("`Inherit` has looked") };
                let Some(method) = superclass.methods.get(name) else {
                    fail!("Undefined property '{}'.", shown(name))
                };
                let bound = have!(mu.try_alloc(Bound { receiver: at!(1), method }));
                top -= 1;
                at!(0) = Value::Bound(bound);
                continue;
            }
            Op::Equal => {
                let equal = at!(1).equals(at!(0));
                top -= 1;
                at!(0) = Value::from(equal);
                continue;
            }
            Op::NotEqual => {
                let equal = at!(1).equals(at!(0));
                top -= 1;
                at!(0) = Value::from(!equal);
                continue;
            }
            Op::Greater => {
                numbers!(a, b => a > b);
                continue;
            }
            // The book has `not less`, which is another thing where one of them is not a number.
            Op::GreaterEqual => {
                numbers!(a, b => !is_less(a, b));
                continue;
            }
            Op::Less => {
                numbers!(a, b => is_less(a, b));
                continue;
            }
            Op::LessEqual => {
                numbers!(a, b => !is_less(b, a));
                continue;
            }
            Op::Add => {
                match (at!(1), at!(0)) {
                    (Value::Number(a), Value::Number(b)) => {
                        top -= 1;
                        at!(0) = Value::from(a.get() + b.get());
                    }
                    (Value::Text(a), Value::Text(b)) => {
                        let text = have!(concatenate(mu, world, &mut scratch, a, b));
                        top -= 1;
                        at!(0) = Value::Text(text);
                    }
                    _ => fail!("Operands must be two numbers or two strings."),
                }
                continue;
            }
            Op::Subtract => {
                numbers!(a, b => a - b);
                continue;
            }
            Op::Multiply => {
                numbers!(a, b => a * b);
                continue;
            }
            Op::Divide => {
                numbers!(a, b => a / b);
                continue;
            }
            Op::Not => {
                at!(0) = Value::from(at!(0).is_falsey());
                continue;
            }
            Op::Negate => {
                let Value::Number(number) = at!(0) else { fail!("Operand must be a number.") };
                at!(0) = Value::from(-number.get());
                continue;
            }
            Op::Print => {
                let value = at!(0);
                top -= 1;
                if let Err(error) = value.write(host.out).and_then(|()| host.out.write_all(b"\n")) {
                    stop!(ip, Stop::Output(error));
                }
                continue;
            }
            Op::Jump(distance) => {
                ip += usize::from(distance);
                continue;
            }
            Op::JumpIfFalse(distance) => {
                if at!(0).is_falsey() {
                    ip += usize::from(distance);
                }
                continue;
            }
            Op::Branch(distance) => {
                if at!(0).is_falsey() {
                    ip += usize::from(distance);
                }
                top -= 1;
                continue;
            }
            Op::Loop(distance) => {
                ip -= usize::from(distance);
                tick!();
                continue;
            }
            Op::Closure(index) => {
                let function = constant!(Function, index);
                let upvalues = if function.captures.is_empty() {
                    world.no_upvalues
                } else {
                    have!(capture(mu, world, closure, base, function.captures.as_slice()))
                };
                push!(Value::Closure(have!(mu.try_alloc(Closure { function, upvalues }))));
                continue;
            }
            Op::CloseUpvalue => {
                top -= 1;
                close(mu, world, &stack, top);
                continue;
            }
            Op::Return => {
                let result = at!(0);
                close(mu, world, &stack, base);
                let Some(caller) = frames.pop() else {
                    host.ticks += u64::from(host.poll - budget);
                    world.save(mu, &[], &[]);
                    return Stop::Done;
                };
                stack[base & MASK] = result;
                top = base + 1;
                Frame { closure, next: ip, base } = caller;
                code = closure.function.code.as_slice();
                constants = closure.function.constants.as_slice();
                continue;
            }
            Op::Class(index) => {
                let constant = constants[usize::from(index)];
                let name = if let Value::Global(global) = constant {
                    global.name
                } else if let Value::Text(name) = constant {
                    name
                } else {
                    unreachable!("the compiler made the constant")
                };
                let class = Class { name, methods: Table::new(), initializer: GcCell::new(None) };
                push!(Value::Class(have!(mu.try_alloc(class))));
                continue;
            }
            Op::Inherit => {
                let Value::Class(superclass) = at!(1) else { fail!("Superclass must be a class.") };
                let Value::Class(class) = at!(0) else { unreachable!("the compiler puts a class there") };
                have!(class.inherit(mu, &superclass));
                top -= 1;
                continue;
            }
            Op::Method(index) => {
                let (Value::Class(class), Value::Closure(method)) = (at!(1), at!(0)) else {
                    unreachable!("the compiler puts a class and a closure there")
                };
                have!(class.define(mu, world, constant!(Text, index), method));
                top -= 1;
                continue;
            }
            Op::Call(count) => {
                let count = usize::from(count);
                let callee = at!(count);
                if let Value::Closure(callee) = callee { (callee, count) } else { begun!(callee, count) }
            }
            Op::Invoke(index, count) => {
                let count = usize::from(count);
                let name = constant!(Text, index);
                let Value::Instance(instance) = at!(count) else { fail!("Only instances have methods.") };
                if let Some(callee) = instance.fields.get(name) {
                    begun!(callee, count)
                } else if let Some(method) = instance.class.methods.get(name) {
                    (method, count)
                } else {
                    fail!("Undefined property '{}'.", shown(name))
                }
            }
            Op::SuperInvoke(index, count) => {
                let name = constant!(Text, index);
                let Value::Class(superclass) = at!(0) else { unreachable!("`Inherit` has looked") };
                let Some(method) = superclass.methods.get(name) else {
                    fail!("Undefined property '{}'.", shown(name))
                };
                top -= 1;
                (method, usize::from(count))
            }
        };
        let function = callee.function;
        if function.arity != count {
            fail!("Expected {} arguments but got {count}.", function.arity);
        }
        let callee_base = top - count - 1;
        if frames.len() + 1 == MOST_FRAMES || callee_base + function.room > MOST_VALUES {
            fail!("Stack overflow.");
        }
        frames.push(Frame { closure, next: ip, base });
        (closure, ip, base) = (callee, 0, callee_base);
        code = function.code.as_slice();
        constants = function.constants.as_slice();
        tick!();
    }
}

/// What calling something other than a closure comes to.
enum Begun<'gc> {
    /// A call of this closure, with the value in the callee's place.
    Call(Value<'gc>, Gc<'gc, Closure<'gc>>),
    /// This instance; there is nothing that takes arguments.
    Plain(Value<'gc>),
    /// This, and it is over.
    Result(Value<'gc>),
    Refused(AllocError),
    Failed,
}

#[inline]
fn begin<'gc>(mu: &Mu<'gc>, host: &Host<'_>, callee: Value<'gc>) -> Begun<'gc> {
    match callee {
        Value::Class(class) => match mu.try_alloc(Instance { class, fields: Table::new() }) {
            Ok(instance) => match class.initializer.get() {
                Some(initializer) => Begun::Call(Value::Instance(instance), initializer),
                None => Begun::Plain(Value::Instance(instance)),
            },
            Err(refused) => Begun::Refused(refused),
        },
        Value::Bound(bound) => Begun::Call(bound.receiver, bound.method),
        Value::Closure(closure) => Begun::Call(callee, closure),
        Value::Native(Native::Clock) => Begun::Result(host.started.elapsed().as_secs_f64().into()),
        Value::Nil
        | Value::False
        | Value::True
        | Value::Number(_)
        | Value::Text(_)
        | Value::Instance(_)
        | Value::Function(_)
        | Value::Global(_) => Begun::Failed,
    }
}

/// Whether one number is less than the other; false if one is not a number.
#[inline(always)]
fn is_less(a: f64, b: f64) -> bool {
    a < b
}

/// A name in a message.
fn shown(name: Gc<'_, Text<'_>>) -> String {
    String::from_utf8_lossy(name.bytes.as_slice()).into_owned()
}

fn concatenate<'gc>(
    mu: &Mu<'gc>,
    world: Gc<'gc, World<'gc>>,
    scratch: &mut Vec<u8>,
    a: Gc<'gc, Text<'gc>>,
    b: Gc<'gc, Text<'gc>>,
) -> Result<Gc<'gc, Text<'gc>>, AllocError> {
    scratch.clear();
    scratch.extend_from_slice(a.bytes.as_slice());
    scratch.extend_from_slice(b.bytes.as_slice());
    world.strings.intern(mu, scratch)
}

/// The upvalues of a new closure.
fn capture<'gc>(
    mu: &Mu<'gc>,
    world: Gc<'gc, World<'gc>>,
    around: Gc<'gc, Closure<'gc>>,
    base: usize,
    captures: &[Capture],
) -> Result<Gc<'gc, GcSlice<Gc<'gc, Upvalue<'gc>>>>, AllocError> {
    let upvalues = captures.iter().map(|capture| match *capture {
        Capture::Local(index) => open(mu, world, base + usize::from(index)),
        Capture::Upvalue(index) => Ok(around.upvalues[usize::from(index)]),
    });
    let upvalues = upvalues.collect::<Result<Vec<_>, _>>()?;
    mu.try_alloc_slice(upvalues.len(), |index| upvalues[index])
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
fn close<'gc>(mu: &Mu<'gc>, world: Gc<'gc, World<'gc>>, stack: &[Value<'gc>; MOST_VALUES], from: usize) {
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
