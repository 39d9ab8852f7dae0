//! A mutator: a thread's way into a heap, and what an allocation costs it.
//!
//! [`Mutator`] is a thread's handle. [`Mutator::enter`] lends a [`Mu`], and only with one can objects be made, read and
//! changed. Safepoints lie at the two edges of `enter` and in the methods of [`Mutator`] that take `&mut self`; the
//! compiler proves that no [`Gc`] is alive there, because its brand cannot leave the closure.
//!
//! ```text
//!   alloc       a bump in the cache, at a place known at compile time               (inlined)
//!   alloc_slow  what was asked is answered → find the layout → next run or another span → what it owes → bump
//!   edge        leave → what was asked is answered → a collection is due here? run it
//!               → drops, cleanups or finalizers are due? run them
//! ```
//!
//! Slots of slices, of large objects, and of layouts that are known at run time only are in `slots.rs`, what an allocation owes
//! is in `pay.rs`, what is due at an edge in `due.rs`.

mod due;
mod known;
mod pay;
mod refusal;
mod slots;
mod stay;

use known::Known;
pub use refusal::Refusal;
pub(crate) use slots::Room;
pub(crate) use stay::Stay;

use crate::ask::{collect_only, figures, release_only};
use crate::attached;
use crate::barrier::{Barrier, Shading};
use crate::config::LayoutPolicy;
use crate::cycle::{self, Runner};
use crate::dead;
use crate::event::Event;
use crate::figures::{Figures, Reason};
use crate::finalizer::Finalizers;
use crate::gc::{Brand, Gc};
use crate::handle::Handle;
use crate::handshake::{COLLECT, Member};
use crate::hinted::Hinted;
use crate::log::Track;
use crate::object::{TypeInfo, Typed};
use crate::own_roots::OwnRoots;
use crate::part::Part;
use crate::pauses::Kind;
use crate::pools::Pools;
use crate::sampler::Label;
use crate::trace::Trace;
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;
use heap_core::cache::{Cache, TINY_BLOCK};
use heap_core::error::AllocError;
use heap_core::layout::{Extent, Layout, LayoutId, TypeMask};
use heap_core::memory::Memory;
use heap_core::size_class::SizeClass;
use heap_core::sync::Arc;
use heap_core::sync::atomic::Ordering::Relaxed;
use heap_core::units::{Bytes, PAGE_BYTES};

/// What a refill counts as, in bytes, when it is paid for: a span of one page.
const RUN_BYTES: usize = PAGE_BYTES;

/// A thread's handle on a heap. One per thread and heap; dropping it detaches the thread.
///
/// It is not `Send`: what it caches belongs to the thread. To use a heap from another thread, attach there.
pub struct Mutator {
    heap: Handle,
    member: Arc<Member<Part>>,
    /// Numbers of layouts that have no fixed one.
    known: Known,
    /// Slots until [`HeapBuilder::collect_every`](crate::HeapBuilder::collect_every) asks for a collection. A slot is a refill
    /// in that mode.
    until_asked: Cell<u32>,
    /// Words of marking that it owes for what it allocated.
    owed: Cell<usize>,
    /// Bytes it allocated past the goal, since it last offered its processor.
    past_goal: Cell<usize>,
    /// Its finalizers, of which the part has another handle.
    finalizers: Arc<Finalizers>,
    /// Finalizers run on this thread: no others do, at the safepoints in them.
    is_finalizing: Cell<bool>,
    not_send: PhantomData<*mut ()>,
}

/// Why a thread was not attached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum AttachError {
    /// The thread has a mutator of this heap already.
    AlreadyAttached,
}

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyAttached => {
                f.write_str("this thread already has a mutator of this heap: use that one, or drop it first")
            }
        }
    }
}

impl core::error::Error for AttachError {}

impl Mutator {
    pub(crate) fn attach(heap: &Handle) -> Result<Self, AttachError> {
        if attached::attached(heap.id).is_some() {
            return Err(AttachError::AlreadyAttached);
        }
        let cache = Cache::at(heap.memory.seat());
        if heap.collect_every.is_some() {
            cache.set_run_most(1);
        }
        if heap.layouts == LayoutPolicy::PerType {
            let mut blocks =
                Layout::of(SizeClass::for_bytes(TINY_BLOCK), Extent::Object, &TypeMask::noscan(TINY_BLOCK));
            blocks.name = Some("tiny objects");
            // It is among the first layouts of its heap, or has a superset's number.
            if let Ok(id) = heap.memory.register(&blocks) {
                cache.set_tiny_layout(id);
            }
        }
        let finalizers = Arc::<Finalizers>::default();
        let (shading, list, number) = (heap.shading(), Arc::clone(&finalizers), heap.next_mutator());
        let member = heap.world.attach(|round| Part::joining(round, shading, cache, list, number));
        attached::note(heap, &member);
        heap.log.note(Track::here(), || Event::Attached { mutator: number, thread: member.name() });
        Ok(Self {
            heap: heap.clone(),
            member,
            known: Known::new(),
            until_asked: Cell::new(heap.collect_every.unwrap_or(0)),
            owed: Cell::new(0),
            past_goal: Cell::new(0),
            finalizers,
            is_finalizing: Cell::new(false),
            not_send: PhantomData,
        })
    }

