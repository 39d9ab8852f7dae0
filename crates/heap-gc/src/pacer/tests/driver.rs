//! A simulated program under a pacer: rates instead of objects, ticks instead of a clock.
//!
//! Between cycles mutators have all processors and the heap grows to the trigger. While a cycle runs, markers have their
//! share (or a processor, which mutators leave them), or more if mutators assist: a mutator that owes `r` bytes of scanning for each byte, allocates `a` in a second
//! and scans `s` in a second spends `r * a / (r * a + s)` of its time scanning. What is allocated while marking survives
//! that cycle and dies in the next.

use super::streams::Stream;
use crate::pacer::{
    Bound, CpuLimiter, CycleEnd, Limiting, NEVER, Pacer, Plan, Progress, Settings, Window, whole,
};
use core::time::Duration;
use heap_core::units::Bytes;

pub(super) const KIB: f64 = 1024.0;
/// Milliseconds between two looks at the ratio.
const TICK: f64 = 0.5;

/// What a program does.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub settings: Settings,
    /// KiB allocated by a processor in a millisecond.
    pub alloc: Stream,
    /// The part of it that is external.
    pub external: f64,
    /// KiB scanned by a processor in a millisecond.
    pub scan: f64,
    /// What lives, over what lived in the last cycle.
    pub growth: Stream,
    /// The part of what lives that has words to look at.
    pub scannable: Stream,
    /// KiB of roots.
    pub roots: Stream,
    /// KiB that live at the beginning.
    pub first: f64,
    /// Whether the limiter is asked.
    pub limited: bool,
    /// Whether mutators leave a processor.
    pub leaves_one: bool,
    /// Milliseconds for which it allocates twice as fast, and then not at all, in turns; or zero.
    pub burst: f64,
    pub cycles: usize,
}

impl Default for Program {
    fn default() -> Self {
        Self {
            settings: Settings { processors: 8, ..Settings::default() },
            alloc: Stream::constant(33.0),
            external: 0.0,
            scan: 1024.0,
            growth: Stream::ramp(2.0, 1.0, 12),
            scannable: Stream::constant(1.0),
            roots: Stream::constant(40.0),
            first: 256.0,
            limited: false,
            leaves_one: false,
            burst: 0.0,
            cycles: 50,
        }
    }
}

impl Program {
    /// How much faster than as a rule it allocates at that time of a cycle.
    fn haste(&self, time: f64) -> f64 {
        if self.burst == 0.0 {
            1.0
        } else if time % (2.0 * self.burst) < self.burst {
            2.0
        } else {
            0.0
        }
    }
}

/// What happened in a cycle.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cycle {
    pub number: usize,
    /// The part of the processors that was spent on collecting while it marked.
    pub used: f64,
    pub live: f64,
    /// Where marking began and was planned to begin.
    pub begun: f64,
    pub trigger: f64,
    pub goal: f64,
    pub peak: f64,
    pub bound: Bound,
    /// Bytes of scan work done by assists.
    pub assisted: f64,
}

impl Cycle {
    pub(super) fn peak_over_goal(&self) -> f64 {
        self.peak / self.goal
    }

    /// How far on the way from what lived to the goal marking began.
    pub(super) fn trigger_part(&self, before: f64) -> f64 {
        (self.begun - before) / (self.goal - before)
    }
}

/// A stretch of simulated time, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    pub wall: f64,
    pub gc: f64,
}

/// A run: its cycles and its time.
#[derive(Debug, Default)]
pub(super) struct Run {
    pub cycles: Vec<Cycle>,
    pub time: Vec<Stretch>,
}

impl Run {
    /// The largest part of the processors' time that collecting took in any window of so many milliseconds.
    pub(super) fn worst_gc(&self, window: f64) -> f64 {
        let processors = 8.0;
        let (mut from, mut wall, mut sum, mut worst) = (0, 0.0, 0.0, f64::MIN);
        for stretch in &self.time {
            wall += stretch.wall;
            sum += stretch.gc;
            while wall - self.time[from].wall >= window {
                wall -= self.time[from].wall;
                sum -= self.time[from].gc;
                from += 1;
            }
            if wall >= window {
                worst = f64::max(worst, sum / (wall * processors));
            }
        }
        assert!(worst > f64::MIN, "the run is shorter than a window of {window} ms");
        worst
    }

    /// All cycles from one on.
    pub(super) fn from(&self, number: usize) -> &[Cycle] {
        &self.cycles[number..]
    }
}

fn bytes(count: f64) -> Bytes {
    whole(count.round())
}

fn time(milliseconds: f64) -> Duration {
    Duration::from_secs_f64(milliseconds / 1e3)
}

