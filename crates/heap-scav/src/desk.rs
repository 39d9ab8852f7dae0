//! The desk: what all who release pages of one heap share.
//!
//! ```text
//!   goals   written at the end of a cycle  →  read by the thread, by idle moments, and (the limit) by each refill
//!   turn    a lock: one thread at a time goes through the free pages
//!   round   a number: it grows when there is something to do for the thread
//! ```
//!
//! Invariants
//!   S1  one thread at a time goes through a heap's free pages: it holds `turn`. So what is released on request is complete
//!       when that returns. No allocation and no collection ever waits for this lock; an allocation that assists tries it, and so
//!       does an idle moment, which has an end.
//!   S2  the desk holds the page heap, and nothing else of the heap: it keeps no object alive, and no drop runs at it.
//!   S4  no lock of the page heap is held in the kernel, and none of the desk's but `turn`.
//!
//! Called by [`crate::background`] and [`crate::scavenger`].
#![forbid(unsafe_code)]

use crate::controller::LEAST_WORK;
use crate::figures::{By, Counts};
use crate::goal;
use crate::notice::{Listener, Notice, Scavenged};
use crate::release::{Released, Step, Walk};
use core::time::Duration;
use heap_core::fault::{self, Fault};
use heap_core::os::{OsError, thread_cpu_time};
use heap_core::page_heap::PageHeap;
use heap_core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use heap_core::sync::{Arc, Condvar, Mutex};
use heap_core::units::Bytes;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// What an OS page counts for where the system does not say how long a thread worked (Go's assumption, too).
const ASSUMED_PER_OS_PAGE: Duration = Duration::from_micros(10);

/// See the module's text.
pub(crate) struct Desk {
    pub(crate) pages: Arc<PageHeap>,
    os_page: Bytes,
    /// The wish for the size of the heap with all that belongs to it.
    memory_limit: Option<Bytes>,
    /// The most bytes of pages with which the memory limit is kept. Written at the end of a cycle; errs high by the tables'
    /// growth since.
    most: AtomicUsize,
    /// S1.
    pub(crate) turn: Mutex<()>,
    state: Mutex<State>,
    /// Told when a round begins and when the heap ends.
    changed: Condvar,
    pub(crate) counts: Counts,
    /// What assists had released when it was last told of.
    assisted_told: AtomicUsize,
    /// A refusal that an assist met with, and could not tell of in the middle of an allocation.
    untold: Mutex<Option<OsError>>,
    listener: Option<Listener>,
}

/// Written at the end of a cycle, read by the thread.
#[derive(Debug)]
struct State {
    /// What may be retained; `None` for anything.
    goal: Option<Bytes>,
    /// Rounds ordered so far.
    round: u64,
    /// When the last cycle ended.
    cycle_ended: Instant,
    /// The heap ends.
    quit: bool,
}

/// Why a turn is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TurnEnd {
    /// There may be more to do.
    TimeUp,
    /// The walk is at its end.
    WalkOver,
    /// No surplus, or the system refuses: until the next cycle.
    RoundOver,
    /// The heap ends.
    Quit,
}

/// Why a sleep is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SleepEnd {
    /// It was as long as asked for.
    TimeUp,
    /// The heap ends.
    Quit,
}

/// What a round came to so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    pub(crate) begun: Instant,
    pub(crate) released: Released,
    pub(crate) cpu: Duration,
}

impl Round {
    pub(crate) fn begin() -> Self {
        Self { begun: Instant::now(), released: Released::default(), cpu: Duration::ZERO }
    }
}

impl Desk {
    pub(crate) fn new(pages: Arc<PageHeap>, memory_limit: Option<Bytes>, listener: Option<Listener>) -> Self {
        let os_page = pages.space().os().os_page();
        Self {
            pages,
            os_page,
            memory_limit,
            most: AtomicUsize::new(goal::most(memory_limit, Bytes::ZERO).get()),
            turn: Mutex::new(()),
            state: Mutex::new(State { goal: None, round: 0, cycle_ended: Instant::now(), quit: false }),
            changed: Condvar::new(),
            counts: Counts::default(),
            assisted_told: AtomicUsize::new(0),
            untold: Mutex::new(None),
            listener,
        }
    }

    /// A cycle has ended: sets the goals.
    pub(crate) fn set_goals(&self, cycle: &goal::CycleEnd) {
        let limit = self.memory_limit.filter(|_| !fault::on(Fault::LimitUnscavenged));
        let goal = goal::tighter(goal::growth(cycle, self.os_page), goal::under_limit(limit, cycle.beside));
        self.most.store(goal::most(self.memory_limit, cycle.beside).get(), Relaxed);
        let mut state = self.state.lock();
        state.goal = goal;
        state.cycle_ended = Instant::now();
    }

    /// Whether more is retained than the goal allows.
    pub(crate) fn has_surplus(&self) -> bool {
        let goal = self.state.lock().goal;
        self.is_above(goal)
    }

    fn is_above(&self, goal: Option<Bytes>) -> bool {
        goal.is_some_and(|goal| goal::is_surplus(self.pages.retained().bytes(), goal, self.os_page))
    }

    /// Whether the memory limit is passed. Two relaxed loads.
    #[inline]
    pub(crate) fn is_over_limit(&self) -> bool {
        self.pages.retained().bytes().get() > self.most.load(Relaxed)
    }

    /// Begins a round.
    pub(crate) fn call(&self) {
        self.state.lock().round += 1;
        self.changed.notify_one();
    }

    /// The heap ends.
    pub(crate) fn quit(&self) {
        self.state.lock().quit = true;
        self.changed.notify_all();
    }

