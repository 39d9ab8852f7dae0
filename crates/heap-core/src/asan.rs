//! Telling AddressSanitizer which memory of the heap holds objects.
//!
//! To the sanitizer a heap is one mapping of which every byte may be read. With the `asan` feature (and a build with
//! `-Zsanitizer=address` on a nightly toolchain, recipe `just asan`) it is told better: free pages, free slots and the
//! tails of spans are *poisoned*, and touching them stops the program with a report of who did it. Without the feature
//! both functions are empty.
//!
//! | what happens | who says so |
//! |---|---|
//! | pages become a span, or go back | [`crate::page_heap`] poisons them |
//! | a run is handed out, a large object is made | [`crate::cache`], [`crate::large`] allow it |
//! | a run is handed back, a slot is swept | [`crate::cache`], [`crate::sweep`] poison what is free |
//! | the heap ends | [`crate::page_heap`] allows everything, since the addresses go back to the system |

use core::ptr::NonNull;

#[cfg(feature = "asan")]
unsafe extern "C" {
    fn __asan_poison_memory_region(at: *const core::ffi::c_void, bytes: usize);
    fn __asan_unpoison_memory_region(at: *const core::ffi::c_void, bytes: usize);
}

/// Touching these bytes is a mistake from now on.
#[inline]
pub(crate) fn poison(at: NonNull<u8>, bytes: usize) {
    #[cfg(feature = "asan")]
    {
        // SAFETY: the sanitizer only notes the range in its own shadow memory.
        unsafe { __asan_poison_memory_region(at.as_ptr().cast_const().cast(), bytes) };
    }
    let _ = (at, bytes);
}

/// These bytes may be touched from now on.
#[inline]
pub(crate) fn allow(at: NonNull<u8>, bytes: usize) {
    #[cfg(feature = "asan")]
    {
        // SAFETY: as in `poison`.
        unsafe { __asan_unpoison_memory_region(at.as_ptr().cast_const().cast(), bytes) };
    }
    let _ = (at, bytes);
}
