//! Programs: lists of heap operations from a seed.
//!
//! An operation is a kind and three numbers. What the numbers mean depends on what there is when it runs: a root is
//! `a` modulo the roots there are, and so on. So every part of a program is a program, which is what lets a failing one be
//! shrunk by leaving operations out.

use crate::random::Random;

/// What an operation does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// Allocate an object, let its places lead to objects there are, and make a root for it.
    Alloc,
    /// Allocate objects that nothing leads to.
    Litter,
    /// Let a place of an object lead to another.
    Store,
    /// Let a place hold nothing.
    Clear,
    /// Let a place hold the address of an object as a number.
    Hide,
    /// Change the number or the order of a vector's elements.
    Change,
    /// Change the entries of a map.
    Turn,
    /// Let a watch look at something.
    Watch,
    /// Make roots for what a watch sees.
    Upgrade,
    /// Ask a weak map something, or tell it.
    Note,
    /// Ask an intern table for a name.
    Name,
    /// Exchange a reference that threads could share.
    Exchange,
    /// Open a frame, and frames in it.
    Frame,
    /// Pack objects into the chunks of an arena.
    Pack,
    /// Put something into a pool, or take it.
    Pool,
    /// Have something done when an object is dead, or not any more.
    Cleanup,
    /// Have something done with an object that nothing leads to, or not any more.
    Finalize,
    /// Make a root for what a place leads to.
    Load,
    /// Make a second root for an object.
    Clone,
    /// Point a root to another object of the same shape.
    Point,
    /// Drop a root.
    Drop,
    /// Stand at a safepoint.
    Safepoint,
    /// Look at everything reachable.
    Look,
    /// Collect, and look.
    Collect,
    /// Collect until nothing dead is left, look, and count.
    Settle,
    /// Give free memory back, and count.
    Release,
    /// Verify the heap.
    Verify,
    /// Detach the thread and attach it again.
    Attach,
}

/// Kinds and how often each comes, of the sum.
const WEIGHTS: [(Kind, u64); 28] = [
    (Kind::Alloc, 300),
    (Kind::Litter, 60),
    (Kind::Store, 250),
    (Kind::Clear, 40),
    (Kind::Hide, 20),
    (Kind::Change, 110),
    (Kind::Turn, 90),
    (Kind::Watch, 70),
    (Kind::Upgrade, 50),
    (Kind::Note, 90),
    (Kind::Name, 40),
    (Kind::Exchange, 30),
    (Kind::Frame, 20),
    (Kind::Pack, 25),
    (Kind::Pool, 50),
    (Kind::Cleanup, 25),
    (Kind::Finalize, 35),
    (Kind::Load, 120),
    (Kind::Clone, 20),
    (Kind::Point, 20),
    (Kind::Drop, 120),
    (Kind::Safepoint, 10),
    (Kind::Look, 10),
    (Kind::Collect, 15),
    (Kind::Settle, 10),
    (Kind::Release, 3),
    (Kind::Verify, 5),
    (Kind::Attach, 5),
];

/// One operation. See the module's text.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Op {
    /// What it does.
    pub kind: Kind,
    /// Mostly: which root.
    pub a: u32,
    /// Mostly: which way from there.
    pub b: u32,
    /// Mostly: which other object.
    pub c: u32,
}

impl core::fmt::Debug for Op {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:?}({:#x}, {:#x}, {:#x})", self.kind, self.a, self.b, self.c)
    }
}

/// A list of operations and the seed it came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Program {
    /// The seed.
    pub seed: u64,
    /// The operations.
    pub ops: Vec<Op>,
}

impl Program {
    /// The program with this seed and number of operations.
    #[must_use]
    pub fn generate(seed: u64, ops: usize) -> Self {
        let mut random = Random::new(seed);
        let sum = WEIGHTS.iter().map(|(_, weight)| weight).sum();
        let ops = (0..ops)
            .map(|_| {
                let mut left = random.below(sum);
                let mut kind = Kind::Alloc;
                for (each, weight) in WEIGHTS {
                    if left < weight {
                        kind = each;
                        break;
                    }
                    left -= weight;
                }
                Op { kind, a: random.word(), b: random.word(), c: random.word() }
            })
            .collect();
        Self { seed, ops }
    }

    /// The same program with other operations.
    #[must_use]
    pub fn with_ops(&self, ops: Vec<Op>) -> Self {
        Self { seed: self.seed, ops }
    }
}
