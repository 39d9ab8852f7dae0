//! Large objects: above 32 KiB, a span of their own.
//!
//! The span has exactly the pages the object needs, and one slot. It never visits a central: it is in use until its
//! object dies, and then its pages go back. Finding the pages is the page heap's business; what is added here is that
//! dead spans are swept first until as many pages are free, so that a program that replaces one large object after
//! another does not grow.

use crate::cache::Birth;
use crate::central::Entry;
use crate::error::AllocError;
use crate::fault::{self, Fault};
use crate::figures::add;
use crate::memory::Memory;
use crate::span::claim::rest;
use crate::span::{Home, slots};
use crate::sync::atomic::Ordering::Relaxed;
use crate::units::Bytes;
use core::ptr::NonNull;

/// A large object of `used` bytes. All its bytes are zero if `zeroed` is asked for or the pages are fresh.
///
/// It is born as slots of the cache that asks are: see [`Birth`].
///
/// # Errors
/// As [`crate::page_heap::PageHeap::new_span`].
pub fn alloc(
    memory: &Memory,
    entry: &Entry,
    used: Bytes,
    zeroed: bool,
    birth: Birth,
) -> Result<NonNull<u8>, AllocError> {
    let id = memory.take_large(entry, used, birth.generation)?;
    let span = memory.map().span(id);
    let start = memory.slot_ptr(span, 0);
    crate::asan::allow(start, used.get().next_multiple_of(crate::units::WORD_BYTES));
    if zeroed && span.is_dirty() {
        // SAFETY: the span is the caller's and has no object yet; its pages are ready memory.
        unsafe { start.write_bytes(0, used.get().next_multiple_of(crate::units::WORD_BYTES)) };
    }
    let colour = if fault::on(Fault::LargeWhite) { 0 } else { birth.colour };
    // White it is since the span was made.
    if colour != 0 {
        memory.map().mark_of(span, 0).set(colour);
    }
    slots::take(memory.map().bits_of(span), slots::Run { start: 0, len: 1 });
    span.set_allocated(1);
    span.set_home(Home::Large);
    entry.made();
    entry.rest_unlisted(span);
    rest(span, birth.generation);
    let counters = memory.pages().counters();
    let bytes = span.pages().bytes().get();
    memory.counting(None).handed_out(entry.layout().class, 1);
    add(&counters.large_alloc_bytes, bytes as u64);
    counters.since_cycle.fetch_add(bytes, Relaxed);
    Ok(start)
}

#[cfg(test)]
mod tests;
