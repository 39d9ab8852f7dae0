//! `GcBytes`: bytes in the heap.

use crate::api::slice::GcSlice;
use crate::gc::Gc;
use crate::mutator::{Mu, refused};
use crate::trace::{Rebrand, Trace};
use core::borrow::Borrow;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::Index;
use core::slice::SliceIndex;
use heap_core::error::AllocError;
use heap_core::layout::TypeMask;

/// Bytes in the heap, immutable, in memory that no collector looks into.
///
/// It is used through its reference, as a [`GcSlice`] is: `Gc<GcBytes>` is one word and has [`as_bytes`](Gc::as_bytes). It
/// compares, hashes and is borrowed as a `[u8]`, so a map with such keys is asked for a slice; it prints as a byte string.
///
/// ```
/// # extern crate heap_gc as tricolor;
/// use tricolor::{GcMap, Heap};
/// let heap = Heap::new()?;
/// heap.attach()?.enter(|mu| {
///     let magic = mu.alloc_bytes(b"\x7fELF");
///     assert_eq!((magic.len(), magic[0], &magic[1..]), (4, 0x7f, &b"ELF"[..]));
///     assert_eq!(format!("{magic:?}"), r#"b"\x7fELF""#);
///     let kinds = GcMap::new();
///     kinds.insert(mu, magic, 1);
///     assert_eq!(kinds.get(&b"\x7fELF"[..]), Some(1));
/// });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[repr(transparent)]
#[expect(missing_debug_implementations, reason = "its reference has one, which can see the bytes")]
pub struct GcBytes {
    bytes: GcSlice<u8>,
}

impl<'gc> Mu<'gc> {
    /// Copies bytes into the heap.
    ///
    /// # Panics
    /// If there is no memory for it; [`Mu::try_alloc_bytes`] returns the error instead.
    pub fn alloc_bytes(&self, bytes: &[u8]) -> Gc<'gc, GcBytes> {
        self.try_alloc_bytes(bytes).unwrap_or_else(|error| refused(&error))
    }

    /// Copies bytes into the heap, or says why not.
    ///
    /// # Errors
    /// See [`AllocError`]. The heap is as before.
    pub fn try_alloc_bytes(&self, bytes: &[u8]) -> Result<Gc<'gc, GcBytes>, AllocError> {
        let bytes = self.try_alloc_copy(bytes)?;
        // SAFETY: a `GcBytes` is a slice of bytes (transparent).
        Ok(unsafe { Gc::from_raw(Gc::as_ptr(bytes).cast()) })
    }
}

impl<'gc> Gc<'gc, GcBytes> {
    /// The bytes.
    #[inline]
    #[must_use]
    pub fn as_bytes(self) -> &'gc [u8] {
        self.into_slice().as_slice()
    }

    /// How many there are.
    #[inline]
    #[must_use]
    pub fn len(self) -> usize {
        self.into_slice().len()
    }

    /// Whether there are none.
    #[inline]
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// An iterator over the bytes.
    #[inline]
    pub fn iter(self) -> core::slice::Iter<'gc, u8> {
        self.as_bytes().iter()
    }

    /// The same object as a slice.
    #[inline]
    #[must_use]
    pub fn into_slice(self) -> Gc<'gc, GcSlice<u8>> {
        // SAFETY: a `GcBytes` is a slice of bytes (transparent).
        unsafe { Gc::from_raw(Gc::as_ptr(self).cast()) }
    }
}

/// By an index, or a range of them.
impl<I: SliceIndex<[u8]>> Index<I> for Gc<'_, GcBytes> {
    type Output = I::Output;

    #[inline]
    fn index(&self, index: I) -> &I::Output {
        &(*self).as_bytes()[index]
    }
}

impl<'gc> IntoIterator for Gc<'gc, GcBytes> {
    type Item = &'gc u8;
    type IntoIter = core::slice::Iter<'gc, u8>;

    #[inline]
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl PartialEq for Gc<'_, GcBytes> {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Gc<'_, GcBytes> {}

impl PartialEq<[u8]> for Gc<'_, GcBytes> {
    fn eq(&self, other: &[u8]) -> bool {
        self.as_bytes() == other
    }
}

impl PartialOrd for Gc<'_, GcBytes> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Gc<'_, GcBytes> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for Gc<'_, GcBytes> {
    /// Hashes the bytes, as a `[u8]` is hashed.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl Borrow<[u8]> for Gc<'_, GcBytes> {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl AsRef<[u8]> for Gc<'_, GcBytes> {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Debug for Gc<'_, GcBytes> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.as_bytes().escape_ascii())
    }
}

// SAFETY: 1, 2: bytes. 4: it needs no drop.
unsafe impl Trace for GcBytes {
    const MASK: TypeMask = TypeMask::noscan(size_of::<Self>());
}

// SAFETY: there is no brand to replace.
unsafe impl Rebrand for GcBytes {
    type At<'gc> = Self;
}
