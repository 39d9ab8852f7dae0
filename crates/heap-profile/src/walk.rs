//! The walk: a thread's return addresses by its frame pointers, which takes some ten instructions for each.
//!
//! It is there with the feature `frame-pointers`, on Linux and x86-64, and finds something where the program was built with
//! frame pointers (`-C force-frame-pointers=yes`). Elsewhere a walk is empty. What a walk may be believed is judged by
//! [`crate::walks`].

#[cfg(all(feature = "frame-pointers", target_os = "linux", target_arch = "x86_64", not(miri)))]
mod chain;

#[cfg(not(all(feature = "frame-pointers", target_os = "linux", target_arch = "x86_64", not(miri))))]
mod chain {
    use crate::stack::Stack;

    pub(crate) const IS_BUILT: bool = false;

    pub(crate) fn walk(_above: usize, _frames: usize) -> Stack {
        Stack::with_room_for(0)
    }
}

/// Whether there is a walk in this build. If not, every one is empty.
pub(crate) use chain::IS_BUILT;

/// The return addresses of this thread's frames, from the caller's outwards, as far as frame pointers lead. `above` is the address of a
/// variable of the caller, as for [`Stack::unwound`](crate::stack::Stack::unwound).
pub(crate) use chain::walk;
