//! Draining the grey set: with how many threads, in one go or in slices, and sparing whose processors.

use super::{Cycle, LEAST_REST, LONGEST_REST};
use crate::event::Event;
use crate::log::Track;
use crate::mark::{Go, Marker, Work};
use crate::pace::Hurry;
use crate::pacer::Limiting;
use crate::shared::{Helpers, Shared};
use crate::workers::Workers;
use core::time::Duration;
use heap_core::os::thread_cpu_time;
use heap_core::sync::atomic::Ordering::Relaxed;
use heap_core::sync::{Mutex, thread};
use heap_core::units::Bytes;
use std::time::Instant;

/// Live bytes of the last cycle from which helpers are woken: below, marking takes about as long as waking them
/// (13 to 24 µs a wake-up, against some 5 ns an object of 32 bytes).
const PARALLEL_FROM: Bytes = if heap_core::stress::STRESSED { Bytes::ZERO } else { Bytes::mib(2) };

/// How a marker goes about it.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Manner {
    /// In one go: somebody waits for it.
    AtOnce,
    /// In slices, between which it looks whether the heap ends, and what mutators owe.
    InSlices,
    /// In slices, a part of the time, unless there are processors that no mutator uses.
    Sparing { part: f64 },
}

/// Tells the pace what this thread's processor time was since `begun`, and says what it is now.
fn spend_since(heap: &Shared, begun: Duration) -> Duration {
    let now = thread_cpu_time();
    heap.pace.spend(now.saturating_sub(begun));
    now
}

/// Scans until everything is scanned, or the heap ends. Tells the pace what that takes as it goes: until it is told, the limiter takes it for time of
/// mutators.
fn scan(heap: &Shared, marker: &mut Marker<'_>, manner: Manner) -> Go {
    let mut told = thread_cpu_time();
    if manner == Manner::AtOnce {
        marker.drain();
        spend_since(heap, told);
        return Go::On;
    }
    let mut go = Go::On;
    let mut saved = Duration::ZERO;
    let mut began = Instant::now();
    marker.drain_in_slices(|words| {
        heap.pace.work_done(words as u64);
        told = spend_since(heap, told);
        if heap.desk.has_quit() {
            go = Go::Home;
            return go;
        }
        let (limiting, hurry) = heap.pace.look(&heap.memory);
        if hurry == Hurry::Yes {
            // Beyond its goal it grows where no tables were readied for it. A piece of them at each look: a slice has to end.
            let mut pieces = 1..=1;
            heap.memory.pages().back_tables(heap.pace.goal(), || pieces.next().is_some());
        }
        let now = Instant::now();
        if let (Manner::Sparing { part }, Hurry::No) = (manner, hurry)
            && heap.world.inside() >= heap.processors
        {
            saved += (now - began).mul_f64((1.0 - part) / part);
        }
        if let (Limiting::On { rest }, Manner::Sparing { .. }) = (limiting, manner) {
            saved = saved.max(rest.min(LONGEST_REST));
        }
        if saved >= LEAST_REST {
            thread::sleep(core::mem::take(&mut saved).min(LONGEST_REST));
        }
        began = Instant::now();
        go
    });
    spend_since(heap, told);
    go
}

