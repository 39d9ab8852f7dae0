//! Calls of values that are no closures of the heap.

use crate::object::{Closure, Instance, Native, Value};
use crate::run::Host;
use crate::table::Table;
use crate::yard::Yard;
use tricolor::{AllocError, Gc, Mu};

/// What calling something other than a closure comes to.
pub(super) enum Begun<'gc> {
    /// A call of this closure, with the value in the callee's place.
    Call(Value<'gc>, Gc<'gc, Closure<'gc>>),
    /// This instance; there is nothing that takes arguments.
    Plain(Value<'gc>),
    /// This, and it is over.
    Result(Value<'gc>),
    Refused(AllocError),
    Failed,
}

/// Begins a call.
#[inline]
pub(super) fn begin<'gc>(mu: &Mu<'gc>, host: &Host<'_>, yard: &Yard<'gc>, callee: Value<'gc>) -> Begun<'gc> {
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
        Value::Near(place) => yard.runs(place).map_or(Begun::Failed, |runs| Begun::Call(callee, runs)),
        Value::Native(Native::Clock) => Begun::Result(host.started.elapsed().as_secs_f64().into()),
        Value::Nil(_)
        | Value::False(_)
        | Value::True(_)
        | Value::Number(_)
        | Value::Text(_)
        | Value::Instance(_)
        | Value::Function(_)
        | Value::Global(_)
        | Value::Cell(_)
        | Value::Place(_) => Begun::Failed,
    }
}
