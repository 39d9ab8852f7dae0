//! `GcStr`: a string in the heap.

use crate::api::bytes::GcBytes;
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
use core::str::Utf8Error;
use heap_core::error::AllocError;
use heap_core::layout::TypeMask;

/// A string in the heap, immutable.
///
/// It is used through its reference, as a [`GcSlice`] is: `Gc<GcStr>` is one word and has [`as_str`](Gc::as_str). It
/// compares, hashes, is borrowed and prints as a `str`.
///
/// ```
/// # extern crate heap_gc as tricolor;
/// use tricolor::Heap;
/// let heap = Heap::new()?;
/// heap.attach()?.enter(|mu| {
///     let (grey, white) = (mu.alloc_str("grey"), mu.alloc_str("white"));
///     assert_eq!((grey.as_str(), &grey[1..]), ("grey", "rey"));
///     assert!(grey < white && grey == "grey");
///     assert_eq!(format!("{grey} {grey:?}"), r#"grey "grey""#);
/// });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[repr(transparent)]
#[expect(missing_debug_implementations, reason = "its reference has one, which can see the text")]
pub struct GcStr {
    bytes: GcSlice<u8>,
}

impl<'gc> Mu<'gc> {
    /// Copies a string into the heap.
    ///
    /// # Panics
    /// If there is no memory for it; [`Mu::try_alloc_str`] returns the error instead.
    pub fn alloc_str(&self, text: &str) -> Gc<'gc, GcStr> {
        self.try_alloc_str(text).unwrap_or_else(|error| refused(&error))
    }

    /// Copies a string into the heap, or says why not.
    ///
    /// # Errors
    /// See [`AllocError`]. The heap is as before.
    pub fn try_alloc_str(&self, text: &str) -> Result<Gc<'gc, GcStr>, AllocError> {
        let bytes = self.try_alloc_copy(text.as_bytes())?;
        // SAFETY: a `GcStr` is a slice of bytes (transparent), and these are UTF-8.
        Ok(unsafe { Gc::from_raw(Gc::as_ptr(bytes).cast()) })
    }
}

impl<'gc> Gc<'gc, GcStr> {
    /// The text.
    #[inline]
    #[must_use]
    pub fn as_str(self) -> &'gc str {
        let bytes = self.into_bytes().as_bytes();
        // SAFETY: UTF-8 since it was made (`try_alloc_str`, `to_str`), and nobody can change it.
        unsafe { core::str::from_utf8_unchecked(bytes) }
    }

    /// How many bytes it has.
    #[inline]
    #[must_use]
    pub fn len(self) -> usize {
        self.into_bytes().len()
    }

    /// Whether it is empty.
    #[inline]
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The same object as bytes. Nothing is copied.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// use tricolor::Heap;
    /// let heap = Heap::new()?;
    /// heap.attach()?.enter(|mu| {
    ///     let text = mu.alloc_str("grey");
    ///     assert_eq!(text.into_bytes().as_bytes(), b"grey");
    ///     assert_eq!(text.into_bytes().to_str(), Ok(text));
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn into_bytes(self) -> Gc<'gc, GcBytes> {
        // SAFETY: both are slices of bytes (transparent).
        unsafe { Gc::from_raw(Gc::as_ptr(self).cast()) }
    }
}

impl<'gc> Gc<'gc, GcBytes> {
    /// The same object as a string. Nothing is copied.
    ///
    /// # Errors
    /// If the bytes are not UTF-8, where that begins.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// use tricolor::{Gc, Heap};
    /// let heap = Heap::new()?;
    /// heap.attach()?.enter(|mu| {
    ///     let bytes = mu.alloc_bytes(b"grey");
    ///     let text = bytes.to_str().expect("it is ASCII");
    ///     assert_eq!((text.as_str(), Gc::addr(text)), ("grey", Gc::addr(bytes)));
    ///     let error = mu.alloc_bytes(b"gr\xffy").to_str().expect_err("0xff begins no character");
    ///     assert_eq!(error.valid_up_to(), 2);
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_str(self) -> Result<Gc<'gc, GcStr>, Utf8Error> {
        core::str::from_utf8(self.as_bytes())?;
        // SAFETY: a `GcStr` is a slice of bytes (transparent), and these are UTF-8.
        Ok(unsafe { Gc::from_raw(Gc::as_ptr(self).cast()) })
    }
}

/// By a range of bytes that ends between characters.
impl<I: SliceIndex<str>> Index<I> for Gc<'_, GcStr> {
    type Output = I::Output;

    #[inline]
    fn index(&self, index: I) -> &I::Output {
        &(*self).as_str()[index]
    }
}

impl PartialEq for Gc<'_, GcStr> {
    /// Compares the texts.
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Gc<'_, GcStr> {}

impl PartialEq<str> for Gc<'_, GcStr> {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Gc<'_, GcStr> {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl PartialOrd for Gc<'_, GcStr> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Gc<'_, GcStr> {
    /// Compares the texts, byte by byte.
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for Gc<'_, GcStr> {
    /// Hashes the text, as a `str` is hashed.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl Borrow<str> for Gc<'_, GcStr> {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Gc<'_, GcStr> {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Debug for Gc<'_, GcStr> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Display for Gc<'_, GcStr> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

// SAFETY: 1, 2: bytes. 4: it needs no drop.
unsafe impl Trace for GcStr {
    const MASK: TypeMask = TypeMask::noscan(size_of::<Self>());
}

// SAFETY: there is no brand to replace.
unsafe impl Rebrand for GcStr {
    type At<'gc> = Self;
}
