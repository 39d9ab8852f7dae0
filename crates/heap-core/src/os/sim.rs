//! A simulated operating system: for tests, for fault injection, and for Miri, which knows no `mmap`.
//!
//! Its memory comes from the global allocator. It keeps book of the state of every OS page and panics when a
//! transition is asked for that the state does not allow, because then the heap has lost track. Memory that is
//! prepared or released is filled with [`SCRIBBLE`], so that reading it before [`Os::ready`] shows; getting ready
//! zeroes it.
//!
//! Faults. Every call but [`Os::unreserve`] can be made to fail, and is counted whether it fails or not:
//!
//! ```
//! use heap_core::os::{Os, OsOp, Reservation, sim::SimOs};
//! use heap_core::sync::Arc;
//! use heap_core::units::Bytes;
//!
//! let sim = SimOs::new();
//! let os: Arc<dyn Os> = sim.clone();
//! sim.fail_nth(2);
//! let one = Reservation::reserve(&os, Bytes::mib(4)).unwrap();
//! assert_eq!(one.prepare(Bytes::ZERO, Bytes::mib(4)).unwrap_err().op, OsOp::Prepare);
//! one.prepare(Bytes::ZERO, Bytes::mib(4)).unwrap();
//! assert_eq!((sim.calls(), sim.calls_of(OsOp::Prepare)), (3, 2));
//! drop(one);
//! assert_eq!(sim.live(), 0);
//! ```
//!
//! The usual loop of a test: run once and ask [`calls`](SimOs::calls) how many there were, then for each `n` up
//! to that run on a fresh system with [`fail_nth`](SimOs::fail_nth)`(n)`, and again with
//! [`fail_from`](SimOs::fail_from)`(n)`; after each, [`live`](SimOs::live) must be back where it was.
//!
//! Called by tests, and by [`super::host`] where there is no real system. Not fast: one lock around everything.

use core::fmt;
use core::ptr::NonNull;
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::collections::BTreeMap;

use super::{Os, OsError, OsOp};
use crate::sync::{Arc, Mutex};
use crate::units::{Bytes, PAGE_BYTES};

/// What prepared and released memory is filled with.
pub const SCRIBBLE: u8 = 0xDB;

/// The longest reservation granted unless [`SimOs::limit_reservation`] says otherwise. Larger wishes are refused as a
/// system with little address space would, so that a heap halves them. Small under Miri, where each byte of it
/// costs several real ones.
pub const RESERVATION_MOST: Bytes = if cfg!(miri) { Bytes::mib(16) } else { Bytes::gib(1) };

/// A simulated operating system. See the module's text.
pub struct SimOs {
    os_page: Bytes,
    world: Mutex<World>,
}

/// Everything the system knows, behind its lock.
struct World {
    /// What is reserved or mapped, by its first address.
    regions: BTreeMap<usize, Region>,
    /// Calls so far, by [`OsOp`].
    calls: [u64; OsOp::ALL.len()],
    /// Fallible calls since the last change of `fault`.
    since: u64,
    fault: Fault,
    /// OS pages in state ready, in bytes, tables not counted.
    ready: Bytes,
    /// Of tables, asked for ahead; what is asked for twice counts twice.
    backed: Bytes,
    ready_most: Bytes,
    reservation_most: Bytes,
}

/// Which calls fail.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Never,
    Nth { n: u64, only: Option<OsOp> },
    From { n: u64 },
}

/// The state of one OS page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Reserved,
    Prepared,
    Ready,
    Released,
}

/// One reservation or table.
struct Region {
    /// What the allocator gave, and how it was asked.
    block: NonNull<u8>,
    layout: Layout,
    /// The aligned range inside it.
    base: NonNull<u8>,
    len: Bytes,
    /// One per OS page of a reservation; none for a table, which is ready from end to end.
    states: Option<Vec<State>>,
}

// SAFETY: a region owns its block; the pointers are only used under the system's lock, or by whoever the range was
// handed to, under the rules of `Os`.
unsafe impl Send for Region {}

