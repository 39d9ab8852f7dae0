//! The barrier of many places at once: one look at the mode for all of them, and none where the elements have no references.
//!
//! Slices and vectors move, insert and remove whole stretches of places that lie side by side; a table that is rehashed does
//! the same. What is shaded is what the table of the module above says, element by element, and before anything is stored:
//!
//! | form | the places held | the places hold then | shades |
//! |---|---|---|---|
//! | [`fill`] | values, or nothing | one value | what was there; before the roots are taken the value, too |
//! | [`overwrite`] | values | others, perhaps of the same object | what was there; before the roots are taken the others, too |
//! | [`put`], [`append`] | nothing | values | before the roots are taken the values |
//! | [`erase`] | values | nothing | what was there |
//! | [`exchange`], [`reverse`], [`rotate`] | values | the same in another order | what was there |
//! | [`replace`] | an object | a copy of it | the object, and so what it leads to; before the roots are taken the copy, too |
//!
//! A place that holds *nothing* has zeros in the words that the mask names: a marker that scans it finds no reference. So
//! there is nothing to shade when it is filled, and nothing must be left in it when it is given up.
//!
//! **Why a move inside one object shades.** A marker reads the words of an object one after another. A reference that goes
//! from a word it has not read to one that it has read is missed, although the object held it all the time. Its word is
//! overwritten, or erased: that is where it is shaded.
//!
//! **When bytes are just copied.** No marker looks into an object before every mutator's roots are taken, nor after marking has
//! ended; a mutator whose barrier is [off](Mode::Off) has not answered the first round, or has answered the last. So it may
//! copy as it likes, and what it has copied is ordered before the marker's look by its answer. Otherwise the words that the
//! mask names are written one by one, whole and atomically.

use super::{Barrier, Mode, Shading, shade_words, store_words};
use crate::trace::Trace;
use core::ptr;
use heap_core::fault::{self, Fault};
use heap_core::sync::atomic::{AtomicPtr, Ordering::Relaxed};
use heap_core::sync::point;
use heap_core::units::WORD_BYTES;

/// Places that are cleared as bytes, when no marker reads: fewer are cleared sooner one by one than `memset` begins.
const ERASED_AT_ONCE: usize = 8;

/// Whether stores of such values have to be told, and done word by word.
#[inline(always)]
fn is_watched<T: Trace>(barrier: &Barrier) -> bool {
    barrier.is_on() && const { !T::MASK.is_noscan() }
}

/// Gives all places one value.
///
/// # Safety
/// 1. The places are valid for writes of `count` values, aligned, and only this thread writes to them.
/// 2. They hold values that need no drop (`T: Copy`), or nothing.
/// 3. All references lead into the memory of `to`, or are null.
#[inline]
pub(crate) unsafe fn fill<T: Trace + Copy>(
    barrier: &Barrier,
    to: Shading<'_>,
    places: *mut T,
    count: usize,
    value: T,
) {
    if is_watched::<T>(barrier) && count > 0 {
        // SAFETY: duties 1 to 3.
        unsafe { shade_old(barrier, to, places, count) };
        // SAFETY: `value` is whole; duty 3.
        unsafe { shade_new(barrier, to, &raw const value, 1) };
        for index in 0..count {
            // SAFETY: duty 1.
            unsafe { store_words(places.wrapping_add(index), &value) };
        }
        return;
    }
    // Elements of no size may be more than can be counted.
    let count = if const { size_of::<T>() == 0 } { 0 } else { count };
    for index in 0..count {
        // SAFETY: duty 1. No marker reads meanwhile.
        unsafe { places.wrapping_add(index).write(value) };
    }
}

