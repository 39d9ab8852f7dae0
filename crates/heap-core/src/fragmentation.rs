//! Fragmentation: what of the spans in use holds objects, and what the rest is.
//!
//! A page goes back only when its whole span is empty, so one object keeps a span. [`SpanUse`] says for the spans of a
//! layout, of a size class, or of the heap, how full they are and where their bytes are:
//!
//! ```text
//!   in_use = occupied + pinned + vacant + tail + held
//! ```
//!
//! | bytes | |
//! | --- | --- |
//! | occupied | of objects, and of dead ones not swept yet; of a large object, what was asked for |
//! | pinned | free slots beside at least one object: what fragmentation costs, and what new objects of the layout may use |
//! | vacant | free slots of spans at rest without any object, which are kept for the next objects of their layout until the next sweep |
//! | tail | the end of a span that is no slot; of a large object, the end of its last page |
//! | held | whole spans in mutators' hands, or being swept: how full they are is not counted until they come back |
//!
//! The figures are gathered as spans come to rest (`crates/heap-core/src/occupancy.rs`) and are a few additions to read: for each layout and not
//! for each span. They stop nobody and take no lock. A span counts as it was when it was last swept or given back, so the
//! picture is sharpest after a collection that sweeps ([`Memory::finish_sweep`](crate::memory::Memory::finish_sweep)).
//!
//! Invariants (checked by [`Fragmentation::check`] and [`crate::verify`])
//!   I3  of each class, and of the heap, the sum over its layouts; `in_use` of the heap is `heap_inuse` of its figures
#![forbid(unsafe_code)]

use crate::layout::{Layout, LayoutId};
use crate::occupancy::{Level, OccupancyFigures, tenth};
use crate::size_class::SizeClass;
use crate::units::Bytes;
use core::ops::AddAssign;

/// How full some spans are. See the module's text.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct SpanUse {
    /// Spans in use: `held + empty` and all of `tenths`.
    pub spans: usize,
    /// Spans in mutators' hands, or being swept.
    pub held: usize,
    /// Spans at rest without an object.
    pub empty: usize,
    /// Spans at rest with objects, by the share of their slots that is allocated: from a tenth up to the next. Full ones are
    /// in the last.
    pub tenths: [usize; 10],
    /// Spans at rest with one object that have room for more.
    pub lone: usize,
    /// Spans at rest without a free slot.
    pub full: usize,
    /// Bytes of objects.
    pub occupied: Bytes,
    /// Bytes of free slots beside objects.
    pub pinned: Bytes,
    /// Bytes of free slots of spans without objects.
    pub vacant: Bytes,
    /// Bytes that can be no object's.
    pub tail: Bytes,
    /// Bytes of spans that are held.
    pub held_bytes: Bytes,
}

impl SpanUse {
    /// The use of the spans of one layout.
    pub(crate) fn of(class: SizeClass, counted: &OccupancyFigures) -> Self {
        let at = |level: Level| counted.resting[level.index()];
        let (resting, empty, lone, full) =
            (counted.resting.iter().sum(), at(Level::EMPTY), at(Level::LONE), at(Level::FULL));
        let mut tenths: [usize; 10] = core::array::from_fn(|tenth| counted.resting[Level::of_tenth(tenth)]);
        tenths[9] += full;
        let held = counted.spans.saturating_sub(resting);
        let mut all = Self {
            spans: held + resting,
            held,
            empty,
            lone,
            full,
            occupied: counted.occupied,
            ..Self::default()
        };
        if class.is_large() {
            all.tail = less(counted.large, counted.occupied);
        } else {
            tenths[usize::from(tenth(1, class.slots()))] += lone;
            let (span, slots) =
                (class.span_pages().bytes().get(), class.slots() as usize * class.size().get());
            all.pinned = less(Bytes::new(resting.saturating_sub(empty) * slots), counted.occupied);
            all.vacant = Bytes::new(empty * slots);
            all.tail = Bytes::new(resting * (span - slots));
            all.held_bytes = Bytes::new(held * span);
        }
        all.tenths = tenths;
        all
    }

    /// Bytes of the spans: the sum of all five kinds.
    #[must_use]
    pub fn in_use(&self) -> Bytes {
        self.occupied + self.pinned + self.vacant + self.tail + self.held_bytes
    }

    /// Bytes of spans at rest for each byte of an object in them: 1 is no fragmentation. 1 where there is no object.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        if self.occupied == Bytes::ZERO {
            1.0
        } else {
            (self.in_use() - self.held_bytes).get() as f64 / self.occupied.get() as f64
        }
    }
}

/// A difference of two counters that were read one after the other.
fn less(all: Bytes, part: Bytes) -> Bytes {
    Bytes::new(all.get().saturating_sub(part.get()))
}

impl AddAssign for SpanUse {
    fn add_assign(&mut self, other: Self) {
        self.spans += other.spans;
        self.held += other.held;
        self.empty += other.empty;
        for (sum, more) in self.tenths.iter_mut().zip(other.tenths) {
            *sum += more;
        }
        self.lone += other.lone;
        self.full += other.full;
        self.occupied += other.occupied;
        self.pinned += other.pinned;
        self.vacant += other.vacant;
        self.tail += other.tail;
        self.held_bytes += other.held_bytes;
    }
}

/// The spans of one layout.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct LayoutUse {
    /// The layout's number.
    pub id: LayoutId,
    /// Its size class.
    pub class: SizeClass,
    /// Whether its objects have no references.
    pub is_noscan: bool,
    /// Whether its objects have a drop.
    pub has_drop: bool,
    /// The type, where layouts are kept per type.
    pub name: Option<&'static str>,
    /// Its spans.
    pub spans: SpanUse,
}

