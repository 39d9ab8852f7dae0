//! `Table`: where the control bytes and the entries of a map are, and how a search goes through them.
//!
//! A search begins at the group that the lowest bits of the hash name, and goes on by one group, two, three, and so on, round
//! the table. The number of groups is a power of two, so it comes to every group once before it comes to any again; and
//! since places are free (M4), it ends.

use super::group::{Bits, EMPTY, Group, WIDTH, tag};
use super::{Entries, Groups};
use crate::gc::Gc;
use crate::object::slice_header;

// Groups are allocated as numbers: they are as large, and aligned as well.
const _: () = assert!(size_of::<Group>() == size_of::<u128>() && align_of::<Group>() == align_of::<u128>());

/// The tables of a map, as addresses. They are good as long as the references they were made from: to the end of the `enter`.
pub(super) struct Table<K, V> {
    groups: *mut Group,
    entries: *mut (K, V),
    /// The number of groups, less one.
    mask: usize,
}

impl<K, V> Clone for Table<K, V> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for Table<K, V> {}

/// A place, by its table and its index.
pub(super) type At<K, V> = (Table<K, V>, usize);

/// Groups in the order in which a search for a hash comes to them.
struct Search {
    at: usize,
    step: usize,
    mask: usize,
}

impl Search {
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "the lowest bits are wanted")]
    fn new(hash: u64, mask: usize) -> Self {
        Self { at: hash as usize & mask, step: 0, mask }
    }

    #[inline(always)]
    fn go_on(&mut self) {
        self.step += 1;
        debug_assert!(self.step <= self.mask, "M4: a search came to every group and to no empty place");
        self.at = (self.at + self.step) & self.mask;
    }
}

impl<K, V> Table<K, V> {
    /// The tables that two references lead to, with one group more than `mask`.
    ///
    /// # Safety
    /// 1. They are tables of a map (M1), or about to be, whose control bytes are written before they are read.
    /// 2. The value is used inside this `enter` only.
    #[inline(always)]
    pub(super) unsafe fn new(groups: Groups<'_>, entries: Entries<'_, K, V>, mask: usize) -> Self {
        let start = Gc::as_ptr(groups).as_ptr().cast::<u8>();
        let first = Gc::as_ptr(entries).as_ptr().cast::<u8>();
        Self {
            groups: start.wrapping_add(slice_header(align_of::<Group>())).cast(),
            entries: first.wrapping_add(slice_header(align_of::<(K, V)>())).cast(),
            mask,
        }
    }

    /// Whether the two are the same tables.
    #[inline(always)]
    pub(super) fn is(&self, other: &Self) -> bool {
        core::ptr::eq(self.groups, other.groups)
    }

    /// How many groups there are.
    #[inline(always)]
    pub(super) fn groups(&self) -> usize {
        self.mask + 1
    }

    /// The place of an index.
    #[inline(always)]
    pub(super) fn place(&self, index: usize) -> *mut (K, V) {
        self.entries.wrapping_add(index)
    }

    /// One group.
    ///
    /// # Safety
    /// 1. `at` is at most `mask`.
    #[inline(always)]
    pub(super) unsafe fn group(&self, at: usize) -> Group {
        debug_assert!(at <= self.mask);
        // SAFETY: a group of the table (duty 1), which is initialised (M1).
        unsafe { self.groups.wrapping_add(at).read() }
    }

    /// The control byte of an index.
    ///
    /// # Safety
    /// 1. The index is one of a group of the table.
    #[inline(always)]
    pub(super) unsafe fn byte(&self, index: usize) -> u8 {
        debug_assert!(index / WIDTH <= self.mask);
        // SAFETY: a control byte of the table (duty 1), which is initialised (M1).
        unsafe { self.groups.cast::<u8>().wrapping_add(index).read() }
    }

    /// Whether the place of an index holds an entry.
    ///
    /// # Safety
    /// 1. The index is one of a group of the table.
    #[inline(always)]
    pub(super) unsafe fn is_full(&self, index: usize) -> bool {
        // SAFETY: duty 1.
        let byte = unsafe { self.byte(index) };
        byte & 0x80 == 0
    }

    /// Changes the control byte of an index.
    ///
    /// # Safety
    /// 1. The index is one of a place of the table.
    /// 2. The place holds what the byte says (M2, M3).
    #[inline(always)]
    pub(super) unsafe fn set_byte(&self, index: usize, byte: u8) {
        debug_assert!(index / WIDTH <= self.mask);
        // SAFETY: a control byte of the table (duty 1), which only this thread uses (M5).
        unsafe { self.groups.cast::<u8>().wrapping_add(index).write(byte) };
    }

    /// Makes all control bytes those of places that hold nothing.
    ///
    /// # Safety
    /// 1. The places hold nothing (M3).
    pub(super) unsafe fn set_empty(&self) {
        // SAFETY: the groups of the table, which only this thread uses (M5).
        unsafe { self.groups.write_bytes(EMPTY, self.groups()) };
    }

    /// Searches for the key with that hash that `is` says is the one, among the places whose tags are those of the hash.
    #[inline(always)]
    pub(super) fn find(&self, hash: u64, mut is: impl FnMut(usize) -> bool) -> Option<usize> {
        let mut search = Search::new(hash, self.mask);
        loop {
            // SAFETY: a search stays below the number of groups.
            let group = unsafe { self.group(search.at) };
            let mut alike = group.with(tag(hash));
            // Not as an iterator: what is left is of interest only if this is not the one.
            while let Some(bit) = alike.first() {
                let index = search.at * WIDTH + bit;
                if is(index) {
                    return Some(index);
                }
                alike.next();
            }
            if group.has_empty() {
                return None;
            }
            search.go_on();
        }
    }

    /// The first place that holds nothing on the way of a hash. In a group with fewer places than bytes, the bytes without a
    /// place come last, after one whose place is free (M4).
    #[inline(always)]
    pub(super) fn free(&self, hash: u64) -> usize {
        let mut search = Search::new(hash, self.mask);
        loop {
            // SAFETY: a search stays below the number of groups.
            let group = unsafe { self.group(search.at) };
            if let Some(bit) = group.free().first() {
                return search.at * WIDTH + bit;
            }
            search.go_on();
        }
    }
}

/// A walk through the places of a table that hold entries. It sees what goes while it is under way.
pub(super) struct Walk<K, V> {
    pub(super) table: Table<K, V>,
    /// The group after the one it is in.
    next: usize,
    /// The places of its group that held entries when it came, and where it has not been.
    rest: Bits,
}

impl<K, V> Walk<K, V> {
    pub(super) fn new(table: Table<K, V>) -> Self {
        Self { table, next: 0, rest: Bits::NONE }
    }
}

impl<K, V> Iterator for Walk<K, V> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        loop {
            for bit in self.rest.by_ref() {
                let index = (self.next - 1) * WIDTH + bit;
                // SAFETY: an index of the group that it is in.
                if unsafe { self.table.is_full(index) } {
                    return Some(index);
                }
            }
            if self.next == self.table.groups() {
                return None;
            }
            // SAFETY: there is another group.
            self.rest = unsafe { self.table.group(self.next) }.full();
            self.next += 1;
        }
    }
}
