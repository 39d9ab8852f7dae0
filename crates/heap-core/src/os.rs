//! The contract with the operating system: who backs which address, and who says so.
//!
//! Address space is in one of four states, OS page by OS page, and every call of the operating system is one
//! named transition:
//!
//! ```text
//!           reserve            prepare             ready              release
//!   none ────────────▶ reserved ─────▶ prepared ──────────▶ ready ──────────────▶ released
//!    ▲                    │               │                   │  ◀──────────────    │
//!    └────────────────────┴───────────────┴──── unreserve ────┴──────── ready ──────┘
//! ```
//!
//! * *reserved*: ours, but any access faults. Costs address space only.
//! * *prepared*: may become ready at any moment; not to be touched yet.
//! * *ready*: memory. Reads zero until it is written for the first time.
//! * *released*: the contents are gone and the memory is with the system; the addresses are still ours. Ready
//!   again, it reads zero.
//!
//! On Linux `ready` is no call at all, because the page fault does the work; it is in the contract for systems
//! where it is one, and so that the simulated system can hold the heap to it.
//!
//! Side tables are the one exception: [`Os::table`] goes from none to ready in one step, lazily backed. [`Os::back`] asks for the
//! memory of a part of one before its first touch, and changes no state.
//!
//! Rules of the house
//!   1. Only this module and the files below it talk to the operating system about memory.
//!   2. Only [`Reservation::ptr`] turns a number into a pointer, by an offset from the pointer the system gave us,
//!      so that its provenance is kept.
//!   3. A transition either happened in full or the error left everything as it was.
//!
//! Beside memory, three questions about threads and limits go through here: [`thread_cpu_time`], [`shorten_slice`] and
//! [`cgroup_memory_limit`].
//!
//! [`linux`] is the real system, [`sim`] a simulated one that checks the states and fails on demand. Called by
//! [`crate::meta`] (tables) and by the page heap (everything else). Decides nothing: which pages, how many and when
//! is the callers' business.

use core::fmt;
use core::ptr::NonNull;

use crate::sync::Arc;
use crate::units::{Addr, Bytes, PAGE_BYTES};

#[cfg(all(target_os = "linux", not(miri)))]
pub mod linux;
pub mod sim;
mod cgroup;
mod clock;
mod slice;

pub use cgroup::memory_limit as cgroup_memory_limit;
pub use clock::thread_cpu_time;
pub use slice::shorten_slice;

/// The system's number for "no memory".
pub(crate) const NO_MEMORY: i32 = libc::ENOMEM;

#[cfg(test)]
mod tests;

/// One kind of request to the operating system.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum OsOp {
    /// [`Os::reserve`]: none → reserved.
    Reserve,
    /// [`Os::prepare`]: reserved → prepared.
    Prepare,
    /// [`Os::ready`]: prepared or released → ready.
    Ready,
    /// [`Os::release`]: ready → released.
    Release,
    /// [`Os::unreserve`]: any state → none.
    Unreserve,
    /// [`Os::table`]: none → ready, lazily backed.
    Table,
}

impl OsOp {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 6] =
        [Self::Reserve, Self::Prepare, Self::Ready, Self::Release, Self::Unreserve, Self::Table];

    /// What was asked for, as the end of the sentence "cannot …".
    const fn wanted(self) -> (&'static str, &'static str) {
        match self {
            Self::Reserve => ("reserve", "of address space"),
            Self::Prepare => ("make", "of address space accessible"),
            Self::Ready => ("back", "with memory"),
            Self::Release => ("release", "to the system"),
            Self::Unreserve => ("give back", "of address space"),
            Self::Table => ("map", "for a side table"),
        }
    }

    /// What somebody who sees the error can do about it.
    const fn advice(self) -> &'static str {
        match self {
            Self::Reserve | Self::Table => {
                "ask for a smaller reservation, or raise the limit on address space (ulimit -v)"
            }
            Self::Prepare => {
                "raise the limit on mappings (vm.max_map_count) or on committed memory, or lower the heap's limit"
            }
            Self::Ready => "lower the heap's limit, or give the process more memory",
            Self::Release => "the memory stays with the process; nothing is lost",
            Self::Unreserve => {
                "raise the limit on mappings (vm.max_map_count); the addresses stay with the process"
            }
        }
    }
}

/// The operating system said no. The transition did not happen, and nothing else changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OsError {
    /// The transition that was asked for.
    pub op: OsOp,
    /// For how many bytes.
    pub bytes: Bytes,
    /// The system's error number (`errno`).
    pub code: i32,
}

impl fmt::Display for OsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, what) = self.op.wanted();
        let source = std::io::Error::from_raw_os_error(self.code);
        write!(f, "cannot {verb} {} {what}: {source}; {}", self.bytes, self.op.advice())
    }
}

impl std::error::Error for OsError {}

