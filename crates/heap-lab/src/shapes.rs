//! Shapes: live heaps to mark, built the same way for experiments and benches.
//!
//! ```text
//!   ptr3    [ ● ● ● … ]──▶ { ● ● ● }──▶ 1        tree     ●──▶ { ● ● } …  balanced, children made first
//!   ptr3n   [ ● ● ● … ]──▶ { ∅ ∅ ∅ }             graph    { ● ● ● ● } to random others
//!   int3    [ ● ● ● … ]──▶ { 1 2 3 }             wide     64 × [ ● ● ● … ]──▶ one of 65,536 numbers
//!   list    ●──▶ { ● n }──▶ { ● n }──▶ …         bytes    1 MiB each, no references
//!   widenil 64 × [ ∅ ∅ ∅ … ]                     sparse   64 × [ ∅ ∅ ● ∅ … ], one reference in eight
//!   table   64 × [ { ● n n } { ∅ n n } … ], half of the entries without a reference
//! ```
//! `list` is linked in the order of allocation and so of addresses; `listr` in a random one, the worst case of any
//! marker: each node is known only when the one before has been read from memory.
//!
//! Building happens in one `enter`, so nothing is collected meanwhile. The order of random choices follows from a
//! seed alone.

use crate::choice::choices;
use std::any::Any;
use tricolor::{Gc, GcCell, GcSlice, Mu, Mutator, Root, Trace};

choices! {
    /// What is live while the collector marks.
    MarkShape, "mark shape" {
        /// An array of references to objects of three references, all to one integer.
        Ptr3 = "ptr3",
        /// The same with null references.
        Ptr3Nil = "ptr3n",
        /// An array of references to objects of three integers.
        Int3 = "int3",
        /// 16-byte nodes linked in allocation order, from one root.
        List = "list",
        /// The same, linked in random order.
        ListRandom = "listr",
        /// A balanced binary tree, allocated depth first.
        Tree = "tree",
        /// 32-byte nodes of four references to random nodes, from one root.
        Graph = "graph",
        /// 64 arrays of references, each to one of 65,536 small objects.
        Wide = "wide",
        /// The same arrays with null references.
        WideNil = "widenil",
        /// The same arrays with one reference in eight, the others null.
        WideSparse = "sparse",
        /// 64 arrays of entries of a reference and two integers, half of them empty.
        Table = "table",
        /// Pieces of 1 MiB without references.
        Bytes = "bytes",
    }
}

impl MarkShape {
    /// Bytes that one of a shape takes while it is built, those of the builder's own lists included.
    pub(crate) fn bytes(self) -> u64 {
        match self {
            Self::Ptr3 | Self::Ptr3Nil | Self::Int3 => 8 + 24,
            Self::List | Self::Tree => 16,
            Self::ListRandom => 16 + 8,
            Self::Graph => 32 + 8,
            Self::Wide | Self::WideNil | Self::WideSparse => 8,
            Self::Table => 24,
            Self::Bytes => PIECE as u64 + 8192,
        }
    }
}

/// Arrays of `wide`.
const WIDE_ARRAYS: usize = 64;
/// Objects that the references of `wide` lead to.
const WIDE_OBJECTS: usize = 65_536;
/// Bytes of a piece of `bytes`.
const PIECE: usize = 1 << 20;

/// Three references.
pub(crate) type Pointers<'gc> = [Option<Gc<'gc, u64>>; 3];
/// Three integers: the same size, nothing to follow.
pub(crate) type Integers = [u64; 3];

/// A node of a list: 16 bytes.
#[derive(Trace)]
struct Node<'gc> {
    next: GcCell<Option<Gc<'gc, Node<'gc>>>>,
    value: u64,
}

/// A node of a binary tree: 16 bytes.
#[derive(Trace)]
pub(crate) struct Tree<'gc> {
    /// The left child.
    pub(crate) left: Option<Gc<'gc, Tree<'gc>>>,
    /// The right child.
    pub(crate) right: Option<Gc<'gc, Tree<'gc>>>,
}

/// A node of a graph: 32 bytes.
#[derive(Trace)]
struct Vertex<'gc> {
    edges: [GcCell<Option<Gc<'gc, Vertex<'gc>>>>; 4],
}

/// An entry of a table: 24 bytes.
#[derive(Trace)]
struct Entry<'gc> {
    key: Option<Gc<'gc, u64>>,
    hash: u64,
    value: u64,
}

/// A shape that lives as long as this does.
pub(crate) struct Live {
    _roots: Vec<Box<dyn Any>>,
    /// The first node, if it is a list.
    head: Option<Root<Node<'static>>>,
}

impl Live {
    /// Goes along the list, if it is one, as a program would, and says how many nodes it has. Each is known only when the one before was
    /// read, for the collector as for the program.
    pub(crate) fn walk(&self, mutator: &mut Mutator) -> Option<u64> {
        let head = self.head.as_ref()?;
        Some(mutator.enter(|mu| {
            let (mut nodes, mut sum) = (0, 0_u64);
            let mut next = Some(head.get(mu));
            while let Some(node) = next {
                nodes += 1;
                sum = sum.wrapping_add(node.value);
                next = node.next.get();
            }
            std::hint::black_box(sum);
            nodes
        }))
    }
}

/// A number generator whose whole sequence follows from its seed (splitmix64, Steele, Lea and Flood 2014).
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The sequence of this seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number below `bound`, which must not be zero; uneven by less than `bound / 2^64`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the high half of a product with a usize is below it"
        )]
        let number = ((u128::from(self.bits()) * bound as u128) >> 64) as usize;
        number
    }

    /// Puts `items` into a random order.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// Builds `count` objects of a shape (for `wide` references, for `bytes` pieces). They live as long as the answer.
