//! A field that refers to an object is `Trace` if the object is. Without that, a cell that is fine to make with `'static`
//! references, since there are none, would be given another brand with the type, and then filled.
use std::cell::Cell;
use tricolor::{Gc, Trace};

#[derive(Trace)]
struct Smuggler<'gc, T: Copy> {
    cell: Gc<'gc, Cell<Option<T>>>,
}

#[derive(Trace)]
struct Hidden<'gc> {
    hidden: Gc<'gc, Untraced>,
}

struct Untraced;

fn main() {}
