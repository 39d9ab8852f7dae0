//! The desk: where the server's loop leaves what takes longer, and the thread that does it.
//!
//! ```text
//!   loop ── job: connection, document, heap ──▶ queue (bounded) ──▶ thread ── reply ──▶ done ──▶ loop, woken
//! ```
//! One thread, so that a heap is looked at by one at a time, and one processor at most is busy with it. A panic is the reply 500.
#![forbid(unsafe_code)]

use crate::documents::Document;
use crate::limits::Limits;
use crate::reply::{Reply, Status};
use crate::wake::Bell;
use crate::watched::Watched;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// A document for a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job {
    /// The connection's number.
    pub(crate) connection: u64,
    /// What it waits for.
    pub(crate) document: Document,
    /// Of which heap.
    pub(crate) heap: usize,
}

#[derive(Debug, Default)]
struct Papers {
    queue: VecDeque<Job>,
    done: Vec<(u64, Reply)>,
}

/// What the loop and the thread share.
#[derive(Debug)]
pub(crate) struct Desk {
    watched: Arc<[Watched]>,
    limits: Limits,
    papers: Mutex<Papers>,
    work: Condvar,
    quits: AtomicBool,
    bell: Bell,
}

impl Desk {
    /// A desk for documents of these heaps; `bell` wakes the loop.
    pub(crate) fn new(watched: Arc<[Watched]>, limits: Limits, bell: Bell) -> Self {
        Self {
            watched,
            limits,
            papers: Mutex::default(),
            work: Condvar::new(),
            quits: AtomicBool::new(false),
            bell,
        }
    }

    /// Leaves a job, if there is room for one more. For the loop.
    #[must_use]
    pub(crate) fn leave(&self, job: Job) -> bool {
        let mut papers = self.papers();
        let has_room = papers.queue.len() < self.limits.waiting;
        if has_room {
            papers.queue.push_back(job);
            self.work.notify_one();
        }
        has_room
    }

    /// The replies that are ready. For the loop.
    pub(crate) fn take_done(&self) -> Vec<(u64, Reply)> {
        core::mem::take(&mut self.papers().done)
    }

    /// Ends the thread, and the loop: the document that is being made is the last.
    pub(crate) fn quit(&self) {
        {
            let _papers = self.papers();
            self.quits.store(true, Relaxed);
        }
        self.work.notify_all();
        self.bell.ring();
    }

    /// Whether all shall end.
    pub(crate) fn quits(&self) -> bool {
        self.quits.load(Relaxed)
    }

    /// The thread.
    pub(crate) fn run(&self) {
        while let Some(job) = self.next() {
            let make = || {
                let watched = &self.watched[job.heap];
                job.document.make(watched, &self.watched, &self.limits, &self.quits)
            };
            // Nothing is left half done: a document is made of copies.
            let reply = catch_unwind(AssertUnwindSafe(make)).unwrap_or_else(|_| Reply::error(Status::Failed));
            self.papers().done.push((job.connection, reply));
            self.bell.ring();
        }
    }

    /// The next job; `None` at the end.
    fn next(&self) -> Option<Job> {
        let mut papers = self.papers();
        loop {
            if self.quits() {
                return None;
            }
            if let Some(job) = papers.queue.pop_front() {
                return Some(job);
            }
            papers = self.work.wait(papers).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn papers(&self) -> MutexGuard<'_, Papers> {
        // Pushes and pops only.
        self.papers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
