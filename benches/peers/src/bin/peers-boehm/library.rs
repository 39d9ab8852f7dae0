//! The library: found when the program runs, and the few of its functions that are used.
//!
//! The collector looks for pointers in stacks, registers, static data and its own objects, word by word. It does not look into memory of
//! the global allocator: so whatever keeps objects alive here is on the stack, or is itself an object.
//!
//! Called by the benches of this program. Objects are raw pointers: the collector moves nothing, and what is reachable stays.

use core::ffi::c_void;
use core::ptr::NonNull;

use libloading::Library as Loaded;
use peers::Refusal;

/// Names under which systems have it.
const NAMES: [&str; 3] = ["libgc.so.1", "libgc.so", "libgc.dylib"];

type Alloc = unsafe extern "C" fn(usize) -> *mut c_void;
type Act = unsafe extern "C" fn();
type Ask = unsafe extern "C" fn() -> usize;

/// The collector, ready.
#[derive(Debug)]
pub(crate) struct Library {
    malloc: Alloc,
    malloc_atomic: Alloc,
    collect: Act,
    disable: Act,
    cycles: Ask,
}

impl Library {
    /// Finds the library and starts the collector, on the main thread.
    ///
    /// # Errors
    /// When it is not on this machine, or lacks a function.
    pub(crate) fn open() -> Result<Self, Refusal> {
        // SAFETY: the library's initialisation only sets variables of its own; GC_init, below, does the rest.
        let open = |name: &str| unsafe { Loaded::new(name) };
        let loaded = NAMES.iter().find_map(|name| open(name).ok());
        let loaded =
            loaded.ok_or_else(|| Refusal::absent(format!("none of {NAMES:?} is here (Debian: libgc1)")))?;
        // It stays as long as the process: its objects do, and its signal handlers.
        let loaded = Box::leak(Box::new(loaded));
        let init: Act = function(loaded, "GC_init")?;
        let library = Self {
            malloc: function(loaded, "GC_malloc")?,
            malloc_atomic: function(loaded, "GC_malloc_atomic")?,
            collect: function(loaded, "GC_gcollect")?,
            disable: function(loaded, "GC_disable")?,
            cycles: function(loaded, "GC_get_gc_no")?,
        };
        // SAFETY: called once, on the main thread, before any other function of the collector.
        unsafe { init() };
        Ok(library)
    }

    /// An object of so many bytes, all zero, in which pointers are looked for.
    #[inline]
    pub(crate) fn scanned(&self, bytes: usize) -> NonNull<c_void> {
        // SAFETY: the collector is ready; any size may be asked for.
        let object = unsafe { (self.malloc)(bytes) };
        NonNull::new(object).expect("the collector has no more memory")
    }

    /// An object of so many bytes in which no pointers are looked for, and which is not cleared.
    #[inline]
    pub(crate) fn noscan(&self, bytes: usize) -> NonNull<c_void> {
        // SAFETY: the collector is ready; any size may be asked for.
        let object = unsafe { (self.malloc_atomic)(bytes) };
        NonNull::new(object).expect("the collector has no more memory")
    }

    /// A full collection.
    pub(crate) fn collect(&self) {
        // SAFETY: the collector is ready, and does not call back.
        unsafe { (self.collect)() }
    }

    /// No collections but those that are asked for.
    pub(crate) fn disable(&self) {
        // SAFETY: the collector is ready.
        unsafe { (self.disable)() }
    }

    /// Collections so far.
    pub(crate) fn cycles(&self) -> usize {
        // SAFETY: the collector is ready; the number is read without its lock, by the only thread that allocates.
        unsafe { (self.cycles)() }
    }
}

/// A function of the library.
fn function<F: Copy>(loaded: &'static Loaded, name: &str) -> Result<F, Refusal> {
    // SAFETY: `F` is the type that gc.h declares for this name: a pointer to a C function.
    let found = unsafe { loaded.get::<F>(name.as_bytes()) };
    found.map(|found| *found).map_err(|error| Refusal::absent(format!("libgc without {name}: {error}")))
}
