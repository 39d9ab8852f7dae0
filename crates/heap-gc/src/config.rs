//! How a heap is built.

mod error;

pub use error::BuildError;

use crate::hints::EscapeHints;
use crate::log::EventLog;
use crate::sampler::Sampler;
use core::fmt;
use core::time::Duration;
use heap_core::decoder::Decoder;
use heap_core::os::Os;
use heap_core::racy::kernel::Vectors;
use heap_core::sync::Arc;
use heap_core::units::Bytes;

/// Whether types of the same shape share spans.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum LayoutPolicy {
    /// Types with equal size class and mask share a layout: fewest spans, fastest allocation.
    #[default]
    SharedByShape,
    /// Every type has spans of its own. Allocation looks the layout up; a census by type is then exact.
    PerType,
}

/// When free pages go back to the operating system.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Scavenge {
    /// By and by, on a thread that the heap starts when a cycle first leaves more than it means to retain, at a small share of
    /// a processor ([`HeapBuilder::scavenge_share`]); in moments that the host gives ([`Heap::idle`](crate::Heap::idle)); and on
    /// request. A heap that never collects by itself and has no limit does not know how large it means to become, and gives back
    /// on request only.
    #[default]
    Background,
    /// Only when [`release_free_memory`](crate::Heap::release_free_memory) is called, and when an allocation passes the
    /// [`memory_limit`](HeapBuilder::memory_limit). The heap has no such thread.
    OnRequest,
}

/// What the heap, with all that belongs to it, shall not grow beyond: a wish that makes collections more frequent, and never
/// an error.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum MemoryLimit {
    /// Nothing.
    #[default]
    None,
    /// That many bytes.
    Bytes(usize),
    /// What the control group of the process may have (Linux), as it is when the heap is built; nothing if it is in none.
    ControlGroup,
}

impl MemoryLimit {
    /// The limit in bytes; `usize::MAX` for none.
    pub(crate) fn bytes(self) -> Bytes {
        let none = Bytes::new(usize::MAX);
        match self {
            Self::None => none,
            Self::Bytes(bytes) => Bytes::new(bytes),
            Self::ControlGroup => heap_core::os::cgroup_memory_limit().unwrap_or(none),
        }
    }
}

/// How a heap is collected.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Collector {
    /// Beside the mutators, on a thread that the heap starts when the first collection is due. No mutator waits for another,
    /// nor for the collector; each is asked a few times in a cycle, at its own safepoint.
    #[default]
    Concurrent,
    /// By the mutator that finds it due, while all others stand still. For teaching, and as something to compare with.
    StopTheWorld,
}

/// A listener for what happens inside a cycle. Called on the thread that runs it.
pub type Listener = Arc<dyn Fn(&crate::event::Event) + Send + Sync>;

/// A cycle-by-cycle listener. Called on the thread that ran the cycle, after it, with no lock held.
pub type Observer = Arc<dyn Fn(&crate::figures::CycleFigures) + Send + Sync>;

/// Builds a [`Heap`](crate::Heap). Sizes are in bytes.
///
/// ```
/// # extern crate heap_gc as tricolor;
/// use tricolor::Heap;
/// let heap = Heap::builder().gc_percent(50).hard_limit(64 << 20).build()?;
/// # Ok::<(), tricolor::BuildError>(())
/// ```
// The fields are written by its methods, and read when a heap is built.
#[derive(Clone)]
pub struct HeapBuilder {
    pub(crate) reservation: usize,
    pub(crate) gc_percent: Option<u32>,
    pub(crate) hard_limit: usize,
    pub(crate) memory_limit: MemoryLimit,
    pub(crate) least_heap: Option<usize>,
    pub(crate) period: Option<Duration>,
    pub(crate) workers: Option<usize>,
    pub(crate) layouts: LayoutPolicy,
    pub(crate) scavenge: Scavenge,
    pub(crate) scavenge_share: f64,
    pub(crate) poison: Option<u8>,
    pub(crate) verify_every: Option<u32>,
    pub(crate) collect_every: Option<u32>,
    pub(crate) observer: Option<Observer>,
    pub(crate) listener: Option<Listener>,
    pub(crate) log: Option<(Arc<EventLog>, String)>,
    pub(crate) sampler: Option<Arc<dyn Sampler>>,
    pub(crate) sample_mean: usize,
    pub(crate) collector: Collector,
    pub(crate) cpu_share: f64,
    pub(crate) mark_stack: usize,
    pub(crate) vectors: Vectors,
    pub(crate) own_threads: bool,
    pub(crate) measures_pauses: bool,
    pub(crate) decoder: Option<Decoder>,
    pub(crate) hints: EscapeHints,
    pub(crate) os: Option<Arc<dyn Os>>,
}

