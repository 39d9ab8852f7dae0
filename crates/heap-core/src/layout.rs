//! Layouts: what all objects of one span have in common.
//!
//! An object has no header. Everything the collector must know about it belongs to its span: the size class, which
//! of its words are references, how to drop it. That is a [`Layout`], and a span holds objects of one layout only.
//! *Noscan is the layout with the empty mask*: its objects are marked and never looked into.
//!
//! Words are of three kinds. A word whose bit is set in the *exact* mask is null or a reference to an object of
//! this heap. A word whose bit is set in the *ambiguous* mask may be anything: the marker looks whether it happens
//! to be the address of an allocated slot. All other words are never read by the collector.
//!
//! ```text
//!   object   [w0 w1 w2 ...]            mask over all its words
//!   slice    [len][e0 ..][e1 ..] ...   header of one word, then a mask of one element, repeated
//! ```
//!
//! Most programs allocate few shapes, so small shapes have numbers known at compile time ([`fixed_id`]): every
//! noscan size class, and every exact mask over at most eight words. They index a mutator's runs directly. All
//! other layouts are registered on first use and get the numbers above [`FIXED_LAYOUTS`].
//!
//! Invariants
//!   L1  a mask has no bit at or past the object's size (else the marker reads foreign memory)
//!   L2  exact and ambiguous masks are disjoint
//!   L3  a layout without any mask bit and without a trace function is noscan, and the other way round

use crate::size_class::SizeClass;
use crate::units::{Bytes, WORD_BYTES, narrow, wide};

/// Words of the longest mask: types with references may be 8 KiB large. Longer ones are slices.
const LONGEST: usize = 1024;
const BLOCKS: usize = LONGEST / 64;

/// Which words of a type may hold references, known at compile time.
///
/// `#[derive(Trace)]` builds one by putting the masks of the fields at their offsets.
///
/// ```
/// use heap_core::layout::TypeMask;
/// const PAIR: TypeMask = TypeMask::noscan(16).with(8, &TypeMask::pointer());
/// assert!(PAIR.is_exact(1) && !PAIR.is_exact(0));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TypeMask {
    bytes: usize,
    exact: [u64; BLOCKS],
    ambiguous: [u64; BLOCKS],
}

impl TypeMask {
    /// A type of that many bytes without references.
    #[must_use]
    pub const fn noscan(bytes: usize) -> Self {
        Self { bytes, exact: [0; BLOCKS], ambiguous: [0; BLOCKS] }
    }

    /// One word that is null or a reference.
    #[must_use]
    pub const fn pointer() -> Self {
        let mut mask = Self::noscan(WORD_BYTES);
        mask.exact[0] = 1;
        mask
    }

    /// A type of that many bytes, any word of which may be a reference or not: enums whose variants disagree.
    ///
    /// # Panics
    /// If the type is larger than 8 KiB.
    #[must_use]
    pub const fn ambiguous(bytes: usize) -> Self {
        let words = bytes / WORD_BYTES;
        assert!(
            words <= LONGEST,
            "a type with references may be at most 8 KiB large: put its elements into a slice"
        );
        let mut mask = Self::noscan(bytes);
        let mut word = 0;
        while word < words {
            mask.ambiguous[word / 64] |= 1 << (word % 64);
            word += 1;
        }
        mask
    }

    /// This mask with `part` laid over it at a byte offset.
    ///
    /// # Panics
    /// If the part has references and lies past the end, past 8 KiB, or not on a word boundary.
    #[must_use]
    pub const fn with(mut self, offset: usize, part: &Self) -> Self {
        if part.is_noscan() {
            return self;
        }
        assert!(offset.is_multiple_of(WORD_BYTES), "a field with references is not on a word boundary");
        assert!(offset + part.bytes <= self.bytes, "a field with references lies past the end of its type");
        let mut word = 0;
        while word < part.bytes / WORD_BYTES {
            let (exact, ambiguous) = (part.is_exact(word), part.is_ambiguous(word));
            if exact || ambiguous {
                let at = offset / WORD_BYTES + word;
                assert!(
                    at < LONGEST,
                    "a type with references may be at most 8 KiB large: put its elements into a slice"
                );
                let bit = 1 << (at % 64);
                if exact {
                    self.exact[at / 64] |= bit;
                } else {
                    self.ambiguous[at / 64] |= bit;
                }
            }
            word += 1;
        }
        self
    }