    /// Waits for a round after `round`. False if the heap ends.
    pub(crate) fn park(&self, round: &mut u64) -> bool {
        let mut state = self.state.lock();
        while state.round == *round && !state.quit {
            self.changed.wait(&mut state);
        }
        *round = state.round;
        !state.quit
    }

    /// Whether a round has begun after `round`.
    pub(crate) fn is_new(&self, round: &mut u64) -> bool {
        let now = self.state.lock().round;
        core::mem::replace(round, now) != now
    }

    /// How long ago the last cycle ended.
    pub(crate) fn since_cycle(&self) -> Duration {
        self.state.lock().cycle_ended.elapsed()
    }

    /// Sleeps, whatever is called for.
    pub(crate) fn sleep(&self, asked: Duration) -> SleepEnd {
        // A sleep too long to be a time is one until the heap ends.
        let until = Instant::now().checked_add(asked);
        let mut state = self.state.lock();
        while !state.quit {
            match until {
                Some(until) if Instant::now() >= until => return SleepEnd::TimeUp,
                Some(until) => {
                    self.changed.wait_until(&mut state, until);
                }
                None => self.changed.wait(&mut state),
            }
        }
        SleepEnd::Quit
    }

    /// A turn of the thread: works until the time is up. Says for how long.
    pub(crate) fn turn(&self, walk: &mut Walk, round: &mut Round) -> (Duration, TurnEnd) {
        let begun = thread_cpu_time();
        let mut assumed = Duration::ZERO;
        let mut worked = Duration::ZERO;
        let end = loop {
            let (goal, quit) = {
                let state = self.state.lock();
                (state.goal, state.quit)
            };
            if quit {
                break TurnEnd::Quit;
            }
            if !self.is_above(goal) {
                break TurnEnd::RoundOver;
            }
            let step = self.step(walk, By::Background, &mut round.released);
            match step {
                Step::Released(bytes) => {
                    let os_pages = bytes.get().div_ceil(self.os_page.get());
                    assumed +=
                        ASSUMED_PER_OS_PAGE.saturating_mul(u32::try_from(os_pages).unwrap_or(u32::MAX));
                }
                Step::Refused(_) => break TurnEnd::RoundOver,
                Step::Passed => assumed += ASSUMED_PER_OS_PAGE,
                Step::Nothing => break TurnEnd::WalkOver,
            }
            let measured = thread_cpu_time().saturating_sub(begun);
            worked = if measured.is_zero() { assumed } else { measured };
            if worked >= LEAST_WORK {
                break TurnEnd::TimeUp;
            }
        };
        let nanos = u64::try_from(worked.as_nanos()).unwrap_or(u64::MAX);
        self.counts.background_cpu_nanos.fetch_add(nanos, Relaxed);
        round.cpu += worked;
        (worked, end)
    }

    /// One step, by somebody who waits for the turn.
    pub(crate) fn step(&self, walk: &mut Walk, by: By, sum: &mut Released) -> Step {
        let step = {
            let _one = self.turn.lock();
            walk.step(&self.pages)
        };
        self.count(step, by, sum);
        step
    }

    /// One step, by somebody who does not wait: `None` if another has the turn.
    pub(crate) fn try_step(&self, walk: &mut Walk, by: By, sum: &mut Released) -> Option<Step> {
        let step = {
            let _one = self.turn.try_lock()?;
            walk.step(&self.pages)
        };
        self.count(step, by, sum);
        Some(step)
    }

    /// Counts a step, in the figures and in a sum.
    pub(crate) fn count(&self, step: Step, by: By, sum: &mut Released) {
        let mut one = Released::default();
        one.add(step);
        self.counts.add(by, &one);
        sum.add(step);
    }

    /// Keeps a refusal until somebody is outside of an allocation.
    pub(crate) fn keep_untold(&self, error: OsError) {
        *self.untold.lock() = Some(error);
    }

    /// Tells of a refusal that was kept.
    pub(crate) fn tell_untold(&self) {
        let kept = self.untold.lock().take();
        if let Some(error) = kept {
            self.tell(&Notice::Refused(error));
        }
    }

    /// A round has ended: tells of it, if anything was done.
    pub(crate) fn end(&self, by: By, round: &Round) {
        if round.released.calls == 0 {
            return;
        }
        if let Some(error) = round.released.error {
            self.tell(&Notice::Refused(error));
        }
        let assisted = self.news_of_assists(self.counts.bytes(By::Assist));
        // Before the listener is called: a lock taken in the middle of its argument would be held for as long as it takes.
        let goal = self.state.lock().goal;
        self.tell(&Notice::Scavenged(Scavenged {
            by,
            released: round.released.bytes,
            assisted,
            calls: round.released.calls,
            refused: round.released.refused,
            wall: round.begun.elapsed(),
            cpu: round.cpu,
            retained: self.pages.retained().bytes(),
            in_spans: self.pages.counters().in_spans(),
            goal,
        }));
    }

    /// What of the bytes that assists have released now was not told of yet.
    pub(crate) fn news_of_assists(&self, now: Bytes) -> Bytes {
        // The greatest: of two rounds that end at once the one that looked first may come here second.
        let told = self.assisted_told.fetch_max(now.get(), Relaxed);
        Bytes::new(now.get().saturating_sub(told))
    }

    fn tell(&self, notice: &Notice) {
        if let Some(listener) = &self.listener
            && let Err(panic) = catch_unwind(AssertUnwindSafe(|| listener(notice)))
        {
            // It has been reported, and what is released does not depend on who listens.
            core::mem::forget(panic);
        }
    }
}

impl core::fmt::Debug for Desk {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Desk")
            .field("state", &self.state)
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}
