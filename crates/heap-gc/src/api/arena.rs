//! `Arena`: many objects of one type, in a chunk that lives and dies as one.
//!
//! A chunk is a slice of the heap ([`crate::api::slice`]) that grows while it is filled: the header counts the objects that are
//! whole, and who scans, traces or drops a chunk goes by the header. So the places behind are not looked at, and need not be
//! cleared.
//!
//! ```text
//!   [ n ][ object 0 ][ object 1 ] … [ object n - 1 ][ free ] … [ free ]
//!           ↑ a `Gc` leads into the chunk, and keeps all of it
//! ```
//!
//! **References into a chunk.** A `Gc` of an object in a chunk is the address of a place inside a slot. For the collector that is
//! as good as the slot's own: the layout of a slice is off the quick road of marking, where a span's record says in which slot an
//! address lies ([`heap_core::span::map`]); and a slice without references is never looked into, so that it is marked and no
//! more. Nothing is spent on that by objects that are in no chunk.
//!
//! **Nobody looks into a chunk that is being filled.** An arena does not leave the `enter` it was made in. A chunk that its
//! mutator gets black is not scanned in that cycle. One that it gets white may be shaded in the same `enter`, since a reference
//! into it can be stored; it is scanned when every mutator's roots are taken, which is after the end of this `enter`. So an
//! object is written as new objects are ([`crate::mutator`]): whole, by plain stores, and without a barrier.
//!
//! **Counting at the end.** So the header may as well be written once, when no more is put into the chunk, if that is sure to
//! come before the end of this `enter`. [`Arena::fill`] makes sure: what fills the chunk is lent to a closure, which can neither
//! keep nor forget it, and the count is written when the closure returns or panics. An object is then put into the chunk by a
//! comparison of two addresses, a bump, and the writing of the object.
//!
//! Invariants
//!   N1  `first` is the first place of a chunk of this `enter`'s, which has room for `places` objects, and `len` is not more;
//!       types without a size have no chunks, since a place behind the header would be no byte of the slot
//!   N2  the first `len` places hold objects, and the chunk's header says so; while the chunk is lent, those from `first` to
//!       `next` do, the places from there to `end` are free, and the header says no more than that
//!   N3  a layout of chunks has no references, or is off the quick road

use crate::gc::{Brand, Gc};
use crate::mutator::{Mu, Room, refused};
use crate::object::{slice_fit, slice_header};
use crate::trace::Trace;
use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;
use heap_core::error::AllocError;
use heap_core::fault::{self, Fault};
use heap_core::prefetch::prefetch_block;

