//! Nothing says which field of a union is there.
use tricolor::{Gc, Trace};

#[derive(Trace)]
union Either<'gc> {
    number: u64,
    reference: Gc<'gc, u64>,
}

fn main() {}
