//! `GcMap`: a hash map in the heap.
//!
//! ```text
//!   GcMap in some object                  its tables, two objects of their own
//!   [groups][entries][mask][len]…         [groups = 1][t][·][t][·]…   sixteen control bytes each, noscan
//!       │       └─────────────────────┐   ▲
//!       └─────────────────────────────┼───┘
//!                                     └─▶ [places = 4][key, value][nothing][key, value][nothing]
//! ```
//!
//! Open addressing in the manner of Abseil's Swiss tables: each place has a control byte, which is a few bits of the hash
//! of the key that is there; a search compares sixteen of them at once and looks at keys only where they agree
//! (`map/group.rs`, `map/table.rs`). The control bytes are in noscan memory, which no marker looks at. The entries are a slice,
//! which a marker scans through the mask of `(K, V)`, all of it: it reads neither the control bytes nor the length. If neither
//! type has references, the entries are noscan memory, too.
//!
//! Invariants
//!   M1  a map has both tables or none; the number of groups is a power of two; there are 16 places for each group, or 4
//!       or 8 in the only one, whose other control bytes are `EMPTY`
//!   M2  a place whose control byte is a tag holds an entry, a whole `(K, V)`
//!   M3  the other places hold nothing: the words that the mask names are zero
//!   M4  `len` is the number of tags, and `left` the number of places that may yet be taken from `EMPTY`; these and what is
//!       `DELETED` are never more than [`room::capacity`], so that one place of each table, at least, is `EMPTY`
//!   M5  tables belong to one map: no other reference to them is ever made, except by who is inside a method or has an
//!       iterator. Nothing is changed in tables that were given up
//!   M6  everything that a map or its tables lead to has the map's brand
//!   M7  `changes` goes up whenever an entry comes or goes, or the tables are exchanged: so who has seen it unchanged still
//!       finds in a place what was there
//!
//! # Beside a marker
//!
//! As for a [`GcVec`](crate::GcVec) (`vec.rs` has the argument): entries are put into places that hold nothing; what goes is
//! shaded and its place cleared; a value that is exchanged is stored as into a [`GcCell`](crate::GcCell); tables that are
//! outgrown keep what is in them and are shaded as a whole (`map/room.rs`).
//!
//! # A user's code inside
//!
//! `Hash`, `Eq` and `Borrow` of keys, the hasher, and closures are called in the middle of operations, by a map that is used
//! through shared references. They may use the same map, panic, and, closures, allocate. So:
//!
//! * They get copies of keys and values, and never a reference into a table.
//! * None is called between the first and the last write of a change: a panic leaves the map as it was before the change.
//! * Tables that are being filled, which takes the hash of each key, are not the map's before they are whole. After a panic
//!   they are garbage.
//! * When the code returns, and what it was asked about is a place of a table, the map has to be unchanged (M7). If not, the
//!   operation panics, since what it knows is void, or asks again where it is the purpose of the code to change something.
//! * Keys whose `Hash` or `Eq` is not what those traits demand are not found, or are there twice. Nothing else comes of it.
//!
//! # Why safe code cannot misuse it
//!
//! For the reasons that the head of `vec.rs` gives for vectors: entries are `Copy` and go in and out by value; a map is not
//! `Sync` and not `Clone`, carries the brand of its heap, and is written to with the `Mu` of the same brand.

mod by;
mod change;
mod drain;
mod entry;
mod group;
mod hasher;
mod iter;
mod room;
mod table;

pub use drain::GcMapDrain;
pub use entry::{GcMapEntry, GcMapOccupied, GcMapVacant};
pub use hasher::MapHasher;
pub use iter::GcMapIter;

use crate::api::slice::GcSlice;
use crate::gc::Gc;
use crate::trace::{Rebrand, Trace};
use core::borrow::Borrow;
use core::cell::{Cell, UnsafeCell};
use core::fmt;
use core::hash::{BuildHasher, Hash};
use core::mem::offset_of;
use heap_core::layout::TypeMask;
use table::{At, Table};

/// The control bytes of a table, as elements that are aligned for a vector.
type Groups<'gc> = Gc<'gc, GcSlice<u128>>;

/// The entries of a table.
type Entries<'gc, K, V> = Gc<'gc, GcSlice<(K, V)>>;

/// What leads to the tables, if there are any.
type Tables<'gc, K, V> = (Option<Groups<'gc>>, Option<Entries<'gc, K, V>>);

