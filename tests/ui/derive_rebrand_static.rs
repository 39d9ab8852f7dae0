//! A parameter that must be `'static` has no brand: with one, the type cannot be given another.
use std::cell::Cell;
use tricolor::{Gc, Rebrand, Trace};

#[derive(Trace)]
struct Holder<T: 'static + Copy> {
    held: Cell<Option<T>>,
}

fn rebrandable<T: Rebrand>() {}

fn main() {
    rebrandable::<Holder<u64>>();
    rebrandable::<Holder<Gc<'static, u64>>>();
}
