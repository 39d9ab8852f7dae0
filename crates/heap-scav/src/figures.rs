//! Figures: what a heap gave back to the system since it was built.
#![forbid(unsafe_code)]

use crate::release::Released;
use core::time::Duration;
use heap_core::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use heap_core::units::Bytes;
use heap_core::waits::{WaitFigures, Waits};

/// What a heap gave back to the system since it was built.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct ScavengeFigures {
    /// Bytes released in the background.
    pub background: Bytes,
    /// Bytes released because the program asked.
    pub on_request: Bytes,
    /// Bytes released by allocations that had passed the memory limit.
    pub assisted: Bytes,
    /// Bytes released in moments that the host gave.
    pub idle: Bytes,
    /// Calls to the system, of all kinds.
    pub calls: u64,
    /// Of them, those that it refused. The pages stayed with the heap.
    pub refused: u64,
    /// Whether the heap has a scavenging thread: from the first cycle on that ended with a surplus, unless the system refused
    /// the thread.
    pub has_thread: bool,
    /// Processor time of the scavenging thread while it worked. Errs low by the turn it is in, and by parking.
    pub background_cpu: Duration,
    /// How long allocations were kept by releasing pages for the memory limit.
    pub assists: WaitFigures,
    /// How long allocations that found no room waited for pages that were just being released.
    pub waits: WaitFigures,
}

/// Who released.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// The thread.
    Background,
    /// The program asked.
    Request,
    /// An allocation that had passed the memory limit.
    Assist,
    /// The host, in a moment it had.
    Idle,
}

impl By {
    /// The word for it, which stands in lines and traces: `background`, `asked`, `assist` or `idle`.
    ///
    /// ```
    /// assert_eq!(heap_scav::figures::By::Request.word(), "asked");
    /// ```
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Background => "background",
            Self::Request => "asked",
            Self::Assist => "assist",
            Self::Idle => "idle",
        }
    }
}

/// The counts behind [`ScavengeFigures`]: each written by who does the thing, read by anybody, relaxed.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    bytes: [AtomicUsize; 4],
    calls: AtomicU64,
    refused: AtomicU64,
    pub(crate) background_cpu_nanos: AtomicU64,
    pub(crate) assists: Waits,
}

impl Counts {
    pub(crate) fn add(&self, by: By, released: &Released) {
        self.bytes[by as usize].fetch_add(released.bytes.get(), Relaxed);
        self.calls.fetch_add(released.calls, Relaxed);
        self.refused.fetch_add(released.refused, Relaxed);
    }

    pub(crate) fn bytes(&self, by: By) -> Bytes {
        Bytes::new(self.bytes[by as usize].load(Relaxed))
    }

    pub(crate) fn figures(&self, has_thread: bool, waits: WaitFigures) -> ScavengeFigures {
        ScavengeFigures {
            background: self.bytes(By::Background),
            on_request: self.bytes(By::Request),
            assisted: self.bytes(By::Assist),
            idle: self.bytes(By::Idle),
            calls: self.calls.load(Relaxed),
            refused: self.refused.load(Relaxed),
            has_thread,
            background_cpu: Duration::from_nanos(self.background_cpu_nanos.load(Relaxed)),
            assists: self.assists.figures(),
            waits,
        }
    }
}
