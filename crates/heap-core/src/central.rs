//! Centrals: per layout, the spans that no mutator holds.
//!
//! A span rests in one of four lists: *partial* (swept, has free slots), *full* (swept, has none), *empty* (swept, and has no
//! objects), *unswept* (not looked at since the last cycle). When the sweep generation moves on, the first three become unswept
//! together; that happens the first time somebody asks in the new generation, so a cycle costs nothing per layout.
//!
//! An empty span is kept, and not freed, if mutators have taken as many since the last cycle, and so will want them in the next. It is
//! used when nothing in its shard is left to sweep, and freed before an allocation is refused, also while markers run
//! ([`crate::memory::Empties`]).
//!
//! The generation moves on while mutators run, and they hear of it one by one. The lists are of the newest generation
//! that somebody came with. Who comes with the one before finds nothing, and what he puts back is unswept.
//!
//! All entries are hints. Who takes one has to win its exchange ([`crate::span::claim`]): from `partial` and `empty` with
//! [`try_take`], since a sweeper of the next generation may claim the span at the same moment; from `unswept` with
//! [`try_claim`], since the walk over all spans may have swept and freed the span, and its
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
use crate::occupancy::{Occupancy, OccupancyFigures, Resting};
use crate::span::claim::{SweepClaim, rest, try_claim, try_take};
use crate::span::map::SpanMap;
use crate::span::{Home, Span, SpanId};
use crate::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use crate::sync::{Mutex, MutexGuard, point};
use crate::units::Pages;
use core::ptr;

/// Unswept spans that somebody takes from another's shard at once, beside the one he needs: neighbours, mostly.
const MORE_TAKEN: usize = 15;
/// Pages of spans without objects that one shard of a layout keeps at most, from one cycle to the next: 2 MiB. More takes more memory
/// from other layouts; with less, larger heaps make more spans anew.
const MOST_KEPT: Pages = Pages::new(256);

/// Entries of spans that others have swept meanwhile that are thrown away for one span: some 10 µs at most. A walk over all records leaves as
/// many as it has swept spans, and throwing twenty thousand away, each with a record that is in no cache, took a mutator 3 ms, with the
/// shard locked. Who has thrown so many away takes an empty span, or looks elsewhere.
const MOST_OLD: usize = 64;

/// Spans of a layout from which on its lists' blocks are made ahead.
const LEAST_READIED: usize = 2 * crate::chain::BLOCK;

/// A layout in its heap: the layout, its number, and its central.
#[derive(Debug)]
pub struct Entry {
    id: LayoutId,
    layout: Layout,
    quick_mask: Option<u64>,
    /// Spans in use, held or at rest.
    spans: AtomicUsize,
    shards: Box<[Shard]>,
}

/// One set of lists. On cache lines of its own: mutators at two shards would take turns at one.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard(Mutex<Lists>);

#[derive(Debug, Default)]
struct Lists {
    generation: u64,
    /// Of what came to rest by this shard, less what left by it: only the sum over all shards means something
    /// ([`crate::occupancy`]).
    occupancy: Occupancy,
    /// Spans that were taken out since the generation began: by mutators, or to be freed before an allocation is refused.
    taken: u32,
    /// Spans without objects that were kept since then.
    kept: u32,
    partial: Chain,
    full: Chain,
    /// Swept, and without objects: kept to be used when nothing is left to sweep.
    empty: Chain,
    unswept: Unswept,
    spare: Spare,
}

/// Spans not looked at since the last cycle, first in, first out: what was partial, what was full, and what was put back late.
///
/// The first two are taken over whole, by exchanging lists: a mutator does it in the middle of an allocation, and copying
/// twenty thousand numbers took 13 µs, and 100 into new memory.
#[derive(Debug, Default)]
struct Unswept {
    were: [Chain; 3],
    late: Chain,
}

impl Unswept {
    fn clear(&mut self, spare: &mut Spare) {
        self.were.iter_mut().for_each(|were| were.clear(spare));
        self.late.clear(spare);
    }

    /// Takes what the lists hold over, and leaves them empty. It held nothing.
    fn take_over(&mut self, lists: [&mut Chain; 3]) {
        self.were.iter_mut().zip(lists).for_each(|(were, list)| core::mem::swap(were, list));
    }
}

