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

mod slice;
mod begin;
mod upvalue;
mod property;

pub(crate) use slice::{Host, Mark, Stop};

use crate::object::{Bound, Class, Instance, Value};
use crate::op::Op;
use crate::table::Table;
use crate::text::Text;
use crate::world::{Frame, MOST_FRAMES, MOST_VALUES, World};
use crate::yard::Yard;
use begin::{Begun, begin};
use property::{Property, property, set_property};
use slice::{MOST_POLLS, restore};
use tricolor::{Gc, GcCell, Mu};
use upvalue::{Around, close, load, near, store};

const MASK: usize = MOST_VALUES - 1;
const _: () = assert!(MOST_VALUES.is_power_of_two());

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
    let mut captured = Vec::new();
    let mut yard = Yard::new(world.near());

    let (next, why) = 'slice: {
        /// Ends the slice: the program goes on at `$next`.
        macro_rules! stop {
            ($next:expr, $why:expr) => {
                break 'slice ($next, $why)
            };
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
        /// The place on the stack of a variable that the near closure has captured.
        macro_rules! place {
            ($index:expr) => {{
                let Value::Place(place) = near(&yard, &stack, base, $index) else {
                    unreachable!("the compiler knows which are on the stack")
                };
                place
            }};
        }
        /// Where a closure is made.
        macro_rules! around {
            () => {
                Around { mu, world, closure, stack: &stack, base, yard: &mut yard, captured: &mut captured }
            };
        }
        /// Returns to the caller, or ends the program.
        macro_rules! back {
            () => {{
                let result = at!(0);
                close(mu, world, &stack, base);
                let Some(caller) = frames.pop() else {
                    host.ticks += u64::from(host.poll - budget);
                    world.save(mu, &[], &[], &[]);
                    return Stop::Done;
                };
                stack[base & MASK] = result;
                top = base + 1;
                Frame { closure, next: ip, base } = caller;
                code = closure.function.code.as_slice();
                constants = closure.function.constants.as_slice();
            }};
        }
        /// What a watched site made before in this call is over. If there is something, that is looked at before the instruction.
        macro_rules! again {
            ($site:expr) => {
                if world.watches.made_again($site, frames.len()) {
                    stop!(ip - 1, Stop::Check);
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
            // Only a script can be that large: a call has been looked at.
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
                    push!(Value::NIL);
                    continue;
                }
                Op::True => {
                    push!(Value::TRUE);
                    continue;
                }
                Op::False => {
                    push!(Value::FALSE);
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
                    push!(load(&stack, closure.upvalues[usize::from(index)]));
                    continue;
                }
                Op::SetUpvalue(index) => {
                    let value = at!(0);
                    store(mu, &mut stack, closure.upvalues[usize::from(index)], value);
                    continue;
                }
                Op::GetCopy(index) => {
                    push!(closure.upvalues[usize::from(index)]);
                    continue;
                }
                Op::GetNearCopy(index) => {
                    push!(near(&yard, &stack, base, index));
                    continue;
                }
                Op::GetPlace(index) => {
                    push!(stack[place!(index) & MASK]);
                    continue;
                }
                Op::SetPlace(index) => {
                    stack[place!(index) & MASK] = at!(0);
                    continue;
                }
                Op::GetNearCell(index) => {
                    push!(load(&stack, near(&yard, &stack, base, index)));
                    continue;
                }
                Op::SetNearCell(index) => {
                    let (captured, value) = (near(&yard, &stack, base, index), at!(0));
                    store(mu, &mut stack, captured, value);
                    continue;
                }
                Op::GetProperty(index) => {
                    let Value::Instance(instance) = at!(0) else {
                        let name = constant!(Text, index);
                        match property(&yard, at!(0), name) {
                            Property::Field(value) => at!(0) = value,
                            Property::Method(_) => {
                                unreachable!("Y1: a method that is kept has its receiver in the heap")
                            }
                            Property::Undefined => fail!("Undefined property '{}'.", shown(name)),
                            Property::NoInstance => fail!("Only instances have properties."),
                        }
                        continue;
                    };
                    let name = constant!(Text, index);
                    at!(0) = match instance.fields.get(name) {
                        Some(value) => value,
                        None => match instance.class.methods.get(name) {
                            Some(method) => {
                                Value::Bound(have!(mu.try_alloc(Bound { receiver: at!(0), method })))
                            }
                            None => fail!("Undefined property '{}'.", shown(name)),
                        },
                    };
                    continue;
                }
                Op::SetProperty(index) => {
                    let Value::Instance(instance) = at!(1) else {
                        let name = constant!(Text, index);
                        if !set_property(&mut yard, at!(1), name, at!(0)) {
                            fail!("Only instances have fields.");
                        }
                        at!(1) = at!(0);
                        top -= 1;
                        continue;
                    };
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
                            let text = have!(world.strings.concatenate(mu, &mut scratch, a, b));
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
                    let (value, is_class) = yard.shown(value);
                    let end: &[u8] = if is_class { b" instance\n" } else { b"\n" };
                    if let Err(error) = value.write(host.out).and_then(|()| host.out.write_all(end)) {
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
                    let made = have!(around!().closure(constant!(Function, index)));
                    push!(Value::Closure(made));
                    continue;
                }
                Op::NearClosure(index, below) => {
                    let made = have!(around!().near_closure(constant!(Closure, index), below));
                    push!(made);
                    continue;
                }
                Op::ClosureWatched(index, site) => {
                    again!(site);
                    let made = have!(around!().closure(constant!(Function, index)));
                    have!(world.watches.closure(mu, site, frames.len(), made));
                    push!(Value::Closure(made));
                    continue;
                }
                Op::CloseUpvalue => {
                    top -= 1;
                    close(mu, world, &stack, top);
                    continue;
                }
                Op::CloseWatched => {
                    let is_over = world.watches.closed(mu, world.open.get(), top - 1);
                    top -= 1;
                    close(mu, world, &stack, top);
                    if is_over {
                        stop!(ip, Stop::Check);
                    }
                    continue;
                }
                Op::Room(room) => {
                    yard.open(room);
                    continue;
                }
                Op::Return => {
                    back!();
                    continue;
                }
                Op::ReturnNear(room) => {
                    yard.shut(room);
                    back!();
                    continue;
                }
                Op::ReturnWatched => {
                    back!();
                    if world.watches.returned(frames.len() + 1) {
                        stop!(ip, Stop::Check);
                    }
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
                    (at!(count), count)
                }
                Op::CallNear(count, below, fields) => {
                    let count = usize::from(count);
                    let Value::Class(class) = at!(count) else {
                        unreachable!("the variable is a class, or was not defined")
                    };
                    let initializer = class.initializer.get();
                    if initializer.is_none() && count != 0 {
                        fail!("Expected 0 arguments but got {count}.");
                    }
                    at!(count) = yard.put_instance(below, class, fields);
                    match initializer {
                        Some(initializer) => (Value::Closure(initializer), count),
                        None => continue,
                    }
                }
                Op::CallWatched(count, site) => {
                    again!(site);
                    let count = usize::from(count);
                    let Value::Class(class) = at!(count) else {
                        unreachable!("the variable is a class, or was not defined")
                    };
                    let initializer = class.initializer.get();
                    if initializer.is_none() && count != 0 {
                        fail!("Expected 0 arguments but got {count}.");
                    }
                    let instance = have!(mu.try_alloc(Instance { class, fields: Table::new() }));
                    have!(world.watches.instance(mu, site, frames.len(), instance));
                    at!(count) = Value::Instance(instance);
                    match initializer {
                        Some(initializer) => (Value::Closure(initializer), count),
                        None => continue,
                    }
                }
                Op::Invoke(index, count) => {
                    let count = usize::from(count);
                    let name = constant!(Text, index);
                    if let Value::Instance(instance) = at!(count) {
                        if let Some(callee) = instance.fields.get(name) {
                            (callee, count)
                        } else if let Some(method) = instance.class.methods.get(name) {
                            (Value::Closure(method), count)
                        } else {
                            fail!("Undefined property '{}'.", shown(name))
                        }
                    } else {
                        match property(&yard, at!(count), name) {
                            Property::Field(callee) => (callee, count),
                            Property::Method(method) => (Value::Closure(method), count),
                            Property::Undefined => fail!("Undefined property '{}'.", shown(name)),
                            Property::NoInstance => fail!("Only instances have methods."),
                        }
                    }
                }
                Op::SuperInvoke(index, count) => {
                    let name = constant!(Text, index);
                    let Value::Class(superclass) = at!(0) else { unreachable!("`Inherit` has looked") };
                    let Some(method) = superclass.methods.get(name) else {
                        fail!("Undefined property '{}'.", shown(name))
                    };
                    top -= 1;
                    (Value::Closure(method), usize::from(count))
                }
            };
            let callee = if let Value::Closure(callee) = callee {
                callee
            } else {
                // Another value: a closure to be called for it, or the end of the instruction.
                match begin(mu, host, &yard, callee) {
                    Begun::Call(receiver, callee) => {
                        at!(count) = receiver;
                        callee
                    }
                    Begun::Result(value) => {
                        top -= count;
                        at!(0) = value;
                        continue;
                    }
                    Begun::Plain(_) if count != 0 => fail!("Expected 0 arguments but got {count}."),
                    Begun::Plain(instance) => {
                        at!(0) = instance;
                        continue;
                    }
                    Begun::Refused(refused) => have!(Err(refused)),
                    Begun::Failed => fail!("Can only call functions and classes."),
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
    };
    host.ticks += u64::from(host.poll - budget);
    frames.push(Frame { closure, next, base });
    yard.forget(&stack[..top]);
    world.save(mu, &stack[..top], yard.in_use(), &frames);
    why
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