/// An operating system, as far as memory goes. Ranges are whole OS pages unless said otherwise.
///
/// # Safety
/// The callers turn what they get into references. An implementation promises:
/// 1. [`reserve`](Self::reserve) and [`table`](Self::table) give a range that nobody else uses until it is
///    unreserved, and the pointer they give may be used for the whole range. A table is aligned to the OS page, a
///    reservation to that and to the 8 KiB runtime page. An OS page is a power of two, at least 4 KiB.
/// 2. Ready memory can be read and written; it reads zero until it is written after it last became ready. Tables
///    are ready from the start.
/// 3. No transition touches anything outside the range it names (widened to whole OS pages).
pub unsafe trait Os: Send + Sync + fmt::Debug {
    /// The size of the system's own page, a power of two: the smallest piece that can be released.
    fn os_page(&self) -> Bytes;

    /// none → reserved: `len` bytes of address space (a multiple of the OS page, not zero), backed by nothing.
    ///
    /// # Errors
    /// The address space or a limit on it is used up.
    fn reserve(&self, len: Bytes) -> Result<NonNull<u8>, OsError>;

    /// reserved → prepared. All of the range must be reserved; a system that keeps book panics otherwise, others
    /// leave what was prepared or ready as it is.
    ///
    /// # Errors
    /// A limit on mappings or on committed memory is reached.
    ///
    /// # Safety
    /// `at..at + len` lies in one live reservation of this system.
    unsafe fn prepare(&self, at: NonNull<u8>, len: Bytes) -> Result<(), OsError>;

    /// prepared or released → ready. What is ready already stays as it is. The range need not be whole OS pages:
    /// it is widened to them. None of it may be merely reserved; a system that keeps book panics otherwise.
    ///
    /// # Errors
    /// A limit on memory is reached (systems that back memory at the first touch cannot say so here).
    ///
    /// # Safety
    /// `at..at + len` lies in one live reservation of this system.
    unsafe fn ready(&self, at: NonNull<u8>, len: Bytes) -> Result<(), OsError>;

    /// ready → released: the contents are gone, the memory goes back to the system.
    ///
    /// # Errors
    /// The system refuses; the contents are then as before.
    ///
    /// # Safety
    /// `at..at + len` lies in one live reservation of this system, all of it is ready, and nobody reads or writes
    /// it, or holds a reference into it, during the call; afterwards nobody does before it is ready again.
    unsafe fn release(&self, at: NonNull<u8>, len: Bytes) -> Result<(), OsError>;

    /// any state → none: gives a whole reservation or table back.
    ///
    /// # Errors
    /// The system refuses; the range then stays with the process.
    ///
    /// # Safety
    /// `at` and `len` are those of one [`reserve`](Self::reserve) or [`table`](Self::table), not given back yet,
    /// and nobody uses the range any more.
    unsafe fn unreserve(&self, at: NonNull<u8>, len: Bytes) -> Result<(), OsError>;

    /// none → ready: `len` zero bytes (a multiple of the OS page, not zero) for a side table, backed as they are
    /// touched. Meant to be sparse: the system backs single OS pages, not huge ones.
    ///
    /// # Errors
    /// The address space or a limit on it is used up.
    fn table(&self, len: Bytes) -> Result<NonNull<u8>, OsError>;

    /// Backs a part of a table before it is touched, so that touching it takes no page fault. A hint: nothing that can be read
    /// changes, and a system that cannot, or will not, does nothing.
    ///
    /// # Safety
    /// `at..at + len` lies in one live [`table`](Self::table) of this system. Others may use it meanwhile.
    unsafe fn back(&self, _at: NonNull<u8>, _len: Bytes) {}
}

/// The system this process runs on: Linux, or the simulated one under Miri and where Linux is not.
#[must_use]
pub fn host() -> Arc<dyn Os> {
    #[cfg(all(target_os = "linux", not(miri)))]
    {
        Arc::new(linux::LinuxOs::new())
    }
    #[cfg(not(all(target_os = "linux", not(miri))))]
    {
        sim::SimOs::new()
    }
}

/// `len` rounded up to whole OS pages, at least one; `None` if that is more than the address space.
pub(crate) fn whole_os_pages(os: &dyn Os, len: Bytes) -> Option<Bytes> {
    let page = os.os_page().get();
    len.get()
        .max(1)
        .checked_next_multiple_of(page)
        .filter(|&len| isize::try_from(len).is_ok())
        .map(Bytes::new)
}

/// One range of address space, owned: given back when it is dropped.
///
/// Invariants
///   R1  `base..base + len` is one live reservation of `os`, made by [`Os::reserve`].
///   R2  every pointer handed out derives from `base`.
#[derive(Debug)]
pub struct Reservation {
    os: Arc<dyn Os>,
    base: NonNull<u8>,
    len: Bytes,
}

// SAFETY: the reservation owns address space, not data; no method of it reads or writes the range, and the system
// behind it is Send and Sync. What lies in the range is guarded by whoever obtains pointers into it.
unsafe impl Send for Reservation {}
// SAFETY: as for Send; through a shared reference only numbers and pointers are obtained.
unsafe impl Sync for Reservation {}

