//! Options that do not exist, options in the wrong place, and options that exclude each other.
use tricolor::Trace;

#[derive(Trace)]
#[trace(ignore)]
struct Unknown {
    number: u64,
}

#[derive(Trace)]
#[trace(skip)]
struct SkippedWhole {
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

#[derive(Trace)]
#[trace(drop, by_hand)]
struct Both {
    number: u64,
}

#[derive(Trace)]
#[trace(by_hand)]
struct SkippedByHand {
    #[trace(skip)]
    number: u64,
}

fn main() {}
