//! A root can be set, so it is not seen as one of a larger type: a function that keeps its argument would take the
//! place of one that does not.
use tricolor::{Leaf, Root};

fn widen<'a>(root: &'a Root<Leaf<for<'b> fn(&'b str)>>) -> &'a Root<Leaf<fn(&'static str)>> {
    root
}

fn main() {
    let _ = widen;
}
