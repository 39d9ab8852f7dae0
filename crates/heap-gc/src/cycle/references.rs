//! Memory for references on their way to a marker: made before a cycle, and tidied up after it. [`crate::grey`] says what for.

use super::Cycle;
use crate::grey::SPARE_BYTES;
use crate::mark::KIT_BYTES;
use heap_core::units::Bytes;

/// Of the bytes in spans, a part that may be memory for references when no cycle runs: half for spares, half for kits. So a heap of
/// 1 MiB keeps a spare, and one of 4 MiB four and a kit.
const KEPT_PART: usize = 64;
/// Spares that a mutator may use at a time: its barrier's for objects and for words, one that it has handed over, and one that it has
/// borrowed.
const SPARES_EACH: usize = 4;
/// Spares that are kept beside these, for what is handed over before it is scanned.
const MORE_SPARES: usize = 64;

/// Spares and kits that are kept from one cycle to the next.
fn kept(in_spans: Bytes, mutators: usize, processors: usize) -> (usize, usize) {
    let half = in_spans.get() / KEPT_PART / 2;
    let spares = (half / SPARE_BYTES).min(SPARES_EACH * mutators + MORE_SPARES);
    // As many as may assist at a time, and as many again that were interrupted.
    (spares, (half / KIT_BYTES.get()).min(mutators).min(2 * processors))
}

impl Cycle<'_> {
    /// Makes memory for what mutators will shade and borrow, so that they need not: see [`crate::grey`].
    pub(super) fn ready_memory_for_references(&self) {
        let (spares, kits) = self.spares_and_kits();
        self.heap.queue.ready(spares.min(SPARES_EACH * self.heap.world.members()));
        self.heap.kits.ready(kits);
    }

    /// Keeps of it what is worth keeping.
    pub(super) fn tidy_memory_for_references(&self) {
        let (spares, kits) = self.spares_and_kits();
        self.heap.queue.tidy(spares);
        self.heap.kits.tidy(kits);
    }

    fn spares_and_kits(&self) -> (usize, usize) {
        let heap = self.heap;
        let in_spans = heap.memory.pages().counters().in_spans();
        kept(in_spans, heap.world.members(), heap.processors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_kept_in_proportion_and_no_more_than_is_used() {
        let of = |in_spans, mutators| kept(in_spans, mutators, 2);
        assert_eq!(of(Bytes::kib(4), 1), (0, 0), "a small heap stays small");
        assert_eq!(of(Bytes::mib(1), 1).1, 0);
        assert_eq!(of(Bytes::mib(4), 100).1, 1, "a kit takes most of its half");
        assert_eq!(of(Bytes::gib(1), 2), (2 * SPARES_EACH + MORE_SPARES, 2));
        assert_eq!(of(Bytes::gib(1), 100), (100 * SPARES_EACH + MORE_SPARES, 4));
        for in_spans in [1, 3, 20, 300, 5000].map(Bytes::mib) {
            let (spares, kits) = of(in_spans, 1000);
            let bytes = spares * SPARE_BYTES + kits * KIT_BYTES.get();
            assert!(bytes <= in_spans.get() / KEPT_PART, "{bytes} of {in_spans}");
        }
    }
}
