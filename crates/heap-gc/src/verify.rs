//! Verification of a heap whose world is stopped: the memory's invariants, and reachability a second time.
//!
//! The second marker is as simple as can be: a set, a list, the plain walk over an object's words
//! ([`heap_core::verify::each_word`]), the ephemerons, and the roots as they are now. An object reached but not marked would be
//! freed while in use (E3). One marked but not reached was garbage before (E4), if nobody ran since marking began: beside
//! mutators there is floating garbage, which became so meanwhile or was born marked.

use crate::finalizer::AllFinalizers;
use crate::handshake::WorldStopped;
use crate::own_roots::OwnKind;
use crate::part::Part;
use crate::roots::Roots;
use heap_core::memory::Memory;
use heap_core::span::SpanId;
use heap_core::span::marks::{DROPPED, QUEUED};
use heap_core::verify::{Violation, Word, check, each_span, each_word};
use std::collections::{HashMap, HashSet};

/// The roots of a heap whose world is stopped.
#[derive(Debug)]
pub(crate) struct AllRoots {
    /// Addresses of objects.
    pub(crate) exact: Vec<usize>,
    /// Words that may be anything.
    pub(crate) ambiguous: Vec<usize>,
}

impl AllRoots {
    /// Those in the table, and the mutators' own.
    pub(crate) fn of(memory: &Memory, table: &Roots, world: &WorldStopped<'_, Part>) -> Self {
        let mut all = Self { exact: table.snapshot(), ambiguous: Vec::new() };
        each_own_root(memory, world, &mut |_, _, word| match word {
            Word::Exact(word) => all.exact.push(word),
            Word::Ambiguous(word) => all.ambiguous.push(word),
        });
        all
    }

    /// And what is kept for finalizers: what the objects lead to that have one.
    pub(crate) fn and_kept(mut self, memory: &Memory, finalizers: &AllFinalizers) -> Self {
        finalizers.each_reached(memory, |word| match word {
            Word::Exact(0) => {}
            Word::Exact(word) => self.exact.push(word),
            Word::Ambiguous(word) => self.ambiguous.push(word),
        });
        self
    }
}

/// Where a mutator's own root is from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Origin {
    /// It was registered.
    Own(OwnKind),
    /// An object in a frame of the raw layer leads there, or is recorded as being in one.
    Frames,
    /// What is kept in pools.
    Pools,
}

/// Calls `visit` with the roots of the mutators' own: the mutator's number, where from, and the word.
pub(crate) fn each_own_root(
    memory: &Memory,
    world: &WorldStopped<'_, Part>,
    visit: &mut dyn FnMut(u64, Origin, Word),
) {
    for part in world.parts() {
        let mut keep = |from, word| match word {
            // What is in a frame is no object; what it leads to is reported beside it.
            Word::Exact(word) if part.hinted.has(word) => {}
            Word::Exact(_) | Word::Ambiguous(_) => visit(part.number, from, word),
        };
        // SAFETY: the world is stopped, so the mutator is outside.
        unsafe { part.own.each_by_kind(&mut |kind, word| keep(Origin::Own(kind), word)) };
        // SAFETY: as above.
        unsafe { part.hinted.each(memory, &mut |word| keep(Origin::Frames, word)) };
        part.pools.each(&mut |word| keep(Origin::Pools, word));
    }
}

/// The memory's invariants and the roots'. No mutator holds anything, and every span is swept.
pub(crate) fn check_all(memory: &Memory, roots: &AllRoots) -> Vec<Violation> {
    let mut found = check(memory);
    for &word in &roots.exact {
        if memory.map().resolve(word).is_none() {
            found.push(Violation { name: "F2", what: format!("a root is {word:#x}, which is no object") });
        }
    }
    found
}

/// Whether what is marked may be unreachable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Floating {
    /// Nothing: nobody ran while it was marked.
    None,
    /// What became garbage while it was marked, or was allocated.
    Any,
}

