//! How much room a vector takes: whole slots of a size class, or whole pages, and twice as much each time.

use crate::object::slice_header;
use heap_core::size_class::SizeClass;
use heap_core::units::{PAGE_BYTES, WORD_BYTES};

/// Bytes of elements of the first buffer, which with its header has 32. Smaller buffers are outgrown at once; larger ones
/// cost a program that has many short vectors.
const LEAST_BYTES: usize = 24;

/// The number of places to ask for when `least` are needed and there are `places`: so many that pushing one element after another
/// copies each less than twice, on average.
pub(super) fn grown<T>(places: usize, least: usize) -> usize {
    let first = if size_of::<T>() == 0 { 0 } else { LEAST_BYTES / size_of::<T>() };
    least.max(places.saturating_mul(2)).max(first)
}

/// The number of places in the slot that a buffer of that many gets: at least as many.
pub(super) fn rounded<T>(count: usize) -> usize {
    let (size, header) = (size_of::<T>(), slice_header(align_of::<T>()));
    let bytes = count.checked_mul(size).and_then(|bytes| bytes.checked_add(header));
    // What does not fit is refused by the allocation, which says so.
    let Some(words) = bytes.and_then(|bytes| bytes.checked_next_multiple_of(WORD_BYTES)) else {
        return count;
    };
    let class = SizeClass::for_bytes_aligned(words, align_of::<T>());
    let slot =
        if class.is_large() { words.checked_next_multiple_of(PAGE_BYTES) } else { Some(class.size().get()) };
    match slot {
        Some(slot) if size > 0 => (slot - header) / size,
        Some(_) | None => count,
    }
}