    /// Gives `f` access to the heap.
    ///
    /// While `f` runs, everything it sees stays. A collection that runs beside it needs to find this thread outside once,
    /// before it can know what is garbage. So long-running work should leave and enter again now and then
    /// ([`Mu::should_yield`] says when); if it does not, the heap grows, and nobody waits, except who asks for a collection.
    /// `f` must not wait for a thread that does. With [`Collector::StopTheWorld`](crate::Collector::StopTheWorld) the other
    /// mutators wait, too, and threads that enter one heap inside another all nest them in the same order, as with locks.
    ///
    /// # Panics
    /// With the panics of `f`, and of drops of dead objects, cleanups, finalizers and of the heap's listener, which run at its
    /// end.
    #[inline]
    pub fn enter<R>(&mut self, f: impl for<'gc> FnOnce(&Mu<'gc>) -> R) -> R {
        self.go_inside();
        let inside = Inside(self);
        // SAFETY: inside since the line above, until `inside` is dropped.
        let part = unsafe { self.part() };
        let result = f(&Mu { part, mutator: self, brand: PhantomData });
        drop(inside);
        result
    }

    /// Lets the collector do what it is waiting to do on this thread: answers a stop, runs a collection that is due, runs
    /// drops, cleanups and finalizers that are due.
    ///
    /// # Panics
    /// With the panics of drops, cleanups and finalizers and of the heap's listener.
    pub fn safepoint(&mut self) {
        self.go_inside();
        drop(Inside(self));
    }

    /// Runs a full collection and sweeps everything: when it returns, exactly what was reachable at its start is left, and
    /// dead objects' drops and cleanups, and this thread's finalizers, have run. (The slot of an object with a drop is free, and
    /// out of the figures, one cycle later.)
    ///
    /// # Panics
    /// With the panics of drops, cleanups and finalizers and of the heap's listener.
    pub fn collect(&mut self) {
        collect_only(&self.heap);
        self.run_due();
    }

    /// Collects, and gives every free page back to the operating system. Returns the bytes this call gave back; what the
    /// [background](crate::Scavenge) had given back before is not among them. They come back as zeros when they are needed
    /// again, at the price of a page fault each.
    ///
    /// # Panics
    /// With the panics of drops, cleanups and finalizers and of the heap's listener.
    pub fn release_free_memory(&mut self) -> usize {
        self.collect();
        release_only(&self.heap)
    }

    /// Runs `blocking`, which may wait for whatever it likes: the collector does not wait for this thread meanwhile.
    ///
    /// That is true of anything outside `enter`; this says so, and takes a safepoint before and after.
    pub fn park<R>(&mut self, blocking: impl FnOnce() -> R) -> R {
        self.safepoint();
        let result = blocking();
        self.safepoint();
        result
    }

    /// A snapshot of the heap's figures.
    #[must_use]
    pub fn figures(&self) -> Figures {
        figures(&self.heap)
    }

    /// Whether it is inside.
    pub(crate) fn is_inside(&self) -> bool {
        self.member.is_inside()
    }

    /// The heap.
    pub(crate) fn heap(&self) -> &Handle {
        &self.heap
    }

    /// Access to the heap, whose brand its user keeps in mind.
    ///
    /// # Safety
    /// 1. The mutator is inside whenever the answer is used.
    #[inline]
    pub(crate) unsafe fn mu(&self) -> Mu<'_> {
        // SAFETY: duty 1.
        Mu { part: unsafe { self.part() }, mutator: self, brand: PhantomData }
    }

    /// Goes inside; waits while a collector holds it.
    #[inline]
    pub(crate) fn go_inside(&self) {
        self.heap.world.go_inside(&self.member, &|part, round| self.heap.answer(part, round));
    }

    /// What a mutator owes when it leaves, and what is due then.
    #[inline]
    pub(crate) fn edge(&self) {
        self.leave();
        if dead::is_due(&self.heap) | self.finalizers.is_due() | self.heap.finalizers.shared().is_due() {
            self.run_due();
        }
    }

    /// What a mutator owes when it leaves.
    #[inline]
    fn leave(&self) {
        let calls = self.heap.world.go_outside(&self.member, &|part, round| self.heap.answer(part, round));
        if calls & COLLECT != 0 {
            self.answer_collection();
        }
    }

    /// The list of its finalizers.
    pub(crate) fn finalizers(&self) -> &Arc<Finalizers> {
        &self.finalizers
    }

    #[cold]
    fn answer_collection(&self) {
        if attached::is_inside_any() {
            // Of another heap, that is. Its collector may be waiting for this thread, while this one would wait for somebody
            // who waits for that heap. The call stays, for the next safepoint.
            return;
        }
        let reason = if self.heap.refused.swap(false, Relaxed) {
            Reason::Refused
        } else if self.heap.collect_every.is_some() {
            Reason::Debug
        } else if self.heap.is_near_limit() {
            Reason::Limit
        } else {
            Reason::Goal
        };
        let pauses = self.heap.world.pauses();
        let begun = pauses.begin();
        cycle::run(&self.heap, reason, Runner::Mutator);
        pauses.end(Kind::Cycle, begun);
    }

    /// Answers what a collector has asked and can be told in the middle of `enter`.
    #[inline]
    fn poll(&self) {
        let heap = &self.heap;
        heap.world.poll(&self.member, &|part, round| heap.answer(part, round));
    }

    /// Waits until it has heard of the newest sweep generation, inside.
    fn hear(&self, part: &Part) {
        while part.cache.is_late(&self.heap.memory) {
            self.poll();
            heap_core::sync::thread::yield_now();
        }
    }

    /// The part.
    ///
    /// # Safety
    /// The mutator is inside.
    #[inline(always)]
    unsafe fn part(&self) -> &Part {
        // SAFETY: by this function's own duty, and the mutator is the caller, since it is not `Send`.
        unsafe { self.member.part() }
    }
}

