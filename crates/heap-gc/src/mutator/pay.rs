//! What an allocation owes: a cycle that is due is called for, and while one marks, what is allocated is paid for by marking.
//!
//! ```text
//!   settle → was it to be sampled?  tell the sampler
//!          → is it of a new run?    pay
//!   pay → a cycle is due?  call the collector, and offer it the processor; sweep for it, while it waits for that
//!       → a cycle marks?   mark a little (assist)
//! ```

use super::{Mu, RUN_BYTES};
use crate::ask::mark_some;
use crate::collector;
use crate::config::Collector;
use crate::event::Event;
use crate::figures::Reason;
use crate::log::Track;
use crate::mark::Amount;
use crate::pacer::Limiting;
use crate::pauses::{Begun, Kind};
use crate::sampler::Label;
use crate::shared::Shared;
use core::ptr::NonNull;
use core::time::Duration;
use heap_core::cache::{Drawn, Source};
use heap_core::error::AllocError;
use heap_core::fault::{self, Fault};
use heap_core::layout::LayoutId;
use heap_core::stress::STRESSED;
use heap_core::sync::atomic::Ordering::Relaxed;
use heap_core::units::Bytes;
use std::time::Instant;

/// Spans that a mutator sweeps for each refill while a cycle that is due waits for the last one's sweeping: some 15 µs. More is a
/// longer pause. Without it a churning heap of 140 MiB allocated as much again in the 66 ms that the collector needed alone, had
/// as many more dead spans in the next cycle, and stayed at 2.7 times what lives; with it, it is at 1.8.
const SWEPT_FOR_A_CYCLE: usize = 8;
/// Words that a mutator owes before it assists, and marks at once at most. Less makes each borrowed batch dearer.
const MOST_MARKED: usize = if STRESSED { 16 } else { 4096 };
/// What marking all that a batch leads to counts for at least: where there is little to be had, whoever owes is not to look for it with
/// each refill.
const LEAST_PAID: usize = MOST_MARKED / 4;
/// How long it marks at once. A refill pays once at most, so with less mutators pay later: with 5 µs a churning heap took a quarter more
/// memory. Under stress no clock decides what happens.
const LONG: Option<Duration> = if STRESSED { None } else { Some(Duration::from_micros(8)) };
/// What marking at once counts for at most. Asking for processor time costs a system call, a twentieth of it; the clock costs nothing, and
/// when it says more, the thread was not running.
const LONGEST: Duration = Duration::from_micros(100);
/// Words it can owe at most: a debt that could not be paid, for want of work, is not collected for ever.
const MOST_OWED: usize = 64 * MOST_MARKED;
/// How often a mutator offers its processor while a heap that is past its goal grows by as much again as it was to.
const OFFERS_IN_ROOM: usize = 32;
/// A heap that is to grow by so much does not grow far past its goal in a time slice.
const SMALL_ROOM: Bytes = Bytes::mib(64);

/// Whether what paces the next cycle has moved by an allocation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    /// Now is the time to look whether a cycle is due.
    Yes,
    /// It has not: the mutator keeps some bytes to itself before it tells others.
    NotYet,
}

/// A cycle at the next safepoint frees what it can, and takes back the pages that mutators keep.
#[cold]
#[inline(never)]
fn note_refused(heap: &Shared, error: AllocError) {
    heap.log.note(Track::here(), || Event::Refused { error });
    heap.refused_at.store(heap.rooted.load(Relaxed), Relaxed);
    heap.refused.store(true, Relaxed);
    heap.world.call_for_collection();
}

/// The memory limit is passed, by what was just taken or before: gives free pages back, before what was taken is written
/// to. Not if collecting costs too much already, of which this is a part; nor if what lives has outgrown the limit: what is
/// free is needed again at once then, and the background sees to the rest.
#[cold]
fn make_room(heap: &Shared) {
    if heap.pace.outgrown().is_none() && heap.pace.limiting() == Limiting::Off {
        let begun = heap.log.begin();
        heap.pace.spend(heap.scavenger.assist());
        heap.log.end(begun, Track::here(), || Event::MadeRoom);
    }
}

/// After a frame has asked for pages: it owes no marking, since no marker looks there, but keeps to the limits.
pub(super) fn pay_for_frame<T>(heap: &Shared, outcome: Result<T, AllocError>) -> Result<T, AllocError> {
    match outcome {
        Err(error) => note_refused(heap, error),
        Ok(_) if heap.scavenger.is_over_limit() => make_room(heap),
        Ok(_) => {}
    }
    outcome
}