impl Region {
    /// A zeroed range of `len` bytes aligned to `align`; `None` when the allocator has no more.
    ///
    /// Asks for a longer block with a small alignment: the allocator has lazily zeroed memory for those only.
    fn new(len: Bytes, align: usize, states: Option<Vec<State>>) -> Option<Self> {
        let layout = Layout::from_size_align(len.get().checked_add(align)?, WORD_ALIGN).ok()?;
        // SAFETY: the size is not zero: `align` is at least a page.
        let block = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        let head = block.addr().get().next_multiple_of(align) - block.addr().get();
        // SAFETY: `head` is below `align`, and the block is `align` bytes longer than `len`.
        let base = unsafe { block.add(head) };
        Some(Self { block, layout, base, len, states })
    }
}

/// Alignment of the blocks asked of the allocator.
const WORD_ALIGN: usize = 8;

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: the block came from this allocator with this layout, and the region, its only owner, goes away.
        unsafe { dealloc(self.block.as_ptr(), self.layout) }
    }
}

impl SimOs {
    /// A system with OS pages of 4 KiB that never fails.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Self::with_os_page(Bytes::kib(4))
    }

    /// A system with OS pages of this size.
    ///
    /// # Panics
    /// If `os_page` is not a power of two between 4 KiB and 64 KiB.
    #[must_use]
    pub fn with_os_page(os_page: Bytes) -> Arc<Self> {
        let known = os_page.get().is_power_of_two() && (Bytes::kib(4)..=Bytes::kib(64)).contains(&os_page);
        assert!(known, "no machine has OS pages of {os_page}");
        let most = Bytes::new(usize::MAX);
        let world = World {
            regions: BTreeMap::new(),
            calls: [0; OsOp::ALL.len()],
            since: 0,
            fault: Fault::Never,
            ready: Bytes::ZERO,
            backed: Bytes::ZERO,
            ready_most: most,
            reservation_most: RESERVATION_MOST,
        };
        Arc::new(Self { os_page, world: Mutex::new(world) })
    }

    /// The `n`-th fallible call from now (the next one is the first) fails, once.
    pub fn fail_nth(&self, n: u64) {
        self.world.lock().set_fault(Fault::Nth { n, only: None });
    }

    /// The `n`-th call of this kind from now (the next one is the first) fails, once.
    pub fn fail_nth_of(&self, op: OsOp, n: u64) {
        self.world.lock().set_fault(Fault::Nth { n, only: Some(op) });
    }

    /// The `n`-th fallible call from now and all after it fail.
    pub fn fail_from(&self, n: u64) {
        self.world.lock().set_fault(Fault::From { n });
    }

    /// From now on no call is made to fail (limits still hold).
    pub fn fail_never(&self) {
        self.world.lock().set_fault(Fault::Never);
    }

    /// At most this much may be ready at a time, tables not counted; beyond it [`Os::ready`] fails.
    pub fn limit_ready(&self, most: Bytes) {
        self.world.lock().ready_most = most;
    }

    /// Longer reservations than this are refused. At first [`RESERVATION_MOST`].
    pub fn limit_reservation(&self, most: Bytes) {
        self.world.lock().reservation_most = most;
    }

    /// Fallible calls so far, failed ones included: all but those of [`Os::unreserve`].
    #[must_use]
    pub fn calls(&self) -> u64 {
        let world = self.world.lock();
        OsOp::ALL.iter().filter(|&&op| op != OsOp::Unreserve).map(|&op| world.calls[op as usize]).sum()
    }

    /// Calls of one kind so far, failed ones included.
    #[must_use]
    pub fn calls_of(&self, op: OsOp) -> u64 {
        self.world.lock().calls[op as usize]
    }

    /// Reservations and tables not given back yet.
    #[must_use]
    pub fn live(&self) -> usize {
        self.world.lock().regions.len()
    }

    /// Address space of reservations and tables not given back yet.
    #[must_use]
    pub fn mapped_bytes(&self) -> Bytes {
        self.world.lock().regions.values().map(|region| region.len).sum()
    }

    /// What is ready now, in whole OS pages, tables not counted.
    #[must_use]
    pub fn ready_bytes(&self) -> Bytes {
        self.world.lock().ready
    }

    /// Bytes of tables that were asked for ahead ([`Os::back`]); what is asked for twice counts twice.
    #[must_use]
    pub fn backed_bytes(&self) -> Bytes {
        self.world.lock().backed
    }

    /// A region of `len` bytes, entered into the book.
    fn region(&self, op: OsOp, len: Bytes, with_states: bool) -> Result<NonNull<u8>, OsError> {
        let page = self.os_page.get();
        assert!(len > Bytes::ZERO && len.get().is_multiple_of(page), "{op:?} of {len}: not whole OS pages");
        let mut world = self.world.lock();
        world.count(op, len)?;
        let refused = Err(OsError { op, bytes: len, code: libc::ENOMEM });
        if with_states && len > world.reservation_most {
            return refused;
        }
        let states = with_states.then(|| vec![State::Reserved; len.get() / page]);
        let Some(region) = Region::new(len, page.max(PAGE_BYTES), states) else {
            return refused;
        };
        let base = region.base;
        world.regions.insert(base.addr().get(), region);
        Ok(base)
    }
}

