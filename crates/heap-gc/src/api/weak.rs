//! `Weak`: a reference that does not keep its object alive.

use crate::gc::Gc;
use crate::mutator::{Mu, refused};
use crate::trace::{Rebrand, Trace};
use crate::weak::Place;
use core::fmt;
use core::marker::PhantomData;
use heap_core::error::AllocError;
use heap_core::layout::TypeMask;

/// A reference that does not keep its object alive: [`Weak::upgrade`] finds the object, or nothing once a collection has
/// found it unreachable.
///
/// It is one word and `Copy`, may be a field or the content of a cell, and crosses `enter` in a [`Root`](crate::Root) of an
/// object that holds it. It is itself a reference to a small object, the *weak place*, of 16 bytes, which
/// [`Mu::downgrade`] makes and all copies share. So downgrading once and copying is cheaper than downgrading again.
///
/// An object is found as long as something keeps it. After that it may be found until a collection ends, and then never
/// again: finding it keeps it, as any reference does, and it is not found any more before its drop runs. An object of less
/// than 16 bytes without references or a drop shares its slot with others, and is found as long as one of them is alive.
///
/// ```
/// # extern crate heap_gc as tricolor;
/// use tricolor::{Heap, Root, Weak};
/// let heap = Heap::new()?;
/// let mut mutator = heap.attach()?;
/// let (strong, weak): (Root<[u64; 4]>, Root<Weak<'static, [u64; 4]>>) = mutator.enter(|mu| {
///     let object = mu.alloc([7_u64; 4]);
///     (mu.root(object), mu.root(mu.alloc(mu.downgrade(object))))
/// });
/// mutator.collect();
/// assert_eq!(mutator.enter(|mu| weak.get(mu).upgrade(mu).map(|object| object[0])), Some(7));
/// drop(strong);
/// mutator.collect();
/// assert!(mutator.enter(|mu| weak.get(mu).upgrade(mu).is_none()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[repr(transparent)]
pub struct Weak<'gc, T> {
    place: Gc<'gc, Place>,
    object: PhantomData<Gc<'gc, T>>,
}

impl<'gc> Mu<'gc> {
    /// Makes a weak reference to an object.
    ///
    /// # Panics
    /// If there is no memory for its place; [`Mu::try_downgrade`] returns the error instead.
    #[must_use = "a weak reference keeps nothing alive"]
    pub fn downgrade<T: Trace + 'gc>(&self, object: Gc<'gc, T>) -> Weak<'gc, T> {
        self.try_downgrade(object).unwrap_or_else(|error| refused(&error))
    }

    /// Makes a weak reference to an object, or says why not.
    ///
    /// # Errors
    /// See [`AllocError`]. The heap is as before.
    pub fn try_downgrade<T: Trace + 'gc>(&self, object: Gc<'gc, T>) -> Result<Weak<'gc, T>, AllocError> {
        let place = self.try_alloc(Place::new(Gc::as_ptr(object).cast()))?;
        self.heap().places.add(place);
        Ok(Weak { place, object: PhantomData })
    }
}

impl<'gc, T> Weak<'gc, T> {
    /// The object, unless a collection has found it unreachable.
    #[inline]
    #[must_use]
    pub fn upgrade(self, mu: &Mu<'gc>) -> Option<Gc<'gc, T>> {
        let target = self.place.target()?;
        let (barrier, to) = mu.barrier();
        // SAFETY: 1: read above, from a place of this brand's heap.
        let is_found = unsafe { mu.heap().places.finds(barrier, to, target.addr().get()) };
        // SAFETY: the place was made for a `Gc` of type `T`, up to its brand (`Rebrand`), and what it finds is alive.
        is_found.then(|| unsafe { Gc::from_raw(target.cast()) })
    }

    /// Whether its object is gone: it finds nothing, at any time from now on.
    #[inline]
    pub(crate) fn is_over(self) -> bool {
        self.place.target().is_none()
    }

    /// Whether two weak references are copies of one: then they find the same object, or both nothing.
    #[inline]
    #[must_use]
    pub fn is_copy_of(self, other: Self) -> bool {
        Gc::ptr_eq(self.place, other.place)
    }
}

impl<T> Clone for Weak<'_, T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Weak<'_, T> {}

// SAFETY: 1: one word, a reference to the place, never null. 2: nothing is elsewhere: the object is not kept. 4: it is `Copy`.
// (The object is traced, too, as for a `Gc`.)
unsafe impl<T: Trace> Trace for Weak<'_, T> {
    const MASK: TypeMask = TypeMask::pointer();
}

// SAFETY: both brands are replaced.
unsafe impl<T: Rebrand> Rebrand for Weak<'_, T> {
    type At<'gc> = Weak<'gc, T::At<'gc>>;
}

impl<T> fmt::Debug for Weak<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Weak")
    }
}
