//! Pools: what a mutator keeps to use again, and how that ages.
//!
//! A pool has a *stock* in each mutator that uses it: values of one type, in two generations. What is put goes into the
//! *fresh* one; what is taken comes from there, and else from the *aged* one. When a cycle begins the aged values are let go,
//! and the fresh ones are aged from then on. So a value that nobody takes survives one collection and not two.
//!
//! ```text
//!   put → [ fresh ]   a cycle begins:   aged → gone,  fresh → aged
//!   take ← fresh, else [ aged ]
//! ```
//!
//! A stock is a part of its mutator's ([`crate::part`]): it is used without a lock and without an atomic. Its generations move
//! on in the mutator's answer to the first round of a cycle, or while the world is stopped; if the mutator is outside, the
//! collector answers for it, so the stock of a thread that sleeps ages with the others. While a value is in a stock its
//! references are the mutator's own roots, which are shaded with the others when its roots are taken.
//!
//! Letting go may run a drop of the program's. That is nothing for the middle of an allocation, nor for the collector's thread;
//! so what is gone is queued ([`AllPools::expire`]), and dropped where drops of dead objects run ([`crate::dead`]).
//!
//! Invariants
//!   P1  a shelf that has the number of a pool holds a stock of that pool's type: a number is given once
//!   P2  a value in a stock is whole, and its references lead into the mutator's heap

use crate::trace::{Rebrand, Tracer};
use core::cell::RefCell;
use core::fmt;
use core::marker::PhantomData;
use core::mem::{MaybeUninit, needs_drop};
use core::ptr;
use heap_core::fault::{self, Fault};
use heap_core::racy::copy_word;
use heap_core::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use heap_core::sync::{Arc, Mutex, Weak};
use heap_core::units::WORD_BYTES;
use heap_core::verify::Word;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Values that were let go, and wait for their drops.
pub(crate) trait Gone: Send {
    /// Drops one after another, each in a call of `each`.
    fn drop_each(&mut self, each: &mut dyn FnMut(&mut dyn FnMut()));
}

struct Values<R>(Vec<R>);

// SAFETY: the values are only dropped, which may happen on any thread (duty 4 of `Trace`).
unsafe impl<R: Rebrand> Send for Values<R> {}

impl<R: Rebrand> Gone for Values<R> {
    fn drop_each(&mut self, each: &mut dyn FnMut(&mut dyn FnMut())) {
        while let Some(value) = self.0.pop() {
            let mut value = Some(value);
            each(&mut || drop(value.take()));
        }
    }
}

/// What a mutator has of one pool.
pub(crate) struct Stock<R> {
    fresh: Vec<R>,
    aged: Vec<R>,
}

impl<R: Rebrand> Stock<R> {
    /// Takes a value out, the one put last.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<R> {
        self.fresh.pop().or_else(|| self.aged.pop())
    }

    /// Puts a value in, unless there are as many as `most`: then it comes back.
    #[inline]
    pub(crate) fn put(&mut self, value: R, most: usize) -> Option<R> {
        if self.len() >= most {
            return Some(value);
        }
        self.fresh.push(value);
        None
    }

    /// How many values there are.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.fresh.len() + self.aged.len()
    }
}

/// A stock of some type.
trait AnyStock {
    /// A cycle has begun: what was aged is gone, what was fresh is aged.
    fn age(&mut self) -> Option<Box<dyn Gone>>;

    /// Calls `visit` with the words of all values that may be references, nulls left out.
    fn each(&self, visit: &mut dyn FnMut(Word));
}

impl<R: Rebrand + 'static> AnyStock for Stock<R> {
    fn age(&mut self) -> Option<Box<dyn Gone>> {
        let fresh = core::mem::take(&mut self.fresh);
        let mut gone = core::mem::replace(&mut self.aged, fresh);
        if fault::on(Fault::PoolAgedTwice) {
            gone.append(&mut self.aged);
        }
        (needs_drop::<R>() && !gone.is_empty()).then(|| Box::new(Values(gone)) as Box<dyn Gone>)
    }

    fn each(&self, visit: &mut dyn FnMut(Word)) {
        self.fresh.iter().chain(&self.aged).for_each(|value| each_word(value, visit));
    }
}