impl Lists {
    /// Moves on to a generation: what was swept in the last is unswept in this. Says whether the lists are of that
    /// generation; if not, they are of a later one.
    fn roll(&mut self, generation: u64) -> bool {
        if self.generation >= generation {
            return self.generation == generation;
        }
        (self.taken, self.kept) = (0, 0);
        self.unswept.clear(&mut self.spare);
        if self.generation + 2 == generation {
            self.unswept.take_over([&mut self.partial, &mut self.full, &mut self.empty]);
        } else {
            self.partial.clear(&mut self.spare);
            self.full.clear(&mut self.spare);
            self.empty.clear(&mut self.spare);
        }
        self.generation = generation;
        true
    }

    /// Blocks that all lists take.
    fn blocks(&self) -> usize {
        let Unswept { were: [partial, full, empty], late } = &self.unswept;
        let lists = [&self.partial, &self.full, &self.empty, partial, full, empty, late];
        lists.into_iter().map(Chain::blocks).sum()
    }

    /// A span is taken out.
    fn leave(&mut self, span: &Span) {
        self.occupancy.leave(Resting::of(span));
        self.taken = self.taken.saturating_add(1);
    }

    /// Whether one more span without objects, of so many pages, is better kept than freed.
    fn wants_empty(&self, pages: Pages) -> bool {
        self.kept < self.taken && (self.kept as usize + 1) * pages.get() <= MOST_KEPT.get()
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

    fn take_empty(&mut self) -> Option<SpanId> {
        self.empty.pop_first(&mut self.spare).map(SpanId::new)
    }

    /// Asks for what will be read of the spans that are taken next. A mutator fills a span in between, and finds nothing of
    /// another in its caches that it has not asked for.
    fn prefetch(&self, map: &SpanMap) {
        let Self { unswept: Unswept { were: [partial, full, empty], late }, .. } = self;
        let lists = [partial, full, late, empty, &self.empty];
        let next = lists.into_iter().find_map(|list| Some((list.after(0)?, list.after(1))));
        if let Some((first, second)) = next {
            map.prefetch_blocks(SpanId::new(first));
            second.into_iter().for_each(|second| map.prefetch_record(SpanId::new(second)));
        }
    }

    fn take_unswept(&mut self) -> Option<SpanId> {
        let Self { unswept: Unswept { were: [partial, full, empty], late }, spare, .. } = self;
        [partial, full, late, empty].into_iter().find_map(|list| list.pop_first(spare)).map(SpanId::new)
    }
}

/// A span from a central.
#[derive(Debug)]
pub enum Taken<'a> {
    /// Swept, with free slots, and the caller's (cached).
    Partial(SpanId),
    /// Not swept: the caller's to sweep, and then to keep or to put back.
    Unswept(SweepClaim<'a>),
    /// Not swept, and another layout's by now: the caller's to sweep. It is counted as at rest still.
    Others(SweepClaim<'a>),
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
        let shards = (0..shards).map(|_| Shard::default()).collect();
        Self { id, layout, quick_mask, spans: AtomicUsize::new(0), shards }
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

    /// Blocks that a shard's lists lack to grow as the heap does, from `used` pages to `target`. A layout of few spans is left alone.
    fn lacking(&self, shard: usize, used: usize, target: usize) -> usize {
        if self.spans.load(Relaxed) < LEAST_READIED {
            return 0;
        }
        let lists = self.lock(shard);
        let wanted = (lists.blocks() * target.saturating_sub(used)).div_ceil(used.max(1));
        wanted.saturating_sub(lists.spare.blocks())
    }

    /// Whether [`Entry::ready_growth`] has something to do.
    pub(crate) fn is_ready_to_grow(&self, used: usize, target: usize) -> bool {
        (0..self.shards.len()).all(|shard| self.lacking(shard, used, target) == 0)
    }

    /// Makes what blocks the lists lack: without a lock, for it takes page faults. For a thread that nobody waits for.
    pub(crate) fn ready_growth(&self, used: usize, target: usize) {
        for shard in 0..self.shards.len() {
            let lacking = self.lacking(shard, used, target);
            if lacking > 0 {
                let new = Spare::touched(lacking);
                self.lock(shard).spare.append(new);
            }
        }
    }

    /// How full the layout's spans are.
    pub(crate) fn occupancy(&self) -> OccupancyFigures {
        let mut all = Occupancy::default();
        let lists: Vec<_> = (0..self.shards.len()).map(|shard| self.lock(shard)).collect();
        lists.iter().for_each(|lists| all += lists.occupancy);
        all.figures(self.spans.load(Relaxed))
    }

    /// A span was made; it is held.
    pub(crate) fn made(&self) {
        self.spans.fetch_add(1, Relaxed);
    }

    /// A span at rest was swept, and is freed: it was at rest like this.
    pub(crate) fn freed(&self, span: &Span, before: Resting) {
        self.lock_home(span).occupancy.leave(before);
        self.spans.fetch_sub(1, Relaxed);
    }

    /// A span comes to rest that is on no list.
    pub(crate) fn rest_unlisted(&self, span: &Span) {
        self.lock_home(span).occupancy.rest(Resting::of(span));
    }

    /// Counts a span at rest as if it were another.
    #[cfg(test)]
    pub(crate) fn recount(&self, span: &Span, other: Resting) {
        self.lock_home(span).occupancy.moved(Resting::of(span), other);
    }

    /// Takes a span out, for somebody who sits there and knows `generation`. His own shard first: in each, a partial one if there
    /// is one, else one that is unswept.
    pub fn take<'a>(&self, generation: u64, seat: &Seat, map: &'a SpanMap) -> Taken<'a> {
        let own = usize::from(seat.number()) % self.shards.len();
        let taken = self.take_from(&mut self.lock(own), generation, map);
        if !matches!(taken, Taken::Nothing) {
            return taken;
        }
        for other in (own + 1..self.shards.len()).chain(0..own) {
            let (mut own, mut other) = self.lock_both(own, other);
            let taken = self.take_from(&mut other, generation, map);
            if let Taken::Unswept(_) = taken {
                own.keep(generation, core::iter::from_fn(|| other.take_unswept()).take(MORE_TAKEN));
            }
            if !matches!(taken, Taken::Nothing) {
                return taken;
            }
        }
        Taken::Nothing
    }

