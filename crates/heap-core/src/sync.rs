//! The one door to everything that synchronises: atomics, locks, threads.
//!
//! Nothing else in the workspace's core crates names `std::sync`, `std::thread`, `core::sync` or `parking_lot`
//! (a test at the root holds that). So one `cfg` swaps the whole core between real primitives, loom's, which
//! explores every interleaving of a small model, and those of `scheduled` (`cfg(pct)`), which run the whole heap on
//! real threads, one at a time, in an order that a seed decides.
//!
//! Locks here do not poison: a panic under a lock is either impossible (no user code runs under one) or a bug
//! that aborts ([`crate::bug`]).
//!
//! [`point`] marks a named window of a protocol: nothing in a release build; under the `stress` feature it yields
//! the processor now and then, so that other threads get into the window; under `cfg(pct)` it is counted, and the order
//! of threads may change there; with the `faults` feature a test may watch, and so hold a thread there (`watched`).

#[cfg(not(any(loom, pct)))]
pub use core::sync::atomic;
#[cfg(loom)]
pub use loom::sync::atomic;
#[cfg(pct)]
pub use scheduled::atomic;

#[cfg(not(any(loom, pct)))]
pub use parking_lot::{Condvar, Mutex, MutexGuard};
#[cfg(pct)]
pub use scheduled::lock::{Condvar, Mutex, MutexGuard};
#[cfg(pct)]
pub use scheduled::thread;
#[cfg(not(any(loom, pct)))]
pub use std::thread;
// The real ones in models, too: no protocol of ours rests on a count of references, and loom's would multiply the
// interleavings by those of every clone and drop.
pub use std::sync::{Arc, OnceLock, Weak};
pub use std::thread_local;

#[cfg(loom)]
pub use loom::thread;
#[cfg(loom)]
pub use modelled::{Condvar, Mutex, MutexGuard};

#[cfg(pct)]
pub mod scheduled;

/// loom's lock and condition variable with the calling convention of the real ones: no poisoning, and waiting on a
/// guard in place.
#[cfg(loom)]
mod modelled {
    use core::ops::{Deref, DerefMut};
    use core::time::Duration;
    use loom::sync::WaitTimeoutResult;

    #[derive(Debug, Default)]
    pub struct Mutex<T>(loom::sync::Mutex<T>);

    /// The inner guard is only ever absent inside `Condvar::wait`.
    #[derive(Debug)]
    pub struct MutexGuard<'a, T>(Option<loom::sync::MutexGuard<'a, T>>);

    impl<T> Mutex<T> {
        pub fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub fn lock(&self) -> MutexGuard<'_, T> {
            MutexGuard(Some(self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())))
        }

        pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            self.0.try_lock().ok().map(|guard| MutexGuard(Some(guard)))
        }
    }

    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;
        fn deref(&self) -> &T {
            self.0.as_ref().expect("a guard is whole outside wait")
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.0.as_mut().expect("a guard is whole outside wait")
        }
    }

    #[derive(Debug, Default)]
    pub struct Condvar(loom::sync::Condvar);

    impl Condvar {
        pub fn new() -> Self {
            Self(loom::sync::Condvar::new())
        }

        pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
            if let Some(inner) = guard.0.take() {
                guard.0 = Some(self.0.wait(inner).unwrap_or_else(|poisoned| poisoned.into_inner()));
            }
        }

        /// Waits for good: a ring that is lost is to be a deadlock, not a delay.
        pub fn wait_for<T>(&self, guard: &mut MutexGuard<'_, T>, most: Duration) -> WaitTimeoutResult {
            let inner = guard.0.take().expect("a guard is whole outside wait");
            let (inner, result) =
                self.0.wait_timeout(inner, most).unwrap_or_else(|poisoned| poisoned.into_inner());
            guard.0 = Some(inner);
            result
        }

        pub fn notify_one(&self) {
            self.0.notify_one();
        }

        pub fn notify_all(&self) {
            self.0.notify_all();
        }
    }
}

/// A named window of a protocol. See the module's text.
#[inline]
pub fn point(name: &'static str) {
    #[cfg(pct)]
    scheduled::turn::window(name);
    #[cfg(all(feature = "stress", not(pct)))]
    stressed::point(name);
    #[cfg(all(feature = "faults", not(any(loom, pct))))]
    watched::pass(name);
    let _ = name;
}

/// Who is told of every window that a thread passes: a schedule can be forced by a watcher that does not return at once.
#[cfg(all(feature = "faults", not(any(loom, pct))))]
pub mod watched {
    static WATCHER: std::sync::OnceLock<fn(&'static str)> = std::sync::OnceLock::new();

    /// From now on `watcher` is called in every window, on the thread that passes it.
    ///
    /// # Panics
    /// If there is a watcher already.
    pub fn watch(watcher: fn(&'static str)) {
        assert!(WATCHER.set(watcher).is_ok(), "one watcher for the whole process");
    }

    pub(super) fn pass(name: &'static str) {
        if let Some(watcher) = WATCHER.get() {
            watcher(name);
        }
    }
}

#[cfg(all(feature = "stress", not(pct)))]
mod stressed {
    use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

    /// Counts the windows passed, by all threads. Only its low bits matter, so a lost update does not.
    static PASSED: AtomicU64 = AtomicU64::new(0);

    pub(super) fn point(name: &'static str) {
        let n = PASSED.fetch_add(1, Relaxed).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (name.len() as u64);
        if n >> 61 == 0 {
            std::thread::yield_now();
        }
    }
}
