//! A skipped field holds no reference: the collector would not find it, and free what it leads to.
use tricolor::{Gc, Trace};

#[derive(Trace)]
struct Named<'gc> {
    #[trace(skip)]
    next: Option<Gc<'gc, u64>>,
}

#[derive(Trace)]
enum InAVariant<'gc> {
    Some(#[trace(skip)] Vec<Gc<'gc, u64>>),
    None,
}

fn main() {}