/// A hash map in the heap, by the one thread that uses the object it is in.
///
/// It is a field of an object, or an object itself, and leads to tables of its own in the heap. It is changed by shared
/// reference and with the [`Mu`](crate::Mu), as a [`GcVec`](crate::GcVec) is, and like it holds `Copy` values: keys and values go
/// in and out by value. If neither have references, no collector looks into the tables.
///
/// Operations cost what those of a [`HashMap`](std::collections::HashMap) do. While a collection marks, an operation that takes
/// entries out, exchanges values or makes the map grow also tells the collector; inserting does not, once the collector has asked
/// this thread for its roots.
///
/// A string in the heap is found by its bytes: `Gc<GcStr>` can be borrowed as `str`. See also [`GcMap::get_or_insert_by`].
///
/// `Hash` and `Eq` of keys, hashers and closures may use the map that calls them. If they change it under an operation that
/// has looked into it, this operation panics; after a panic, theirs or its own, the map is as it was before the operation
/// or after it.
///
/// ```
/// # extern crate heap_gc as tricolor;
/// use heap_derive::Trace;
/// use tricolor::{Gc, GcMap, GcStr, Heap, Root};
/// # use heap_gc;
///
/// #[derive(Trace)]
/// struct Scope<'gc> {
///     names: GcMap<'gc, Gc<'gc, GcStr>, u64>,
/// }
///
/// let heap = Heap::new()?;
/// let mut mutator = heap.attach()?;
/// let scope: Root<Scope<'static>> = mutator.enter(|mu| {
///     let scope = mu.alloc(Scope { names: GcMap::new() });
///     for (name, value) in [("one", 1), ("two", 2), ("two", 22)] {
///         scope.names.insert(mu, mu.alloc_str(name), value);
///     }
///     mu.root(scope)
/// });
/// mutator.collect();
/// mutator.enter(|mu| {
///     let scope = scope.get(mu);
///     assert_eq!((scope.names.len(), scope.names.get("two")), (2, Some(22)));
/// });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[repr(C)]
pub struct GcMap<'gc, K, V, S = MapHasher> {
    /// Written by its one thread through the barrier; markers read it.
    tables: UnsafeCell<Tables<'gc, K, V>>,
    /// The number of groups, less one; of no meaning without tables.
    mask: Cell<usize>,
    len: Cell<usize>,
    /// See M4.
    left: Cell<usize>,
    /// See M7. It does not come round: at one change a nanosecond that takes five centuries.
    changes: Cell<u64>,
    hasher: S,
}

impl<K: Trace + Copy, V: Trace + Copy> GcMap<'_, K, V> {
    /// An empty map. It takes no memory for entries before the first is inserted.
    #[inline]
    #[must_use]
    pub fn new() -> Self {
        Self::with_hasher(MapHasher::default())
    }
}

impl<K: Trace + Copy, V: Trace + Copy, S> GcMap<'_, K, V, S> {
    /// An empty map that hashes keys in that way.
    ///
    /// Keys and values are not traced by hand:
    ///
    /// ```compile_fail,E0080
    /// # extern crate heap_gc as tricolor;
    /// use tricolor::{GcMap, Trace, TypeMask};
    ///
    /// #[derive(Clone, Copy)]
    /// struct ByHand(u64);
    ///
    /// // SAFETY: it has no reference.
    /// unsafe impl Trace for ByHand {
    ///     const MASK: TypeMask = TypeMask::noscan(8);
    ///     const BY_HAND: bool = true;
    /// }
    ///
    /// let map = GcMap::<ByHand, u64>::new();
    /// ```
    #[inline]
    #[must_use]
    pub const fn with_hasher(hasher: S) -> Self {
        const { assert!(!<(K, V)>::BY_HAND, "a type traced by hand may not change under the collector") };
        Self {
            tables: UnsafeCell::new((None, None)),
            mask: Cell::new(0),
            len: Cell::new(0),
            left: Cell::new(0),
            changes: Cell::new(0),
            hasher,
        }
    }
}

