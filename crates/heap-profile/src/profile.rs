//! A profile: what was counted, at one moment.

use crate::symbol::{Frame, Symbols, name_closures, without_machinery};
use core::ops::AddAssign;
use heap_gc::Sample;
use std::time::SystemTime;

/// What samples are called for whose stacks there was no room.
pub(crate) const OTHER: &str = "(other stacks)";

/// Objects and bytes, as estimated from samples.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub struct Count {
    /// Samples it was estimated from.
    pub samples: u64,
    /// Objects. With a mean of 1 exact, and a whole number.
    pub objects: f64,
    /// Bytes of their slots.
    pub bytes: f64,
}

impl Count {
    pub(crate) fn add(&mut self, sample: &Sample) {
        let weight = sample.weight();
        self.samples += 1;
        self.objects += weight;
        self.bytes += weight * sample.bytes.get() as f64;
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.samples += other.samples;
        self.objects += other.objects;
        self.bytes += other.bytes;
    }
}

/// What was allocated, and what of it is in use.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub struct Use {
    /// Everything that was allocated since the profiler was made.
    pub allocated: Count,
    /// What the last completed cycle left alive.
    pub in_use: Count,
}

impl AddAssign for Use {
    fn add_assign(&mut self, other: Self) {
        self.allocated += other.allocated;
        self.in_use += other.in_use;
    }
}

/// Objects of one type and size that were allocated at one place.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Site {
    /// The return addresses of the stack, innermost first; none, if there was no room for it.
    pub stack: Vec<usize>,
    /// The type, or the kind of the raw layer.
    pub label: &'static str,
    /// Bytes of an object's slot.
    pub bytes: usize,
    /// How many, and how many bytes.
    pub counts: Use,
}

/// What a profiler has counted, at one moment. See the crate's text.
#[derive(Clone, Debug)]
pub struct Profile {
    pub(crate) heap: String,
    pub(crate) mean: usize,
    pub(crate) begun: SystemTime,
    pub(crate) taken: SystemTime,
    pub(crate) dropped: u64,
    pub(crate) broken: u64,
    pub(crate) sites: Vec<Site>,
}

impl Profile {
    /// What was counted, by site. Addresses are not looked up.
    #[must_use]
    pub fn sites(&self) -> &[Site] {
        &self.sites
    }

    /// Everything.
    #[must_use]
    pub fn total(&self) -> Use {
        let mut total = Use::default();
        self.sites.iter().for_each(|site| total += site.counts);
        total
    }

    /// Samples for whose stacks there was no room. They are in the [total](Self::total), and at sites without a stack.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Samples whose frame pointers did not lead through their stack, so that it had to be unwound, and not only when it was first
    /// met. If these are many, the program was built without frame pointers; they cost more, and are as right as others.
    ///
    /// Without the feature `frame-pointers` 0.
    #[must_use]
    pub fn broken_chains(&self) -> u64 {
        self.broken
    }
}

/// The functions of a site, innermost first, without those of the heap.
pub(crate) fn frames_of(symbols: &mut Symbols, site: &Site) -> Vec<Frame> {
    let mut frames: Vec<_> = site.stack.iter().flat_map(|&address| symbols.at(address).to_vec()).collect();
    name_closures(&mut frames);
    without_machinery(frames)
}
