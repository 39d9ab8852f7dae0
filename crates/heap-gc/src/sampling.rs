//! What a program asks of the sampling of its heap: how often, and what of it is alive.

use crate::heap::Heap;
use crate::sampler::Sample;
use heap_core::units::Bytes;

impl Heap {
    /// Samples one byte in `mean` of those that are allocated from now on, and with it its object: 0 for none, 1 for every
    /// object. Each mutator hears of it when it takes its next run of a layout's slots, which is after a few KiB of that layout
    /// at most.
    ///
    /// Has no effect without a [`sampler`](crate::HeapBuilder::sampler).
    pub fn set_sample_mean(&self, mean: usize) {
        if self.shared.samples.is_heard() {
            self.shared.memory.sampling().set_mean(Bytes::new(mean));
        }
    }

    /// The mean number of bytes from one sampled byte to the next; 0 if nothing is sampled, also because the
    /// [`Sampler`](crate::Sampler) has panicked.
    #[must_use]
    pub fn sample_mean(&self) -> usize {
        self.shared.memory.sampling().mean().get()
    }

    /// Calls `tell` with every sampled object that the last completed cycle left alive: the number that the
    /// [`Sampler`](crate::Sampler) gave it, and what was sampled.
    ///
    /// Stops nobody; a cycle that ends meanwhile waits until the last is told. `tell` must not use this heap.
    pub fn sampled(&self, tell: impl FnMut(u32, &Sample)) {
        self.shared.samples.each_alive(tell);
    }
}
