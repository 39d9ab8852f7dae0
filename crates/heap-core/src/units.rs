//! Units: every count of bytes, pages and words has a type of its own.
//!
//! A heap works with numbers that look alike and must never be mixed: bytes, 8 KiB runtime pages, machine
//! words, addresses, page numbers and slot numbers. Each is a transparent newtype with arithmetic inside its own
//! unit; a conversion is a method named by what it does to the remainder ([`Bytes::pages_ceil`],
//! [`Pages::bytes`]). There is no `From<usize>` and no `Deref`: a bare number enters at `new` and leaves at
//! `get`, where a reader can see it.
//!
//! ```text
//!   address  = reservation base + PageIndex * 8192 + SlotIndex * stride
//!   PageIndex = (address - base) >> 13          indexes every side table
//! ```
//!
//! Everybody uses this module; it uses nobody.

use core::fmt;
use core::ops::{Add, AddAssign, Sub, SubAssign};

/// log2 of the runtime page size.
pub const PAGE_SHIFT: u32 = 13;
/// Bytes in a runtime page: 8 KiB, Go's choice. Larger pages waste more of a span's tail and pin more memory per
/// survivor; smaller ones mean more spans, more refills and longer side tables.
pub const PAGE_BYTES: usize = 1 << PAGE_SHIFT;
/// Bytes in a machine word. The heap runs on 64-bit machines only.
pub const WORD_BYTES: usize = 8;

const _: () = assert!(size_of::<usize>() == WORD_BYTES, "the heap needs a 64-bit machine");

/// A 64-bit count as an index or size.
#[inline(always)]
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "usize has 64 bits, as asserted above")]
pub const fn wide(count: u64) -> usize {
    count as usize
}

/// A count known to fit into 32 bits.
///
/// # Panics
/// In debug builds, if it does not.
#[inline(always)]
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "asserted on the line above")]
pub const fn narrow(count: usize) -> u32 {
    debug_assert!(count <= u32::MAX as usize);
    count as u32
}

macro_rules! unit {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        #[repr(transparent)]
        pub struct $name(usize);

        impl $name {
            /// None of them.
            pub const ZERO: Self = Self(0);

            /// That many.
            #[inline]
            #[must_use]
            pub const fn new(count: usize) -> Self {
                Self(count)
            }

            /// The bare number.
            #[inline]
            #[must_use]
            pub const fn get(self) -> usize {
                self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!("{} ", stringify!($name)), self.0)
            }
        }

        impl Add for $name {
            type Output = Self;
            #[inline]
            fn add(self, other: Self) -> Self {
                Self(self.0 + other.0)
            }
        }

        impl Sub for $name {
            type Output = Self;
            #[inline]
            fn sub(self, other: Self) -> Self {
                Self(self.0 - other.0)
            }
        }

        impl AddAssign for $name {
            #[inline]
            fn add_assign(&mut self, other: Self) {
                self.0 += other.0;
            }
        }

        impl SubAssign for $name {
            #[inline]
            fn sub_assign(&mut self, other: Self) {
                self.0 -= other.0;
            }
        }

        impl core::iter::Sum for $name {
            fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
                Self(all.map(|one| one.0).sum())
            }
        }
    };
}

unit! {
    /// A number of bytes.
    Bytes
}
unit! {
    /// A number of 8 KiB runtime pages.
    Pages
}
unit! {
    /// A number of 8-byte machine words.
    Words
}

impl Bytes {
    /// That many kibibytes.
    #[must_use]
    pub const fn kib(count: usize) -> Self {
        Self(count << 10)
    }

    /// That many mebibytes.
    #[must_use]
    pub const fn mib(count: usize) -> Self {
        Self(count << 20)
    }

    /// That many gibibytes.
    #[must_use]
    pub const fn gib(count: usize) -> Self {
        Self(count << 30)
    }

    /// The pages that hold these bytes, the last one perhaps in part.
    #[inline]
    #[must_use]
    pub const fn pages_ceil(self) -> Pages {
        Pages(self.0.div_ceil(PAGE_BYTES))
    }

    /// The whole pages in these bytes.
    #[inline]
    #[must_use]
    pub const fn pages_floor(self) -> Pages {
        Pages(self.0 >> PAGE_SHIFT)
    }

    /// The words that hold these bytes, the last one perhaps in part.
    #[inline]
    #[must_use]
    pub const fn words_ceil(self) -> Words {
        Words(self.0.div_ceil(WORD_BYTES))
    }
}

