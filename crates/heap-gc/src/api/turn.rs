//! `Turn`: how the tables of weak maps and sets get rid of what has died.
//!
//! The collector clears what a table's entries lead to, and never touches a table, which is its thread's alone. So the entries of
//! the dead stay until their thread comes by. After each collection that has cleared anything, anywhere in the heap, insertions
//! go once round their table, a few groups at a time; and to the end at once if the table is full, before it grows for the dead.
//! So an insertion costs what it did, and a table is walked at most once for each collection.

use crate::mutator::Mu;
use core::cell::Cell;
use heap_core::sync::atomic::Ordering::Acquire;

/// Groups of sixteen places that an insertion looks through.
const GROUPS: usize = 2;

/// How far a walk round a table is. See the module's text.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    /// The heap's clearings when the walk began.
    seen: Cell<u64>,
    /// The next group, if the walk is not over.
    at: Cell<Option<usize>>,
}

impl Turn {
    /// Goes on: `walk` looks through that many groups from one on, and says where to go on.
    #[inline]
    pub(crate) fn go_on(&self, mu: &Mu<'_>, is_full: bool, walk: impl FnOnce(usize, usize) -> Option<usize>) {
        // Pairs with the collector's: who sees the count sees what was cleared.
        let clearings = mu.heap().clearings.load(Acquire);
        if self.seen.replace(clearings) != clearings {
            self.at.set(Some(0));
        }
        if let Some(at) = self.at.get() {
            self.at.set(walk(at, if is_full { usize::MAX } else { GROUPS }));
        }
    }

    /// Goes on to the end, from the beginning.
    pub(crate) fn go_round(&self, walk: impl FnOnce(usize, usize) -> Option<usize>) {
        self.at.set(walk(0, usize::MAX));
    }
}
