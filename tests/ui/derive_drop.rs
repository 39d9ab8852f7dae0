//! A traced type has no `Drop`: it could follow its references to objects that are gone.
use tricolor::{Gc, Trace};

#[derive(Trace)]
struct Noisy<'gc> {
    number: Gc<'gc, u64>,
}

impl Drop for Noisy<'_> {
    fn drop(&mut self) {
        println!("{}", *self.number);
    }
}

fn main() {}
