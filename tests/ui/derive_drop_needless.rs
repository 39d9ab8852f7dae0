//! `drop` is said of types that have a `Drop` of their own, and it runs on any thread.
use std::cell::Cell;
use tricolor::Trace;

#[derive(Trace)]
#[trace(drop)]
struct Quiet {
    number: u64,
}

#[derive(Trace)]
#[trace(drop)]
struct Counted {
    count: &'static Cell<u64>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.count.set(self.count.get() + 1);
    }
}

fn main() {}
