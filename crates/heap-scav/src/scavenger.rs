//! The scavenger: the handle of one heap on all that releases its free pages.
//!
//! | who | when | which pages | how much |
//! |---|---|---|---|
//! | [`cycle_ended`](Scavenger::cycle_ended), [`look`](Scavenger::look): the thread | more is retained than the goals allow | not dense, rested first | down to the goal, at a share of a processor |
//! | [`assist`](Scavenger::assist): an allocation | the memory limit is passed | any | down to the limit, some 30 µs at most |
//! | [`idle`](Scavenger::idle): the host | it has a moment, and more is retained than the goals allow | not dense | down to the goal, as long as it has |
//! | [`release_free`](Scavenger::release_free): the program | it asks | any | all |
//!
//! Called by the collector: at the end of a cycle, after the world runs again, and when its sweeping has ended; and by whoever
//! does the things named. The invariants are those of `desk.rs` and `background.rs`.

use crate::background::{Thread, start};
use crate::controller;
use crate::desk::{Desk, Round};
use crate::figures::{By, ScavengeFigures};
use crate::goal::CycleEnd;
use crate::notice::Listener;
use crate::release::{Released, Step, Walk, Which};
use core::fmt;
use core::time::Duration;
use heap_core::fault::{self, Fault};
use heap_core::os::thread_cpu_time;
use heap_core::page_heap::PageHeap;
use heap_core::sync::{Arc, Mutex, thread};
use heap_core::units::Bytes;
use std::time::Instant;

/// How long an allocation may have released pages when it begins the last step. More keeps a limit sooner, and the allocation
/// for longer: a step is up to some 20 µs, so that all of it stays well below 100.
const ASSIST_MOST: Duration = Duration::from_micros(30);

/// Who gives a heap's surplus back without being asked.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Unasked {
    /// A thread, and the host in its idle moments.
    #[default]
    Thread,
    /// The host in its idle moments.
    Host,
    /// Nobody.
    Nobody,
}

/// How a heap gives pages back.
#[derive(Clone)]
pub struct Options {
    /// Who does it unasked.
    pub unasked: Unasked,
    /// The share of one processor that the thread may use, above 0 and below 1.
    pub share: f64,
    /// The size that the heap, its tables and its free pages shall not pass; `None` for any.
    pub memory_limit: Option<Bytes>,
    /// Who is told.
    pub listener: Option<Listener>,
}

impl Default for Options {
    fn default() -> Self {
        Self { unasked: Unasked::Thread, share: controller::SHARE, memory_limit: None, listener: None }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("unasked", &self.unasked)
            .field("share", &self.share)
            .field("memory_limit", &self.memory_limit)
            .finish_non_exhaustive()
    }
}

/// The scavenger of one heap. See the module's text.
#[derive(Debug)]
pub struct Scavenger {
    desk: Arc<Desk>,
    unasked: Unasked,
    share: f64,
    thread: Mutex<Thread>,
}

impl Scavenger {
    /// A scavenger without a thread.
    #[must_use]
    pub fn new(pages: Arc<PageHeap>, options: Options) -> Self {
        let thread = match options.unasked {
            Unasked::Thread => Thread::NotNeeded,
            Unasked::Host | Unasked::Nobody => Thread::Refused,
        };
        Self {
            desk: Arc::new(Desk::new(pages, options.memory_limit, options.listener)),
            unasked: options.unasked,
            share: options.share,
            thread: Mutex::new(thread),
        }
    }

    /// A cycle has ended: sets the goals, and [looks](Self::look). Calls come in the order of the cycles.
    pub fn cycle_ended(&self, cycle: &CycleEnd) {
        self.desk.tell_untold();
        self.desk.set_goals(cycle);
        self.look();
    }

    /// Pages may have become free, or retained: if there is a surplus, wakes the thread, or starts it. Takes two short locks.
    pub fn look(&self) {
        self.look_with(|desk| start(desk, self.share));
    }

    fn look_with(&self, start: impl FnOnce(&Arc<Desk>) -> Thread) {
        if self.unasked == Unasked::Thread && self.desk.has_surplus() {
            let mut thread = self.thread.lock();
            if matches!(*thread, Thread::NotNeeded) {
                *thread = start(&self.desk);
            }
            drop(thread);
            self.desk.call();
        }
    }

