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
//!
//! # A vector that its owner gives back
//!
//! Who has a vector by value has it in no object: what is in one cannot be moved out, and a vector is not `Copy`. So
//! [`GcVec::give_back`] takes the last way to a buffer (V4), as growing does. That nobody looks there any more, in detail:
//!
//! * *Borrows.* What borrows the vector, an iterator, has ended when it is moved, and keeps an index, not a pointer. Elements
//!   come out as copies ([`GcVec::drain`] gives copies, too); what they lead to are other objects.
//! * *Other handles.* No `Gc` to a buffer is ever made, nor a slice of it. A `GcSlice` of the same elements is a copy of them.
//! * *Other heaps.* The brand of the `Mu` is that of the vector, and of one `enter` of one mutator. A vector that a
//!   [`Pool`](crate::Pool) kept has the brand of the `enter` that has taken it out, and the pool does not have it any more.
//! * *Markers.* With the barrier off none looks into an object. With it on one may: a pool's vector is a root, and its buffer is
//!   grey. So the buffer keeps what it holds, and is garbage.
//!
//! **Why nothing is shaded.** A vector that is dropped is erased from a variable, and not from a field of an object. What
//! variables hold is not in the collector's sight; that is the head of `barrier.rs`, and the same with every `Gc` that goes out
//! of scope.

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
        } else if room::rounded::<T>(self.len()).0 < self.capacity() {
            // Refused: as before.
            let _refusal = self.move_to_room_for(mu, self.len());
        }
    }

    /// Ends the vector and hands its memory to the next one that needs as much, without a collection.
    ///
    /// A vector that is garbage is freed by a collection; this one is in nobody's object, so it need not be waited for. It is
    /// never needed: a vector that is not given back costs memory until the next collection, and nothing else.
    ///
    /// It takes a few instructions. The memory is kept by this mutator, one piece of each size and kind of elements, until a
    /// cycle begins. It is left to the collector if a cycle marks at this moment, if there are more than 32 KiB of it, and if
    /// allocations are sampled or were ([`HeapBuilder::sampler`](crate::HeapBuilder::sampler)).
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// use tricolor::{GcVec, Heap};
    /// let heap = Heap::new()?;
    /// let sum: u64 = heap.attach()?.enter(|mu| {
    ///     let mut sum = 0;
    ///     for round in 0..100 {
    ///         // From the second round on in memory that is there, and in the cache.
    ///         let numbers = GcVec::new();
    ///         numbers.extend(mu, 0..round);
    ///         sum += numbers.iter().sum::<u64>();
    ///         numbers.give_back(mu);
    ///     }
    ///     sum
    /// });
    /// assert_eq!(sum, 161_700);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn give_back(self, mu: &Mu<'gc>) {
        if let Some(buffer) = self.buffer() {
            // Nothing leads there any more: see the head of the file.
            mu.give_up_buffer::<T>(Gc::as_ptr(buffer).cast(), buffer.len(), Fault::GivenBackWhileMarking);
        }
    }

    #[inline]
    pub(super) fn grow_or_panic(&self, mu: &Mu<'gc>, more: usize) {
        self.grow(mu, more).unwrap_or_else(|error| refused(&error));
    }

    /// The slow twin of [`GcVec::reserve`]. It is not cold: a vector that grows from nothing is here once for each doubling.
    #[inline(never)]
    fn grow(&self, mu: &Mu<'gc>, more: usize) -> Result<(), AllocError> {
        let too_large = AllocError::TooLarge { count: usize::MAX, size: Bytes::new(size_of::<T>()) };
        let least = self.len().checked_add(more).ok_or(too_large)?;
        self.move_to_room_for(mu, room::grown::<T>(self.capacity(), least))
    }

    /// Moves the elements to a buffer with room for that many, which are not fewer. See the head of the file.
    #[inline]
    fn move_to_room_for(&self, mu: &Mu<'gc>, count: usize) -> Result<(), AllocError> {
        let (places, class) = room::rounded::<T>(count);
        let (slot, room) = mu.buffer_slot::<T>(places, class)?;
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
    #[inline]
    fn exchange_buffer(&self, mu: &Mu<'gc>, buffer: Buffer<'gc, T>) {
        let old = self.buffer();
        let (barrier, to) = mu.barrier();
        // SAFETY: 1: the vector's own word, which only this thread writes. 2: V5, and the buffer is whole. 3: nobody writes to a
        // buffer that was given up.
        unsafe { bulk::replace(barrier, to, self.buffer.get(), buffer) };
        if let Some(old) = old {
            // Nothing leads there any more: no other reference was ever made (V4).
            mu.give_up_buffer::<T>(Gc::as_ptr(old).cast(), old.len(), Fault::SpareWhileMarking);
        }
    }
}
