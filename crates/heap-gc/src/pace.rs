//! The pace: the pacer's decisions as the heap uses them, with the clocks and counters that the pacer does not read.
//!
//! | word | written by | read by |
//! |---|---|---|
//! | `runway`, `room`, `goal` | the collector, at the end of a cycle | mutators, at each refill |
//! | `outgrown` | the collector, at the end of a cycle | mutators, at each refill near a limit |
//! | `ratio`, `late`, `late_from` | the collector, while it marks; zero otherwise | mutators, at each refill |
//! | `done`, `gc_time`, `assist_time` | whoever marks | the collector |
//! | `external` | whoever holds external memory | mutators, the collector |
//!
//! All are relaxed: a stale value starts a cycle a refill too early or too late, or marks a little more or less.
//!
//! Work is counted in words: four for an object, and one for each word of an object that is scanned through its record.

use crate::config::{Collector, HeapBuilder};
use crate::external::ExternalCount;
use crate::mark::OBJECT_WORDS;
use crate::pacer::{
    AssistRatio, Bound, CpuLimiter, CycleEnd, Limiting, NEVER, Pacer, Plan, Progress, Settings, Window,
};
use core::time::Duration;
use heap_core::memory::Memory;
use heap_core::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use heap_core::sync::{Arc, Mutex};
use heap_core::units::{Bytes, Words};
use std::time::Instant;

/// Bytes handed out that a mutator keeps to itself at most: some refills of small objects. More makes the cycle that is due
/// later, by as much for each mutator.
const MOST_UNCOUNTED: Bytes = Bytes::kib(64);
/// The same, in parts of what is to be allocated before the next cycle.
const RUNWAY_GRAINS: usize = 128;
/// What all mutators keep to themselves at most, in the same parts: five hundred with a grain each had kept four times what was
/// to be allocated. With less, more than four would take turns at the count of a small heap.
const RUNWAY_PARTS_APART: usize = 32;

#[derive(Debug)]
struct Decisions {
    pacer: Pacer,
    plan: Plan,
    limiter: CpuLimiter,
    /// When the limiter was last told.
    told: Instant,
    /// `gc_time` then.
    told_gc: u64,
    /// Size of the heap when marking began, and the most that there is to scan.
    begun: Bytes,
    most: Bytes,
}

