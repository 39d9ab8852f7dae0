//! `WeakSet` and `Interner`: each object once, as long as something else keeps it.
//!
//! An entry is a weak reference and the hash of what it led to when it was put in. So a search looks into an object only if the
//! hashes are the same, and a set that grows asks nobody. An object is looked at after it was found by a weak load
//! ([`Weak::upgrade`]), which is what makes it safe to find one that nobody keeps while a collection is deciding about it: it is
//! found and kept, or it is gone for everybody, and there is never a second one of the same contents beside it.
//!
//! Entries of the dead are taken out by insertions (`turn.rs`).

use crate::api::map::{GcMap, MapHasher};
use crate::api::str::GcStr;
use crate::api::turn::Turn;
use crate::api::weak::Weak;
use crate::gc::Gc;
use crate::mutator::{Mu, refused};
use crate::trace::{Rebrand, Trace};
use core::fmt;
use core::hash::{BuildHasher, Hash, Hasher};
use core::mem::offset_of;
use heap_core::error::AllocError;
use heap_core::fault::{self, Fault};
use heap_core::layout::TypeMask;

/// A set of objects that keeps none of them, asked by a hash and a question.
///
/// An object is found as long as something else keeps it, and until a collection has found it unreachable; finding it keeps it,
/// as with a [`Weak`]. Its entry is taken out by later insertions, after that. What the question asks about must not change as
/// long as the object is in the set, or it is not found.
///
/// It is a field of an object, or an object itself, and is changed by shared reference and with the [`Mu`], by the one thread
/// that uses the object it is in, as a [`GcMap`]. For strings there is [`Interner`].
///
/// Operations cost what those of a `GcMap` do, with one more place in memory to look at, and an insertion an object of 16 bytes.
///
/// ```
/// # extern crate heap_gc as tricolor;
/// use tricolor::{Gc, Heap, WeakSet};
/// let heap = Heap::new()?;
/// heap.attach()?.enter(|mu| {
///     let points = WeakSet::new();
///     let point = |x: u64, y: u64| {
///         let is = |point: Gc<'_, [u64; 2]>| *point == [x, y];
///         points.get_or_insert_by(mu, points.hash_of(&[x, y]), is, || mu.alloc([x, y]))
///     };
///     assert!(Gc::ptr_eq(point(1, 2), point(1, 2)));
///     assert!(!Gc::ptr_eq(point(1, 2), point(2, 1)));
/// });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[repr(C)]
pub struct WeakSet<'gc, T, S = MapHasher> {
    table: Entries<'gc, T>,
    turn: Turn,
    hasher: S,
}

/// Strings of the heap, each once, as long as something else keeps it: equal strings are the same object.
///
/// ```
/// # extern crate heap_gc as tricolor;
/// use tricolor::{Gc, GcStr, Heap, Interner, Root};
/// let heap = Heap::new()?;
/// let mut mutator = heap.attach()?;
/// let (names, kept): (Root<Interner<'static>>, Root<GcStr>) = mutator.enter(|mu| {
///     let names = mu.alloc(Interner::new());
///     let kept = names.intern(mu, "kept");
///     assert!(Gc::ptr_eq(kept, names.intern(mu, &["ke", "pt"].concat())));
///     names.intern(mu, "forgotten");
///     (mu.root(names), mu.root(kept))
/// });
/// mutator.collect();
/// mutator.enter(|mu| {
///     let names = names.get(mu);
///     assert!(names.find(mu, "forgotten").is_none());
///     assert!(names.find(mu, "kept").is_some_and(|found| Gc::ptr_eq(found, kept.get(mu))));
/// });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type Interner<'gc, S = MapHasher> = WeakSet<'gc, GcStr, S>;

type Entries<'gc, T> = GcMap<'gc, Entry<'gc, T>, (), Kept>;

/// What a set knows of an object.
#[repr(C)]
struct Entry<'gc, T> {
    object: Weak<'gc, T>,
    hash: u64,
}

/// Hashes an entry as the hash that it has kept.
#[derive(Clone, Default, Debug)]
struct Kept(u64);

impl Hasher for Kept {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        unreachable!("an entry writes its hash, and not {} bytes", bytes.len());
    }

    #[inline]
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

impl BuildHasher for Kept {
    type Hasher = Self;

