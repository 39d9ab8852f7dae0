//! Cleanups: what a program wants done once an object of the heap is dead.
//!
//! ```text
//!   waiting   object → what to do        added and stopped by mutators and handles, gone through by the collector
//!   due       what to do                 queued by the collector, run by whoever comes by, at a safepoint
//! ```
//!
//! A cleanup keeps nothing: the list of those that wait is no root, and what is to be done is `'static` and has no reference.
//! So nothing is brought back to life for it, and the object's slot may be free, or another's, when it runs.
//!
//! What is unmarked after the cycle has decided ([`crate::weak`]) is dead for good. From there until round *off* is asked the
//! marks stand still and nobody allocates white, and that is when [`Cleanups::queue_dead`] goes through the list. What a mutator
//! adds meanwhile is in its hands, hence marked or protected until marking ended, or born black. Weak places are cleared by
//! then, so a cleanup finds the weak references to its object gone.
//!
//! A cleanup runs once because it is an [`FnOnce`] that is moved, under a lock, from one list to the other and out.
//! `docs/design/cleanups.md` has the argument.

use crate::figures::CleanupFigures;
use crate::shade::is_marked;
use crate::watch::{Ticket, Watch};
use core::fmt;
use core::ops::Deref;
use heap_core::fault::{self, Fault};
use heap_core::memory::Memory;
use heap_core::stress::WATCHED_AT_ONCE;
use heap_core::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use heap_core::sync::{Arc, Mutex, point};
use heap_core::units::Bytes;
use heap_core::verify::Violation;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What is to be done.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// The cleanups of a heap. See the module's text.
#[derive(Default)]
pub(crate) struct Cleanups {
    waiting: Mutex<Watch<Job>>,
    due: Mutex<Vec<Job>>,
    /// The length of `due`. Written under its lock; read without, as a hint, by mutators at each safepoint.
    due_count: AtomicUsize,
    queued: AtomicU64,
    run: AtomicU64,
    stopped: AtomicU64,
}

impl Cleanups {
    /// Takes a cleanup back, if its object has not been found dead.
    #[must_use = "it may run code of the program's when it is dropped"]
    fn stop(&self, ticket: Ticket) -> Option<Job> {
        let (object, job) = self.waiting.lock().take(ticket)?;
        if fault::on(Fault::CleanupUnstopped) {
            self.waiting.lock().add(object, job);
            return Some(Box::new(|| ()));
        }
        self.stopped.fetch_add(1, Relaxed);
        Some(job)
    }

    /// Makes the cleanups of what is dead due: what is unmarked is, and no mutator allocates white or is about to load it.
    pub(crate) fn queue_dead(&self, memory: &Memory) {
        let mut from = Some(0);
        while let Some(at) = from {
            let mut waiting = self.waiting.lock();
            let mut dead = Vec::new();
            from = waiting.piece(at, WATCHED_AT_ONCE, |ticket, object| {
                // SAFETY: W1: nothing was swept since marking began.
                if !unsafe { is_marked(memory, object) } || fault::on(Fault::CleanupEarly) {
                    dead.push(ticket);
                }
            });
            let jobs = dead.into_iter().filter_map(|ticket| waiting.take(ticket)).map(|(_, job)| job);
            let mut due = self.due.lock();
            let before = due.len();
            due.extend(jobs);
            self.queued.fetch_add((due.len() - before) as u64, Relaxed);
            if !fault::on(Fault::CleanupUntold) {
                self.due_count.store(due.len(), Relaxed);
            }
            drop((due, waiting));
            point("cleanups: between two pieces");
        }
    }

    /// Whether any is due.
    #[inline]
    pub(crate) fn is_due(&self) -> bool {
        self.due_count.load(Relaxed) != 0
    }

    /// Takes those that are due. Whoever takes them must run them all, and say so before each ([`Cleanups::runs`]).
    #[must_use = "they are not to be had again"]
    pub(crate) fn take_due(&self) -> Vec<Job> {
        let mut due = self.due.lock();
        self.due_count.store(0, Relaxed);
        core::mem::take(&mut *due)
    }

