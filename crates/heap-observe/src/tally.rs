//! What the server counts of itself. Written by its loop, read by it and by tests: relaxed counters.
#![forbid(unsafe_code)]

use crate::reply::Status;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Counts of one server.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    replies: [AtomicU64; Status::ALL.len()],
    accepted: AtomicU64,
    cut: AtomicU64,
    open: AtomicUsize,
}

impl Tally {
    /// A reply is on its way.
    pub(crate) fn reply(&self, status: Status) {
        self.replies[status as usize].fetch_add(1, Relaxed);
    }

    /// A connection was accepted.
    pub(crate) fn accept(&self) {
        self.accepted.fetch_add(1, Relaxed);
    }

    /// A connection was closed for being slow, or for room.
    pub(crate) fn cut_one(&self) {
        self.cut.fetch_add(1, Relaxed);
    }

    /// So many are open.
    pub(crate) fn set_open(&self, connections: usize) {
        self.open.store(connections, Relaxed);
    }

    /// Replies by the number of their status.
    pub(crate) fn replies(&self) -> impl Iterator<Item = (u16, u64)> {
        Status::ALL.into_iter().map(|status| (status.line().0, self.replies[status as usize].load(Relaxed)))
    }

    /// Connections that were accepted.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(Relaxed)
    }

    /// Connections that were closed for being slow, or for room.
    pub(crate) fn cut(&self) -> u64 {
        self.cut.load(Relaxed)
    }

    /// Connections that are open.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Relaxed)
    }
}
