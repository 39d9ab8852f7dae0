//! How much room a map has, and how it gets more.
//!
//! New tables are allocated first: there a mutator may be asked, and the barrier go on or off. Then they are filled while
//! only this thread knows them, so by plain copies. The hash of each key is asked for, which is a user's code: if it panics, or
//! changes the map, the new tables are garbage and the map is what it was. When they are *whole*, the map's words are
//! [replaced](bulk::replace): the old tables are shaded, and keep their contents, so whoever scans them finds every entry. The
//! argument is that of `vec/buffer.rs`.

use super::group::{WIDTH, tag};
use super::table::{Table, Walk};
use super::{Entries, GcMap, Groups, MapHasher};
use crate::barrier::{Barrier, bulk};
use crate::gc::Gc;
use crate::mutator::{Mu, refused};
use crate::trace::Trace;
use core::hash::{BuildHasher, Hash};
use core::ptr::NonNull;
use heap_core::error::AllocError;
use heap_core::fault::Fault;
use heap_core::units::Bytes;

/// How many of that many places may be taken: seven of eight. So every search ends soon, at a place that never was.
pub(super) const fn capacity(places: usize) -> usize {
    if places < 8 { places.saturating_sub(1) } else { places / 8 * 7 }
}

/// The least number of places of which that many may be taken.
fn places_for(count: usize) -> Option<usize> {
    match count {
        0..4 => Some(4),
        4..8 => Some(8),
        _ => count.checked_mul(8)?.div_ceil(7).checked_next_power_of_two(),
    }
}

/// Room.
impl<'gc, K: Trace + Copy + Eq + Hash + 'gc, V: Trace + Copy + 'gc, S: BuildHasher> GcMap<'gc, K, V, S> {
    /// An empty map with room for that many entries, at least, which hashes keys in that way.
    ///
    /// # Panics
    /// If there is no memory for it; [`GcMap::try_with_capacity_and_hasher`] returns the error instead.
    #[must_use]
    pub fn with_capacity_and_hasher(mu: &Mu<'gc>, capacity: usize, hasher: S) -> Self {
        Self::try_with_capacity_and_hasher(mu, capacity, hasher).unwrap_or_else(|error| refused(&error))
    }

    /// An empty map with room for that many entries, at least, which hashes keys in that way, or why there is none.
    ///
    /// # Errors
    /// See [`AllocError`]: also for more entries than fit in the address space. The hasher is dropped.
    pub fn try_with_capacity_and_hasher(
        mu: &Mu<'gc>,
        capacity: usize,
        hasher: S,
    ) -> Result<Self, AllocError> {
        let map = Self::with_hasher(hasher);
        map.try_reserve(mu, capacity)?;
        Ok(map)
    }

    /// Makes room for that many more entries, at least.
    ///
    /// # Panics
    /// If there is no memory for it ([`GcMap::try_reserve`] returns the error instead), and with the panics of the keys' hash.
    pub fn reserve(&self, mu: &Mu<'gc>, more: usize) {
        self.try_reserve(mu, more).unwrap_or_else(|error| refused(&error));
    }

    /// Makes room for that many more entries, or says why not.
    ///
    /// # Errors
    /// See [`AllocError`]: also for more entries than fit in the address space. The map is as before.
    pub fn try_reserve(&self, mu: &Mu<'gc>, more: usize) -> Result<(), AllocError> {
        if more > self.left.get() { self.grow(mu, more) } else { Ok(()) }
    }

    /// Gives back room that is not used. If there is no memory for smaller tables, the map keeps those it has.
    ///
    /// # Panics
    /// With the panics of the keys' hash.
    pub fn shrink_to_fit(&self, mu: &Mu<'gc>) {
        if self.is_empty() {
            self.exchange_tables(mu, None);
        } else if let Some(places) = places_for(self.len())
            && places < self.places()
        {
            // Refused: as before.
            let _refusal = self.move_to(mu, places);
        }
    }

    /// The slow twin of [`GcMap::try_reserve`]. If a good part of the places are deleted ones, new tables of the same size are
    /// enough.
    #[cold]
    #[inline(never)]
    pub(super) fn grow(&self, mu: &Mu<'gc>, more: usize) -> Result<(), AllocError> {
        let too_large = AllocError::TooLarge { count: usize::MAX, size: Bytes::new(size_of::<(K, V)>()) };
        let least = self.len().checked_add(more).ok_or(too_large)?;
        let now = capacity(self.places());
        let least = if least <= now / 2 { now } else { least.max(now + 1) };
        self.move_to(mu, places_for(least).ok_or(too_large)?)
    }

