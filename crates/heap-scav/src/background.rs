//! The scavenger: a thread that gives surplus free pages back, slowly.
//!
//! ```text
//!                cycle_ended: more retained than the goal?         no → the goal is noted, nobody is woken
//!                     │ yes: a new round
//!   ┌─ parked ◀───────┼───────────────────────────────┐
//!   │                 ▼                                │ down to the goal, through the heap, or refused
//!   └───────▶ turn: runs of 64 KiB until 1 ms is used ─┤
//!                     ▲                                │
//!                     └──── sleep (controller) ◀───────┘ time is up
//! ```
//!
//! The thread is started when a cycle first ends with a surplus: a heap that never has one has no thread. If the system
//! refuses it, the heap does without. It works in processor time of its own, not in time that passed: a machine that is busy
//! does not make it slower than it is.
//!
//! Invariants
//!   S1  one thread at a time goes through a heap's free pages: it holds `turn`. So what is released on request is complete
//!       when that returns. No allocation and no collection ever waits for this lock.
//!   S2  the thread holds the page heap, and nothing else of the heap: it keeps no object alive, and runs no drop.
//!   S3  when the [`Scavenger`] is dropped its thread is gone. It is at most one run of 64 KiB away from seeing that it must.
//!   S4  no lock of the page heap is held in the kernel. The sleep is cut short by the end of the heap only.
//!
//! Called by the collector at the end of a cycle, after the world runs again. Does not collect, and does not sweep: pages
//! that a cycle found dead are free when somebody has swept them.

use crate::controller::{LEAST_WORK, Pace};
use crate::goal::{self, CycleEnd};
use crate::release::{self, Step, Walk, Which};
use core::time::Duration;
use heap_core::os::thread_cpu_time;
use heap_core::page_heap::PageHeap;
use heap_core::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use heap_core::sync::{Arc, Condvar, Mutex, thread};
use heap_core::units::Bytes;
use std::time::Instant;

/// What an OS page counts for where the system does not say how long a thread worked (Go's assumption, too).
const ASSUMED_PER_OS_PAGE: Duration = Duration::from_micros(10);

/// What a heap gave back to the system since it was built.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct ScavengeFigures {
    /// Bytes released in the background.
    pub background: Bytes,
    /// Bytes released because the program asked.
    pub on_request: Bytes,
    /// Calls that the system refused, of either kind. The pages stayed with the heap.
    pub refused: u64,
    /// Whether the heap has a scavenging thread: from the first cycle on that ended with a surplus, unless the system refused
    /// the thread.
    pub has_thread: bool,
    /// Processor time of the scavenging thread while it worked. Errs low by the turn it is in, and by parking.
    pub background_cpu: Duration,
}

/// The scavenger of one heap. See the module's text.
#[derive(Debug)]
pub struct Scavenger {
    desk: Arc<Desk>,
    thread: Mutex<Thread>,
}

#[derive(Debug)]
enum Thread {
    /// There was no surplus yet.
    NotNeeded,
    Started(thread::JoinHandle<()>),
    /// The system refused it. Not tried again.
    Refused,
}

/// What the thread and the heap's other threads share.
#[derive(Debug)]
struct Desk {
    pages: Arc<PageHeap>,
    os_page: Bytes,
    /// S1.
    turn: Mutex<()>,
    state: Mutex<State>,
    /// Told when a round begins and when the heap ends.
    changed: Condvar,
    /// Figures: each written by who does the thing, read by anybody.
    background: AtomicUsize,
    on_request: AtomicUsize,
    refused: AtomicU64,
    background_cpu_nanos: AtomicU64,
}

/// Written at the end of a cycle, read by the thread.
#[derive(Debug)]
struct State {
    /// What may be retained; `None` for anything.
    goal: Option<Bytes>,
    /// Rounds ordered so far.
    round: u64,
    /// The heap ends.
    quit: bool,
}

/// Why a turn is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum TurnEnd {
    /// There may be more to do.
    TimeUp,
    /// No surplus, nothing free to find, or the system refuses: until the next cycle.
    RoundOver,
    /// The heap ends.
    Quit,
}

impl Scavenger {
    /// A scavenger without a thread.
    #[must_use]
    pub fn new(pages: Arc<PageHeap>) -> Self {
        let os_page = pages.space().os().os_page();
        let desk = Desk {
            pages,
            os_page,
            turn: Mutex::new(()),
            state: Mutex::new(State { goal: None, round: 0, quit: false }),
            changed: Condvar::new(),
            background: AtomicUsize::new(0),
            on_request: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
            background_cpu_nanos: AtomicU64::new(0),
        };
        Self { desk: Arc::new(desk), thread: Mutex::new(Thread::NotNeeded) }
    }

    /// A cycle has ended: sets the goal, and if there is a surplus wakes the thread, or starts it. Takes two short locks.
    /// Calls come in the order of the cycles.
    pub fn cycle_ended(&self, cycle: &CycleEnd) {
        self.cycle_ended_with(cycle, start);
    }