struct Driver<'a> {
    program: &'a Program,
    processors: f64,
    share: f64,
    limiter: CpuLimiter,
    heap: f64,
    run: Run,
}

/// Runs a program.
pub(super) fn run(program: &Program) -> Run {
    let mut pacer = Pacer::new(program.settings);
    let mut plan = pacer.first();
    let processors = program.settings.processors as f64;
    let share = program.settings.share;
    let mut driver = Driver {
        program,
        processors,
        share: if program.leaves_one { share.max(1.0 / processors) } else { share },
        limiter: pacer.limiter(),
        heap: 0.0,
        run: Run::default(),
    };
    let mut live = program.first * KIB;
    for number in 0..program.cycles {
        if number > 0 {
            live *= program.growth.at(number);
        }
        let end = driver.cycle(number, live, &plan);
        plan = pacer.end_cycle(&end);
        driver.heap = (plan.live.get()) as f64;
    }
    driver.run
}

impl Driver<'_> {
    /// Time passes, and the limiter is told.
    fn pass(&mut self, wall: f64, gc: f64) -> Limiting {
        self.run.time.push(Stretch { wall, gc });
        self.limiter.spend(Window { wall: time(wall), gc_cpu: time(gc), idle_cpu: Duration::ZERO });
        self.limiting()
    }

    fn limiting(&self) -> Limiting {
        if self.program.limited { self.limiter.limiting() } else { Limiting::Off }
    }

    /// Mutators run until the plan and the limiter let a cycle begin.
    fn reach(&mut self, rate: f64, plan: &Plan) {
        assert!(plan.trigger != NEVER, "no cycle will ever begin: {plan:?}");
        let mut limiting = self.limiting();
        loop {
            let trigger = plan.trigger.get() as f64;
            let wall = match limiting {
                Limiting::On { rest } => rest.as_secs_f64() * 1e3 + 1e-6,
                Limiting::Off if self.heap < trigger => (trigger - self.heap) / (rate * self.processors),
                Limiting::Off => break,
            };
            // In slices, so that windows of time can be cut out.
            let slices = (wall / 100.0).ceil().max(1.0);
            self.heap += wall * rate * self.processors;
            for _ in 0..whole(slices).get() {
                limiting = self.pass(wall / slices, 0.0);
            }
            self.heap =
                self.heap.max(if limiting == Limiting::Off { trigger.min(self.heap + 1.0) } else { 0.0 });
        }
        assert!(plan.is_due(bytes(self.heap + 1.0), limiting));
    }

    fn cycle(&mut self, number: usize, live: f64, plan: &Plan) -> CycleEnd {
        let (alloc, scan) = (self.program.alloc.at(number) * KIB, self.program.scan * KIB);
        let scannable = self.program.scannable.at(number);
        let roots = self.program.roots.at(number) * KIB;
        self.reach(alloc, plan);
        let begun = self.heap;
        let slots = live * (1.0 - self.program.external);
        let work = slots * scannable + roots;
        let most = begun.max(live) * scannable + roots;
        let (mut done, mut wall, mut assists) = (0.0, 0.0, 0.0);
        while done < work {
            let progress = Progress {
                begun: bytes(begun),
                heap: bytes(self.heap),
                done: bytes(done),
                most: bytes(most),
            };
            let alloc = alloc * self.program.haste(wall);
            let owed = plan.assist(&progress, self.limiting()).per_byte() * alloc;
            let used = f64::max(self.share, owed / (owed + scan));
            let full = scan * used * self.processors;
            let ticks = f64::min(TICK, (work - done) / full + 1e-9);
            done += full * ticks;
            self.heap += alloc * (1.0 - used) * self.processors * ticks;
            wall += ticks;
            assists += (used - self.share) * self.processors * ticks;
            self.pass(ticks, used * self.processors * ticks);
        }
        let black = self.heap - begun;
        let marked = live + black;
        self.run.cycles.push(Cycle {
            number,
            used: self.share + assists / (wall * self.processors),
            live: marked,
            begun,
            trigger: plan.trigger.get() as f64,
            goal: plan.goal.get() as f64,
            peak: self.heap,
            bound: plan.bound,
            assisted: assists * scan,
        });
        CycleEnd {
            live: bytes(marked * (1.0 - self.program.external)),
            roots: bytes(roots),
            external: bytes(marked * self.program.external),
            scan_work: bytes(done),
            heap_at_trigger: bytes(begun),
            heap_at_end: bytes(self.heap),
            background_cpu: time(self.share * self.processors * wall),
            assist_cpu: time(assists),
            wall: time(wall),
            is_crowded: !self.program.leaves_one,
            overhead: Bytes::ZERO,
        }
    }
}
