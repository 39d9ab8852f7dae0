//! References in a `Vec` of the program's own are out of the collector's sight.
use std::cell::RefCell;
use tricolor::{Gc, Trace};

#[derive(Trace)]
struct Node<'gc> {
    numbers: RefCell<Vec<Gc<'gc, u64>>>,
}

fn main() {}
