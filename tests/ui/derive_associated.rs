//! A bound on an associated type says which trait it belongs to.
use tricolor::Trace;

#[derive(Trace)]
struct Holder<I: Iterator>
where
    I::Item: Trace,
{
    held: I,
    item: Option<<I as Iterator>::Item>,
}

fn main() {}
