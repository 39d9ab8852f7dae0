//! A vector's buffer: how it is made, outgrown and given up.
//!
//! The new buffer is allocated first: there a mutator may be asked, and the barrier go on or off. From then to
//! the end of the operation nobody asks. It is filled while only this thread knows it, so by plain copies, and is *whole*
//! before it is shaded or stored. Then the vector's word is [replaced](bulk::replace): the old buffer is shaded, with all that it
//! leads to, since it keeps its contents. After the roots are taken the new one is black, and what it leads to was in the
//! hands of this thread, or in the old buffer, or both: it is protected. Before, it is white, and shaded itself, because the
//! vector may be in something that was scanned.
//!
//! With the barrier off a buffer that was given up is kept by the mutator, and is another vector's next ([`crate::spares`]).

use super::{Buffer, GcVec, room};
use crate::barrier::bulk;
use crate::gc::Gc;
use crate::mutator::{Mu, Room, refused};
use crate::object::slice_header;
use crate::trace::Trace;
use core::ptr;
use heap_core::error::AllocError;
use heap_core::fault::{self, Fault};
use heap_core::units::Bytes;

/// The room for elements.
impl<'gc, T: Trace + Copy + 'gc> GcVec<'gc, T> {
    /// An empty vector with room for that many elements, at least.
    ///
    /// # Panics
    /// If there is no memory for it; [`GcVec::try_with_capacity`] returns the error instead.
    #[must_use]
    pub fn with_capacity(mu: &Mu<'gc>, capacity: usize) -> Self {
        Self::try_with_capacity(mu, capacity).unwrap_or_else(|error| refused(&error))
    }

    /// An empty vector with room for that many elements, at least, or why there is none.
    ///
    /// # Errors
    /// See [`AllocError`]: also for more elements than fit in the address space.
    pub fn try_with_capacity(mu: &Mu<'gc>, capacity: usize) -> Result<Self, AllocError> {
        let vec = Self::new();
        vec.try_reserve(mu, capacity)?;
        Ok(vec)
    }

    /// Makes room for that many more elements, at least, and for twice as many as there was.
    ///
    /// # Panics
    /// If there is no memory for it; [`GcVec::try_reserve`] returns the error instead.
    #[inline]
    pub fn reserve(&self, mu: &Mu<'gc>, more: usize) {
        if self.capacity() - self.len() < more {
            self.grow_or_panic(mu, more);
        }
    }

    /// Makes room for that many more elements, or says why not.
    ///
    /// # Errors
    /// See [`AllocError`]: also for more elements than fit in the address space. The vector is as before.
    #[inline]
    pub fn try_reserve(&self, mu: &Mu<'gc>, more: usize) -> Result<(), AllocError> {
        if self.capacity() - self.len() < more { self.grow(mu, more) } else { Ok(()) }
    }

    /// Gives back room that is not used, as far as the heap's size classes let it. If there is no memory for the smaller
    /// buffer, the vector keeps the one it has.
    pub fn shrink_to_fit(&self, mu: &Mu<'gc>) {
        if const { size_of::<T>() == 0 } {
            return;
        }
        if self.is_empty() {
            self.exchange_buffer(mu, None);
        } else if room::rounded::<T>(self.len()) < self.capacity() {
            // Refused: as before.
            let _refusal = self.move_to_room_for(mu, self.len());
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn grow_or_panic(&self, mu: &Mu<'gc>, more: usize) {
        self.grow(mu, more).unwrap_or_else(|error| refused(&error));
    }

    /// The slow twin of [`GcVec::reserve`].
    #[cold]
    #[inline(never)]
    fn grow(&self, mu: &Mu<'gc>, more: usize) -> Result<(), AllocError> {
        let too_large = AllocError::TooLarge { count: usize::MAX, size: Bytes::new(size_of::<T>()) };
        let least = self.len().checked_add(more).ok_or(too_large)?;
        self.move_to_room_for(mu, room::grown::<T>(self.capacity(), least))
    }

    /// Moves the elements to a buffer with room for that many, which are not fewer. See the head of the file.
    fn move_to_room_for(&self, mu: &Mu<'gc>, count: usize) -> Result<(), AllocError> {
        let places = room::rounded::<T>(count);
        let (slot, room) = mu.buffer_slot::<T>(places)?;
        // SAFETY: the slot begins with a header word, and is not seen by others.
        unsafe { slot.cast::<usize>().write(places) };
        let first = slot.as_ptr().wrapping_add(slice_header(align_of::<T>())).cast::<T>();
        // SAFETY: the elements are whole (V2); the slot has room for them after its header, aligned for them, and is new.
        unsafe { ptr::copy_nonoverlapping(self.place(0), first, self.len()) };
        if room == Room::AsItIs && const { !T::MASK.is_noscan() } && !fault::on(Fault::PlacesUncleared) {
            // SAFETY: the places behind the elements, of which there are as many as the header says, and which nobody has seen.
            unsafe { first.wrapping_add(self.len()).write_bytes(0, places - self.len()) };
        }
        // SAFETY: the address of an allocated slot of this heap with its header. That not all its elements are values is this
        // module's to know (V2): nobody else gets the reference (V4).
        self.exchange_buffer(mu, Some(unsafe { Gc::from_raw(slot.cast()) }));
        Ok(())
    }

    /// Points the vector to another buffer, which holds the same elements.
    fn exchange_buffer(&self, mu: &Mu<'gc>, buffer: Buffer<'gc, T>) {
        let old = self.buffer();
        let (barrier, to) = mu.barrier();
        // SAFETY: 1: the vector's own word, which only this thread writes. 2: V5, and the buffer is whole. 3: nobody writes to a
        // buffer that was given up.
        unsafe { bulk::replace(barrier, to, self.buffer.get(), buffer) };
        if let Some(old) = old {
            // Nothing leads there any more: no other reference was ever made (V4).
            mu.give_up_buffer::<T>(Gc::as_ptr(old).cast(), old.len());
        }
    }
}
