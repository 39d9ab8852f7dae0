//! `Pool`: values that are used again, and let go when nobody has used them for two collections.

use crate::heap::Heap;
use crate::mutator::Mu;
use crate::pools::PoolKey;
use crate::trace::Rebrand;
use core::fmt;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};
use heap_core::sync::thread;

/// Values that are used again instead of made again: buffers, and objects of the heap.
///
/// A value that was [put](Pool::put) survives one collection and not two, if nobody [takes](Pool::take) it: when a cycle begins,
/// what was there when the one before began is let go. So a pool needs no size: it keeps what was used since the last collection
/// but one, and a program that falls idle gets its memory back.
///
/// Each mutator has its own part of a pool, which nobody else uses: taking and putting need no lock and no atomic, and what one
/// thread puts another does not find. The part ages with every cycle, also that of a thread that sleeps. It goes with the
/// mutator.
///
/// `R` is the type of the values with `'static` for their brand, as for a [`Root`](crate::Root). It may be any type that can
/// live in the heap: a `Vec<u8>`, which is memory outside it, or a `Gc`, whose object the pool keeps and with it all that the
/// object leads to; or both in one. What is let go is dropped at a safepoint of some mutator, as dead objects are; an object of
/// the heap is free after the collection that let go of it, if nothing else keeps it.
///
/// A pool is a handle: its clones are the same pool, on all threads. It does not keep its heap.
///
/// ```
/// # extern crate heap_gc as tricolor;
/// use tricolor::{Heap, Pool};
/// let heap = Heap::new()?;
/// let buffers: Pool<Vec<u8>> = Pool::new(&heap);
/// let mut mutator = heap.attach()?;
/// let mut made = 0;
/// for line in ["red", "green", "blue"] {
///     mutator.enter(|mu| {
///         let mut buffer = buffers.lend(mu, || {
///             made += 1;
///             Vec::with_capacity(1024)
///         });
///         buffer.clear();
///         buffer.extend_from_slice(line.as_bytes());
///     });
/// }
/// assert_eq!(made, 1);
/// mutator.collect();
/// assert_eq!(mutator.enter(|mu| buffers.len(mu)), 1);
/// mutator.collect();
/// assert_eq!(mutator.enter(|mu| buffers.len(mu)), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Objects of the heap:
///
/// ```
/// # extern crate heap_gc as tricolor;
/// use tricolor::{Gc, GcCell, GcSlice, Heap, Pool};
/// let heap = Heap::new()?;
/// let rows: Pool<Gc<'static, GcSlice<GcCell<u64>>>> = Pool::new(&heap);
/// let mut mutator = heap.attach()?;
/// for number in 0..100 {
///     mutator.enter(|mu| {
///         let row = rows.lend(mu, || mu.alloc_slice(128, |_| GcCell::new(0)));
///         row[0].set(mu, number);
///     });
/// }
/// mutator.collect();
/// assert_eq!(heap.figures().memory.mallocs, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Pool<R: Rebrand + 'static> {
    key: PoolKey<R>,
    /// Values of one mutator at most.
    most: usize,
}

impl<R: Rebrand + 'static> Pool<R> {
    /// An empty pool of a heap.
    #[must_use]
    pub fn new(heap: &Heap) -> Self {
        Self::with_most(heap, usize::MAX)
    }

    /// An empty pool of which each mutator keeps `most` values at most. What is put beyond that is dropped at once.
    #[must_use]
    pub fn with_most(heap: &Heap, most: usize) -> Self {
        Self { key: heap.shared.pools.open(), most }
    }

    /// Takes a value out, the one that this mutator has put last, if there is any.
    ///
    /// # Panics
    /// If the pool is of another heap than the mutator.
    #[inline]
    #[must_use = "a value that is taken is not in the pool any more"]
    pub fn take<'gc>(&self, mu: &Mu<'gc>) -> Option<R::At<'gc>> {
        let found = mu.pools().with(&self.key, || &mu.heap().pools, |stock| stock.take());
        found.map(branded)
    }

    /// Takes a value out, or makes one.
    ///
    /// # Panics
    /// If the pool is of another heap than the mutator, and with the panics of `make`: the pool is as before then.
    #[inline]
    #[must_use = "a value that is taken is not in the pool any more"]
    pub fn take_or_else<'gc>(&self, mu: &Mu<'gc>, make: impl FnOnce() -> R::At<'gc>) -> R::At<'gc> {
        self.take(mu).unwrap_or_else(make)
    }

    /// Lends a value, or makes one to lend: it is put when the loan ends.
    ///
    /// # Panics
    /// As [`Pool::take_or_else`].
    #[inline]
    pub fn lend<'a, 'gc>(&'a self, mu: &'a Mu<'gc>, make: impl FnOnce() -> R::At<'gc>) -> Lent<'a, 'gc, R> {
        Lent { pool: self, mu, value: ManuallyDrop::new(self.take_or_else(mu, make)) }
    }

    /// Puts a value in, to be taken again by this mutator. It is as it is: who takes it finds what its last user left.
    ///
    /// If the mutator keeps as many as it may the value is dropped.
    ///
    /// # Panics
    /// If the pool is of another heap than the mutator, and with the panics of the value's drop.
    #[inline]
    pub fn put<'gc>(&self, mu: &Mu<'gc>, value: R::At<'gc>) {
        let (value, most) = (unbranded::<R>(value), self.most);
        // Dropped, if it comes back, when nothing of the pool is borrowed.
        drop(mu.pools().with(&self.key, || &mu.heap().pools, move |stock| stock.put(value, most)));
    }

    /// How many values this mutator could take.
    ///
    /// # Panics
    /// If the pool is of another heap than the mutator.
    #[must_use]
    pub fn len(&self, mu: &Mu<'_>) -> usize {
        mu.pools().with(&self.key, || &mu.heap().pools, |stock| stock.len())
    }

    /// Whether there is nothing that this mutator could take.
    ///
    /// # Panics
    /// If the pool is of another heap than the mutator.
    #[must_use]
    pub fn is_empty(&self, mu: &Mu<'_>) -> bool {
        self.len(mu) == 0
    }
}

