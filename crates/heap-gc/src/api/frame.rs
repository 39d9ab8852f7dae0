//! Frames: values that live as long as a block of the program, in memory that is handed out by a bump.
//!
//! [`Mu::frame`] lends a [`Frame`] to a closure. What is put into it is found by [`Local`]s, and goes all at once when the
//! closure ends, or the frame is reset. The collector has no part in it. That is sound for these reasons:
//!
//! * **A local in the collector's eyes is a variable.** A cycle takes a mutator's roots when it is outside, and a frame opens and
//!   ends within one `enter`. So at that moment no local exists. A `Gc` that is kept in a frame is, like one in a variable, in
//!   the hands of who is inside, and what that may mean while a cycle marks is the head of `barrier.rs`: it was reachable when
//!   the roots were taken, and is protected by the deletion barrier, or it is newer, and black.
//! * **Stores need no barrier.** No marker reads a frame, so nothing it has to hear of changes there. A `Gc` that is erased in a
//!   frame is one that is dropped from a variable. A [`GcCell`](crate::GcCell) or [`GcVec`](crate::GcVec) in a frame has its
//!   barrier all the same, which then shades more than it must.
//! * **No object leads to a local.** What lives in the heap is [`Trace`](crate::Trace), and a local is not, nor is a borrow that
//!   is not `'static`. So sweeping, marking and other threads never meet one.
//! * **No local outlives its memory.** A local borrows its frame. [`Frame::reset`] wants the frame mutably, and the end of the
//!   closure ends all borrows of it.
//!
//! Frames inside frames. One that is opened on another ([`Frame::frame`]) borrows it, and the rest of its last tract; the outer
//! one may be used meanwhile, and takes another tract for that. One that is opened on the `Mu` has tracts of its own. So each
//! byte belongs to one frame, and it does not matter in which order frames end: a frame that was swapped with another ends where
//! the other would have, after everything that borrows it. Nor does it matter who panics.
//!
//! Drops. Values of [`Frame::alloc`] have none, and the compiler says so. Those of [`Frame::alloc_drop`] are in a list, the
//! latest first. Their type outlives `'o`, a lifetime that began before the frame was made and ends after it: that of the borrow
//! of the `Mu`, or of the outer frame. The borrow that locals of this frame have is shorter (the closure takes any, and knows
//! nothing else of it), so such a value holds none of them, and its drop finds all that it leads to alive: variables, objects,
//! locals of outer frames. It may allocate, open frames, and panic.
//!
//! Invariants
//!   L1  memory that a region has handed out is used by one value until the region is reset or released
//!   L2  the list has each value of `alloc_drop` that has not been dropped, once
//!   L3  `'o` outlives the frame, and no local of the frame outlives `'o` but by not being one: see above

use crate::mutator::{Mu, Stay, refused};
use core::cell::Cell;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;
use core::mem::needs_drop;
use core::ops::Deref;
use core::ptr::NonNull;
use heap_core::error::AllocError;
use heap_core::fault::{self, Fault};
use heap_core::region::{Region, Rest};
use heap_core::units::Bytes;

/// A value in a [`Frame`]: found for as long as the borrow `'f` of the frame lasts.
///
/// It is a word, `Copy`, and dereferences for free. It stays on the thread of its frame, and outside the heap: no object can hold
/// one. What it leads to may hold [`Gc`](crate::Gc)s, and locals of the same frame or of frames around it, also in a
/// [`Cell`].
#[repr(transparent)]
pub struct Local<'f, T: ?Sized> {
    value: &'f T,
    not_send: PhantomData<*const ()>,
}

/// These are functions and not methods (`Local::get(local)`), so that they hide none of the value's own.
impl<'f, T: ?Sized> Local<'f, T> {
    fn new(value: &'f T) -> Self {
        Self { value, not_send: PhantomData }
    }

    /// The value, for as long as the frame is borrowed.
    #[inline(always)]
    #[must_use]
    pub fn get(this: Self) -> &'f T {
        this.value
    }

    /// Whether two locals are the same value in memory. Values of no size may be one or several.
    #[inline]
    #[must_use]
    pub fn ptr_eq(this: Self, other: Self) -> bool {
        core::ptr::addr_eq(this.value, other.value)
    }
}

impl<T: ?Sized> Clone for Local<'_, T> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for Local<'_, T> {}

impl<T: ?Sized> Deref for Local<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        self.value
    }
}

impl<T: fmt::Debug + ?Sized> fmt::Debug for Local<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl<T: fmt::Display + ?Sized> fmt::Display for Local<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl<T: PartialEq + ?Sized> PartialEq for Local<'_, T> {
    /// Compares the values: see [`Local::ptr_eq`].
    fn eq(&self, other: &Self) -> bool {
        *self.value == *other.value
    }
}

