//! Pauses: how long mutators were kept by the collector, piece by piece.
//!
//! A heap that marks beside its mutators stops nobody, so no single number is its pause. What a mutator feels is a number of
//! short pieces, each on its own thread:
//!
//! | kind | a piece is |
//! |---|---|
//! | answer | one answer to a round, by the mutator itself, with the ring that tells the collector |
//! | wait | one wait at the gate, while a collector answers for it or has stopped the world |
//! | assist | marking for what was allocated, once |
//! | refill | exchanging a span, with the sweeping it takes; and calling for a cycle |
//! | cycle | a whole cycle run at the edge of `enter`: the hard limit is near, memory was refused, the world is stopped |
//!
//! Whole cycles are counted apart: they are not in the distribution. Not measured are the shades of a barrier, the hand-over of
//! a full barrier buffer, waits for locks outside these pieces, and what runs on the program's behalf: drops, and collections
//! that it asked for.
//!
//! Measuring reads two clocks at both ends of a piece, the wall's and the thread's processor clock; the second is a system call,
//! some 550 ns on the machine this was written on. So it is off unless
//! [`HeapBuilder::measure_pauses`](crate::HeapBuilder::measure_pauses) turns it on, and is done on cold paths only. All counts
//! are relaxed: a piece that ends while the figures are taken may be in one of them and not yet in another.

use core::time::Duration;
use heap_core::os::thread_cpu_time;
use heap_core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

/// What kept a mutator. See the module's text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Answer,
    Wait,
    Assist,
    Refill,
    Cycle,
}

impl Kind {
    const COUNT: usize = 5;
}

/// Pieces of one kind.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct PieceFigures {
    /// How many.
    pub count: u64,
    /// All together, by the clock.
    pub total: Duration,
    /// The longest, by the clock.
    pub max: Duration,
    /// The most processor time that one [used](PauseFigures::used). Less than `max` where the thread had to wait for a processor or
    /// a lock.
    pub max_cpu: Duration,
}

/// How long mutators were kept by the collector: pieces of its work on their threads, and their waits for it. All zero unless
/// [`HeapBuilder::measure_pauses`](crate::HeapBuilder::measure_pauses) is on.
///
/// Times are by the clock, percentiles err high by up to 1/32. A piece is one answer, wait, assist or refill, so a mutator may
/// be kept by several in a row. Shades of the barrier are not among them, nor drops of dead objects.
///
/// With more threads than processors, what the clock says of the longest pieces is what the scheduler did to their threads;
/// processor time is what the heap did, and what the system counts with it: interrupts, and what a hypervisor takes. A virtual
/// machine that stands still for some ms finds that its threads have been running, and takes them off at the next tick of its
/// timer: so `max_cpu_unbroken` leaves out the pieces whose threads were taken off.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct PauseFigures {
    /// Pieces. Whole cycles are included neither here nor in the next eleven.
    pub count: u64,
    /// Half of them were no longer.
    pub p50: Duration,
    /// 99 of 100 were no longer.
    pub p99: Duration,
    /// 999 of 1000 were no longer.
    pub p999: Duration,
    /// The longest.
    pub max: Duration,
    /// 999 of 1000 took no more processor time.
    pub p999_cpu: Duration,
    /// 9,999 of 10,000 took no more processor time.
    pub p9999_cpu: Duration,
    /// The most processor time that one took.
    pub max_cpu: Duration,
    /// The most processor time that one took whose thread [kept its processor](PauseFigures::is_unbroken).
    pub max_cpu_unbroken: Duration,
    /// Pieces that took more processor time than [`PauseFigures::LONG`].
    pub long: u64,
    /// All together.
    pub total: Duration,
    /// Processor time of all together.
    pub total_cpu: Duration,
    /// Answers that mutators gave to the collector.
    pub answers: PieceFigures,
    /// Waits to enter, while the collector answered for the mutator, or had stopped the world; and processors offered to the
    /// collector, while the heap was past its goal.
    pub waits: PieceFigures,
    /// Marking by mutators, for what they allocated.
    pub assists: PieceFigures,
    /// Allocations that needed another span, with the sweeping that took; and calls for a cycle.
    pub refills: PieceFigures,
    /// Whole cycles that a mutator ran or waited for at the edge of `enter`, because the hard limit was near, memory was
    /// refused, or the collector stops the world. Counted apart.
    pub cycles: PieceFigures,
}

impl PauseFigures {
    /// Processor time from which on a piece counts as long. The worst of millions is one event, and on a machine with neighbours mostly
    /// theirs; how many are long can be compared with how many pieces of other work are that take as much time together.
    pub const LONG: Duration = Duration::from_micros(200);

    /// The processor time that a thread used in a piece, by its own clock and the wall's: no more than time passed. Kernels put a
    /// thread's clock right late, and add in a piece of 2 µs what a hypervisor took hundreds of µs ago.
    #[must_use]
    pub fn used(wall: Duration, cpu: Duration) -> Duration {
        cpu.min(wall)
    }

