//! What single steps take: the figures that everything else is computed from.
//!
//! Each is measured on the machine at hand by [`crate::calibrate`], in heaps that fit it. All times are nanoseconds.

use crate::shapes::MarkShape;
use serde::Serialize;

/// What marking one kind of object takes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct ShapeCosts {
    /// Reading a reference out of a large array and marking what it leads to; 0 for shapes without an array.
    pub(crate) word_ns: f64,
    /// Scanning one object and marking what it leads to; 0 for objects without references.
    pub(crate) object_ns: f64,
    /// Bytes that move between memory and processor for each object, beyond what caches hold.
    pub(crate) moved_bytes: f64,
    /// Bytes of pages for each object, the array's and the marks' included.
    pub(crate) heap_bytes: f64,
    /// Counting what survived and planning the next cycle, for each page of spans: one thread does it.
    pub(crate) count_ns_per_page: f64,
    /// Sweeping, for each page of spans. Whoever allocates does it, or the collector when nobody does.
    pub(crate) sweep_ns_per_page: f64,
}

impl ShapeCosts {
    /// One object, in a heap that one worker marks.
    pub(crate) fn ns_per_object(&self) -> f64 {
        self.word_ns + self.object_ns
    }
}

/// What single steps take on a machine.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Costs {
    /// By shape: those that were measured.
    pub(crate) shapes: Vec<(&'static str, ShapeCosts)>,
    /// What all processors together read from memory, in bytes a nanosecond.
    pub(crate) memory_bytes_per_ns: f64,
    /// From waking a sleeping thread until it runs.
    pub(crate) wake_ns: f64,
    /// What waking costs who wakes.
    pub(crate) wake_call_ns: f64,
    /// How long a worker without work looks about before it sleeps.
    pub(crate) look_ns: f64,
    /// Putting a batch into the queue and taking it out again, by workers that are awake.
    pub(crate) handover_ns: f64,
    /// All rounds of a cycle with one mutator.
    pub(crate) rounds_ns: f64,
    /// The same for each further mutator that is outside.
    pub(crate) rounds_ns_per_mutator: f64,
    /// Bytes of tables for each byte of pages in use, for the shape that has most.
    pub(crate) metadata_per_byte: f64,
    /// One search for a run of pages with the page heap's lock held, by bytes of address space: (bytes, ns), ascending.
    pub(crate) page_search_ns: Vec<(f64, f64)>,
    /// What a mutator does between two visits to the page heap: using up the 64 pages that it takes at once.
    pub(crate) between_pages_ns: f64,
}

impl Costs {
    /// Of one shape, if it was measured.
    pub(crate) fn of(&self, shape: MarkShape) -> Option<&ShapeCosts> {
        self.shapes.iter().find(|(word, _)| *word == shape.word()).map(|(_, costs)| costs)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Costs of about the size of a real machine's.
    pub(crate) fn costs() -> Costs {
        let shape = |word_ns, object_ns, moved_bytes, heap_bytes| ShapeCosts {
            word_ns,
            object_ns,
            moved_bytes,
            heap_bytes,
            count_ns_per_page: 20.0,
            sweep_ns_per_page: 40.0,
        };
        Costs {
            shapes: vec![
                ("ptr3", shape(1.5, 6.0, 33.0, 32.0)),
                ("int3", shape(1.5, 0.0, 9.0, 32.0)),
                ("tree", shape(0.0, 5.0, 17.0, 16.0)),
                ("list", shape(0.0, 5.0, 17.0, 16.0)),
            ],
            memory_bytes_per_ns: 48.0,
            wake_ns: 20_000.0,
            wake_call_ns: 3_000.0,
            look_ns: 10_000.0,
            handover_ns: 300.0,
            rounds_ns: 5_000.0,
            rounds_ns_per_mutator: 400.0,
            metadata_per_byte: 0.01,
            page_search_ns: vec![((1u64 << 30) as f64, 200.0), ((1u64 << 40) as f64, 220.0)],
            between_pages_ns: 50_000.0,
        }
    }

    #[test]
    fn shapes_are_found_by_name() {
        assert!(costs().of(MarkShape::Tree).is_some_and(|tree| tree.ns_per_object() == 5.0));
        assert!(costs().of(MarkShape::Bytes).is_none());
    }
}