    #[inline]
    fn build_hasher(&self) -> Self {
        Self(0)
    }
}

impl<T> Clone for Entry<'_, T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Entry<'_, T> {}

impl<T> PartialEq for Entry<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.object.is_copy_of(other.object)
    }
}

impl<T> Eq for Entry<'_, T> {}

impl<T> Hash for Entry<'_, T> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

// SAFETY: 1: the reference to a weak place is the only one. 2: nothing is elsewhere. 4: it is `Copy`.
unsafe impl<T: Trace> Trace for Entry<'_, T> {
    const MASK: TypeMask =
        TypeMask::noscan(size_of::<Self>()).with(offset_of!(Self, object), &<Weak<'_, T>>::MASK);
}

impl<T> WeakSet<'_, T> {
    /// An empty set. It takes no memory for entries before the first is inserted.
    #[must_use]
    pub fn new() -> Self
    where
        T: Trace,
    {
        Self::with_hasher(MapHasher::default())
    }
}

impl<T, S> WeakSet<'_, T, S> {
    /// An empty set that hashes in that way.
    #[must_use]
    pub fn with_hasher(hasher: S) -> Self
    where
        T: Trace,
    {
        Self { table: GcMap::with_hasher(Kept(0)), turn: Turn::default(), hasher }
    }

    /// How many entries there are. Those of dead objects count until they are taken out.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there are none, not even of dead objects.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// The hash of what an object is asked about, in this set.
    #[inline]
    #[must_use]
    pub fn hash_of<Q: ?Sized + Hash>(&self, asked: &Q) -> u64
    where
        S: BuildHasher,
    {
        self.hasher.hash_one(asked)
    }
}

impl<'gc, T: Trace + 'gc, S> WeakSet<'gc, T, S> {
    /// The object that was put in with that hash ([`WeakSet::hash_of`]) and is the one that `is` says, if it is there. `is` is
    /// asked about objects with the same hash only, and keeps those it is asked about for this collection.
    ///
    /// # Panics
    /// If `is` changes the set, and with its panics: the set is as before.
    #[inline]
    pub fn get_by(
        &self,
        mu: &Mu<'gc>,
        hash: u64,
        mut is: impl FnMut(Gc<'gc, T>) -> bool,
    ) -> Option<Gc<'gc, T>> {
        let mut found = None;
        self.table.get_by(hash, |entry| {
            found = Self::ask(mu, entry, hash, &mut is);
            found.is_some()
        })?;
        found
    }

    /// The object that has that hash and is the one that `is` says, or, if there is none, the one that `make` makes, which is put
    /// in. `make` may use the set: if there is one when it returns, that one stays.
    ///
    /// # Panics
    /// If there is no memory for the entry ([`WeakSet::try_get_or_insert_by`] returns the error instead), if `is` changes the
    /// set, and with the panics of `is` and `make`: the set is as before, but for what `make` has done.
    #[inline]
    pub fn get_or_insert_by(
        &self,
        mu: &Mu<'gc>,
        hash: u64,
        is: impl FnMut(Gc<'gc, T>) -> bool,
        make: impl FnOnce() -> Gc<'gc, T>,
    ) -> Gc<'gc, T> {
        self.try_get_or_insert_by(mu, hash, is, || Ok(make())).unwrap_or_else(|error| refused(&error))
    }

    /// The same, or says why not.
    ///
    /// # Errors
    /// See [`AllocError`], and with those of `make`. The set is as before, but for what `make` has done.
    ///
    /// # Panics
    /// As [`WeakSet::get_or_insert_by`], but not for want of memory.
    pub fn try_get_or_insert_by(
        &self,
        mu: &Mu<'gc>,
        hash: u64,
        mut is: impl FnMut(Gc<'gc, T>) -> bool,
        make: impl FnOnce() -> Result<Gc<'gc, T>, AllocError>,
    ) -> Result<Gc<'gc, T>, AllocError> {
        let (mut found, mut made) = (None, None);
        self.table.try_get_or_insert_by(
            mu,
            hash,
            |entry| {
                found = Self::ask(mu, entry, hash, &mut is);
                found.is_some()
            },
            || {
                let object = make()?;
                made = Some(object);
                self.turn.go_on(mu, self.table.len() == self.table.capacity(), |from, groups| {
                    self.take_out_dead(mu, from, groups)
                });
                Ok((Entry { object: mu.try_downgrade(object)?, hash }, ()))
            },
        )?;
        match found.or(made) {
            Some(object) => Ok(object),
            None => unreachable!("it was found or made"),
        }
    }

    /// Takes the object out that has that hash and is the one that `is` says, and returns it.
    ///
    /// # Panics
    /// If `is` changes the set, and with its panics: the set is as before.
    pub fn remove_by(
        &self,
        mu: &Mu<'gc>,
        hash: u64,
        mut is: impl FnMut(Gc<'gc, T>) -> bool,
    ) -> Option<Gc<'gc, T>> {
        let mut found = None;
        self.table.remove_by(mu, hash, |entry| {
            found = Self::ask(mu, entry, hash, &mut is);
            found.is_some()
        })?;
        found
    }

    /// Takes all entries out. The room for them stays.
    pub fn clear(&self, mu: &Mu<'gc>) {
        self.table.clear(mu);
    }

    /// Takes the entries of dead objects out, and gives back room that is not used.
    pub fn shrink_to_fit(&self, mu: &Mu<'gc>) {
        self.turn.go_round(|from, groups| self.take_out_dead(mu, from, groups));
        self.table.shrink_to_fit(mu);
    }

    /// The object of an entry, if it has that hash, is alive, and is the one.
    #[inline]
    fn ask(
        mu: &Mu<'gc>,
        entry: &Entry<'gc, T>,
        hash: u64,
        is: &mut impl FnMut(Gc<'gc, T>) -> bool,
    ) -> Option<Gc<'gc, T>> {
        if entry.hash != hash || (fault::on(Fault::WeakSetAsleep) && mu.barrier().0.is_on()) {
            return None;
        }
        let object = entry.object.upgrade(mu)?;
        is(object).then_some(object)
    }

    fn take_out_dead(&self, mu: &Mu<'gc>, from: usize, groups: usize) -> Option<usize> {
        self.table.retain_some(mu, from, groups, |entry, ()| !entry.object.is_over())
    }
}