/// How full the spans of a heap are. See the module's text.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Fragmentation {
    /// All spans.
    pub total: SpanUse,
    /// By size class; entry 0 is large objects.
    pub classes: [SpanUse; SizeClass::COUNT],
    /// By layout, in the order of their numbers: those that have spans.
    pub layouts: Vec<LayoutUse>,
}

impl Fragmentation {
    pub(crate) fn new() -> Self {
        Self {
            total: SpanUse::default(),
            classes: [SpanUse::default(); SizeClass::COUNT],
            layouts: Vec::new(),
        }
    }

    /// Adds a layout and what was counted of it.
    pub(crate) fn add(&mut self, id: LayoutId, layout: &Layout, counted: &OccupancyFigures) {
        let spans = SpanUse::of(layout.class, counted);
        if spans.spans == 0 {
            return;
        }
        self.total += spans;
        self.classes[layout.class.index()] += spans;
        self.layouts.push(LayoutUse {
            id,
            class: layout.class,
            is_noscan: layout.is_noscan(),
            has_drop: layout.drop.is_some(),
            name: layout.name,
            spans,
        });
    }

    /// Checks I3, against the bytes of spans in use that the heap's figures say.
    ///
    /// # Errors
    /// Says what does not add up. The sums of a snapshot hold at any time; that they are `heap_inuse` has to hold for one
    /// that was taken while nothing ran.
    pub fn check(&self, heap_inuse: Bytes) -> Result<(), String> {
        let mut sum = SpanUse::default();
        for (index, class) in self.classes.iter().enumerate() {
            let mut layouts = SpanUse::default();
            for layout in self.layouts.iter().filter(|layout| layout.class.index() == index) {
                layouts += layout.spans;
            }
            if layouts != *class {
                return Err(format!("I3: class {index} is {class:?}, its layouts {layouts:?}"));
            }
            let counted = class.held + class.empty + class.tenths.iter().sum::<usize>();
            if counted != class.spans || class.lone + class.full > class.spans {
                return Err(format!("I3: class {index} has {counted} spans by tenths: {class:?}"));
            }
            sum += *class;
        }
        if sum != self.total || sum.in_use() != heap_inuse {
            return Err(format!("I3: {heap_inuse:?} in use, {:?} in {:?}", sum.in_use(), self.total));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(levels: &[(u32, usize)], class: SizeClass, held: usize) -> OccupancyFigures {
        let mut all = OccupancyFigures { spans: held, ..OccupancyFigures::default() };
        for &(allocated, spans) in levels {
            all.spans += spans;
            all.resting[Level::of(allocated, class.slots()).index()] += spans;
            all.occupied += Bytes::new(spans * allocated as usize * class.size().get());
        }
        all
    }

    #[test]
    fn the_bytes_of_a_class_are_its_spans_cut_into_five() {
        // 48 bytes: 170 slots of 8160 bytes, and a tail of 32.
        let class = SizeClass::for_bytes(48);
        let spans = SpanUse::of(class, &counted(&[(0, 2), (1, 3), (17, 1), (85, 1), (170, 4)], class, 5));
        assert_eq!((spans.spans, spans.held, spans.empty, spans.lone, spans.full), (16, 5, 2, 3, 4));
        assert_eq!(spans.tenths, [3, 1, 0, 0, 0, 1, 0, 0, 0, 4]);
        let objects = 3 + 17 + 85 + 4 * 170;
        assert_eq!(spans.occupied, Bytes::new(objects * 48));
        assert_eq!(spans.pinned, Bytes::new((9 * 170 - objects) * 48));
        assert_eq!(spans.vacant, Bytes::new(2 * 8160));
        assert_eq!(spans.tail, Bytes::new(11 * 32));
        assert_eq!(spans.held_bytes, Bytes::kib(5 * 8));
        assert_eq!(spans.in_use(), Bytes::kib(16 * 8));
    }

    #[test]
    fn one_object_of_a_class_with_few_slots_is_lone_and_in_its_own_tenth() {
        // 3072 bytes: 8 slots in three pages.
        let class = SizeClass::for_bytes(3072);
        let spans = SpanUse::of(class, &counted(&[(1, 2)], class, 0));
        assert_eq!((spans.lone, spans.tenths[1]), (2, 2));
        // One slot: the span of the only object is full.
        let one = (1..SizeClass::COUNT)
            .filter_map(|class| SizeClass::new(u8::try_from(class).ok()?))
            .find(|class| class.slots() == 1)
            .expect("the last class");
        let spans = SpanUse::of(one, &counted(&[(1, 2)], one, 0));
        assert_eq!((spans.lone, spans.full, spans.tenths[9], spans.pinned), (0, 2, 2, Bytes::ZERO));
    }

    #[test]
    fn what_a_large_object_did_not_ask_for_is_its_tail() {
        let mut counted = OccupancyFigures { spans: 2, ..OccupancyFigures::default() };
        counted.resting[Level::FULL.index()] = 2;
        (counted.occupied, counted.large) = (Bytes::new(70_000), Bytes::new(10 * 8192));
        let spans = SpanUse::of(SizeClass::LARGE, &counted);
        assert_eq!((spans.tail, spans.in_use()), (Bytes::new(81_920 - 70_000), Bytes::new(81_920)));
        assert!((spans.ratio() - 81_920.0 / 70_000.0).abs() < 1e-9);
    }

    #[test]
    fn counters_that_moved_between_two_looks_give_no_negative_bytes() {
        let class = SizeClass::for_bytes(64);
        let mut torn = counted(&[(100, 1)], class, 0);
        torn.spans = 0;
        torn.occupied += Bytes::mib(1);
        let spans = SpanUse::of(class, &torn);
        assert_eq!((spans.held, spans.pinned), (0, Bytes::ZERO));
    }
}