/// Compares the marks with a second, simple marking. `edges` are ephemeron, key and value of each ephemeron: when the first two
/// are reached, the third is.
pub(crate) fn compare_marks(
    memory: &Memory,
    roots: &AllRoots,
    edges: &[[usize; 3]],
    floating: Floating,
) -> Vec<Violation> {
    let map = memory.map();
    let epoch = memory.epoch();
    let mut reached: HashSet<(SpanId, u32)> = HashSet::new();
    let mut list = Vec::new();
    let mut found = Vec::new();
    let slot_of = |word: usize| map.resolve(word).map(|at| (at.span, at.slot));
    let mut waiting: HashMap<(SpanId, u32), Vec<&[usize; 3]>> = HashMap::new();
    for edge in edges {
        for slot in [slot_of(edge[0]), slot_of(edge[1])].into_iter().flatten() {
            waiting.entry(slot).or_default().push(edge);
        }
    }
    let mut once: HashSet<(SpanId, u32)> = HashSet::new();
    let mut visit = |word: usize, list: &mut Vec<(SpanId, u32)>, ambiguous: bool| {
        let Some(at) = map.resolve(word) else { return };
        let mark = map.mark_of(map.span(at.span), at.slot).get();
        if ambiguous && (mark == QUEUED || mark == DROPPED) {
            return;
        }
        if reached.insert((at.span, at.slot)) {
            list.push((at.span, at.slot));
        }
    };
    for &word in &roots.exact {
        visit(word, &mut list, false);
    }
    let is_kept = |word: usize| {
        let found = map.resolve(word);
        floating == Floating::None || found.is_some_and(|at| map.is_marked(map.span(at.span), at.slot, epoch))
    };
    for &word in &roots.ambiguous {
        // Beside mutators such a word may have come since the roots were taken, and not be a reference: then nobody need have
        // marked what it looks like.
        each_reading(memory, word, |word| {
            if is_kept(word) {
                visit(word, &mut list, true);
            }
        });
    }
    while let Some((id, slot)) = list.pop() {
        let span = map.span(id);
        if !map.is_marked(span, slot, epoch) && found.len() < 50 {
            let what = format!(
                "slot {slot} of {id:?} ({:?}) is reachable and not marked",
                memory.entry_of(span).layout()
            );
            found.push(Violation { name: "E3", what });
        }
        each_word(memory, span, slot, |_, word| match word {
            Word::Exact(word) => visit(word, &mut list, false),
            Word::Ambiguous(word) => each_reading(memory, word, |word| visit(word, &mut list, true)),
        });
        once.insert((id, slot));
        for &&[ephemeron, key, value] in waiting.get(&(id, slot)).into_iter().flatten() {
            if [ephemeron, key].iter().all(|&word| slot_of(word).is_some_and(|slot| once.contains(&slot))) {
                visit(value, &mut list, false);
            }
        }
    }
    if floating == Floating::Any {
        return found;
    }
    each_span(memory, |id, span| {
        for slot in 0..span.slots() {
            if map.is_marked(span, slot, epoch) && !reached.contains(&(id, slot)) && found.len() < 50 {
                let what = format!(
                    "slot {slot} of {id:?} ({:?}) is marked and not reachable",
                    memory.entry_of(span).layout()
                );
                found.push(Violation { name: "E4", what });
            }
        }
    });
    found
}

/// Calls `visit` with a word that may be anything, and with what it is decoded to.
fn each_reading(memory: &Memory, word: usize, mut visit: impl FnMut(usize)) {
    visit(word);
    if let Some(decoder) = memory.decoder() {
        visit(decoder.decode(word));
    }
}

/// Aborts with a report if something does not hold.
pub(crate) fn insist(found: &[Violation], when: &str) {
    if !found.is_empty() {
        let report: Vec<String> = found.iter().map(Violation::to_string).collect();
        heap_core::bug!("{} violations {when}:\n{}", found.len(), report.join("\n"));
    }
}