/// Interning.
impl<'gc, S: BuildHasher> WeakSet<'gc, GcStr, S> {
    /// The one string with that text: the one that is there, or a new one.
    ///
    /// # Panics
    /// If there is no memory for it; [`WeakSet::try_intern`] returns the error instead.
    pub fn intern(&self, mu: &Mu<'gc>, text: &str) -> Gc<'gc, GcStr> {
        self.try_intern(mu, text).unwrap_or_else(|error| refused(&error))
    }

    /// The one string with that text, or says why not.
    ///
    /// # Errors
    /// See [`AllocError`]. The set is as before.
    pub fn try_intern(&self, mu: &Mu<'gc>, text: &str) -> Result<Gc<'gc, GcStr>, AllocError> {
        let hash = self.hash_of(text);
        self.try_get_or_insert_by(mu, hash, |found| found.as_str() == text, || mu.try_alloc_str(text))
    }

    /// The one string with that text, if it is there.
    #[must_use]
    pub fn find(&self, mu: &Mu<'gc>, text: &str) -> Option<Gc<'gc, GcStr>> {
        self.get_by(mu, self.hash_of(text), |found| found.as_str() == text)
    }
}

// SAFETY: 1: the words of the table, which is a field, are the only references: the hasher has none, since no value with a
// `'static` brand exists. 2: nothing is elsewhere: the objects are not kept. 4: only the hasher may need a drop, reads no
// reference, and is `Send`. (The objects are traced, too, as for a `Gc`.)
unsafe impl<T: Trace, S: 'static + Send> Trace for WeakSet<'_, T, S> {
    const MASK: TypeMask =
        TypeMask::noscan(size_of::<Self>()).with(offset_of!(Self, table), &<Entries<'_, T>>::MASK);
}

// SAFETY: all brands are replaced.
unsafe impl<T: Rebrand, S: 'static + Send> Rebrand for WeakSet<'_, T, S> {
    type At<'gc> = WeakSet<'gc, T::At<'gc>, S>;
}

impl<T: Trace, S: Default> Default for WeakSet<'_, T, S> {
    fn default() -> Self {
        Self::with_hasher(S::default())
    }
}

impl<T, S> fmt::Debug for WeakSet<'_, T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WeakSet of at most {}", self.len())
    }
}
