//! What all handles of one heap share.

use crate::barrier::Shading;
use crate::cleanup::OwnCleanups;
use crate::config::{Collector, HeapBuilder, LayoutPolicy, Listener, Observer, Scavenge};
use crate::desk::Desk;
use crate::ephemeron::Ephemerons;
use crate::event::{Answerer, Event};
use crate::figures::{CycleFigures, PAUSES_KEPT};
use crate::finalizer::AllFinalizers;
use crate::gate::SharedGate;
use crate::grey::GreyQueue;
use crate::handshake::World;
use crate::hints::{EscapeHints, WrongHints};
use crate::log::{HeapLog, Track};
use crate::mark::{Kits, MarkLimits};
use crate::pace::Pace;
use crate::pacer::NEVER;
use crate::part::Part;
use crate::pauses::Pauses;
use crate::pools::OwnPools;
use crate::roots::Roots;
use crate::round::Round;
use crate::sampler::Samples;
use crate::unwind::FirstPanic;
use crate::weak::Places;
use crate::workers::Workers;
use core::time::Duration;
use heap_core::memory::Memory;
use heap_core::page_heap::PageHeap;
use heap_core::racy::kernel::Kernel;
use heap_core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use heap_core::sync::{Arc, Mutex, OnceLock};
use heap_core::units::Bytes;
use heap_scav::figures::By;
use heap_scav::notice::Listener as Notify;
use heap_scav::scavenger::{Options, Scavenger, Unasked};
use std::time::Instant;

/// What is remembered of past cycles. Written by whoever has run a cycle, and read by the next and by who asks for figures.
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
pub(crate) fn processors() -> usize {
    static KNOWN: OnceLock<usize> = OnceLock::new();
    *KNOWN.get_or_init(|| heap_core::sync::thread::available_parallelism().map_or(1, core::num::NonZero::get))
}

/// What all handles of one heap share. A field that says nothing else is written when the heap is built, or has what it needs to
/// be shared in its type.
pub(crate) struct Shared {
    /// Tells heaps apart, for roots that come back.
    pub(crate) id: u64,
    /// Handles of the program: the last one ends the collector. Added to relaxed, by who has one or is inside the gate; taken
    /// from with acquire and release, so that who takes it to 0 comes after what was done with the others. It may rise from 0
    /// again inside the gate: so 0 only says who has to go there, and look again.
    pub(crate) handles: AtomicUsize,
    /// Where who lets go of the last handle meets who makes one of a weak handle. What is in it is under its lock.
    pub(crate) gate: SharedGate,
    pub(crate) world: World<Part>,
    /// What is grey and on the way to a marker.
    pub(crate) queue: GreyQueue,
    /// What mutators that assist work with.
    pub(crate) kits: Kits,
    pub(crate) desk: Arc<Desk>,
    pub(crate) roots: Roots,
    /// Roots of the mutators' own that the round of roots has found. Added to by who answers; taken by the collector.
    pub(crate) own_roots: AtomicUsize,
    /// Weak places, and how far a cycle is with them.
    pub(crate) places: Places,
    /// Pairs of keys and values, of which the values are kept by the keys.
    pub(crate) ephemerons: Ephemerons,
    /// How many cycles have cleared weak places or ephemerons. Written by the collector when it has, read by mutators with
    /// acquire.
    pub(crate) clearings: AtomicU64,
    pub(crate) pace: Pace,
    /// The wish for the size of everything; `usize::MAX` for none.
    pub(crate) memory_limit: Bytes,
    /// The goal before the last cycle, for the scavenger. Only the collector's.
    pub(crate) last_goal: Mutex<Bytes>,
    /// A marker other than the collector's own had no room for what it marked. Set by whoever it was, before the queue says that
    /// it is dry; read after that, and cleared, by who runs the cycle.
    pub(crate) lost: AtomicBool,
    /// An allocation was refused since the last cycle. Written relaxed by mutators; taken by the one that answers the call.
    pub(crate) refused: AtomicBool,
    /// How many cycles have found every mutator without references, once. Written relaxed by the collector; read by who is
    /// refused an allocation, and before a cycle for that begins.
    pub(crate) rooted: AtomicU64,
    /// `rooted` at the last refusal: a cycle that has found them so since has freed what there was to free. Written relaxed by
    /// who is refused; read before a cycle for that begins.
    pub(crate) refused_at: AtomicU64,
    pub(crate) layouts: LayoutPolicy,
    pub(crate) hints: EscapeHints,
    /// What checked hints have come to.
    pub(crate) wrong_hints: WrongHints,
    /// Threads that mark when a collection is asked for.
    pub(crate) workers: usize,
    pub(crate) collector: Collector,
    /// Part of the processors that marks beside the mutators.
    pub(crate) cpu_share: f64,
    pub(crate) mark_limits: MarkLimits,
    pub(crate) listener: Option<Listener>,
    pub(crate) log: HeapLog,
    /// Mutators attached so far. Written relaxed by who attaches: it tells them apart, and orders nothing.
    attached: AtomicU64,
    /// Processors the process may use.
    pub(crate) processors: usize,
    pub(crate) built: Instant,
    pub(crate) verify_every: Option<u32>,
    pub(crate) collect_every: Option<u32>,
    pub(crate) observer: Option<Observer>,
    /// What was sampled of the objects.
    pub(crate) samples: Samples,
    /// Held by whoever runs a cycle: one at a time.
    pub(crate) cycle: Mutex<Helpers>,
    pub(crate) history: Mutex<History>,
    /// Gives free pages back: told at the end of a cycle, and of its sweeping. Before the memory, since its thread ends with it.
    pub(crate) scavenger: Scavenger,
    /// What is to be done when objects are dead. Before the memory: when the heap ends, cleanups run and then drops.
    pub(crate) cleanups: OwnCleanups,
    pub(crate) finalizers: AllFinalizers,
    /// The pools' places, and what they have let go.
    pub(crate) pools: OwnPools,
    /// Last: its drop runs the drops of all objects, when nothing else of the heap is used any more.
    pub(crate) memory: Memory,
}

