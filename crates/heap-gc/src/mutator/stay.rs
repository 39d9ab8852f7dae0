//! `Stay`: what a frame needs of its mutator.

use super::{Mutator, pay, refused};
use crate::part::Part;
use core::ptr::NonNull;
use heap_core::error::AllocError;
use heap_core::region::{Region, Source};

/// A mutator that is inside for as long as this lives, for frames.
#[derive(Clone, Copy)]
pub(crate) struct Stay<'a> {
    part: &'a Part,
    mutator: &'a Mutator,
}

impl<'a> Stay<'a> {
    /// That of a mutator, with its part: it is inside.
    pub(super) fn new(part: &'a Part, mutator: &'a Mutator) -> Self {
        Self { part, mutator }
    }

    /// Where memory for frames comes from.
    pub(crate) fn source(self) -> Source<'a> {
        self.part.source(&self.mutator.heap.memory)
    }

    /// Room in a region that had none.
    ///
    /// # Errors
    /// As [`Region::alloc_slow`].
    #[cold]
    #[inline(never)]
    pub(crate) fn grow(self, region: &Region, size: usize, align: usize) -> Result<NonNull<u8>, AllocError> {
        let mut outcome = region.alloc_slow(self.source(), size, align);
        if outcome.is_err() && self.part.cache.is_late(&self.mutator.heap.memory) {
            // As with a refill: it has swept nothing for want of news.
            self.mutator.hear(self.part);
            outcome = region.alloc_slow(self.source(), size, align);
        }
        pay::pay_for_frame(&self.mutator.heap, outcome)
    }

    /// [`Stay::grow`] for callers that cannot do without. Its answer fits in a register.
    #[cold]
    #[inline(never)]
    pub(crate) fn grow_or_panic(self, region: &Region, size: usize, align: usize) -> NonNull<u8> {
        self.grow(region, size, align).unwrap_or_else(|error| refused(&error))
    }
}
