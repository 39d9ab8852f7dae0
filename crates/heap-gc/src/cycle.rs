//! A collection, from top to bottom.
//!
//! [`on_the_fly`] is the protocol: one step a line, and what a step needs is said where it is. [`stopped`] is the same
//! with everybody standing still, for teaching and as a partner to compare with. The argument for the order of the rounds
//! is in `barrier.rs` and `docs/design/on-the-fly.md`; how mutators are asked is in `handshake.rs`, what they do about it
//! in `part.rs`.

mod dead;
mod drain;
mod ephemerons;
mod lost;
mod references;
mod residence;

use self::residence::{overhead, tell_scavenger};
use crate::config::Collector;
use crate::event::Event;
use crate::figures::{CycleFigures, Reason, RoundFigures};
use crate::grey::Batch;
use crate::log::Track;
use crate::mark::{Marker, OBJECT_WORDS, Work};
use crate::pace::work_bytes;
use crate::pacer::{Bound, CycleEnd as Paced, Limiting, NEVER, Plan};
use crate::round::Round;
use crate::shared::{Helpers, Shared};
use crate::unwind::FirstPanic;
use crate::verify::{self, AllRoots};
use core::time::Duration;
use heap_core::fault::{self, Fault};
use heap_core::memory::{Empties, Marked};
use heap_core::sync::atomic::Ordering::{Relaxed, Release};
use heap_core::sync::thread;
use heap_core::units::{Bytes, WORD_BYTES, Words};
use std::time::{Instant, SystemTime};

/// What a marker that has to spare the processors sleeps at least, and so saves up for: less costs more in waking than it
/// gives.
const LEAST_REST: Duration = Duration::from_micros(500);
/// Spans swept between two looks around.
const SWEPT_AT_ONCE: usize = 16;
/// The longest that a limited marker sleeps before it looks again.
const LONGEST_REST: Duration = Duration::from_millis(20);

/// Runs one cycle, and sweeps everything if the program [asked](Reason::Asked) for it. The calling thread must not be
/// inside. A cycle that is no longer due, because somebody else ran one meanwhile, is not run, unless it was asked for or
/// memory was refused; nor is one for [`Reason::Goal`] while the limiter says that collecting costs too much.
pub(crate) fn run(heap: &Shared, reason: Reason, runner: Runner) {
    if runner == Runner::Collector {
        rest_if_limited(heap);
    }
    let mut helpers = heap.cycle.lock();
    heap.world.collection_answered();
    let begins = match reason {
        Reason::Goal => heap.pace.is_due(&heap.memory) && heap.pace.limiting() == Limiting::Off,
        // A limit below what lives is passed when keeping it costs too much; the hard limit is not.
        Reason::Limit => {
            heap.pace.is_due(&heap.memory)
                && (heap.memory.pages().is_near_limit() || heap.pace.limiting() == Limiting::Off)
        }
        Reason::Idle => {
            heap.pace.is_idle_cycle_worthwhile(&heap.memory) && heap.pace.limiting() == Limiting::Off
        }
        Reason::Period => heap.pace.limiting() == Limiting::Off,
        Reason::Refused => heap.rooted.load(Relaxed) == heap.refused_at.load(Relaxed),
        Reason::Asked | Reason::Debug => true,
    };
    if !begins {
        return;
    }
    let number = heap.history.lock().cycles + 1;
    let mut cycle = Cycle::new(heap, &mut helpers, number, reason, runner);
    let begun = heap.log.begin();
    heap.tell(&mut cycle.panics, || Event::Began { number, reason });
    heap.note_sizes();
    match heap.collector {
        Collector::Concurrent => on_the_fly(&mut cycle),
        Collector::StopTheWorld => stopped(&mut cycle),
    }
    let mut panics = core::mem::take(&mut cycle.panics);
    if cycle.is_given_up {
        return panics.go_on();
    }
    let figures = cycle.figures();
    if reason == Reason::Asked {
        // Who asks wants the dead gone. Under the cycle's lock, so no cycle begins meanwhile.
        heap.memory.finish_sweep(Empties::Free);
    }
    tell_scavenger(heap, &figures, cycle.in_spans);
    let mut history = heap.history.lock();
    if reason == Reason::Asked {
        history.asked += 1;
    }
    history.add(figures.clone());
    drop(history);
    heap.desk.cycle_ended();
    if figures.goal != NEVER && !heap.memory.is_ready_to_grow(figures.goal) {
        heap.desk.will_grow(figures.goal);
    }
    heap.note_sizes();
    // Under the cycle's lock: the next one begins later in the log, too.
    heap.log.end(begun, Track::Collector, || Event::Ended { number });
    drop(helpers);
    heap.tell_listener(&mut panics, Event::Ended { number });
    if let Some(observer) = heap.observer.as_ref().filter(|_| !thread::panicking()) {
        panics.note(|| observer(&figures));
    }
    panics.go_on();
}

