//! What a snapshot says: nodes, edges and roots.
#![forbid(unsafe_code)]

use core::fmt;
use core::time::Duration;
use heap_core::units::Bytes;

/// Why there is no snapshot. Nothing was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SnapshotError {
    /// It takes more memory than it may.
    Bound {
        /// What it would have needed next, with what it had.
        needed: Bytes,
        /// What it may take.
        most: Bytes,
    },
    /// The process has no memory for it.
    NoMemory {
        /// What was asked for.
        asked: Bytes,
    },
    /// There are more objects, references or slots than 32 bits number.
    TooMany,
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bound { needed, most } => write!(
                f,
                "a snapshot takes {} bytes so far, and may take {}: allow more, or take it of a smaller heap",
                needed.get(),
                most.get()
            ),
            Self::NoMemory { asked } => {
                write!(f, "the process has no memory for a snapshot: {} bytes were asked for", asked.get())
            }
            Self::TooMany => {
                f.write_str("the heap has more objects or references than a snapshot can number")
            }
        }
    }
}

impl std::error::Error for SnapshotError {}

/// What kind of object a node is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NodeKind {
    /// One value with places for references.
    Object,
    /// A slice of elements with such places.
    Array,
    /// Data: no place of it can hold a reference.
    Data,
}

/// How an edge leads from its object to another.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum EdgeKind {
    /// A word of it, at a byte offset, is a reference.
    Field,
    /// The same of an element, by its index.
    Element,
    /// A word of it, at a byte offset, may be anything, and happens to be read as a reference.
    AmbiguousField,
    /// The same of an element, by its index.
    AmbiguousElement,
    /// Its trace function reports it.
    Traced,
    /// It is the key of an ephemeron (a weak map's entry, say) that is reachable, by that one's node, and this the value.
    Value,
    /// It is a weak place. Does not keep.
    WeakTarget,
    /// It is an ephemeron, and this is its key. Does not keep.
    WeakKey,
    /// It is an ephemeron, and this is its value, which the key keeps. Does not keep.
    WeakValue,
}

impl EdgeKind {
    /// Whether the edge does not keep what it leads to.
    #[must_use]
    pub fn is_weak(self) -> bool {
        matches!(self, Self::WeakTarget | Self::WeakKey | Self::WeakValue)
    }

    /// Whether it is certain that the program has a reference there, and not a number that looks like one.
    #[must_use]
    pub fn is_certain(self) -> bool {
        !matches!(self, Self::AmbiguousField | Self::AmbiguousElement)
    }
}

/// An edge: what an object leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SnapshotEdge {
    /// The number of the node it leads to.
    pub to: u32,
    /// Where: a byte offset, an index, or a node, as its kind says; 0 for the other kinds. What is above 32 bits reads as their
    /// largest number.
    pub at: u32,
    /// How it leads there.
    pub kind: EdgeKind,
}

/// What references from outside the heap are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum RootKind {
    /// [`Root`](crate::Root) handles, and what waits for its finalizer.
    Handles,
    /// Ranges of references that a runtime has registered for its mutator.
    Range,
    /// Ranges of words that may be anything.
    AmbiguousRange,
    /// What a runtime's callbacks report.
    Callback,
    /// Frames of the raw layer: what the objects in them lead to.
    Frames,
    /// What a mutator keeps in pools.
    Pools,
    /// What objects with a finalizer lead to: it is kept as long as the finalizer may need it.
    Finalizers,
}

/// References of one kind from outside the heap.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct RootGroup {
    /// What they are.
    pub kind: RootKind,
    /// Whose they are, if they are a mutator's: its number, as in [`Event::Attached`](crate::Event::Attached).
    pub mutator: Option<u64>,
    /// The numbers of the nodes they lead to, once for each reference.
    pub targets: Vec<u32>,
}

/// A node: an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct SnapshotNode<'a> {
    /// Where its slot begins.
    pub address: usize,
    /// What tells it apart from every other that lives. An object has the same in every snapshot; another may have it when the
    /// object is dead. From 1024 to `u32::MAX - 65536`.
    pub id: u32,
    /// Bytes of its slot, or of the pages of a large object. Tiny objects share a slot, and are one node.
    pub size: Bytes,
    /// What kind of object it is.
    pub kind: NodeKind,
    /// Its type, where layouts are kept per type; its shape otherwise.
    pub label: &'a str,
}

/// A node as it is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub(crate) address: usize,
    pub(crate) size: usize,
    pub(crate) id: u32,
    /// The number of its layout; the index into `types` when the snapshot is finished.
    pub(crate) layout: u32,
}

/// What a layout says of its objects.
#[derive(Clone, Debug)]
pub(crate) struct Type {
    pub(crate) label: String,
    pub(crate) kind: NodeKind,
}

/// Which objects can be reached, and what leads to what, at one moment. See [`Heap::snapshot`](crate::Heap::snapshot).
pub struct Snapshot {
    pub(crate) types: Vec<Type>,
    pub(crate) nodes: Vec<Node>,
    /// Where the edges of each node end.
    pub(crate) ends: Vec<u32>,
    pub(crate) edges: Vec<SnapshotEdge>,
    pub(crate) roots: Vec<RootGroup>,
    pub(crate) held: Duration,
}

impl Snapshot {
    /// How many nodes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether nothing was reachable.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// A node. They are in the order of their distance from the roots.
    ///
    /// # Panics
    /// If there are not so many.
    #[must_use]
    pub fn node(&self, number: usize) -> SnapshotNode<'_> {
        let node = &self.nodes[number];
        let Type { label, kind } = &self.types[node.layout as usize];
        SnapshotNode { address: node.address, id: node.id, size: Bytes::new(node.size), kind: *kind, label }
    }

    /// All nodes, by their numbers.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = SnapshotNode<'_>> {
        (0..self.nodes.len()).map(|number| self.node(number))
    }

    /// What a node leads to: as its words lie, and then weak edges and those to values of ephemerons.
    ///
    /// # Panics
    /// If there are not so many nodes.
    #[must_use]
    pub fn edges(&self, number: usize) -> &[SnapshotEdge] {
        let from = number.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        &self.edges[from..self.ends[number] as usize]
    }

    /// How many edges there are.
    #[must_use]
    pub fn edge_count(&self) -> usize {
        self.edges.len()
    }

    /// What leads here from outside.
    #[must_use]
    pub fn roots(&self) -> &[RootGroup] {
        &self.roots
    }

    /// How long the mutators were held.
    #[must_use]
    pub fn held(&self) -> Duration {
        self.held
    }

    /// What the snapshot takes of the process's memory, up to the allocator's rounding.
    #[must_use]
    pub fn memory(&self) -> Bytes {
        let roots: usize = self.roots.iter().map(|group| group.targets.capacity() * size_of::<u32>()).sum();
        let labels: usize = self.types.iter().map(|row| size_of::<Type>() + row.label.capacity()).sum();
        Bytes::new(
            self.nodes.capacity() * size_of::<Node>()
                + self.edges.capacity() * size_of::<SnapshotEdge>()
                + self.ends.capacity() * size_of::<u32>()
                + roots
                + labels,
        )
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("nodes", &self.nodes.len())
            .field("edges", &self.edges.len())
            .field("held", &self.held)
            .finish_non_exhaustive()
    }
}
