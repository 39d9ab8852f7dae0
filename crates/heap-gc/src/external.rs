//! `External`: bytes outside the heap that something in it keeps.

use heap_core::fault::{self, Fault};
use heap_core::sync::Arc;
use heap_core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// So many bytes outside the heap, counted until this is dropped. See [`Heap::external`](crate::Heap::external).
///
/// It does not keep the heap, so it can lie in an object of the heap it counts for.
#[derive(Debug)]
pub struct External {
    count: Arc<AtomicUsize>,
    bytes: usize,
}

impl External {
    pub(crate) fn new(count: &Arc<AtomicUsize>, bytes: usize) -> Self {
        // Saturates: who holds more than there is address space holds as much as counts.
        let before = count.load(Relaxed);
        let bytes = bytes.min(usize::MAX / 2 - before.min(usize::MAX / 2));
        count.fetch_add(if fault::on(Fault::ExternalTwice) { 2 * bytes } else { bytes }, Relaxed);
        Self { count: Arc::clone(count), bytes }
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Changes how many they are: the buffer has grown, or shrunk.
    pub fn set(&mut self, bytes: usize) {
        *self = Self::new(&Arc::clone(&self.count), bytes);
    }
}

impl Drop for External {
    fn drop(&mut self) {
        self.count.fetch_sub(self.bytes, Relaxed);
    }
}