/// Calls `visit` with the words of a value that may be references, nulls left out.
fn each_word<R: Rebrand>(value: &R, visit: &mut dyn FnMut(Word)) {
    let words = ptr::from_ref(value).cast::<*const u8>();
    for index in 0..const { size_of::<R>() / WORD_BYTES } {
        let at = words.wrapping_add(index);
        if R::MASK.is_exact(index) {
            // SAFETY: an exact word of a whole value (duty 1 of `Trace`), null or a reference; nobody writes to it.
            let word = unsafe { at.read() }.addr();
            if word != 0 {
                visit(Word::Exact(word));
            }
        } else if R::MASK.is_ambiguous(index) {
            let mut word = MaybeUninit::uninit();
            // SAFETY: a word of the value, and one of ours.
            unsafe { copy_word(at.cast(), &raw mut word) };
            // SAFETY: copied just now, from a word that may be anything: some number then.
            visit(Word::Ambiguous(unsafe { word.assume_init() }));
        }
    }
    if R::BY_HAND {
        let traced = Traced;
        value.trace(&mut Tracer::new(&mut |word| visit(Word::Exact(word))));
        core::mem::forget(traced);
    }
}

/// Ends the process when it is dropped: what a value did not report would be freed in use.
struct Traced;

impl Drop for Traced {
    fn drop(&mut self) {
        heap_core::bug!("a hand-written trace function panicked");
    }
}

/// A place for the stock of a pool.
struct Shelf {
    /// The pool's number.
    pool: u64,
    /// Gone with the pool's last handle.
    is_open: Weak<Place>,
    stock: Box<dyn AnyStock>,
}

/// The stocks of one mutator. See the module's text.
#[derive(Default)]
pub(crate) struct Pools {
    /// By the pools' places.
    shelves: RefCell<Vec<Option<Shelf>>>,
}

// SAFETY: the values of a stock are used by who has the mutator's part: its thread, or a collector that ages and traces them,
// which may be done on any thread (duty 3 of `Trace`), as they may be dropped on any (duty 4).
unsafe impl Send for Pools {}

impl Pools {
    /// Calls `f` with the stock of a pool; `own` are the pools of the mutator's heap. `f` runs no code of the program's.
    ///
    /// # Panics
    /// If the pool is of another heap.
    #[inline]
    pub(crate) fn with<'a, R: Rebrand + 'static, A>(
        &self,
        pool: &PoolKey<R>,
        own: impl FnOnce() -> &'a Arc<AllPools>,
        f: impl FnOnce(&mut Stock<R>) -> A,
    ) -> A {
        let mut shelves = self.shelves.borrow_mut();
        let at = pool.index;
        let is_theirs = |shelf: &Option<Shelf>| shelf.as_ref().is_some_and(|shelf| shelf.pool == pool.number);
        let is_up = shelves.get(at).is_some_and(is_theirs);
        if !is_up {
            put_up(&mut shelves, pool, own());
        }
        let Some(Some(shelf)) = shelves.get_mut(at) else {
            heap_core::bug!("there is no shelf at {at} just after it was put up")
        };
        #[expect(clippy::cast_ptr_alignment, reason = "it is one, by P1")]
        let stock = (&raw mut *shelf.stock).cast::<Stock<R>>();
        // SAFETY: the shelf has the pool's number, by the lines above, so its stock is of this type (P1); it is borrowed whole.
        f(unsafe { &mut *stock })
    }

    /// A cycle has begun: every stock ages, and those of pools that have no handle any more go. Says what is gone.
    #[must_use = "values that are gone wait for their drops"]
    pub(crate) fn age(&self) -> Vec<Box<dyn Gone>> {
        let mut gone = Vec::new();
        if fault::on(Fault::PoolUnaged) {
            return gone;
        }
        for place in self.shelves.borrow_mut().iter_mut() {
            let Some(shelf) = place else { continue };
            gone.extend(shelf.stock.age());
            if shelf.is_open.strong_count() == 0 {
                gone.extend(shelf.stock.age());
                *place = None;
            }
        }
        gone
    }

    /// Everything is gone: the mutator goes.
    #[must_use = "values that are gone wait for their drops"]
    pub(crate) fn take(&self) -> Vec<Box<dyn Gone>> {
        let shelves = self.shelves.take();
        shelves.into_iter().flatten().flat_map(Shelf::into_gone).collect()
    }

    /// Calls `visit` with all words that may be references, nulls left out. If a trace function panics the process is aborted.
    pub(crate) fn each(&self, visit: &mut dyn FnMut(Word)) {
        self.shelves.borrow().iter().flatten().for_each(|shelf| shelf.stock.each(visit));
    }
}