/// A value as the stock keeps it: without a brand, for nobody to use.
fn unbranded<R: Rebrand>(value: R::At<'_>) -> R {
    const { assert!(size_of::<R>() == size_of::<R::At<'static>>()) };
    let value = ManuallyDrop::new(value);
    // SAFETY: the same type up to its brand (the duty of `Rebrand`), and the original is forgotten. Nobody gets at what is in it
    // before it has the brand of an `enter` again.
    unsafe { core::mem::transmute_copy(&*value) }
}

/// A value that is used again: it has the brand of the `enter` that takes it.
fn branded<'gc, R: Rebrand>(value: R) -> R::At<'gc> {
    let value = ManuallyDrop::new(value);
    // SAFETY: as in `unbranded`. Its references lead into the heap of `'gc`, since it was put by a mutator of it, and to objects
    // that were kept since (P2 of `pools.rs`).
    unsafe { core::mem::transmute_copy(&*value) }
}

impl<R: Rebrand + 'static> Clone for Pool<R> {
    fn clone(&self) -> Self {
        Self { key: self.key.clone(), most: self.most }
    }
}

impl<R: Rebrand + 'static> fmt::Debug for Pool<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("key", &self.key).field("most", &self.most).finish()
    }
}

/// A value that a [`Pool`] has lent. It is put back when this is dropped.
///
/// If that happens because of a panic the value is dropped instead: what was left half done is not lent again.
///
/// ```
/// # extern crate heap_gc as tricolor;
/// use tricolor::{Heap, Lent, Pool};
/// let heap = Heap::new()?;
/// let words: Pool<String> = Pool::new(&heap);
/// let kept = heap.attach()?.enter(|mu| {
///     let mut word = words.lend(mu, String::new);
///     word.push_str("grey");
///     Lent::keep(word)
/// });
/// assert_eq!(kept, "grey");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a loan that is not used ends at once"]
pub struct Lent<'a, 'gc, R: Rebrand + 'static> {
    pool: &'a Pool<R>,
    mu: &'a Mu<'gc>,
    value: ManuallyDrop<R::At<'gc>>,
}

impl<'gc, R: Rebrand + 'static> Lent<'_, 'gc, R> {
    /// Keeps the value: it is not put back.
    #[must_use = "a value that is not used is dropped, and not put back"]
    pub fn keep(this: Self) -> R::At<'gc> {
        let mut this = ManuallyDrop::new(this);
        // SAFETY: the loan is forgotten, so nobody uses or drops the value again.
        unsafe { ManuallyDrop::take(&mut this.value) }
    }
}

impl<R: Rebrand + 'static> Drop for Lent<'_, '_, R> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the loan ends, and nobody uses the value through it again.
        let value = unsafe { ManuallyDrop::take(&mut self.value) };
        if !thread::panicking() {
            self.pool.put(self.mu, value);
        }
    }
}

impl<'gc, R: Rebrand + 'static> Deref for Lent<'_, 'gc, R> {
    type Target = R::At<'gc>;

    #[inline]
    fn deref(&self) -> &R::At<'gc> {
        &self.value
    }
}

impl<R: Rebrand + 'static> DerefMut for Lent<'_, '_, R> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.value
    }
}

impl<R: Rebrand + 'static> fmt::Debug for Lent<'_, '_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lent").field("pool", &self.pool).finish_non_exhaustive()
    }
}