impl<T: Eq + ?Sized> Eq for Local<'_, T> {}

impl<T: Hash + ?Sized> Hash for Local<'_, T> {
    /// Hashes the value, as it is compared.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.value.hash(state);
    }
}

/// Memory that goes all at once: made by [`Mu::frame`], lent to a closure.
///
/// `'o` is a time that outlasts the frame, from which values with a drop may borrow ([`Frame::alloc_drop`]).
pub struct Frame<'o> {
    region: Region,
    /// The latest value with a drop.
    latest: Cell<Option<NonNull<Link>>>,
    stay: Stay<'o>,
    /// The frame around it, and what that lent.
    outer: Option<(&'o Region, Rest)>,
    /// Invariant: or a borrow of this frame could pass for `'o` itself.
    lasts: PhantomData<Cell<&'o ()>>,
}

/// The head of a value with a drop.
struct Link {
    before: Option<NonNull<Link>>,
    /// Drops the value behind the head.
    ///
    /// # Safety
    /// 1. It is the head of such a value, which is whole; nobody uses it any more, and it was not dropped.
    drop: unsafe fn(NonNull<Link>),
}

/// A value with a drop.
#[repr(C)]
struct Linked<T> {
    link: Link,
    value: T,
}

/// See [`Link::drop`].
///
/// # Safety
/// 1. `link` is the head of a `Linked<T>`, which is whole; nobody uses its value any more, and it was not dropped.
unsafe fn drop_linked<T>(link: NonNull<Link>) {
    let linked = link.cast::<Linked<T>>().as_ptr();
    // SAFETY: duty 1: the address of a field of a whole `Linked<T>`.
    let value = unsafe { &raw mut (*linked).value };
    // SAFETY: duty 1.
    unsafe { value.drop_in_place() };
}

impl Mu<'_> {
    /// Opens a frame for the time of `body`: memory for values that do not live longer, at the price of a bump. What is in it
    /// goes when `body` ends, also with a panic.
    ///
    /// A frame takes a tract of 64 KiB when something is put into it, and more as it grows. The mutator keeps a few for its next
    /// frame until a cycle ends. To open one frame inside another, [`Frame::frame`] needs no tract.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// # let heap = tricolor::Heap::new()?;
    /// # let mut mutator = heap.attach()?;
    /// let sum = mutator.enter(|mu| {
    ///     mu.frame(|f| {
    ///         let kept = mu.alloc(40_u64);
    ///         let pair = f.alloc((kept, f.alloc(2_u64)));
    ///         *pair.0 + *pair.1
    ///     })
    /// });
    /// assert_eq!(sum, 42);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// With the panics of `body`, and of drops of values in the frame.
    #[inline]
    pub fn frame<'o, R>(&'o self, body: impl FnOnce(&mut Frame<'o>) -> R) -> R {
        let mut frame = Frame {
            region: Region::new(),
            latest: Cell::new(None),
            stay: self.stay(),
            outer: None,
            lasts: PhantomData,
        };
        body(&mut frame)
    }
}