/// A cycle beside the mutators. `barrier.rs` says why the steps have this order.
fn on_the_fly(cycle: &mut Cycle<'_>) {
    if !fault::on(Fault::SweepUnfinished) {
        cycle.finish_sweep();
    }
    cycle.check_memory();
    cycle.ready_memory_for_references();
    cycle.begin();
    cycle.ask(Round::BarrierOn);
    if fault::on(Fault::FinalizedEarly) {
        cycle.look_into_finalizable();
    }
    if !fault::on(Fault::NoSettledRound) {
        cycle.ask(Round::Settled);
    }
    if fault::on(Fault::TableAfterRound) {
        cycle.ask(Round::Roots);
        cycle.shade_roots();
    } else {
        cycle.shade_roots();
        cycle.ask(Round::Roots);
    }
    if fault::on(Fault::GenerationEarly) {
        cycle.heap.memory.end_marking();
    }
    cycle.keep_for_finalizers();
    loop {
        cycle.drain_to_the_end();
        if cycle.is_given_up {
            break;
        }
        if cycle.is_dry() && !cycle.look_for_lost() && !cycle.ephemerons_lead_on() && cycle.decide_weak() {
            break;
        }
    }
    cycle.check_marks();
    if fault::on(Fault::RevivedEarly) {
        cycle.revive();
    }
    if cycle.clear_weak() {
        cycle.ask(Round::Weak);
    }
    cycle.end_clearing();
    cycle.revive();
    cycle.queue_cleanups();
    cycle.end_marking();
    cycle.ask(Round::Off);
    cycle.tidy_memory_for_references();
    cycle.end();
}

/// A cycle while everybody stands still.
fn stopped(cycle: &mut Cycle<'_>) {
    let heap = cycle.heap;
    let called = Instant::now();
    let world = heap.world.stop();
    let (begun, stopped) = (Instant::now(), heap.log.begin());
    let stopping = begun - called;
    cycle.stopping = stopping;
    cycle.finish_sweep();
    for part in world.parts() {
        part.flush(heap.shading());
        heap.age_pools(part);
    }
    let roots = AllRoots::of(&heap.memory, &heap.roots, &world);
    if cycle.is_verified() {
        verify::insist(&verify::check_all(&heap.memory, &roots), "before marking");
    }
    cycle.begin();
    heap.rooted.fetch_add(1, Relaxed);
    cycle.visit_roots(&roots);
    cycle.keep_for_finalizers();
    cycle.drain_to_the_end();
    while cycle.look_for_lost_in_stopped_world() {
        cycle.drain_to_the_end();
    }
    if cycle.is_verified() {
        let roots = roots.and_kept(&heap.memory, &heap.finalizers);
        let edges = heap.ephemerons.snapshot(&heap.memory);
        let found = verify::compare_marks(&heap.memory, &roots, &edges, verify::Floating::None);
        verify::insist(&found, "after marking");
    }
    cycle.clear_weak();
    cycle.end_clearing();
    cycle.revive();
    cycle.queue_cleanups();
    cycle.end_marking();
    cycle.end();
    drop(world);
    cycle.pause = begun.elapsed();
    heap.log.end(stopped, Track::Collector, || Event::Stopped { stopping });
    cycle.tidy_memory_for_references();
    // Nobody else had a processor.
    let others = u32::try_from(heap.processors).unwrap_or(1);
    heap.pace.spend((cycle.pause * others).saturating_sub(cycle.mark_cpu));
}

