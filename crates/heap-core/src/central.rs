//! Centrals: per layout, the spans that no mutator holds.
//!
//! A span rests in one of three lists: *partial* (swept, has free slots), *full* (swept, has none), *unswept* (not
//! looked at since the last cycle). When the sweep generation moves on, partial and full become unswept together;
//! that happens the first time somebody asks in the new generation, so a cycle costs nothing per layout.
//!
//! The generation moves on while mutators run, and they hear of it one by one. The lists are of the newest generation
//! that somebody came with. Who comes with the one before finds nothing, and what he puts back is unswept.
//!
//! All entries are hints. Who takes one has to win its exchange ([`crate::span::claim`]): from `partial` with
//! [`try_take`], since a sweeper of the next generation may claim the span at the same moment; from `unswept` with
//! [`try_claim`](crate::span::claim::try_claim), since the walk over all spans may have swept and freed the span, and its
//! record may even belong to another layout and be unswept again. The same can have happened to an entry of `partial` that a
//! late mutator takes: the winner looks whose span it is, and gives back another's. An entry that loses is thrown away. Every unswept span
//! of the layout *is* on a list, which is what matters. Lists that were left alone for longer than a generation are
//! emptied: what was on them has been swept and put back since, or freed.
//!
//! There are several sets of these lists, *shards*, and a mutator has a seat at one ([`Seat`]). A span goes to the shard of the
//! mutator that had it last, whoever sweeps it, so all that was said of lists holds for each shard. Who finds nothing in his
//! own shard looks into the others, and moves some more of what is unswept to his own, with both locked: nobody comes upon fewer than there are, and
//! makes new spans instead.
//!
//! Spans are kept in the order they came, so that sweeping walks the heap in order of address, as it was allocated.

mod seats;

pub(crate) use seats::Seats;
pub use seats::{MOST_SHARDS, Seat};

use crate::chain::{Chain, Spare};
use crate::fault::step::{self, Step};
use crate::layout::{Layout, LayoutId};
use crate::occupancy::{Occupancy, Resting};
use crate::span::claim::{rest, try_take};
use crate::span::map::SpanMap;
use crate::span::{Home, Span, SpanId};
use crate::sync::{Mutex, MutexGuard};
use core::ptr;

/// Unswept spans that somebody takes from another's shard at once, beside the one he needs: neighbours, mostly.
const MORE_TAKEN: usize = 15;

/// A layout in its heap: the layout, its number, and its central.
#[derive(Debug)]
pub struct Entry {
    id: LayoutId,
    layout: Layout,
    quick_mask: Option<u64>,
    shards: Box<[Mutex<Lists>]>,
    occupancy: Occupancy,
}

#[derive(Debug, Default)]
struct Lists {
    generation: u64,
    partial: Chain,
    full: Chain,
    unswept: Unswept,
    spare: Spare,
}

/// Spans not looked at since the last cycle, first in, first out: what was partial, what was full, and what was put back late.
///
/// The first two are taken over whole, by exchanging lists: a mutator does it in the middle of an allocation, and copying
/// twenty thousand numbers took 13 µs, and 100 into new memory.
#[derive(Debug, Default)]
struct Unswept {
    were: [Chain; 2],
    late: Chain,
}

impl Unswept {
    fn clear(&mut self, spare: &mut Spare) {
        self.were.iter_mut().for_each(|were| were.clear(spare));
        self.late.clear(spare);
    }

    /// Takes what the lists hold over, and leaves them empty. It held nothing.
    fn take_over(&mut self, partial: &mut Chain, full: &mut Chain) {
        let [was_partial, was_full] = &mut self.were;
        core::mem::swap(was_partial, partial);
        core::mem::swap(was_full, full);
    }
}

impl Lists {
    /// Moves on to a generation: what was swept in the last is unswept in this. Says whether the lists are of that
    /// generation; if not, they are of a later one.
    fn roll(&mut self, generation: u64) -> bool {
        if self.generation >= generation {
            return self.generation == generation;
        }
        self.unswept.clear(&mut self.spare);
        if self.generation + 2 == generation {
            self.unswept.take_over(&mut self.partial, &mut self.full);
        } else {
            self.partial.clear(&mut self.spare);
            self.full.clear(&mut self.spare);
        }
        self.generation = generation;
        true
    }

    /// Keeps what was taken as unswept in `generation` elsewhere. If that has passed, there is nothing to be kept.
    fn keep(&mut self, generation: u64, unswept: impl Iterator<Item = SpanId>) {
        if self.roll(generation) {
            unswept.for_each(|id| self.put_unswept(id));
        }
    }

    fn put_unswept(&mut self, id: SpanId) {
        self.unswept.late.push(id.get(), &mut self.spare);
    }

    fn put_partial(&mut self, id: SpanId) {
        self.partial.push(id.get(), &mut self.spare);
    }

    fn take_partial(&mut self) -> Option<SpanId> {
        self.partial.pop(&mut self.spare).map(SpanId::new)
    }

    fn take_unswept(&mut self) -> Option<SpanId> {
        let Self { unswept: Unswept { were: [partial, full], late }, spare, .. } = self;
        [partial, full, late].into_iter().find_map(|list| list.pop_first(spare)).map(SpanId::new)
    }
}

