//! A recorder: a log with a clock of its own, that starts and stops.

use crate::recording::Recording;
use heap_gc::{EventLog, HeapBuilder};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

/// Keeps what happens in heaps, while it is started. Clones are the same recorder; it may be used from any thread, and dropped at any
/// time.
#[derive(Clone, Debug)]
pub struct Recorder {
    log: Arc<EventLog>,
    zero: Instant,
    /// Of what the log has dropped, what a recording has told of.
    told: Arc<AtomicU64>,
}

impl Recorder {
    /// A stopped recorder that keeps up to `most` records of some 150 bytes each, and drops further ones until they are
    /// [taken](Self::take).
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { log: Arc::new(EventLog::new(most)), zero: Instant::now(), told: Arc::default() }
    }

    /// A builder whose heaps are recorded, under a name. It takes the place of another log.
    #[must_use]
    pub fn record(&self, builder: HeapBuilder, name: impl Into<String>) -> HeapBuilder {
        builder.event_log(&self.log, name)
    }

    /// Begins to keep what happens.
    pub fn start(&self) {
        self.log.start();
    }

    /// Whether it is started.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.log.is_on()
    }

    /// Stops, and takes what was kept. What is under way, such as a cycle that has begun, is lost to this recording: it is put when
    /// it ends.
    #[must_use = "what was recorded"]
    pub fn stop(&self) -> Recording {
        self.log.stop();
        self.take()
    }

    /// Takes what was kept so far, and goes on. What has not ended yet comes in a later recording, also if it began before.
    #[must_use = "what was recorded"]
    pub fn take(&self) -> Recording {
        let records = self.log.take();
        let dropped = self.log.dropped();
        Recording {
            records,
            heaps: self.log.heaps().into_iter().collect(),
            dropped: dropped.saturating_sub(self.told.fetch_max(dropped, Relaxed)),
            zero: self.zero,
        }
    }
}
