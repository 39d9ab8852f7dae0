//! Hints: what a runtime says of the lives of its objects, and what has come of it.
//!
//! A runtime with an escape analysis knows of some allocation sites that their objects do not outlive the function that made
//! them. It says so with an [`EscapeHint`]. What a heap does with hints is its builder's to say ([`EscapeHints`]); in a heap that
//! checks them, wrong ones are kept here, by site.

use heap_core::sync::Mutex;
use std::collections::BTreeSet;

/// What a heap does with hints that objects do not outlive a frame.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum EscapeHints {
    /// Such objects are put into the frame. A wrong hint breaks a duty of [`raw`](crate::raw): memory is used that is gone.
    #[default]
    Trusted,
    /// All objects are put into the heap.
    Ignored,
    /// All objects are put into the heap, and references to those that should not outlive their frame are looked for where they
    /// must not be. What is found is in [`Heap::wrong_hints`](crate::Heap::wrong_hints). A wrong hint costs nothing but time and
    /// space.
    Checked,
}

/// A place of the program where objects are made, by a number of the runtime's own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Site(pub u32);

/// What an analysis says of an allocation site.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EscapeHint {
    /// Its objects may outlive their frame: they belong into the heap.
    Escapes,
    /// No reference to its objects is anywhere when their frame is closed, and until then none is in an object of the heap or of
    /// an older frame: duty R9 of [`raw`](crate::raw).
    Stays(Site),
}

/// Where a reference was found that should not be there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FoundIn {
    /// In an object of the heap.
    Object,
    /// In an object of an older frame.
    OlderFrame,
    /// In the heap's root table: somebody made a [`Root`](crate::raw::Root) of it.
    RootTable,
    /// With a cleanup or a finalizer, which was set for it.
    Watch,
    /// Among the mutator's own roots, at the first safepoint after its frame was closed.
    OwnRoots,
}

/// A hint that was found to be wrong.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub struct WrongHint {
    /// The site.
    pub site: Site,
    /// Where a reference to one of its objects was found.
    pub found_in: FoundIn,
    /// Whether that is certain: the reference was in an exact word. A word that may be anything may be a number, or left over.
    pub is_certain: bool,
}

/// Wrong hints of one heap, each once.
#[derive(Debug, Default)]
pub(crate) struct WrongHints(Mutex<BTreeSet<WrongHint>>);

impl WrongHints {
    /// Notes one.
    pub(crate) fn note(&self, wrong: WrongHint) {
        self.0.lock().insert(wrong);
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<WrongHint> {
        self.0.lock().iter().copied().collect()
    }
}