    /// `count` elements of this mask side by side.
    ///
    /// # Panics
    /// If the element has references and the whole is larger than 8 KiB.
    #[must_use]
    pub const fn repeated(&self, count: usize) -> Self {
        let mut whole = Self::noscan(self.bytes * count);
        if self.is_noscan() {
            return whole;
        }
        let mut element = 0;
        while element < count {
            whole = whole.with(element * self.bytes, self);
            element += 1;
        }
        whole
    }

    /// The mask of `Option<T>`, `bytes` large, for a `T` with this mask.
    ///
    /// A lone reference keeps its exact word, because `None` is null there. In every other case a word may hold a
    /// reference or whatever the variant without one left behind, so all words are ambiguous.
    #[must_use]
    pub const fn optional(&self, bytes: usize) -> Self {
        if self.is_noscan() {
            Self::noscan(bytes)
        } else if self.bytes == WORD_BYTES && bytes == WORD_BYTES {
            *self
        } else {
            Self::ambiguous(bytes)
        }
    }

    /// The size of the type, in bytes.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether no word can hold a reference.
    #[must_use]
    pub const fn is_noscan(&self) -> bool {
        let mut block = 0;
        while block < BLOCKS {
            if self.exact[block] | self.ambiguous[block] != 0 {
                return false;
            }
            block += 1;
        }
        true
    }

    /// Whether that word is null or a reference.
    #[must_use]
    pub const fn is_exact(&self, word: usize) -> bool {
        word < LONGEST && self.exact[word / 64] >> (word % 64) & 1 == 1
    }

    /// Whether that word may be a reference or anything else.
    #[must_use]
    pub const fn is_ambiguous(&self, word: usize) -> bool {
        word < LONGEST && self.ambiguous[word / 64] >> (word % 64) & 1 == 1
    }

    /// The exact mask, if it fits in one word and no word is ambiguous.
    #[must_use]
    pub const fn exact_word(&self) -> Option<u64> {
        let mut block = 0;
        while block < BLOCKS {
            if self.ambiguous[block] != 0 || (block > 0 && self.exact[block] != 0) {
                return None;
            }
            block += 1;
        }
        Some(self.exact[0])
    }
}

/// Drops what a slot holds.
///
/// Two are equal if they are at the same address: then they do the same. Equal functions at two addresses only make
/// two layouts where one would do.
///
/// # Safety
/// To call one: the pointer is the start of an allocated, initialised slot of the layout the function came with,
/// nobody else uses the slot, and it is not used as that type again.
#[derive(Clone, Copy, Debug)]
pub struct DropFn(pub unsafe fn(*mut u8));

/// Reports every reference an object holds outside its mask (in memory of its own), by hand.
///
/// # Safety
/// To call one: the pointer is the start of an allocated, initialised slot of the layout the function came with,
/// and nobody writes to the object meanwhile. Other markers may be reading it.
#[derive(Clone, Copy, Debug)]
pub struct TraceFn(pub unsafe fn(*const u8, &mut dyn FnMut(usize)));

macro_rules! by_address {
    ($($function:ident)*) => {
        $(
            impl PartialEq for $function {
                fn eq(&self, other: &Self) -> bool {
                    core::ptr::fn_addr_eq(self.0, other.0)
                }
            }

            impl Eq for $function {}

            impl core::hash::Hash for $function {
                fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
                    (self.0 as usize).hash(state);
                }
            }
        )*
    };
}

by_address! { DropFn TraceFn }

/// The number of a layout in its heap.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(transparent)]
pub struct LayoutId(u32);

impl LayoutId {
    /// The layout with this number.
    #[inline]
    #[must_use]
    pub const fn new(index: u32) -> Self {
        Self(index)
    }

    /// The number, as an index.
    #[inline]
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// How the masks of a layout lie over an object.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Extent {
    /// Once, from the first word.
    Object,
    /// Once per element, after a header whose first word holds the number of elements.
    Slice {
        /// Words of the header.
        header: u32,
    },
    /// Again and again to the end of the slot.
    Whole,
}

/// What all objects of one span have in common.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Layout {
    /// The size class, or [`SizeClass::LARGE`] for objects with a span of their own.
    pub class: SizeClass,
    /// How the masks lie.
    pub extent: Extent,
    /// Words of the object, or of one element.
    pub period: u32,
    /// Exact words, 64 to a block; trailing empty blocks are left out.
    pub exact: Vec<u64>,
    /// Ambiguous words, 64 to a block; trailing empty blocks are left out.
    pub ambiguous: Vec<u64>,
    /// Run when an object dies.
    pub drop: Option<DropFn>,
    /// Run beside the masks when an object is scanned.
    pub trace: Option<TraceFn>,
    /// The type, where layouts are kept per type; the shape otherwise.
    pub name: Option<&'static str>,
}