impl<'o> Frame<'o> {
    /// Puts a value into the frame.
    ///
    /// Its type has no drop, which the compiler checks: nothing of it would run. [`Frame::alloc_drop`] takes such types.
    ///
    /// ```compile_fail,E0080
    /// # extern crate heap_gc as tricolor;
    /// # let heap = tricolor::Heap::new().unwrap();
    /// # let mut mutator = heap.attach().unwrap();
    /// mutator.enter(|mu| mu.frame(|f| f.alloc(String::from("dropped by nobody")).len()));
    /// ```
    ///
    /// # Panics
    /// If there is no memory for it; [`Frame::try_alloc`] returns the error instead.
    #[inline(always)]
    pub fn alloc<T>(&self, value: T) -> Local<'_, T> {
        const { assert!(!needs_drop::<T>(), "the value has a drop, which nobody would run: use `alloc_drop`") };
        let place = if const { size_of::<T>() == 0 } {
            NonNull::dangling()
        } else {
            match self.region.alloc(size_of::<T>(), align_of::<T>()) {
                Some(place) => place.cast(),
                None => self.stay.grow_or_panic(&self.region, size_of::<T>(), align_of::<T>()).cast(),
            }
        };
        self.put(place, value)
    }

    /// Puts a value into the frame, or says why not. The same types as with [`Frame::alloc`].
    ///
    /// # Errors
    /// See [`AllocError`]. The frame is as before.
    #[inline]
    pub fn try_alloc<T>(&self, value: T) -> Result<Local<'_, T>, AllocError> {
        const { assert!(!needs_drop::<T>(), "the value has a drop, which nobody would run: use `alloc_drop`") };
        let place = if const { size_of::<T>() == 0 } {
            NonNull::dangling()
        } else {
            self.room(size_of::<T>(), align_of::<T>())?.cast()
        };
        Ok(self.put(place, value))
    }

    /// Puts a value into the frame that is dropped when the frame ends or is reset, the latest first; also with a panic. If one
    /// drop panics, the others run all the same; a second panic ends the process, as everywhere.
    ///
    /// Its type outlives `'o`: it may borrow what was there before the frame, objects and locals of outer frames among it, which
    /// its drop finds as they are. It cannot hold locals of this frame, of which some would be dropped already.
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// # use std::cell::Cell;
    /// # let heap = tricolor::Heap::new()?;
    /// # let mut mutator = heap.attach()?;
    /// struct Says<'a>(&'a Cell<u32>);
    /// impl Drop for Says<'_> {
    ///     fn drop(&mut self) {
    ///         self.0.set(self.0.get() + 1);
    ///     }
    /// }
    /// let drops = Cell::new(0);
    /// mutator.enter(|mu| {
    ///     mu.frame(|f| {
    ///         f.alloc_drop(Says(&drops));
    ///         f.reset();
    ///         assert_eq!(drops.get(), 1);
    ///         f.alloc_drop(Says(&drops));
    ///     });
    /// });
    /// assert_eq!(drops.get(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// If there is no memory for it; [`Frame::try_alloc_drop`] returns the error instead.
    pub fn alloc_drop<T: 'o>(&self, value: T) -> Local<'_, T> {
        self.try_alloc_drop(value).unwrap_or_else(|error| refused(&error))
    }

    /// As [`Frame::alloc_drop`], or says why not. The value is dropped then.
    ///
    /// # Errors
    /// See [`AllocError`]. The frame is as before.
    pub fn try_alloc_drop<T: 'o>(&self, value: T) -> Result<Local<'_, T>, AllocError> {
        let place = self.room(size_of::<Linked<T>>(), align_of::<Linked<T>>())?.cast::<Linked<T>>();
        let link = Link { before: self.latest.get(), drop: drop_linked::<T> };
        // SAFETY: L1: room for a `Linked<T>`, which is this one's from here.
        unsafe { place.write(Linked { link, value }) };
        self.latest.set(Some(place.cast()));
        // SAFETY: just written; nobody has a `&mut` to it before the frame is reset or ends, which the borrow outlasts not.
        let linked = unsafe { place.as_ref() };
        Ok(Local::new(&linked.value))
    }

    /// Puts a row of `len` values into the frame: `make` is called with each index. The same types as with [`Frame::alloc`].
    ///
    /// # Panics
    /// If there is no memory for it; [`Frame::try_alloc_slice`] returns the error instead. And with the panics of `make`.
    pub fn alloc_slice<T>(&self, len: usize, make: impl FnMut(usize) -> T) -> Local<'_, [T]> {
        self.try_alloc_slice(len, make).unwrap_or_else(|error| refused(&error))
    }

    /// Puts a row of `len` values into the frame, or says why not.
    ///
    /// # Errors
    /// See [`AllocError`]: also for lengths whose bytes do not fit in the address space. The frame is as before.
    ///
    /// # Panics
    /// With the panics of `make`.
    pub fn try_alloc_slice<T>(
        &self,
        len: usize,
        mut make: impl FnMut(usize) -> T,
    ) -> Result<Local<'_, [T]>, AllocError> {
        const { assert!(!needs_drop::<T>(), "the values have a drop, which nobody would run") };
        let too_large = AllocError::TooLarge { count: len, size: Bytes::new(size_of::<T>()) };
        let bytes = len.checked_mul(size_of::<T>()).filter(|&bytes| isize::try_from(bytes).is_ok());
        let first = match bytes.ok_or(too_large)? {
            0 => NonNull::dangling(),
            bytes => self.room(bytes, align_of::<T>())?.cast::<T>(),
        };
        for index in 0..len {
            let value = make(index);
            // SAFETY: below `len`, for which there is room; of values without size any number is in one place.
            let place = unsafe { first.add(index) };
            // SAFETY: L1: as above.
            unsafe { place.write(value) };
        }
        let row = NonNull::slice_from_raw_parts(first, len);
        // SAFETY: `len` values, just written, or none; as in `put`.
        Ok(Local::new(unsafe { row.as_ref() }))
    }

    /// Puts a copy of a text into the frame.
    ///
    /// # Panics
    /// If there is no memory for it; [`Frame::try_alloc_str`] returns the error instead.
    #[must_use]
    pub fn alloc_str(&self, text: &str) -> Local<'_, str> {
        self.try_alloc_str(text).unwrap_or_else(|error| refused(&error))
    }

    /// Puts a copy of a text into the frame, or says why not.
    ///
    /// # Errors
    /// See [`AllocError`]. The frame is as before.
    pub fn try_alloc_str(&self, text: &str) -> Result<Local<'_, str>, AllocError> {
        if text.is_empty() {
            return Ok(Local::new(""));
        }
        let place = self.room(text.len(), 1)?;
        // SAFETY: L1: room for as many bytes, of nobody else.
        unsafe { place.copy_from_nonoverlapping(NonNull::from(text.as_bytes()).cast(), text.len()) };
        let bytes = NonNull::slice_from_raw_parts(place, text.len());
        // SAFETY: just written; as in `put`.
        let bytes = unsafe { bytes.as_ref() };
        // SAFETY: the bytes of a text.
        Ok(Local::new(unsafe { core::str::from_utf8_unchecked(bytes) }))
    }

    /// Opens a frame inside this one, for the time of `body`. Values there may hold locals of this frame, which may be used
    /// meanwhile. It begins with what is left of this frame's tract, and gives it back.
    ///
    /// # Panics
    /// With the panics of `body`, and of drops of values in the inner frame.
    pub fn frame<'s, R>(&'s self, body: impl FnOnce(&mut Frame<'s>) -> R) -> R {
        let rest = self.region.lend();
        let mut frame = Frame {
            region: Region::with(&rest),
            latest: Cell::new(None),
            stay: self.stay,
            outer: Some((&self.region, rest)),
            lasts: PhantomData,
        };
        body(&mut frame)
    }

    /// Forgets all that was put into the frame: drops what has a drop, and hands the memory out again. For one frame around a
    /// loop instead of one in each turn. The frame keeps its last tract, and gives the others back.
    ///
    /// It wants the frame for itself, so no [`Local`] of it is in use any more:
    ///
    /// ```
    /// # extern crate heap_gc as tricolor;
    /// # let heap = tricolor::Heap::new()?;
    /// # let mut mutator = heap.attach()?;
    /// mutator.enter(|mu| {
    ///     mu.frame(|f| {
    ///         for turn in 0..100_u64 {
    ///             let row = f.alloc_slice(1000, |index| index as u64 + turn);
    ///             assert_eq!(row[10], 10 + turn);
    ///             f.reset();
    ///         }
    ///         assert_eq!(f.used(), 0);
    ///     });
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// With the panics of drops. All have run then.
    pub fn reset(&mut self) {
        self.drop_values();
        self.region.reset(self.stay.source());
    }

    /// Bytes that were put into the frame since it was opened or reset, with what was lost at the ends of tracts.
    #[must_use]
    pub fn used(&self) -> usize {
        self.region.used().get()
    }

    /// Room for so many bytes, which are not 0 and at most `isize::MAX`.
    #[inline(always)]
    fn room(&self, size: usize, align: usize) -> Result<NonNull<u8>, AllocError> {
        match self.region.alloc(size, align) {
            Some(place) => Ok(place),
            None => self.stay.grow(&self.region, size, align),
        }
    }

    /// Writes a value into its place: room for it, or anything for a value of no size.
    #[inline(always)]
    fn put<T>(&self, place: NonNull<T>, value: T) -> Local<'_, T> {
        // SAFETY: L1: room for a `T`, of nobody else; or it has no size.
        unsafe { place.write(value) };
        // SAFETY: just written. The frame is borrowed for as long as the answer, so it is not reset, and does not end; and nobody
        // has a `&mut` to the value.
        Local::new(unsafe { place.as_ref() })
    }

    /// Drops the values in the list, also after one that panics.
    fn drop_values(&mut self) {
        /// Goes on where a panic has left off.
        struct Rest<'a>(&'a Cell<Option<NonNull<Link>>>);
        impl Drop for Rest<'_> {
            fn drop(&mut self) {
                drop_all(self.0);
            }
        }
        fn drop_all(latest: &Cell<Option<NonNull<Link>>>) {
            while let Some(link) = latest.get() {
                // SAFETY: L2: the head of a value that is whole.
                let Link { before, drop } = unsafe { link.read() };
                latest.set(before);
                // SAFETY: L2: it is out of the list, so this is once. The frame is borrowed mutably, so no local of it is in
                // use; other values do not lead to it (L3).
                unsafe { drop(link) };
            }
        }
        if fault::on(Fault::FrameDropsForgotten) {
            self.latest.set(None);
        }
        let rest = Rest(&self.latest);
        drop_all(rest.0);
    }
}

impl Drop for Frame<'_> {
    fn drop(&mut self) {
        /// Gives the memory back, also when a drop has panicked.
        struct End<'a, 'o>(&'a mut Frame<'o>);
        impl Drop for End<'_, '_> {
            fn drop(&mut self) {
                self.0.region.release(self.0.stay.source());
                if let Some((outer, rest)) = &self.0.outer {
                    outer.take_back(rest);
                }
            }
        }
        let end = End(self);
        end.0.drop_values();
    }
}

impl fmt::Debug for Frame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame").field("used", &self.used()).finish_non_exhaustive()
    }
}
