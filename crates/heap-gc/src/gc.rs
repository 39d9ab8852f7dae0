//! `Gc`: a reference to an object in the heap.

use core::cell::Cell;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;
use core::ops::Deref;
use core::ptr::NonNull;

/// The brand of one `enter`: invariant, so that two of them never unify.
pub(crate) type Brand<'gc> = PhantomData<Cell<&'gc ()>>;

/// A reference to an object in the heap, for the time of one [`enter`](crate::Mutator::enter).
///
/// It is one word, `Copy`, and dereferences for free. The brand `'gc` is unique to the `enter` it was made in: the
/// compiler refuses to store it in an object of another heap, or to keep it when the `enter` is over. To keep an object
/// longer, make a [`Root`](crate::Root) or store the reference in another object.
///
/// A collection may run beside it, and frees nothing that a `Gc` leads to: it has to find this thread outside `enter`, where
/// there is none, before it knows what is garbage.
///
/// ```
/// # extern crate heap_gc as tricolor;
/// use tricolor::Heap;
/// let heap = Heap::new()?;
/// let mut mutator = heap.attach()?;
/// let sum = mutator.enter(|mu| {
///     let a = mu.alloc(40_u64);
///     let b = mu.alloc(2_u64);
///     *a + *b
/// });
/// assert_eq!(sum, 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[repr(transparent)]
pub struct Gc<'gc, T> {
    object: NonNull<T>,
    brand: Brand<'gc>,
}

/// These are functions and not methods (`Gc::ptr_eq(a, b)`), so that they hide none of the object's own.
impl<'gc, T> Gc<'gc, T> {
    /// A reference to the object at an address.
    ///
    /// # Safety
    /// 1. `object` is the address of an initialised `T` in an allocated slot of the heap that `'gc` is the brand of.
    #[inline(always)]
    pub(crate) unsafe fn from_raw(object: NonNull<T>) -> Self {
        Self { object, brand: PhantomData }
    }

    /// The object, for as long as the reference is good.
    #[inline(always)]
    #[must_use]
    pub fn get(this: Self) -> &'gc T {
        // SAFETY: the object is initialised and allocated (`from_raw`), and what is in the hands of somebody inside `enter` is
        // not freed (the round of roots is answered at its edge; `barrier.rs` has the argument). Nobody has a `&mut` to an
        // object in the heap.
        unsafe { this.object.as_ref() }
    }

    /// The object's address. It stays the same for the object's life.
    #[inline(always)]
    #[must_use]
    pub fn as_ptr(this: Self) -> NonNull<T> {
        this.object
    }

    /// The object's address, as a number.
    #[inline(always)]
    #[must_use]
    pub fn addr(this: Self) -> usize {
        this.object.addr().get()
    }

    /// Whether two references lead to the same object.
    #[inline]
    #[must_use]
    pub fn ptr_eq(this: Self, other: Self) -> bool {
        this.object == other.object
    }
}

impl<T> Clone for Gc<'_, T> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Gc<'_, T> {}

impl<T> Deref for Gc<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: as in `get`.
        unsafe { self.object.as_ref() }
    }
}

impl<T: fmt::Debug> fmt::Debug for Gc<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<T: fmt::Display> fmt::Display for Gc<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, f)
    }
}

impl<T: PartialEq> PartialEq for Gc<'_, T> {
    /// Compares the objects, not the references: see [`Gc::ptr_eq`].
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Eq> Eq for Gc<'_, T> {}

impl<T: PartialOrd> PartialOrd for Gc<'_, T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (**self).partial_cmp(&**other)
    }
}

impl<T: Ord> Ord for Gc<'_, T> {
    /// Compares the objects, not where they are.
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl<T: Hash> Hash for Gc<'_, T> {
    /// Hashes the object, as it is compared.
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

// SAFETY: a `Gc` gives shared access to the object, like `&T`, which may go to and be shared by another thread if `T` is
// `Sync`; and the object may be dropped there, hence `Send`.
unsafe impl<T: Send + Sync> Send for Gc<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Gc<'_, T> {}
