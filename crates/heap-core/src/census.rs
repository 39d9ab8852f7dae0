//! A census: how many objects are alive, and of what they are.
//!
//! *Alive* is what the last completed cycle left: the objects that it reached, and those born while it marked, which it does not
//! judge. Objects born since are not in a census, and objects that died since still are. So between two cycles every census is
//! the same, however many objects come and go, and it changes as a whole when a cycle ends. Before the first cycle it is empty. Dead objects
//! that wait for their drop are not alive.
//!
//! Where the number comes from: a sweep notes how many slots of a span it found reached, in the span's record. Nothing changes that note
//! before the next cycle has marked, since a span that was swept is freed by a later sweep only, and what is handed out of it
//! is not counted. So a census is a walk over the records ([`Memory::census`](crate::memory::Memory::census)): it looks at no
//! object and no mark, and neither stops nor delays anybody.
//!
//! Objects are told apart by layout, and so by type where layouts are kept per type; where they are shared by shape, by shape.
//! Bytes are those of slots, or of the pages of large objects. A block of tiny objects is one object.
#![forbid(unsafe_code)]

use crate::layout::{Extent, Layout, LayoutId};
use crate::size_class::SizeClass;
use crate::units::{Bytes, WORD_BYTES};
use core::fmt::Write as _;
use core::ops::AddAssign;
use std::collections::BTreeMap;

/// Objects, and the bytes of their slots.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Count {
    /// Objects.
    pub objects: u64,
    /// Bytes of their slots.
    pub bytes: Bytes,
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.objects += other.objects;
        self.bytes += other.bytes;
    }
}

/// What is alive of one layout.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct LayoutCount {
    /// The layout's number.
    pub id: LayoutId,
    /// Its size class.
    pub class: SizeClass,
    /// The type, where layouts are kept per type; otherwise the shape.
    pub label: String,
    /// Its objects.
    pub alive: Count,
}

/// What is alive of one type, or of one shape.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct TypeCount {
    /// Its name; see [`LayoutCount::label`].
    pub label: String,
    /// Its objects, of all size classes.
    pub alive: Count,
}

/// What is alive in a heap. See the module's text.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Census {
    /// The completed cycles, of which the last is what this is of.
    pub cycle: u64,
    /// Everything.
    pub total: Count,
    /// By size class; entry 0 is large objects.
    pub classes: [Count; SizeClass::COUNT],
    /// By layout, in the order of their numbers: those of which something is alive.
    pub layouts: Vec<LayoutCount>,
}

/// How much more, or less, of a type is alive than before.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Growth {
    /// Its name.
    pub label: String,
    /// More objects than before.
    pub objects: i64,
    /// More bytes than before.
    pub bytes: i64,
}

impl Census {
    pub(crate) fn new(cycle: u64) -> Self {
        Self {
            cycle,
            total: Count::default(),
            classes: [Count::default(); SizeClass::COUNT],
            layouts: Vec::new(),
        }
    }

    /// Adds what is alive of a layout.
    pub(crate) fn add(&mut self, id: LayoutId, layout: &Layout, alive: Count) {
        self.total += alive;
        self.classes[layout.class.index()] += alive;
        self.layouts.push(LayoutCount { id, class: layout.class, label: label(layout), alive });
    }

    /// By type, with the most bytes first: the size classes of a type's slices are added up. Where layouts are shared, by shape.
    #[must_use]
    pub fn types(&self) -> Vec<TypeCount> {
        let mut sums: BTreeMap<&str, Count> = BTreeMap::new();
        for layout in &self.layouts {
            *sums.entry(&layout.label).or_default() += layout.alive;
        }
        let mut types: Vec<_> =
            sums.into_iter().map(|(label, alive)| TypeCount { label: label.to_owned(), alive }).collect();
        types.sort_by_key(|kind| core::cmp::Reverse(kind.alive.bytes));
        types
    }