/// Address space reserved by default: 64 GiB. It costs nothing until used; a thousand heaps of it fit into the 128 TiB
/// a process has.
const DEFAULT_RESERVATION: usize = 64 << 30;
/// The least reservation that is of use: one chunk of 4 MiB.
pub(crate) const LEAST_RESERVATION: usize = 4 << 20;
/// The largest reservation: what the page tree is built for.
const MOST_RESERVATION: usize = 16 << 40;
/// How long after a cycle a heap that collects itself is collected again whatever it allocates (Go 1.27 `runtime/proc.go`,
/// `forcegcperiod`). Less finds what is dead in an idle heap sooner, and marks a heap in which nothing has died more often.
const PERIOD: Duration = Duration::from_mins(2);
/// The shortest such time: below it a heap would do little else.
const LEAST_PERIOD: Duration = Duration::from_millis(1);
/// Marking workers, at most.
const MOST_WORKERS: usize = 256;

impl Default for HeapBuilder {
    fn default() -> Self {
        Self {
            reservation: DEFAULT_RESERVATION,
            gc_percent: Some(100),
            hard_limit: usize::MAX,
            memory_limit: MemoryLimit::None,
            least_heap: None,
            period: Some(PERIOD),
            workers: None,
            layouts: LayoutPolicy::default(),
            scavenge: Scavenge::default(),
            scavenge_share: heap_scav::controller::SHARE,
            poison: None,
            verify_every: if cfg!(feature = "verify") { Some(1) } else { None },
            collect_every: None,
            observer: None,
            listener: None,
            log: None,
            sampler: None,
            sample_mean: 0,
            collector: Collector::default(),
            cpu_share: 0.25,
            mark_stack: usize::MAX,
            vectors: Vectors::Avx512,
            own_threads: true,
            measures_pauses: false,
            decoder: None,
            hints: EscapeHints::default(),
            os: None,
        }
    }
}

impl HeapBuilder {
    /// Address space to reserve: an upper bound of the heap for its whole life. If the system does not grant it, half of
    /// it is tried, and so on. Default 64 GiB, at most 16 TiB.
    #[must_use]
    pub fn reservation(mut self, bytes: usize) -> Self {
        self.reservation = bytes;
        self
    }

    /// How much the heap may grow over its live bytes before it is collected, in percent of them. Default 100, as Go's
    /// `GOGC`. At least 4 MiB times this is allocated between two collections.
    #[must_use]
    pub fn gc_percent(mut self, percent: u32) -> Self {
        self.gc_percent = Some(percent);
        self
    }

    /// Never collect by itself; only [`collect`](crate::Mutator::collect) does.
    #[must_use]
    pub fn gc_off(mut self) -> Self {
        self.gc_percent = None;
        self
    }

    /// The most bytes of pages in spans and frames. An allocation that would pass it is refused with
    /// [`AllocError::Limit`](crate::AllocError). A collection is due from 7/8 of it on, and runs at the next safepoint; inside
    /// one `enter` there is none.
    #[must_use]
    pub fn hard_limit(mut self, bytes: usize) -> Self {
        self.hard_limit = bytes;
        self
    }