impl fmt::Display for Bytes {
    /// In the largest binary unit that keeps at least one digit before the point: `1.5 MiB`, `768 B`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(usize, &str); 4] = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
        for (shift, name) in UNITS {
            let one = 1usize << shift;
            if self.0 >= one {
                let (whole, rest) = (self.0 >> shift, self.0 & (one - 1));
                return if rest == 0 {
                    write!(f, "{whole} {name}")
                } else {
                    // Tenths, rounded down, so that a figure never claims more than there is.
                    let tenths = (rest as u128 * 10) >> shift;
                    write!(f, "{whole}.{tenths} {name}")
                };
            }
        }
        write!(f, "{} B", self.0)
    }
}

impl Pages {
    /// The bytes of these pages.
    #[inline]
    #[must_use]
    pub const fn bytes(self) -> Bytes {
        Bytes(self.0 << PAGE_SHIFT)
    }
}

impl Words {
    /// The bytes of these words.
    #[inline]
    #[must_use]
    pub const fn bytes(self) -> Bytes {
        Bytes(self.0 * WORD_BYTES)
    }
}

/// The number of a page in its reservation: `(address - base) >> 13`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
#[repr(transparent)]
pub struct PageIndex(usize);

impl PageIndex {
    /// The page with this number.
    #[inline]
    #[must_use]
    pub const fn new(index: usize) -> Self {
        Self(index)
    }

    /// The bare number.
    #[inline]
    #[must_use]
    pub const fn get(self) -> usize {
        self.0
    }

    /// The page that many pages further on.
    #[inline]
    #[must_use]
    pub const fn plus(self, pages: Pages) -> Self {
        Self(self.0 + pages.get())
    }

    /// Where the page begins, in bytes from the base of its reservation.
    #[inline]
    #[must_use]
    pub const fn offset(self) -> Bytes {
        Bytes(self.0 << PAGE_SHIFT)
    }

    /// The pages from `start` up to this one.
    ///
    /// # Panics
    /// In debug builds, if `start` lies above this page.
    #[inline]
    #[must_use]
    pub const fn since(self, start: Self) -> Pages {
        debug_assert!(self.0 >= start.0);
        Pages(self.0 - start.0)
    }
}

/// An address as a number: for arithmetic and printing. Only the reservation that owns the memory turns one into
/// a pointer ([`crate::os`]).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct Addr(usize);

impl Addr {
    /// This address.
    #[inline]
    #[must_use]
    pub const fn new(address: usize) -> Self {
        Self(address)
    }

    /// The bare number.
    #[inline]
    #[must_use]
    pub const fn get(self) -> usize {
        self.0
    }

    /// The address that many bytes further on.
    #[inline]
    #[must_use]
    pub const fn plus(self, bytes: Bytes) -> Self {
        Self(self.0 + bytes.get())
    }
}

impl fmt::Debug for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// The number of a slot in its span.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
#[repr(transparent)]
pub struct SlotIndex(u32);

impl SlotIndex {
    /// The slot with this number.
    #[inline]
    #[must_use]
    pub const fn new(index: u32) -> Self {
        Self(index)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_what_its_name_says() {
        assert_eq!(Bytes::new(0).pages_ceil(), Pages::new(0));
        assert_eq!(Bytes::new(1).pages_ceil(), Pages::new(1));
        assert_eq!(Bytes::new(8192).pages_ceil(), Pages::new(1));
        assert_eq!(Bytes::new(8193).pages_ceil(), Pages::new(2));
        assert_eq!(Bytes::new(8193).pages_floor(), Pages::new(1));
        assert_eq!(Pages::new(3).bytes(), Bytes::kib(24));
        assert_eq!(Bytes::new(9).words_ceil(), Words::new(2));
    }

    #[test]
    fn bytes_print_in_the_largest_unit_and_never_round_up() {
        assert_eq!(Bytes::new(768).to_string(), "768 B");
        assert_eq!(Bytes::kib(8).to_string(), "8 KiB");
        assert_eq!(Bytes::new((3 << 20) / 2).to_string(), "1.5 MiB");
        assert_eq!(Bytes::new((1 << 30) - 1).to_string(), "1023.9 MiB");
        assert_eq!(Bytes::gib(16 << 10).to_string(), "16 TiB");
    }
}
