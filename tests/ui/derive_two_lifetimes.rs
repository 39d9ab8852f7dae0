//! One brand.
use tricolor::{Gc, Trace};

#[derive(Trace)]
struct Pair<'a, 'b> {
    first: Gc<'a, u64>,
    second: Gc<'b, u64>,
}

fn main() {}
