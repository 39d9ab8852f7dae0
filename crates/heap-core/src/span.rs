//! Spans: runs of pages given to objects of one layout, and the tables that lead from an address to them.
//!
//! A span's record ([`Span`]) and its bits live outside the span, in tables beside the heap, so that marking
//! touches an object's page only to read the object.
//!
//! ```text
//!   address ── (address - base) >> 13 ──► page number
//!   infos [page]   16 B   what the marker needs for small objects: where the mark bytes are, the multiplier that
//!                         turns an offset into a slot, and the pointer mask          (quick.rs)
//!   owners[page]    4 B   the span's number + 1
//!   spans [number] 64 B   the record
//!   marks [block * 64 + slot]   one byte a slot: the epoch of the cycle that last reached it  (marks.rs)
//!   bits  [block + slot / 64]   one bit a slot: allocated, as of the last sweep and the runs handed out  (slots.rs)
//!   reached [page]              one byte a span, its first page's: the last epoch that reached a slot  (reached.rs)
//! ```
//!
//! A mark is a byte and not a bit, because setting a bit shared with other slots takes an atomic read-modify-write
//! (4.6 ns where this was designed) and setting a byte is a plain store (0.2 ns). Two workers may both believe
//! that they marked an object first; both then scan it, which is harmless.
//!
//! Who may touch what
//! * A span in use is *owned* by one party at a time: the mutator that caches it, the holder of its
//!   [`SweepClaim`](claim::SweepClaim), or nobody (it rests in a list of its central). Only the owner changes
//!   alloc bits and counts.
//! * Mark bytes are written by markers, and by the owner for runs handed out while marking; the byte of a span that was reached by the
//!   same, with a mark of the current epoch ([`reached`]).
//! * The record's shape fields change only while the span is being made, when no reference to any of its
//!   objects exists. A record that is freed while markers run keeps its shape until they have ended: one may have read
//!   that a page is its span's ([`SpanMap::resolve`](map::SpanMap::resolve)).
//!
//! Invariants (checked by [`crate::verify`])
//!   C1  slots = span bytes / stride; the layout's class and the record agree
//!   C2  allocated = ones in the alloc bits
//!   C4  alloc bits at and above `slots` are zero
//!   C10 a mark of the current epoch is in a span that says so
//!   A2  every page of a span in use has it as owner; a page without a span has none

pub mod slots;
pub mod marks;
pub mod reached;
pub mod claim;
pub mod map;

use crate::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};
use crate::units::{Bytes, PageIndex, Pages, narrow, wide};
use core::fmt;

/// The number of a span's record.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(transparent)]
pub struct SpanId(u32);

