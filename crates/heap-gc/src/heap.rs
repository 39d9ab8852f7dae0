//! `Heap`: a garbage-collected heap as a value.

use crate::config::{BuildError, HeapBuilder, LEAST_RESERVATION};
use crate::figures::Figures;
use crate::mutator::{AttachError, Mutator, collect, figures, release_free_memory, verify};
use crate::shared::Shared;
use core::fmt;
use heap_core::memory::{Memory, MemoryOptions};
use heap_core::sync::Arc;
use heap_core::units::Bytes;

/// A garbage-collected heap.
///
/// Heaps are values: there may be many in a process, and nothing is shared between them. A `Heap` is a handle; clones
/// are handles on the same heap. The memory goes back to the system when the last handle, [`Mutator`] and
/// [`Root`](crate::Root) is gone; the drops of objects that have one run then, on that thread, and panics of theirs end with
/// them. A handle or root that an object of the heap itself holds counts, too: it keeps the heap until that object dies.
///
/// ```
/// # extern crate heap_gc as tricolor;
/// use tricolor::Heap;
///
/// let heap = Heap::new()?;
/// let mut mutator = heap.attach()?;
/// let root = mutator.enter(|mu| mu.root(mu.alloc(7_u64)));
/// mutator.collect();
/// assert_eq!(mutator.enter(|mu| *root.get(mu)), 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Heap {
    pub(crate) shared: Arc<Shared>,
}

impl Heap {
    /// A heap with the default settings.
    ///
    /// # Errors
    /// If the system refuses address space.
    pub fn new() -> Result<Self, BuildError> {
        Self::builder().build()
    }

    /// Settings for a heap.
    #[must_use]
    pub fn builder() -> HeapBuilder {
        HeapBuilder::default()
    }

    /// A mutator for this thread.
    ///
    /// # Errors
    /// If the thread has one of this heap already.
    pub fn attach(&self) -> Result<Mutator, AttachError> {
        Mutator::attach(&self.shared)
    }

    /// Runs a full collection, as [`Mutator::collect`] does, from a thread with or without a mutator.
    ///
    /// # Panics
    /// If the thread is inside `enter` of this heap; and with the panics of drops.
    pub fn collect(&self) {
        collect(&self.shared);
    }

    /// Collects, and gives every free page back to the operating system: see [`Mutator::release_free_memory`].
    ///
    /// # Panics
    /// As [`Heap::collect`].
    #[must_use = "the bytes given back"]
    pub fn release_free_memory(&self) -> usize {
        release_free_memory(&self.shared)
    }

    /// A snapshot of the figures. Stops nobody; waits while somebody else has the world stopped.
    #[must_use]
    pub fn figures(&self) -> Figures {
        figures(&self.shared)
    }

    /// Checks the whole heap: stops the world, sweeps, walks every span and object, and reports every invariant that
    /// does not hold. An empty answer is a sound heap. Takes time in proportion to the heap.
    ///
    /// # Panics
    /// If the thread is inside `enter` of this heap.
    #[must_use]
    pub fn verify(&self) -> Vec<heap_core::verify::Violation> {
        verify(&self.shared)
    }
}

const _: fn() = || {
    fn shared_by_threads<T: Send + Sync>() {}
    shared_by_threads::<Heap>();
};

impl fmt::Debug for Heap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heap").field("id", &self.shared.id).finish_non_exhaustive()
    }
}

impl HeapBuilder {
    /// Builds the heap.
    ///
    /// # Errors
    /// If a setting is out of range, or the system refuses address space.
    pub fn build(&self) -> Result<Heap, BuildError> {
        self.check()?;
        let os = self.os.clone().unwrap_or_else(heap_core::os::host);
        let options = MemoryOptions {
            reservation: Bytes::new(self.reservation),
            least_reservation: Bytes::new(LEAST_RESERVATION),
            hard_limit: Bytes::new(self.hard_limit),
            poison: self.poison,
        };
        // SAFETY: this crate is the collector: 1, 2: the memory and all it gives out stay inside `Shared`, caches with their
        // members. 3: `cycle::run`, with the world stopped. 4: objects are written whole inside one `enter`, and have the
        // heap's brand. 5: `dead::run_drops`.
        let memory = unsafe { Memory::new(&os, &options) }.map_err(BuildError::Os)?;
        Ok(Heap { shared: Arc::new(Shared::new(self, memory)) })
    }
}
