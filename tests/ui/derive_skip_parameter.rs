//! A skipped field of a parameter's type could hold a reference, unless the parameter is `'static`. An associated type, too.
use tricolor::{Gc, Trace};

#[derive(Trace)]
struct Parameter<T: Send> {
    #[trace(skip)]
    value: T,
}

trait Shape {
    type Inner: Send;
}

impl<'gc> Shape for Gc<'gc, u64> {
    type Inner = Gc<'gc, u64>;
}

#[derive(Trace)]
struct Associated<T: Shape> {
    #[trace(skip)]
    value: T::Inner,
}

fn main() {}