    /// Whether a thread kept its processor in a piece, as far as two clocks can tell: by the wall's it took an eighth and 5 µs
    /// more than by the thread's at most.
    #[must_use]
    pub fn is_unbroken(wall: Duration, cpu: Duration) -> bool {
        wall <= cpu + cpu / 8 + Duration::from_micros(5)
    }
}

/// Buckets of an octave: the relative error is below one of so many.
const PARTS: usize = 32;
const PART_BITS: u32 = PARTS.trailing_zeros();
/// The last octave begins at 2 to this power nanoseconds, and ends above 100 s.
const LAST_OCTAVE: u32 = 36;
const _: () = assert!(1_u64 << (LAST_OCTAVE + 1) > 100_000_000_000);
/// One bucket for each nanosecond below [`PARTS`], and [`PARTS`] for each octave from there.
const BUCKETS: usize = (LAST_OCTAVE - PART_BITS + 2) as usize * PARTS;

/// The bucket of a duration in nanoseconds; what is too long is in the last.
fn bucket(nanos: u64) -> usize {
    let nanos = nanos.min((1 << (LAST_OCTAVE + 1)) - 1);
    let octave = nanos.checked_ilog2().unwrap_or(0).saturating_sub(PART_BITS);
    // Below the first octave, the bucket is the number; above it, the octave's first bit counts as one more group.
    let place = usize::try_from(nanos >> octave).unwrap_or(0);
    octave as usize * PARTS + place
}

/// The longest duration of a bucket.
fn longest(bucket: usize) -> u64 {
    let octave = (bucket / PARTS).saturating_sub(1);
    let place = (bucket - octave * PARTS) as u64;
    ((place + 1) << octave) - 1
}

/// Counts of one kind.
#[derive(Debug, Default)]
struct Pieces {
    count: AtomicU64,
    total: AtomicU64,
    max: AtomicU64,
    max_cpu: AtomicU64,
}

impl Pieces {
    fn add(&self, wall: u64, cpu: u64) {
        self.count.fetch_add(1, Relaxed);
        self.total.fetch_add(wall, Relaxed);
        self.max.fetch_max(wall, Relaxed);
        self.max_cpu.fetch_max(cpu, Relaxed);
    }

    fn figures(&self, read: Read) -> PieceFigures {
        let time = |word| Duration::from_nanos(read(word));
        PieceFigures {
            count: read(&self.count),
            total: time(&self.total),
            max: time(&self.max),
            max_cpu: time(&self.max_cpu),
        }
    }
}

/// How a word is read: and left, or taken.
type Read = fn(&AtomicU64) -> u64;

/// What is counted, if anything is.
#[derive(Debug)]
struct Counts {
    kinds: [Pieces; Kind::COUNT],
    by_wall: Buckets,
    by_cpu: Buckets,
    /// Of all but whole cycles.
    total_cpu: AtomicU64,
    max_cpu_unbroken: AtomicU64,
    long: AtomicU64,
}

type Buckets = Box<[AtomicU64]>;

/// Who is told of each piece at its end, in the middle of an allocation or of a handshake: it calls nobody and waits for nobody.
pub(crate) trait Watch: core::fmt::Debug + Send + Sync {
    /// Whether it wants to be told: a relaxed load.
    fn is_on(&self) -> bool;

    /// A piece that began then has ended, on the calling thread.
    fn piece(&self, kind: Kind, begun: Instant);
}

/// The pauses of one heap. Written by mutators at the end of a piece; read by whoever asks. See the module's text.
#[derive(Debug)]
pub(crate) struct Pauses {
    counts: Option<Box<Counts>>,
    watch: Option<Box<dyn Watch>>,
}