pub(crate) fn build(mutator: &mut Mutator, shape: MarkShape, count: usize, seed: u64) -> Live {
    let mut random = Random::new(seed);
    let mut roots: Vec<Box<dyn Any>> = Vec::new();
    let mut head = None;
    mutator.enter(|mu| match shape {
        MarkShape::Ptr3 => {
            let one = Some(mu.alloc(1u64));
            roots.push(Box::new(mu.root(mu.alloc_slice(count, |_| mu.alloc::<Pointers<'_>>([one; 3])))));
        }
        MarkShape::Ptr3Nil => {
            roots.push(Box::new(mu.root(mu.alloc_slice(count, |_| mu.alloc::<Pointers<'_>>([None; 3])))));
        }
        MarkShape::Int3 => {
            let number = |index: usize| mu.alloc::<Integers>([index as u64, 1, 2]);
            roots.push(Box::new(mu.root(mu.alloc_slice(count, number))));
        }
        MarkShape::List => head = list(mu, count),
        MarkShape::ListRandom => head = random_list(mu, count, &mut random),
        MarkShape::Tree => roots.extend(tree(mu, count).map(|tree| boxed(mu.root(tree)))),
        MarkShape::Graph => roots.extend(graph(mu, count, &mut random).map(boxed)),
        MarkShape::Wide => {
            let objects = numbers(mu);
            let slices = wide(mu, count, |_| objects[random.below(WIDE_OBJECTS)]);
            roots.extend(slices.into_iter().map(|slice| boxed(mu.root(slice))));
        }
        MarkShape::WideNil => {
            let slices = wide(mu, count, |_| None::<Gc<'_, u64>>);
            roots.extend(slices.into_iter().map(|slice| boxed(mu.root(slice))));
        }
        MarkShape::WideSparse => {
            let objects = numbers(mu);
            let slices =
                wide(mu, count, |_| (random.below(8) == 0).then(|| objects[random.below(WIDE_OBJECTS)]));
            roots.extend(slices.into_iter().map(|slice| boxed(mu.root(slice))));
        }
        MarkShape::Table => {
            let objects = numbers(mu);
            let slices = wide(mu, count, |index| Entry {
                key: (random.below(2) == 0).then(|| objects[random.below(WIDE_OBJECTS)]),
                hash: random.bits(),
                value: index as u64,
            });
            roots.extend(slices.into_iter().map(|slice| boxed(mu.root(slice))));
        }
        MarkShape::Bytes => {
            let piece = vec![1u8; PIECE];
            roots.extend((0..count).map(|_| boxed(mu.root(mu.alloc_copy(&piece)))));
        }
    });
    Live { _roots: roots, head }
}

/// What the references of the wide shapes lead to.
fn numbers<'gc>(mu: &Mu<'gc>) -> Vec<Gc<'gc, u64>> {
    (0..WIDE_OBJECTS).map(|index| mu.alloc(index as u64)).collect()
}

/// Arrays of `count` elements in all.
fn wide<'gc, T: Trace + 'gc>(
    mu: &Mu<'gc>,
    count: usize,
    mut element: impl FnMut(usize) -> T,
) -> Vec<Gc<'gc, GcSlice<T>>> {
    (0..WIDE_ARRAYS).map(|array| mu.alloc_slice((count + array) / WIDE_ARRAYS, &mut element)).collect()
}

fn boxed<R: tricolor::Rebrand + 'static>(root: Root<R>) -> Box<dyn Any> {
    Box::new(root)
}

fn list(mu: &Mu<'_>, count: usize) -> Option<Root<Node<'static>>> {
    let node = |value: usize| mu.alloc(Node { next: GcCell::new(None), value: value as u64 });
    let head = (count > 0).then(|| node(0))?;
    let mut tail = head;
    for value in 1..count {
        let next = node(value);
        tail.next.set(mu, Some(next));
        tail = next;
    }
    Some(mu.root(head))
}

fn random_list(mu: &Mu<'_>, count: usize, random: &mut Random) -> Option<Root<Node<'static>>> {
    let mut nodes: Vec<Gc<'_, Node<'_>>> =
        (0..count).map(|value| mu.alloc(Node { next: GcCell::new(None), value: value as u64 })).collect();
    random.shuffle(&mut nodes);
    for pair in nodes.windows(2) {
        pair[0].next.set(mu, Some(pair[1]));
    }
    nodes.first().map(|head| mu.root(*head))
}

/// A tree of `count` nodes whose halves differ by at most one; children are made before their parent.
pub(crate) fn tree<'gc>(mu: &Mu<'gc>, count: usize) -> Option<Gc<'gc, Tree<'gc>>> {
    let below = count.checked_sub(1)?;
    let left = tree(mu, below / 2);
    let right = tree(mu, below - below / 2);
    Some(mu.alloc(Tree { left, right }))
}

fn graph(mu: &Mu<'_>, count: usize, random: &mut Random) -> Option<Root<Vertex<'static>>> {
    let vertices: Vec<Gc<'_, Vertex<'_>>> =
        (0..count).map(|_| mu.alloc(Vertex { edges: [const { GcCell::new(None) }; 4] })).collect();
    for vertex in &vertices {
        for edge in &vertex.edges {
            edge.set(mu, Some(vertices[random.below(count)]));
        }
    }
    vertices.first().map(|first| mu.root(*first))
}

#[cfg(test)]
mod tests;