/// A span from a central.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// Swept, with free slots, and the caller's (cached).
    Partial(SpanId),
    /// Perhaps not swept: the caller may try to claim it.
    Unswept(SpanId),
    /// There is none.
    Nothing,
}

impl Entry {
    /// An entry without spans, in so many shards.
    ///
    /// # Panics
    /// If there is to be no shard.
    #[must_use]
    pub fn new(id: LayoutId, layout: Layout, shards: usize) -> Self {
        assert!(shards > 0, "a central of no shards");
        let quick_mask = layout.quick_mask();
        let shards = (0..shards).map(|_| Mutex::default()).collect();
        Self { id, layout, quick_mask, shards, occupancy: Occupancy::default() }
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

    /// How full the layout's spans are.
    #[inline]
    pub(crate) fn occupancy(&self) -> &Occupancy {
        &self.occupancy
    }

    /// Takes a span out, for somebody who sits there and knows `generation`. His own shard first: in each, a partial one if there
    /// is one, else one that may be unswept.
    pub fn take(&self, generation: u64, seat: &Seat, map: &SpanMap) -> Taken {
        let own = usize::from(seat.number()) % self.shards.len();
        let taken = self.take_from(&mut self.shards[own].lock(), generation, map);
        if taken != Taken::Nothing {
            return taken;
        }
        for other in (own + 1..self.shards.len()).chain(0..own) {
            let (mut own, mut other) = self.lock_both(own, other);
            let taken = self.take_from(&mut other, generation, map);
            if let Taken::Unswept(_) = taken {
                own.keep(generation, core::iter::from_fn(|| other.take_unswept()).take(MORE_TAKEN));
            }
            if taken != Taken::Nothing {
                return taken;
            }
        }
        Taken::Nothing
    }

    /// Locks two shards, the lower first, as everybody does who has two: so nobody waits in a circle.
    fn lock_both(&self, one: usize, other: usize) -> (MutexGuard<'_, Lists>, MutexGuard<'_, Lists>) {
        if one < other {
            let first = self.shards[one].lock();
            (first, self.shards[other].lock())
        } else {
            let first = self.shards[other].lock();
            (self.shards[one].lock(), first)
        }
    }

    /// Takes a swept span with free slots out, from whichever shard has one: before somebody makes a new span, or is refused one.
    pub fn take_partial(&self, generation: u64, seat: &Seat, map: &SpanMap) -> Option<SpanId> {
        let own = usize::from(seat.number()) % self.shards.len();
        (own..self.shards.len())
            .chain(0..own)
            .find_map(|shard| self.partial_from(&mut self.shards[shard].lock(), generation, map))
    }

    fn take_from(&self, lists: &mut Lists, generation: u64, map: &SpanMap) -> Taken {
        if let Some(id) = self.partial_from(lists, generation, map) {
            return Taken::Partial(id);
        }
        // Who comes late finds nothing here, either.
        if lists.generation != generation {
            return Taken::Nothing;
        }
        lists.take_unswept().map_or(Taken::Nothing, Taken::Unswept)
    }

    fn partial_from(&self, lists: &mut Lists, generation: u64, map: &SpanMap) -> Option<SpanId> {
        if !lists.roll(generation) {
            return None;
        }
        while let Some(id) = lists.take_partial() {
            let span = map.span(id);
            if !try_take(span, generation) {
                continue;
            }
            if ptr::eq(span.entry().cast_const().cast(), self) || step::without(Step::TakenUnlooked) {
                span.set_home(Home::Moving);
                self.occupancy.leave(Resting::of(span));
                return Some(id);
            }
            // Another layout's by now, and unswept: the walk over all spans will come to it.
            rest(span, generation);
        }
        None
    }

    /// Puts a span in, which the caller owns until now, as swept in `generation`. It is counted as resting already: from here
    /// somebody else may count it otherwise.
    pub fn put(&self, generation: u64, id: SpanId, span: &Span) {
        let mut lists = self.shards[usize::from(span.shard()) % self.shards.len()].lock();
        let is_swept = lists.roll(generation);
        let has_room = span.allocated() < span.slots();
        span.set_home(if has_room { Home::Partial } else { Home::Full });
        rest(span, generation);
        if !is_swept {
            lists.put_unswept(id);
        } else if has_room {
            lists.put_partial(id);
            if crate::fault::on(crate::fault::Fault::SpanOnTwoLists) {
                lists.put_partial(id);
            }
        } else {
            let Lists { full, spare, .. } = &mut *lists;
            full.push(id.get(), spare);
        }
    }

    /// The swept spans at rest, for the verifier: partial, then full.
    #[must_use]
    pub fn resting(&self, generation: u64) -> (Vec<SpanId>, Vec<SpanId>) {
        let (mut partial, mut full) = (Vec::new(), Vec::new());
        for shard in &self.shards {
            let mut lists = shard.lock();
            lists.roll(generation);
            partial.extend(lists.partial.iter().map(SpanId::new));
            full.extend(lists.full.iter().map(SpanId::new));
        }
        (partial, full)
    }
}

#[cfg(test)]
mod tests;