impl SpanId {
    /// The span with this number.
    #[inline]
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The bare number.
    #[inline]
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The bare number, as an index.
    #[inline]
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Where a span is: exactly one place at any time (C6).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Home {
    /// The record is not in use.
    Free = 0,
    /// In a mutator's cache.
    Cached = 1,
    /// In its central's list of spans with free slots.
    Partial = 2,
    /// In its central's list of spans without.
    Full = 3,
    /// A large object's.
    Large = 4,
    /// Claimed for sweeping, or on the way between two of the others.
    Moving = 5,
}

impl Home {
    fn from_u8(raw: u8) -> Self {
        match raw {
            0 => Self::Free,
            1 => Self::Cached,
            2 => Self::Partial,
            3 => Self::Full,
            4 => Self::Large,
            _ => Self::Moving,
        }
    }
}

/// What a span is made with.
#[derive(Clone, Copy, Debug)]
pub struct SpanShape {
    /// The first page.
    pub first: PageIndex,
    /// How many pages.
    pub pages: Pages,
    /// Slots: one for a large object.
    pub slots: u32,
    /// Bytes from slot to slot; the whole span for a large object.
    pub stride: usize,
    /// Multiplier that turns an offset into a slot number; 0 for a large object.
    pub magic: u32,
    /// First block of 64 mark bytes and one word of alloc bits.
    pub block: u32,
    /// Whether the memory may hold anything but zeros.
    pub dirty: bool,
}

/// The record of one span.
///
/// Every field is written by the owner (see the module's text) and read by anybody with relaxed loads; the lock or
/// claim through which ownership moved orders them.
#[derive(Default)]
#[repr(C, align(64))]
pub struct Span {
    /// The layout's entry in the heap. Written while the span is made.
    entry: AtomicPtr<()>,
    /// First page. Written while the span is made.
    first: AtomicUsize,
    /// Pages. Written while the span is made.
    pages: AtomicUsize,
    /// The sweep generation the span was last swept in, or who has it ([`claim`]). 64 bits: it never comes round.
    generation: AtomicU64,
    /// Bytes in use by a large object from the start of its span. Written while it is made.
    used: AtomicUsize,
    /// See [`SpanShape::slots`].
    slots: AtomicU32,
    /// See [`SpanShape::stride`]; 0 stands for the whole span.
    stride: AtomicU32,
    /// See [`SpanShape::magic`].
    magic: AtomicU32,
    /// See [`SpanShape::block`].
    block: AtomicU32,
    /// Slots allocated: the ones in the alloc bits (C2).
    allocated: AtomicU16,
    /// A [`Home`].
    home: AtomicU8,
    /// The shard of its central: that of the mutator that had it last.
    shard: AtomicU8,
    /// See [`SpanShape::dirty`]. Errs towards true: clearing too often costs time only.
    dirty: AtomicBool,
    /// Slots that the last sweep found reached; 0 if there was none since the span was made. Written by the sweep (release), read
    /// by a census (acquire), which throws away what it read if a cycle has ended meanwhile.
    survivors: AtomicU16,
}

const _: () = assert!(size_of::<Span>() == 64);

/// A number of slots, as a span's record keeps it.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "a span has at most 1024 slots")]
fn narrow_slots(slots: u32) -> u16 {
    debug_assert!(slots <= u32::from(u16::MAX));
    slots as u16
}

// SAFETY: all fields are atomics, whose all-zero bytes are valid (null, 0, false), and none needs dropping.
unsafe impl crate::meta::Zeroable for Span {}

impl Span {
    /// Takes a shape and becomes a span in use, [`CACHED`](claim::CACHED) by the caller.
    pub(crate) fn make(&self, shape: &SpanShape, entry: *mut ()) {
        // What a census reads is released and acquired: one that reads what is written here finds that a generation has ended.
        self.entry.store(entry, Release);
        self.first.store(shape.first.get(), Relaxed);
        self.pages.store(shape.pages.get(), Release);
        self.slots.store(shape.slots, Relaxed);
        self.stride
            .store(if shape.magic == 0 { 0 } else { u32::try_from(shape.stride).unwrap_or(0) }, Relaxed);
        self.magic.store(shape.magic, Relaxed);
        self.block.store(shape.block, Relaxed);
        self.allocated.store(0, Relaxed);
        self.used.store(shape.stride, Relaxed);
        self.dirty.store(shape.dirty, Relaxed);
        self.survivors.store(0, Relaxed);
        self.home.store(Home::Moving as u8, Relaxed);
        self.generation.store(claim::CACHED, Release);
    }

    /// Gives the shape up.
    pub(crate) fn unmake(&self) {
        self.home.store(Home::Free as u8, Relaxed);
        self.entry.store(core::ptr::null_mut(), Relaxed);
        self.generation.store(0, Release);
    }

    /// The layout's entry, as it was given to `make`; null while the record is free.
    #[inline]
    #[must_use]
    pub fn entry(&self) -> *mut () {
        self.entry.load(Acquire)
    }

    /// The first page.
    #[inline]
    #[must_use]
    pub fn first(&self) -> PageIndex {
        PageIndex::new(self.first.load(Relaxed))
    }

    /// How many pages.
    #[inline]
    #[must_use]
    pub fn pages(&self) -> Pages {
        Pages::new(self.pages.load(Acquire))
    }

