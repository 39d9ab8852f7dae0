//! A collection, from top to bottom.
//!
//! [`run`] is the protocol: one step a line. What each step needs is proved by what it takes: the world's standing
//! still by a [`WorldStopped`], the right to be the one collector by the helpers' guard.

use crate::config::Scavenge;
use crate::figures::{CycleFigures, Reason};
use crate::grey::GreyQueue;
use crate::handshake::WorldStopped;
use crate::mark::{Marker, Work};
use crate::pacer::Found;
use crate::shared::{Helpers, Shared};
use crate::verify;
use crate::workers::Workers;
use core::time::Duration;
use heap_core::cache::Cache;
use heap_core::fault::{self, Fault};
use heap_core::sync::Mutex;
use heap_core::sync::atomic::Ordering::Relaxed;
use heap_core::units::{Bytes, WORD_BYTES, Words};
use heap_scav::goal::CycleEnd;
use std::time::{Instant, SystemTime};

/// Live bytes of the last cycle from which helpers are woken: below, marking takes about as long as waking them
/// (13 to 24 µs a wake-up, against some 5 ns an object of 32 bytes).
const PARALLEL_FROM: Bytes = if heap_core::stress::STRESSED { Bytes::ZERO } else { Bytes::mib(2) };

/// Runs one cycle, and sweeps everything if the program [asked](Reason::Asked) for it. The calling thread must not be inside. A cycle for [`Reason::Goal`] that is no
/// longer due, because somebody else ran one meanwhile, is not run.
pub(crate) fn run(heap: &Shared, reason: Reason) {
    let mut helpers = heap.cycle.lock();
    heap.world.collection_answered();
    if reason == Reason::Goal && !heap.is_due() {
        return;
    }
    let called = Instant::now();
    let world = heap.world.stop();
    let stopped = Instant::now();

    let heap_before = heap.memory.figures().heap_alloc;
    heap.memory.finish_sweep();
    let swept = Instant::now();
    for cache in world.parts() {
        cache.flush(&heap.memory);
    }
    let number = heap.history.lock().cycles + 1;
    let verifying = heap.verify_every.is_some_and(|every| number.is_multiple_of(u64::from(every)));
    let roots = heap.roots.snapshot();
    if verifying {
        verify::insist(&verify::check_all(&heap.memory, &roots), "before marking");
    }
    heap.memory.begin_cycle();
    let marking = Instant::now();
    let marked = mark(heap, &world, &mut helpers, &roots);
    let mark_wall = marking.elapsed();
    if verifying {
        verify::insist(&verify::compare_marks(&heap.memory, &roots), "after marking");
    }
    let census = heap.memory.count_marked();
    heap.memory.end_marking();
    let goal = heap.pacer.goal(Found { live: census.bytes, roots: Bytes::new(roots.len() * WORD_BYTES) });
    heap.runway.store(goal.runway.get(), Relaxed);
    let last_goal = heap.goal.swap(goal.goal.get(), Relaxed);
    let in_spans = Bytes::new(heap.memory.pages().counters().inuse.load(Relaxed));
    let mutators = world.members();
    drop(world);

    let cycle = CycleFigures {
        number,
        reason,
        stopping: stopped - called,
        pause: stopped.elapsed(),
        finish_sweep: swept - stopped,
        mark: mark_wall,
        mark_cpu: marked.cpu,
        workers: marked.workers,
        scanned: census.scanned,
        scanned_bytes: Words::new(
            usize::try_from(census.quick_words + marked.work.slow_words).unwrap_or(usize::MAX),
        )
        .bytes(),
        live_objects: census.objects,
        live: census.bytes,
        roots: roots.len() as u64,
        heap_before,
        goal: goal.goal,
        mutators,
        ended: SystemTime::now(),
    };
    if reason == Reason::Asked {
        // Who asks wants the dead gone. Under the cycle's lock: a thread that sweeps is either inside or holds this lock, so
        // no cycle begins while it does.
        heap.memory.finish_sweep();
    }
    if heap.scavenge == Scavenge::Background {
        let finite = |goal: usize| (goal != usize::MAX).then_some(Bytes::new(goal));
        heap.scavenger.cycle_ended(&CycleEnd {
            in_spans,
            heap: heap_before,
            last_goal: finite(last_goal),
            next_goal: finite(goal.goal.get()),
        });
    }
    let mut history = heap.history.lock();
    if reason == Reason::Asked {
        history.asked += 1;
    }
    history.add(cycle.clone());
    drop(history);
    drop(helpers);
    // A listener that panics while the thread panics already would end the process.
    if let Some(observer) = heap.observer.as_ref().filter(|_| !heap_core::sync::thread::panicking()) {
        observer(&cycle);
    }
}