/// The beginning of a piece.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun {
    wall: Instant,
    /// If pauses are measured.
    cpu: Option<Duration>,
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Pauses {
    /// Pauses that are measured, or not.
    pub(crate) fn new(are_measured: bool) -> Self {
        let buckets = || (0..BUCKETS).map(|_| AtomicU64::new(0)).collect();
        let counts = || Counts {
            kinds: Default::default(),
            by_wall: buckets(),
            by_cpu: buckets(),
            total_cpu: AtomicU64::new(0),
            max_cpu_unbroken: AtomicU64::new(0),
            long: AtomicU64::new(0),
        };
        Self { counts: are_measured.then(|| Box::new(counts())), watch: None }
    }

    /// The same, with somebody who is told of them.
    pub(crate) fn watched(self, watch: Box<dyn Watch>) -> Self {
        Self { watch: Some(watch), ..self }
    }

    /// Whether somebody wants to know of a piece.
    #[inline]
    pub(crate) fn are_wanted(&self) -> bool {
        (self.counts.is_some() || self.watch.is_some()) && self.are_wanted_now()
    }

    #[cold]
    #[inline(never)]
    fn are_wanted_now(&self) -> bool {
        self.counts.is_some() || self.watch.as_ref().is_some_and(|watch| watch.is_on())
    }

    /// A piece may begin. No clock is read unless pauses are measured, or watched.
    #[inline]
    pub(crate) fn begin(&self) -> Option<Begun> {
        if self.are_wanted() { Some(self.begun()) } else { None }
    }

    #[cold]
    #[inline(never)]
    fn begun(&self) -> Begun {
        Begun { wall: Instant::now(), cpu: self.counts.as_ref().map(|_| thread_cpu_time()) }
    }

    /// A piece has ended, on the thread that began it.
    #[inline]
    pub(crate) fn end(&self, kind: Kind, begun: Option<Begun>) {
        if let Some(begun) = begun {
            self.ended(kind, begun);
        }
    }

    #[cold]
    #[inline(never)]
    fn ended(&self, kind: Kind, begun: Begun) {
        if let (Some(counts), Some(cpu)) = (&self.counts, begun.cpu) {
            counts.add(kind, begun.wall.elapsed(), thread_cpu_time().saturating_sub(cpu));
        }
        if let Some(watch) = &self.watch {
            watch.piece(kind, begun.wall);
        }
    }

    /// Since the heap was built, or they were [taken](Self::take).
    pub(crate) fn figures(&self) -> PauseFigures {
        self.read(|word| word.load(Relaxed))
    }

    /// The same, and begins anew.
    pub(crate) fn take(&self) -> PauseFigures {
        self.read(|word| word.swap(0, Relaxed))
    }

    fn read(&self, read: Read) -> PauseFigures {
        self.counts.as_ref().map_or_else(PauseFigures::default, |counts| counts.figures(read))
    }
}

impl Counts {
    fn add(&self, kind: Kind, wall: Duration, cpu: Duration) {
        let cpu = PauseFigures::used(wall, cpu);
        let (is_unbroken, is_long) = (PauseFigures::is_unbroken(wall, cpu), cpu > PauseFigures::LONG);
        let (wall, cpu) = (nanos(wall), nanos(cpu));
        self.kinds[kind as usize].add(wall, cpu);
        if kind != Kind::Cycle {
            self.total_cpu.fetch_add(cpu, Relaxed);
            if is_unbroken {
                self.max_cpu_unbroken.fetch_max(cpu, Relaxed);
            }
            if is_long {
                self.long.fetch_add(1, Relaxed);
            }
            self.by_wall[bucket(wall)].fetch_add(1, Relaxed);
            self.by_cpu[bucket(cpu)].fetch_add(1, Relaxed);
        }
    }

    fn figures(&self, read: Read) -> PauseFigures {
        let kind = |kind: Kind| self.kinds[kind as usize].figures(read);
        let [answers, waits, assists, refills] =
            [Kind::Answer, Kind::Wait, Kind::Assist, Kind::Refill].map(kind);
        let pieces = [answers, waits, assists, refills];
        let longest_of =
            |time: fn(&PieceFigures) -> Duration| pieces.iter().map(time).max().unwrap_or_default();
        let (max, max_cpu) = (longest_of(|one| one.max), longest_of(|one| one.max_cpu));
        let [by_wall, by_cpu] =
            [&self.by_wall, &self.by_cpu].map(|all| all.iter().map(read).collect::<Vec<u64>>());
        let at = |of| percentile(&by_wall, of).min(max);
        let cpu_at = |of| percentile(&by_cpu, of).min(max_cpu);
        PauseFigures {
            count: pieces.iter().map(|one| one.count).sum(),
            p50: at(5_000),
            p99: at(9_900),
            p999: at(9_990),
            max,
            p999_cpu: cpu_at(9_990),
            p9999_cpu: cpu_at(9_999),
            max_cpu,
            max_cpu_unbroken: Duration::from_nanos(read(&self.max_cpu_unbroken)),
            long: read(&self.long),
            total_cpu: Duration::from_nanos(read(&self.total_cpu)),
            total: pieces.iter().map(|one| one.total).sum(),
            answers,
            waits,
            assists,
            refills,
            cycles: kind(Kind::Cycle),
        }
    }
}

/// The least duration that so many of ten thousand do not exceed, as far as the buckets tell.
fn percentile(buckets: &[u64], of_ten_thousand: u64) -> Duration {
    let count: u64 = buckets.iter().sum();
    let wanted = (count * of_ten_thousand).div_ceil(10_000);
    let mut so_far = 0;
    let found = buckets.iter().position(|count| {
        so_far += count;
        so_far >= wanted && wanted > 0
    });
    Duration::from_nanos(found.map_or(0, longest))
}

#[cfg(all(test, not(loom)))]
mod tests;
