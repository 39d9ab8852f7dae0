//! The collector's desk: where mutators leave word that a cycle is due, and where its thread waits.
//!
//! The thread is started by the first word that is left (`collector.rs`). If the system refuses it, cycles are run by
//! mutators, at the edge of an `enter`, as if the heap had no such thread.

use crate::figures::Reason;
use core::time::Duration;
use heap_core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use heap_core::sync::{Condvar, Mutex, thread};
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

/// See the module's text.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    /// A cycle was called for, and has not ended. Written under `called`, read without, as a hint: nobody need call again.
    is_busy: AtomicBool,
    /// The heap ends: a cycle that runs is given up.
    quit: AtomicBool,
    called: Mutex<Option<Reason>>,
    bell: Condvar,
    pub(crate) thread: Mutex<Thread>,
}

impl Desk {
    /// A desk, whose thread may be started or not.
    pub(crate) fn new(may_start: bool) -> Self {
        let thread = if may_start { Thread::Idle } else { Thread::Refused };
        Self { thread: Mutex::new(thread), ..Self::default() }
    }

    /// Whether a cycle was called for and has not ended.
    #[inline]
    pub(crate) fn is_busy(&self) -> bool {
        self.is_busy.load(Relaxed)
    }

    /// Calls for a cycle.
    pub(crate) fn call(&self, reason: Reason) {
        let mut called = self.called.lock();
        called.get_or_insert(reason);
        self.is_busy.store(true, Relaxed);
        drop(called);
        self.bell.notify_one();
    }

    /// A cycle has ended, by whomever: the next call is news.
    pub(crate) fn done(&self) {
        let called = self.called.lock();
        self.is_busy.store(called.is_some(), Relaxed);
    }

    /// Waits for a call. `None` when the heap ends.
    pub(crate) fn wait(&self) -> Option<Reason> {
        let mut called = self.called.lock();
        loop {
            if self.quit.load(Relaxed) {
                return None;
            }
            if let Some(reason) = called.take() {
                return Some(reason);
            }
            self.bell.wait(&mut called);
        }
    }

    /// Waits for a call for so long. Says whether there was none.
    pub(crate) fn is_quiet_for(&self, time: Duration) -> bool {
        let mut called = self.called.lock();
        let end = Instant::now() + time;
        while called.is_none() && !self.quit.load(Relaxed) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || self.bell.wait_for(&mut called, left).timed_out() {
                break;
            }
        }
        called.is_none() && !self.quit.load(Relaxed)
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
            let _called = self.called.lock();
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
