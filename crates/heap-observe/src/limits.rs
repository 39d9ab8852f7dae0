//! Limits: how much of a client the server bears.

use core::time::Duration;
use std::time::Instant;

/// What is later than that is never.
const NEVER: Duration = Duration::from_secs(1 << 32);

/// How much of its clients an [`Observer`](crate::Observer) bears. The defaults are far more than a browser or Prometheus needs.
///
/// ```
/// use core::time::Duration;
/// use heap_observe::Limits;
/// let mut limits = Limits::default();
/// limits.connections = 4;
/// limits.request_time = Duration::from_millis(500);
/// assert!(limits.head > limits.request_line);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of the first line of a request. More is answered with 414. Default 2 KiB.
    pub request_line: usize,
    /// Bytes of a request up to the empty line that ends it. More is answered with 431. Default 8 KiB.
    pub head: usize,
    /// Connections at once. When one more comes, the one that has kept the server waiting for a request for longest is closed.
    /// Default 32.
    pub connections: usize,
    /// From the first byte of a request to its last. What takes longer is answered with 408, and closed. Default 2 s.
    pub request_time: Duration,
    /// Between two requests of a connection. After it, the connection is closed. Default 75 s: Prometheus asks every 15 or 60.
    pub idle_time: Duration,
    /// From when an answer is ready until the client has taken all of it. After it, the connection is closed. Default 10 s.
    pub reply_time: Duration,
    /// For a census, which has to wait while a cycle ends; after it, the answer is 503. Default 2 s.
    pub census_time: Duration,
    /// Documents that are waited for at once, of those that are made beside the server's loop. More are answered with 503.
    /// Default 8.
    pub waiting: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_line: 2 << 10,
            head: 8 << 10,
            connections: 32,
            request_time: Duration::from_secs(2),
            idle_time: Duration::from_secs(75),
            reply_time: Duration::from_secs(10),
            census_time: Duration::from_secs(2),
            waiting: 8,
        }
    }
}

/// The end of a time that begins then; of one without end, a moment far off.
pub(crate) fn end_of(begun: Instant, time: Duration) -> Instant {
    begun + time.min(NEVER)
}
