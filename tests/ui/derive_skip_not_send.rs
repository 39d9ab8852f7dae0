//! A skipped field is dropped at the safepoint of any mutator, so it must be `Send`.
use std::rc::Rc;
use tricolor::Trace;

#[derive(Trace)]
struct Shared {
    #[trace(skip)]
    name: Rc<str>,
}

fn main() {}
