//! Notices: what a listener is told of scavenging.
#![forbid(unsafe_code)]

use crate::figures::By;
use core::time::Duration;
use heap_core::os::OsError;
use heap_core::sync::Arc;
use heap_core::units::Bytes;

/// A round of releasing: from the moment that the thread found a surplus until there was none or nothing worth releasing, or a
/// newer round took its place; or one call that asked for it; or one moment that the host gave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Scavenged {
    /// Who released: [`By::Background`], [`By::Request`] or [`By::Idle`].
    pub by: By,
    /// Bytes released.
    pub released: Bytes,
    /// Bytes that allocations released for the memory limit, since the last notice.
    pub assisted: Bytes,
    /// Calls to the system in the round.
    pub calls: u64,
    /// Of them, those that it refused.
    pub refused: u64,
    /// From its beginning to its end, by the clock, sleep included.
    pub wall: Duration,
    /// Processor time of it.
    pub cpu: Duration,
    /// Bytes of pages not with the system, at its end.
    pub retained: Bytes,
    /// Of them, in spans.
    pub in_spans: Bytes,
    /// How many were to be retained; `None` for any number.
    pub goal: Option<Bytes>,
}

/// What a listener is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Notice {
    /// A round has ended in which something was released, or refused.
    Scavenged(Scavenged),
    /// The system did not take pages, which stay with the heap. Told once for a round, at its end.
    Refused(OsError),
}

/// A listener. Told on the thread that released, or that ends a cycle, with no lock held that an allocation needs.
pub type Listener = Arc<dyn Fn(&Notice) + Send + Sync>;
