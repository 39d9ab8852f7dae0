//! What is watched: a heap by its name, with what else is known of it.
#![forbid(unsafe_code)]

use crate::recorder::Recorder;
use heap_gc::{Accounting, Figures, Fragmentation, Heap, WeakHeap};
use heap_profile::Profiler;

/// A heap, and what an [`Observer`](crate::Observer) shows of it. It does not keep the heap: when the last handle of the program
/// is gone, the observer says so.
///
/// ```
/// use heap_gc::Heap;
/// use heap_observe::Watched;
/// use heap_profile::Profiler;
///
/// let profiler = Profiler::new();
/// let heap = Heap::builder().sampler(profiler.clone(), 512 << 10).build()?;
/// let watched = Watched::new("main", &heap).profiler(&profiler);
/// assert_eq!(watched.name(), "main");
/// # Ok::<(), heap_gc::BuildError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Watched {
    pub(crate) name: String,
    pub(crate) heap: WeakHeap,
    pub(crate) profiler: Option<Profiler>,
    pub(crate) recorder: Recorder,
}

impl Watched {
    /// A heap under a name.
    #[must_use]
    pub fn new(name: impl Into<String>, heap: &Heap) -> Self {
        Self { name: name.into(), heap: heap.downgrade(), profiler: None, recorder: Recorder::new() }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// With the profiler that is its sampler, for `/debug/pprof/heap` and `/debug/pprof/allocs`.
    #[must_use]
    pub fn profiler(mut self, profiler: &Profiler) -> Self {
        self.profiler = Some(profiler.clone());
        self
    }

    /// With the recorder that listens to it, for a record of its cycles without gaps.
    #[must_use]
    pub fn recorder(mut self, recorder: &Recorder) -> Self {
        self.recorder = recorder.clone();
        self
    }

    /// Looks at the heap, for the curve.
    pub(crate) fn look(&self, resident: Option<usize>) {
        if let Some(heap) = self.heap.upgrade() {
            self.recorder.look(&heap.figures(), resident);
        }
    }
}

impl From<&Heap> for Watched {
    fn from(heap: &Heap) -> Self {
        Self::new("main", heap)
    }
}

/// What is told of a heap without going through it: some microseconds to take.
pub(crate) struct Snapshot {
    pub(crate) figures: Figures,
    pub(crate) accounting: Accounting,
    pub(crate) fragmentation: Fragmentation,
}

impl Snapshot {
    pub(crate) fn of(heap: &Heap) -> Self {
        Self { figures: heap.figures(), accounting: heap.accounting(), fragmentation: heap.fragmentation() }
    }
}