    fn cycle_ended_with(&self, cycle: &CycleEnd, start: impl FnOnce(&Arc<Desk>) -> Thread) {
        let goal = goal::retained(cycle, self.desk.os_page);
        let surplus = self.desk.has_surplus(goal);
        {
            let mut state = self.desk.state.lock();
            state.goal = goal;
            state.round += u64::from(surplus);
        }
        if surplus {
            let mut thread = self.thread.lock();
            if matches!(*thread, Thread::NotNeeded) {
                *thread = start(&self.desk);
            }
            drop(thread);
            self.desk.changed.notify_one();
        }
    }

    /// Gives every free page back, now, on this thread. Waits for a run of the background to be over.
    pub fn release_free(&self) -> release::Released {
        let _one = self.desk.turn.lock();
        let released = release::release_free(&self.desk.pages);
        self.desk.on_request.fetch_add(released.bytes.get(), Relaxed);
        self.desk.refused.fetch_add(u64::from(released.refused), Relaxed);
        released
    }

    /// What was given back so far.
    #[must_use]
    pub fn figures(&self) -> ScavengeFigures {
        let desk = &self.desk;
        ScavengeFigures {
            background: Bytes::new(desk.background.load(Relaxed)),
            on_request: Bytes::new(desk.on_request.load(Relaxed)),
            refused: desk.refused.load(Relaxed),
            has_thread: matches!(*self.thread.lock(), Thread::Started(_)),
            background_cpu: Duration::from_nanos(desk.background_cpu_nanos.load(Relaxed)),
        }
    }
}

impl Drop for Scavenger {
    fn drop(&mut self) {
        self.desk.state.lock().quit = true;
        self.desk.changed.notify_all();
        if let Thread::Started(thread) = core::mem::replace(&mut *self.thread.lock(), Thread::NotNeeded) {
            // S3. A panic of it has been reported already.
            thread.join().ok();
        }
    }
}

fn start(desk: &Arc<Desk>) -> Thread {
    let desk = Arc::clone(desk);
    let started = thread::Builder::new().name("tricolor-scav".into()).spawn(move || run(&desk));
    started.map_or(Thread::Refused, Thread::Started)
}

/// The thread.
fn run(desk: &Desk) {
    let mut pace = Pace::new();
    let mut round = 0;
    while desk.park(&mut round) {
        let mut walk = Walk::new(&desk.pages, Which::Sparing);
        loop {
            let (worked, end) = desk.turn(&mut walk);
            if end == TurnEnd::Quit {
                return;
            }
            // After the last turn, too: rounds that come fast must not add up to more than the share.
            let begun = Instant::now();
            if !desk.sleep(pace.sleep_after(worked)) {
                return;
            }
            pace.slept(worked, begun.elapsed());
            if end == TurnEnd::RoundOver {
                break;
            }
            if desk.is_new(&mut round) {
                walk = Walk::new(&desk.pages, Which::Sparing);
            }
        }
    }
}

impl Desk {
    fn has_surplus(&self, goal: Option<Bytes>) -> bool {
        goal.is_some_and(|goal| goal::is_surplus(self.pages.retained().bytes(), goal, self.os_page))
    }

    /// Waits for a round after `round`. False if the heap ends.
    fn park(&self, round: &mut u64) -> bool {
        let mut state = self.state.lock();
        while state.round == *round && !state.quit {
            self.changed.wait(&mut state);
        }
        *round = state.round;
        !state.quit
    }

    /// Whether a round has begun after `round`.
    fn is_new(&self, round: &mut u64) -> bool {
        let now = self.state.lock().round;
        core::mem::replace(round, now) != now
    }

    /// Sleeps. False if the heap ends.
    fn sleep(&self, asked: Duration) -> bool {
        // A sleep too long to be a time is one until the heap ends.
        let until = Instant::now().checked_add(asked);
        let mut state = self.state.lock();
        while !state.quit {
            match until {
                Some(until) if Instant::now() >= until => return true,
                Some(until) => {
                    self.changed.wait_until(&mut state, until);
                }
                None => self.changed.wait(&mut state),
            }
        }
        false
    }

    /// Works until the time is up. Says for how long.
    fn turn(&self, walk: &mut Walk) -> (Duration, TurnEnd) {
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
            if !self.has_surplus(goal) {
                break TurnEnd::RoundOver;
            }
            let step = {
                let _one = self.turn.lock();
                walk.step(&self.pages)
            };
            match step {
                Step::Released(bytes) => {
                    self.background.fetch_add(bytes.get(), Relaxed);
                    let os_pages = bytes.get().div_ceil(self.os_page.get());
                    assumed +=
                        ASSUMED_PER_OS_PAGE.saturating_mul(u32::try_from(os_pages).unwrap_or(u32::MAX));
                }
                Step::Refused => {
                    self.refused.fetch_add(1, Relaxed);
                    break TurnEnd::RoundOver;
                }
                Step::Passed => assumed += ASSUMED_PER_OS_PAGE,
                Step::Nothing => break TurnEnd::RoundOver,
            }
            let measured = thread_cpu_time().saturating_sub(begun);
            worked = if measured.is_zero() { assumed } else { measured };
            if worked >= LEAST_WORK {
                break TurnEnd::TimeUp;
            }
        };
        self.background_cpu_nanos.fetch_add(u64::try_from(worked.as_nanos()).unwrap_or(u64::MAX), Relaxed);
        (worked, end)
    }
}

#[cfg(test)]
mod tests;
