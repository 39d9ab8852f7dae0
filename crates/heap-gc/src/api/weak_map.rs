//! `WeakMap`: values that objects have as long as something else keeps them.
//!
//! ```text
//!   WeakMap in some object      its table, as of any `GcMap`          ephemerons, noscan
//!   [table][turn]──────────────▶ [address of a key, reference]──────▶ [key · value]┄┄▶ what the collector follows
//!                                                                                      when the key is marked
//! ```
//!
//! The table leads from the address of a key, a number to the marker, to an ephemeron (`ephemeron.rs`), which it keeps. The heap
//! does not move objects, so the address stays. When a collection has cleared the ephemeron its entry is of no use, and is taken
//! out later (`turn.rs`); an object that gets the address meanwhile gets the entry, with an ephemeron of its own.
//!
//! Invariants
//!   W1  an entry leads to an ephemeron that is over, or whose key has the entry's address
//!   W2  an ephemeron is in one table, and its words are changed by the collector and by the thread of that table

use crate::api::map::GcMap;
use crate::api::turn::Turn;
use crate::ephemeron::Ephemeron;
use crate::gc::Gc;
use crate::mutator::{Mu, refused};
use crate::trace::{Rebrand, Trace};
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::mem::offset_of;
use heap_core::error::AllocError;
use heap_core::fault::{self, Fault};
use heap_core::layout::TypeMask;

type Entries<'gc> = GcMap<'gc, usize, Gc<'gc, Ephemeron>>;

/// A map from objects to what is known of them, which keeps neither: an entry, an *ephemeron*, keeps its value as long as
/// something else keeps its key, and the map.
///
/// So it says more of an object than its type does, for objects that others made. A value may lead to its own key, or to other
/// keys of this map and others: when nothing else leads to them they are gone together.
///
/// It is a field of an object, or an object itself, and is changed by shared reference and with the [`Mu`], by the one thread
/// that uses the object it is in, as a [`GcMap`]. Keys are objects and not their contents: two equal strings are two keys. Values
/// are objects, too, of any size and with or without a drop.
///
/// Operations cost what those of a `GcMap` do, and an insertion an object of 16 bytes. An entry whose key is dead is found no
/// more; its value is gone with the same collection; its place in the table is given back by later insertions. A collection
/// looks at all entries of the heap, and at those whose key it has not reached again, four times at most; from then on reaching
/// a key leads to its value at once.
///
/// A key of less than 16 bytes without references or a drop shares its slot with others, and is alive as long as one of them is.
///
/// ```
/// # extern crate heap_gc as tricolor;
/// use tricolor::{Gc, GcStr, Heap, Root, WeakMap};
/// let heap = Heap::new()?;
/// let mut mutator = heap.attach()?;
/// type Notes<'gc> = WeakMap<'gc, [u64; 4], GcStr>;
/// let (notes, object): (Root<Notes<'static>>, Root<[u64; 4]>) = mutator.enter(|mu| {
///     let (notes, object) = (mu.alloc(WeakMap::new()), mu.alloc([7_u64; 4]));
///     notes.insert(mu, object, mu.alloc_str("seven"));
///     (mu.root(notes), mu.root(object))
/// });
/// mutator.collect();
/// mutator.enter(|mu| {
///     let note = notes.get(mu).get(mu, object.get(mu));
///     assert_eq!(note.map(Gc::<GcStr>::as_str), Some("seven"));
/// });
/// drop(object);
/// mutator.collect();
/// assert_eq!(heap.figures().memory.heap_objects, 4, "the map, its table of two, and what is left of the entry");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[repr(C)]
pub struct WeakMap<'gc, K, V> {
    table: Entries<'gc>,
    turn: Turn,
    /// Invariant, and sent and shared as if they were in cells.
    objects: PhantomData<Cell<(Gc<'gc, K>, Gc<'gc, V>)>>,
}

impl<K, V> WeakMap<'_, K, V> {
    /// An empty map. It takes no memory for entries before the first is inserted.
    #[must_use]
    pub fn new() -> Self {
        Self { table: GcMap::new(), turn: Turn::default(), objects: PhantomData }
    }

    /// How many entries there are. Those of dead keys count until they are taken out.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there are none, not even of dead keys.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }
}

