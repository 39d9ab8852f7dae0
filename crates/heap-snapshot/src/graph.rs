//! The graph of a file: nodes, edges and strings, as they are numbered there.

/// How an edge leads from one node to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EdgeKind {
    /// An element, by its index.
    Element,
    /// A field, by its name.
    Property,
    /// Something of the runtime's that keeps, by a name.
    Internal,
    /// The same, by a number.
    Hidden,
    /// A variable of a closure, by its name (V8's).
    Context,
    /// A second way to what other edges lead to (V8's). Keeps only from the root.
    Shortcut,
    /// Does not keep.
    Weak,
    /// Of a kind that is not known here. Keeps.
    Other,
}

impl EdgeKind {
    pub(crate) fn of(name: &str) -> Self {
        match name {
            "element" => Self::Element,
            "property" => Self::Property,
            "internal" => Self::Internal,
            "hidden" => Self::Hidden,
            "context" => Self::Context,
            "shortcut" => Self::Shortcut,
            "weak" => Self::Weak,
            _ => Self::Other,
        }
    }

    /// Whether its edges have a number for a name.
    pub(crate) fn is_numbered(self) -> bool {
        matches!(self, Self::Element | Self::Hidden)
    }
}

/// What an edge is called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EdgeName<'a> {
    /// A number.
    Index(u64),
    /// A name.
    Name(&'a str),
}

impl core::fmt::Display for EdgeName<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Index(index) => write!(f, "[{index}]"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// An edge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Edge<'a> {
    /// How it leads there.
    pub kind: EdgeKind,
    /// What it is called.
    pub name: EdgeName<'a>,
    /// The number of the node it leads to.
    pub to: u32,
}

/// A node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Node<'a> {
    /// What tells it apart from every other, also in other snapshots.
    pub id: u64,
    /// Its type or, as its kind wants, what it is.
    pub name: &'a str,
    /// Its kind, in the file's words: `object`, `native`, `synthetic` and others.
    pub kind: &'a str,
    /// Its own bytes.
    pub size: u64,
}

/// A node, as it is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NodeRow {
    pub(crate) id: u64,
    pub(crate) size: u64,
    pub(crate) name: u32,
    pub(crate) kind: u32,
    /// Where its edges end.
    pub(crate) end: u32,
}

/// An edge, as it is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EdgeRow {
    pub(crate) to: u32,
    /// A string's number, or the index itself.
    pub(crate) name: u32,
    pub(crate) kind: EdgeKind,
}

/// What is in a file. See [`read()`](crate::read()).
#[derive(Debug, Default)]
pub struct Graph {
    pub(crate) root: u32,
    pub(crate) kinds: Vec<String>,
    pub(crate) nodes: Vec<NodeRow>,
    pub(crate) edges: Vec<EdgeRow>,
    pub(crate) strings: String,
    /// Where each string ends.
    pub(crate) ends: Vec<usize>,
}

impl Graph {
    /// How many nodes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are no nodes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// How many edges there are.
    #[must_use]
    pub fn edge_count(&self) -> usize {
        self.edges.len()
    }

    /// The numbers of all nodes.
    #[must_use]
    pub fn numbers(&self) -> core::ops::Range<u32> {
        0..u32::try_from(self.nodes.len()).unwrap_or(u32::MAX)
    }

    /// The number of the node from which all is reached.
    #[must_use]
    pub fn root(&self) -> u32 {
        self.root
    }

    /// A string by its number, which was checked when the file was read.
    fn string(&self, number: u32) -> &str {
        let number = number as usize;
        let from = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.strings[from..self.ends[number]]
    }

    /// A node.
    ///
    /// # Panics
    /// If there are not so many.
    #[must_use]
    pub fn node(&self, number: u32) -> Node<'_> {
        let row = &self.nodes[number as usize];
        Node { id: row.id, name: self.string(row.name), kind: &self.kinds[row.kind as usize], size: row.size }
    }

    /// The number of the node with an id, by looking at all.
    #[must_use]
    pub fn find(&self, id: u64) -> Option<u32> {
        let found = self.nodes.iter().position(|node| node.id == id)?;
        u32::try_from(found).ok()
    }

    /// Where a node's edges lie among all.
    pub(crate) fn range(&self, number: u32) -> core::ops::Range<usize> {
        let before = (number as usize).checked_sub(1);
        let from = before.map_or(0, |before| self.nodes[before].end as usize);
        from..self.nodes[number as usize].end as usize
    }

    /// An edge by its number.
    pub(crate) fn edge(&self, number: usize) -> Edge<'_> {
        let EdgeRow { to, name, kind } = self.edges[number];
        let name = if kind.is_numbered() {
            EdgeName::Index(u64::from(name))
        } else {
            EdgeName::Name(self.string(name))
        };
        Edge { kind, name, to }
    }

    /// The edges of a node.
    ///
    /// # Panics
    /// If there are not so many nodes.
    pub fn edges(&self, number: u32) -> impl ExactSizeIterator<Item = Edge<'_>> {
        self.range(number).map(|edge| self.edge(edge))
    }

    /// Whether an edge of a node keeps what it leads to.
    pub(crate) fn keeps(&self, from: u32, edge: usize) -> bool {
        match self.edges[edge].kind {
            EdgeKind::Weak => false,
            EdgeKind::Shortcut => from == self.root,
            EdgeKind::Element
            | EdgeKind::Property
            | EdgeKind::Internal
            | EdgeKind::Hidden
            | EdgeKind::Context
            | EdgeKind::Other => true,
        }
    }
}