/// Copies values over others. The two may overlap.
///
/// # Safety
/// 1. The places are valid for writes of `count` values, aligned, and only this thread writes to them.
/// 2. They hold values that need no drop (`T: Copy`), or nothing.
/// 3. `from` is valid for reads of `count` values, and nobody writes to them.
/// 4. All references lead into the memory of `to`, or are null.
#[inline]
pub(crate) unsafe fn overwrite<T: Trace + Copy>(
    barrier: &Barrier,
    to: Shading<'_>,
    from: *const T,
    places: *mut T,
    count: usize,
) {
    if is_watched::<T>(barrier) {
        if !fault::on(Fault::MovedUnshaded) {
            // SAFETY: duties 1, 2 and 4.
            unsafe { shade_old(barrier, to, places, count) };
        }
        // SAFETY: duties 3 and 4.
        unsafe { shade_new(barrier, to, from, count) };
        // SAFETY: duties 1 and 3.
        unsafe { copy_by_words(from, places, count) };
        return;
    }
    // SAFETY: duties 1 and 3. No marker reads meanwhile.
    unsafe { ptr::copy(from, places, count) };
}

/// Stores a value into a place that holds nothing.
///
/// # Safety
/// 1. The place is valid for writes of `T`, aligned, and only this thread writes to it.
/// 2. It holds nothing.
/// 3. The value's references lead into the memory that `to` gives, or are null.
#[inline(always)]
pub(crate) unsafe fn put<'a, T: Trace + Copy>(
    barrier: &Barrier,
    to: impl FnOnce() -> Shading<'a>,
    place: *mut T,
    value: T,
) {
    if const { T::MASK.is_noscan() } {
        // SAFETY: duty 1. No marker reads these words.
        unsafe { place.write(value) };
        return;
    }
    if barrier.is_on() {
        // SAFETY: duties 1 to 3.
        unsafe { put_watched(barrier, to(), place, value) };
        return;
    }
    // SAFETY: duty 1. No marker reads meanwhile.
    unsafe { place.write(value) };
}

/// [`put`] while a cycle marks. The value comes in registers: behind a pointer it would be written to memory by who does not
/// shade, too.
///
/// # Safety
/// As [`put`].
#[cold]
#[inline(never)]
unsafe fn put_watched<T: Trace + Copy>(barrier: &Barrier, to: Shading<'_>, place: *mut T, value: T) {
    // SAFETY: `value` is whole; duty 3.
    unsafe { shade_new(barrier, to, &raw const value, 1) };
    // SAFETY: duty 1.
    unsafe { store_words(place, &value) };
}

/// Copies values into places that hold nothing, and are not among them.
///
/// # Safety
/// 1. The places are valid for writes of `count` values, aligned, and only this thread writes to them.
/// 2. They hold nothing.
/// 3. `from` is valid for reads of `count` values, and nobody writes to them.
/// 4. All references lead into the memory of `to`, or are null.
#[inline]
pub(crate) unsafe fn append<T: Trace + Copy>(
    barrier: &Barrier,
    to: Shading<'_>,
    from: *const T,
    places: *mut T,
    count: usize,
) {
    if is_watched::<T>(barrier) {
        // SAFETY: duties 3 and 4.
        unsafe { shade_new(barrier, to, from, count) };
        // SAFETY: duties 1 and 3.
        unsafe { copy_by_words(from, places, count) };
        return;
    }
    // SAFETY: duties 1 and 3. No marker reads meanwhile.
    unsafe { ptr::copy_nonoverlapping(from, places, count) };
}

