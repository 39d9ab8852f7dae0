//! `AtomicGc`: a place that several threads change.

use crate::barrier;
use crate::gc::Gc;
use crate::mutator::Mu;
use crate::trace::{Rebrand, Trace};
use core::fmt;
use core::marker::PhantomData;
use core::ptr::{self, NonNull};
use heap_core::fault::{self, Fault};
use heap_core::layout::TypeMask;
use heap_core::sync::atomic::{
    AtomicPtr,
    Ordering::{AcqRel, Acquire, Release},
};

/// A reference, or none, in an object that several threads use: each may change it at any time.
///
/// There is no choice of memory order: loads acquire, stores release, and what does both does both. So who finds an object also
/// finds what was put into it before it was stored here. Two places have no common order: if a thread changes one and reads
/// another, and a second thread does it the other way round, both may read what was there before, as with these orders of an
/// [`AtomicPtr`].
///
/// What it leads to can be used by other threads, so it must be `Send` and `Sync` for a [`Root`](crate::Root) of it to go there.
///
/// While a thread has an object in its hands no other object gets its address. So a place that still holds what was loaded
/// from it holds the same object, though others may have been there in the meantime.
///
/// ```
/// # extern crate heap_gc as tricolor;
/// use heap_derive::Trace;
/// use tricolor::{AtomicGc, Gc, Heap, Root};
/// # use heap_gc;
///
/// #[derive(Trace)]
/// struct Stack<'gc> {
///     top: AtomicGc<'gc, Link<'gc>>,
/// }
/// #[derive(Trace)]
/// struct Link<'gc> {
///     value: u64,
///     below: Option<Gc<'gc, Link<'gc>>>,
/// }
///
/// let heap = Heap::new()?;
/// let root: Root<Stack<'static>> =
///     heap.attach()?.enter(|mu| mu.root(mu.alloc(Stack { top: AtomicGc::new(None) })));
/// let push = |value| {
///     let mut mutator = heap.attach().unwrap();
///     mutator.enter(|mu| {
///         let stack = root.get(mu);
///         let mut below = stack.top.load();
///         while let Err(now) = stack.top.compare_exchange(mu, below, Some(mu.alloc(Link { value, below }))) {
///             below = now;
///         }
///     });
/// };
/// std::thread::scope(|threads| (0..4).for_each(|value| drop(threads.spawn(move || push(value)))));
/// heap.attach()?.enter(|mu| {
///     let top = &root.get(mu).top;
///     let pop = || top.fetch_update(mu, |top| top.map(|link| link.below)).ok().flatten();
///     assert_eq!(std::iter::from_fn(pop).map(|link| link.value).sum::<u64>(), 0 + 1 + 2 + 3);
///     assert!(top.load().is_none());
/// });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[repr(transparent)]
pub struct AtomicGc<'gc, T> {
    object: AtomicPtr<T>,
    /// Invariant in the brand, and not `Send` or `Sync` by itself.
    reference: PhantomData<Gc<'gc, T>>,
    not_shared: PhantomData<*mut T>,
}

// SAFETY: it gives references to other threads, which may use the object by `&T` and be what keeps it from being dropped
// elsewhere: `T` is `Send` and `Sync`, as for a `Gc`. The place itself is only accessed by atomics.
unsafe impl<T: Send + Sync> Send for AtomicGc<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for AtomicGc<'_, T> {}

fn raw<T>(value: Option<Gc<'_, T>>) -> *mut T {
    value.map_or(ptr::null_mut(), |gc| Gc::as_ptr(gc).as_ptr())
}

impl<'gc, T> AtomicGc<'gc, T> {
    /// A place that holds `value`.
    #[must_use]
    pub fn new(value: Option<Gc<'gc, T>>) -> Self {
        Self { object: AtomicPtr::new(raw(value)), reference: PhantomData, not_shared: PhantomData }
    }

    /// What it holds.
    #[inline]
    #[must_use]
    pub fn load(&self) -> Option<Gc<'gc, T>> {
        Self::found(self.object.load(Acquire))
    }

    #[inline]
    fn found(object: *mut T) -> Option<Gc<'gc, T>> {
        // SAFETY: what is stored here came from a `Gc` of this heap: of this brand, or of another `enter` of the same heap
        // (`Rebrand`). It is alive: reachable when it was read, and this thread is inside.
        NonNull::new(object).map(|object| unsafe { Gc::from_raw(object) })
    }
}

impl<'gc, T: Trace> AtomicGc<'gc, T> {
    /// Stores a value.
    #[inline]
    pub fn store(&self, mu: &Mu<'gc>, value: Option<Gc<'gc, T>>) {
        self.shade(mu, value);
        self.object.store(raw(value), Release);
    }