/// Puts objects of one type into the heap, many to a *chunk*: for what is made together and dies together.
///
/// [`Arena::fill`] is how to put many objects into it: it takes less than half of the processor time that [`Mu::alloc`] takes,
/// for objects with a drop a tenth or less; of a recursion, which takes most of its time for itself, three quarters.
/// [`Arena::alloc`] is a little slower, and needs no closure. What comes out are references as all others are: they may be stored
/// anywhere, rooted, and weak. They outlive the arena, which itself does not leave its `enter`.
///
/// A reference to any object of a chunk keeps the whole chunk: all its objects, also those that nothing leads to any more, and
/// all that they lead to. When the last is gone the next collection finds that, and frees the chunk at once; if the type has a
/// drop, the drops of all its objects run one after another, at one safepoint. So put into one arena what is given up together.
///
/// The same is true of whatever else asks whether an object is dead: weak references and the entries of weak maps end, and
/// cleanups are due, when the chunk is dead. [Finalizers](Mu::set_finalizer) of its objects are due then all at once; but if one
/// of its objects leads to another in the same chunk, or back to the chunk through others, the chunk leads back to itself, and is
/// not found so.
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
        let places = slice_fit::<T>(count.max(1)).0;
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

    /// Lends the chunk to `f`, which puts objects into it: the fast way, for loops and recursions.
    ///
    /// What `f` gets ends with it; the objects do not. If `f` panics, what was put into the arena is there.
    ///
    /// # Panics
    /// With the panics of `f`.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// use heap_derive::Trace;
    /// use heap_gc::{Arena, Fill, Gc, Heap};
    ///
    /// #[derive(Trace)]
    /// struct Tree<'gc> {
    ///     below: Option<[Gc<'gc, Tree<'gc>>; 2]>,
    /// }
    ///
    /// fn tree<'gc>(fill: &mut Fill<'_, 'gc, Tree<'gc>>, depth: u32) -> Gc<'gc, Tree<'gc>> {
    ///     let below = (depth > 0).then(|| [tree(fill, depth - 1), tree(fill, depth - 1)]);
    ///     fill.alloc(Tree { below })
    /// }
    ///
    /// let heap = Heap::new()?;
    /// heap.attach()?.enter(|mu| {
    ///     let mut arena = Arena::new(mu, 2047);
    ///     let tree = arena.fill(mu, |fill| tree(fill, 10));
    ///     assert!(tree.below.is_some_and(|below| below[0].below.is_some()));
    ///     assert_eq!(arena.capacity() - arena.left(), 2047);
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn fill<R>(&mut self, mu: &Mu<'gc>, f: impl FnOnce(&mut Fill<'_, 'gc, T>) -> R) -> R {
        let fill = Fill {
            next: self.place(self.len),
            end: self.place(self.places),
            first: self.first,
            mu,
            objects: PhantomData,
        };
        let mut lent = Lent { arena: self, fill };
        f(&mut lent.fill)
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

    /// The place of that number, or the end of the last.
    #[inline(always)]
    fn place(&self, number: usize) -> NonNull<T> {
        if const { size_of::<T>() == 0 } {
            return self.first;
        }
        // SAFETY: a chunk has so many places (N1).
        unsafe { self.first.add(number) }
    }

    /// Puts a value into the next place, which there is.
    #[inline(always)]
    fn put(&mut self, value: T) -> Gc<'gc, T> {
        debug_assert!(self.len < self.places);
        let place = self.place(self.len);
        // SAFETY: valid for writes and aligned (N1), and nobody else has seen it.
        unsafe { place.write(value) };
        self.len += 1;
        if !fault::on(Fault::ArenaUncounted) {
            count(self.first, self.len);
        }
        // SAFETY: an initialised object in an allocated slot of this heap.
        unsafe { Gc::from_raw(place) }
    }
}

/// Puts objects into the chunk of an arena that has lent it ([`Arena::fill`]), and into new ones when that is full.
pub struct Fill<'a, 'gc, T> {
    /// Where the next object goes.
    next: NonNull<T>,
    /// The end of the chunk.
    end: NonNull<T>,
    first: NonNull<T>,
    mu: &'a Mu<'gc>,
    /// Objects are moved into it.
    objects: PhantomData<T>,
}