impl Layout {
    /// The layout of objects with this mask.
    #[must_use]
    pub fn of(class: SizeClass, extent: Extent, mask: &TypeMask) -> Self {
        let trim = |blocks: &[u64]| {
            let used = blocks.iter().rposition(|&block| block != 0).map_or(0, |last| last + 1);
            blocks[..used].to_vec()
        };
        Self {
            class,
            extent,
            period: u32::try_from(mask.bytes.div_ceil(WORD_BYTES)).unwrap_or(u32::MAX),
            exact: trim(&mask.exact),
            ambiguous: trim(&mask.ambiguous),
            drop: None,
            trace: None,
            name: None,
        }
    }

    /// The layout of a size class whose every word is ambiguous: a superset of all others, for heaps that ran out of
    /// layout numbers.
    #[must_use]
    pub fn superset(class: SizeClass) -> Self {
        let mut layout = Self::of(class, Extent::Whole, &TypeMask::ambiguous(WORD_BYTES));
        layout.name = Some("any");
        layout
    }

    /// L3: no mask bit, no trace function.
    #[must_use]
    pub fn is_noscan(&self) -> bool {
        self.exact.is_empty() && self.ambiguous.is_empty() && self.trace.is_none()
    }

    /// The mask for objects that are scanned the fast way: exact words only, all among the first 60, one object per
    /// slot, nothing by hand.
    #[must_use]
    pub fn quick_mask(&self) -> Option<u64> {
        let quick = self.ambiguous.is_empty()
            && self.trace.is_none()
            && self.extent == Extent::Object
            && self.exact.len() <= 1
            && self.exact.first().is_none_or(|mask| mask >> 60 == 0);
        quick.then(|| self.exact.first().copied().unwrap_or(0))
    }
}

/// Word counts of the size classes whose masks are enumerated, and where each group begins.
const GROUPS: [(usize, u32); 6] = {
    let words = [1, 2, 3, 4, 6, 8];
    let mut groups = [(0, 0); 6];
    let mut start = narrow(SizeClass::COUNT);
    let mut i = 0;
    while i < words.len() {
        groups[i] = (words[i], start);
        start += 1 << words[i];
        i += 1;
    }
    groups
};

/// Layouts whose numbers are known at compile time: one per size class for noscan objects, then every exact mask
/// over 1, 2, 3, 4, 6 and 8 words (the classes up to 64 bytes).
pub const FIXED_LAYOUTS: usize = {
    let (words, start) = GROUPS[GROUPS.len() - 1];
    start as usize + (1 << words)
};

/// The compile-time number of an object layout without drop and trace, if it has one.
#[must_use]
pub const fn fixed_id(class: SizeClass, mask: &TypeMask) -> Option<LayoutId> {
    if class.get() == 0 {
        return None;
    }
    if mask.is_noscan() {
        return Some(LayoutId(class.get() as u32));
    }
    let Some(exact) = mask.exact_word() else { return None };
    let words = class.size().get() / WORD_BYTES;
    let mut i = 0;
    while i < GROUPS.len() {
        if GROUPS[i].0 == words {
            return Some(LayoutId(GROUPS[i].1 + narrow(wide(exact))));
        }
        i += 1;
    }
    None
}

/// The layout with a compile-time number; the inverse of [`fixed_id`].
///
/// # Panics
/// If the number is not below [`FIXED_LAYOUTS`].
#[must_use]
pub fn fixed(id: LayoutId) -> Layout {
    assert!(id.index() < FIXED_LAYOUTS, "layout {} has no fixed shape", id.0);
    if id.index() < SizeClass::COUNT {
        let class = SizeClass::new(u8::try_from(id.0).unwrap_or(0)).unwrap_or(SizeClass::LARGE);
        return Layout::of(class, Extent::Object, &TypeMask::noscan(class.size().get()));
    }
    let (words, start) = *GROUPS.iter().rev().find(|(_, start)| *start <= id.0).unwrap_or(&GROUPS[0]);
    let class = SizeClass::for_bytes(words * WORD_BYTES);
    let mut mask = TypeMask::noscan(words * WORD_BYTES);
    mask.exact[0] = u64::from(id.0 - start);
    Layout::of(class, Extent::Object, &mask)
}

/// The bytes of an object's slot: its size class, or whole pages.
#[must_use]
pub const fn slot_bytes(class: SizeClass, bytes: usize) -> Bytes {
    if class.get() == 0 { Bytes::new(bytes).pages_ceil().bytes() } else { class.size() }
}

#[cfg(test)]
mod tests;