impl World {
    fn set_fault(&mut self, fault: Fault) {
        self.fault = fault;
        self.since = 0;
    }

    /// Counts one fallible call, and fails it if that is wanted.
    fn count(&mut self, op: OsOp, bytes: Bytes) -> Result<(), OsError> {
        self.calls[op as usize] += 1;
        let fails = match self.fault {
            Fault::Never => false,
            Fault::Nth { only: Some(only), .. } if only != op => false,
            Fault::Nth { n, .. } => {
                self.since += 1;
                self.since == n
            }
            Fault::From { n } => {
                self.since += 1;
                self.since >= n
            }
        };
        if fails { Err(OsError { op, bytes, code: libc::ENOMEM }) } else { Ok(()) }
    }

    /// The states of the OS pages that `at..at + len` touches, and the address and length of those pages.
    ///
    /// Panics unless the range lies in one live reservation.
    fn pages(&mut self, op: OsOp, at: NonNull<u8>, len: Bytes, os_page: Bytes) -> Touched<'_> {
        let (first, page) = (at.addr().get(), os_page.get());
        let found = self.regions.range_mut(..=first).next_back().map(|(_, region)| region);
        let Some(region) = found.filter(|region| first - region.base.addr().get() < region.len.get()) else {
            panic!("{op:?} of {len} at {at:?}: no live reservation there");
        };
        let Some(states) = region.states.as_mut() else {
            panic!("{op:?} of {len} at {at:?}: that is a table");
        };
        let offset = first - region.base.addr().get();
        let end = offset + len.get();
        assert!(end <= region.len.get(), "{op:?} of {len} at {at:?}: runs past its reservation");
        let (lowest, highest) = (offset / page, end.div_ceil(page));
        // SAFETY: `lowest` is the number of an OS page of the region, so this lies in its range.
        let start = unsafe { region.base.add(lowest * page) };
        Touched { start, states: &mut states[lowest..highest] }
    }
}

/// The OS pages a transition touches.
struct Touched<'a> {
    start: NonNull<u8>,
    states: &'a mut [State],
}

impl Touched<'_> {
    /// Panics unless all pages are in the state `from`; then they are in the state `to`, filled with `byte`.
    fn pass(&mut self, op: OsOp, page: Bytes, from: State, to: State, byte: u8) {
        let wrong = self.states.iter().position(|&state| state != from);
        if let Some(wrong) = wrong {
            panic!(
                "{op:?} of {} OS pages at {:?}: page {wrong} of them is {:?}, not {from:?}",
                self.states.len(),
                self.start,
                self.states[wrong],
            );
        }
        self.states.fill(to);
        // Whatever the heap has told the sanitizer of these bytes, the system may write them.
        crate::asan::allow(self.start, self.states.len() * page.get());
        // SAFETY: the pages lie in one region (`World::pages`), which is one block of writable memory; by the rules
        // of `Os` nobody else uses them now.
        unsafe { self.start.write_bytes(byte, self.states.len() * page.get()) }
    }
}

// SAFETY: duty 1: every region is an allocation of its own, aligned in `Region::new`, owned by the book until it is
// unreserved; the pointer handed out derives from the whole block. Duty 2: reservations are zeroed page by page when
// they get ready, tables come zeroed from the allocator. Duty 3: `World::pages` bounds every write.
unsafe impl Os for SimOs {
    fn os_page(&self) -> Bytes {
        self.os_page
    }

    fn reserve(&self, len: Bytes) -> Result<NonNull<u8>, OsError> {
        self.region(OsOp::Reserve, len, true)
    }

