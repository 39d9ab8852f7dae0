//! The root table: references from outside the heap.
//!
//! A root's word lives here, in the heap, and not in the handle that the program holds. So a handle may be moved,
//! sent to another thread or forgotten, and the collector still finds the object where it was.
//!
//! The table is a list of words and a list of free entries, under one lock. A free entry is zero, so the scan needs no
//! list of the taken ones.
//!
//! Invariants
//!   F2  an entry is zero, or the address of an allocated slot of this heap
//!   F4  an entry belongs to one `Root`, from `add` to `remove`

use heap_core::sync::Mutex;

/// The number of an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RootIndex(usize);

#[derive(Debug, Default)]
struct Table {
    words: Vec<usize>,
    free: Vec<usize>,
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
}

/// The root table of a heap. See the module's text.
#[derive(Debug, Default)]
pub(crate) struct Roots {
    table: Mutex<Table>,
}

impl Roots {
    /// Adds a root.
    pub(crate) fn add(&self, word: usize) -> RootIndex {
        self.table.lock().add(word)
    }

    /// Adds a root to what another leads to. In one step: between two, the other could be pointed elsewhere, and what it led
    /// to be freed.
    pub(crate) fn duplicate(&self, index: RootIndex) -> RootIndex {
        let mut table = self.table.lock();
        let word = table.words[index.0];
        table.add(word)
    }

    /// The word of a root.
    pub(crate) fn get(&self, index: RootIndex) -> usize {
        self.table.lock().words[index.0]
    }

    /// Points a root elsewhere.
    pub(crate) fn set(&self, index: RootIndex, word: usize) {
        self.table.lock().words[index.0] = word;
    }

    /// Removes a root.
    pub(crate) fn remove(&self, index: RootIndex) {
        let mut table = self.table.lock();
        table.words[index.0] = 0;
        table.free.push(index.0);
    }

    /// The words of all roots as of now. Roots may be dropped meanwhile by threads outside, also while the world is stopped; a
    /// cycle works on one snapshot.
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
        let indices: Vec<_> = (1..=1000).map(|word| roots.add(word)).collect();
        for index in indices.iter().step_by(2) {
            roots.remove(*index);
        }
        assert_eq!(roots.snapshot(), (1..=500).map(|n| 2 * n).collect::<Vec<_>>());
        for word in 1..=500 {
            roots.add(word);
        }
        assert_eq!(roots.table.lock().words.len(), 1000, "no entry is new while one is free");
        assert_eq!(roots.count(), 1000);
    }
}
