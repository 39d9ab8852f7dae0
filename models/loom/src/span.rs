//! As much of a span as the claim needs: a generation. The claim itself is the real file.

use crate::sync::atomic::{AtomicU64, Ordering::Release};

#[path = "../../../crates/heap-core/src/span/claim.rs"]
pub mod claim;
#[path = "../../../crates/heap-core/src/span/reached.rs"]
pub mod reached;

/// The number of a span.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SpanId(pub u32);

/// A span without memory.
#[derive(Debug)]
pub struct Span {
    generation: AtomicU64,
}

impl Span {
    /// The record of a span that is not in use.
    pub(crate) fn free() -> Self {
        Self { generation: AtomicU64::new(0) }
    }

    /// Becomes a span in use, swept in `generation`, as the real one does: by a releasing store.
    pub(crate) fn make(&self, generation: u64) {
        self.generation.store(generation, Release);
    }

    /// The sweep generation.
    pub(crate) fn generation(&self) -> &AtomicU64 {
        &self.generation
    }
}
