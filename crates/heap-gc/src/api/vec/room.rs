//! How much room a vector takes: whole slots of a size class, or whole pages, and twice as much each time.

/// The number of places in the slot that a buffer of that many gets, at least as many, and its class.
pub(super) use crate::object::slice_fit as rounded;

/// Bytes of elements of the first buffer, which with its header has 32. Smaller buffers are outgrown at once; larger ones
/// cost a program that has many short vectors.
const LEAST_BYTES: usize = 24;

/// The number of places to ask for when `least` are needed and there are `places`: so many that pushing one element after another
/// copies each less than twice, on average.
pub(super) fn grown<T>(places: usize, least: usize) -> usize {
    let first = if size_of::<T>() == 0 { 0 } else { LEAST_BYTES / size_of::<T>() };
    least.max(places.saturating_mul(2)).max(first)
}