/// Sweeps beside the mutators, who sweep what they need meanwhile, until a cycle is called for. Each piece under the cycle's
/// lock, so that none begins in it; not the rests between, which nobody waits for.
pub(crate) fn sweep_beside(heap: &Shared) {
    let (mut began, logged) = (Instant::now(), heap.log.begin());
    while !heap.desk.is_wanted() {
        {
            let _no_cycle = heap.cycle.lock();
            if heap.memory.sweep_some(SWEPT_AT_ONCE).is_none() {
                break;
            }
        }
        if heap.world.inside() >= heap.processors && began.elapsed() >= LEAST_REST {
            heap.pace.spend(began.elapsed());
            thread::sleep(LEAST_REST);
            began = Instant::now();
        }
    }
    heap.log.end(logged, Track::Sweeper, || Event::Swept);
    // What is free now was not when the cycle ended.
    if !fault::on(Fault::SweepEndUntold) {
        heap.scavenger.look();
    }
}

/// Waits until the limiter lets a cycle begin, or the heap ends. The collector's thread only, and without a lock.
fn rest_if_limited(heap: &Shared) {
    while let Limiting::On { rest } = heap.pace.limiting() {
        if heap.desk.has_quit() {
            return;
        }
        thread::sleep(rest.min(LONGEST_REST));
    }
}

/// On whose thread a cycle runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Runner {
    /// The collector's: nobody waits for it.
    Collector,
    /// A mutator's, or some other of the program's: it waits.
    Mutator,
}

/// One cycle under way.
struct Cycle<'a> {
    heap: &'a Shared,
    helpers: &'a mut Helpers,
    number: u64,
    reason: Reason,
    runner: Runner,
    begun: Instant,
    marker: Marker<'a>,
    /// What helpers did.
    helped: Work,
    workers: usize,
    roots: usize,
    mark_begun: Instant,
    mark_cpu: Duration,
    helper_cpu: Duration,
    assist_before: Duration,
    heap_before: Bytes,
    heap_after: Bytes,
    in_spans: Bytes,
    finish_sweep: Duration,
    mark: Duration,
    stopping: Duration,
    pause: Duration,
    rounds: Vec<RoundFigures>,
    found: Option<(Marked, Plan, Bytes)>,
    mutators: usize,
    /// The heap ends: marking was not finished, and nothing may be swept.
    is_given_up: bool,
    /// Of a listener. It goes on when the cycle has ended.
    panics: FirstPanic,
}

impl<'a> Cycle<'a> {
    fn new(heap: &'a Shared, helpers: &'a mut Helpers, number: u64, reason: Reason, runner: Runner) -> Self {
        let now = Instant::now();
        Self {
            heap,
            helpers,
            number,
            reason,
            runner,
            begun: now,
            marker: Marker::new(&heap.memory, &heap.queue, heap.mark_limits),
            helped: Work::default(),
            workers: 1,
            roots: 0,
            mark_begun: now,
            mark_cpu: Duration::ZERO,
            helper_cpu: Duration::ZERO,
            assist_before: heap.pace.assist_time(),
            heap_before: Bytes::ZERO,
            heap_after: Bytes::ZERO,
            in_spans: Bytes::ZERO,
            finish_sweep: Duration::ZERO,
            mark: Duration::ZERO,
            stopping: Duration::ZERO,
            pause: Duration::ZERO,
            rounds: Vec::new(),
            found: None,
            mutators: 0,
            is_given_up: false,
            panics: FirstPanic::default(),
        }
    }

    /// Whether somebody stands still until it is done.
    fn is_waited_for(&self) -> bool {
        self.runner == Runner::Mutator || self.heap.collector == Collector::StopTheWorld
    }

    fn is_verified(&self) -> bool {
        self.heap.verify_every.is_some_and(|every| self.number.is_multiple_of(u64::from(every)))
    }

    /// What the last cycle left unswept; and nobody is sweeping when it returns.
    fn finish_sweep(&mut self) {
        self.heap_before = self.heap.memory.figures().heap_alloc;
        let begun = Instant::now();
        self.heap.memory.finish_sweep(Empties::Keep);
        self.finish_sweep = begun.elapsed();
    }

    /// Everything is white from here: the next epoch.
    fn begin(&mut self) {
        self.heap.memory.begin_cycle();
        self.heap.places.verdict().open();
        self.heap.queue.begin();
        self.heap.pace.begin(&self.heap.memory);
        self.marker = Marker::new(&self.heap.memory, &self.heap.queue, self.heap.mark_limits);
        self.mark_begun = Instant::now();
        let sweep = self.finish_sweep;
        self.heap.tell(&mut self.panics, || Event::Marking { sweep });
    }