impl Reservation {
    /// Reserves exactly `len` bytes, rounded up to whole OS pages.
    ///
    /// # Errors
    /// The system's, or `ENOMEM` when `len` exceeds the address space.
    pub fn reserve(os: &Arc<dyn Os>, len: Bytes) -> Result<Self, OsError> {
        let Some(whole) = whole_os_pages(&**os, len) else {
            return Err(OsError { op: OsOp::Reserve, bytes: len, code: libc::ENOMEM });
        };
        let base = os.reserve(whole)?;
        debug_assert_eq!(
            base.addr().get() % PAGE_BYTES,
            0,
            "duty 1 of Os: {base:?} is not aligned to a page"
        );
        Ok(Self { os: Arc::clone(os), base, len: whole })
    }

    /// Reserves `wanted` bytes, or half of that, or half again, until the system grants it; never less than
    /// `least`. Both are rounded up to whole OS pages.
    ///
    /// # Errors
    /// The system's answer to the last and smallest request.
    pub fn reserve_up_to(os: &Arc<dyn Os>, wanted: Bytes, least: Bytes) -> Result<Self, OsError> {
        let mut len = wanted.max(least);
        loop {
            match Self::reserve(os, len) {
                Ok(reservation) => return Ok(reservation),
                Err(error) if len == least => return Err(error),
                Err(_) => len = Bytes::new(len.get() / 2).max(least),
            }
        }
    }

    /// The system the range came from.
    #[must_use]
    pub fn os(&self) -> &Arc<dyn Os> {
        &self.os
    }

    /// The first address, as the pointer all others derive from.
    #[inline]
    #[must_use]
    pub fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// How long the range is: a multiple of the OS page.
    #[inline]
    #[must_use]
    pub fn len(&self) -> Bytes {
        self.len
    }

    /// Never: a reservation holds at least one OS page.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == Bytes::ZERO
    }

    /// The pointer `offset` bytes into the range.
    ///
    /// # Panics
    /// If `offset` lies outside.
    #[inline]
    #[must_use]
    pub fn ptr(&self, offset: Bytes) -> NonNull<u8> {
        assert!(offset < self.len, "R2: offset {} outside a reservation of {}", offset.get(), self.len);
        // SAFETY: the offset is below `len`, and `base..base + len` is one allocation (R1), which by duty 1 of
        // `Os` the pointer may be used for; its length fits isize (`whole_os_pages`).
        unsafe { self.base.add(offset.get()) }
    }

    /// Whether `addr` lies in the range.
    #[inline]
    #[must_use]
    pub fn contains(&self, addr: Addr) -> bool {
        addr.get().wrapping_sub(self.base.addr().get()) < self.len.get()
    }

    /// How far into the range `addr` lies; `None` outside.
    #[inline]
    #[must_use]
    pub fn offset_of(&self, addr: Addr) -> Option<Bytes> {
        let offset = addr.get().wrapping_sub(self.base.addr().get());
        (offset < self.len.get()).then_some(Bytes::new(offset))
    }

    /// reserved → prepared, for whole OS pages that are all reserved (the simulated system checks that).
    ///
    /// # Errors
    /// The system's; nothing changed.
    ///
    /// # Panics
    /// If the range reaches outside the reservation.
    pub fn prepare(&self, offset: Bytes, len: Bytes) -> Result<(), OsError> {
        let at = self.start_of(offset, len);
        // SAFETY: the range lies in this live reservation (R1, asserted by `start_of`).
        unsafe { self.os.prepare(at, len) }
    }

    /// prepared or released → ready; what is ready stays as it is. The range need not be whole OS pages.
    ///
    /// # Errors
    /// The system's; nothing changed.
    ///
    /// # Panics
    /// If the range reaches outside the reservation.
    pub fn ready(&self, offset: Bytes, len: Bytes) -> Result<(), OsError> {
        let at = self.start_of(offset, len);
        // SAFETY: the range lies in this live reservation (R1, asserted by `start_of`).
        unsafe { self.os.ready(at, len) }
    }

    /// ready → released, for whole OS pages: the contents are gone.
    ///
    /// # Errors
    /// The system's; the contents are then as before.
    ///
    /// # Panics
    /// If the range reaches outside the reservation.
    ///
    /// # Safety
    /// All of the range is ready; nobody reads or writes it, or holds a reference into it, during the call, nor
    /// afterwards before it is ready again.
    pub unsafe fn release(&self, offset: Bytes, len: Bytes) -> Result<(), OsError> {
        let at = self.start_of(offset, len);
        // SAFETY: the range lies in this live reservation (R1, asserted by `start_of`); that it is ready and
        // unused is the caller's promise.
        unsafe { self.os.release(at, len) }
    }

    /// The pointer to the start of a range that must lie inside.
    fn start_of(&self, offset: Bytes, len: Bytes) -> NonNull<u8> {
        let fits =
            len > Bytes::ZERO && offset.get().checked_add(len.get()).is_some_and(|end| end <= self.len.get());
        assert!(fits, "R1: {len} at offset {} do not lie in a reservation of {}", offset.get(), self.len);
        self.ptr(offset)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        // SAFETY: the range is one live reservation (R1), and its owner says by dropping that nobody uses it.
        let given_back = unsafe { self.os.unreserve(self.base, self.len) };
        // A system that will not take address space back leaves us nothing to do: the range stays mapped, which
        // wastes it and harms nobody.
        given_back.ok();
    }
}
