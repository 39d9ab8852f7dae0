//! `Arena`: many objects of one type, in a chunk that lives and dies as one.
//!
//! A chunk is a slice of the heap ([`crate::api::slice`]) that grows while it is filled: the header counts the objects that are whole, and
//! who scans, traces or drops a chunk goes by the header. So the places behind are not looked at, and need not be cleared.
//!
//! ```text
//!   [ n ][ object 0 ][ object 1 ] … [ object n - 1 ][ free ] … [ free ]
//!           ↑ a `Gc` leads into the chunk, and keeps all of it
//! ```
//!
//! **References into a chunk.** A `Gc` of an object in a chunk is the address of a place inside a slot. For the collector that is
//! as good as the slot's own: the layout of a slice is off the quick road of marking, where a span's record says in which slot an
//! address lies ([`heap_core::span::map`]); and a slice without references is never looked into, so that it is marked and no more.
//! Nothing is spent on that by objects that are in no chunk.
//!
//! **Nobody looks into a chunk that is being filled.** An arena does not leave the `enter` it was made in. A chunk that its
//! mutator gets black is not scanned in that cycle. One that it gets white may be shaded in the same `enter`, since a reference into it
//! can be stored; it is scanned when every mutator's roots are taken, which is after the end of this `enter`. So an object
//! is written as new objects are ([`crate::mutator`]): whole, by plain stores, and without a barrier.
//!
//! Invariants
//!   N1  `first` is the first place of a chunk of this `enter`'s, which has room for `places` objects, and `len` is not more;
//!       types without a size have no chunks, since a place behind the header would be no byte of the slot
//!   N2  the first `len` places hold objects, and the chunk's header says so
//!   N3  a layout of chunks has no references, or is off the quick road

use crate::gc::{Brand, Gc};
use crate::mutator::{Mu, Room, refused};
use crate::object::{slice_header, slice_places};
use crate::trace::Trace;
use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;
use heap_core::error::AllocError;
use heap_core::fault::{self, Fault};

/// Puts objects of one type into the heap, many to a *chunk*: for what is made together and dies together.
///
/// Objects of 64 bytes and more, of enums with references and of types with a drop take a third to half of the time that they take
/// with [`Mu::alloc`]; small structs, for which that is a few instructions, gain less. What comes out are references as all others are: they may be stored anywhere, rooted, and weak. They
/// outlive the arena, which itself does not leave its `enter`.
///
/// A reference to any object of a chunk keeps the whole chunk: all its objects, also those that nothing leads to any more, and
/// all that they lead to. When the last is gone the next collection finds that, and frees the chunk at once; if the type has a
/// drop, the drops of all its objects run one after another, at one safepoint. So put into one arena what is given up together.
///
/// The same is true of whatever else asks whether an object is dead: weak references and the entries of weak maps end, and cleanups
/// are due, when the chunk is dead. [Finalizers](Mu::set_finalizer) of its objects are due then all at once; but if one of its objects leads to
/// another in the same chunk, or back to the chunk through others, the chunk leads back to itself, and is not found so.
///
/// ```
/// # extern crate heap_gc as tricolor;
/// use heap_derive::Trace;
/// use heap_gc::{Arena, Gc, Heap, Root};
///
/// #[derive(Trace)]
/// struct Node<'gc> {
///     next: Option<Gc<'gc, Node<'gc>>>,
///     value: u64,
/// }
///
/// let heap = Heap::new()?;
/// let mut mutator = heap.attach()?;
/// let root: Root<Node<'static>> = mutator.enter(|mu| {
///     let mut arena = Arena::new(mu, 1000);
///     let mut list = arena.alloc(mu, Node { next: None, value: 0 });
///     for value in 1..1000 {
///         list = arena.alloc(mu, Node { next: Some(list), value });
///     }
///     mu.root(list)
/// });
/// mutator.collect();
/// assert_eq!(mutator.enter(|mu| root.get(mu).next.map(|next| next.value)), Some(998));
/// assert_eq!(heap.figures().memory.heap_objects, 1, "the chunk");
/// drop(root);
/// mutator.collect();
/// assert_eq!(heap.figures().memory.heap_objects, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Arena<'gc, T> {
    first: NonNull<T>,
    len: usize,
    places: usize,
    brand: Brand<'gc>,
    /// Objects are moved into it.
    objects: PhantomData<T>,
}

