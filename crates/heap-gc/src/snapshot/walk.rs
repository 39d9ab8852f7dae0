//! The walk of a snapshot: from the roots through everything that can be reached, while everybody is held.
//!
//! Nodes are numbered as they are found, and looked into in the same order, so the list of nodes is the queue, and the edges of
//! each lie together without any sorting. Which number a slot has is in a table with an entry for each slot, at the place where
//! the slot's mark has its own.
//!
//! Ephemerons are followed as the collector does: when the ephemeron and its key have been found, the value is.
#![forbid(unsafe_code)]

use super::graph::{
    EdgeKind, Node, NodeKind, RootGroup, RootKind, Snapshot, SnapshotEdge, SnapshotError, Type,
};
use crate::handshake::WorldStopped;
use crate::own_roots::OwnKind;
use crate::part::Part;
use crate::shared::Shared;
use crate::verify::{Origin, each_own_root};
use core::time::Duration;
use heap_core::census::label;
use heap_core::fault::{self, Fault};
use heap_core::layout::{Extent, Layout, LayoutId};
use heap_core::memory::Memory;
use heap_core::span::Span;
use heap_core::span::map::SpanMap;
use heap_core::span::marks::{DROPPED, QUEUED};
use heap_core::units::{Bytes, WORD_BYTES};
use heap_core::verify::{Word, each_span, each_word};
use std::collections::HashMap;

/// Numbers at the end that no object has.
const KEPT_FREE: usize = 1 << 16;
/// The least that a list grows to.
const LEAST_GROWTH: usize = 1024;

/// What may still be taken of the process's memory.
#[derive(Debug)]
struct Budget {
    taken: usize,
    most: usize,
}

impl Budget {
    /// Room for one more in a list.
    fn push<T>(&mut self, list: &mut Vec<T>, value: T) -> Result<(), SnapshotError> {
        if list.len() == list.capacity() {
            let more = list.capacity().max(LEAST_GROWTH);
            self.reserve(list, more)?;
        }
        list.push(value);
        Ok(())
    }

    /// Room for so many more, exactly.
    fn reserve<T>(&mut self, list: &mut Vec<T>, more: usize) -> Result<(), SnapshotError> {
        let before = list.capacity();
        let bytes = more.saturating_mul(size_of::<T>());
        let needed = self.taken.saturating_add(bytes);
        if needed > self.most {
            return Err(SnapshotError::Bound { needed: Bytes::new(needed), most: Bytes::new(self.most) });
        }
        let asked = Bytes::new(before.saturating_add(more).saturating_mul(size_of::<T>()));
        list.try_reserve_exact(before.saturating_add(more) - list.len())
            .map_err(|_| SnapshotError::NoMemory { asked })?;
        self.taken += (list.capacity() - before) * size_of::<T>();
        Ok(())
    }
}

/// An ephemeron that leads somewhere.
struct Pair {
    ephemeron: usize,
    key: usize,
    value: usize,
    is_followed: bool,
}

