//! What a slice in the heap is compared, hashed and printed as: its elements, as those of a Rust slice.
//!
//! The traits are those of the reference, and the slice itself has none of them: a `&GcSlice` is of its header alone, so from
//! it nobody gets to the elements. For the same reason it is no `Deref`.

use super::{GcSlice, elements};
use crate::gc::Gc;
use core::borrow::Borrow;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};

impl<T: PartialEq> PartialEq for Gc<'_, GcSlice<T>> {
    fn eq(&self, other: &Self) -> bool {
        elements(self) == elements(other)
    }
}

impl<T: Eq> Eq for Gc<'_, GcSlice<T>> {}

impl<T: PartialEq> PartialEq<[T]> for Gc<'_, GcSlice<T>> {
    fn eq(&self, other: &[T]) -> bool {
        elements(self) == other
    }
}

impl<T: PartialOrd> PartialOrd for Gc<'_, GcSlice<T>> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        elements(self).partial_cmp(elements(other))
    }
}

impl<T: Ord> Ord for Gc<'_, GcSlice<T>> {
    fn cmp(&self, other: &Self) -> Ordering {
        elements(self).cmp(elements(other))
    }
}

impl<T: Hash> Hash for Gc<'_, GcSlice<T>> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        elements(self).hash(state);
    }
}

impl<T> Borrow<[T]> for Gc<'_, GcSlice<T>> {
    fn borrow(&self) -> &[T] {
        elements(self)
    }
}

impl<T> AsRef<[T]> for Gc<'_, GcSlice<T>> {
    fn as_ref(&self) -> &[T] {
        elements(self)
    }
}

impl<T: fmt::Debug> fmt::Debug for Gc<'_, GcSlice<T>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        elements(self).fmt(f)
    }
}
