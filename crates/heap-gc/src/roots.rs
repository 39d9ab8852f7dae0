//! The root table: references from outside the heap.
//!
//! A root's word lives here, in the heap, and not in the handle that the program holds. So a handle may be moved,
//! sent to another thread or forgotten, and the collector still finds the object where it was.
//!
//! The table is a list of words and a list of free entries, under one lock. A free entry is zero, so the scan needs no
//! list of the taken ones.
//!
//! A cycle looks at the table once, a piece at a time, while mutators make, clone and drop roots. An object could be taken
//! from an entry that has not been looked at, and put into one that has. So while a cycle marks the table *shades*: who
//! makes a root, clones one or points one elsewhere makes its object grey, under the same lock. That begins before the
//! first entry is looked at and lasts until marking has ended. Dropping a root shades nothing.
//!
//! Invariants
//!   F2  an entry is zero, or the address of (a byte of) an allocated slot of this heap
//!   F4  an entry belongs to one `Root`, from `add` to `remove`
//!   F5  while the table shades, what an entry leads to is marked once the entry was looked at or written

use crate::shade::shade;
use heap_core::fault::{self, Fault};
use heap_core::memory::Memory;
use heap_core::stress::ROOTS_AT_ONCE;
use heap_core::sync::{Mutex, point};

/// The number of an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RootIndex(usize);

#[derive(Debug, Default)]
struct Table {
    words: Vec<usize>,
    free: Vec<usize>,
    /// A cycle marks.
    is_shading: bool,
    /// Objects that were shaded here, and that somebody has to scan.
    shaded: Vec<usize>,
}

impl Table {
    fn add(&mut self, word: usize) -> RootIndex {
        match self.free.pop() {
            Some(index) => {
                self.words[index] = word;
                RootIndex(index)
            }
            None => {
                self.words.push(word);
                RootIndex(self.words.len() - 1)
            }
        }
    }

    /// Makes what a word of a root leads to grey, if a cycle marks.
    fn shade(&mut self, memory: &Memory, word: usize) {
        // SAFETY: an entry's word is the address of an allocated slot of this heap (F2).
        if self.is_shading && unsafe { shade(memory, word) } {
            self.shaded.push(word);
        }
    }
}

/// The root table of a heap. See the module's text.
#[derive(Debug, Default)]
pub(crate) struct Roots {
    table: Mutex<Table>,
}

impl Roots {
    /// Adds a root.
    pub(crate) fn add(&self, memory: &Memory, word: usize) -> RootIndex {
        let mut table = self.table.lock();
        if !fault::on(Fault::RootUnshaded) {
            table.shade(memory, word);
        }
        table.add(word)
    }

    /// Adds a root to what another leads to. In one step: between two, the other could be pointed elsewhere, and what it led
    /// to be freed.
    pub(crate) fn duplicate(&self, memory: &Memory, index: RootIndex) -> RootIndex {
        let mut table = self.table.lock();
        let word = table.words[index.0];
        if !fault::on(Fault::CloneUnshaded) {
            table.shade(memory, word);
        }
        table.add(word)
    }

    /// The word of a root.
    pub(crate) fn get(&self, index: RootIndex) -> usize {
        self.table.lock().words[index.0]
    }

    /// Points a root elsewhere.
    pub(crate) fn set(&self, memory: &Memory, index: RootIndex, word: usize) {
        let mut table = self.table.lock();
        if !fault::on(Fault::SetUnshaded) {
            table.shade(memory, word);
        }
        table.words[index.0] = word;
    }

    /// Removes a root.
    pub(crate) fn remove(&self, index: RootIndex) {
        let mut table = self.table.lock();
        table.words[index.0] = 0;
        table.free.push(index.0);
    }

    /// From now on the table shades. What it shades goes into a vector that is empty.
    pub(crate) fn begin_shading(&self, shaded: Vec<usize>) {
        let mut table = self.table.lock();
        (table.is_shading, table.shaded) = (true, shaded);
    }

    /// Marking has ended. Returns the vector, with what is of no interest any more.
    pub(crate) fn end_shading(&self) -> Vec<usize> {
        let mut table = self.table.lock();
        table.is_shading = false;
        core::mem::take(&mut table.shaded)
    }

    /// Takes what was shaded since the last time, in exchange for an empty vector.
    pub(crate) fn take_shaded(&self, empty: Vec<usize>) -> Vec<usize> {
        let shaded = core::mem::replace(&mut self.table.lock().shaded, empty);
        if fault::on(Fault::RootShadesKept) { Vec::new() } else { shaded }
    }

    /// Looks at every entry, a piece at a time, and says how many lead somewhere. Entries made meanwhile may be missed; while
    /// the table shades that does no harm.
    pub(crate) fn each(&self, mut visit: impl FnMut(usize)) -> usize {
        let (mut from, mut found) = (0, 0);
        let mut piece = Vec::with_capacity(ROOTS_AT_ONCE);
        loop {
            {
                let table = self.table.lock();
                if from >= table.words.len() {
                    return found;
                }
                let upto = table.words.len().min(from + ROOTS_AT_ONCE);
                piece.extend(table.words[from..upto].iter().copied().filter(|&word| word != 0));
                from = upto;
            }
            point("roots: between two pieces");
            found += piece.len();
            piece.drain(..).for_each(&mut visit);
        }
    }

    /// The words of all roots as of now, for the verifier and for collections that stop the world. Roots may be dropped
    /// meanwhile by threads outside, also while the world is stopped; so one snapshot is worked on.
    pub(crate) fn snapshot(&self) -> Vec<usize> {
        self.table.lock().words.iter().copied().filter(|&word| word != 0).collect()
    }

    /// How many roots there are.
    pub(crate) fn count(&self) -> usize {
        let table = self.table.lock();
        table.words.len() - table.free.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_reused_and_removed_ones_are_not_seen() {
        let roots = Roots::default();
        let add = |word| roots.table.lock().add(word);
        let indices: Vec<_> = (1..=1000).map(add).collect();
        for index in indices.iter().step_by(2) {
            roots.remove(*index);
        }
        let left: Vec<usize> = (1..=500).map(|n| 2 * n).collect();
        assert_eq!(roots.snapshot(), left);
        let mut seen = Vec::new();
        assert_eq!(roots.each(|word| seen.push(word)), 500);
        assert_eq!(seen, left);
        for word in 1..=500 {
            add(word);
        }
        assert_eq!(roots.table.lock().words.len(), 1000, "no entry is new while one is free");
        assert_eq!(roots.count(), 1000);
    }
}
