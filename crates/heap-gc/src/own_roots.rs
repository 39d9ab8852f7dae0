//! A mutator's own roots: references that its program keeps outside the heap, in memory of its own, across safepoints.
//!
//! The safe interface has none: there a reference outside the heap is in the root table, or does not outlive its `enter`. A
//! runtime of the raw layer ([`crate::raw`]) has a stack of values, and does not want to enter each into a table. It registers
//! the *range*, or a *callback* that reports what is in it, and writes there as it likes, without a barrier, between two
//! safepoints.
//!
//! | kind | what is looked at |
//! |---|---|
//! | exact range | words that are null or the address of an object |
//! | ambiguous range | words that may be anything, read as those in objects are |
//! | callback | what it reports, of either kind |
//!
//! They are looked at when the mutator's roots are taken ([`crate::part`]): by the mutator itself, at a safepoint, or by a
//! collector that has its gate, while it is outside. Nobody looks at any other time but a collector that holds everybody. So they
//! are like registers, and the models in `models/spin` have them as such. `docs/design/raw.md` has the argument.
//!
//! Invariants
//!   O1  a range that is registered can be read, and every word of it is initialised, whenever its mutator is outside
//!   O2  then its exact words are null, or each the address of an allocated slot of this heap; so is what a callback reports

use core::cell::RefCell;
use core::fmt;
use heap_core::fault::{self, Fault};
use heap_core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use heap_core::verify::Word;

/// A callback that reports roots.
pub(crate) type Callback = Box<dyn FnMut(&mut RootVisitor<'_>) + Send>;

/// One entry of a mutator's own roots.
pub(crate) enum Own {
    /// Words that are null or the address of an object.
    Exact(Range),
    /// Words that may be anything.
    Ambiguous(Range),
    /// Reports what it knows.
    Callback(Callback),
}

/// What kind of entry a root is from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OwnKind {
    /// A range of references.
    Exact,
    /// A range of words that may be anything.
    Ambiguous,
    /// A callback.
    Callback,
}

/// Words of the program's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Range {
    pub(crate) first: *const usize,
    pub(crate) len: usize,
}

impl Range {
    /// Calls `visit` with every word.
    ///
    /// # Safety
    /// 1. The range can be read, is initialised, and nobody writes to it meanwhile.
    unsafe fn each(self, mut visit: impl FnMut(usize)) {
        for index in 0..self.len {
            // SAFETY: a word of the range (duty 1).
            visit(unsafe { self.first.wrapping_add(index).read() });
        }
    }
}

// SAFETY: the range is memory of the program's that is read by who has the mutator's part, and by nobody else, while its
// owner does not write to it (O1).
unsafe impl Send for Own {}

/// Takes what a root callback reports.
pub struct RootVisitor<'a> {
    visit: &'a mut dyn FnMut(Word),
}

impl RootVisitor<'_> {
    /// Reports an object.
    ///
    /// # Safety
    /// 1. `object` is null or the address of an object of this heap, as `alloc` gave it, which has not been freed.
    pub unsafe fn exact(&mut self, object: *const u8) {
        if !object.is_null() {
            (self.visit)(Word::Exact(object.addr()));
        }
    }

    /// Reports a word that may be anything: it is read as ambiguous words in objects are, with the heap's
    /// [decoder](crate::HeapBuilder::decoder), too.
    pub fn ambiguous(&mut self, word: u64) {
        #[expect(clippy::cast_possible_truncation, reason = "an address has as many bits as a word")]
        (self.visit)(Word::Ambiguous(word as usize));
    }
}

impl fmt::Debug for RootVisitor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootVisitor")
    }
}

/// Tells a mutator apart from every other, also from one that is gone and was at the same address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Owner(u64);

impl Default for Owner {
    /// A new one.
    fn default() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Relaxed))
    }
}

/// The number of an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct OwnIndex(usize);

/// The own roots of one mutator. See the module's text.
#[derive(Default)]
pub(crate) struct OwnRoots {
    owner: Owner,
    entries: RefCell<Vec<Option<Own>>>,
}

impl OwnRoots {
    /// Whose they are.
    #[inline]
    pub(crate) fn owner(&self) -> Owner {
        self.owner
    }

