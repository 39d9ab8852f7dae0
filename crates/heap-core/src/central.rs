//! Centrals: per layout, the spans that no mutator holds.
//!
//! A span rests in one of three lists: *partial* (swept, has free slots), *full* (swept, has none), *unswept* (not
//! looked at since the last cycle). When the sweep generation moves on, partial and full become unswept together;
//! that happens the first time somebody asks in the new generation, so a cycle costs nothing per layout.
//!
//! The unswept list is a hint: the walk over all spans may have swept a span, freed it, and its record may belong to
//! another layout by then. Who takes an entry has to win its claim ([`crate::span::claim`]), and an entry that cannot be
//! claimed is thrown away. Every span that is unswept *is* on it, which is what matters.
//!
//! A claim that is won is of a span of this layout, because entries do not outlive a generation: a span on `partial` or
//! `full` was put there in the generation of the lists, after its only sweep in it, so it is still this layout's when
//! the generation moves on; in the next one a record that changes hands is not claimable any more; and lists that were
//! not touched for longer hold nothing that still exists, for every span that was left has been swept and put back in
//! between, which would have touched them. So they are emptied, not carried over.
//!
//! Spans are kept in the order they came, so that sweeping walks the heap in order of address, as it was allocated.

use crate::layout::{Layout, LayoutId};
use crate::span::{Home, Span, SpanId};
use crate::sync::Mutex;
use std::collections::VecDeque;

/// A layout in its heap: the layout, its number, and its central.
#[derive(Debug)]
pub struct Entry {
    id: LayoutId,
    layout: Layout,
    quick_mask: Option<u64>,
    lists: Mutex<Lists>,
}

#[derive(Debug, Default)]
struct Lists {
    generation: u64,
    partial: Vec<SpanId>,
    full: Vec<SpanId>,
    unswept: VecDeque<SpanId>,
}

impl Lists {
    /// Moves on to a generation: what was swept in the last is unswept in this.
    fn roll(&mut self, generation: u64) {
        if self.generation == generation {
            return;
        }
        self.unswept.clear();
        if self.generation + 2 == generation {
            self.unswept.extend(self.partial.drain(..));
            self.unswept.extend(self.full.drain(..));
        } else {
            self.partial.clear();
            self.full.clear();
        }
        self.generation = generation;
    }
}

/// A span from a central.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// Swept, with free slots, and the caller's.
    Partial(SpanId),
    /// Perhaps not swept: the caller may try to claim it.
    Unswept(SpanId),
    /// There is none.
    Nothing,
}

impl Entry {
    /// An entry without spans.
    #[must_use]
    pub fn new(id: LayoutId, layout: Layout) -> Self {
        let quick_mask = layout.quick_mask();
        Self { id, layout, quick_mask, lists: Mutex::new(Lists::default()) }
    }

    /// The layout's number.
    #[inline]
    #[must_use]
    pub fn id(&self) -> LayoutId {
        self.id
    }

    /// The layout.
    #[inline]
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The layout's quick mask.
    #[inline]
    #[must_use]
    pub fn quick_mask(&self) -> Option<u64> {
        self.quick_mask
    }

    /// Takes a span out: a partial one if there is one, else one that may be unswept.
    pub fn take(&self, generation: u64, map: &crate::span::map::SpanMap) -> Taken {
        let mut lists = self.lists.lock();
        lists.roll(generation);
        if let Some(id) = lists.partial.pop() {
            map.span(id).set_home(Home::Moving);
            return Taken::Partial(id);
        }
        lists.unswept.pop_front().map_or(Taken::Nothing, Taken::Unswept)
    }

    /// Puts a swept span in, which the caller owns until now.
    pub fn put(&self, generation: u64, id: SpanId, span: &Span) {
        let mut lists = self.lists.lock();
        lists.roll(generation);
        if span.allocated() < span.slots() {
            span.set_home(Home::Partial);
            lists.partial.push(id);
            if crate::fault::on(crate::fault::Fault::SpanOnTwoLists) {
                lists.partial.push(id);
            }
        } else {
            span.set_home(Home::Full);
            lists.full.push(id);
        }
    }

    /// The swept spans at rest, for the verifier: partial, then full.
    #[must_use]
    pub fn resting(&self, generation: u64) -> (Vec<SpanId>, Vec<SpanId>) {
        let mut lists = self.lists.lock();
        lists.roll(generation);
        (lists.partial.clone(), lists.full.clone())
    }
}

#[cfg(test)]
mod tests;