impl Shelf {
    fn into_gone(mut self) -> impl Iterator<Item = Box<dyn Gone>> {
        let (aged, fresh) = (self.stock.age(), self.stock.age());
        aged.into_iter().chain(fresh)
    }
}

/// Makes a shelf for a pool, in the place of one whose pool is no more.
#[cold]
fn put_up<R: Rebrand + 'static>(shelves: &mut Vec<Option<Shelf>>, pool: &PoolKey<R>, own: &Arc<AllPools>) {
    assert!(
        Arc::ptr_eq(&pool.place.all, own),
        "a pool of one heap was used through a mutator of another: use a mutator of the pool's heap"
    );
    if shelves.len() <= pool.index {
        shelves.resize_with(pool.index + 1, || None);
    }
    let stock = Box::new(Stock::<R> { fresh: Vec::new(), aged: Vec::new() });
    let shelf = Shelf { pool: pool.number, is_open: Arc::downgrade(&pool.place), stock };
    if let Some(old) = shelves[pool.index].replace(shelf) {
        own.expire(old.into_gone());
    }
}

/// A pool's place on the shelves of its heap's mutators, which is free for another when this goes.
struct Place {
    all: Arc<AllPools>,
    index: usize,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.all.indices.lock().free.push(self.index);
    }
}

/// What a pool is known by. It belongs to one type, whatever its heap.
pub(crate) struct PoolKey<R> {
    place: Arc<Place>,
    index: usize,
    number: u64,
    values: PhantomData<fn(R) -> R>,
}

impl<R> Clone for PoolKey<R> {
    fn clone(&self) -> Self {
        Self { place: Arc::clone(&self.place), values: PhantomData, ..*self }
    }
}

impl<R> fmt::Debug for PoolKey<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolKey").field("number", &self.number).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct Indices {
    next: usize,
    free: Vec<usize>,
}

/// The pools of a heap: their places, and what they have let go.
#[derive(Default)]
pub(crate) struct AllPools {
    indices: Mutex<Indices>,
    gone: Mutex<Vec<Box<dyn Gone>>>,
    /// How many there are in `gone`. Written under its lock; read without.
    gone_count: AtomicUsize,
}

impl AllPools {
    /// A new pool.
    pub(crate) fn open<R>(self: &Arc<Self>) -> PoolKey<R> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let index = {
            let mut indices = self.indices.lock();
            indices.free.pop().unwrap_or_else(|| {
                indices.next += 1;
                indices.next - 1
            })
        };
        let place = Arc::new(Place { all: Arc::clone(self), index });
        PoolKey { place, index, number: NEXT.fetch_add(1, Relaxed), values: PhantomData }
    }

    /// Values are gone: their drops are due. Says whether there are any.
    pub(crate) fn expire(&self, values: impl IntoIterator<Item = Box<dyn Gone>>) -> bool {
        let mut values = values.into_iter().peekable();
        if values.peek().is_none() {
            return false;
        }
        let mut gone = self.gone.lock();
        gone.extend(values);
        self.gone_count.store(gone.len(), Relaxed);
        true
    }

    /// Whether a drop is due. One relaxed load.
    #[inline]
    #[must_use]
    pub(crate) fn is_due(&self) -> bool {
        self.gone_count.load(Relaxed) != 0
    }

    /// Takes what is to be dropped.
    #[must_use = "values that are gone wait for their drops"]
    pub(crate) fn take_due(&self) -> Vec<Box<dyn Gone>> {
        let mut gone = self.gone.lock();
        self.gone_count.store(0, Relaxed);
        core::mem::take(&mut *gone)
    }
}

/// [`AllPools`] as the heap has them: when it ends, what they have let go is dropped, and panics end with that.
#[derive(Default)]
pub(crate) struct OwnPools(Arc<AllPools>);

impl core::ops::Deref for OwnPools {
    type Target = Arc<AllPools>;

    #[inline]
    fn deref(&self) -> &Arc<AllPools> {
        &self.0
    }
}

impl Drop for OwnPools {
    fn drop(&mut self) {
        for mut values in self.take_due() {
            values.drop_each(&mut |drop| {
                if let Err(payload) = catch_unwind(AssertUnwindSafe(drop)) {
                    core::mem::forget(payload);
                }
            });
        }
    }
}

impl fmt::Debug for Pools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pools").field("shelves", &self.shelves.borrow().len()).finish()
    }
}

impl fmt::Debug for AllPools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AllPools").field("indices", &self.indices).finish_non_exhaustive()
    }
}