    /// The size that the heap, its tables and its free pages shall not pass (Go's `GOMEMLIMIT`). Collections become as frequent
    /// as that takes, up to half of the processors' time; past that the heap grows over it. A twentieth of it is kept free of
    /// unused pages in the background; an allocation that passes it gives some back itself, for some 30 µs, and what is missing
    /// then follows with the next ones and in the background. Nothing is refused for its sake: that is what
    /// [`hard_limit`](Self::hard_limit) is for.
    #[must_use]
    pub fn memory_limit(mut self, limit: MemoryLimit) -> Self {
        self.memory_limit = limit;
        self
    }

    /// The size below which a heap is not collected, at 100 percent. Default 4 MiB, as Go's, and 8 MiB while its mutators have
    /// all processors (and there are several): then each cycle takes one away from a mutator.
    #[must_use]
    pub fn least_heap(mut self, bytes: usize) -> Self {
        self.least_heap = Some(bytes);
        self
    }

    /// A cycle is due when the last one is so long ago, whatever was allocated since: so a program that drops much and then
    /// rests gets its memory back, and what waits for an object to die is told. Default two minutes, as Go's; `None` for
    /// never. Run by the heap's own thread, which there is once a cycle was due for another reason: not with
    /// [`gc_off`](Self::gc_off), without [`own_threads`](Self::own_threads), or with [`Collector::StopTheWorld`].
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// # use core::time::Duration;
    /// let heap = tricolor::Heap::builder().collect_at_least_every(Duration::from_secs(30)).build()?;
    /// # Ok::<(), tricolor::BuildError>(())
    /// ```
    #[must_use]
    pub fn collect_at_least_every(mut self, period: impl Into<Option<Duration>>) -> Self {
        self.period = period.into();
        self
    }

    /// Threads that mark when a collection is asked for, the collecting thread included. Default: as many as there are
    /// processors. The threads are started when there is enough to mark. How many mark beside running mutators is
    /// [`cpu_share`](Self::cpu_share)'s.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// Whether types of the same shape share spans.
    #[must_use]
    pub fn layouts(mut self, policy: LayoutPolicy) -> Self {
        self.layouts = policy;
        self
    }

    /// When free pages go back to the operating system. Default [`Scavenge::Background`].
    #[must_use]
    pub fn scavenge(mut self, when: Scavenge) -> Self {
        self.scavenge = when;
        self
    }

    /// The share of one processor that [`Scavenge::Background`] may use, above 0 and up to one half. Default 0.02. More returns
    /// free pages sooner: at 80 to 130 µs for a MiB, the default returns 150 to 250 MiB in a second.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// let heap = tricolor::Heap::builder().scavenge_share(0.05).build()?;
    /// # Ok::<(), tricolor::BuildError>(())
    /// ```
    #[must_use]
    pub fn scavenge_share(mut self, share: f64) -> Self {
        self.scavenge_share = share;
        self
    }

    /// Debugging: fill freed slots with this byte.
    #[must_use]
    pub fn poison(mut self, byte: u8) -> Self {
        self.poison = Some(byte);
        self
    }

    /// Debugging: check the whole heap in every n-th cycle, and abort with a report if it is broken. 0 is never, which is
    /// the default; with the `verify` feature the default is 1.
    #[must_use]
    pub fn verify_every(mut self, cycles: u32) -> Self {
        self.verify_every = (cycles > 0).then_some(cycles);
        self
    }

    /// Debugging: hand out slots one by one, and ask for a collection at every n-th of a mutator. With 1, every safepoint that
    /// follows an allocation collects. 0 is never.
    #[must_use]
    pub fn collect_every(mut self, slots: u32) -> Self {
        self.collect_every = (slots > 0).then_some(slots);
        self
    }

    /// Calls `listener` after every cycle, on the thread that ran it, unless that thread is panicking. A panic of the listener
    /// goes on in the call that ran the cycle.
    #[must_use]
    pub fn on_cycle(
        mut self,
        listener: impl Fn(&crate::figures::CycleFigures) + Send + Sync + 'static,
    ) -> Self {
        self.observer = Some(Arc::new(listener));
        self
    }