/// One walk. See the module's text.
pub(super) struct Walk<'a> {
    memory: &'a Memory,
    budget: Budget,
    /// By the place of a slot's mark: the number of its node and one; 0 if it has none.
    numbers: Vec<u32>,
    nodes: Vec<Node>,
    ends: Vec<u32>,
    edges: Vec<SnapshotEdge>,
    /// Edges that were found later than their node was looked into.
    late: Vec<(u32, SnapshotEdge)>,
    roots: Vec<RootGroup>,
    pairs: Vec<Pair>,
    /// By the place of the mark of an ephemeron or a key, in order: which pair waits for it.
    waiting: Vec<(usize, usize)>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(memory: &'a Memory, most: Bytes) -> Self {
        Self {
            memory,
            budget: Budget { taken: 0, most: most.get() },
            numbers: Vec::new(),
            nodes: Vec::new(),
            ends: Vec::new(),
            edges: Vec::new(),
            late: Vec::new(),
            roots: Vec::new(),
            pairs: Vec::new(),
            waiting: Vec::new(),
        }
    }

    /// The whole walk. Everything is swept, and no cycle runs.
    pub(super) fn run(&mut self, heap: &Shared, world: &WorldStopped<'_, Part>) -> Result<(), SnapshotError> {
        self.make_room()?;
        self.ephemerons(heap)?;
        self.roots(heap, world)?;
        let mut number = 0;
        while number < self.nodes.len() {
            self.look_into(number)?;
            number += 1;
        }
        self.weak_edges(heap)
    }

    /// A table with an entry for each slot.
    fn make_room(&mut self) -> Result<(), SnapshotError> {
        let mut slots = 0;
        each_span(self.memory, |_, span| {
            slots = slots.max(SpanMap::mark_place(span, span.slots() - 1) + 1);
        });
        if slots > u32::MAX as usize - KEPT_FREE {
            return Err(SnapshotError::TooMany);
        }
        self.budget.reserve(&mut self.numbers, slots)?;
        self.numbers.resize(slots, 0);
        Ok(())
    }

    /// The place of the mark of what a word leads to.
    fn place(&self, word: usize) -> Option<usize> {
        let found = self.memory.map().resolve(word)?;
        let span = self.memory.map().span(found.span);
        Some(SpanMap::mark_place(span, found.slot))
    }

    fn ephemerons(&mut self, heap: &Shared) -> Result<(), SnapshotError> {
        for [ephemeron, key, value] in heap.ephemerons.snapshot(self.memory) {
            let pair = Pair { ephemeron, key, value, is_followed: false };
            let number = self.pairs.len();
            for place in [self.place(ephemeron), self.place(key)].into_iter().flatten() {
                self.budget.push(&mut self.waiting, (place, number))?;
            }
            self.budget.push(&mut self.pairs, pair)?;
        }
        self.waiting.sort_unstable();
        Ok(())
    }

    /// The number of the node that a word leads to, which is found now if it was not before; `None` if it leads to no object.
    fn visit(&mut self, word: usize) -> Result<Option<u32>, SnapshotError> {
        let map = self.memory.map();
        let Some(found) = map.resolve(word) else { return Ok(None) };
        let span = map.span(found.span);
        let place = SpanMap::mark_place(span, found.slot);
        if let Some(known) = self.numbers[place].checked_sub(1) {
            return Ok(Some(known));
        }
        let number = u32::try_from(self.nodes.len() + 1).map_err(|_| SnapshotError::TooMany)?;
        let node = Node {
            address: found.start,
            size: span.stride().get(),
            id: u32::try_from(place).map_err(|_| SnapshotError::TooMany)?,
            layout: u32::try_from(self.memory.entry_of(span).id().index())
                .map_err(|_| SnapshotError::TooMany)?,
        };
        self.budget.push(&mut self.nodes, node)?;
        self.numbers[place] = number;
        Ok(Some(number - 1))
    }

    /// The same for a word that may be anything: what it leads to as it is, and decoded.
    fn visit_ambiguous(&mut self, word: usize) -> Result<[Option<u32>; 2], SnapshotError> {
        let plain = self.visit_maybe(word)?;
        let Some(decoder) = self.memory.decoder() else { return Ok([plain, None]) };
        let decoded = self.visit_maybe(decoder.decode(word))?;
        Ok([plain, decoded.filter(|_| decoded != plain)])
    }

    fn visit_maybe(&mut self, word: usize) -> Result<Option<u32>, SnapshotError> {
        let map = self.memory.map();
        let Some(found) = map.resolve(word) else { return Ok(None) };
        let mark = map.mark_of(map.span(found.span), found.slot).get();
        // Dead, and its drop is due or has run.
        let is_dead = (mark == QUEUED || mark == DROPPED) && !fault::on(Fault::SnapshotDeadFound);
        if is_dead { Ok(None) } else { self.visit(word) }
    }

    /// What a word of a root leads to is added to a group.
    fn root(&mut self, group: &mut RootGroup, word: Word) -> Result<(), SnapshotError> {
        let found = match word {
            Word::Exact(word) => [self.visit(word)?, None],
            Word::Ambiguous(word) => self.visit_ambiguous(word)?,
        };
        for to in found.into_iter().flatten() {
            self.budget.push(&mut group.targets, to)?;
        }
        Ok(())
    }

    fn roots(&mut self, heap: &Shared, world: &WorldStopped<'_, Part>) -> Result<(), SnapshotError> {
        let memory = self.memory;
        let handles = heap.roots.snapshot().into_iter();
        let mut words: Vec<_> = handles.map(|word| ((None, RootKind::Handles), Word::Exact(word))).collect();
        each_own_root(memory, world, &mut |number, from, word| {
            words.push(((Some(number), RootKind::from(from)), word));
        });
        heap.finalizers.each_reached(memory, |word| words.push(((None, RootKind::Finalizers), word)));
        words.sort_by_key(|(whose, _)| *whose);
        for words in words.chunk_by(|(one, _), (other, _)| one == other) {
            let (mutator, kind) = words[0].0;
            let mut group = RootGroup { kind, mutator, targets: Vec::new() };
            for &(_, word) in words {
                self.root(&mut group, word)?;
            }
            self.roots.extend(Some(group).filter(|group| !group.targets.is_empty()));
        }
        Ok(())
    }

    /// Adds an edge of the node that is looked into.
    fn edge(&mut self, to: u32, at: usize, kind: EdgeKind) -> Result<(), SnapshotError> {
        let edge = SnapshotEdge { to, at: u32::try_from(at).unwrap_or(u32::MAX), kind };
        self.budget.push(&mut self.edges, edge)
    }

    fn look_into(&mut self, number: usize) -> Result<(), SnapshotError> {
        let map = self.memory.map();
        let address = self.nodes[number].address;
        let Some(found) = map.resolve(address) else {
            heap_core::bug!("S1: a node is at {address:#x}, which is no object")
        };
        let span = map.span(found.span);
        self.words(span, found.slot)?;
        if !self.waiting.is_empty() {
            self.follow(span, found.slot)?;
        }
        let end = u32::try_from(self.edges.len()).map_err(|_| SnapshotError::TooMany)?;
        self.budget.push(&mut self.ends, end)
    }

    fn words(&mut self, span: &Span, slot: u32) -> Result<(), SnapshotError> {
        let memory = self.memory;
        let layout = memory.entry_of(span).layout();
        if layout.is_noscan() {
            return Ok(());
        }
        let period = (layout.period as usize).max(1);
        let elements_from = match layout.extent {
            Extent::Object => None,
            Extent::Slice { header } => Some(header as usize),
            Extent::Whole => Some(0),
        };
        let mut outcome = Ok(());
        each_word(memory, span, slot, |index, word| {
            if outcome.is_ok() {
                outcome = self.word(index, word, period, elements_from);
            }
        });
        outcome
    }

    fn word(
        &mut self,
        index: usize,
        word: Word,
        period: usize,
        elements_from: Option<usize>,
    ) -> Result<(), SnapshotError> {
        let is_certain = matches!(word, Word::Exact(_));
        let (at, kind) = match (index, elements_from) {
            (usize::MAX, _) => (0, EdgeKind::Traced),
            (_, Some(from)) if is_certain => ((index - from) / period, EdgeKind::Element),
            (_, Some(from)) => ((index - from) / period, EdgeKind::AmbiguousElement),
            (_, None) if is_certain => (index * WORD_BYTES, EdgeKind::Field),
            (_, None) => (index * WORD_BYTES, EdgeKind::AmbiguousField),
        };
        match word {
            Word::Exact(word) => {
                if let Some(to) = self.visit(word)? {
                    self.edge(to, at, kind)?;
                }
            }
            Word::Ambiguous(word) => {
                for to in self.visit_ambiguous(word)?.into_iter().flatten() {
                    self.edge(to, at, kind)?;
                }
            }
        }
        Ok(())
    }

    /// The values of the ephemerons that waited for a slot, if their other half has been found as well.
    fn follow(&mut self, span: &Span, slot: u32) -> Result<(), SnapshotError> {
        let place = SpanMap::mark_place(span, slot);
        let mut next = self.waiting.partition_point(|(at, _)| *at < place);
        while let Some(&(at, number)) = self.waiting.get(next)
            && at == place
        {
            next += 1;
            let Pair { ephemeron, key, value, is_followed } = self.pairs[number];
            let (Some(by), Some(key)) = (self.known(ephemeron), self.known(key)) else { continue };
            if is_followed || (fault::on(Fault::SnapshotKeysLate) && self.place(ephemeron) != Some(place)) {
                continue;
            }
            self.pairs[number].is_followed = true;
            if let Some(to) = self.visit(value)? {
                self.budget
                    .push(&mut self.late, (key, SnapshotEdge { to, at: by, kind: EdgeKind::Value }))?;
            }
        }
        Ok(())
    }

    /// The number of the node that a word leads to, if it has been found.
    fn known(&self, word: usize) -> Option<u32> {
        self.numbers[self.place(word)?].checked_sub(1)
    }

    fn weak_edges(&mut self, heap: &Shared) -> Result<(), SnapshotError> {
        let weak = |edge: (u32, u32), kind| (edge.0, SnapshotEdge { to: edge.1, at: 0, kind });
        for [place, target] in heap.places.snapshot(self.memory) {
            if let (Some(from), Some(to)) = (self.known(place), self.known(target)) {
                self.budget.push(&mut self.late, weak((from, to), EdgeKind::WeakTarget))?;
            }
        }
        for number in 0..self.pairs.len() {
            let Pair { ephemeron, key, value, .. } = self.pairs[number];
            let Some(from) = self.known(ephemeron) else { continue };
            for (word, kind) in [(key, EdgeKind::WeakKey), (value, EdgeKind::WeakValue)] {
                if let Some(to) = self.known(word) {
                    self.budget.push(&mut self.late, weak((from, to), kind))?;
                }
            }
        }
        Ok(())
    }

    /// The snapshot, when everybody has been let go.
    pub(super) fn finish(mut self, held: Duration) -> Result<Snapshot, SnapshotError> {
        self.budget.taken -= self.numbers.capacity() * size_of::<u32>();
        self.numbers = Vec::new();
        self.put_late()?;
        let mut types = Vec::new();
        let mut rows: HashMap<u32, u32> = HashMap::new();
        for node in &mut self.nodes {
            let memory = self.memory;
            node.layout = *rows.entry(node.layout).or_insert_with_key(|&layout| {
                let layout = memory.entry(LayoutId::new(layout)).layout();
                types.push(Type { label: label(layout), kind: kind(layout) });
                u32::try_from(types.len() - 1).unwrap_or(u32::MAX)
            });
        }
        let Self { nodes, ends, edges, roots, .. } = self;
        Ok(Snapshot { types, nodes, ends, edges, roots, held })
    }

    /// Puts edges that were found late behind the others of their nodes.
    fn put_late(&mut self) -> Result<(), SnapshotError> {
        if self.late.is_empty() {
            return Ok(());
        }
        self.late.sort_by_key(|(from, _)| *from);
        let mut edges = Vec::new();
        let count = self.edges.len() + self.late.len();
        u32::try_from(count).map_err(|_| SnapshotError::TooMany)?;
        self.budget.reserve(&mut edges, count)?;
        let (mut from, mut late) = (0, self.late.iter().peekable());
        for (number, end) in self.ends.iter_mut().enumerate() {
            edges.extend_from_slice(&self.edges[from..*end as usize]);
            from = *end as usize;
            while let Some((_, edge)) = late.next_if(|(node, _)| *node as usize == number) {
                edges.push(*edge);
            }
            *end = u32::try_from(edges.len()).map_err(|_| SnapshotError::TooMany)?;
        }
        self.edges = edges;
        Ok(())
    }
}

fn kind(layout: &Layout) -> NodeKind {
    match layout.extent {
        _ if layout.is_noscan() => NodeKind::Data,
        Extent::Object => NodeKind::Object,
        Extent::Slice { .. } | Extent::Whole => NodeKind::Array,
    }
}

impl From<Origin> for RootKind {
    fn from(from: Origin) -> Self {
        match from {
            Origin::Own(OwnKind::Exact) => Self::Range,
            Origin::Own(OwnKind::Ambiguous) => Self::AmbiguousRange,
            Origin::Own(OwnKind::Callback) => Self::Callback,
            Origin::Frames => Self::Frames,
            Origin::Pools => Self::Pools,
        }
    }
}
