//! The gate between the last handle on a heap and its weak ones: whether the last has gone. Who goes through it, and why, is told
//! where handles are (`handle.rs`).

use heap_core::sync::{Arc, Mutex, MutexGuard};

/// Whether the last handle has gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Gate {
    /// Not yet.
    Open,
    /// For good.
    Closed,
}

/// A gate that a heap and its weak handles share; it outlives the heap. Closed once, by who has let go of the last handle; read
/// by him and by who makes a handle of a weak one, all under its lock. Errs open, while the last one is on his way to it: then
/// there is a handle again when he comes.
#[derive(Clone, Debug)]
pub(crate) struct SharedGate(Arc<Mutex<Gate>>);

impl SharedGate {
    /// An open one.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Gate::Open)))
    }

    /// Waits to be the only one at it.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Gate> {
        self.0.lock()
    }
}