struct Marked {
    work: Work,
    cpu: Duration,
    workers: usize,
}

/// Marks from the roots: alone, or with helpers if there is enough to do.
fn mark(heap: &Shared, _world: &WorldStopped<'_, Cache>, helpers: &mut Helpers, roots: &[usize]) -> Marked {
    let begun = heap_core::os::thread_cpu_time();
    let last_live = heap.history.lock().last.as_ref().map_or(Bytes::ZERO, |cycle| cycle.live);
    let allocated = Bytes::new(heap.memory.pages().counters().inuse.load(Relaxed));
    let helping = (heap.workers > 1 && last_live.max(allocated) >= PARALLEL_FROM)
        .then(|| started(helpers, heap.workers - 1));
    let Some(Some(helpers)) = helping else {
        let mut marker = Marker::new(&heap.memory, heap.memory.epoch(), None);
        visit_roots(&mut marker, roots);
        marker.drain();
        let cpu = heap_core::os::thread_cpu_time().saturating_sub(begun);
        return Marked { work: marker.work(), cpu, workers: 1 };
    };
    let queue = GreyQueue::new(helpers.helpers() + 1);
    let theirs = Mutex::new((Work::default(), Duration::ZERO));
    let help = || {
        let begun = heap_core::os::thread_cpu_time();
        let mut marker = Marker::new(&heap.memory, heap.memory.epoch(), Some(&queue));
        marker.drain();
        let mut all = theirs.lock();
        all.0.add(marker.work());
        all.1 += heap_core::os::thread_cpu_time().saturating_sub(begun);
    };
    let mut own = Marker::new(&heap.memory, heap.memory.epoch(), Some(&queue));
    helpers.run(&help, || {
        visit_roots(&mut own, roots);
        own.drain();
    });
    let cpu = heap_core::os::thread_cpu_time().saturating_sub(begun);
    let (mut work, helped) = *theirs.lock();
    work.add(own.work());
    Marked { work, cpu: cpu + helped, workers: helpers.helpers() + 1 }
}

fn visit_roots(marker: &mut Marker<'_>, roots: &[usize]) {
    let skipped = usize::from(fault::on(Fault::RootSkipped));
    for &word in &roots[skipped.min(roots.len())..] {
        // SAFETY: a root is the address of an allocated slot of this heap (F2).
        unsafe { marker.visit(word) };
    }
}

/// The helpers, started if they are not yet.
fn started(helpers: &mut Helpers, wanted: usize) -> Option<&Workers> {
    if matches!(helpers, Helpers::Idle) {
        *helpers = Workers::start(wanted).map_or(Helpers::Refused, Helpers::Started);
    }
    match helpers {
        Helpers::Started(workers) => Some(workers),
        Helpers::Idle | Helpers::Refused => None,
    }
}

/// Verifies a heap on request: stops the world, takes back all runs, sweeps, and checks.
pub(crate) fn verify_now(heap: &Shared) -> Vec<heap_core::verify::Violation> {
    let _one = heap.cycle.lock();
    let world = heap.world.stop();
    heap.memory.finish_sweep();
    for cache in world.parts() {
        cache.flush(&heap.memory);
    }
    verify::check_all(&heap.memory, &heap.roots.snapshot())
}
