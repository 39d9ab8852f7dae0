//! Locks and condition variables of a schedule, with parking_lot's calling convention.
//!
//! The real lock is inside: it is what owns the value, and what a thread without a schedule waits for. A scheduled thread
//! only ever tries it, and blocks in the schedule if it is taken. A lock that a thread of a schedule and one without
//! share works only while they do not contend for it.

use super::turn::{Grain, Key, Woken, point, with};
use core::ops::{Deref, DerefMut};
use core::time::Duration;
use std::time::Instant;

/// See [`parking_lot::Mutex`].
#[derive(Default, Debug)]
pub struct Mutex<T>(parking_lot::Mutex<T>);

/// The inner guard is absent only inside `Condvar::wait` and at the end of `drop`.
#[derive(Debug)]
pub struct MutexGuard<'a, T> {
    inner: Option<parking_lot::MutexGuard<'a, T>>,
    lock: &'a Mutex<T>,
}

impl<T> Mutex<T> {
    /// A free lock.
    pub const fn new(value: T) -> Self {
        Self(parking_lot::Mutex::new(value))
    }

    fn key(&self) -> Key {
        Key::Lock(core::ptr::from_ref(self).addr())
    }

    /// Waits for the lock.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        point(Grain::Sync);
        MutexGuard { inner: Some(self.acquire()), lock: self }
    }

    fn acquire(&self) -> parking_lot::MutexGuard<'_, T> {
        loop {
            if let Some(inner) = self.0.try_lock() {
                return inner;
            }
            if with(|schedule, own| schedule.block(own, self.key(), false)).is_none() {
                return self.0.lock();
            }
        }
    }

    /// Takes the lock if it is free.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        point(Grain::Sync);
        self.0.try_lock().map(|inner| MutexGuard { inner: Some(inner), lock: self })
    }

    /// Whether somebody has the lock.
    pub fn is_locked(&self) -> bool {
        point(Grain::Sync);
        self.0.is_locked()
    }

    /// The value, which nobody else can reach.
    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }

    /// The value.
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

impl<T> MutexGuard<'_, T> {
    fn release(&mut self) {
        self.inner = None;
        with(|schedule, own| schedule.call(own, self.lock.key(), true));
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        self.release();
        point(Grain::Sync);
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.inner.as_ref().expect("a guard is whole outside wait")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.inner.as_mut().expect("a guard is whole outside wait")
    }
}

/// See [`parking_lot::Condvar`].
#[derive(Default, Debug)]
pub struct Condvar(parking_lot::Condvar);

/// Whether a wait ended because it had lasted long enough.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// Whether it did.
    #[must_use]
    pub fn timed_out(self) -> bool {
        self.0
    }
}

impl Condvar {
    /// One that nobody waits for.
    #[must_use]
    pub const fn new() -> Self {
        Self(parking_lot::Condvar::new())
    }

    fn key(&self) -> Key {
        Key::Bell(core::ptr::from_ref(self).addr())
    }

    /// Gives the lock up, waits, and takes it again. `None` without a schedule.
    fn wait_scheduled<T>(&self, guard: &mut MutexGuard<'_, T>, timed: bool) -> Option<Woken> {
        point(Grain::Sync);
        let woken = with(|schedule, own| {
            guard.release();
            schedule.block(own, self.key(), timed)
        })?;
        guard.inner = Some(guard.lock.acquire());
        Some(woken)
    }

    /// Waits to be notified.
    pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        if self.wait_scheduled(guard, false).is_none() {
            guard.inner.as_mut().map(|inner| self.0.wait(inner));
        }
    }

    /// Waits to be notified, but not for ever.
    pub fn wait_for<T>(&self, guard: &mut MutexGuard<'_, T>, most: Duration) -> WaitTimeoutResult {
        match self.wait_scheduled(guard, true) {
            Some(woken) => WaitTimeoutResult(woken == Woken::TimedOut),
            None => WaitTimeoutResult(
                guard.inner.as_mut().is_some_and(|inner| self.0.wait_for(inner, most).timed_out()),
            ),
        }
    }

    /// Waits to be notified, but not for ever.
    pub fn wait_until<T>(&self, guard: &mut MutexGuard<'_, T>, end: Instant) -> WaitTimeoutResult {
        self.wait_for(guard, end.saturating_duration_since(Instant::now()))
    }

    /// Waits while the condition holds.
    pub fn wait_while<T>(&self, guard: &mut MutexGuard<'_, T>, mut condition: impl FnMut(&mut T) -> bool) {
        while condition(&mut **guard) {
            self.wait(guard);
        }
    }

    /// Wakes one that waits: any.
    pub fn notify_one(&self) -> bool {
        with(|schedule, own| schedule.call(own, self.key(), false));
        point(Grain::Sync);
        self.0.notify_one()
    }

    /// Wakes all that wait.
    pub fn notify_all(&self) -> usize {
        with(|schedule, own| schedule.call(own, self.key(), true));
        point(Grain::Sync);
        self.0.notify_all()
    }
}
