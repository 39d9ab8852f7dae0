//! Every field is `Trace`, and the message points at the one that is not.
use tricolor::{Gc, Trace};

struct Untraced;

#[derive(Trace)]
struct Holder<'gc> {
    fine: Gc<'gc, u64>,
    not: Untraced,
}

#[derive(Trace)]
enum Either<'gc> {
    Fine(Gc<'gc, u64>),
    Not { not: Untraced },
}

fn main() {}
