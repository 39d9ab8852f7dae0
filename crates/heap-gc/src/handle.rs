//! What the program's handles hold: the heap, and the duty to end its collector.
//!
//! The collector's thread holds the heap, too, while it runs a cycle. So that the heap's memory goes, and drops run, on the
//! thread that lets go of the last handle, and not later on the collector's, the last handle first sends the collector
//! home and waits for it.

use crate::shared::Shared;
use core::ops::Deref;
use heap_core::sync::Arc;
use heap_core::sync::atomic::Ordering::{AcqRel, Relaxed};

/// A counted handle on a heap. See the module's text.
pub(crate) struct Handle(Arc<Shared>);

impl Handle {
    /// The first handle on a heap.
    pub(crate) fn new(shared: Shared) -> Self {
        shared.handles.fetch_add(1, Relaxed);
        Self(Arc::new(shared))
    }

    /// The heap itself, for its collector.
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0
    }
}

impl Clone for Handle {
    fn clone(&self) -> Self {
        // From a handle, so the count is not 0.
        self.0.handles.fetch_add(1, Relaxed);
        Self(Arc::clone(&self.0))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if self.0.handles.fetch_sub(1, AcqRel) == 1 {
            self.0.desk.quit();
        }
    }
}

impl Deref for Handle {
    type Target = Shared;

    #[inline]
    fn deref(&self) -> &Shared {
        &self.0
    }
}