    /// Stores a value and returns what was there.
    #[inline]
    pub fn swap(&self, mu: &Mu<'gc>, value: Option<Gc<'gc, T>>) -> Option<Gc<'gc, T>> {
        self.shade(mu, value);
        Self::found(self.object.swap(raw(value), AcqRel))
    }

    /// Stores a value if the place holds `current`: the same object, not an equal one.
    ///
    /// # Errors
    /// What it holds instead.
    #[inline]
    pub fn compare_exchange(
        &self,
        mu: &Mu<'gc>,
        current: Option<Gc<'gc, T>>,
        value: Option<Gc<'gc, T>>,
    ) -> Result<Option<Gc<'gc, T>>, Option<Gc<'gc, T>>> {
        self.shade(mu, value);
        self.object
            .compare_exchange(raw(current), raw(value), AcqRel, Acquire)
            .map(Self::found)
            .map_err(Self::found)
    }

    /// The same, but it may fail although the place holds `current`: for loops, which on some processors are shorter so.
    ///
    /// # Errors
    /// What it holds.
    #[inline]
    pub fn compare_exchange_weak(
        &self,
        mu: &Mu<'gc>,
        current: Option<Gc<'gc, T>>,
        value: Option<Gc<'gc, T>>,
    ) -> Result<Option<Gc<'gc, T>>, Option<Gc<'gc, T>>> {
        self.shade(mu, value);
        self.object
            .compare_exchange_weak(raw(current), raw(value), AcqRel, Acquire)
            .map(Self::found)
            .map_err(Self::found)
    }

    /// Takes what is there and leaves nothing.
    #[inline]
    pub fn take(&self, mu: &Mu<'gc>) -> Option<Gc<'gc, T>> {
        self.swap(mu, None)
    }

    /// Stores what `change` makes of what the place holds, and returns what that was. If another thread has stored something
    /// else in the meantime, `change` is asked again. It may use the place, too.
    ///
    /// # Errors
    /// What the place holds, when `change` has said that it should stay (`None`).
    ///
    /// # Panics
    /// With the panics of `change`; the place is unchanged then.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// use tricolor::{AtomicGc, Heap};
    /// let heap = Heap::new()?;
    /// heap.attach()?.enter(|mu| {
    ///     let best = AtomicGc::new(None);
    ///     for candidate in [3, 9, 4] {
    ///         best.fetch_update(mu, |now| {
    ///             let is_better = now.is_none_or(|now| *now < candidate);
    ///             is_better.then(|| Some(mu.alloc(candidate)))
    ///         })
    ///         .ok();
    ///     }
    ///     assert_eq!(best.load().map(|best| *best), Some(9));
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fetch_update(
        &self,
        mu: &Mu<'gc>,
        mut change: impl FnMut(Option<Gc<'gc, T>>) -> Option<Option<Gc<'gc, T>>>,
    ) -> Result<Option<Gc<'gc, T>>, Option<Gc<'gc, T>>> {
        let mut now = self.load();
        while let Some(value) = change(now) {
            match self.compare_exchange_weak(mu, now, value) {
                Ok(before) => return Ok(before),
                Err(_) if fault::on(Fault::UpdateBlind) => return Ok(self.swap(mu, value).and(now)),
                Err(found) => now = found,
            }
        }
        Err(now)
    }

    /// What the place holds; if that is nothing, what `make` makes, once it is there. Threads that make one at the same time all
    /// get that which was there first.
    ///
    /// # Panics
    /// With the panics of `make`.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// use heap_derive::Trace;
    /// use tricolor::{AtomicGc, GcStr, Heap, Root};
    /// # use heap_gc;
    ///
    /// #[derive(Trace)]
    /// struct Document<'gc> {
    ///     title: AtomicGc<'gc, GcStr>,
    /// }
    ///
    /// let heap = Heap::new()?;
    /// let document: Root<Document<'static>> =
    ///     heap.attach()?.enter(|mu| mu.root(mu.alloc(Document { title: AtomicGc::new(None) })));
    /// let title = |of: &str| {
    ///     let mut mutator = heap.attach().unwrap();
    ///     mutator.enter(|mu| document.get(mu).title.get_or_insert_with(mu, || mu.alloc_str(of)).to_string())
    /// };
    /// let titles = std::thread::scope(|threads| {
    ///     let (one, other) = (threads.spawn(|| title("one")), threads.spawn(|| title("other")));
    ///     (one.join().unwrap(), other.join().unwrap())
    /// });
    /// assert_eq!(titles.0, titles.1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get_or_insert_with(&self, mu: &Mu<'gc>, make: impl FnOnce() -> Gc<'gc, T>) -> Gc<'gc, T> {
        self.load().unwrap_or_else(|| {
            let made = make();
            // It fails only if something is there.
            self.compare_exchange(mu, None, Some(made)).err().flatten().unwrap_or(made)
        })
    }

    /// What a store has to tell the collector. Another thread may store between this and the store itself: what is erased then
    /// was shaded by that thread, or is protected as what it had in its hands (`barrier.rs`).
    #[inline]
    fn shade(&self, mu: &Mu<'gc>, mut value: Option<Gc<'gc, T>>) {
        let (barrier, to) = mu.barrier();
        if barrier.is_on() {
            let place = ptr::from_ref(&self.object).cast::<Option<Gc<'gc, T>>>();
            // SAFETY: 1: the place is one word, that is accessed by atomics only, and holds null or a reference, as an option of
            // one does; the value is ours. 2: both are of the brand of `mu`'s heap.
            unsafe { barrier::shade_both(barrier, to, place, &raw mut value) };
        }
    }
}

// SAFETY: 1: one word, null or the address of a slot. 2: nothing is elsewhere. 4: it needs no drop. (The object is traced,
// too, as for a `Gc`.)
unsafe impl<T: Trace> Trace for AtomicGc<'_, T> {
    const MASK: TypeMask = TypeMask::pointer();
}

// SAFETY: both brands are replaced.
unsafe impl<T: Rebrand> Rebrand for AtomicGc<'_, T> {
    type At<'gc> = AtomicGc<'gc, T::At<'gc>>;
}

impl<T> Default for AtomicGc<'_, T> {
    fn default() -> Self {
        Self::new(None)
    }
}

impl<'gc, T> fmt::Debug for AtomicGc<'gc, T>
where
    Gc<'gc, T>: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AtomicGc").field(&self.load()).finish()
    }
}