impl<'gc, T: Trace + 'gc> Arena<'gc, T> {
    /// An arena whose chunks have room for `count` objects, or for some more, and the first chunk.
    ///
    /// # Panics
    /// If there is no memory for it; [`Arena::try_new`] returns the error instead.
    #[must_use = "an arena that is not used has taken a chunk for nothing"]
    pub fn new(mu: &Mu<'gc>, count: usize) -> Self {
        Self::try_new(mu, count).unwrap_or_else(|error| refused(&error))
    }

    /// An arena, or why not.
    ///
    /// # Errors
    /// See [`AllocError`]: also for a `count` whose bytes do not fit in the address space, and for alignments above a page.
    pub fn try_new(mu: &Mu<'gc>, count: usize) -> Result<Self, AllocError> {
        let places = slice_places::<T>(count.max(1));
        let first = if const { size_of::<T>() == 0 } { NonNull::dangling() } else { chunk(mu, places)? };
        Ok(Self { first, len: 0, places, brand: PhantomData, objects: PhantomData })
    }

    /// Puts a value into the heap: into the chunk, or into a new one if it is full.
    ///
    /// # Panics
    /// If there is no memory for a new chunk; [`Arena::try_alloc`] returns the error instead.
    #[inline(always)]
    pub fn alloc(&mut self, mu: &Mu<'gc>, value: T) -> Gc<'gc, T> {
        if const { size_of::<T>() == 0 } {
            return mu.alloc(value);
        }
        if self.len == self.places {
            (self.first, self.len) = (chunk_or_panic(mu, self.places), 0);
        }
        self.put(value)
    }

    /// Puts a value into the heap, or says why not. The value is dropped then.
    ///
    /// # Errors
    /// See [`AllocError`]. The heap and the arena are as before.
    #[inline]
    pub fn try_alloc(&mut self, mu: &Mu<'gc>, value: T) -> Result<Gc<'gc, T>, AllocError> {
        if const { size_of::<T>() == 0 } {
            return mu.try_alloc(value);
        }
        if self.len == self.places {
            (self.first, self.len) = (chunk(mu, self.places)?, 0);
        }
        Ok(self.put(value))
    }

    /// For how many objects a chunk has room.
    #[inline]
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.places
    }

    /// For how many objects there is room before a new chunk is needed.
    #[inline]
    #[must_use]
    pub fn left(&self) -> usize {
        self.places - self.len
    }

    /// Puts a value into the next place, which there is.
    #[inline(always)]
    fn put(&mut self, value: T) -> Gc<'gc, T> {
        debug_assert!(self.len < self.places);
        // SAFETY: the chunk has a place after the first `len` (N1).
        let place = unsafe { self.first.add(self.len) };
        // SAFETY: valid for writes and aligned (N1), and nobody else has seen it.
        unsafe { place.write(value) };
        self.len += 1;
        if !fault::on(Fault::ArenaUncounted) {
            let header = self.first.as_ptr().cast::<u8>().wrapping_sub(slice_header(align_of::<T>()));
            #[expect(clippy::cast_ptr_alignment, reason = "slots begin with their header word")]
            // SAFETY: the chunk's header word, which nobody reads before the end of this `enter` (see the head of the file).
            unsafe {
                header.cast::<usize>().write(self.len);
            }
        }
        // SAFETY: an initialised object in an allocated slot of this heap.
        unsafe { Gc::from_raw(place) }
    }
}

/// A new chunk with that many places: the first of them.
#[cold]
#[inline(never)]
fn chunk<'gc, T: Trace + 'gc>(mu: &Mu<'gc>, places: usize) -> Result<NonNull<T>, AllocError> {
    let slot = mu.slice_room::<T>(places, Room::AsItIs)?;
    // SAFETY: the slot begins with a header word, and is not seen by others.
    unsafe { slot.cast::<usize>().write(0) };
    debug_assert!(is_as_chunks_are(mu, slot), "N3");
    // SAFETY: the slot has room for its places behind its header.
    Ok(unsafe { slot.add(slice_header(align_of::<T>())) }.cast())
}

/// [`chunk`] for callers that cannot do without. Its answer fits in a register.
#[cold]
#[inline(never)]
fn chunk_or_panic<'gc, T: Trace + 'gc>(mu: &Mu<'gc>, places: usize) -> NonNull<T> {
    chunk(mu, places).unwrap_or_else(|error| refused(&error))
}

/// N3.
fn is_as_chunks_are(mu: &Mu<'_>, slot: NonNull<u8>) -> bool {
    let memory = &mu.heap().memory;
    memory.map().resolve(slot.addr().get()).is_some_and(|found| {
        let layout = memory.entry_of(memory.map().span(found.span)).layout();
        layout.is_noscan() || layout.quick_mask().is_none()
    })
}

impl<T> fmt::Debug for Arena<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Arena with {} of {} places taken", self.len, self.places)
    }
}