    /// Asks every mutator.
    fn ask(&mut self, round: Round) {
        let (heap, panics) = (self.heap, &mut self.panics);
        let begun = heap.log.begin();
        let asked =
            heap.world.ask(round, &|part, round| heap.answer_for(part, round), &mut |member, waited| {
                heap.tell(panics, || Event::Late { round: round.name(), thread: member.name(), waited });
            });
        let figures = RoundFigures { name: round.name(), wall: asked.wall, slowest: asked.slowest };
        let (round_name, wall, slowest) = (figures.name, figures.wall, figures.slowest);
        heap.tell_end(begun, panics, || Event::Asked { round: round_name, wall, slowest });
        self.rounds.push(figures);
        self.mutators = self.mutators.max(heap.world.members());
        if round == Round::Roots {
            self.roots += heap.own_roots.swap(0, Relaxed);
            heap.rooted.fetch_add(1, Relaxed);
        }
    }

    /// Makes grey what the root table leads to, while the table shades what is done to it.
    fn shade_roots(&mut self) {
        let (heap, marker) = (self.heap, &mut self.marker);
        if !fault::on(Fault::ShadingBeginsLate) {
            heap.roots.begin_shading(heap.queue.spare());
        }
        let mut to_skip = usize::from(fault::on(Fault::RootSkipped));
        self.roots += heap.roots.each(|word| {
            if to_skip > 0 {
                to_skip -= 1;
                return;
            }
            // SAFETY: a root is the address of an allocated slot of this heap (F2), and nothing is freed while marking.
            unsafe { marker.visit(word) };
        });
        if fault::on(Fault::ShadingBeginsLate) {
            heap.roots.begin_shading(heap.queue.spare());
        }
        if fault::on(Fault::ShadingEndsEarly) {
            drop(heap.roots.end_shading());
        }
    }

    /// The same for a snapshot.
    fn visit_roots(&mut self, roots: &AllRoots) {
        self.roots = roots.exact.len() + roots.ambiguous.len();
        let skipped = usize::from(fault::on(Fault::RootSkipped));
        for &word in roots.exact.iter().skip(skipped) {
            // SAFETY: as in `shade_roots`, or O2.
            unsafe { self.marker.visit(word) };
        }
        self.marker.add(Batch::Maybe(roots.ambiguous.clone()));
    }

    /// Whether marking has ended: nothing is queued, and while every mutator and the root table were asked for what they had,
    /// nothing was offered.
    fn is_dry(&mut self) -> bool {
        let heap = self.heap;
        let Some(offers) = heap.queue.offers_if_dry() else { return false };
        if fault::on(Fault::NoDryRound) {
            return true;
        }
        heap.places.verdict().open();
        self.ask(Round::Dry);
        if fault::on(Fault::DryAnswersIgnored) {
            return true;
        }
        heap.queue.offer(heap.roots.take_shaded(heap.queue.spare()));
        heap.queue.close_if_dry(offers)
    }

    /// A verified cycle checks the memory before it begins: everybody stands still for it.
    fn check_memory(&mut self) {
        if !self.is_verified() {
            return;
        }
        let heap = self.heap;
        let world = heap.world.stop();
        for part in world.parts() {
            part.flush(heap.shading());
        }
        heap.memory.finish_sweep(Empties::Free);
        verify::insist(
            &verify::check_all(&heap.memory, &AllRoots::of(&heap.memory, &heap.roots, &world)),
            "before marking",
        );
    }

    /// A verified cycle marks again, simply, from the roots as they are now, and compares.
    fn check_marks(&mut self) {
        if !self.is_verified() || self.is_given_up {
            return;
        }
        let heap = self.heap;
        let world = heap.world.stop();
        let roots = AllRoots::of(&heap.memory, &heap.roots, &world).and_kept(&heap.memory, &heap.finalizers);
        let edges = heap.ephemerons.snapshot(&heap.memory);
        let found = verify::compare_marks(&heap.memory, &roots, &edges, verify::Floating::Any);
        verify::insist(&found, "after marking");
    }

    /// Decides that weak loads find nothing that is unmarked, if none has found such an object since the last round *dry* was
    /// asked; otherwise there is more to mark.
    fn decide_weak(&self) -> bool {
        self.heap.places.verdict().decide()
    }

