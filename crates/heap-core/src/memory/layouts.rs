//! The layouts of a heap: entries by number, made when they are first used and kept for as long as the heap.

use super::Memory;
use crate::central::Entry;
use crate::error::AllocError;
use crate::layout::{FIXED_LAYOUTS, Layout, LayoutId, fixed};
use crate::size_class::SizeClass;
use crate::span::Span;
use crate::sync::atomic::Ordering::{AcqRel, Acquire};
use crate::units::narrow;
use core::ptr;

/// Layouts of one heap, at most. Past it, shapes share a superset mask per size class.
pub const MOST_LAYOUTS: usize = 4096;

impl Memory {
    /// The entry of a layout number.
    ///
    /// # Panics
    /// If no layout has the number.
    #[must_use]
    pub fn entry(&self, id: LayoutId) -> &Entry {
        let slot = self.entries.get(id.index());
        let found = slot.load(Acquire);
        if found.is_null() {
            assert!(id.index() < FIXED_LAYOUTS, "no layout has the number {}", id.index());
            return self.set_entry(Entry::new(id, fixed(id), self.seats.shards()));
        }
        // SAFETY: a non-null pointer came from `Box::into_raw` in `set_entry`, and is freed when `self` is dropped.
        unsafe { &*found }
    }

    /// The entry of a layout number, if it was ever used.
    #[must_use]
    pub fn known_entry(&self, id: LayoutId) -> Option<&Entry> {
        let found = self.entries.get(id.index()).load(Acquire);
        // SAFETY: as in `entry`.
        (!found.is_null()).then(|| unsafe { &*found })
    }

    /// The entries of all layouts that were ever used.
    pub(crate) fn all_entries(&self) -> impl Iterator<Item = &Entry> {
        // Registered ones have numbers without gaps.
        (0..MOST_LAYOUTS)
            .map(|number| (number, self.known_entry(LayoutId::new(narrow(number)))))
            .take_while(|(number, entry)| *number < FIXED_LAYOUTS || entry.is_some())
            .filter_map(|(_, entry)| entry)
    }

    fn set_entry(&self, entry: Entry) -> &Entry {
        let slot = self.entries.get(entry.id().index());
        let fresh = Box::into_raw(Box::new(entry));
        match slot.compare_exchange(ptr::null_mut(), fresh, AcqRel, Acquire) {
            // SAFETY: from `Box::into_raw` just now; published for good.
            Ok(_) => unsafe { &*fresh },
            Err(first) => {
                // SAFETY: from `Box::into_raw` just now, and nobody else has seen it.
                drop(unsafe { Box::from_raw(fresh) });
                // SAFETY: as in `entry`.
                unsafe { &*first }
            }
        }
    }

    /// The number of a layout, registering it if it is new. A layout without drop and trace past the
    /// [`MOST_LAYOUTS`]th gets its class's superset.
    ///
    /// # Errors
    /// [`AllocError::Layouts`] if a layout with a drop or a trace function comes when all numbers are taken.
    pub fn register(&self, layout: &Layout) -> Result<LayoutId, AllocError> {
        let mut registered = self.registered.lock();
        if let Some(id) = registered.get(layout) {
            return Ok(*id);
        }
        let next = FIXED_LAYOUTS + registered.len();
        // The last numbers are the supersets', one for each class.
        let has_room = next + SizeClass::COUNT < MOST_LAYOUTS;
        let superset = Layout::superset(layout.class);
        let layout = if has_room || *layout == superset {
            layout.clone()
        } else {
            if layout.drop.is_some() || layout.trace.is_some() {
                return Err(AllocError::Layouts { most: MOST_LAYOUTS });
            }
            superset
        };
        if let Some(id) = registered.get(&layout) {
            return Ok(*id);
        }
        if next >= MOST_LAYOUTS {
            crate::bug!("{} layouts are registered, and the supersets do not fit", registered.len());
        }
        let id = LayoutId::new(narrow(next));
        self.set_entry(Entry::new(id, layout.clone(), self.seats.shards()));
        registered.insert(layout, id);
        Ok(id)
    }

    /// The entry of a span in use.
    ///
    /// # Panics
    /// If the span is free.
    #[inline]
    #[must_use]
    pub fn entry_of(&self, span: &Span) -> &Entry {
        self.entry_if_used(span).expect("a free span has no layout")
    }

    /// The entry of a span; `None` if the record is free.
    #[inline]
    pub(super) fn entry_if_used(&self, span: &Span) -> Option<&Entry> {
        // SAFETY: what a record has as its entry is null, or one of this heap's (`new_span`), which live as long as the heap.
        unsafe { span.entry().cast::<Entry>().as_ref() }
    }
}
