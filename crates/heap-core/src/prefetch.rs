//! Asking for memory before it is read.

/// Asks for the cache line of a value, so that whoever reads it soon need not wait. A hint: changes nothing.
#[inline(always)]
pub fn prefetch<T>(at: &T) {
    prefetch_address(core::ptr::from_ref(at).addr());
}

/// The same for an address that may be none.
#[inline(always)]
pub fn prefetch_address(address: usize) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        // SAFETY: a prefetch reads nothing, whatever the address; SSE is there on every x86-64.
        unsafe {
            core::arch::x86_64::_mm_prefetch::<{ core::arch::x86_64::_MM_HINT_T0 }>(
                core::ptr::without_provenance(address),
            );
        };
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = address;
}
