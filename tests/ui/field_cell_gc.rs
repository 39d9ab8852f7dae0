//! A reference that changes is in a `GcCell`, which tells the collector, and not in a `Cell`.
use std::cell::Cell;
use tricolor::{Gc, Trace};

#[derive(Trace)]
struct Node<'gc> {
    next: Cell<Option<Gc<'gc, Node<'gc>>>>,
}

fn main() {}
