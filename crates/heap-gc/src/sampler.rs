//! Samplers: who is told of some allocations, to know where the bytes come from; and which of what was told is still alive.
//!
//! Which allocations these are is decided by [`heap_core::sample`], and met by [`heap_core::cache`] in the slow path. Here is
//! what becomes of one:
//!
//! ```text
//!   sampled ─▶ Sampler::sampled, on the allocating thread: here a stack can be taken. It answers with a number
//!           ─▶ born     ─ the end of marking ─▶   marked: alive    not marked: forgotten
//!              alive    ─ the end of marking ─▶   marked: alive    not marked: forgotten
//! ```
//!
//! So the objects that are *alive* here are those of the last completed cycle, as in a [census](heap_core::census). The look at
//! the end of marking is exact: nothing was swept yet, so an address is still that of the object it was noted for. An object that
//! is not on a list yet, because its allocation is in progress, was handed out black: it is alive, and on the list by the next
//! cycle.
//!
//! Locks: mutators add to `born` only, so they wait for nobody but each other and for the moment in which the collector takes it
//! whole. `alive` is the collector's, and of who asks for it, for whom the collector may have to wait.

use core::panic::AssertUnwindSafe;
use heap_core::fault::{self, Fault};
use heap_core::memory::Memory;
use heap_core::sample::weight;
use heap_core::sync::{Arc, Mutex};
use heap_core::units::Bytes;
use std::panic::catch_unwind;

/// An allocation that is sampled.
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub struct Sample {
    /// What was allocated: the name of the type, `[T]` for a slice, or of the kind of the raw layer. Whether layouts are shared
    /// or not.
    pub label: &'static str,
    /// Bytes of its slot; of a large object, of its pages; of tiny objects, of the block that was begun.
    pub bytes: Bytes,
    /// The mean that it was drawn with.
    pub mean: Bytes,
}

impl Sample {
    /// How many such objects it stands for: 1 / (1 - exp(-bytes / mean)).
    #[must_use]
    pub fn weight(&self) -> f64 {
        weight(self.mean, self.bytes)
    }
}

/// Somebody who is told of sampled allocations. See [`HeapBuilder::sampler`](crate::HeapBuilder::sampler).
pub trait Sampler: Send + Sync {
    /// An object is being allocated, by this thread, which is inside `enter`. The answer is the number by which
    /// [`Heap::sampled`](crate::Heap::sampled) will know it.
    ///
    /// It must not panic (if it does, sampling ends, and the allocation goes on), and it must not wait for a thread that uses
    /// the heap. It cannot use the heap itself, which is in the middle of something.
    fn sampled(&self, sample: &Sample) -> u32;
}

impl<S: Sampler + ?Sized> Sampler for Arc<S> {
    fn sampled(&self, sample: &Sample) -> u32 {
        (**self).sampled(sample)
    }
}

/// What an allocation is called, if anybody asks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Label {
    /// A type, by the compiler's name.
    Type(fn() -> &'static str),
    /// A kind of the raw layer.
    Kind(&'static str),
}

impl Label {
    fn name(self) -> &'static str {
        match self {
            Self::Type(name) => name(),
            Self::Kind(name) => name,
        }
    }
}

/// A sampled object, and where it is.
#[derive(Clone, Copy, Debug)]
struct Object {
    address: usize,
    number: u32,
    sample: Sample,
}

/// The sampled objects of a heap. See the module's text.
#[derive(Default)]
pub(crate) struct Samples {
    sampler: Option<Arc<dyn Sampler>>,
    born: Mutex<Vec<Object>>,
    alive: Mutex<Vec<Object>>,
}

impl Samples {
    /// Nothing was sampled yet. The sampler is told.
    pub(crate) fn new(sampler: Option<Arc<dyn Sampler>>) -> Self {
        Self { sampler, ..Self::default() }
    }

    /// Whether somebody is told.
    pub(crate) fn is_heard(&self) -> bool {
        self.sampler.is_some()
    }

    /// An object is being allocated at `address`, and is sampled.
    pub(crate) fn note(&self, memory: &Memory, address: usize, label: Label, bytes: Bytes, mean: Bytes) {
        let Some(sampler) = &self.sampler else { return };
        let sample = Sample { label: label.name(), bytes, mean };
        // The slot is taken and holds nothing yet: nobody may leave now.
        match catch_unwind(AssertUnwindSafe(|| sampler.sampled(&sample))) {
            Ok(number) => self.born.lock().push(Object { address, number, sample }),
            Err(payload) => {
                // Dropping what somebody panicked with may panic, too.
                core::mem::forget(payload);
                memory.sampling().set_mean(Bytes::ZERO);
            }
        }
    }

    /// Marking has ended, and nothing is swept yet: keeps those that are alive.
    pub(crate) fn look(&self, memory: &Memory) {
        if !self.is_heard() {
            return;
        }
        let mut alive = self.alive.lock();
        let born = core::mem::take(&mut *self.born.lock());
        alive.extend(born);
        let (map, epoch) = (memory.map(), memory.epoch());
        alive.retain(|object| {
            fault::on(Fault::SampledKept)
                || map
                    .resolve(object.address)
                    .is_some_and(|found| map.is_marked(map.span(found.span), found.slot, epoch))
        });
    }

    /// Tells those that the last completed cycle left alive.
    pub(crate) fn each_alive(&self, mut tell: impl FnMut(u32, &Sample)) {
        for object in &*self.alive.lock() {
            tell(object.number, &object.sample);
        }
    }
}
