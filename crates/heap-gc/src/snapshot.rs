//! A snapshot of a heap: which objects can be reached at one moment, and what leads to what.
//!
//! Unlike every other instrument it waits: it holds all mutators, as the verifier does ([`crate::handshake`]), and walks from the
//! roots while nobody runs. A snapshot that was taken beside the program would be of no moment at all: it would have edges from
//! before a store and edges from after it, objects that were never reachable together, and sizes of keepers that add up to
//! what there never was. So it has a price, which is time in proportion to what can be reached, and is asked for by people.
//!
//! ```text
//!   take the cycle's lock      no cycle runs, and none begins                (`cycle.rs`)
//!   sweep what is left         no dead object is in an allocated slot, but those whose drop is due
//!   hold everybody             every slot that was handed out is filled; what is left of runs goes back
//!   walk from the roots        numbers for objects in the order they are found (`walk.rs`)
//!   let everybody go
//!   put weak edges where they belong, look up names
//! ```
//!
//! What the walk reads is what the verifier's second marker reads, with the same function ([`heap_core::verify::each_word`]): the
//! words under masks, by atomics, what trace functions report, and the words that may be anything, resolved as a marker does. It
//! marks nothing and changes nothing.
//!
//! Invariants
//!   S1  a node is an object that was reachable at the moment of the snapshot, and every such object is one
//!   S2  an edge leads to a node
//!   S3  the nodes are in the order of their distance from the roots; edges of one node lie together
//!   S4  while an object lives it has the same number in every snapshot
//!
//! `docs/design/instruments.md` has the argument.

mod graph;
mod walk;

use self::walk::Walk;
use crate::attached::insist_outside;
use crate::heap::Heap;
use crate::shared::Shared;
use heap_core::fault::{self, Fault};
use heap_core::memory::Empties;
use heap_core::units::Bytes;
use std::time::Instant;

pub use graph::{
    EdgeKind, NodeKind, RootGroup, RootKind, Snapshot, SnapshotEdge, SnapshotError, SnapshotNode,
};

impl Heap {
    /// Which objects can be reached now, and what leads to what.
    ///
    /// It is of one moment, at which every mutator is outside `enter`: exactly what the roots lead to then, and no object that is
    /// garbage. For this **it holds every mutator** until it has seen all objects, which [`Snapshot::held`] tells; it is the
    /// only instrument that does. It waits for who is inside `enter`, and for a cycle that is running.
    ///
    /// It takes memory of the process: some 24 bytes for each object, 12 for each reference, and 4 for each slot of the heap's
    /// spans meanwhile. [`snapshot_within`](Self::snapshot_within) bounds that.
    ///
    /// Types have names with [`LayoutPolicy::PerType`](crate::LayoutPolicy::PerType); otherwise objects go by their shape. The
    /// crate `heap-snapshot` writes it to a file that Chrome's DevTools open, and says what keeps what.
    ///
    /// # Errors
    /// If the process has no memory for it, or there are more objects or references than it can number. Nothing was changed.
    ///
    /// # Panics
    /// If the thread is inside `enter` of this heap, where it would wait for itself; with the panic of a hand-written trace
    /// function, when everybody has been let go.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// # use tricolor::{Heap, LayoutPolicy};
    /// let heap = Heap::builder().layouts(LayoutPolicy::PerType).build()?;
    /// let mut mutator = heap.attach()?;
    /// let root = mutator.enter(|mu| {
    ///     let text = mu.alloc_str("kept by a slice");
    ///     mu.root(mu.alloc_copy(&[text, text]))
    /// });
    /// let snapshot = heap.snapshot()?;
    /// assert_eq!(snapshot.len(), 2);
    /// // The nearest to the roots come first.
    /// let slice = snapshot.node(0);
    /// assert!(slice.label.starts_with('['));
    /// let elements: Vec<_> = snapshot.edges(0).iter().map(|edge| (edge.at, edge.to)).collect();
    /// assert_eq!(elements, [(0, 1), (1, 1)]);
    /// # drop(root);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn snapshot(&self) -> Result<Snapshot, SnapshotError> {
        self.snapshot_within(usize::MAX)
    }

    /// The same, if it takes no more than `most` bytes of the process's memory for objects, references and slots at any time.
    /// Beside that it takes a few words for each root, weak reference and ephemeron.
    ///
    /// # Errors
    /// As [`snapshot`](Self::snapshot), and if it would take more. How long everybody is held is bounded by that, too.
    ///
    /// # Panics
    /// As [`snapshot`](Self::snapshot).
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// # use tricolor::{Heap, SnapshotError};
    /// let heap = Heap::new()?;
    /// let mut mutator = heap.attach()?;
    /// let _root = mutator.enter(|mu| mu.root(mu.alloc([1_u64; 8])));
    /// assert!(matches!(heap.snapshot_within(100), Err(SnapshotError::Bound { .. })));
    /// assert!(heap.snapshot_within(1 << 20).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn snapshot_within(&self, most: usize) -> Result<Snapshot, SnapshotError> {
        insist_outside(&self.shared);
        take(&self.shared, Bytes::new(most))
    }
}

fn take(heap: &Shared, most: Bytes) -> Result<Snapshot, SnapshotError> {
    let _no_cycle = heap.cycle.lock();
    // Before anybody is held: with the lock, nothing becomes unswept again.
    heap.memory.finish_sweep(Empties::Free);
    let (walk, held) = {
        let world = heap.world.stop();
        let begun = Instant::now();
        for part in world.parts() {
            // A slot of a run that nobody has filled is no object, whatever a word says that may be anything.
            if !fault::on(Fault::SnapshotRunsKept) {
                part.flush(heap.shading());
            }
        }
        heap.memory.finish_sweep(Empties::Free);
        let mut walk = Walk::new(&heap.memory, most);
        walk.run(heap, &world)?;
        (walk, begun.elapsed())
    };
    walk.finish(held)
}
