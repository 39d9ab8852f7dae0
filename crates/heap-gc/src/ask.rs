//! What a program asks of its heap from outside `enter`, with a mutator or without: to collect, to verify, to give memory back,
//! to use a moment the program has, and its figures.

use crate::attached::insist_outside;
use crate::collector;
use crate::config::Collector;
use crate::cycle::{self, Runner};
use crate::dead;
use crate::event::Event;
use crate::figures::{Figures, Reason};
use crate::grey::Batch;
use crate::handle::Handle;
use crate::log::Track;
use crate::mark::{Amount, Marked};
use crate::shared::Shared;
use core::time::Duration;
use heap_core::fault::{self, Fault};
use heap_core::os::thread_cpu_time;
use heap_core::sync::atomic::Ordering::Relaxed;
use heap_core::units::Bytes;
use std::time::Instant;

/// A full collection, with sweeping, drops and cleanups. The caller is outside.
pub(crate) fn collect(heap: &Shared) {
    collect_only(heap);
    dead::run_due(heap);
}

/// A full collection with sweeping; what is due then is the caller's to run. The caller is outside.
pub(crate) fn collect_only(heap: &Shared) {
    insist_outside(heap);
    cycle::run(heap, Reason::Asked, Runner::Mutator);
}

/// Calls the collector's thread, if the heap has one.
pub(crate) fn call(heap: &Handle, reason: Reason) -> bool {
    heap.collector == Collector::Concurrent && collector::call(heap.shared(), reason)
}

/// Calls for a cycle if one is due: by the collector's thread, or at the next safepoint of some mutator.
pub(crate) fn call_if_due(heap: &Handle) {
    if heap.pace.is_due(&heap.memory) && !call(heap, Reason::Goal) {
        heap.world.call_for_collection();
    }
}

/// Words of marking of one batch, and spans swept, between two looks at whether there is more to do in [`step`].
const STEP_WORDS: usize = if heap_core::stress::STRESSED { 16 } else { 8 << 10 };
const STEP_SPANS: usize = 8;

/// See [`crate::Heap::step`]. The caller is outside. A budget too long to end at a time is without end.
pub(crate) fn step(heap: &Handle, budget: Duration) -> bool {
    insist_outside(heap);
    let end = Instant::now().checked_add(budget);
    if heap.pace.is_due(&heap.memory) && !call(heap, Reason::Goal) {
        cycle::run(heap, Reason::Goal, Runner::Mutator);
    }
    loop {
        if let Some(batch) = heap.queue.borrow() {
            let begun = thread_cpu_time();
            mark_some(heap, batch, Amount { words: STEP_WORDS, until: end });
            heap.pace.spend_on_assist(thread_cpu_time().saturating_sub(begun));
        } else {
            // Under the cycle's lock: a thread that sweeps is either inside or holds it, so no cycle begins while it does.
            let swept = heap.cycle.try_lock().and_then(|_no_cycle| heap.memory.sweep_some(STEP_SPANS));
            if swept.is_none() {
                dead::run_due(heap);
                return heap.desk.is_busy();
            }
        }
        if end.is_some_and(|end| Instant::now() >= end) {
            return true;
        }
        heap_core::sync::point("step: between two batches");
    }
}

/// See [`crate::Heap::idle`]. The caller is outside.
pub(crate) fn idle(heap: &Handle, budget: Duration) -> bool {
    insist_outside(heap);
    if heap.pace.is_idle_cycle_worthwhile(&heap.memory) && !call(heap, Reason::Idle) {
        cycle::run(heap, Reason::Idle, Runner::Mutator);
    }
    let end = Instant::now().checked_add(budget);
    // Sweeping first: it is what makes pages free.
    step(heap, budget) || heap.scavenger.idle(end)
}

/// Marks a part of a batch that was borrowed, and gives back what is left. Says how much it marked.
///
/// With a marker of its own: while the batch is lent the cycle cannot end, but between two of them another may have begun, and a
/// marker knows the epoch it was made in.
pub(crate) fn mark_some(heap: &Shared, mut batch: Batch, most: Amount) -> Marked {
    let begun = heap.log.begin();
    let mut kit = heap.kits.take();
    let marked = kit.mark(&heap.memory, &mut batch, heap.mark_limits, most);
    if fault::on(Fault::AssistRestDropped) {
        kit.forget();
        batch = Batch::NOTHING;
    }
    let (objects, pieces, has_lost) = kit.take_left();
    if has_lost {
        heap.lost.store(true, Relaxed);
    }
    heap.pace.work_done(marked.words as u64);
    // Before it is given back: the cycle ends later.
    heap.log.end(begun, Track::here(), || Event::Assisted { words: marked.words });
    heap.queue.give_back(batch, objects, pieces);
    heap.kits.put(kit);
    marked
}

/// See [`crate::Heap::verify`].
pub(crate) fn verify(heap: &Shared) -> Vec<heap_core::verify::Violation> {
    insist_outside(heap);
    cycle::verify_now(heap)
}

/// See [`crate::Mutator::release_free_memory`]. The caller is outside.
pub(crate) fn release_free_memory(heap: &Shared) -> usize {
    collect(heap);
    release_only(heap)
}

/// Gives every free page back. The caller is outside.
pub(crate) fn release_only(heap: &Shared) -> usize {
    // No cycle meanwhile: what it frees would be missed.
    let _no_cycle = heap.cycle.lock();
    heap.scavenger.release_free().bytes.get()
}

/// See [`crate::Mutator::figures`].
pub(crate) fn figures(heap: &Shared) -> Figures {
    let memory = heap.memory.figures();
    let scavenge = heap.scavenger.figures();
    let history = heap.history.lock();
    Figures {
        memory,
        scavenge,
        external: Bytes::new(heap.pace.external().now()),
        cycles: history.cycles,
        cycles_asked: history.asked,
        goal: heap.pace.goal(),
        pause_total: history.pause_total,
        pauses: history.pauses.iter().copied().collect(),
        mutator_pauses: heap.world.pauses().figures(),
        mark_cpu_total: history.mark_cpu_total,
        assist_cpu_total: heap.pace.assist_time(),
        gc_cpu_fraction: (history.mark_cpu_total + heap.pace.assist_time()).as_secs_f64()
            / (heap.built.elapsed().as_secs_f64() * heap.processors as f64).max(f64::MIN_POSITIVE),
        mutators: heap.mutators(),
        roots: heap.roots.count(),
        cleanups: heap.cleanups.figures(),
        finalizers: heap.finalizers.figures(),
        last_cycle: history.last.clone(),
    }
}