    unsafe fn prepare(&self, at: NonNull<u8>, len: Bytes) -> Result<(), OsError> {
        self.whole_pages(OsOp::Prepare, at, len);
        let mut world = self.world.lock();
        world.count(OsOp::Prepare, len)?;
        let mut pages = world.pages(OsOp::Prepare, at, len, self.os_page);
        pages.pass(OsOp::Prepare, self.os_page, State::Reserved, State::Prepared, SCRIBBLE);
        Ok(())
    }

    unsafe fn ready(&self, at: NonNull<u8>, len: Bytes) -> Result<(), OsError> {
        let page = self.os_page.get();
        let mut world = self.world.lock();
        world.count(OsOp::Ready, len)?;
        let (ready, most) = (world.ready, world.ready_most);
        let pages = world.pages(OsOp::Ready, at, len, self.os_page);
        let merely_reserved = pages.states.iter().position(|&state| state == State::Reserved);
        assert_eq!(merely_reserved, None, "Ready of {len} at {at:?}: that OS page of it is merely reserved");
        let fresh = pages.states.iter().filter(|&&state| state != State::Ready).count();
        let after = Bytes::new(ready.get() + fresh * page);
        if after > most {
            return Err(OsError { op: OsOp::Ready, bytes: len, code: libc::ENOMEM });
        }
        for (index, state) in pages.states.iter_mut().enumerate().filter(|(_, state)| **state != State::Ready)
        {
            *state = State::Ready;
            // SAFETY: the page lies in the region, as `World::pages` checked.
            let start = unsafe { pages.start.add(index * page) };
            crate::asan::allow(start, page);
            // SAFETY: one OS page of the region's block; it was not ready, so nobody uses it.
            unsafe { start.write_bytes(0, page) };
        }
        world.ready = after;
        Ok(())
    }

    unsafe fn release(&self, at: NonNull<u8>, len: Bytes) -> Result<(), OsError> {
        self.whole_pages(OsOp::Release, at, len);
        let mut world = self.world.lock();
        world.count(OsOp::Release, len)?;
        let mut pages = world.pages(OsOp::Release, at, len, self.os_page);
        pages.pass(OsOp::Release, self.os_page, State::Ready, State::Released, SCRIBBLE);
        world.ready -= len;
        Ok(())
    }

    unsafe fn unreserve(&self, at: NonNull<u8>, len: Bytes) -> Result<(), OsError> {
        let mut world = self.world.lock();
        world.calls[OsOp::Unreserve as usize] += 1;
        let Some(region) = world.regions.remove(&at.addr().get()) else {
            panic!("Unreserve of {len} at {at:?}: nothing begins there");
        };
        assert_eq!(region.len, len, "Unreserve at {at:?}: not the length it was reserved with");
        let ready = region.states.iter().flatten().filter(|&&state| state == State::Ready).count();
        world.ready -= Bytes::new(ready * self.os_page.get());
        Ok(())
    }

    fn table(&self, len: Bytes) -> Result<NonNull<u8>, OsError> {
        self.region(OsOp::Table, len, false)
    }

    unsafe fn back(&self, at: NonNull<u8>, len: Bytes) {
        let mut world = self.world.lock();
        let lies_in_one =
            world.regions.range(..=at.addr().get()).next_back().is_some_and(|(start, region)| {
                region.states.is_none() && at.addr().get() + len.get() <= start + region.len.get()
            });
        assert!(lies_in_one, "Back of {len} at {at:?}: not in one table");
        world.backed += len;
    }
}

impl SimOs {
    /// Panics unless the range is whole OS pages.
    fn whole_pages(&self, op: OsOp, at: NonNull<u8>, len: Bytes) {
        let page = self.os_page.get();
        let whole =
            at.addr().get().is_multiple_of(page) && len.get().is_multiple_of(page) && len > Bytes::ZERO;
        assert!(whole, "{op:?} of {} bytes at {at:?}: not whole OS pages of {}", len.get(), self.os_page);
    }
}

impl fmt::Debug for SimOs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let world = self.world.lock();
        f.debug_struct("SimOs")
            .field("os_page", &self.os_page)
            .field("live", &world.regions.len())
            .field("ready", &world.ready)
            .field("calls", &world.calls)
            .field("fault", &world.fault)
            .finish()
    }
}
