//! Options that do not exist, and options in the wrong place.
use tricolor::Trace;

#[derive(Trace)]
#[trace(skip)]
struct Unknown {
    number: u64,
}

#[derive(Trace)]
struct OnField {
    #[trace(crate = tricolor)]
    number: u64,
}

#[derive(Trace)]
enum OnVariant {
    #[trace(skip)]
    One,
}

#[derive(Trace)]
#[trace(crate = tricolor, crate = tricolor)]
struct Twice {
    number: u64,
}

fn main() {}