/// Leaves when dropped, also when `enter`'s closure panics.
struct Inside<'a>(&'a Mutator);

impl Drop for Inside<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.edge();
    }
}

impl Drop for Mutator {
    fn drop(&mut self) {
        if self.member.has_gone() {
            // The thread ends, and has let go of its mutators before this one.
            return;
        }
        if attached::stays(&self.member) {
            return core::mem::forget(self.heap.clone());
        }
        if attached::let_go(&self.heap, &self.member) {
            dead::run_due(&self.heap);
        }
    }
}

impl fmt::Debug for Mutator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutator").field("heap", &self.heap.id).finish_non_exhaustive()
    }
}

/// Access to a heap, for the time of one [`Mutator::enter`].
///
/// The lifetime `'gc` is its brand: every [`Gc`] made or found through it carries it. Methods that put a `T` into the heap
/// ask for `T: 'gc`, which no type with the brand of another `enter` fulfils, since the compiler knows nothing of how two
/// brands compare. So a reference to one heap cannot be stored in another.
pub struct Mu<'gc> {
    /// The mutator's part: it is inside as long as this lives.
    part: &'gc Part,
    mutator: &'gc Mutator,
    brand: Brand<'gc>,
}

impl<'gc> Mu<'gc> {
    /// Puts a value into the heap.
    ///
    /// # Panics
    /// If there is no memory for it; [`Mu::try_alloc`] returns the error instead.
    #[inline(always)]
    pub fn alloc<T: Trace + 'gc>(&self, value: T) -> Gc<'gc, T> {
        let slot = match self.bump(T::OBJECT) {
            Some(slot) => slot,
            None => self.alloc_slow_or_panic(T::OBJECT),
        };
        self.write(slot, value)
    }

    /// Puts a value into the heap, or says why not. The value is dropped then; [`Mu::try_alloc_or_return`] gives it back.
    ///
    /// # Errors
    /// See [`AllocError`]. The heap is as before.
    #[inline]
    pub fn try_alloc<T: Trace + 'gc>(&self, value: T) -> Result<Gc<'gc, T>, AllocError> {
        let slot = match self.bump(T::OBJECT) {
            Some(slot) => slot,
            None => self.alloc_slow(T::OBJECT)?,
        };
        Ok(self.write(slot, value))
    }