    /// Calls `listener` with every step of every cycle, on the thread that runs it, and with what the scavenger did, on its
    /// thread or that of who asked. It must not use this heap except for [`Heap::figures`](crate::Heap::figures): the cycle
    /// waits for it. Its first panic in a cycle goes on when the cycle has ended, in the call that ran it, unless that thread is
    /// panicking already; one in what the scavenger tells it goes nowhere.
    #[must_use]
    pub fn on_event(mut self, listener: impl Fn(&crate::event::Event) + Send + Sync + 'static) -> Self {
        self.listener = Some(Arc::new(listener));
        self
    }

    /// Puts what happens in the heap into `log`, while that is [on](EventLog::start): the steps of cycles and what the scavenger
    /// did, as [`on_event`](Self::on_event) tells them, and also what nobody can be called about: answers of mutators, what they
    /// mark and wait for, and what marks beside them. Several heaps may have one log; `name` tells them apart for people.
    ///
    /// A log that is off costs one relaxed load where something would be put, which is nowhere on the fast path of an allocation.
    ///
    /// For files that trace viewers open, see the crate `heap-trace`, whose `Recorder` has a log.
    #[must_use]
    pub fn event_log(mut self, log: &Arc<EventLog>, name: impl Into<String>) -> Self {
        self.log = Some((Arc::clone(log), name.into()));
        self
    }

