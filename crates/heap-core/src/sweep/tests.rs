use super::{Sweeper, Swept};
use crate::cache::Cache;
use crate::memory::Memory;
use crate::memory::tests::{alloc, memory_with, noscan};
use crate::os::sim::SimOs;
use crate::span::claim::{is_swept, try_claim};
use crate::span::marks::{DROPPED, Epoch, QUEUED};
use crate::span::{SpanId, slots};
use crate::sync::atomic::Ordering::Relaxed;
use crate::units::Bytes;

const POISON: u8 = 0x5A;

/// A span of 128-byte slots, all 64 of them allocated and full of ones.
fn full_span() -> (Memory, SpanId) {
    let memory = memory_with(&SimOs::new(), None, Bytes::new(usize::MAX));
    let cache = Cache::new();
    let objects: Vec<_> = (0..64).map(|_| alloc(&memory, &cache, noscan(128), 1)).collect();
    cache.flush(&memory);
    let id = memory.map().resolve(objects[0].addr().get()).unwrap().span;
    assert_eq!(memory.map().span(id).allocated(), 64);
    (memory, id)
}

fn sweeper(memory: &Memory, poison: Option<u8>) -> Sweeper<'_> {
    Sweeper { map: memory.map(), space: memory.pages().space(), epoch: Epoch::FIRST, poison }
}

#[test]
fn exactly_the_marked_slots_stay_allocated() {
    // Marked slots; what is left of the span.
    let table: [(&[u32], Swept); 5] = [
        (&[], Swept::Empty),
        (&[0], Swept::Partial),
        (&[63], Swept::Partial),
        (&[1, 5, 6, 7, 40], Swept::Partial),
        (&[u32::MAX], Swept::Full),
    ];
    for (marked, wanted) in table {
        let (memory, id) = full_span();
        let span = memory.map().span(id);
        let is_live = |slot: u32| marked.contains(&slot) || marked == [u32::MAX];
        for slot in 0..64 {
            // A mark of another epoch is no mark.
            memory.map().mark_of(span, slot).byte().store(2, Relaxed);
            if is_live(slot) {
                memory.map().mark_of(span, slot).set(Epoch::FIRST.byte());
            }
        }
        let generation = memory.generation() + 2;
        let claim = try_claim(span, id, generation).unwrap();
        assert!(try_claim(span, id, generation).is_none(), "a span is claimed once");
        let sweeping = sweeper(&memory, None).sweep(claim);
        let live: u32 = (0..64).map(|slot| u32::from(is_live(slot))).sum();
        assert_eq!((sweeping.span, sweeping.swept, sweeping.freed), (id, wanted, 64 - live), "{marked:?}");
        assert!((0..64).all(|slot| slots::is_taken(memory.map().bits_of(span), slot) == is_live(slot)));
        assert_eq!((span.allocated(), span.is_dirty()), (live, live < 64));
        assert!(is_swept(span, generation) && try_claim(span, id, generation).is_none());
    }
}

#[test]
fn a_droppable_slot_is_told_of_once_and_freed_when_its_drop_has_run() {
    let (memory, id) = full_span();
    let span = memory.map().span(id);
    let mark = |slot| memory.map().mark_of(span, slot);
    mark(0).set(Epoch::FIRST.byte());
    mark(1).byte().store(QUEUED, Relaxed);
    mark(2).byte().store(DROPPED, Relaxed);
    let mut told = Vec::new();
    let claim = try_claim(span, id, memory.generation() + 2).unwrap();
    let sweeping = sweeper(&memory, None).sweep_droppable(claim, |slot| told.push(slot));
    assert_eq!(told, (3..64).collect::<Vec<_>>(), "those that died just now");
    assert_eq!((sweeping.swept, sweeping.freed), (Swept::Partial, 1));
    assert_eq!(mark(1).get(), QUEUED);
    assert_eq!(mark(2).get(), 0);
    assert!((3..64).all(|slot| mark(slot).get() == QUEUED));
    assert!(!slots::is_taken(memory.map().bits_of(span), 2));
}

#[test]
fn poison_fills_every_free_slot_and_no_living_one() {
    let (memory, id) = full_span();
    let span = memory.map().span(id);
    memory.map().mark_of(span, 9).set(Epoch::FIRST.byte());
    let claim = try_claim(span, id, memory.generation() + 2).unwrap();
    sweeper(&memory, Some(POISON)).sweep(claim);
    for slot in 0..64 {
        let start = memory.slot_ptr(span, slot);
        // With the sanitizer, a look into a free slot is the error that it is there to report.
        crate::asan::allow(start, 128);
        // SAFETY: a slot of a span in use, written by this test or the sweep, and used by nobody else.
        let bytes = unsafe { core::slice::from_raw_parts(start.as_ptr(), 128) };
        let wanted = if slot == 9 { 1 } else { POISON };
        assert!(bytes.iter().all(|&byte| byte == wanted), "slot {slot}");
    }
}