    /// Whether the memory limit is passed. Two relaxed loads.
    #[inline]
    #[must_use]
    pub fn is_over_limit(&self) -> bool {
        self.desk.is_over_limit()
    }

    /// For an allocation: gives pages back until the memory limit is kept, or there are none, or 30 µs are over; or nothing,
    /// if another thread is at it. Returns the processor time it took. If the limit is still passed the thread goes on.
    #[cold]
    pub fn assist(&self) -> Duration {
        let desk = &self.desk;
        if fault::on(Fault::ReleaseUnassisted) {
            return Duration::ZERO;
        }
        let Some(one) = desk.turn.try_lock() else { return Duration::ZERO };
        let (begun, cpu_begun) = (Instant::now(), thread_cpu_time());
        let mut released = Released::default();
        let mut walk = Walk::new(&desk.pages, Which::Urgent);
        while desk.is_over_limit() {
            let step = walk.step(&desk.pages);
            desk.count(step, By::Assist, &mut released);
            let is_over = matches!(step, Step::Refused(_) | Step::Nothing);
            if is_over || begun.elapsed() >= ASSIST_MOST {
                break;
            }
        }
        drop(one);
        if let Some(error) = released.error {
            desk.keep_untold(error);
        }
        let cpu = thread_cpu_time().saturating_sub(cpu_begun);
        desk.counts.assists.add(begun.elapsed(), cpu);
        if released.refused == 0 && released.calls > 0 && desk.is_over_limit() {
            desk.call();
        }
        cpu
    }

    /// Gives surplus pages back until there are no more, nothing worth releasing is left, the system refuses, another thread is at
    /// it, or it is `until`, if that is a time; a step of some 30 µs is not interrupted. Says whether there is more to do.
    pub fn idle(&self, until: Option<Instant>) -> bool {
        let desk = &self.desk;
        if self.unasked == Unasked::Nobody {
            return false;
        }
        let (mut round, cpu_begun) = (Round::begin(), thread_cpu_time());
        let mut walk = Walk::new(&desk.pages, Which::Sparing);
        let has_more = loop {
            if !desk.has_surplus() {
                break false;
            }
            if until.is_some_and(|until| Instant::now() >= until) {
                break true;
            }
            match desk.try_step(&mut walk, By::Idle, &mut round.released) {
                Some(Step::Released(_) | Step::Passed) => {}
                Some(Step::Refused(_) | Step::Nothing) => break false,
                None => break true,
            }
        };
        round.cpu = thread_cpu_time().saturating_sub(cpu_begun);
        desk.end(By::Idle, &round);
        has_more
    }

    /// Gives every free page back, now, on this thread. Waits for a run of the background to be over.
    pub fn release_free(&self) -> Released {
        let desk = &self.desk;
        let (mut round, cpu_begun) = (Round::begin(), thread_cpu_time());
        {
            let _one = desk.turn.lock();
            let mut walk = Walk::new(&desk.pages, Which::All);
            loop {
                let step = walk.step(&desk.pages);
                if step == Step::Nothing {
                    break;
                }
                desk.count(step, By::Request, &mut round.released);
            }
        }
        round.cpu = thread_cpu_time().saturating_sub(cpu_begun);
        desk.end(By::Request, &round);
        round.released
    }

    /// What was given back so far.
    #[must_use]
    pub fn figures(&self) -> ScavengeFigures {
        let has_thread = matches!(*self.thread.lock(), Thread::Started(_));
        self.desk.counts.figures(has_thread, self.desk.pages.waits())
    }
}

impl Drop for Scavenger {
    fn drop(&mut self) {
        self.desk.quit();
        let thread = core::mem::replace(&mut *self.thread.lock(), Thread::Refused);
        // It may be the caller: a listener that has the last handle on the heap, and drops it.
        if let Thread::Started(thread) = thread
            && thread.thread().id() != thread::current().id()
        {
            // S3. A panic of it has been reported already.
            thread.join().ok();
        }
    }
}

#[cfg(test)]
mod tests;
