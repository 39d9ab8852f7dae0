//! A tree, made by a recursion: of objects by themselves, from an arena, and from a chunk that is lent. Statement by statement the same.

use tricolor::{Arena, Fill, Gc, Mu, Trace};

#[derive(Trace)]
pub(crate) struct Tree<'gc> {
    pub(crate) left: Option<Gc<'gc, Tree<'gc>>>,
    pub(crate) right: Option<Gc<'gc, Tree<'gc>>>,
}

pub(crate) fn tree<'gc>(mu: &Mu<'gc>, depth: u32) -> Gc<'gc, Tree<'gc>> {
    let (mut left, mut right) = (None, None);
    if depth > 0 {
        left = Some(tree(mu, depth - 1));
        right = Some(tree(mu, depth - 1));
    }
    mu.alloc(Tree { left, right })
}

pub(crate) fn tree_in<'gc>(
    mu: &Mu<'gc>,
    arena: &mut Arena<'gc, Tree<'gc>>,
    depth: u32,
) -> Gc<'gc, Tree<'gc>> {
    let (mut left, mut right) = (None, None);
    if depth > 0 {
        left = Some(tree_in(mu, arena, depth - 1));
        right = Some(tree_in(mu, arena, depth - 1));
    }
    arena.alloc(mu, Tree { left, right })
}

pub(crate) fn tree_fill<'gc>(fill: &mut Fill<'_, 'gc, Tree<'gc>>, depth: u32) -> Gc<'gc, Tree<'gc>> {
    let (mut left, mut right) = (None, None);
    if depth > 0 {
        left = Some(tree_fill(fill, depth - 1));
        right = Some(tree_fill(fill, depth - 1));
    }
    fill.alloc(Tree { left, right })
}