impl<'gc, K: Trace + 'gc, V: Trace + 'gc> WeakMap<'gc, K, V> {
    /// The value of a key, if it has one.
    #[inline]
    #[must_use]
    pub fn get(&self, mu: &Mu<'gc>, key: Gc<'gc, K>) -> Option<Gc<'gc, V>> {
        self.find(key).map(|ephemeron| Self::value(mu, ephemeron))
    }

    /// Whether a key has a value.
    #[inline]
    #[must_use]
    pub fn contains_key(&self, key: Gc<'gc, K>) -> bool {
        self.find(key).is_some()
    }

    /// Gives a key a value, and returns the one it had.
    ///
    /// # Panics
    /// If there is no memory for it; [`WeakMap::try_insert`] returns the error instead.
    pub fn insert(&self, mu: &Mu<'gc>, key: Gc<'gc, K>, value: Gc<'gc, V>) -> Option<Gc<'gc, V>> {
        self.try_insert(mu, key, value).unwrap_or_else(|error| refused(&error))
    }

    /// Gives a key a value, and returns the one it had, or says why not.
    ///
    /// # Errors
    /// See [`AllocError`]. The map is as before.
    pub fn try_insert(
        &self,
        mu: &Mu<'gc>,
        key: Gc<'gc, K>,
        value: Gc<'gc, V>,
    ) -> Result<Option<Gc<'gc, V>>, AllocError> {
        if let Some(ephemeron) = self.find(key) {
            let old = Self::value(mu, ephemeron);
            Gc::get(ephemeron).set_value(Gc::as_ptr(value).cast());
            return Ok(Some(old));
        }
        self.turn.go_on(mu, self.table.len() == self.table.capacity(), |from, groups| {
            self.take_out_dead(mu, from, groups)
        });
        let ephemeron = mu.try_alloc(Ephemeron::new(Gc::as_ptr(key).cast(), Gc::as_ptr(value).cast()))?;
        mu.heap().ephemerons.add(ephemeron);
        self.table.try_insert(mu, Gc::addr(key), ephemeron)?;
        Ok(None)
    }

    /// The value of a key, or, if it has none, the one that `make` makes. `make` may use the map: if the key has a value when it
    /// returns, that one stays.
    ///
    /// # Panics
    /// If there is no memory for it; [`WeakMap::try_get_or_insert_with`] returns the error instead. And with the panics of
    /// `make`: the map is as before, but for what `make` has done.
    pub fn get_or_insert_with(
        &self,
        mu: &Mu<'gc>,
        key: Gc<'gc, K>,
        make: impl FnOnce() -> Gc<'gc, V>,
    ) -> Gc<'gc, V> {
        self.try_get_or_insert_with(mu, key, || Ok(make())).unwrap_or_else(|error| refused(&error))
    }

    /// The same, or says why not.
    ///
    /// # Errors
    /// See [`AllocError`], and with those of `make`. The map is as before, but for what `make` has done.
    ///
    /// # Panics
    /// With the panics of `make`.
    pub fn try_get_or_insert_with(
        &self,
        mu: &Mu<'gc>,
        key: Gc<'gc, K>,
        make: impl FnOnce() -> Result<Gc<'gc, V>, AllocError>,
    ) -> Result<Gc<'gc, V>, AllocError> {
        if let Some(value) = self.get(mu, key) {
            return Ok(value);
        }
        let made = make()?;
        if let Some(value) = self.get(mu, key) {
            return Ok(value);
        }
        self.try_insert(mu, key, made)?;
        Ok(made)
    }

    /// Takes a key out, and returns its value.
    pub fn remove(&self, mu: &Mu<'gc>, key: Gc<'gc, K>) -> Option<Gc<'gc, V>> {
        let value = Self::value(mu, self.find(key)?);
        self.table.remove(mu, &Gc::addr(key));
        Some(value)
    }

    /// Takes all entries out. The room for them stays.
    pub fn clear(&self, mu: &Mu<'gc>) {
        // A cycle that is under way may still find them by the list of all ephemerons, and keeps their values then.
        self.table.clear(mu);
    }

    /// Takes the entries of dead keys out, and gives back room that is not used.
    pub fn shrink_to_fit(&self, mu: &Mu<'gc>) {
        self.turn.go_round(|from, groups| self.take_out_dead(mu, from, groups));
        self.table.shrink_to_fit(mu);
    }

    /// The ephemeron of a key.
    #[inline]
    fn find(&self, key: Gc<'gc, K>) -> Option<Gc<'gc, Ephemeron>> {
        // One that is over was another object's, which had the address before.
        self.table.get(&Gc::addr(key)).filter(|ephemeron| !ephemeron.is_over())
    }

    /// The value of an ephemeron whose key the caller has in its hands. From here the value is in its hands, too.
    #[inline]
    fn value(mu: &Mu<'gc>, ephemeron: Gc<'gc, Ephemeron>) -> Gc<'gc, V> {
        let Some(value) = ephemeron.value() else {
            heap_core::bug!("an ephemeron whose key is in the hands was cleared")
        };
        let (barrier, to) = mu.barrier();
        if !fault::on(Fault::EphemeronUntold) {
            // SAFETY: 1: read above, from an ephemeron of this brand's heap.
            let is_found = unsafe { mu.heap().places.finds(barrier, to, value.addr().get()) };
            if !is_found {
                heap_core::bug!("the value {value:?} of a key that is in the hands was decided to be dead");
            }
        }
        // SAFETY: an ephemeron of this map (W2), whose values are `Gc`s of type `V`, up to their brand (`Rebrand`); it is alive,
        // as its key is.
        unsafe { Gc::from_raw(value.cast()) }
    }

    fn take_out_dead(&self, mu: &Mu<'gc>, from: usize, groups: usize) -> Option<usize> {
        self.table.retain_some(mu, from, groups, |_, ephemeron| !ephemeron.is_over())
    }
}

// SAFETY: 1: the words of the table, which is a field. 2: nothing is elsewhere: keys and values are not kept. 4: it needs no
// drop. (The objects are traced, too, as for a `Gc`.)
unsafe impl<K: Trace, V: Trace> Trace for WeakMap<'_, K, V> {
    const MASK: TypeMask =
        TypeMask::noscan(size_of::<Self>()).with(offset_of!(Self, table), &<Entries<'_>>::MASK);
}

// SAFETY: all brands are replaced.
unsafe impl<K: Rebrand, V: Rebrand> Rebrand for WeakMap<'_, K, V> {
    type At<'gc> = WeakMap<'gc, K::At<'gc>, V::At<'gc>>;
}

impl<K, V> Default for WeakMap<'_, K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> fmt::Debug for WeakMap<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WeakMap of at most {}", self.len())
    }
}
