//! Linux: the four states as `mmap`, `mprotect` and `madvise`.
//!
//! | transition | call |
//! | --- | --- |
//! | reserve | `mmap(PROT_NONE, MAP_PRIVATE \| MAP_ANONYMOUS \| MAP_NORESERVE)`, a little longer, ends cut off |
//! | prepare | `mprotect(PROT_READ \| PROT_WRITE)` |
//! | ready | none: the first touch faults a zero page in |
//! | release | `madvise(MADV_DONTNEED)`: the pages are gone at once, the next touch reads zero |
//! | unreserve | `munmap` |
//! | table | `mmap(PROT_READ \| PROT_WRITE, … \| MAP_NORESERVE)`; if long, `madvise(MADV_NOHUGEPAGE)` |
//! | back | `madvise(MADV_POPULATE_WRITE)`, which Linux has from 5.14 |
//!
//! `MADV_FREE` would be six times cheaper, and pages that are used again before the system wants them cost nearly nothing.
//! It is not used: the resident size would stay up until the system is short of memory, so nobody could see what the
//! scavenger did, nor could a memory limit be watched from outside; and the pages would not read zero when they are ready
//! again. Huge pages are the system's business unless [`HugePages`] says otherwise. docs/design/scavenging.md has the figures.

use core::ffi::c_int;
use core::ptr::{self, NonNull};

use super::{Os, OsError, OsOp};
use crate::units::Bytes;

/// Where reservations begin: at a multiple of this. Two huge pages of x86-64 (2 MiB), so that a 4 MiB chunk of
/// the page heap never shares one with its neighbour. Any multiple of 8 KiB would be right.
const RESERVATION_ALIGN: usize = 4 << 20;

/// A huge page of most machines. Shorter tables cannot hold one, so they need no advice against it.
const HUGE_PAGE: Bytes = Bytes::mib(2);

/// What is said to the system about huge pages in reservations. Advice: a system without huge pages goes without.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum HugePages {
    /// Nothing. Where the system's policy is `always`, it may back a reservation with huge pages, and put released pages that
    /// lie between used ones back: then they count as resident again, whatever the heap's figures say.
    #[default]
    System,
    /// No huge pages (`MADV_NOHUGEPAGE`): what is released stays released.
    Never,
    /// Huge pages also where the policy is `madvise` (`MADV_HUGEPAGE`): touching memory and marking cost less, and a page
    /// that is used keeps up to 2 MiB resident.
    Wanted,
}

impl HugePages {
    fn advice(self) -> Option<c_int> {
        match self {
            Self::System => None,
            Self::Never => Some(libc::MADV_NOHUGEPAGE),
            Self::Wanted => Some(libc::MADV_HUGEPAGE),
        }
    }
}

/// The memory of a Linux process.
#[derive(Debug)]
pub struct LinuxOs {
    os_page: Bytes,
    huge_pages: HugePages,
}

impl LinuxOs {
    /// Asks the system for its page size.
    #[must_use]
    pub fn new() -> Self {
        // SAFETY: sysconf has no preconditions.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        let page = usize::try_from(page).ok().filter(|page| page.is_power_of_two());
        // Every Linux answers; 64 KiB is the largest page any of its machines has, and a multiple of all others.
        Self { os_page: Bytes::new(page.unwrap_or(64 << 10)), huge_pages: HugePages::System }
    }

    /// The same, with another word about huge pages. For all reservations it makes.
    ///
    /// ```
    /// # use heap_core::os::linux::{HugePages, LinuxOs};
    /// # use heap_core::os::{Os, Reservation};
    /// # use heap_core::sync::Arc;
    /// # use heap_core::units::Bytes;
    /// let os: Arc<dyn Os> = Arc::new(LinuxOs::new().huge_pages(HugePages::Never));
    /// let space = Reservation::reserve(&os, Bytes::mib(4))?;
    /// # Ok::<(), heap_core::os::OsError>(())
    /// ```
    #[must_use]
    pub fn huge_pages(mut self, word: HugePages) -> Self {
        self.huge_pages = word;
        self
    }
}

impl Default for LinuxOs {
    fn default() -> Self {
        Self::new()
    }
}

/// The error number the last call left, with what was asked for.
fn last_error(op: OsOp, bytes: Bytes) -> OsError {
    let code = std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EINVAL);
    OsError { op, bytes, code }
}

/// A fresh private anonymous mapping of `len` bytes, which no memory is set aside for.
fn map(len: usize, access: c_int) -> Option<NonNull<u8>> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a mapping wherever the system likes, of no file, overlays nothing that exists.
    let at = unsafe { libc::mmap(ptr::null_mut(), len, access, flags, -1, 0) };
    if at == libc::MAP_FAILED { None } else { NonNull::new(at.cast()) }
}