    /// Moves the entries to tables with that many places, of which enough may be taken. See the head of the file.
    fn move_to(&self, mu: &Mu<'gc>, places: usize) -> Result<(), AllocError> {
        let groups = places.div_ceil(WIDTH);
        let slot = mu.slice_slot::<u128>(groups)?;
        // SAFETY: a new slot for as many elements.
        let to_groups: Groups<'gc> = unsafe { slice(slot, groups) };
        let slot = mu.slice_slot::<(K, V)>(places)?;
        // SAFETY: as above. That not all its elements are values is this module's to know (M3): nobody else gets the reference
        // (M5).
        let to_entries: Entries<'gc, K, V> = unsafe { slice(slot, places) };
        // SAFETY: 1: their control bytes are written next. 2: so is all of this function.
        let to = unsafe { Table::new(to_groups, to_entries, groups - 1) };
        // SAFETY: a new slice holds nothing (`slice_slot`).
        unsafe { to.set_empty() };
        let changes = self.changes.get();
        if let Some(from) = self.table() {
            for index in Walk::new(from) {
                // SAFETY: the place holds an entry, since the map is unchanged: it was asked after each call of a user's code.
                let entry = unsafe { Self::entry_in(&from, index) };
                let hash = self.hash_of(&entry.0);
                self.insist_unchanged(changes);
                let at = to.free(hash);
                debug_assert!(at < places, "M4: {at} is a free place of {places}");
                // SAFETY: a place of new tables that holds nothing, of which no others know.
                unsafe { to.place(at).write(entry) };
                // SAFETY: 1: a place. 2: it holds an entry now, with that hash.
                unsafe { to.set_byte(at, tag(hash)) };
            }
        }
        self.exchange_tables(mu, Some((to_groups, to_entries, places)));
        Ok(())
    }

    /// Points the map to other tables, which hold the same entries and have that many places.
    fn exchange_tables(&self, mu: &Mu<'gc>, new: Option<(Groups<'gc>, Entries<'gc, K, V>, usize)>) {
        let (tables, mask, capacity) = match new {
            Some((groups, entries, places)) => {
                ((Some(groups), Some(entries)), places.div_ceil(WIDTH) - 1, capacity(places))
            }
            None => ((None, None), 0, 0),
        };
        let (barrier, to) = mu.barrier();
        let off = Barrier::off_if(Fault::RehashUnshaded);
        let barrier = off.as_ref().unwrap_or(barrier);
        // SAFETY: 1: the map's own words, which only this thread writes. 2: M6, and the tables are whole. 3: M5.
        unsafe { bulk::replace(barrier, to, self.tables.get(), tables) };
        self.mask.set(mask);
        self.left.set(capacity - self.len());
        self.note_change();
    }
}

impl<'gc, K: Trace + Copy + Eq + Hash + 'gc, V: Trace + Copy + 'gc> GcMap<'gc, K, V> {
    /// An empty map with room for that many entries, at least.
    ///
    /// # Panics
    /// If there is no memory for it; [`GcMap::try_with_capacity`] returns the error instead.
    #[must_use]
    pub fn with_capacity(mu: &Mu<'gc>, capacity: usize) -> Self {
        Self::with_capacity_and_hasher(mu, capacity, MapHasher::default())
    }

    /// An empty map with room for that many entries, at least, or why there is none.
    ///
    /// # Errors
    /// See [`AllocError`]: also for more entries than fit in the address space.
    pub fn try_with_capacity(mu: &Mu<'gc>, capacity: usize) -> Result<Self, AllocError> {
        Self::try_with_capacity_and_hasher(mu, capacity, MapHasher::default())
    }
}

impl<K, V, S> GcMap<'_, K, V, S> {
    /// How many places there are.
    pub(super) fn places(&self) -> usize {
        // SAFETY: as in `GcMap::table`.
        let (_, entries) = unsafe { *self.tables.get() };
        entries.map_or(0, |entries| entries.len())
    }
}

/// A slot as a slice of `len` elements, which are written later.
///
/// # Safety
/// 1. The slot is new, of the heap that `'gc` is the brand of, and made for a slice of that many elements.
unsafe fn slice<'gc, T>(slot: NonNull<u8>, len: usize) -> Gc<'gc, super::GcSlice<T>> {
    // SAFETY: the slot begins with a header word, and is not seen by others.
    unsafe { slot.cast::<usize>().write(len) };
    // SAFETY: the address of an allocated slot of this heap with its header (duty 1).
    unsafe { Gc::from_raw(slot.cast()) }
}
