//! A borrow is not kept in the heap, also not one as long as the brand.
use tricolor::Trace;

#[derive(Trace)]
struct Borrower<'gc> {
    number: &'gc u64,
}

fn main() {}
