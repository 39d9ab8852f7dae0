//! Side tables: arrays of zeroes, as long as a heap may ever need, backed as they are touched.
//!
//! The heap keeps its book outside the objects: bitmaps of pages, summaries, the span of every page, mark bytes.
//! Each is an array indexed by a number that follows from an address, long enough for the whole reservation. A
//! [`Table`] asks the system for that much address space; an entry that nobody wrote reads zero and costs nothing.
//!
//! ```text
//!   16 TiB reservation ─ 2^31 pages ─ a table of one u64 per 64 pages: 256 MiB of addresses, a few KiB of memory
//! ```
//!
//! Invariants
//!   T1  `start` points to `len` values of `T`, all valid: the bytes were zero at first, which [`Zeroable`] says is
//!       a value, and only values were written since.
//!   T2  the memory is `Os::table`'s, `bytes` long, given back once, by `drop`.
//!
//! An access outside the table panics, in every build: a wrong index is our bug, and the next table lies behind this one.
//! Called by [`crate::page`] and by everything above that keeps a book. Shares nothing by itself: a table of plain
//! values follows Rust's borrows, a table of atomics is shared as any slice of atomics is.

use core::fmt;
use core::marker::PhantomData;
use core::ops::Range;
use core::ptr::{self, NonNull};

use crate::accounting::{Holds, Mapping};
use crate::os::{NO_MEMORY, Os, OsError, OsOp, whole_os_pages};
use crate::sync::{Arc, atomic};
use crate::units::{Addr, Bytes};

#[cfg(test)]
mod tests;

/// Types for which memory of all zero bytes is a value, and which need not be dropped.
///
/// # Safety
/// Zero bytes are a valid value of the type, the type has no drop glue, and its alignment is at most 4 KiB.
pub unsafe trait Zeroable {}