    /// How many slots.
    #[inline]
    #[must_use]
    pub fn slots(&self) -> u32 {
        self.slots.load(Relaxed)
    }

    /// Bytes from slot to slot.
    #[inline]
    #[must_use]
    pub fn stride(&self) -> Bytes {
        match self.stride.load(Relaxed) {
            0 => self.pages().bytes(),
            stride => Bytes::new(stride as usize),
        }
    }

    /// The slot that holds the byte at `offset` from the span's start, by multiplication; 0 for a large span.
    #[inline]
    #[must_use]
    pub fn slot_at(&self, offset: usize) -> u32 {
        // Offsets of small spans are below 80 KiB, and magic below 2^32, so the product fits.
        narrow(wide((offset as u64 * u64::from(self.magic.load(Relaxed))) >> 32))
    }

    /// Bytes of the span's object that are in use: the stride, or for a large object what was asked for.
    #[inline]
    #[must_use]
    pub fn used(&self) -> Bytes {
        Bytes::new(self.used.load(Relaxed))
    }

    /// Notes how much of a large span its object uses.
    pub(crate) fn set_used(&self, used: Bytes) {
        self.used.store(used.get(), Relaxed);
    }

    /// The multiplier that turns an offset into a slot; 0 for a large span.
    #[inline]
    #[must_use]
    pub fn magic(&self) -> u32 {
        self.magic.load(Relaxed)
    }

    /// First block of mark bytes and alloc bits.
    #[inline]
    #[must_use]
    pub fn block(&self) -> u32 {
        self.block.load(Relaxed)
    }

    /// Whether this is the span of a large object.
    #[inline]
    #[must_use]
    pub fn is_large(&self) -> bool {
        self.magic.load(Relaxed) == 0
    }

    /// Slots allocated, runs handed out included.
    #[inline]
    #[must_use]
    pub fn allocated(&self) -> u32 {
        u32::from(self.allocated.load(Relaxed))
    }

    /// Sets the count of allocated slots. Owner only.
    #[inline]
    pub(crate) fn set_allocated(&self, slots: u32) {
        self.allocated.store(narrow_slots(slots), Relaxed);
    }

    /// Notes how many slots a sweep found reached. The sweeper only.
    #[inline]
    pub(crate) fn set_survivors(&self, slots: u32) {
        self.survivors.store(narrow_slots(slots), Release);
    }

    /// Slots that the last sweep found reached.
    #[inline]
    pub(crate) fn survivors(&self) -> u32 {
        u32::from(self.survivors.load(Acquire))
    }

    /// Where the span is.
    #[inline]
    #[must_use]
    pub fn home(&self) -> Home {
        Home::from_u8(self.home.load(Relaxed))
    }

    /// Moves the span. Owner only.
    #[inline]
    pub(crate) fn set_home(&self, home: Home) {
        self.home.store(home as u8, Relaxed);
    }

    /// The shard of its central that the span goes to.
    #[inline]
    pub(crate) fn shard(&self) -> u8 {
        self.shard.load(Relaxed)
    }

    /// The span is with a mutator of that shard now. Owner only.
    #[inline]
    pub(crate) fn set_shard(&self, shard: u8) {
        self.shard.store(shard, Relaxed);
    }

    /// Whether free slots may hold anything but zeros.
    #[inline]
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.dirty.load(Relaxed)
    }

    /// Notes that free slots may hold anything. Owner only.
    #[inline]
    pub(crate) fn set_dirty(&self) {
        self.dirty.store(true, Relaxed);
    }

    /// The sweep generation, for [`claim`].
    #[inline]
    pub(crate) fn generation(&self) -> &AtomicU64 {
        &self.generation
    }

    /// Whether the record is a span's, whose shape can then be read: it was made before this look.
    #[inline]
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        self.generation.load(Acquire) != 0
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Span")
            .field("first", &self.first())
            .field("pages", &self.pages())
            .field("slots", &self.slots())
            .field("stride", &self.stride())
            .field("allocated", &self.allocated())
            .field("home", &self.home())
            .field("generation", &self.generation.load(Relaxed))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