/// Takes what places hold out of them: they hold nothing then.
///
/// # Safety
/// 1. The places are valid for writes of `count` values, aligned, and only this thread writes to them.
/// 2. They hold values that need no drop (`T: Copy`).
/// 3. The values' references lead into the memory of `to`, or are null.
#[inline]
pub(crate) unsafe fn erase<T: Trace + Copy>(
    barrier: &Barrier,
    to: Shading<'_>,
    places: *mut T,
    count: usize,
) {
    if const { T::MASK.is_noscan() } {
        return;
    }
    if barrier.is_on() && !fault::on(Fault::RemovedUnshaded) {
        // SAFETY: duties 1 to 3.
        unsafe { shade_old(barrier, to, places, count) };
    }
    if fault::on(Fault::RemovedKept) {
        return;
    }
    if count >= ERASED_AT_ONCE && !barrier.is_on() {
        // SAFETY: duty 1. No marker reads meanwhile.
        unsafe { places.write_bytes(0, count) };
        return;
    }
    for index in 0..count {
        let words = places.wrapping_add(index).cast::<*mut u8>();
        for word in 0..const { size_of::<T>() / WORD_BYTES } {
            if T::MASK.is_exact(word) || T::MASK.is_ambiguous(word) {
                // SAFETY: a word of a place (duty 1), aligned as words under a mask are; every access to it from another
                // thread is atomic.
                unsafe { AtomicPtr::from_ptr(words.wrapping_add(word)) }.store(ptr::null_mut(), Relaxed);
            }
        }
    }
}

/// Exchanges what two places hold.
///
/// # Safety
/// 1. Both places are valid for writes of `T`, aligned, and only this thread writes to them.
/// 2. They hold values.
/// 3. The values' references lead into the memory of `to`, or are null.
#[inline]
pub(crate) unsafe fn exchange<T: Trace + Copy>(barrier: &Barrier, to: Shading<'_>, a: *mut T, b: *mut T) {
    if is_watched::<T>(barrier) {
        for place in [a, b] {
            // SAFETY: duties 1 to 3.
            unsafe { shade_old(barrier, to, place, 1) };
        }
    }
    // SAFETY: duties 1 and 2.
    unsafe { exchange_words(a, b) };
}

/// Turns the order of what places hold round.
///
/// # Safety
/// 1. The places are valid for writes of `count` values, aligned, and only this thread writes to them.
/// 2. They hold values.
/// 3. The values' references lead into the memory of `to`, or are null.
#[inline]
pub(crate) unsafe fn reverse<T: Trace + Copy>(
    barrier: &Barrier,
    to: Shading<'_>,
    places: *mut T,
    count: usize,
) {
    if is_watched::<T>(barrier) {
        // SAFETY: duties 1 to 3.
        unsafe { shade_old(barrier, to, places, count) };
    }
    // SAFETY: duties 1 and 2.
    unsafe { reverse_words(places, count) };
}

/// Moves what the last `by` places hold to the first, in its order, and the rest behind it.
///
/// # Safety
/// 1. The places are valid for writes of `count` values, aligned, and only this thread writes to them.
/// 2. They hold values.
/// 3. The values' references lead into the memory of `to`, or are null.
/// 4. `by` is at most `count`.
#[inline]
pub(crate) unsafe fn rotate<T: Trace + Copy>(
    barrier: &Barrier,
    to: Shading<'_>,
    places: *mut T,
    count: usize,
    by: usize,
) {
    if is_watched::<T>(barrier) {
        // SAFETY: duties 1 to 3.
        unsafe { shade_old(barrier, to, places, count) };
    }
    // SAFETY: duties 1 and 2.
    unsafe { reverse_words(places, count) };
    // SAFETY: a part of the places (duty 4).
    unsafe { reverse_words(places, by) };
    // SAFETY: the other part.
    unsafe { reverse_words(places.wrapping_add(by), count - by) };
}

/// Points a place from an object to its copy, which is larger or smaller and not yet seen by others: one shade for all that
/// they hold.
///
/// What the object holds stays in it, so whoever scans it finds all of it; the copy needs no shade of its elements then, and is
/// black, or is found by whom it is stored in. Before the roots are taken it may be stored into something that was scanned.
///
/// # Safety
/// 1. `place` is valid for writes of `T`, aligned, holds a `T`, and only this thread writes to it.
/// 2. The references of both values lead into the memory of `to`, or are null; the new one to a whole object.
/// 3. What the old object led to is not taken out of it.
#[inline]
pub(crate) unsafe fn replace<T: Trace + Copy>(barrier: &Barrier, to: Shading<'_>, place: *mut T, value: T) {
    if is_watched::<T>(barrier) {
        if !fault::on(Fault::ReplacedUnshaded) {
            // SAFETY: duties 1 and 2.
            unsafe { shade_old(barrier, to, place, 1) };
        }
        if !fault::on(Fault::ReplacementUnshaded) {
            // SAFETY: `value` is whole; duty 2.
            unsafe { shade_new(barrier, to, &raw const value, 1) };
        }
    }
    // SAFETY: duty 1.
    unsafe { store_words(place, &value) };
}