    /// One of those that were taken is about to run.
    pub(crate) fn runs(&self) {
        self.run.fetch_add(1, Relaxed);
    }

    /// The heap ends, and with it every object: runs all. Panics are swallowed one by one, since there is nobody left to tell.
    pub(crate) fn end(&self) {
        let mut jobs = self.take_due();
        jobs.append(&mut self.waiting.lock().take_all());
        for job in jobs {
            self.runs();
            if let Err(payload) = catch_unwind(AssertUnwindSafe(job)) {
                core::mem::forget(payload);
            }
        }
    }

    /// The figures.
    pub(crate) fn figures(&self) -> CleanupFigures {
        let (waiting, bytes) = {
            let waiting = self.waiting.lock();
            (waiting.len(), waiting.bytes())
        };
        CleanupFigures {
            waiting,
            queued: self.queued.load(Relaxed),
            run: self.run.load(Relaxed),
            stopped: self.stopped.load(Relaxed),
            table: Bytes::new(bytes),
        }
    }

    /// Bytes that the list of those that wait takes.
    pub(crate) fn bytes(&self) -> Bytes {
        Bytes::new(self.waiting.lock().bytes())
    }

    /// What does not hold of W1. The world is stopped, everything is swept, and no cycle runs.
    pub(crate) fn check(&self, memory: &Memory) -> Vec<Violation> {
        let mut found = Vec::new();
        self.waiting.lock().piece(0, usize::MAX, |_, object| {
            if memory.map().resolve(object).is_none() {
                let what = format!("a cleanup waits for {object:#x}, which is no object");
                found.push(Violation { name: "W1", what });
            }
        });
        found
    }
}

impl fmt::Debug for Cleanups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cleanups").field("due", &self.due_count).finish_non_exhaustive()
    }
}

/// The heap's own handle on its cleanups: when it goes, the heap has ended. [`Cleanup`] has others.
#[derive(Default, Debug)]
pub(crate) struct OwnCleanups(Arc<Cleanups>);

impl OwnCleanups {
    /// `job` is to be done when the object at an address is dead.
    pub(crate) fn add(&self, object: usize, job: Job) -> Cleanup {
        let ticket = self.0.waiting.lock().add(object, job);
        Cleanup { of: Arc::clone(&self.0), ticket }
    }
}

impl Deref for OwnCleanups {
    type Target = Cleanups;

    #[inline]
    fn deref(&self) -> &Cleanups {
        &self.0
    }
}

impl Drop for OwnCleanups {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// A cleanup that was asked for, to stop it. Dropping it stops nothing.
///
/// It keeps neither the object nor the heap.
///
/// ```
/// # extern crate heap_gc as tricolor;
/// use tricolor::Heap;
///
/// let heap = Heap::new()?;
/// let mut mutator = heap.attach()?;
/// let cleanup = mutator.enter(|mu| mu.cleanup(mu.alloc([1_u64; 4]), || unreachable!("it was stopped")));
/// assert!(cleanup.stop());
/// mutator.collect();
/// assert!(!cleanup.stop());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Cleanup {
    of: Arc<Cleanups>,
    ticket: Ticket,
}

impl Cleanup {
    /// Stops it, if its object has not been found dead. Says whether it did: then it is not called, and was dropped. Otherwise it
    /// is due, has been called or stopped before, or the heap has ended.
    ///
    /// From any thread, inside `enter` or outside. Takes a short lock.
    ///
    /// # Panics
    /// With the panics of drops of what it holds; it is stopped then.
    pub fn stop(&self) -> bool {
        let stopped = self.of.stop(self.ticket);
        stopped.is_some()
    }
}

impl fmt::Debug for Cleanup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cleanup").field("ticket", &self.ticket).finish_non_exhaustive()
    }
}
