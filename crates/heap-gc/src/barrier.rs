//! The barrier: the one place where a reference inside the heap is overwritten.
//!
//! While collections stop the world no barrier is needed: nothing is stored while anything is marked. What already
//! holds is that there is no way round this module in safe code, and that a store is done word by word: words that the
//! masks name are written with relaxed atomics, whole, because a marker that runs beside the mutator reads them so.

use crate::trace::Trace;
use heap_core::sync::atomic::{AtomicPtr, Ordering::Relaxed};
use heap_core::units::WORD_BYTES;

/// Stores a value into a place of an object.
///
/// # Safety
/// 1. `place` is valid for writes of `T`, aligned, and only this thread writes to it.
/// 2. The old value needs no drop (`T: Copy`).
#[inline(always)]
pub(crate) unsafe fn store<T: Trace + Copy>(place: *mut T, value: T) {
    if const { T::MASK.is_noscan() } {
        // SAFETY: duty 1. No marker reads these words.
        unsafe { place.write(value) };
        return;
    }
    // As pointers, not as numbers: what is read back later is still allowed to reach the object.
    let from = (&raw const value).cast::<*mut u8>();
    let to = place.cast::<*mut u8>();
    for word in 0..const { size_of::<T>() / WORD_BYTES } {
        if T::MASK.is_exact(word) {
            // SAFETY: an exact word of `value` is initialised: null or a reference.
            let new = unsafe { from.wrapping_add(word).read() };
            // SAFETY: the word lies inside `place` (duty 1).
            let at = unsafe { to.add(word) };
            // SAFETY: valid and aligned (a mask's words are at multiples of eight bytes); every access to it from
            // another thread is atomic.
            unsafe { AtomicPtr::from_ptr(at) }.store(new, Relaxed);
        } else {
            let part = from.wrapping_add(word).cast::<core::mem::MaybeUninit<usize>>();
            // SAFETY: the word lies inside `value`, and may be uninitialised as a `MaybeUninit`.
            let new = unsafe { part.read() };
            let at = to.wrapping_add(word).cast::<core::mem::MaybeUninit<usize>>();
            // SAFETY: the word lies inside `place` (duty 1).
            unsafe { at.write(new) };
        }
    }
    let whole = const { size_of::<T>() / WORD_BYTES * WORD_BYTES };
    let rest = const { size_of::<T>() % WORD_BYTES };
    let tail = from.cast::<core::mem::MaybeUninit<u8>>().wrapping_add(whole);
    let to = place.cast::<core::mem::MaybeUninit<u8>>().wrapping_add(whole);
    // SAFETY: the last bytes of `value` and of `place`, less than a word, which hold no reference; the two do not
    // overlap, since `value` is ours.
    unsafe { core::ptr::copy_nonoverlapping(tail, to, rest) };
}
