//! Slots for what has no place known at compile time: slices, large objects, layouts of a heap that were registered.

use super::Mu;
use super::known::Key;
use super::pay::Counted;
use crate::config::LayoutPolicy;
use crate::object::{TypeInfo, Typed, slice_fit, slice_header};
use crate::sampler::Label;
use crate::trace::Trace;
use core::ptr::NonNull;
use heap_core::error::AllocError;
use heap_core::fault::{self, Fault};
use heap_core::layout::{Layout, LayoutId};
use heap_core::size_class::{MAX_SMALL, SizeClass};
use heap_core::units::{Bytes, PAGE_BYTES, WORD_BYTES};

/// What is in the room for elements that may have references.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Room {
    /// Zeros.
    Cleared,
    /// Anything: nobody looks past the number of elements in the header.
    AsItIs,
}

impl<'gc> Mu<'gc> {
    /// A large object of a layout.
    pub(crate) fn alloc_large(
        &self,
        id: LayoutId,
        bytes: usize,
        zeroed: bool,
        label: Label,
    ) -> Result<NonNull<u8>, AllocError> {
        let heap = &self.mutator.heap;
        let memory = &heap.memory;
        let begun = heap.world.pauses().begin();
        let birth = self.part.cache.birth(memory);
        let slot = heap_core::large::alloc(memory, memory.entry(id), Bytes::new(bytes), zeroed, birth);
        if let Some(begun) = begun {
            self.note_refill(begun);
        }
        let pages = Bytes::new(bytes).pages_ceil().bytes();
        if let Ok(start) = slot
            && let Some(mean) = self.part.cache.sample_large(memory, pages)
        {
            heap.samples.note(memory, start.addr().get(), label, pages, mean);
        }
        self.pay(slot, Bytes::new(bytes), Counted::Yes)
    }

    /// The next slot of a layout, if its run has one.
    #[inline(always)]
    pub(crate) fn bump_any(&self, id: LayoutId, stride: usize) -> Option<NonNull<u8>> {
        self.part.cache.alloc_any(id, stride)
    }

    /// A slot of a layout, as it is.
    #[inline]
    pub(crate) fn slot(&self, id: LayoutId, stride: usize, label: Label) -> Result<NonNull<u8>, AllocError> {
        match self.part.cache.alloc_any(id, stride) {
            Some(slot) => Ok(slot),
            None => self.slot_slow(id, label),
        }
    }

    #[cold]
    #[inline(never)]
    fn slot_slow(&self, id: LayoutId, label: Label) -> Result<NonNull<u8>, AllocError> {
        self.poll();
        let slot = self.refill(id);
        self.settle(id, slot, label)
    }

    /// The next slot for a type without a fixed layout, if the number of its layout is known and its run has one.
    #[inline(always)]
    pub(super) fn bump_known(&self, info: &'static TypeInfo) -> Option<NonNull<u8>> {
        let id = self.mutator.known.get(Key::of(info, info.class))?;
        self.part.cache.alloc_any(id, info.stride)
    }

    /// The number of a layout that has no fixed one.
    pub(super) fn layout(
        &self,
        info: &'static TypeInfo,
        class: SizeClass,
        make: impl FnOnce(bool) -> Layout,
    ) -> Result<LayoutId, AllocError> {
        let key = Key::of(info, class);
        if let Some(id) = self.mutator.known.find(key) {
            return Ok(id);
        }
        let mut layout = make(self.mutator.heap.layouts == LayoutPolicy::PerType);
        if fault::on(Fault::NoscanMisclass) && layout.exact.len() == 1 && layout.exact[0].count_ones() == 1 {
            layout.exact.clear();
        }
        let id = self.mutator.heap.memory.register(&layout)?;
        self.mutator.known.insert(key, id);
        Ok(id)
    }