macro_rules! zeroable {
    ($($(#[$when:meta])* $type:ty),* $(,)?) => {
        $(
            $(#[$when])*
            // SAFETY: an integer, or an atomic one: zero bytes are the number zero; nothing to drop; small alignment.
            unsafe impl Zeroable for $type {}
        )*
    };
}

zeroable! {
    u8, u16, u32, u64, usize,
    #[cfg(not(loom))] atomic::AtomicU8,
    #[cfg(not(loom))] atomic::AtomicU16,
    #[cfg(not(loom))] atomic::AtomicU32,
    #[cfg(not(loom))] atomic::AtomicU64,
    #[cfg(not(loom))] atomic::AtomicUsize,
}

// SAFETY: an atomic pointer: zero bytes are the null pointer; nothing to drop; aligned as a word.
#[cfg(not(loom))]
unsafe impl<T> Zeroable for atomic::AtomicPtr<T> {}

// SAFETY: an array is its elements in a row, so it is valid, needs no drop and is aligned as they are.
unsafe impl<T: Zeroable, const N: usize> Zeroable for [T; N] {}

/// A table as a part of a heap's address space.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TableAccount {
    /// Where it is.
    pub mapping: Mapping,
    /// Bytes of it that are memory, in whole pages of the system.
    pub used: Bytes,
}

/// A fixed-length array of `T`, all zero at first, backed by the system as it is touched.
pub struct Table<T: Zeroable> {
    start: NonNull<T>,
    len: usize,
    bytes: Bytes,
    os: Arc<dyn Os>,
    owned: PhantomData<T>,
}

// SAFETY: a table owns its values as a `Box<[T]>` does; the system behind it is Send and Sync.
unsafe impl<T: Zeroable + Send> Send for Table<T> {}
// SAFETY: a shared table gives shared references to its values only, as a `Box<[T]>` does.
unsafe impl<T: Zeroable + Sync> Sync for Table<T> {}

impl<T: Zeroable> Table<T> {
    /// A table of `len` zeroes. Takes a system call or two, whatever the length; touches nothing.
    ///
    /// # Errors
    /// The system's, or `ENOMEM` when the table would exceed the address space.
    pub fn new(os: &Arc<dyn Os>, len: usize) -> Result<Self, OsError> {
        const {
            assert!(align_of::<T>() <= 4096 && size_of::<T>() > 0 && !core::mem::needs_drop::<T>());
        }
        let whole =
            len.checked_mul(size_of::<T>()).and_then(|bytes| whole_os_pages(&**os, Bytes::new(bytes)));
        let Some(bytes) = whole else {
            let asked = Bytes::new(len.saturating_mul(size_of::<T>()));
            return Err(OsError { op: OsOp::Table, bytes: asked, code: NO_MEMORY });
        };
        let start = os.table(bytes)?.cast();
        Ok(Self { start, len, bytes, os: Arc::clone(os), owned: PhantomData })
    }

    /// How many values there are.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The address space the table takes, backed or not.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        self.bytes
    }

    /// Where the table is, and how many of its bytes are memory if its first `values` values were ever touched.
    #[must_use]
    pub fn account(&self, values: usize) -> TableAccount {
        let used = Bytes::new(values.min(self.len) * size_of::<T>());
        let used =
            if used == Bytes::ZERO { used } else { whole_os_pages(&*self.os, used).unwrap_or(self.bytes) };
        let start = Addr::new(self.start.addr().get());
        TableAccount {
            mapping: Mapping { start, len: self.bytes, holds: Holds::Metadata },
            used: used.min(self.bytes),
        }
    }

    /// Asks the system for the memory of the values in `range`, as far as they are in the table, before somebody touches them. A hint,
    /// and at the most a system call; no value changes.
    pub fn back(&self, range: Range<usize>) {
        let (start, end) = (range.start.min(self.len), range.end.min(self.len));
        if start < end {
            // SAFETY: `start` is below `len`, so the pointer stays in the table's memory (T1, T2).
            let at = unsafe { self.start.add(start) };
            // SAFETY: `end` is at most `len`, so the range lies in one live table of this system (T2).
            unsafe { self.os.back(at.cast(), Bytes::new((end - start) * size_of::<T>())) };
        }
    }

    /// The first value's address: for readers that go through many entries with a bound of their own.
    #[inline]
    #[must_use]
    pub fn as_ptr(&self) -> NonNull<T> {
        self.start
    }

    /// The value with number `index`.
    ///
    /// # Panics
    /// If `index` is not below `len`.
    #[inline]
    #[must_use]
    pub fn get(&self, index: usize) -> &T {
        assert!(index < self.len, "T1: entry {index} of a table of {}", self.len);
        // SAFETY: the index is below `len`, so the pointer stays in the table's memory (T1, T2).
        let at = unsafe { self.start.add(index) };
        // SAFETY: a valid, aligned value (T1) that lives as long as the table; shared as the table is.
        unsafe { at.as_ref() }
    }

    /// The value with number `index`, to change.
    ///
    /// # Panics
    /// If `index` is not below `len`.
    #[inline]
    #[must_use]
    pub fn get_mut(&mut self, index: usize) -> &mut T {
        assert!(index < self.len, "T1: entry {index} of a table of {}", self.len);
        // SAFETY: the index is below `len`, so the pointer stays in the table's memory (T1, T2).
        let mut at = unsafe { self.start.add(index) };
        // SAFETY: a valid, aligned value (T1) that lives as long as the table; exclusive as the table is.
        unsafe { at.as_mut() }
    }

    /// The values with numbers in `range`.
    ///
    /// # Panics
    /// If the range is not inside the table.
    #[inline]
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> &[T] {
        let start = self.start_of(&range);
        // SAFETY: `range` lies in the table (asserted by `start_of`): valid values (T1), shared as the table is,
        // and the table's length in bytes fits isize (`whole_os_pages`).
        unsafe { &*ptr::slice_from_raw_parts(start, range.len()) }
    }

    /// The values with numbers in `range`, to change.
    ///
    /// # Panics
    /// If the range is not inside the table.
    #[inline]
    #[must_use]
    pub fn slice_mut(&mut self, range: Range<usize>) -> &mut [T] {
        let start = self.start_of(&range);
        // SAFETY: `range` lies in the table (asserted by `start_of`): valid values (T1), exclusive as the table
        // is, and the table's length in bytes fits isize (`whole_os_pages`).
        unsafe { &mut *ptr::slice_from_raw_parts_mut(start, range.len()) }
    }

    /// The pointer to the start of a range that must lie inside.
    #[inline]
    fn start_of(&self, range: &Range<usize>) -> *mut T {
        let inside = range.start <= range.end && range.end <= self.len;
        assert!(inside, "T1: entries {range:?} of a table of {}", self.len);
        // SAFETY: the start is at most `len`, so the pointer stays in the table's memory or just behind it.
        unsafe { self.start.as_ptr().add(range.start) }
    }
}

impl<T: Zeroable> Drop for Table<T> {
    fn drop(&mut self) {
        // SAFETY: the memory is one table of the system (T2); its values need no drop (`Zeroable`), and nobody
        // can borrow them any more.
        let given_back = unsafe { self.os.unreserve(self.start.cast(), self.bytes) };
        // A system that will not take it back leaves us nothing to do: it stays mapped and harms nobody.
        given_back.ok();
    }
}

impl<T: Zeroable> fmt::Debug for Table<T> {
    /// Its shape, not its contents, which may be long and not backed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("start", &self.start)
            .field("len", &self.len)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}