/// Puts what the scavenger did into the log. The rounds of its thread take time there; what another thread released may lie
/// beside one, so it is a moment.
fn note_scavenged(log: &HeapLog, pages: &PageHeap, event: Event) {
    let now = Instant::now();
    if let Event::Scavenged(round) = &event
        && round.by == By::Background
    {
        let begun = now.checked_sub(round.wall).unwrap_or(now);
        log.put(Track::Scavenger, begun, Some(now), event);
    } else {
        log.put(Track::Scavenger, now, None, event);
    }
    log.note(Track::Scavenger, || pages_of(pages));
}

/// Where the pages of a heap are.
fn pages_of(pages: &PageHeap) -> Event {
    let counters = pages.counters();
    let (grown, retained) = (pages.grown().bytes(), pages.retained().bytes());
    Event::Pages {
        in_spans: counters.in_spans(),
        frames: Bytes::new(counters.frames.load(Relaxed)),
        retained,
        released: Bytes::new(grown.get().saturating_sub(retained.get())),
    }
}

/// What the builder wishes of the scavenger.
fn scavenging(builder: &HeapBuilder, memory_limit: Bytes, log: &HeapLog, memory: &Memory) -> Options {
    let (listener, log, pages) = (builder.listener.clone(), log.clone(), memory.shared_pages());
    let listener = (listener.is_some() || log.is_there()).then(|| -> Notify {
        Arc::new(move |notice| {
            let is_logged = log.is_on();
            if !is_logged && listener.is_none() {
                return;
            }
            let event = Event::from(notice);
            if is_logged {
                note_scavenged(&log, &pages, event.clone());
            }
            if let Some(listener) = &listener {
                listener(&event);
            }
        })
    });
    Options {
        unasked: match builder.scavenge {
            Scavenge::Background if builder.own_threads => Unasked::Thread,
            Scavenge::Background => Unasked::Host,
            Scavenge::OnRequest => Unasked::Nobody,
        },
        share: builder.scavenge_share,
        memory_limit: (memory_limit != NEVER).then_some(memory_limit),
        listener,
    }
}

