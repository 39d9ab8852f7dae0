//! Tree: a node of two pointers, and the forest of the trees bench.

use gc_arena::{Arena, Collect, Gc, Mutation, Rootable};
use peers::trees;

/// A node.
#[derive(Clone, Copy, Collect)]
#[collect(no_drop)]
pub(crate) struct Tree<'gc> {
    pub(crate) left: Option<Gc<'gc, Tree<'gc>>>,
    pub(crate) right: Option<Gc<'gc, Tree<'gc>>>,
}

fn bottom_up<'gc>(mc: &Mutation<'gc>, depth: u32) -> Gc<'gc, Tree<'gc>> {
    let node = match depth {
        0 => Tree { left: None, right: None },
        _ => Tree { left: Some(bottom_up(mc, depth - 1)), right: Some(bottom_up(mc, depth - 1)) },
    };
    Gc::new(mc, node)
}

fn count(tree: Gc<'_, Tree<'_>>) -> u64 {
    match (tree.left, tree.right) {
        (Some(left), Some(right)) => 1 + count(left) + count(right),
        _ => 1,
    }
}

/// The root of an arena that keeps one tree, or none.
pub(crate) type OneTree = Rootable![Option<Gc<'_, Tree<'_>>>];

/// An arena whose root is the tree that lives on. It collects between two trees: inside a mutation it cannot.
pub(crate) struct Forest {
    arena: Arena<OneTree>,
}

impl Default for Forest {
    fn default() -> Self {
        Self { arena: Arena::new(|_| None) }
    }
}

impl trees::Forest for Forest {
    fn build_and_count(&mut self, depth: u32) -> u64 {
        let nodes = self.arena.mutate(|mc, _| count(bottom_up(mc, depth)));
        self.arena.collect_debt();
        nodes
    }

    fn keep(&mut self, depth: u32) {
        self.arena.mutate_root(|mc, kept| *kept = Some(bottom_up(mc, depth)));
        self.arena.collect_debt();
    }

    fn count_kept(&mut self) -> u64 {
        self.arena.mutate(|_, kept| kept.map_or(0, count))
    }
}
