//! Size classes: the 67 sizes of slots that small objects are rounded up to.
//!
//! A span is cut into equal slots, so every small request takes the smallest class that holds it. The table is
//! Go's, made anew by [`generate`] from the same rules: close enough together that rounding wastes at most an
//! eighth beyond the smallest sizes, few enough that a heap does not hold a half-used span of each.
//!
//! ```text
//!   request   0..8  9..16  17..24  25..32  33..48 ... 28673..32768   larger
//!   class      1      2      3       4       5             67       0 (LARGE: a span of its own)
//!   slot       8     16     24      32      48           32768
//! ```
//!
//! Two roads between a number and a class, both without a division:
//!
//! ```text
//!   bytes  -> class   a table of one byte per 8 bytes up to 1024, per 128 bytes above
//!   offset -> slot    (offset * magic) >> 32, magic = ceil(2^32 / size)
//! ```
//!
//! Every nominal slot of a span is used: mark bits live outside the span, and no object has a header. (Go keeps
//! up to 256 bytes of bitmaps at the end of small spans, and so has a few objects less in each.)
//!
//! Invariants
//!   I1  sizes rise strictly, each a multiple of 8; the last is [`MAX_SMALL`];
//!   I2  `slots * size <= span bytes`, and the tail left over is at most an eighth of the span;
//!   I3  for every offset inside a span, `(offset * magic) >> 32 == offset / size`: proved for all of them by test;
//!   I4  a slot starts at a multiple of [`SizeClass::align`], as spans begin on pages.
//!
//! The table in `table.rs` is generated, and a test compares it with the generator. Called by layouts, spans and
//! caches. Does not know about pointers, spans in memory or how many slots are in use.
#![forbid(unsafe_code)]

pub mod generate;
mod table;
#[cfg(test)]
mod tests;

use core::fmt;

use crate::units::{Bytes, PAGE_BYTES, PAGE_SHIFT, Pages, SlotIndex};

pub use self::table::{CLASS_BY_8, CLASS_BY_128, MAGIC, SIZES, SLOTS, SPAN_PAGES};

/// The largest request that shares a span with others. Larger ones get spans of their own: with fewer than one
/// object in four pages there is nothing left to share.
pub const MAX_SMALL: usize = 32768;

/// Up to this size the class table has one entry for 8 bytes, above it one for 128.
const FINE_LIMIT: usize = 1024;
const FINE_STEP: usize = 8;
const COARSE_STEP: usize = 128;

/// More slots than this in one span there are not: a page of the smallest class.
pub const MAX_SLOTS: usize = PAGE_BYTES / FINE_STEP;

// Not in test builds: a test writes the table anew, and has to compile while the old one is wrong.
#[cfg(not(test))]
const _: () = {
    assert!(SIZES[SizeClass::COUNT - 1] as usize == MAX_SMALL);
    assert!(SLOTS[1] as usize == MAX_SLOTS);
    assert!(CLASS_BY_8.len() == FINE_LIMIT / FINE_STEP + 1);
    assert!(CLASS_BY_128.len() == (MAX_SMALL - FINE_LIMIT) / COARSE_STEP + 1);
};

/// One of the 67 classes of small objects, or [`SizeClass::LARGE`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct SizeClass(u8);

impl SizeClass {
    /// How many classes there are, [`SizeClass::LARGE`] included: the length of every table by class.
    pub const COUNT: usize = 68;

    /// Not a class of slots: an object that has a span of its own.
    pub const LARGE: Self = Self(0);

