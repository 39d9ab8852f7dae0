//! The event log: what happened in heaps, with a stamp, a place and a duration, kept until somebody takes it.
//!
//! A listener ([`HeapBuilder::on_event`](crate::HeapBuilder::on_event)) is code of the program's, so it is called only where that
//! can do no harm. Much of what is worth seeing happens elsewhere: in the middle of an allocation, while a mutator is held, on a
//! thread that marks. There nothing is called. A record is put into a log, and the program takes it when it likes.
//!
//! ```text
//!   HeapLog (one a heap) ──▶ EventLog (one for as many heaps as like) ── 16 shards, by the number of the thread ──▶ take
//! ```
//!
//! Invariants
//!   V1  a record is put in a bounded number of steps, or dropped and counted: whoever puts one tries the lock of each shard
//!       once, from its own on, and waits for none; under it nothing is done but a push, and now and then an allocation for the
//!       next 128.
//!   V2  records in the shards ≤ held, and a record is put only by who found held < most: it is counted before it is put, and
//!       until it is out again.
//!   V3  while a log is off nobody reads a clock for it, nor makes an event: one relaxed load.
//!
//! A span that began while the log was on is put also if it was stopped meanwhile. What is off the fast path of an allocation
//! only is ever put; `docs/events.md` says what, and in which order.
#![forbid(unsafe_code)]

use crate::event::Event;
use crate::pauses::{Kind, Watch};
use core::cell::Cell;
use core::fmt;
use core::time::Duration;
use heap_core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use heap_core::sync::{Arc, Mutex};
use heap_core::units::Pages;
use std::time::Instant;

/// Shards: threads with different numbers seldom meet. More would find more of them apart, and cost who takes.
const SHARDS: usize = 16;
/// Records of a piece of a shard. More is a longer allocation in the middle of a cycle, less is one more often.
const PIECE: usize = 128;
/// Names that are kept of heaps: further ones have none.
const NAMES: usize = 1024;
/// A refill that takes no longer is none of a log's business: there are some for each page that is allocated.
const LONG_REFILL: Duration = Duration::from_micros(50);

/// Where something happened. On each place spans of one heap follow each other or lie in each other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Track {
    /// In a cycle, on whichever thread ran it.
    Collector,
    /// On the collector's own thread, between cycles.
    Sweeper,
    /// In the scavenger: on its thread, or that of who asked.
    Scavenger,
    /// On a thread that helps to mark; counted from 1 in each drain.
    Worker(u32),
    /// On a thread of the program, by its number in the process, from 1.
    Thread(u32),
}

/// Something that happened.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Record {
    /// The number of the heap in this process.
    pub heap: u64,
    /// Where.
    pub track: Track,
    /// When it was, or began. Of one clock, which never goes back, for all threads.
    pub begun: Instant,
    /// When it ended, if it takes time; then the record was put at its end.
    pub ended: Option<Instant>,
    /// What.
    pub event: Event,
}

/// Records by the piece, so that nothing is moved as they become many.
#[derive(Default)]
struct Shard {
    pieces: Vec<Vec<Record>>,
}

/// A bounded log of what happens in the heaps that were [built](crate::HeapBuilder::event_log) with it. Off at first, and may be
/// started and stopped at any time by any thread.
///
/// Whoever puts a record never waits: what finds no room, or all sixteen parts of the log in use by other threads, is
/// [dropped](Self::dropped) and counted.
///
/// ```
/// # extern crate heap_gc as tricolor;
/// # use std::sync::Arc;
/// use tricolor::{Event, EventLog, Heap};
///
/// let log = Arc::new(EventLog::new(10_000));
/// let heap = Heap::builder().event_log(&log, "main").build()?;
/// log.start();
/// heap.attach()?.collect();
/// log.stop();
/// let records = log.take();
/// assert!(records.iter().any(|record| matches!(record.event, Event::Ended { number: 1 })));
/// assert_eq!(log.dropped(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct EventLog {
    /// Written by who starts and stops; read relaxed at each slow point: an event more or less at the edges is no matter.
    is_on: AtomicBool,
    most: usize,
    /// Records in the shards, those about to be put there, and those that are about to be dropped. Written relaxed by who puts,
    /// before and after, and by who takes, after; read by who puts, by the same addition. It orders nothing: records are under
    /// the locks of the shards. Errs high (V2): then a record is dropped that there would have been room for.
    held: AtomicUsize,
    /// Written relaxed by who drops a record; read relaxed by anybody. Errs low by what is being dropped.
    dropped: AtomicU64,
    shards: [Mutex<Shard>; SHARDS],
    /// Written when a heap is built, read by who asks.
    names: Mutex<Vec<(u64, String)>>,
}

