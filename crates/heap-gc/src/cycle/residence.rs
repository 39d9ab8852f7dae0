//! What a cycle has to say about memory beside the objects: to the pacer, and to the scavenger.

use crate::figures::CycleFigures;
use crate::pacer::NEVER;
use crate::shared::Shared;
use heap_core::sync::atomic::Ordering::Relaxed;
use heap_core::units::Bytes;
use heap_scav::goal::CycleEnd;

/// Memory that the heap's growth to its goal will not use.
pub(super) fn overhead(heap: &Shared, live: Bytes) -> Bytes {
    let retained = heap.memory.pages().retained().bytes();
    // Frames live beside what is in slots.
    let frames = heap.memory.pages().counters().frames.load(Relaxed);
    let retained = Bytes::new(retained.get().saturating_sub(frames));
    // What is retained and not in slots of live objects is either reused by the growth (free slots, free pages), or is the
    // unused rest of spans.
    let tables = tables(heap);
    let growth = live.get();
    Bytes::new(tables.get() + frames + retained.get().saturating_sub(live.get()).saturating_sub(growth))
}

/// What the heap keeps beside the objects, and the program causes.
fn tables(heap: &Shared) -> Bytes {
    let weak = heap.places.bytes() + heap.ephemerons.bytes();
    heap.memory.accounting().metadata + weak + heap.cleanups.bytes() + heap.finalizers.bytes()
}

/// Tells the scavenger what a cycle came to. `in_spans` is what was in spans when marking had ended.
pub(super) fn tell_scavenger(heap: &Shared, figures: &CycleFigures, in_spans: Bytes) {
    let mut last = heap.last_goal.lock();
    let last_goal = core::mem::replace(&mut *last, figures.goal);
    let finite = |goal: Bytes| (goal != NEVER).then_some(goal);
    heap.scavenger.cycle_ended(&CycleEnd {
        in_spans,
        heap: figures.heap_before,
        last_goal: finite(last_goal),
        next_goal: finite(figures.goal),
        beside: tables(heap),
    });
}