impl Cycle<'_> {
    /// Scans until the workers find nothing more: alone, or with helpers if there is enough to do.
    pub(super) fn drain(&mut self) {
        let heap = self.heap;
        let manner = self.manner();
        let begun = thread_cpu_time();
        let (logged, batches) = (heap.log.begin(), self.marker.work().batches);
        self.marker.log_to(&heap.log, Track::Collector);
        let wanted = self.workers_wanted();
        let helping = (wanted > 1).then(|| started(self.helpers, heap.workers.max(2) - 1)).flatten();
        let Some(helpers) = helping else {
            heap.queue.open(1);
            self.is_given_up |= scan(heap, &mut self.marker, manner) == Go::Home;
            self.note_work(logged, batches);
            let cpu = thread_cpu_time().saturating_sub(begun);
            self.mark_cpu += cpu;
            return;
        };
        let wanted = wanted.min(helpers.helpers() + 1);
        heap.queue.open(wanted);
        self.workers = self.workers.max(wanted);
        let theirs = Mutex::new((Work::default(), Duration::ZERO, wanted - 1));
        let help = || {
            let number = {
                let mut all = theirs.lock();
                if all.2 == 0 {
                    return;
                }
                all.2 -= 1;
                wanted - 1 - all.2
            };
            let track = Track::Worker(u32::try_from(number).unwrap_or(u32::MAX));
            let (begun, logged) = (thread_cpu_time(), heap.log.begin());
            let mut marker = Marker::new(&heap.memory, &heap.queue, heap.mark_limits);
            marker.log_to(&heap.log, track);
            scan(heap, &mut marker, if manner == Manner::AtOnce { manner } else { Manner::InSlices });
            let batches = marker.work().batches;
            heap.log.end(logged, track, || Event::Worked { batches });
            let mut all = theirs.lock();
            all.0.add(marker.work());
            all.1 += thread_cpu_time().saturating_sub(begun);
            if marker.has_lost() {
                heap.lost.store(true, Relaxed);
            }
        };
        let own = &mut self.marker;
        let mut go = Go::On;
        helpers.run(&help, || go = scan(heap, own, manner));
        self.note_work(logged, batches);
        self.is_given_up |= go == Go::Home;
        let own = thread_cpu_time().saturating_sub(begun);
        let (helped, helped_cpu, _) = *theirs.lock();
        self.helped.add(helped);
        self.mark_cpu += own + helped_cpu;
        self.helper_cpu += helped_cpu;
    }

    /// Puts what this thread did into the log, with the wait for the others.
    fn note_work(&self, begun: Option<Instant>, before: u64) {
        let batches = self.marker.work().batches - before;
        self.heap.log.end(begun, Track::Collector, || Event::Worked { batches });
    }

    fn manner(&self) -> Manner {
        if self.is_waited_for() {
            return Manner::AtOnce;
        }
        #[expect(clippy::cast_precision_loss, reason = "few processors")]
        let threads = self.heap.cpu_share * self.heap.processors as f64;
        // Whole threads mark all the time; what is left of the share is this thread's.
        let part = threads.fract();
        if part > 0.01 { Manner::Sparing { part } } else { Manner::InSlices }
    }

    /// How many threads shall mark.
    fn workers_wanted(&self) -> usize {
        let last_live = self.heap.history.lock().last.as_ref().map_or(Bytes::ZERO, |cycle| cycle.live);
        let allocated = self.heap.memory.pages().counters().in_spans();
        if last_live.max(allocated) < PARALLEL_FROM {
            return 1;
        }
        if self.is_waited_for() {
            return self.heap.workers;
        }
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "few processors"
        )]
        let threads = (self.heap.cpu_share * self.heap.processors as f64 - 0.01).ceil() as usize;
        threads.clamp(1, self.heap.workers)
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

#[cfg(all(test, not(any(loom, pct))))]
mod tests {
    use super::*;
    use crate::grey::Batch;
    use crate::{Gc, Heap};

    #[test]
    fn the_limiter_is_told_while_marking_goes_on_and_of_nothing_twice() {
        let heap = Heap::builder().gc_off().build().expect("a heap");
        let mut mutator = heap.attach().expect("one mutator a thread");
        mutator.enter(|mu| {
            // Some slices of work.
            let tops = mu.alloc_slice(100_000, |_| mu.alloc([mu.alloc(0_u64)]));
            let heap = mu.heap();
            for (manner, is_told) in [(Manner::InSlices, true), (Manner::AtOnce, false)] {
                heap.memory.begin_cycle();
                let mut marker = Marker::new(&heap.memory, &heap.queue, heap.mark_limits);
                let (known, spent) = (heap.pace.limiter_knows(), heap.pace.spent());
                let begun = thread_cpu_time();
                marker.add(Batch::Objects(vec![Gc::addr(tops)]));
                heap.queue.open(1);
                assert!(matches!(scan(heap, &mut marker, manner), Go::On));
                let most = thread_cpu_time().saturating_sub(begun);
                let (knows, now) = (heap.pace.limiter_knows(), heap.pace.spent());
                assert_eq!(knows > known, is_told, "{manner:?}: nobody looked before the end");
                assert!(
                    knows <= now && now > spent && now - spent <= most,
                    "{manner:?}: {now:?} {spent:?} {most:?}"
                );
            }
        });
    }
}