    /// What has changed since an earlier census of the same heap, by type: what has grown most comes first, what has shrunk most
    /// last, and what has not changed is left out.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Vec<Growth> {
        let mut sums: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
        for (census, sign) in [(self, 1), (earlier, -1)] {
            for layout in &census.layouts {
                let sum = sums.entry(&layout.label).or_default();
                sum.0 += sign * i64::try_from(layout.alive.objects).unwrap_or(i64::MAX);
                sum.1 += sign * i64::try_from(layout.alive.bytes.get()).unwrap_or(i64::MAX);
            }
        }
        let mut grown: Vec<_> = sums
            .into_iter()
            .filter(|(_, change)| *change != (0, 0))
            .map(|(label, (objects, bytes))| Growth { label: label.to_owned(), objects, bytes })
            .collect();
        grown.sort_by_key(|kind| core::cmp::Reverse((kind.bytes, kind.objects)));
        grown
    }
}

/// What a layout is called: its type, or what can be said of its shape.
#[must_use]
pub fn label(layout: &Layout) -> String {
    if let Some(name) = layout.name {
        return name.to_owned();
    }
    let mut text = if layout.class.is_large() {
        String::from("large")
    } else {
        format!("{} bytes", layout.class.size().get())
    };
    if layout.is_noscan() {
        text.push_str(", noscan");
    }
    if let Extent::Slice { .. } = layout.extent {
        let element = layout.period as usize * WORD_BYTES;
        // A string takes what is written to it.
        let _ = write!(text, ", slice of {element} bytes");
    }
    for (kind, mask) in [("references", &layout.exact), ("words of any kind", &layout.ambiguous)] {
        let words = mask.iter().enumerate().flat_map(|(block, &bits)| {
            (0..64).filter(move |bit| bits >> bit & 1 == 1).map(move |bit| block * 64 + bit)
        });
        let mut words = words.peekable();
        if words.peek().is_some() {
            let _ = write!(text, ", {kind} at");
            words.for_each(|word| _ = write!(text, " {word}"));
        }
    }
    if layout.trace.is_some() {
        text.push_str(", traced by hand");
    }
    if layout.drop.is_some() {
        text.push_str(", with drop");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::TypeMask;

    fn count(objects: u64, bytes: usize) -> Count {
        Count { objects, bytes: Bytes::new(bytes) }
    }

    fn named(name: &'static str, bytes: usize) -> Layout {
        let class = SizeClass::for_bytes(bytes);
        let mut layout = Layout::of(class, Extent::Object, &TypeMask::noscan(bytes));
        layout.name = Some(name);
        layout
    }

    #[test]
    fn the_classes_of_a_type_are_added_up() {
        let mut census = Census::new(1);
        census.add(LayoutId::new(1), &named("[u8]", 48), count(2, 96));
        census.add(LayoutId::new(2), &named("Node", 32), count(4, 128));
        census.add(LayoutId::new(3), &named("[u8]", 64), count(1, 64));
        let types: Vec<_> = census.types().into_iter().map(|kind| (kind.label, kind.alive)).collect();
        assert_eq!(types, [("[u8]".to_owned(), count(3, 160)), ("Node".to_owned(), count(4, 128))]);
        assert_eq!(census.total, count(7, 288));
        assert_eq!(census.classes[SizeClass::for_bytes(48).index()], count(2, 96));
    }

    #[test]
    fn a_difference_has_what_came_and_what_went() {
        let (mut before, mut after) = (Census::new(1), Census::new(2));
        before.add(LayoutId::new(1), &named("Gone", 16), count(5, 80));
        before.add(LayoutId::new(2), &named("Same", 32), count(4, 128));
        after.add(LayoutId::new(2), &named("Same", 32), count(4, 128));
        after.add(LayoutId::new(3), &named("New", 64), count(3, 192));
        let change: Vec<_> =
            after.since(&before).into_iter().map(|kind| (kind.label, kind.objects, kind.bytes)).collect();
        assert_eq!(change, [("New".to_owned(), 3, 192), ("Gone".to_owned(), -5, -80)]);
        assert_eq!(after.since(&after), []);
    }

    #[test]
    fn a_shape_without_a_name_is_described() {
        let class = SizeClass::for_bytes(24);
        let mask = TypeMask::noscan(24).with(8, &TypeMask::pointer());
        assert_eq!(label(&Layout::of(class, Extent::Object, &mask)), "24 bytes, references at 1");
        let slice = Layout::of(class, Extent::Slice { header: 1 }, &TypeMask::pointer());
        assert_eq!(label(&slice), "24 bytes, slice of 8 bytes, references at 0");
        let noscan = Layout::of(SizeClass::LARGE, Extent::Object, &TypeMask::noscan(40_000));
        assert_eq!(label(&noscan), "large, noscan");
    }
}
