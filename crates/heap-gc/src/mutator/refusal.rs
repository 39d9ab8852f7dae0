//! `Refusal`: an allocation that was refused, and what was to be put there.

use super::Mu;
use crate::gc::Gc;
use crate::object::Typed;
use crate::trace::Trace;
use core::fmt;
use heap_core::error::AllocError;

/// Why something was not put into the heap, and what it was: a value, an element or an entry.
///
/// With `?` it becomes its [`AllocError`], and the value is dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refusal<T> {
    /// Why.
    pub error: AllocError,
    /// What was to be put there.
    pub value: T,
}

impl<T> fmt::Display for Refusal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<T: fmt::Debug> core::error::Error for Refusal<T> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl<T> From<Refusal<T>> for AllocError {
    fn from(refusal: Refusal<T>) -> Self {
        refusal.error
    }
}

impl<'gc> Mu<'gc> {
    /// Puts a value into the heap, or gives it back and says why not.
    ///
    /// # Errors
    /// See [`AllocError`]. The heap is as before.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// use tricolor::{Heap, Leaf};
    /// let heap = Heap::builder().hard_limit(64 << 10).build()?;
    /// heap.attach()?.enter(|mu| {
    ///     let mut path = Leaf::new(String::from("/tmp/socket"));
    ///     let refusal = loop {
    ///         match mu.try_alloc_or_return(path) {
    ///             Ok(kept) => path = Leaf::new(kept.to_string()),
    ///             Err(refusal) => break refusal,
    ///         }
    ///     };
    ///     assert!(refusal.to_string().contains("hard limit of 64 KiB"));
    ///     assert_eq!(*refusal.value, "/tmp/socket");
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_alloc_or_return<T: Trace + 'gc>(&self, value: T) -> Result<Gc<'gc, T>, Refusal<T>> {
        let slot = match self.bump(T::OBJECT) {
            Some(slot) => slot,
            None => match self.alloc_slow(T::OBJECT) {
                Ok(slot) => slot,
                Err(error) => return Err(Refusal { error, value }),
            },
        };
        Ok(self.write(slot, value))
    }
}