/// Reading.
impl<'gc, K: Copy, V: Copy, S> GcMap<'gc, K, V, S> {
    /// How many entries there are.
    #[inline(always)]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len.get()
    }

    /// Whether there are none.
    #[inline(always)]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many entries there is room for without other memory. It shrinks a little when entries are taken out.
    #[inline(always)]
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.len.get() + self.left.get()
    }

    /// How keys are hashed.
    #[inline]
    #[must_use]
    pub fn hasher(&self) -> &S {
        &self.hasher
    }

    #[inline(always)]
    fn table(&self) -> Option<Table<K, V>> {
        // SAFETY: the map is not `Sync`, so only this thread writes to it; no reference to the words is ever handed out.
        let (groups, entries) = unsafe { *self.tables.get() };
        let groups = groups?;
        // SAFETY: a map has both tables or none (M1).
        let entries = unsafe { entries.unwrap_unchecked() };
        // SAFETY: 1: M1. 2: they are of no use to callers after the `enter` that the map's brand is of.
        Some(unsafe { Table::new(groups, entries, self.mask.get()) })
    }

    /// The entry in a place of the map's table, or of one that it had.
    ///
    /// # Safety
    /// 1. The place holds an entry.
    #[inline(always)]
    unsafe fn entry_in(table: &Table<K, V>, index: usize) -> (K, V) {
        // SAFETY: a place that holds a value (duty 1, M2).
        unsafe { table.place(index).read() }
    }

    /// Where the entry is whose key has that hash and is said to be the one, in the map's table.
    ///
    /// # Panics
    /// If `is` changes the map.
    #[inline(always)]
    fn find(&self, hash: u64, mut is: impl FnMut(&K) -> bool) -> Option<At<K, V>> {
        let table = self.table()?;
        let at = table.find(hash, |index| self.is_key(&table, index, &mut is))?;
        Some((table, at))
    }

    /// Whether the key in a place, which holds an entry, is the one.
    #[inline(always)]
    fn is_key(&self, table: &Table<K, V>, index: usize, is: &mut impl FnMut(&K) -> bool) -> bool {
        let changes = self.changes.get();
        // SAFETY: its control byte was a tag when the group was read, and nothing has changed since: after each call of a user's
        // code that is insisted on.
        let (key, _) = unsafe { Self::entry_in(table, index) };
        let is = is(&key);
        self.insist_unchanged(changes);
        is
    }

    /// A user's code has returned: what is known of the places is still so.
    #[inline(always)]
    fn insist_unchanged(&self, changes: u64) {
        if self.changes.get() != changes {
            changed();
        }
    }

    #[inline(always)]
    fn note_change(&self) {
        self.changes.set(self.changes.get() + 1);
    }
}

#[cold]
#[inline(never)]
fn changed() -> ! {
    panic!("a map was changed by the code that it had called to hash or compare keys");
}

/// Looking keys up.
impl<K: Copy + Eq + Hash, V: Copy, S: BuildHasher> GcMap<'_, K, V, S> {
    /// The value of a key, if it is there.
    #[inline]
    #[must_use]
    pub fn get<Q: ?Sized + Hash + Eq>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        Some(self.get_key_value(key)?.1)
    }

    /// The key that is there, and its value.
    #[inline]
    #[must_use]
    pub fn get_key_value<Q: ?Sized + Hash + Eq>(&self, key: &Q) -> Option<(K, V)>
    where
        K: Borrow<Q>,
    {
        self.get_by(self.hash_of(key), |found| found.borrow() == key)
    }

    /// Whether a key is there.
    #[inline]
    #[must_use]
    pub fn contains_key<Q: ?Sized + Hash + Eq>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get_key_value(key).is_some()
    }
}

// SAFETY: 1: the first two words are null or references of the map's brand, the others numbers and the hasher, which has no
// references: no value with a `'static` brand exists. 2: nothing is elsewhere: the entries' words are in the layout of their
// slice, made from the mask of `(K, V)`, which is not traced by hand (`GcMap::with_hasher`). 4: only the hasher may need a drop,
// reads no reference, and is `Send`.
unsafe impl<K: Trace, V: Trace, S: 'static + Send> Trace for GcMap<'_, K, V, S> {
    const MASK: TypeMask =
        TypeMask::noscan(size_of::<Self>()).with(offset_of!(Self, tables), &<Tables<'_, K, V>>::MASK);
}

// SAFETY: all brands are replaced.
unsafe impl<K: Rebrand, V: Rebrand, S: 'static + Send> Rebrand for GcMap<'_, K, V, S> {
    type At<'gc> = GcMap<'gc, K::At<'gc>, V::At<'gc>, S>;
}

impl<K: Trace + Copy, V: Trace + Copy, S: Default> Default for GcMap<'_, K, V, S> {
    fn default() -> Self {
        Self::with_hasher(S::default())
    }
}

impl<K: Copy + Eq + Hash + fmt::Debug, V: Copy + fmt::Debug, S: BuildHasher> fmt::Debug
    for GcMap<'_, K, V, S>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests;
