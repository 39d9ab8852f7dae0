//! What a runtime wants done when its objects are dead.

use super::Inside;
use crate::cleanup::Cleanup;
use core::ptr::NonNull;

impl Inside<'_> {
    /// Has `f` called once, after a collection has found `object` dead: see [`Mu::cleanup`](crate::Mu::cleanup).
    ///
    /// # Safety
    /// R3 and R4 of `object`.
    pub unsafe fn cleanup(&self, object: NonNull<u8>, f: impl FnOnce() + Send + 'static) -> Cleanup {
        self.mu.heap().cleanups.add(object.addr().get(), Box::new(f))
    }
}
