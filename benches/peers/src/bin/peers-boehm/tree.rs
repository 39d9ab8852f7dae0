//! Tree: a node of two pointers, and the forest of the trees bench.

use core::ptr::NonNull;

use peers::trees;

use crate::library::Library;

/// A node. A null is no child.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Tree {
    pub(crate) left: *mut Tree,
    pub(crate) right: *mut Tree,
}

/// A new node without children.
pub(crate) fn node(library: &Library) -> NonNull<Tree> {
    library.scanned(size_of::<Tree>()).cast()
}

fn bottom_up(library: &Library, depth: u32) -> NonNull<Tree> {
    let (mut left, mut right) = (core::ptr::null_mut(), core::ptr::null_mut());
    if depth > 0 {
        left = bottom_up(library, depth - 1).as_ptr();
        right = bottom_up(library, depth - 1).as_ptr();
    }
    let node = node(library);
    // SAFETY: the node was just made, has room for a `Tree`, and nobody else knows it.
    unsafe { node.write(Tree { left, right }) };
    node
}

/// Nodes of a tree.
fn count(tree: NonNull<Tree>) -> u64 {
    // SAFETY: it is reachable from the caller's stack, was written whole, and nobody writes to it any more.
    let tree = unsafe { tree.as_ref() };
    let below = |child: *mut Tree| NonNull::new(child).map_or(0, count);
    1 + below(tree.left) + below(tree.right)
}

/// Trees in the collector's memory. It is to be on the stack, where the collector finds what is kept.
#[derive(Debug)]
pub(crate) struct Forest<'a> {
    library: &'a Library,
    kept: Option<NonNull<Tree>>,
}

impl<'a> Forest<'a> {
    /// With no tree yet.
    pub(crate) fn new(library: &'a Library) -> Self {
        Self { library, kept: None }
    }
}

impl trees::Forest for Forest<'_> {
    fn build_and_count(&mut self, depth: u32) -> u64 {
        count(bottom_up(self.library, depth))
    }

    fn keep(&mut self, depth: u32) {
        self.kept = Some(bottom_up(self.library, depth));
    }

    fn count_kept(&mut self) -> u64 {
        self.kept.map_or(0, count)
    }
}