    /// Clears the weak places of what is dead, and the ephemerons of dead keys. Returns whether there were any places: then
    /// somebody may be about to look at the mark of one.
    fn clear_weak(&self) -> bool {
        if self.is_given_up {
            return false;
        }
        let heap = self.heap;
        let (places, ephemerons) = (heap.places.clear(&heap.memory), heap.ephemerons.clear(&heap.memory));
        if places || ephemerons {
            heap.clearings.fetch_add(1, Release);
        }
        places
    }

    /// What a weak place leads to now is alive, or younger than the marks.
    fn end_clearing(&self) {
        if !self.is_given_up {
            self.heap.places.verdict().end();
        }
    }

    /// From here what is unmarked is dead: the generation moves on. The pacer learns.
    fn end_marking(&mut self) {
        let heap = self.heap;
        heap.pace.end_assists();
        heap.queue.keep(heap.roots.end_shading());
        self.mark = self.mark_begun.elapsed();
        if self.is_given_up {
            heap.queue.give_up();
            return;
        }
        heap.samples.look(&heap.memory);
        let census = heap.memory.count_marked();
        if !fault::on(Fault::GenerationEarly) {
            heap.memory.end_marking();
        }
        self.heap_after = heap.memory.figures().heap_alloc;
        self.in_spans = heap.memory.pages().counters().in_spans();
        let mut work = self.marker.work();
        work.add(self.helped);
        let scanned =
            Words::new(usize::try_from(census.quick_words + work.slow_words).unwrap_or(usize::MAX / 8));
        let plan = heap.pace.end_cycle(
            &heap.memory,
            Paced {
                live: census.bytes,
                roots: Bytes::new(self.roots * WORD_BYTES),
                scan_work: work_bytes(census.scanned * OBJECT_WORDS as u64 + work.slow_words),
                background_cpu: self.mark_cpu,
                assist_cpu: heap.pace.assist_time().saturating_sub(self.assist_before),
                wall: self.mark,
                is_crowded: heap.processors > 1 && heap.world.members() >= heap.processors,
                overhead: overhead(heap, census.bytes),
                ..Paced::default()
            },
        );
        heap.tell(&mut self.panics, || Event::Marked { live: census.bytes });
        if plan.bound == Bound::Live && heap.memory_limit != NEVER {
            let limit = heap.memory_limit;
            heap.tell(&mut self.panics, || Event::LimitBelowLive { limit, live: plan.live });
        }
        self.found = Some((census, plan, scanned.bytes()));
    }

    /// Every mutator has heard of the new generation.
    fn end(&self) {
        if !self.is_given_up {
            self.heap.memory.end_cycle();
        }
    }

    fn figures(&self) -> CycleFigures {
        let Some((census, plan, scanned_bytes)) = self.found else {
            heap_core::bug!("cycle {} has ended without a census", self.number)
        };
        CycleFigures {
            number: self.number,
            reason: self.reason,
            wall: self.begun.elapsed(),
            rounds: self.rounds.clone(),
            stopping: self.stopping,
            pause: self.pause,
            finish_sweep: self.finish_sweep,
            mark: self.mark,
            mark_cpu: self.mark_cpu,
            helper_cpu: self.helper_cpu,
            assist_cpu: self.heap.pace.assist_time().saturating_sub(self.assist_before),
            workers: self.workers,
            scanned: census.scanned,
            scanned_bytes,
            live_objects: census.objects,
            live: census.bytes,
            roots: self.roots as u64,
            heap_before: self.heap_before,
            heap_after: self.heap_after,
            goal: plan.goal,
            trigger: plan.trigger,
            mutators: self.mutators.max(self.heap.world.members()),
            ended: SystemTime::now(),
        }
    }
}

/// Verifies a heap on request: stops the world, takes back all runs, sweeps, and checks.
pub(crate) fn verify_now(heap: &Shared) -> Vec<heap_core::verify::Violation> {
    let _one = heap.cycle.lock();
    let world = heap.world.stop();
    heap.memory.finish_sweep(Empties::Free);
    for part in world.parts() {
        part.flush(heap.shading());
    }
    heap.memory.finish_sweep(Empties::Free);
    let mut found = verify::check_all(&heap.memory, &AllRoots::of(&heap.memory, &heap.roots, &world));
    found.extend(heap.places.check(&heap.memory));
    found.extend(heap.cleanups.check(&heap.memory));
    found.extend(heap.finalizers.check(&heap.memory));
    found.extend(heap.ephemerons.check(&heap.memory));
    found
}
