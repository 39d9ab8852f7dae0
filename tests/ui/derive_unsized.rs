//! A traced type has a size.
use tricolor::Trace;

#[derive(Trace)]
struct Tail<T: ?Sized> {
    length: usize,
    tail: T,
}

#[derive(Trace)]
struct Bytes {
    bytes: [u8],
}

#[derive(Trace)]
struct Text {
    text: str,
}

#[derive(Trace)]
struct Callback(dyn Fn() + Send);

fn main() {}
