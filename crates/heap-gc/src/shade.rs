//! Shading: making an object grey for somebody who does not scan it, a mutator's barrier or the root table.

use heap_core::memory::Memory;
use heap_core::span::{Span, SpanId};

/// Makes what a reference leads to grey, for a mutator or the root table: marks it, and says whether it has to be scanned
/// and is the caller's to hand over.
///
/// # Safety
/// 1. `word` is null or the address of (a byte of) an allocated slot of this memory.
#[inline(always)]
pub(crate) unsafe fn shade(memory: &Memory, word: usize) -> bool {
    if word == 0 {
        return false;
    }
    // SAFETY: duty 1.
    let (mark, scan) = unsafe { memory.map().quick().look(word) };
    let epoch = memory.epoch_byte();
    if mark.get() == epoch {
        return false;
    }
    match scan.slow() {
        None => {
            mark.set(epoch);
            !scan.is_noscan()
        }
        Some(id) => shade_slow(memory, id, word),
    }
}

/// Whether what a reference leads to is marked.
///
/// # Safety
/// 1. `word` is the address of (a byte of) an allocated slot of this memory.
#[inline]
pub(crate) unsafe fn is_marked(memory: &Memory, word: usize) -> bool {
    // SAFETY: duty 1.
    let (mark, scan) = unsafe { memory.map().quick().look(word) };
    match scan.slow() {
        None => mark.get() == memory.epoch_byte(),
        Some(id) => {
            let span = memory.map().span(id);
            let offset = word - memory.map().address(span.first()).get();
            let slot = if span.is_large() { 0 } else { span.slot_at(offset) };
            memory.map().is_marked(span, slot, memory.epoch())
        }
    }
}

#[inline(never)]
fn shade_slow(memory: &Memory, id: SpanId, word: usize) -> bool {
    let span = memory.map().span(id);
    let offset = word - memory.map().address(span.first()).get();
    shade_slot(memory, span, if span.is_large() { 0 } else { span.slot_at(offset) })
}

fn shade_slot(memory: &Memory, span: &Span, slot: u32) -> bool {
    let mark = memory.map().mark_of(span, slot);
    let epoch = memory.epoch().byte();
    if mark.get() == epoch {
        return false;
    }
    mark.set(epoch);
    !memory.entry_of(span).layout().is_noscan()
}
