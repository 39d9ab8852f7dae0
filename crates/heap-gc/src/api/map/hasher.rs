//! `MapHasher`: how keys are hashed unless the program says otherwise.

use core::hash::BuildHasher;
use foldhash::fast::{FoldHasher, RandomState};

/// The hash function of a [`GcMap`](crate::GcMap) whose type names no other: foldhash, with a seed that is another for each map.
///
/// So who chooses keys cannot know which of them meet in a table, unless the hashes are shown. It is quick rather than
/// cryptographic: against somebody who can measure, take the [`RandomState`](std::hash::RandomState) of the standard library.
#[derive(Clone, Debug, Default)]
pub struct MapHasher(RandomState);

impl BuildHasher for MapHasher {
    type Hasher = FoldHasher<'static>;

    #[inline(always)]
    fn build_hasher(&self) -> Self::Hasher {
        self.0.build_hasher()
    }
}
