//! A type with a `Drop` of its own holds no references, also not in a field of a field.
use tricolor::{Gc, GcCell, Trace};

#[derive(Trace)]
#[trace(drop)]
struct Noisy<'gc> {
    number: Gc<'gc, u64>,
}

impl Drop for Noisy<'_> {
    fn drop(&mut self) {
        println!("{}", *self.number);
    }
}

#[derive(Trace)]
struct Inner<'gc> {
    number: GcCell<Option<Gc<'gc, u64>>>,
}

#[derive(Trace)]
#[trace(drop)]
enum Outer<'gc> {
    Some(u64, [Inner<'gc>; 2]),
    None,
}

impl Drop for Outer<'_> {
    fn drop(&mut self) {}
}

fn main() {}