/// Shades what places hold that are about to hold something else.
///
/// # Safety
/// 1. The places are valid for atomic reads of the words that the mask names, which are zero or a value's.
/// 2. The references lead into the memory of `to`, or are null.
#[cold]
#[inline(never)]
unsafe fn shade_old<T: Trace>(barrier: &Barrier, to: Shading<'_>, places: *const T, count: usize) {
    for index in 0..count {
        // SAFETY: duties 1 and 2.
        unsafe { shade_words(barrier, to, places.wrapping_add(index)) };
    }
    point("barrier: many shaded, before the stores");
}

/// Shades values that are about to be stored, if the roots are not taken.
///
/// # Safety
/// 1. The values are valid for reads, and nobody writes to them.
/// 2. The references lead into the memory of `to`, or are null.
#[cold]
#[inline(never)]
unsafe fn shade_new<T: Trace + Copy>(barrier: &Barrier, to: Shading<'_>, values: *const T, count: usize) {
    if barrier.mode.get() != Mode::Both || fault::on(Fault::ManyInsertedUnshaded) {
        return;
    }
    for index in 0..count {
        // A copy of its own, since the caller's may be in memory that is not for atomics: behind a shared reference.
        // SAFETY: duty 1.
        let mut value = unsafe { values.wrapping_add(index).read() };
        // SAFETY: the copy is whole; duty 2.
        unsafe { shade_words(barrier, to, &raw mut value) };
    }
}

/// Copies values word by word, so that a marker may read meanwhile. The two may overlap.
///
/// # Safety
/// 1. The places are valid for writes of `count` values, aligned, and only this thread writes to them.
/// 2. `from` is valid for reads of `count` values, and nobody else writes to them.
unsafe fn copy_by_words<T: Trace + Copy>(from: *const T, places: *mut T, count: usize) {
    let one = |index: usize| {
        // SAFETY: one of the values (duty 2), not yet overwritten: see the order below.
        let value = unsafe { from.wrapping_add(index).read() };
        // SAFETY: one of the places (duty 1).
        unsafe { store_words(places.wrapping_add(index), &value) };
    };
    if from.addr() < places.addr() {
        // From the end, so that nothing is overwritten before it is read.
        (0..count).rev().for_each(one);
    } else {
        (0..count).for_each(one);
    }
}

/// Exchanges what two places hold, without telling anybody.
///
/// # Safety
/// 1. Both places are valid for writes of `T`, aligned, hold values, and only this thread writes to them.
#[inline(always)]
unsafe fn exchange_words<T: Trace + Copy>(a: *mut T, b: *mut T) {
    // SAFETY: duty 1.
    let (left, right) = (unsafe { a.read() }, unsafe { b.read() });
    // SAFETY: duty 1.
    unsafe { store_words(a, &right) };
    // SAFETY: duty 1.
    unsafe { store_words(b, &left) };
}

/// Turns the order of what places hold round, without telling anybody.
///
/// # Safety
/// 1. The places are valid for writes of `count` values, aligned, hold values, and only this thread writes to them.
#[inline]
unsafe fn reverse_words<T: Trace + Copy>(places: *mut T, count: usize) {
    let count = if const { size_of::<T>() == 0 } { 0 } else { count };
    for index in 0..count / 2 {
        // SAFETY: both are among the places.
        unsafe { exchange_words(places.wrapping_add(index), places.wrapping_add(count - 1 - index)) };
    }
}