/// Takes `len` bytes at `at` out of the address space; true if the system did.
///
/// # Safety
/// The range is whole OS pages of a mapping of ours that nobody uses.
unsafe fn unmap(at: NonNull<u8>, len: usize) -> bool {
    // SAFETY: the caller's promise is munmap's precondition.
    unsafe { libc::munmap(at.as_ptr().cast(), len) == 0 }
}

// SAFETY: duty 1: mmap gives ranges of its own, aligned to the OS page; `reserve` cuts its ends off so that
// it begins at a multiple of RESERVATION_ALIGN. Duty 2: anonymous private memory reads zero when first
// touched and after MADV_DONTNEED. Duty 3: every call names its range.
unsafe impl Os for LinuxOs {
    fn os_page(&self) -> Bytes {
        self.os_page
    }

    fn reserve(&self, len: Bytes) -> Result<NonNull<u8>, OsError> {
        let slack = RESERVATION_ALIGN - self.os_page.get();
        let Some(longer) = len.get().checked_add(slack) else {
            return Err(OsError { op: OsOp::Reserve, bytes: len, code: libc::ENOMEM });
        };
        let Some(raw) = map(longer, libc::PROT_NONE) else {
            return Err(last_error(OsOp::Reserve, len));
        };
        let head = raw.addr().get().next_multiple_of(RESERVATION_ALIGN) - raw.addr().get();
        // SAFETY: `head` is at most `slack`, so this lies in the mapping just made.
        let base = unsafe { raw.add(head) };
        // SAFETY: `len` bytes follow in the mapping, whose length is `len + slack` with `head <= slack`.
        let end = unsafe { base.add(len.get()) };
        for (at, cut) in [(raw, head), (end, slack - head)] {
            if cut > 0 {
                // An end the system will not take back stays mapped, untouched: it wastes address space only.
                // SAFETY: an end of the mapping just made, which nobody knows of yet.
                unsafe { unmap(at, cut) };
            }
        }
        if let Some(advice) = self.huge_pages.advice() {
            // Kernels without huge pages refuse the advice, and need none.
            // SAFETY: the range is the mapping just made; the advice does not change its contents.
            unsafe { libc::madvise(base.as_ptr().cast(), len.get(), advice) };
        }
        Ok(base)
    }

    unsafe fn prepare(&self, at: NonNull<u8>, len: Bytes) -> Result<(), OsError> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: the range is part of a live mapping of ours (the caller's promise); it gains access and loses
        // nothing.
        let result = unsafe { libc::mprotect(at.as_ptr().cast(), len.get(), access) };
        if result == 0 { Ok(()) } else { Err(last_error(OsOp::Prepare, len)) }
    }

    unsafe fn ready(&self, _at: NonNull<u8>, _len: Bytes) -> Result<(), OsError> {
        Ok(())
    }

    unsafe fn release(&self, at: NonNull<u8>, len: Bytes) -> Result<(), OsError> {
        // SAFETY: the range is part of a live mapping of ours, and nobody counts on its contents (the caller's
        // promise).
        let result = unsafe { libc::madvise(at.as_ptr().cast(), len.get(), libc::MADV_DONTNEED) };
        if result == 0 { Ok(()) } else { Err(last_error(OsOp::Release, len)) }
    }

    unsafe fn unreserve(&self, at: NonNull<u8>, len: Bytes) -> Result<(), OsError> {
        // SAFETY: the whole of a mapping of ours that nobody uses any more (the caller's promise).
        if unsafe { unmap(at, len.get()) } { Ok(()) } else { Err(last_error(OsOp::Unreserve, len)) }
    }

    fn table(&self, len: Bytes) -> Result<NonNull<u8>, OsError> {
        let Some(at) = map(len.get(), libc::PROT_READ | libc::PROT_WRITE) else {
            return Err(last_error(OsOp::Table, len));
        };
        if len >= HUGE_PAGE {
            // Kernels without huge pages refuse the advice, and need none.
            // SAFETY: the range is the mapping just made; the advice does not change its contents.
            unsafe { libc::madvise(at.as_ptr().cast(), len.get(), libc::MADV_NOHUGEPAGE) };
        }
        Ok(at)
    }

    unsafe fn back(&self, at: NonNull<u8>, len: Bytes) {
        let page = self.os_page.get();
        let before = at.addr().get() % page;
        // SAFETY: a table begins at an OS page, so the page that `at` lies in does not begin before its table.
        let start = unsafe { at.sub(before) };
        let whole = (before + len.get()).next_multiple_of(page);
        // SAFETY: whole pages of a live table, which is whole pages long (the caller's promise); each is faulted in as a write would
        // fault it in, and none that is there is changed. A kernel that refuses leaves it to the first touch.
        unsafe { libc::madvise(start.as_ptr().cast(), whole, libc::MADV_POPULATE_WRITE) };
    }
}