impl Mu<'_> {
    /// What becomes of a slot, or of a refusal, that the slow twin got: a sample is noted, and a new run paid for.
    #[inline]
    pub(super) fn settle(
        &self,
        id: LayoutId,
        outcome: Result<NonNull<u8>, AllocError>,
        label: Label,
    ) -> Result<NonNull<u8>, AllocError> {
        if let Some(drawn) = self.part.cache.take_drawn()
            && let Ok(start) = outcome
            && self.note(id, start, drawn, label) == Source::Run
        {
            return outcome;
        }
        let counted = if self.part.cache.take_has_told() { Counted::Yes } else { Counted::NotYet };
        self.pay(outcome, Bytes::new(RUN_BYTES), counted)
    }

    /// Notes a slot that lay beyond a fence, and says where it is from.
    #[cold]
    #[inline(never)]
    fn note(&self, id: LayoutId, start: NonNull<u8>, drawn: Drawn, label: Label) -> Source {
        if let Some(mean) = drawn.sample {
            let memory = &self.mutator.heap.memory;
            let bytes = memory.entry(id).layout().class.size();
            self.mutator.heap.samples.note(memory, start.addr().get(), label, bytes, mean);
        }
        drawn.source
    }

    /// A refill or a large object has ended, whose beginning somebody wanted to know: then also how large the heap has grown by
    /// it.
    #[cold]
    #[inline(never)]
    pub(super) fn note_refill(&self, begun: Begun) {
        let heap = &self.mutator.heap;
        heap.world.pauses().end(Kind::Refill, Some(begun));
        heap.log.note_growth(heap.memory.pages().grown());
    }

    /// After a refill of about that many bytes: what does it owe?
    pub(super) fn pay(
        &self,
        outcome: Result<NonNull<u8>, AllocError>,
        bytes: Bytes,
        counted: Counted,
    ) -> Result<NonNull<u8>, AllocError> {
        let heap = &self.mutator.heap;
        if let Err(error) = outcome {
            note_refused(heap, error);
            return outcome;
        }
        if heap.scavenger.is_over_limit() {
            make_room(heap);
        }
        let mut due = false;
        if let Some(every) = heap.collect_every {
            let left = self.mutator.until_asked.get() - 1;
            due = left == 0;
            self.mutator.until_asked.set(if left == 0 { every } else { left });
        }
        let is_news = counted == Counted::Yes || heap.desk.is_busy() || heap.pace.has_external();
        if is_news && heap.pace.is_due(&heap.memory) {
            let is_called = heap.collector == Collector::Concurrent && self.call_for_cycle(bytes);
            // Near a limit a mutator waits at the edge of its `enter` and runs the cycle itself: or it would soon be refused what
            // that cycle is about to free, or pass a limit that can be kept.
            self.sweep_for_cycle();
            due |= !is_called || (heap.is_near_limit() && !fault::on(Fault::LimitUnawaited));
        }
        if due {
            heap.world.call_for_collection();
        }
        let debt = heap.pace.debt(&heap.memory, bytes);
        if debt > 0 {
            self.assist(debt);
        } else {
            // No cycle marks, or its marker needs no help just now: what was owed is no debt to the next.
            self.mutator.owed.set(0);
        }
        outcome
    }

    /// Calls for a cycle, unless that was done. Says whether the collector will run it. The allocation is of about `bytes`.
    fn call_for_cycle(&self, bytes: Bytes) -> bool {
        let heap = &self.mutator.heap;
        if !heap.desk.is_busy() {
            let begun = heap.world.pauses().begin();
            let is_called = collector::call(heap.shared(), Reason::Goal);
            heap.world.pauses().end(Kind::Refill, begun);
            if !is_called {
                return false;
            }
            self.let_collector_run();
        } else if heap.pace.is_past_goal(&heap.memory) {
            let past = self.mutator.past_goal.get() + bytes.get();
            if past >= heap.pace.room().get() / OFFERS_IN_ROOM {
                self.let_collector_run();
            } else {
                self.mutator.past_goal.set(past);
            }
        }
        true
    }

    /// A cycle is due, and begins when all is swept: sweeps a little for it, if that is so.
    #[inline]
    fn sweep_for_cycle(&self) {
        let heap = &self.mutator.heap;
        // Who has not heard of the newest generation sweeps nothing.
        if heap.memory.is_walked() || self.part.cache.is_late(&heap.memory) || fault::on(Fault::SweepUnhelped)
        {
            return;
        }
        let begun = heap.world.pauses().begin();
        self.part.cache.sweep_some(&heap.memory, SWEPT_FOR_A_CYCLE);
        heap.world.pauses().end(Kind::Refill, begun);
    }

    /// Offers the processor to whoever wants it, if the collector may be short of one and it matters: mutators have all of them,
    /// and the heap is small. Returns at once when nobody wants it.
    ///
    /// Without it the system leaves the collector waiting for a time slice of some ms, in which two mutators that allocate as
    /// fast as they can take 40 MiB in a heap of 4. But the system takes a slice from who offers one. Not more often than needed:
    /// a thread that did so with each refill, beside a cycle of half a second, had been kept for 300 ms.
    #[cold]
    fn let_collector_run(&self) {
        let heap = &self.mutator.heap;
        self.mutator.past_goal.set(0);
        if heap.world.members() >= heap.processors && heap.pace.room() < SMALL_ROOM {
            let begun = heap.world.pauses().begin();
            heap_core::sync::thread::yield_now();
            heap.world.pauses().end(Kind::Wait, begun);
        }
    }

    /// Marks a little, for what was allocated while a cycle marks.
    #[cold]
    fn assist(&self, debt: usize) {
        let heap = &self.mutator.heap;
        let owed = self.mutator.owed.get().saturating_add(debt).min(MOST_OWED);
        self.mutator.owed.set(owed);
        if owed < MOST_MARKED {
            return;
        }
        let begun = heap.world.pauses().begin();
        // Nothing to be had: the workers have it all in their hands, or it is over.
        let Some(batch) = heap.queue.borrow() else { return };
        let clock = Instant::now();
        let most = Amount { words: MOST_MARKED, until: LONG.map(|long| clock + long) };
        let marked = mark_some(heap, batch, most);
        let paid = if marked.is_all { marked.words.max(LEAST_PAID) } else { marked.words };
        self.mutator.owed.set(owed.saturating_sub(paid));
        heap.pace.spend_on_assist(clock.elapsed().min(LONGEST));
        heap.world.pauses().end(Kind::Assist, begun);
    }
}