    /// Registers one.
    pub(crate) fn add(&self, own: Own) -> OwnIndex {
        let mut entries = self.entries.borrow_mut();
        match entries.iter().position(Option::is_none) {
            Some(free) => {
                entries[free] = Some(own);
                OwnIndex(free)
            }
            None => {
                entries.push(Some(own));
                OwnIndex(entries.len() - 1)
            }
        }
    }

    /// Says where a range is now, and how long. Says whether there is such a range.
    pub(crate) fn set_range(&self, index: OwnIndex, range: Range) -> bool {
        match self.entries.borrow_mut().get_mut(index.0) {
            Some(Some(Own::Exact(now) | Own::Ambiguous(now))) => {
                *now = range;
                true
            }
            _ => false,
        }
    }

    /// Takes one out.
    pub(crate) fn remove(&self, index: OwnIndex) -> Option<Own> {
        self.entries.borrow_mut().get_mut(index.0)?.take()
    }

    /// Takes all out: the mutator goes.
    #[must_use = "callbacks may run code of the program's when they are dropped"]
    pub(crate) fn take(&self) -> Vec<Option<Own>> {
        self.entries.take()
    }

    /// Calls `visit` with every word, nulls of exact ranges left out. If a callback panics the process is aborted: what it did
    /// not report would be freed in use.
    ///
    /// # Safety
    /// 1. The mutator is outside, or at a safepoint and the caller.
    pub(crate) unsafe fn each(&self, visit: &mut dyn FnMut(Word)) {
        // SAFETY: duty 1.
        unsafe { self.each_by_kind(&mut |_, word| visit(word)) };
    }

    /// The same, with what kind of entry the word is from.
    ///
    /// # Safety
    /// 1. As for [`OwnRoots::each`].
    pub(crate) unsafe fn each_by_kind(&self, visit: &mut dyn FnMut(OwnKind, Word)) {
        for own in self.entries.borrow_mut().iter_mut().flatten() {
            match own {
                Own::Exact(_) | Own::Ambiguous(_) if fault::on(Fault::RangeUnshaded) => {}
                // SAFETY: O1, whose condition is duty 1.
                Own::Exact(range) => unsafe {
                    range.each(|word| {
                        if word != 0 {
                            visit(OwnKind::Exact, Word::Exact(word));
                        }
                    });
                },
                // SAFETY: as above.
                Own::Ambiguous(range) => unsafe {
                    range.each(|word| visit(OwnKind::Ambiguous, Word::Ambiguous(word)));
                },
                Own::Callback(_) if fault::on(Fault::CallbackUnheard) => {}
                Own::Callback(call) => {
                    let heard = Heard;
                    call(&mut RootVisitor { visit: &mut |word| visit(OwnKind::Callback, word) });
                    core::mem::forget(heard);
                }
            }
        }
    }
}

impl fmt::Debug for OwnRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnRoots").finish_non_exhaustive()
    }
}

/// Ends the process when it is dropped: see [`OwnRoots::each`].
struct Heard;

impl Drop for Heard {
    fn drop(&mut self) {
        heap_core::bug!("a root callback panicked");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_reused_and_removed_ones_are_not_looked_at() {
        let (own, words) = (OwnRoots::default(), [3_usize, 0, 4]);
        let range = |len| Range { first: words.as_ptr(), len };
        let exact = own.add(Own::Exact(range(3)));
        let ambiguous = own.add(Own::Ambiguous(range(2)));
        own.add(Own::Callback(Box::new(|visitor| visitor.ambiguous(9))));
        let seen = || {
            let mut seen = Vec::new();
            // SAFETY: there is no mutator; the words are read by this thread only.
            unsafe { own.each(&mut |word| seen.push(word)) };
            seen
        };
        let nine = Word::Ambiguous(9);
        let first = [Word::Exact(3), Word::Exact(4), Word::Ambiguous(3), Word::Ambiguous(0), nine];
        assert_eq!(seen(), first);
        assert!(own.set_range(ambiguous, range(0)));
        assert!(own.remove(exact).is_some());
        assert!(!own.set_range(exact, range(1)));
        assert_eq!(seen(), [nine]);
        assert_eq!(own.add(Own::Exact(range(1))), exact);
        assert_eq!(seen(), [Word::Exact(3), nine]);
        assert_eq!(own.take().len(), 3);
        assert_eq!(seen(), []);
    }
}
