//! No macros in the types of fields.
use tricolor::Trace;

macro_rules! number {
    () => {
        u64
    };
}

#[derive(Trace)]
struct Holder {
    held: Option<number!()>,
}

fn main() {}
