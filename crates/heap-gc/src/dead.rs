//! What is due because objects died: their drops, and what the program wants done then; when and where it runs.
//!
//! Sweeping queues drops, the end of marking queues cleanups; a mutator runs them at a safepoint, outside `enter`, with no lock
//! of the heap held. So they may do whatever they like, also use the heap, and none ever runs inside somebody's allocation. They
//! run on the thread of whichever mutator comes by, which is why droppable types and cleanups are `Send`. What
//! pools let go ([`crate::pools`]) is queued when a cycle begins, and dropped in the same places.
//!
//! One that panics does not keep the others from running: the first panic goes on when all have run.

use crate::event::Event;
use crate::log::Track;
use crate::shared::Shared;
use crate::unwind::FirstPanic;
use heap_core::sync::thread;

/// Whether a drop or a cleanup is due. Three relaxed loads.
#[inline]
pub(crate) fn is_due(heap: &Shared) -> bool {
    heap.memory.has_dead() | heap.cleanups.is_due() | heap.pools.is_due()
}

/// Runs all drops and cleanups that are due.
///
/// # Panics
/// With the first panic of one of them, after all have run. Does nothing while the thread is panicking already.
#[cold]
pub(crate) fn run_due(heap: &Shared) {
    if thread::panicking() {
        return;
    }
    let mut panics = FirstPanic::default();
    run_with(heap, &mut panics);
    panics.go_on();
}

/// The same, for who has more to run before a panic goes on. The thread is not panicking.
pub(crate) fn run_with(heap: &Shared, panics: &mut FirstPanic) {
    let begun = heap.log.begin();
    let (mut drops, mut cleanups) = (0, 0);
    if heap.memory.has_dead() {
        for dead in heap.memory.take_dead() {
            drops += 1;
            panics.note(|| heap.memory.bury(&dead));
        }
    }
    if heap.pools.is_due() {
        for mut values in heap.pools.take_due() {
            values.drop_each(&mut |drop| {
                drops += 1;
                panics.note(drop);
            });
        }
    }
    if heap.cleanups.is_due() {
        for job in heap.cleanups.take_due() {
            cleanups += 1;
            heap.cleanups.runs();
            panics.note(job);
        }
    }
    if drops + cleanups > 0 {
        heap.log.end(begun, Track::here(), || Event::RanDue { drops, cleanups, finalizers: 0 });
    }
}