    fn lock(&self, shard: usize) -> MutexGuard<'_, Lists> {
        self.shards[shard].0.lock()
    }

    /// Locks the shard that a span comes from and goes to.
    fn lock_home(&self, span: &Span) -> MutexGuard<'_, Lists> {
        self.lock(usize::from(span.shard()) % self.shards.len())
    }

    /// Locks two shards, the lower first, as everybody does who has several: so nobody waits in a circle.
    fn lock_both(&self, one: usize, other: usize) -> (MutexGuard<'_, Lists>, MutexGuard<'_, Lists>) {
        if one < other {
            let first = self.lock(one);
            (first, self.lock(other))
        } else {
            let first = self.lock(other);
            (self.lock(one), first)
        }
    }

    /// Takes a swept span with free slots out, from whichever shard has one, and from each one without objects only if it has no other:
    /// before somebody makes a new span, or is refused one.
    pub fn take_swept(&self, generation: u64, seat: &Seat, map: &SpanMap) -> Option<SpanId> {
        let own = usize::from(seat.number()) % self.shards.len();
        (own..self.shards.len()).chain(0..own).find_map(|shard| {
            let lists = &mut *self.lock(shard);
            self.partial_from(lists, generation, map)
                .or_else(|| self.swept_from(lists, Lists::take_empty, generation, map))
        })
    }

    /// Takes all spans out that are swept and without objects, for somebody who frees them, and knows `generation`.
    pub(crate) fn take_empties(&self, generation: u64, map: &SpanMap) -> Vec<SpanId> {
        let mut all = Vec::new();
        for shard in 0..self.shards.len() {
            let mut lists = self.lock(shard);
            all.extend(core::iter::from_fn(|| {
                self.swept_from(&mut lists, Lists::take_empty, generation, map)
            }));
        }
        self.spans.fetch_sub(all.len(), Relaxed);
        all
    }

    fn take_from<'a>(&self, lists: &mut Lists, generation: u64, map: &'a SpanMap) -> Taken<'a> {
        let taken = self.take_first(lists, generation, map);
        lists.prefetch(map);
        taken
    }

    fn take_first<'a>(&self, lists: &mut Lists, generation: u64, map: &'a SpanMap) -> Taken<'a> {
        if let Some(id) = self.partial_from(lists, generation, map) {
            return Taken::Partial(id);
        }
        // Who comes late finds nothing here, either.
        if lists.generation != generation {
            return Taken::Nothing;
        }
        for id in core::iter::from_fn(|| lists.take_unswept()).take(MOST_OLD) {
            point("sweep: off the list, before the claim");
            let span = map.span(id);
            let Some(claim) = try_claim(span, id, generation) else { continue };
            if !self.is_of(span) {
                // An old hint. It is unswept all the same.
                return Taken::Others(claim);
            }
            lists.leave(span);
            return Taken::Unswept(claim);
        }
        self.swept_from(lists, Lists::take_empty, generation, map).map_or(Taken::Nothing, Taken::Partial)
    }

    fn partial_from(&self, lists: &mut Lists, generation: u64, map: &SpanMap) -> Option<SpanId> {
        self.swept_from(lists, Lists::take_partial, generation, map)
    }

    /// Takes a swept span out of the list that `next` takes from.
    fn swept_from(
        &self,
        lists: &mut Lists,
        next: impl Fn(&mut Lists) -> Option<SpanId>,
        generation: u64,
        map: &SpanMap,
    ) -> Option<SpanId> {
        if !lists.roll(generation) {
            return None;
        }
        while let Some(id) = next(lists) {
            let span = map.span(id);
            if !try_take(span, generation) {
                continue;
            }
            if self.is_of(span) || step::without(Step::TakenUnlooked) {
                span.set_home(Home::Moving);
                lists.leave(span);
                return Some(id);
            }
            // Another layout's by now, and unswept: the walk over all spans will come to it.
            rest(span, generation);
        }
        None
    }

    /// Whether a span that the caller owns is of this layout.
    fn is_of(&self, span: &Span) -> bool {
        ptr::eq(span.entry().cast_const().cast(), self)
    }

    /// Puts a span in, which the caller owns until now, as swept in `generation`. It was held; or it was at rest like `before`, and was
    /// swept there.
    pub(crate) fn put(&self, generation: u64, id: SpanId, span: &Span, before: Option<Resting>) {
        self.put_into(&mut self.lock_home(span), generation, id, span, before);
    }

    /// [`Entry::put`] for a span that was swept and has no objects, if who sits there will need it. Says whether it was put: if not, the
    /// caller has it still.
    pub(crate) fn keep_empty(&self, generation: u64, id: SpanId, span: &Span, before: Resting) -> bool {
        let mut lists = self.lock_home(span);
        let is_kept = lists.roll(generation) && lists.wants_empty(span.pages());
        if is_kept {
            lists.kept += 1;
            self.put_into(&mut lists, generation, id, span, Some(before));
        }
        is_kept
    }

    fn put_into(&self, lists: &mut Lists, generation: u64, id: SpanId, span: &Span, before: Option<Resting>) {
        let is_swept = lists.roll(generation);
        // Before anybody else can get hold of it.
        match before {
            Some(before) => lists.occupancy.moved(before, Resting::of(span)),
            None => lists.occupancy.rest(Resting::of(span)),
        }
        let allocated = span.allocated();
        let has_room = allocated < span.slots();
        span.set_home(if has_room { Home::Partial } else { Home::Full });
        rest(span, generation);
        if !is_swept {
            lists.put_unswept(id);
        } else if allocated == 0 {
            let Lists { empty, spare, .. } = lists;
            empty.push(id.get(), spare);
        } else if has_room {
            lists.put_partial(id);
            if crate::fault::on(crate::fault::Fault::SpanOnTwoLists) {
                lists.put_partial(id);
            }
        } else {
            let Lists { full, spare, .. } = lists;
            full.push(id.get(), spare);
        }
    }

    /// The swept spans at rest, for the verifier: partial, then full.
    #[must_use]
    pub fn resting(&self, generation: u64) -> (Vec<SpanId>, Vec<SpanId>) {
        let (mut partial, mut full) = (Vec::new(), Vec::new());
        for shard in &self.shards {
            let mut lists = shard.0.lock();
            lists.roll(generation);
            partial.extend(lists.partial.iter().chain(lists.empty.iter()).map(SpanId::new));
            full.extend(lists.full.iter().map(SpanId::new));
        }
        (partial, full)
    }
}

#[cfg(test)]
mod tests;
