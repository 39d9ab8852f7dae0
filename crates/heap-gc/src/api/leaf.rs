//! `Leaf`: a value without references, of a type that knows nothing of the heap.

use crate::trace::{Rebrand, Trace};
use core::fmt;
use core::ops::Deref;
use heap_core::layout::TypeMask;

/// A value the collector does not look into: any `'static` type, with its own `Drop` if it has one.
///
/// Use it for types of other crates, and for types with a `Drop` of their own. The drop runs at a safepoint of some
/// mutator after the object died, on that mutator's thread, which is why the value must be `Send`.
///
/// ```
/// # extern crate heap_gc as tricolor;
/// use tricolor::{Heap, Leaf};
/// let heap = Heap::new()?;
/// let text = heap.attach()?.enter(|mu| mu.alloc(Leaf::new(String::from("kept"))).len());
/// assert_eq!(text, 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[repr(transparent)]
pub struct Leaf<T> {
    value: T,
}

impl<T: 'static + Send> Leaf<T> {
    /// A leaf with a value.
    #[must_use]
    pub const fn new(value: T) -> Self {
        Self { value }
    }

    /// The value again.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T> Deref for Leaf<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Leaf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Leaf").field(&self.value).finish()
    }
}

// SAFETY: 1, 2: a `'static` value holds no reference, since no brand is `'static`. 4: it is `Send`.
unsafe impl<T: 'static + Send> Trace for Leaf<T> {
    const MASK: TypeMask = TypeMask::noscan(size_of::<T>());
}

// SAFETY: there is no brand to replace.
unsafe impl<T: 'static + Send> Rebrand for Leaf<T> {
    type At<'gc> = Self;
}
