//! `GcCell`: a place in an object that can be changed.

use crate::barrier;
use crate::mutator::Mu;
use crate::trace::{Rebrand, Trace};
use core::cell::UnsafeCell;
use core::fmt;
use heap_core::layout::TypeMask;

/// A place in an object of the heap that can be changed, by the one thread that uses the object.
///
/// Objects in the heap are shared, so their fields are immutable; a `GcCell` is the exception, as `Cell` is in Rust. It
/// holds `Copy` values: references, options of them, numbers, small structs of these. Setting it takes the [`Mu`],
/// because a collector must hear of references that change.
///
/// A type with a `GcCell` is not `Sync`, so it cannot be reached by two threads.
///
/// ```
/// # extern crate heap_gc as tricolor;
/// use tricolor::{Gc, GcCell, Heap};
/// let heap = Heap::new()?;
/// heap.attach()?.enter(|mu| {
///     let cell = mu.alloc(GcCell::new(None));
///     cell.set(mu, Some(mu.alloc(5_u64)));
///     assert_eq!(cell.get().map(|gc| *gc), Some(5));
/// });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[repr(transparent)]
pub struct GcCell<T> {
    value: UnsafeCell<T>,
}

impl<T: Trace + Copy> GcCell<T> {
    /// A cell with a value.
    #[inline(always)]
    #[must_use]
    pub const fn new(value: T) -> Self {
        const { assert!(!T::BY_HAND, "a type traced by hand may not change under the collector") };
        Self { value: UnsafeCell::new(value) }
    }

    /// The value.
    #[inline(always)]
    #[must_use]
    pub fn get(&self) -> T {
        // SAFETY: the cell is not `Sync`, so only this thread writes to it; no reference into it is ever handed out.
        unsafe { *self.value.get() }
    }

    /// Changes the value.
    #[inline(always)]
    pub fn set<'gc>(&self, mu: &Mu<'gc>, value: T)
    where
        T: 'gc,
    {
        let (barrier, to) = mu.barrier();
        // SAFETY: 1: the place is inside `self`, which only this thread uses. 2: `T` is `Copy`. 3: both values have the brand of
        // `mu`'s heap.
        unsafe { barrier::store(barrier, to, self.value.get(), value) };
    }

    /// Changes the value and returns the old one.
    #[inline]
    pub fn replace<'gc>(&self, mu: &Mu<'gc>, value: T) -> T
    where
        T: 'gc,
    {
        let old = self.get();
        self.set(mu, value);
        old
    }

    /// Changes the value to what `change` makes of it, and returns that. `change` may use the cell; what it sets is overwritten.
    ///
    /// # Panics
    /// With the panics of `change`; the value stays then.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// use tricolor::{GcCell, Heap};
    /// let heap = Heap::new()?;
    /// heap.attach()?.enter(|mu| {
    ///     let count = mu.alloc(GcCell::new(1));
    ///     assert_eq!(count.update(mu, |count| count + 1), 2);
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn update<'gc>(&self, mu: &Mu<'gc>, change: impl FnOnce(T) -> T) -> T
    where
        T: 'gc,
    {
        let value = change(self.get());
        self.set(mu, value);
        value
    }

    /// Exchanges the values of two cells, which may be one.
    #[inline]
    pub fn swap<'gc>(&self, mu: &Mu<'gc>, other: &Self)
    where
        T: 'gc,
    {
        let value = self.replace(mu, other.get());
        other.set(mu, value);
    }
}

impl<T: Trace + Copy + Default> GcCell<T> {
    /// Takes the value and leaves the default.
    #[inline]
    pub fn take<'gc>(&self, mu: &Mu<'gc>) -> T
    where
        T: 'gc,
    {
        self.replace(mu, T::default())
    }
}

// SAFETY: 1: the cell has its value's words and size. 2-4: by the value's promises.
unsafe impl<T: Trace> Trace for GcCell<T> {
    const MASK: TypeMask = T::MASK;
}

// SAFETY: by the value's.
unsafe impl<T: Rebrand> Rebrand for GcCell<T> {
    type At<'gc> = GcCell<T::At<'gc>>;
}

impl<T: Trace + Copy + Default> Default for GcCell<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: Trace + Copy + fmt::Debug> fmt::Debug for GcCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GcCell").field(&self.get()).finish()
    }
}