    /// The class with this number, if there is one.
    #[inline]
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if (number as usize) < Self::COUNT { Some(Self(number)) } else { None }
    }

    /// The classes of small objects, from the smallest to the largest; without [`SizeClass::LARGE`].
    pub fn small() -> impl DoubleEndedIterator<Item = Self> + ExactSizeIterator + Clone {
        const LAST: u8 = 67;
        const _: () = assert!(LAST as usize + 1 == SizeClass::COUNT);
        // An inclusive range of u8 is exact in length, and 1..=67 is no longer than one.
        (1..=LAST).map(Self)
    }

    /// The smallest class that holds `bytes`, [`SizeClass::LARGE`] above [`MAX_SMALL`]. Nothing at all (0 bytes)
    /// takes a slot of the smallest class.
    #[inline]
    #[must_use]
    pub const fn for_bytes(bytes: usize) -> Self {
        if bytes <= FINE_LIMIT {
            Self(CLASS_BY_8[bytes.div_ceil(FINE_STEP)])
        } else if bytes <= MAX_SMALL {
            Self(CLASS_BY_128[(bytes - FINE_LIMIT).div_ceil(COARSE_STEP)])
        } else {
            Self::LARGE
        }
    }

    /// The smallest class that holds `bytes` and whose slots all start at multiples of `align`, a power of two;
    /// [`SizeClass::LARGE`] if no small class does. Spans begin on 8 KiB pages, so an alignment above a page is
    /// beyond any small class, and the caller must see to it.
    #[inline]
    #[must_use]
    pub const fn for_bytes_aligned(bytes: usize, align: usize) -> Self {
        debug_assert!(align.is_power_of_two());
        let mut class = Self::for_bytes(bytes);
        if align <= FINE_STEP {
            // Every class is a multiple of that.
            return class;
        }
        while !class.is_large() && class.align() < align {
            class = Self(class.0 + 1);
            if class.index() == Self::COUNT {
                return Self::LARGE;
            }
        }
        class
    }

    /// The number of the class: 0 is [`SizeClass::LARGE`].
    #[inline]
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// The number of the class, as an index into tables of [`SizeClass::COUNT`] entries.
    #[inline]
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// Whether this is [`SizeClass::LARGE`].
    #[inline]
    #[must_use]
    pub const fn is_large(self) -> bool {
        self.0 == 0
    }

    /// The bytes of one slot. Zero for [`SizeClass::LARGE`], whose objects differ.
    #[inline]
    #[must_use]
    pub const fn size(self) -> Bytes {
        Bytes::new(SIZES[self.index()] as usize)
    }

    /// The pages of one span. Zero for [`SizeClass::LARGE`].
    #[inline]
    #[must_use]
    pub const fn span_pages(self) -> Pages {
        Pages::new(SPAN_PAGES[self.index()] as usize)
    }

    /// The bytes of one span. Zero for [`SizeClass::LARGE`].
    #[inline]
    #[must_use]
    pub const fn span_bytes(self) -> Bytes {
        self.span_pages().bytes()
    }

    /// The slots of one span, all of them usable. Zero for [`SizeClass::LARGE`].
    #[inline]
    #[must_use]
    pub const fn slots(self) -> u32 {
        SLOTS[self.index()] as u32
    }

    /// The number that divides by the slot size: see [`SizeClass::slot_of`]. Zero for [`SizeClass::LARGE`].
    #[inline]
    #[must_use]
    pub const fn magic(self) -> u32 {
        MAGIC[self.index()]
    }

    /// The slot that holds the byte at this offset from the start of its span (I3). Right for every offset inside
    /// the span, one in the unused tail included: that one gets the number [`SizeClass::slots`]. In a large span
    /// everything is slot 0.
    #[inline]
    #[must_use]
    pub const fn slot_of(self, offset: u32) -> SlotIndex {
        slot_at(offset, self.magic())
    }

    /// What every slot's start is a multiple of, in bytes: the largest power of two in the size, at most a page.
    /// A page for [`SizeClass::LARGE`].
    #[inline]
    #[must_use]
    pub const fn align(self) -> usize {
        let zeros = SIZES[self.index()].trailing_zeros();
        1 << if zeros < PAGE_SHIFT { zeros } else { PAGE_SHIFT }
    }

    /// The bytes at the end of a span that are too few for one more slot.
    #[must_use]
    pub const fn tail_waste(self) -> Bytes {
        Bytes::new(self.span_bytes().get() - self.slots() as usize * self.size().get())
    }

    /// The smallest request that is put into this class: one byte more than the class below holds, or one byte
    /// in the smallest. Zero for [`SizeClass::LARGE`].
    #[must_use]
    pub const fn smallest_request(self) -> Bytes {
        if self.is_large() {
            return Bytes::ZERO;
        }
        Bytes::new(SIZES[self.index() - 1] as usize + 1)
    }

    /// The bytes of a slot that its smallest request leaves unused. Zero for [`SizeClass::LARGE`].
    #[must_use]
    pub const fn max_slot_waste(self) -> Bytes {
        Bytes::new(self.size().get() - self.smallest_request().get())
    }

    /// The part of a span that is wasted at worst, in percent: every slot holds the class's smallest request¹ and
    /// the tail² is lost. Zero for [`SizeClass::LARGE`].
    ///
    /// ```text
    ///   100 * ( (size - smallest request) * slots ¹  +  tail ² ) / span bytes
    /// ```
    #[must_use]
    pub fn max_waste_percent(self) -> f64 {
        if self.is_large() {
            return 0.0;
        }
        let slots_waste = self.max_slot_waste().get() * self.slots() as usize; // ¹ bytes
        let tail_waste = self.tail_waste().get(); // ² bytes
        100.0 * (slots_waste + tail_waste) as f64 / self.span_bytes().get() as f64
    }
}

/// The slot at `offset` bytes into a span, by the magic number of its class; for callers that keep the number at
/// hand. [`SizeClass::slot_of`] is the same from the class.
#[inline]
#[must_use]
pub const fn slot_at(offset: u32, magic: u32) -> SlotIndex {
    SlotIndex::new(((offset as u64 * magic as u64) >> 32) as u32)
}

impl fmt::Debug for SizeClass {
    /// `class 4 (32 B)`, or `large`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_large() {
            f.write_str("large")
        } else {
            write!(f, "class {} ({} B)", self.0, self.size().get())
        }
    }
}
