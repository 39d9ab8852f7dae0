//! Properties of near instances, out of the loop's line.

use crate::object::{Closure, Value};
use crate::text::Key;
use crate::yard::Yard;
use tricolor::Gc;

/// What a name is to a value that is no instance in the heap.
pub(super) enum Property<'gc> {
    Field(Value<'gc>),
    Method(Gc<'gc, Closure<'gc>>),
    Undefined,
    NoInstance,
}

/// Looks up a name.
#[inline(never)]
pub(super) fn property<'gc>(yard: &Yard<'gc>, value: Value<'gc>, name: Key<'gc>) -> Property<'gc> {
    let Value::Near(place) = value else { return Property::NoInstance };
    let Some(class) = yard.class(place) else { return Property::NoInstance };
    match yard.field(place, name) {
        Some(value) => Property::Field(value),
        None => class.methods.get(name).map_or(Property::Undefined, Property::Method),
    }
}

/// Assigns a field of a near instance. Whether the value is one.
#[inline(never)]
pub(super) fn set_property<'gc>(
    yard: &mut Yard<'gc>,
    of: Value<'gc>,
    name: Key<'gc>,
    value: Value<'gc>,
) -> bool {
    let Value::Near(place) = of else { return false };
    let is_instance = yard.class(place).is_some();
    if is_instance {
        yard.set_field(place, name, value);
    }
    is_instance
}
