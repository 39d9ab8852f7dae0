//! What all handles of one heap share.

use crate::config::{HeapBuilder, LayoutPolicy, Observer, Scavenge};
use crate::figures::{CycleFigures, PAUSES_KEPT};
use crate::handshake::World;
use crate::pacer::{Found, Pacer};
use crate::roots::Roots;
use crate::workers::Workers;
use core::time::Duration;
use heap_core::cache::Cache;
use heap_core::memory::Memory;
use heap_core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use heap_core::sync::{Mutex, OnceLock};
use heap_core::units::Bytes;
use heap_scav::background::Scavenger;
use std::time::Instant;

/// What is remembered of past cycles.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) cycles: u64,
    pub(crate) asked: u64,
    pub(crate) pause_total: Duration,
    pub(crate) mark_cpu_total: Duration,
    pub(crate) pauses: std::collections::VecDeque<Duration>,
    pub(crate) last: Option<CycleFigures>,
}

impl History {
    pub(crate) fn add(&mut self, cycle: CycleFigures) {
        self.cycles = cycle.number;
        self.pause_total += cycle.pause;
        self.mark_cpu_total += cycle.mark_cpu;
        if self.pauses.len() == PAUSES_KEPT {
            self.pauses.pop_front();
        }
        self.pauses.push_back(cycle.pause);
        self.last = Some(cycle);
    }
}

/// Helpers, once they are started.
#[derive(Debug, Default)]
pub(crate) enum Helpers {
    /// Not needed yet.
    #[default]
    Idle,
    /// Running.
    Started(Workers),
    /// The system refused them.
    Refused,
}

/// Processors the process may use. Asked once: the answer costs reading files of the system's.
fn processors() -> usize {
    static KNOWN: OnceLock<usize> = OnceLock::new();
    *KNOWN.get_or_init(|| heap_core::sync::thread::available_parallelism().map_or(1, core::num::NonZero::get))
}

/// What all handles of one heap share.
pub(crate) struct Shared {
    /// Tells heaps apart, for roots that come back.
    pub(crate) id: u64,
    pub(crate) world: World<Cache>,
    pub(crate) roots: Roots,
    pub(crate) pacer: Pacer,
    /// Bytes to allocate before the next cycle. Written by the collector, read by mutators when they refill; a stale
    /// value starts a cycle a refill too early or too late.
    pub(crate) runway: AtomicUsize,
    /// The size at which the next cycle starts.
    pub(crate) goal: AtomicUsize,
    /// An allocation was refused since the last cycle. Written by mutators; taken by the one that answers the call.
    pub(crate) refused: AtomicBool,
    pub(crate) layouts: LayoutPolicy,
    pub(crate) workers: usize,
    /// Processors the process may use.
    pub(crate) processors: usize,
    pub(crate) built: Instant,
    pub(crate) verify_every: Option<u32>,
    pub(crate) collect_every: Option<u32>,
    pub(crate) observer: Option<Observer>,
    /// Held by whoever runs a cycle: one at a time.
    pub(crate) cycle: Mutex<Helpers>,
    pub(crate) history: Mutex<History>,
    /// Gives free pages back: told at the end of a cycle, if at all. Before the memory, since its thread ends with it.
    pub(crate) scavenger: Scavenger,
    pub(crate) scavenge: Scavenge,
    /// Last: its drop runs the drops of all objects, when nothing else of the heap is used any more.
    pub(crate) memory: Memory,
}

impl Shared {
    pub(crate) fn new(builder: &HeapBuilder, memory: Memory) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let pacer = Pacer::new(builder.gc_percent, Bytes::new(builder.hard_limit));
        let goal = pacer.goal(Found { live: Bytes::ZERO, roots: Bytes::ZERO });
        let processors = processors();
        Self {
            id: NEXT.fetch_add(1, Relaxed),
            world: World::new(),
            roots: Roots::default(),
            pacer,
            runway: AtomicUsize::new(goal.runway.get()),
            goal: AtomicUsize::new(goal.goal.get()),
            refused: AtomicBool::new(false),
            layouts: builder.layouts,
            workers: builder.workers.unwrap_or(processors),
            processors,
            built: Instant::now(),
            verify_every: builder.verify_every,
            collect_every: builder.collect_every,
            observer: builder.observer.clone(),
            cycle: Mutex::new(Helpers::Idle),
            history: Mutex::new(History::default()),
            scavenger: Scavenger::new(memory.shared_pages()),
            scavenge: builder.scavenge,
            memory,
        }
    }

    /// How many mutators are attached.
    pub(crate) fn mutators(&self) -> usize {
        self.world.members()
    }

    /// Whether enough was allocated for a cycle.
    #[inline]
    pub(crate) fn is_due(&self) -> bool {
        self.memory.pages().counters().since_cycle.load(Relaxed) >= self.runway.load(Relaxed)
    }
}

impl core::fmt::Debug for Shared {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Shared").field("id", &self.id).finish_non_exhaustive()
    }
}
