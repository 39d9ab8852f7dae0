//! The collector's desk: where mutators leave word that a cycle is due, and where its thread waits.
//!
//! The thread is started by the first word that is left (`collector.rs`). If the system refuses it, cycles are run by
//! mutators, at the edge of an `enter`, as if the heap had no such thread.
//!
//! When a cycle has ended, by whomever, the thread also asks the system for what the heap's growth to its next goal will need, which
//! mutators would wait for otherwise.
//!
//! Where nobody leaves word for long, the thread takes one itself: a heap that is used no more would keep what is dead.

use crate::figures::Reason;
use core::time::Duration;
use heap_core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use heap_core::sync::{Condvar, Mutex, thread};
use heap_core::units::Bytes;
use std::time::Instant;

/// The collector's thread.
#[derive(Debug, Default)]
pub(crate) enum Thread {
    /// Not needed yet.
    #[default]
    Idle,
    /// Running.
    Started(thread::JoinHandle<()>),
    /// The system refused it.
    Refused,
    /// The heap ends.
    Ended,
}

/// What the thread is to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Task {
    /// A cycle.
    Cycle(Reason),
    /// What the growth to a goal will need of the system.
    Growth(Bytes),
}

/// What the thread waits for.
#[derive(Debug)]
struct Word {
    /// A cycle was called for.
    called: Option<Reason>,
    /// A goal that the growth to is to be made ready for.
    grows_to: Option<Bytes>,
    /// When the last cycle ended, by whomever; at first, when the heap was built.
    cycle_ended: Instant,
}

/// See the module's text.
#[derive(Debug)]
pub(crate) struct Desk {
    /// A cycle was called for, and has not ended. Written under `word`, read without, as a hint: nobody need call again.
    is_busy: AtomicBool,
    /// The heap ends: a cycle that runs is given up. Written under `word`, by who lets go of the last handle; read under it by
    /// the thread before it sleeps, and without, as a hint, by who marks, sweeps or rests.
    quit: AtomicBool,
    word: Mutex<Word>,
    bell: Condvar,
    /// How long after a cycle the next one is due whatever is allocated; `None` for never.
    period: Option<Duration>,
    pub(crate) thread: Mutex<Thread>,
}

impl Desk {
    /// A desk, whose thread may be started or not, and takes word itself when the last cycle is `period` ago.
    pub(crate) fn new(may_start: bool, period: Option<Duration>) -> Self {
        let thread = if may_start { Thread::Idle } else { Thread::Refused };
        Self {
            is_busy: AtomicBool::new(false),
            quit: AtomicBool::new(false),
            word: Mutex::new(Word { called: None, grows_to: None, cycle_ended: Instant::now() }),
            bell: Condvar::new(),
            period,
            thread: Mutex::new(thread),
        }
    }

    /// Whether a cycle was called for and has not ended.
    #[inline]
    pub(crate) fn is_busy(&self) -> bool {
        self.is_busy.load(Relaxed)
    }

    /// Calls for a cycle.
    pub(crate) fn call(&self, reason: Reason) {
        let mut word = self.word.lock();
        word.called.get_or_insert(reason);
        self.is_busy.store(true, Relaxed);
        drop(word);
        self.bell.notify_one();
    }

    /// A cycle has ended, by whomever: its period begins again.
    pub(crate) fn cycle_ended(&self) {
        self.word.lock().cycle_ended = Instant::now();
    }

    /// The heap will grow to a goal, and has not all that it will need for it.
    pub(crate) fn will_grow(&self, goal: Bytes) {
        self.word.lock().grows_to = Some(goal);
        self.bell.notify_one();
    }

    /// What [`Desk::will_grow`] was last told, once.
    pub(crate) fn take_growth(&self) -> Option<Bytes> {
        self.word.lock().grows_to.take()
    }

    /// The thread has done what it was called for: the next call is news.
    pub(crate) fn done(&self) {
        let word = self.word.lock();
        self.is_busy.store(word.called.is_some(), Relaxed);
    }

    /// Waits for something to do: a call first, or the last cycle is a period ago. `None` when the heap ends.
    pub(crate) fn wait(&self) -> Option<Task> {
        let mut word = self.word.lock();
        loop {
            if self.quit.load(Relaxed) {
                return None;
            }
            if let Some(reason) = word.called.take() {
                return Some(Task::Cycle(reason));
            }
            if let Some(goal) = word.grows_to.take() {
                return Some(Task::Growth(goal));
            }
            // A time too far off to be one is never.
            match self.period.and_then(|period| word.cycle_ended.checked_add(period)) {
                Some(due) if Instant::now() >= due => {
                    // Whether or not it comes to a cycle, the next one is not due at once.
                    word.cycle_ended = Instant::now();
                    self.is_busy.store(true, Relaxed);
                    return Some(Task::Cycle(Reason::Period));
                }
                Some(due) => {
                    self.bell.wait_until(&mut word, due);
                }
                None => self.bell.wait(&mut word),
            }
        }
    }

    /// Waits for a call for so long. Says whether there was none.
    pub(crate) fn is_quiet_for(&self, time: Duration) -> bool {
        let mut word = self.word.lock();
        let end = Instant::now() + time;
        while word.called.is_none() && !self.quit.load(Relaxed) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || self.bell.wait_for(&mut word, left).timed_out() {
                break;
            }
        }
        word.called.is_none() && !self.quit.load(Relaxed)
    }

    /// Whether there is something else to do than what can wait: a cycle was called for, or the heap ends.
    pub(crate) fn is_wanted(&self) -> bool {
        self.is_busy() || self.has_quit()
    }

    /// Whether the heap ends.
    #[inline]
    pub(crate) fn has_quit(&self) -> bool {
        self.quit.load(Relaxed)
    }

    /// The heap ends: the thread goes home, and is waited for. It may be the caller.
    pub(crate) fn quit(&self) {
        {
            let _word = self.word.lock();
            self.quit.store(true, Relaxed);
        }
        self.bell.notify_all();
        let thread = core::mem::replace(&mut *self.thread.lock(), Thread::Ended);
        if let Thread::Started(thread) = thread
            && thread.thread().id() != thread::current().id()
        {
            // It ends as soon as it has seen the word; a panic of it has been reported already.
            thread.join().ok();
        }
    }
}