/// The pace of one heap. See the module's text.
#[derive(Debug)]
pub(crate) struct Pace {
    collector: Collector,
    decisions: Mutex<Decisions>,
    /// Bytes to be allocated, and held outside, between the last census and the next cycle.
    runway: AtomicUsize,
    /// The same until the goal.
    room: AtomicUsize,
    goal: AtomicUsize,
    /// What lives, if that is more than the limits leave, and an eighth; or zero.
    outgrown: AtomicUsize,
    /// Bytes held outside the heap by what lives in it, as far as it was said.
    external: Arc<ExternalCount>,
    /// An [`AssistRatio`], as bits.
    ratio: AtomicU64,
    /// The same for a heap of [`Pace::late_from`]: a marker that has not looked again by then has lost its processor, and is not counted on. Zero
    /// if no cycle marks, or collecting is limited.
    late: AtomicU64,
    /// Half of the way from where the marker looked last to the plan's goal: bytes, as the runway is counted. For a cycle that began beyond it,
    /// where it looked.
    late_from: AtomicUsize,
    /// Words of work in this cycle.
    done: AtomicU64,
    /// Processor time of collecting, in nanoseconds, since the heap was built.
    gc_time: AtomicU64,
    /// Of it, assists.
    assist_time: AtomicU64,
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Pace {
    /// The pace of a new heap.
    pub(crate) fn new(builder: &HeapBuilder, processors: usize, memory_limit: Bytes) -> Self {
        let settings = Settings {
            percent: builder.gc_percent,
            memory_limit,
            hard_limit: Bytes::new(builder.hard_limit),
            share: builder.cpu_share,
            processors,
            ..match builder.least_heap.map(Bytes::new) {
                Some(least) => Settings { least_heap: least, least_crowded: least, ..Settings::default() },
                None => Settings::default(),
            }
        };
        let pacer = Pacer::new(settings);
        let first = pacer.first();
        let pace = Self {
            collector: builder.collector,
            runway: AtomicUsize::new(0),
            room: AtomicUsize::new(0),
            goal: AtomicUsize::new(0),
            outgrown: AtomicUsize::new(0),
            external: Arc::default(),
            ratio: AtomicU64::new(AssistRatio::ZERO.to_bits()),
            late: AtomicU64::new(AssistRatio::ZERO.to_bits()),
            late_from: AtomicUsize::new(0),
            done: AtomicU64::new(0),
            gc_time: AtomicU64::new(0),
            assist_time: AtomicU64::new(0),
            decisions: Mutex::new(Decisions {
                plan: first,
                limiter: pacer.limiter(),
                pacer,
                told: Instant::now(),
                told_gc: 0,
                begun: Bytes::ZERO,
                most: Bytes::ZERO,
            }),
        };
        pace.publish(&mut pace.decisions.lock(), first);
        pace
    }

    /// Makes a plan the one in force.
    fn publish(&self, decisions: &mut Decisions, plan: Plan) -> Plan {
        let plan = match self.collector {
            Collector::Concurrent => plan,
            Collector::StopTheWorld => plan.stopping(),
        };
        decisions.plan = plan;
        self.runway.store(plan.runway().get(), Relaxed);
        self.room.store(plan.room().get(), Relaxed);
        self.goal.store(plan.goal.get(), Relaxed);
        let outgrown = if plan.bound == Bound::Live { plan.live.get() } else { 0 };
        self.outgrown.store(outgrown.saturating_add(outgrown / 8), Relaxed);
        plan
    }

    /// Bytes that count towards the next cycle.
    #[inline]
    fn since_census(&self, memory: &Memory) -> usize {
        memory.since_count().get().saturating_add(self.external.above_low())
    }

    /// Whether enough was allocated for a cycle. The limiter is not asked.
    #[inline]
    pub(crate) fn is_due(&self, memory: &Memory) -> bool {
        self.since_census(memory) >= self.runway.load(Relaxed)
    }

    /// Whether bytes held outside bring the next cycle nearer.
    #[inline]
    pub(crate) fn has_external(&self) -> bool {
        self.external.above_low() > 0
    }

    /// Whether the heap is larger than it was to be when the cycle that is due has ended.
    #[inline]
    pub(crate) fn is_past_goal(&self, memory: &Memory) -> bool {
        self.since_census(memory) >= self.room.load(Relaxed)
    }

    /// Bytes between what lives and the goal.
    #[inline]
    pub(crate) fn room(&self) -> Bytes {
        Bytes::new(self.room.load(Relaxed))
    }

    /// Whether an idle moment is well spent on a cycle.
    pub(crate) fn is_idle_cycle_worthwhile(&self, memory: &Memory) -> bool {
        let plan = self.decisions.lock().plan;
        plan.is_idle_cycle_worthwhile(self.heap(&plan, memory))
    }

    /// The size at which the next cycle shall be finished; `usize::MAX` for never.
    pub(crate) fn goal(&self) -> Bytes {
        Bytes::new(self.goal.load(Relaxed))
    }

    /// The size up to which nobody waits for a cycle for the sake of a memory limit that what lives has outgrown: an eighth over
    /// what lives. Less makes mutators wait for every cycle, of which none brings the heap below the limit; more lets it grow.
    /// `None` if what lives leaves room.
    pub(crate) fn outgrown(&self) -> Option<usize> {
        Some(self.outgrown.load(Relaxed)).filter(|size| *size > 0)
    }

    /// The count of external bytes, for whoever holds some.
    pub(crate) fn external(&self) -> &Arc<ExternalCount> {
        &self.external
    }

    fn heap(&self, plan: &Plan, memory: &Memory) -> Bytes {
        Bytes::new(plan.live.get().saturating_add(self.since_census(memory)))
    }

    /// Whether collecting costs too much just now, and how long to rest.
    pub(crate) fn limiting(&self) -> Limiting {
        let mut decisions = self.decisions.lock();
        let now = Instant::now();
        let gc = self.gc_time.load(Relaxed);
        let window = Window {
            wall: now - decisions.told,
            gc_cpu: Duration::from_nanos(gc - decisions.told_gc),
            idle_cpu: Duration::ZERO,
        };
        (decisions.told, decisions.told_gc) = (now, gc);
        decisions.limiter.spend(window)
    }

    /// Marking begins.
    pub(crate) fn begin(&self, memory: &Memory) {
        let objects = memory.figures().heap_objects;
        let mut decisions = self.decisions.lock();
        let plan = decisions.plan;
        decisions.begun = self.heap(&plan, memory);
        decisions.most = work_bytes(objects.saturating_mul(OBJECT_WORDS as u64));
        self.done.store(0, Relaxed);
    }

    /// Some work is done.
    pub(crate) fn work_done(&self, words: u64) {
        self.done.fetch_add(words, Relaxed);
    }

    /// Collecting took processor time.
    pub(crate) fn spend(&self, time: Duration) {
        self.gc_time.fetch_add(nanos(time), Relaxed);
    }

    /// Processor time of collecting since the heap was built, and what of it the limiter knows.
    #[cfg(test)]
    pub(crate) fn spent(&self) -> Duration {
        Duration::from_nanos(self.gc_time.load(Relaxed))
    }

    /// See [`Pace::spent`].
    #[cfg(test)]
    pub(crate) fn limiter_knows(&self) -> Duration {
        Duration::from_nanos(self.decisions.lock().told_gc)
    }

    /// An assist took processor time.
    pub(crate) fn spend_on_assist(&self, time: Duration) {
        self.spend(time);
        self.assist_time.fetch_add(nanos(time), Relaxed);
    }

    /// Processor time of assists, since the heap was built.
    pub(crate) fn assist_time(&self) -> Duration {
        Duration::from_nanos(self.assist_time.load(Relaxed))
    }

    /// Looks at how far marking has come, and sets what mutators owe. Says whether collecting has to rest, and whether the
    /// heap is so near its goal that there is no time to.
    pub(crate) fn look(&self, memory: &Memory) -> (Limiting, Hurry) {
        let limiting = self.limiting();
        let decisions = self.decisions.lock();
        let plan = decisions.plan;
        let heap = self.heap(&plan, memory);
        let progress = Progress {
            begun: decisions.begun,
            heap,
            done: work_bytes(self.done.load(Relaxed)),
            most: decisions.most,
        };
        let late_from =
            (heap.get() + plan.goal.get().saturating_sub(heap.get()) / 2).saturating_sub(plan.live.get());
        self.owe(plan.assist(&progress, limiting), plan.alone().assist(&progress, limiting), late_from);
        let near = plan.goal != NEVER && heap.get() / 8 * 9 >= plan.goal.get();
        (limiting, if near { Hurry::Yes } else { Hurry::No })
    }

    fn owe(&self, ratio: AssistRatio, late: AssistRatio, late_from: usize) {
        self.late_from.store(late_from, Relaxed);
        self.ratio.store(ratio.to_bits(), Relaxed);
        self.late.store(late.to_bits(), Relaxed);
    }

    /// Words of work owed for that many bytes allocated.
    #[inline]
    pub(crate) fn debt(&self, memory: &Memory, allocated: Bytes) -> usize {
        let late = self.late.load(Relaxed);
        if late == 0 {
            return 0;
        }
        let is_late = self.since_census(memory) >= self.late_from.load(Relaxed);
        let bits = if is_late { late } else { self.ratio.load(Relaxed) };
        AssistRatio::from_bits(bits).debt(allocated).get() / heap_core::units::WORD_BYTES
    }

    /// Marking has ended: nobody owes anything.
    pub(crate) fn end_assists(&self) {
        self.owe(AssistRatio::ZERO, AssistRatio::ZERO, 0);
    }

    /// Learns from a cycle, and plans the next. What `end` says of external bytes and of the heap's size is filled in here.
    pub(crate) fn end_cycle(&self, memory: &Memory, mut end: CycleEnd) -> Plan {
        self.limiting();
        let mut decisions = self.decisions.lock();
        let plan = decisions.plan;
        end.heap_at_trigger = decisions.begun;
        end.heap_at_end = self.heap(&plan, memory);
        end.external = Bytes::new(self.external.take_low());
        let planned = decisions.pacer.end_cycle(&end);
        let next = self.publish(&mut decisions, planned);
        let runway = next.runway().get();
        memory.restart_count(
            MOST_UNCOUNTED.min(Bytes::new(runway / RUNWAY_GRAINS)),
            Bytes::new(runway / RUNWAY_PARTS_APART),
        );
        next
    }
}

/// Work as the pacer counts it.
pub(crate) fn work_bytes(words: u64) -> Bytes {
    Words::new(usize::try_from(words).unwrap_or(usize::MAX / 8)).bytes()
}

/// Whether the heap is near its goal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hurry {
    Yes,
    No,
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::Heap;

    #[test]
    fn a_marker_that_does_not_look_again_is_not_counted_on() {
        let heap = Heap::builder().gc_off().build().expect("a heap");
        let mut mutator = heap.attach().expect("one mutator a thread");
        mutator.enter(|mu| {
            let (memory, pace) = (&mu.heap().memory, &mu.heap().pace);
            let (none, word_a_byte) = (AssistRatio::ZERO, AssistRatio::from_bits(8_f64.to_bits()));
            let debt = || pace.debt(memory, Bytes::new(10));
            assert_eq!(debt(), 0, "no cycle marks");
            pace.owe(none, word_a_byte, usize::MAX);
            assert_eq!(debt(), 0, "the marker does it");
            pace.owe(none, word_a_byte, 0);
            assert_eq!(debt(), 10, "it should have looked");
            pace.owe(word_a_byte, word_a_byte, usize::MAX);
            assert_eq!(debt(), 10);
            pace.end_assists();
            assert_eq!(debt(), 0);
        });
    }
}
