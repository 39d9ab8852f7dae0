//! What does not outlive its call: asks `heap_escape`, and rewrites instructions by the answer.
//!
//! ```text
//!   instructions ── record.rs ──> the core's graph ──> verdicts ── rewrite.rs ──> instructions
//! ```
//!
//! * A closure or an instance that does not outlive the call that made it is *near*: it lies in the [`Yard`](crate::yard::Yard), in a
//!   place that its site has in each call. Nothing is allocated.
//! * A variable that only near closures have captured stays on the stack.
//! * A variable that nobody changes after it was captured is copied into the closure, near or not.
//! * All else is as the book has it. Strings are never near: each is in the set of all strings, which is in the heap.
//!
//! A program that is known whole ([`Asked::is_whole`]) has no other functions and classes than its own, so a global variable that is
//! assigned once is what its declaration says, and a method is one of those of its name. Otherwise other programs may follow that
//! assign the same globals, and such calls lead to who knows what.
//!
//! `docs/design/escape-lox.md` says what this gave.

mod facts;
mod record;
mod rewrite;

use crate::draft::{Class, Draft};
use facts::Facts;

/// What the interpreter makes of the analysis.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Escape {
    /// Nothing is asked: every closure, instance and captured variable is in the heap.
    Off,
    /// What does not outlive its call is not in the heap.
    #[default]
    On,
    /// All is in the heap, and the collector judges: [`Session::wrong_hints`](crate::Session::wrong_hints) names what was to
    /// be near and has outlived its call. Slow: there is a collection at the end of each such call.
    Checked,
    /// As `Checked`, with mistakes among the verdicts: about half of the sites that belong in the heap are said to stay, by this seed.
    Planted(u64),
}

/// What a session asks for, and what it is told.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) mode: Escape,
    /// Whether a program is the only one of its session.
    pub(crate) is_whole: bool,
    /// The sites that are watched.
    pub(crate) sites: Vec<Watched>,
}

/// A site that is watched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Watched {
    pub(crate) line: u32,
    /// Whether its hint is a mistake that was planted.
    pub(crate) is_planted: bool,
}

/// Rewrites the functions on the shelf, the script last. The most places in the yard that one call needs.
pub(crate) fn place(shelf: &mut [Draft<'_, '_>], classes: &[Class], asked: &mut Asked) -> usize {
    if asked.mode == Escape::Off {
        return 0;
    }
    let facts = Facts::of(shelf, classes, asked.is_whole);
    let mut crowded = vec![false; shelf.len()];
    loop {
        let recorded = record::record(shelf, &facts, &crowded);
        let answer = rewrite::Answer::of(&recorded, &facts, shelf.len());
        let more = answer.crowded();
        if more.is_empty() {
            return rewrite::rewrite(shelf, &recorded, &answer, asked);
        }
        more.into_iter().for_each(|draft| crowded[draft] = true);
    }
}
