//! The page allocator in heaps of any size: what a search looks at, what the lock does, and what the tables take.
//!
//! The tree has five levels: the root, of which each entry speaks of 16 GiB, and four of eight children a node. Beside the root
//! are rows of sixteen entries, and a search goes along the rows first. So it looks at a few dozen numbers in a small heap, and at
//! 64 rows more in 16 TiB.

use super::costs::Costs;
use super::lock::{Contended, contended};
use serde::Serialize;

/// Bytes that a root entry speaks of: 4 MiB chunks under four levels of eight.
const ROOT_ENTRY: u64 = 4 << 20 << 12;
/// Root entries in a row.
const ROW: u64 = 16;
/// Levels below the root, of eight children a node.
const BELOW: u64 = 4;
/// Pages that a mutator takes at once.
pub(crate) const AT_ONCE: f64 = 64.0;

/// What the longest search looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Looked {
    /// Rows of the root.
    pub(crate) rows: u64,
    /// Entries of one row.
    pub(crate) root_entries: u64,
    /// Entries of the levels below.
    pub(crate) entries_below: u64,
}

/// What a search looks at in a heap with that much address space, at most.
pub(crate) fn looked(bytes: u64) -> Looked {
    let roots = bytes.div_ceil(ROOT_ENTRY).max(1);
    Looked { rows: roots.div_ceil(ROW), root_entries: roots.min(ROW), entries_below: BELOW * 8 }
}

/// What the page allocator does for so many mutators in a heap of so many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Paged {
    /// What a search looks at.
    pub(crate) looked: Looked,
    /// One visit with the lock held, alone.
    pub(crate) search_ns: f64,
    /// The lock with all mutators.
    pub(crate) lock: Contended,
    /// Bytes of the heap's tables.
    pub(crate) metadata_bytes: f64,
}

/// A search in that much address space: between two sizes that were measured by the logarithm, beyond the last as at the last.
pub(crate) fn search_ns(costs: &Costs, bytes: f64) -> f64 {
    let measured = &costs.page_search_ns;
    let after = measured.iter().position(|(size, _)| *size >= bytes);
    match after {
        Some(0) => measured[0].1,
        Some(index) => {
            let ((low, a), (high, b)) = (measured[index - 1], measured[index]);
            a + (b - a) * (bytes / low).ln() / (high / low).ln()
        }
        None => measured.last().map_or(f64::NAN, |(_, ns)| *ns),
    }
}

/// The page allocator of a heap of `bytes` with `mutators`.
pub(crate) fn paged(costs: &Costs, bytes: u64, mutators: usize) -> Paged {
    let search = search_ns(costs, bytes as f64);
    Paged {
        looked: looked(bytes),
        search_ns: search,
        lock: contended(mutators, costs.between_pages_ns, search),
        metadata_bytes: bytes as f64 * costs.metadata_per_byte,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scale::costs::tests::costs;

    #[test]
    fn the_tree_grows_by_rows_of_its_root_and_by_nothing_else() {
        assert_eq!(looked(1 << 30), Looked { rows: 1, root_entries: 1, entries_below: 32 });
        assert_eq!(looked(256 << 30), Looked { rows: 1, root_entries: 16, entries_below: 32 });
        assert_eq!(looked(1 << 44), Looked { rows: 64, root_entries: 16, entries_below: 32 });
    }

    #[test]
    fn searches_lie_between_those_that_were_measured() {
        let costs = costs();
        let at = |power: u32| search_ns(&costs, (1u64 << power) as f64);
        assert_eq!((at(20), at(30), at(40), at(44)), (200.0, 200.0, 220.0, 220.0));
        assert!((at(35) - 210.0).abs() < 1e-9);
    }

    #[test]
    fn more_mutators_get_more_pages_until_the_lock_is_full() {
        let costs = costs();
        let rate = |mutators| paged(&costs, 1 << 40, mutators).lock.visits_per_ns;
        assert!((1..1000).all(|mutators| rate(mutators + 1) >= rate(mutators) * (1.0 - 1e-12)));
        assert!((rate(10_000) * 220.0 - 1.0).abs() < 1e-3);
    }

    #[test]
    fn tables_are_in_proportion_to_the_heap() {
        let bytes = |heap| paged(&costs(), heap, 1).metadata_bytes;
        assert!((bytes(1 << 40) / bytes(1 << 30) - 1024.0).abs() < 1e-9);
    }
}