    /// The slot of a slice of `len` elements, all zeros if the elements may have references. The header is the caller's to write.
    pub(crate) fn slice_slot<T: Trace + 'gc>(&self, len: usize) -> Result<NonNull<u8>, AllocError> {
        self.slice_room::<T>(len, Room::Cleared)
    }

    /// The slot of a vector's buffer of a class, which may be one that another has outgrown, and what is in it. The header is the
    /// caller's to write, and what the mask names in each place, before anything is asked of the mutator again.
    #[inline]
    pub(crate) fn buffer_slot<T: Trace + 'gc>(
        &self,
        places: usize,
        class: SizeClass,
    ) -> Result<(NonNull<u8>, Room), AllocError> {
        if !class.is_large()
            && let Some(spare) = self.part.spares.take(self.slice_layout(T::ELEMENT, class)?)
        {
            return Ok((spare, Room::AsItIs));
        }
        // A large one may be known to be clear.
        let room = if class.is_large() { Room::Cleared } else { Room::AsItIs };
        Ok((self.slice_room::<T>(places, room)?, room))
    }

    /// Takes the slot of a buffer with so many places that its vector does not lead to any more. It is used again, if it can be:
    /// that it is while a cycle marks is the `mistake` of who gives it up.
    #[inline]
    pub(crate) fn give_up_buffer<T: Trace + 'gc>(&self, slot: NonNull<u8>, places: usize, mistake: Fault) {
        let class = slice_fit::<T>(places).1;
        // What is sampled has to be allocated, what was sampled is in the profile until it is freed, and with the barrier on the
        // buffer keeps what it holds.
        if !class.is_large()
            && !self.mutator.heap.memory.sampling().has_sampled()
            && (!self.part.barrier.is_on() || fault::on(mistake))
            && let Ok(id) = self.slice_layout(T::ELEMENT, class)
        {
            self.part.spares.put(id, slot);
        }
    }

    /// The number of the layout of slices of such elements in a size class.
    #[inline(always)]
    fn slice_layout(&self, info: &'static TypeInfo, class: SizeClass) -> Result<LayoutId, AllocError> {
        if is_plain(info) && !class.is_large() && self.mutator.heap.layouts == LayoutPolicy::SharedByShape {
            return Ok(LayoutId::new(u32::from(class.get())));
        }
        match self.mutator.known.get(Key::of(info, class)) {
            Some(id) => Ok(id),
            None => self.slice_layout_slow(info, class),
        }
    }

    #[cold]
    #[inline(never)]
    fn slice_layout_slow(&self, info: &'static TypeInfo, class: SizeClass) -> Result<LayoutId, AllocError> {
        self.layout(info, class, |name_it| info.slice_layout(class, name_it))
    }

    /// The slot of a slice of `len` elements. The header is the caller's to write, before anything is asked of the mutator again.
    pub(crate) fn slice_room<T: Trace + 'gc>(
        &self,
        len: usize,
        room: Room,
    ) -> Result<NonNull<u8>, AllocError> {
        let info = T::ELEMENT;
        let (bytes, class) = slice_class(info, len)?;
        let is_plain = is_plain(info);
        let id = self.slice_layout(info, class)?;
        let slot = if class.is_large() {
            self.poll();
            debug_assert!(bytes > MAX_SMALL || info.align > 8);
            self.alloc_large(id, bytes, !is_plain && room == Room::Cleared, Label::Type(info.name))?
        } else {
            let slot = self.slot(id, class.size().get(), Label::Type(info.name))?;
            if !is_plain && room == Room::Cleared && !fault::on(Fault::PlacesUncleared) {
                // SAFETY: the slot is this mutator's, and as large as its class.
                unsafe { slot.write_bytes(0, class.size().get()) };
            }
            slot
        };
        Ok(slot)
    }
}

/// Whether elements have no references, no drop and nothing to trace by hand.
#[inline]
fn is_plain(info: &TypeInfo) -> bool {
    info.mask.is_noscan() && info.drop.is_none() && info.trace.is_none()
}

/// The bytes of a slice of so many elements, and their size class.
#[inline]
fn slice_class(info: &TypeInfo, len: usize) -> Result<(usize, SizeClass), AllocError> {
    if info.align > PAGE_BYTES {
        return Err(AllocError::Alignment { asked: Bytes::new(info.align) });
    }
    let too_large = AllocError::TooLarge { count: len, size: Bytes::new(info.size) };
    let bytes = len.checked_mul(info.size).and_then(|bytes| bytes.checked_add(slice_header(info.align)));
    let bytes = bytes.filter(|&bytes| isize::try_from(bytes).is_ok()).ok_or(too_large)?;
    Ok((bytes, SizeClass::for_bytes_aligned(bytes.next_multiple_of(WORD_BYTES), info.align)))
}
