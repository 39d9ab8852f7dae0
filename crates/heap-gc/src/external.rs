//! `External`: bytes outside the heap that something in it keeps.
//!
//! What of them belongs to garbage is known only when it is dropped. So the count keeps its *low* beside it: the least it
//! has been since the last cycle ended, which is about what lives.

use heap_core::fault::{self, Fault};
use heap_core::sync::Arc;
use heap_core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// External bytes of one heap. Written by whoever holds some, and by the collector; relaxed, since it paces and decides
/// nothing else.
#[derive(Debug, Default)]
pub(crate) struct ExternalCount {
    now: AtomicUsize,
    /// The least `now` has been since [`ExternalCount::take_low`]. May miss a moment: it errs high.
    low: AtomicUsize,
}

impl ExternalCount {
    /// Bytes now.
    #[inline]
    pub(crate) fn now(&self) -> usize {
        self.now.load(Relaxed)
    }

    /// Bytes that have come since the count was lowest.
    #[inline]
    pub(crate) fn above_low(&self) -> usize {
        self.now().saturating_sub(self.low.load(Relaxed))
    }

    /// A cycle has ended: the least the count has been, which starts anew.
    pub(crate) fn take_low(&self) -> usize {
        self.low.swap(self.now(), Relaxed).min(self.now())
    }
}

/// So many bytes outside the heap, counted until this is dropped. See [`Heap::external`](crate::Heap::external).
///
/// It does not keep the heap, so it can lie in an object of the heap it counts for.
#[derive(Debug)]
pub struct External {
    count: Arc<ExternalCount>,
    bytes: usize,
}

impl External {
    pub(crate) fn new(count: &Arc<ExternalCount>, bytes: usize) -> Self {
        // Saturates: who holds more than there is address space holds as much as counts.
        let bytes = bytes.min((usize::MAX / 2).saturating_sub(count.now()));
        count.now.fetch_add(if fault::on(Fault::ExternalTwice) { 2 * bytes } else { bytes }, Relaxed);
        Self { count: Arc::clone(count), bytes }
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Changes how many they are: the buffer has grown, or shrunk.
    pub fn set(&mut self, bytes: usize) {
        let count = Arc::clone(&self.count);
        *self = Self::new(&count, bytes);
    }
}

impl Drop for External {
    fn drop(&mut self) {
        let before = self.count.now.fetch_sub(self.bytes, Relaxed);
        self.count.low.fetch_min(before - self.bytes, Relaxed);
    }
}
