//! `Heap`: a garbage-collected heap as a value.

use crate::ask::{call_if_due, collect, figures, idle, release_free_memory, step, verify};
use crate::config::{BuildError, HeapBuilder, LEAST_RESERVATION};
use crate::external::External;
use crate::figures::Figures;
use crate::handle::Handle;
use crate::mutator::{AttachError, Mutator};
use crate::shared::Shared;
use core::fmt;
use core::time::Duration;
use heap_core::memory::{Memory, MemoryOptions};
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
    pub(crate) shared: Handle,
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
    /// If the thread is inside `enter` of this heap; and with the panics of drops and cleanups.
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

    /// Does some of the collector's work on this thread, for at most about `budget`: marks, if a cycle marks; sweeps; runs drops
    /// and cleanups that are due; begins a cycle, if one is due. For hosts that work in frames and know how much time is left in
    /// one. Says whether there is more to do.
    ///
    /// A budget may be [`Duration::MAX`]: all that there is to do.
    ///
    /// A piece of work is not interrupted: it may take some 50 µs longer, or as long as a drop takes. With
    /// [`Collector::StopTheWorld`](crate::Collector::StopTheWorld) a cycle that is due is run whole.
    ///
    /// # Panics
    /// If the thread is inside `enter` of this heap; and with the panics of drops and cleanups.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// # use core::time::Duration;
    /// let heap = tricolor::Heap::new()?;
    /// // ... a frame was shown, and the next is due in 3 ms:
    /// let _more = heap.step(Duration::from_millis(2));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn step(&self, budget: Duration) -> bool {
        step(&self.shared, budget)
    }

    /// As [`Heap::step`], for a moment when the host has nothing else to do: also begins a cycle when half of what may be
    /// allocated before the next one has been, and when all is swept gives pages that the heap will not need back to the system
    /// (not with [`Scavenge::OnRequest`](crate::Scavenge::OnRequest)).
    ///
    /// # Panics
    /// As [`Heap::step`].
    pub fn idle(&self, budget: Duration) -> bool {
        idle(&self.shared, budget)
    }

    /// Says that something in the heap keeps so many bytes outside it, until the answer is dropped: a buffer, a texture. They
    /// count like bytes in the heap when it comes to when to collect, but for the
    /// [`hard_limit`](crate::HeapBuilder::hard_limit), and a collection frees the object that holds the answer.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// use tricolor::{External, Heap, Leaf};
    /// struct Texture {
    ///     pixels: Vec<u8>,
    ///     _counted: External,
    /// }
    /// let heap = Heap::new()?;
    /// heap.attach()?.enter(|mu| {
    ///     let pixels = vec![0; 1 << 20];
    ///     let texture = Texture { _counted: heap.external(pixels.len()), pixels };
    ///     mu.alloc(Leaf::new(texture));
    /// });
    /// assert_eq!(heap.figures().external.get(), 1 << 20);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use = "the bytes count until it is dropped"]
    pub fn external(&self, bytes: usize) -> External {
        let external = External::new(self.shared.pace.external(), bytes);
        call_if_due(&self.shared);
        external
    }

    /// A snapshot of the figures. Stops nobody.
    #[must_use]
    pub fn figures(&self) -> Figures {
        figures(&self.shared)
    }

    /// How long mutators were kept by the collector since the last call, or since the heap was built; and begins anew. For
    /// measurements that leave a phase out. All zero unless
    /// [`measure_pauses`](crate::HeapBuilder::measure_pauses) is on.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// # let heap = tricolor::Heap::builder().measure_pauses(true).build()?;
    /// let _of_building_up = heap.take_pauses();
    /// // ... what is to be measured ...
    /// let felt = heap.take_pauses();
    /// println!("p99.9 {:?}, worst {:?}, of it processor {:?}", felt.p999, felt.max, felt.max_cpu);
    /// # Ok::<(), tricolor::BuildError>(())
    /// ```
    #[must_use = "they are not told again"]
    pub fn take_pauses(&self) -> crate::pauses::PauseFigures {
        self.shared.world.pauses().take()
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
            decoder: self.decoder,
            shards: crate::shared::processors(),
        };
        // SAFETY: this crate is the collector: 1, 2: the memory and all it gives out stay inside `Shared`, caches with their
        // members. 3: `cycle::on_the_fly`, whose rounds lie between, and `cycle::stopped`. 4: objects are written whole inside
        // one `enter`, and have the heap's brand; those of the raw layer by R3 to R6. 5: `dead::run_due`.
        let memory = unsafe { Memory::new(&os, &options) }.map_err(BuildError::Os)?;
        Ok(Heap { shared: Handle::new(Shared::new(self, memory)) })
    }
}