impl Shared {
    pub(crate) fn new(builder: &HeapBuilder, memory: Memory) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let processors = processors();
        let memory_limit = builder.memory_limit.bytes();
        let pace = Pace::new(builder, processors, memory_limit);
        let id = NEXT.fetch_add(1, Relaxed);
        let log = HeapLog::new(builder.log.as_ref(), id);
        let pauses = Pauses::new(builder.measures_pauses);
        let pauses = if log.is_there() { pauses.watched(Box::new(log.clone())) } else { pauses };
        let scavenging = scavenging(builder, memory_limit, &log, &memory);
        memory.sampling().set_mean(Bytes::new(builder.sample_mean));
        Self {
            id,
            handles: AtomicUsize::new(0),
            gate: SharedGate::new(),
            world: World::new().with_pauses(pauses),
            queue: GreyQueue::new(1),
            kits: Kits::default(),
            desk: Arc::new(Desk::new(
                builder.own_threads,
                builder.period.filter(|_| builder.gc_percent.is_some()),
            )),
            roots: Roots::default(),
            own_roots: AtomicUsize::new(0),
            places: Places::default(),
            ephemerons: Ephemerons::default(),
            clearings: AtomicU64::new(0),
            last_goal: Mutex::new(pace.goal()),
            pace,
            memory_limit,
            lost: AtomicBool::new(false),
            refused: AtomicBool::new(false),
            rooted: AtomicU64::new(0),
            refused_at: AtomicU64::new(0),
            layouts: builder.layouts,
            hints: builder.hints,
            wrong_hints: WrongHints::default(),
            workers: builder.workers.unwrap_or(processors),
            collector: builder.collector,
            cpu_share: builder.cpu_share,
            mark_limits: MarkLimits { stack: builder.mark_stack, kernel: Kernel::up_to(builder.vectors) },
            listener: builder.listener.clone(),
            log,
            attached: AtomicU64::new(0),
            processors,
            built: Instant::now(),
            verify_every: builder.verify_every,
            collect_every: builder.collect_every,
            observer: builder.observer.clone(),
            samples: Samples::new(builder.sampler.clone()),
            cycle: Mutex::new(if builder.own_threads { Helpers::Idle } else { Helpers::Refused }),
            history: Mutex::new(History::default()),
            cleanups: OwnCleanups::default(),
            finalizers: AllFinalizers::default(),
            pools: OwnPools::default(),
            scavenger: Scavenger::new(memory.shared_pages(), scavenging),
            memory,
        }
    }

    /// How many mutators are attached.
    pub(crate) fn mutators(&self) -> usize {
        self.world.members()
    }

    /// Whether the heap is so near a limit that who allocates waits for the cycle that is due. For a memory limit that what lives
    /// has outgrown, it is so from a size on that can be kept.
    pub(crate) fn is_near_limit(&self) -> bool {
        let (pages, limit) = (self.memory.pages(), self.memory_limit.get());
        let in_spans = pages.counters().inuse.load(Relaxed);
        pages.is_near_limit()
            || (limit != usize::MAX
                && in_spans > (limit - limit / 32).max(self.pace.outgrown().unwrap_or_default()))
    }

    /// Where a mutator's shades go.
    #[inline]
    pub(crate) fn shading(&self) -> Shading<'_> {
        Shading { memory: &self.memory, queue: &self.queue }
    }

    /// A mutator's answer to a round, on its thread.
    pub(crate) fn answer(&self, part: &Part, round: Round) {
        let begun = self.log.begin();
        self.answer_silently(part, round);
        self.note_answer(begun, Track::here, part, round, Answerer::Mutator);
    }

    /// The same on the thread that runs the cycle, for a mutator that is outside.
    pub(crate) fn answer_for(&self, part: &Part, round: Round) {
        let begun = self.log.begin();
        self.answer_silently(part, round);
        self.note_answer(begun, || Track::Collector, part, round, Answerer::Collector);
    }

    fn answer_silently(&self, part: &Part, round: Round) {
        if round == Round::BarrierOn {
            self.age_pools(part);
        }
        let found = part.answer(round, self.shading());
        if found > 0 {
            self.own_roots.fetch_add(found, Relaxed);
        }
    }

    fn note_answer(
        &self,
        begun: Option<Instant>,
        track: impl FnOnce() -> Track,
        part: &Part,
        round: Round,
        by: Answerer,
    ) {
        if begun.is_some() {
            let (round, mutator) = (round.name(), part.number);
            self.log.end(begun, track(), || Event::Answered { round, mutator, by });
        }
    }

    /// The number of a mutator that attaches.
    pub(crate) fn next_mutator(&self) -> u64 {
        self.attached.fetch_add(1, Relaxed) + 1
    }

    /// Puts how large everything is into the log, in a cycle.
    pub(crate) fn note_sizes(&self) {
        if self.log.is_on() {
            let (heap, goal) = (self.memory.figures().heap_alloc, self.pace.goal());
            self.log.note(Track::Collector, || Event::Sizes { heap, goal });
            self.log.note(Track::Collector, || pages_of(self.memory.pages()));
        }
    }

    /// A cycle has begun: what the mutator keeps in pools ages.
    pub(crate) fn age_pools(&self, part: &Part) {
        self.pools.expire(part.pools.age());
    }

    /// Puts a step of a cycle into the log, and tells the listener, whose panic does not end a cycle in its middle.
    pub(crate) fn tell(&self, panics: &mut FirstPanic, event: impl FnOnce() -> Event) {
        self.tell_end(None, panics, event);
    }

    /// The same of a step that takes time.
    pub(crate) fn tell_end(
        &self,
        begun: Option<Instant>,
        panics: &mut FirstPanic,
        event: impl FnOnce() -> Event,
    ) {
        let is_logged = self.log.is_on();
        if !is_logged && self.listener.is_none() {
            return;
        }
        let event = event();
        if is_logged {
            let now = Instant::now();
            self.log.put(Track::Collector, begun.unwrap_or(now), begun.map(|_| now), event.clone());
        }
        self.tell_listener(panics, event);
    }

    /// Tells the listener only.
    pub(crate) fn tell_listener(&self, panics: &mut FirstPanic, event: Event) {
        if let Some(listener) = &self.listener {
            panics.note(|| listener(&event));
        }
    }
}

impl core::fmt::Debug for Shared {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Shared").field("id", &self.id).finish_non_exhaustive()
    }
}
