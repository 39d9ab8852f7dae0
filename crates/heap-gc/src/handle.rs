//! What the program's handles hold: the heap, and the duty to end its collector.
//!
//! The collector's thread holds the heap, too, while it runs a cycle. So that the heap's memory goes, and drops run, on the
//! thread that lets go of the last handle, and not later on the collector's, the last handle first sends the collector
//! home and waits for it.
//!
//! A *weak* handle does not keep the heap, and can be made into one that does as long as another is there. The two meet at the
//! [`Gate`]: who lets go of the last handle closes it, if there is still none when he is through it; who makes a handle of a weak
//! one is inside, and finds it closed or adds a handle to at least an `Arc` that has not been let go. So the collector is sent
//! home once, and before the heap goes.

use crate::gate::{Gate, SharedGate};
use crate::shared::Shared;
use core::ops::Deref;
use heap_core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use heap_core::sync::{Arc, Weak};

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

    /// A handle that does not keep the heap.
    pub(crate) fn downgrade(&self) -> WeakHandle {
        WeakHandle { heap: Arc::downgrade(&self.0), gate: self.0.gate.clone() }
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
            let mut gate = self.0.gate.lock();
            // A weak handle may have been made into one since, or that one may have gone and closed the gate.
            if self.0.handles.load(Acquire) > 0 || *gate == Gate::Closed {
                return;
            }
            *gate = Gate::Closed;
            drop(gate);
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

/// A handle that does not keep the heap. See the module's text.
#[derive(Clone)]
pub(crate) struct WeakHandle {
    heap: Weak<Shared>,
    gate: SharedGate,
}

impl WeakHandle {
    /// A handle that does, if there is one still.
    pub(crate) fn upgrade(&self) -> Option<Handle> {
        let gate = self.gate.lock();
        if *gate == Gate::Closed {
            return None;
        }
        // Whoever lets go of the last handle comes through the gate before its `Arc` goes, so there is one.
        let heap = self.heap.upgrade()?;
        heap.handles.fetch_add(1, Relaxed);
        drop(gate);
        Some(Handle(heap))
    }
}
