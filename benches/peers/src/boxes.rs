//! Boxes: trees of `Box`, freed by hand, node by node, as the global allocator has it.

use std::process::ExitCode;

use crate::trees::{self, Forest};
use crate::{Refusal, program};

struct Node {
    left: Option<Box<Node>>,
    right: Option<Box<Node>>,
}

impl Node {
    fn bottom_up(depth: u32) -> Box<Self> {
        Box::new(match depth {
            0 => Self { left: None, right: None },
            _ => Self { left: Some(Self::bottom_up(depth - 1)), right: Some(Self::bottom_up(depth - 1)) },
        })
    }

    fn count(&self) -> u64 {
        match (&self.left, &self.right) {
            (Some(left), Some(right)) => 1 + left.count() + right.count(),
            _ => 1,
        }
    }
}

#[derive(Default)]
struct Boxes {
    kept: Option<Box<Node>>,
}

impl Forest for Boxes {
    fn build_and_count(&mut self, depth: u32) -> u64 {
        Node::bottom_up(depth).count()
    }

    fn keep(&mut self, depth: u32) {
        self.kept = Some(Node::bottom_up(depth));
    }

    fn count_kept(&mut self) -> u64 {
        self.kept.as_ref().map_or(0, |tree| tree.count())
    }
}

/// The program of a peer that is a global allocator.
pub fn main(peer: &str) -> ExitCode {
    program("trees DEPTH", |args| match *args {
        ["trees", depth] => trees::run(peer, &mut Boxes::default(), depth),
        _ => Err(Refusal::new(format!("cannot run {args:?}"))),
    })
}
