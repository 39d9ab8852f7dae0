//! Batches: references on the way from one worker to another.
#![forbid(unsafe_code)]

use super::ROOM;

/// References on the way from one worker to another.
#[derive(Clone, Debug)]
#[cfg_attr(test, derive(PartialEq))]
pub(crate) enum Batch {
    /// Marked objects that are not scanned yet.
    Objects(Vec<usize>),
    /// What is left of a large object being scanned in pieces.
    Piece(Piece),
    /// Words that may be references, out of fields that were erased. They are looked up when all roots are taken.
    Maybe(Vec<usize>),
}

/// The rest of a large object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Piece {
    /// The object.
    pub(crate) object: usize,
    /// The word to go on with.
    pub(crate) from: usize,
}

impl Batch {
    /// A batch with nothing in it, and no memory.
    pub(crate) const NOTHING: Self = Self::Objects(Vec::new());

    /// Whether nothing is in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }

    /// Whether it has so many references that it is not lent whole.
    pub(super) fn is_large(&self) -> bool {
        self.len() > Some(ROOM)
    }

    /// How many references it has, if it has those.
    fn len(&self) -> Option<usize> {
        match self {
            Self::Objects(references) | Self::Maybe(references) => Some(references.len()),
            Self::Piece(_) => None,
        }
    }

    /// Takes the last so many of its references out, in that memory. A piece stays whole.
    pub(super) fn split(&mut self, most: usize, mut memory: Vec<usize>) -> Self {
        let mut last = |from: &mut Vec<usize>| {
            memory.extend(from.drain(from.len().saturating_sub(most)..));
            core::mem::take(&mut memory)
        };
        match self {
            Self::Objects(references) => Self::Objects(last(references)),
            Self::Maybe(references) => Self::Maybe(last(references)),
            Self::Piece(_) => Self::Objects(memory),
        }
    }

    /// The vector that its references were in.
    pub(crate) fn into_memory(self) -> Vec<usize> {
        match self {
            Self::Objects(references) | Self::Maybe(references) => references,
            Self::Piece(_) => Vec::new(),
        }
    }
}