impl<'gc, T: Trace + 'gc> Fill<'_, 'gc, T> {
    /// Puts a value into the heap: into the chunk, or into a new one if it is full.
    ///
    /// # Panics
    /// If there is no memory for a new chunk; [`Fill::try_alloc`] returns the error instead.
    #[inline(always)]
    pub fn alloc(&mut self, value: T) -> Gc<'gc, T> {
        if const { size_of::<T>() == 0 } {
            return self.mu.alloc(value);
        }
        if self.next == self.end {
            let places = self.filled();
            let first = next_chunk_or_panic(self.mu, self.first, places);
            self.goes_on(first, places);
        }
        self.put(value)
    }

    /// Puts a value into the heap, or says why not. The value is dropped then.
    ///
    /// # Errors
    /// See [`AllocError`]. The heap and the arena are as before.
    #[inline]
    pub fn try_alloc(&mut self, value: T) -> Result<Gc<'gc, T>, AllocError> {
        if const { size_of::<T>() == 0 } {
            return self.mu.try_alloc(value);
        }
        if self.next == self.end {
            let places = self.filled();
            let first = next_chunk(self.mu, self.first, places)?;
            self.goes_on(first, places);
        }
        Ok(self.put(value))
    }

    /// Goes on in another chunk.
    #[inline(always)]
    fn goes_on(&mut self, first: NonNull<T>, places: usize) {
        (self.first, self.next) = (first, first);
        // SAFETY: as many places as the chunk has.
        self.end = unsafe { first.add(places) };
    }

    /// Puts a value into the next place, which there is.
    #[inline(always)]
    fn put(&mut self, value: T) -> Gc<'gc, T> {
        debug_assert!(self.next < self.end);
        let place = self.next;
        // SAFETY: valid for writes and aligned (N1, N2), and nobody else has seen it.
        unsafe { place.write(value) };
        // SAFETY: the end of a place of the chunk.
        self.next = unsafe { place.add(1) };
        // SAFETY: an initialised object in an allocated slot of this heap.
        unsafe { Gc::from_raw(place) }
    }
}

impl<T> Fill<'_, '_, T> {
    /// How many objects are in the chunk.
    #[inline(always)]
    fn filled(&self) -> usize {
        (self.next.addr().get() - self.first.addr().get())
            / const { if size_of::<T>() == 0 { 1 } else { size_of::<T>() } }
    }
}

/// A chunk that an arena has lent. It goes back, and is counted, when this is dropped, also when the closure panics.
struct Lent<'a, 'b, 'gc, T> {
    arena: &'a mut Arena<'gc, T>,
    fill: Fill<'b, 'gc, T>,
}

impl<T> Drop for Lent<'_, '_, '_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        if const { size_of::<T>() == 0 } {
            return;
        }
        (self.arena.first, self.arena.len) = (self.fill.first, self.fill.filled());
        if !fault::on(Fault::FillUncounted) {
            count(self.arena.first, self.arena.len);
        }
    }
}

/// Writes into the header of a chunk how many objects it has.
#[inline(always)]
fn count<T>(first: NonNull<T>, objects: usize) {
    let header = first.as_ptr().cast::<u8>().wrapping_sub(slice_header(align_of::<T>()));
    #[expect(clippy::cast_ptr_alignment, reason = "slots begin with their header word")]
    // SAFETY: the chunk's header word, which nobody reads before the end of this `enter` (see the head of the file).
    unsafe {
        header.cast::<usize>().write(objects);
    }
}

/// A new chunk after one that is full and is counted now: the first of its places, which are as many.
#[inline]
fn next_chunk<'gc, T: Trace + 'gc>(
    mu: &Mu<'gc>,
    full: NonNull<T>,
    places: usize,
) -> Result<NonNull<T>, AllocError> {
    let first = chunk(mu, places)?;
    count(full, places);
    Ok(first)
}

/// [`next_chunk`] for callers that cannot do without. Its answer fits in a register.
#[cold]
#[inline(never)]
fn next_chunk_or_panic<'gc, T: Trace + 'gc>(mu: &Mu<'gc>, full: NonNull<T>, places: usize) -> NonNull<T> {
    next_chunk(mu, full, places).unwrap_or_else(|error| refused(&error))
}

/// A new chunk with that many places: the first of them.
#[cold]
#[inline(never)]
fn chunk<'gc, T: Trace + 'gc>(mu: &Mu<'gc>, places: usize) -> Result<NonNull<T>, AllocError> {
    let slot = mu.slice_room::<T>(places, Room::AsItIs)?;
    // SAFETY: the slot begins with a header word, and is not seen by others.
    unsafe { slot.cast::<usize>().write(0) };
    debug_assert!(is_as_chunks_are(mu, slot), "N3");
    prefetch_block(slot.addr().get(), places * size_of::<T>());
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

impl<T> fmt::Debug for Fill<'_, '_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fill of a chunk with {} places taken", self.filled())
    }
}