    /// Tells `sampler` of allocations, on the thread that allocates: of the objects in which one byte in `mean` lies, drawn at
    /// random; 0 for none yet, 1 for all ([`Heap::set_sample_mean`](crate::Heap::set_sample_mean) changes it). What the fast path
    /// of an allocation costs is the same with it or without.
    ///
    /// For a profile of where bytes come from, see the crate `heap-profile`, whose `Profiler` is a sampler.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// # use std::sync::{Arc, Mutex};
    /// use tricolor::{Heap, Sample, Sampler};
    ///
    /// /// Remembers what was sampled.
    /// #[derive(Default)]
    /// struct Labels(Mutex<Vec<&'static str>>);
    ///
    /// impl Sampler for Labels {
    ///     fn sampled(&self, sample: &Sample) -> u32 {
    ///         let mut labels = self.0.lock().expect("nobody panics with it");
    ///         labels.push(sample.label);
    ///         labels.len() as u32 - 1
    ///     }
    /// }
    ///
    /// let labels = Arc::new(Labels::default());
    /// let heap = Heap::builder().sampler(labels.clone(), 1).build()?;
    /// let mut mutator = heap.attach()?;
    /// let root = mutator.enter(|mu| {
    ///     mu.alloc([0_u64; 3]);
    ///     mu.root(mu.alloc_str("kept"))
    /// });
    /// mutator.collect();
    /// let mut alive = Vec::new();
    /// heap.sampled(|number, _| alive.push(labels.0.lock().expect("nobody panics with it")[number as usize]));
    /// assert_eq!(alive, ["[u8]"], "the array is gone");
    /// # drop(root);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn sampler(mut self, sampler: impl Sampler + 'static, mean: usize) -> Self {
        self.sampler = Some(Arc::new(sampler));
        self.sample_mean = mean;
        self
    }

    /// How the heap is collected. Default [`Collector::Concurrent`].
    #[must_use]
    pub fn collector(mut self, collector: Collector) -> Self {
        self.collector = collector;
        self
    }

    /// The part of the processors that marks in the background while mutators run on the others, above 0 and up to 1. Default
    /// 0.25, as Go's. Processors that no mutator of this heap is using are not spared, and a collection that is asked for
    /// takes [`workers`](Self::workers) of them.
    #[must_use]
    pub fn cpu_share(mut self, share: f64) -> Self {
        self.cpu_share = share;
        self
    }

    /// Whether the heap may start threads of its own: a collector, marking helpers, a scavenger. Default `true`. Without them, as
    /// when the system refuses them, collections are run by mutators, at the edge of an `enter`, still beside the others; free
    /// pages go back on request, and in the host's [idle](crate::Heap::idle) moments.
    #[must_use]
    pub fn own_threads(mut self, may: bool) -> Self {
        self.own_threads = may;
        self
    }

    /// How words of which the collector does not know whether they are references are read, beside as plain addresses: for
    /// runtimes that tag theirs ([`raw`](crate::raw)). Default: not at all.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// use tricolor::{Decoder, Heap};
    /// let heap = Heap::builder().decoder(Decoder::NAN_BOX).build()?;
    /// # Ok::<(), tricolor::BuildError>(())
    /// ```
    #[must_use]
    pub fn decoder(mut self, decoder: Decoder) -> Self {
        self.decoder = Some(decoder);
        self
    }

    /// What is done with the [hints](crate::raw::EscapeHint) of runtimes that say which objects do not outlive a frame. Default
    /// [`EscapeHints::Trusted`].
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// use tricolor::{EscapeHints, Heap};
    /// let heap = Heap::builder().escape_hints(EscapeHints::Checked).build()?;
    /// // ... the runtime runs its programs ...
    /// assert_eq!(heap.wrong_hints(), []);
    /// # Ok::<(), tricolor::BuildError>(())
    /// ```
    #[must_use]
    pub fn escape_hints(mut self, hints: EscapeHints) -> Self {
        self.hints = hints;
        self
    }

    /// Debugging: the most objects a marker keeps on its stack, at least 1024. Past it, it behaves as if the system had refused
    /// the memory.
    #[must_use]
    pub fn mark_stack(mut self, objects: usize) -> Self {
        self.mark_stack = objects;
        self
    }

    /// The widest vector instructions that marking may use, if the processor has them. Default: the widest there are. All levels
    /// mark the same; this is for comparing them.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// let heap = tricolor::Heap::builder().vectors(tricolor::Vectors::Scalar).build()?;
    /// # Ok::<(), tricolor::BuildError>(())
    /// ```
    #[must_use]
    pub fn vectors(mut self, widest: Vectors) -> Self {
        self.vectors = widest;
        self
    }

    /// Measures how long mutators are kept by the collector ([`Figures::mutator_pauses`](crate::Figures::mutator_pauses)).
    /// Default off. It costs about a microsecond for each piece of the collector's work on a mutator, and nothing on the fast
    /// paths.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// let heap = tricolor::Heap::builder().measure_pauses(true).build()?;
    /// heap.attach()?.enter(|mu| {
    ///     mu.alloc(1_u64);
    /// });
    /// assert_eq!(heap.figures().mutator_pauses.refills.count, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn measure_pauses(mut self, on: bool) -> Self {
        self.measures_pauses = on;
        self
    }

    /// Where memory comes from. Default: the operating system. Tests give a simulated one.
    #[must_use]
    pub fn os(mut self, os: Arc<dyn Os>) -> Self {
        self.os = Some(os);
        self
    }

    /// Checks the wishes.
    pub(crate) fn check(&self) -> Result<(), BuildError> {
        if !(LEAST_RESERVATION..=MOST_RESERVATION).contains(&self.reservation) {
            return Err(BuildError::Reservation { asked: Bytes::new(self.reservation) });
        }
        if self.hard_limit < heap_core::units::PAGE_BYTES {
            return Err(BuildError::HardLimit { asked: Bytes::new(self.hard_limit) });
        }
        if !(self.cpu_share > 0.0 && self.cpu_share <= 1.0) {
            return Err(BuildError::CpuShare { asked: self.cpu_share.to_string() });
        }
        if !(self.scavenge_share > 0.0 && self.scavenge_share <= 0.5) {
            return Err(BuildError::ScavengeShare { asked: self.scavenge_share.to_string() });
        }
        if self.period.is_some_and(|period| period < LEAST_PERIOD) {
            return Err(BuildError::Period { asked: self.period.unwrap_or_default() });
        }
        match self.workers {
            Some(workers) if workers == 0 || workers > MOST_WORKERS => {
                Err(BuildError::Workers { asked: workers })
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl fmt::Debug for HeapBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeapBuilder")
            .field("reservation", &Bytes::new(self.reservation))
            .field("gc_percent", &self.gc_percent)
            .field("hard_limit", &Bytes::new(self.hard_limit))
            .field("workers", &self.workers)
            .field("layouts", &self.layouts)
            .field("scavenge", &self.scavenge)
            .field("collector", &self.collector)
            .finish_non_exhaustive()
    }
}