    #[inline(always)]
    fn write<T>(&self, slot: NonNull<u8>, value: T) -> Gc<'gc, T> {
        let object = slot.cast::<T>();
        // SAFETY: the slot is free memory of this mutator's run, large and aligned enough for a `T` (its class was chosen
        // for both).
        unsafe { object.write(value) };
        // SAFETY: an initialised `T` in an allocated slot of this heap.
        unsafe { Gc::from_raw(object) }
    }

    /// The next slot for a type, if its run has one. All of `info` is known at compile time.
    #[inline(always)]
    fn bump(&self, info: &'static TypeInfo) -> Option<NonNull<u8>> {
        if info.is_tiny {
            let bytes = info.size.max(1);
            self.part.cache.alloc_tiny(bytes, info.align).or_else(|| self.part.cache.alloc_tiny_block(bytes))
        } else if let Some(id) = info.fixed {
            self.part.cache.alloc(id, info.stride)
        } else if info.class.is_large() {
            None
        } else {
            self.bump_known(info)
        }
    }

    /// [`Mu::alloc_slow`] for callers that cannot do without. Its answer fits in a register.
    #[cold]
    #[inline(never)]
    fn alloc_slow_or_panic(&self, info: &'static TypeInfo) -> NonNull<u8> {
        self.alloc_slow(info).unwrap_or_else(|error| refused(&error))
    }

    /// The slow twin of `bump`: everything an allocation may have to pay for.
    #[cold]
    #[inline(never)]
    fn alloc_slow(&self, info: &'static TypeInfo) -> Result<NonNull<u8>, AllocError> {
        if info.align > PAGE_BYTES {
            return Err(AllocError::Alignment { asked: Bytes::new(info.align) });
        }
        self.poll();
        if info.is_tiny {
            let id = self.part.cache.tiny_layout();
            let bytes = info.size.max(1);
            let slot = self.refilling(id, |memory| self.part.cache.refill_tiny(memory, bytes));
            return self.settle(id, slot, Label::Type(info.name));
        }
        let id = match info.fixed {
            Some(id) if self.mutator.heap.layouts == LayoutPolicy::SharedByShape => id,
            Some(_) | None => self.layout(info, info.class, |name_it| info.object_layout(name_it))?,
        };
        if info.class.is_large() {
            return self.alloc_large(id, info.size, false, Label::Type(info.name));
        }
        if let Some(slot) = self.part.cache.alloc_any(id, info.stride) {
            return Ok(slot);
        }
        let slot = self.refill(id);
        self.settle(id, slot, Label::Type(info.name))
    }

    /// Refills; measured if a span has to be exchanged for it, and if anything is measured.
    #[inline]
    fn refilling<R>(&self, id: LayoutId, refill: impl FnOnce(&Memory) -> R) -> R {
        let (memory, pauses) = (&self.mutator.heap.memory, self.mutator.heap.world.pauses());
        let exchanges = pauses.are_wanted() && self.part.cache.needs_span(memory, id);
        let begun = if exchanges { pauses.begin() } else { None };
        let outcome = refill(memory);
        if let Some(begun) = begun {
            self.note_refill(begun);
        }
        outcome
    }

    /// Answers what a collector has asked and can be told in the middle of `enter`.
    #[inline]
    pub(crate) fn poll(&self) {
        self.mutator.poll();
    }

    /// A refill; once more if it was refused while this mutator had not heard that a cycle had ended, and so swept nothing. It
    /// has reached a limit: it may wait to be told.
    fn refill(&self, id: LayoutId) -> Result<NonNull<u8>, AllocError> {
        let memory = &self.mutator.heap.memory;
        let slot = self.refilling(id, |memory| self.part.cache.refill(memory, id));
        if slot.is_ok() || !self.part.cache.is_late(memory) {
            return slot;
        }
        self.mutator.hear(self.part);
        self.part.cache.refill(memory, id)
    }

    /// What is in frames of the raw layer.
    #[inline(always)]
    pub(crate) fn hinted(&self) -> &'gc Hinted {
        &self.part.hinted
    }

    /// Notes that a stay of the raw layer begins, or ends.
    pub(crate) fn note_raw(&self, is_raw: bool) {
        self.part.is_raw.set(is_raw);
    }

    /// What the mutator keeps in pools.
    #[inline(always)]
    pub(crate) fn pools(&self) -> &'gc Pools {
        &self.part.pools
    }

    /// The mutator's own roots.
    pub(crate) fn own_roots(&self) -> &'gc OwnRoots {
        &self.part.own
    }

    /// Whether this thread is wanted at a safepoint: a collection waits for it, or is to be run by it. Two relaxed loads, for
    /// loops that can leave `enter` early.
    #[inline]
    #[must_use]
    pub fn should_yield(&self) -> bool {
        self.mutator.heap.world.wants(&self.mutator.member)
    }

    /// The mutator's barrier, and where its shades go.
    #[inline(always)]
    pub(crate) fn barrier(&self) -> (&'gc Barrier, Shading<'gc>) {
        (&self.part.barrier, self.mutator.heap.shading())
    }

    /// What a frame works with, for as long as this is borrowed.
    pub(crate) fn stay(&self) -> Stay<'_> {
        Stay::new(self.part, self.mutator)
    }

    /// The mutator.
    pub(crate) fn mutator(&self) -> &'gc Mutator {
        self.mutator
    }

    pub(crate) fn heap(&self) -> &'gc Handle {
        &self.mutator.heap
    }
}

impl fmt::Debug for Mu<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mu").field("heap", &self.mutator.heap.id).field("brand", &self.brand).finish()
    }
}

/// An allocation that its caller said cannot fail did.
#[cold]
#[inline(never)]
pub(crate) fn refused(error: &AllocError) -> ! {
    panic!("{error}");
}