impl EventLog {
    /// A log that holds up to `most` records, of some 150 bytes each: what is not used costs nothing.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            is_on: AtomicBool::new(false),
            most,
            held: AtomicUsize::new(0),
            dropped: AtomicU64::new(0),
            shards: core::array::from_fn(|_| Mutex::new(Shard::default())),
            names: Mutex::new(Vec::new()),
        }
    }

    /// Begins to keep what happens.
    pub fn start(&self) {
        self.is_on.store(true, Relaxed);
    }

    /// Ends it. What began before may still come.
    pub fn stop(&self) {
        self.is_on.store(false, Relaxed);
    }

    /// Whether it keeps what happens. One relaxed load.
    #[inline]
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.is_on.load(Relaxed)
    }

    /// Records dropped since the log was made, for want of room, or of a moment to put them.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    /// Takes all records out, by when they began; of those that began at once, the one that lasts longer is first.
    #[must_use = "they are out of the log"]
    pub fn take(&self) -> Vec<Record> {
        let mut records = Vec::new();
        for shard in &self.shards {
            let pieces = core::mem::take(&mut shard.lock().pieces);
            let count: usize = pieces.iter().map(Vec::len).sum();
            self.held.fetch_sub(count, Relaxed);
            records.extend(pieces.into_iter().flatten());
        }
        records.sort_by_key(|record| (record.begun, core::cmp::Reverse(record.ended)));
        records
    }

    /// The numbers of the heaps that were built with it, and their names: of the first 1024.
    #[must_use]
    pub fn heaps(&self) -> Vec<(u64, String)> {
        self.names.lock().clone()
    }

    fn name(&self, heap: u64, name: &str) {
        let mut names = self.names.lock();
        if names.len() < NAMES {
            names.push((heap, name.to_owned()));
        }
    }

    /// V1.
    fn put(&self, record: Record) {
        if self.held.fetch_add(1, Relaxed) < self.most {
            let own = thread_number() as usize;
            // Whose lock another has is passed by: its holder may have lost its processor.
            let free = (own..own + SHARDS).find_map(|shard| self.shards[shard % SHARDS].try_lock());
            if let Some(mut shard) = free
                && let Some(piece) = shard.with_room()
            {
                return piece.push(record);
            }
        }
        self.held.fetch_sub(1, Relaxed);
        self.dropped.fetch_add(1, Relaxed);
    }
}

impl Shard {
    /// A piece with room for one more, made if need be; none if there is no memory.
    fn with_room(&mut self) -> Option<&mut Vec<Record>> {
        if self.pieces.last().is_none_or(|piece| piece.len() == PIECE) {
            let mut piece = Vec::new();
            piece.try_reserve_exact(PIECE).ok()?;
            self.pieces.try_reserve(1).ok()?;
            self.pieces.push(piece);
        }
        self.pieces.last_mut()
    }
}

impl fmt::Debug for EventLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventLog")
            .field("is_on", &self.is_on())
            .field("most", &self.most)
            .field("held", &self.held.load(Relaxed))
            .field("dropped", &self.dropped())
            .finish_non_exhaustive()
    }
}

/// The number of this thread in the process.
fn thread_number() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    heap_core::sync::thread_local! {
        /// Needs no drop, so it can be asked while the thread ends.
        static NUMBER: Cell<u32> = const { Cell::new(0) };
    }
    NUMBER.with(|number| {
        if number.get() == 0 {
            number.set(NEXT.fetch_add(1, Relaxed));
        }
        number.get()
    })
}

impl Track {
    /// The calling thread's.
    pub(crate) fn here() -> Self {
        Self::Thread(thread_number())
    }
}

struct Inner {
    log: Arc<EventLog>,
    heap: u64,
    /// The most pages grown of which a record was put, or tried. Written and read by mutators that have refilled while the log
    /// was on, by one relaxed maximum: so each size is told once, and of two at a time maybe only the larger.
    grown: AtomicUsize,
}

/// A heap's way to its log, if it has one.
#[derive(Clone, Default)]
pub(crate) struct HeapLog(Option<Arc<Inner>>);

impl HeapLog {
    /// The log that a builder was given, with the name.
    pub(crate) fn new(given: Option<&(Arc<EventLog>, String)>, heap: u64) -> Self {
        Self(given.map(|(log, name)| {
            log.name(heap, name);
            Arc::new(Inner { log: Arc::clone(log), heap, grown: AtomicUsize::new(0) })
        }))
    }

    /// Whether there is a log.
    pub(crate) fn is_there(&self) -> bool {
        self.0.is_some()
    }

    /// Whether somebody keeps what happens: no load, or a relaxed one (V3).
    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        self.0.as_ref().is_some_and(|inner| inner.log.is_on())
    }

    /// Something begins. The clock is read if it is kept.
    #[inline]
    pub(crate) fn begin(&self) -> Option<Instant> {
        if self.is_on() { Some(Instant::now()) } else { None }
    }

    /// It has ended.
    #[inline]
    pub(crate) fn end(&self, begun: Option<Instant>, track: Track, event: impl FnOnce() -> Event) {
        if let Some(begun) = begun {
            self.put(track, begun, Some(Instant::now()), event());
        }
    }

    /// Something happens, and takes no time.
    #[inline]
    pub(crate) fn note(&self, track: Track, event: impl FnOnce() -> Event) {
        if self.is_on() {
            self.put(track, Instant::now(), None, event());
        }
    }

    /// Puts a record, also if the log was stopped meanwhile.
    #[cold]
    #[inline(never)]
    pub(crate) fn put(&self, track: Track, begun: Instant, ended: Option<Instant>, event: Event) {
        if let Some(inner) = &self.0 {
            inner.log.put(Record { heap: inner.heap, track, begun, ended, event });
        }
    }

    /// If the heap has more pages than when this was last asked, says so.
    pub(crate) fn note_growth(&self, grown: Pages) {
        if let Some(inner) = &self.0
            && inner.log.is_on()
            && inner.grown.fetch_max(grown.get(), Relaxed) < grown.get()
        {
            self.put(Track::here(), Instant::now(), None, Event::Grown { sys: grown.bytes() });
        }
    }
}

impl Watch for HeapLog {
    fn is_on(&self) -> bool {
        self.is_on()
    }

    fn piece(&self, kind: Kind, begun: Instant) {
        let event = match kind {
            Kind::Wait => Event::Waited,
            Kind::Refill if begun.elapsed() >= LONG_REFILL => Event::Refilled,
            Kind::Cycle => Event::RanCycle,
            // These say more where they happen.
            Kind::Answer | Kind::Assist | Kind::Refill => return,
        };
        self.end(Some(begun), Track::here(), || event);
    }
}

impl fmt::Debug for HeapLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HeapLog").field(&self.0.as_ref().map(|inner| &inner.log)).finish()
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
