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

/// Lines that are asked for at the beginning of each page of a block.
const LINES: usize = 8;
const LINE: usize = 64;
/// As far as processors follow a stream of accesses by themselves.
pub(crate) const PAGE: usize = 4096;

/// Asks for the beginning of a block that is about to be filled from there on, and of each page of it: what comes after, the processor sees
/// coming. A hint, as above; some tens of instructions for a block of 8 KiB.
pub fn prefetch_block(start: usize, bytes: usize) {
    lines(start, bytes).for_each(prefetch_address);
}

/// The addresses that are asked for.
fn lines(start: usize, bytes: usize) -> impl Iterator<Item = usize> {
    let end = start + bytes;
    let next = |page: usize| (page | (PAGE - 1)) + 1;
    core::iter::successors(Some(start), move |page| Some(next(*page)).filter(|next| *next < end))
        .flat_map(move |page| (page..end.min(next(page)).min(page + LINES * LINE)).step_by(LINE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(start: usize, bytes: usize) -> Vec<usize> {
        lines(start, bytes).collect()
    }

    #[test]
    fn eight_lines_of_each_page_are_asked_for() {
        let two_pages = all(0x8000, 0x2000);
        assert_eq!(two_pages.len(), 16);
        assert_eq!(
            (two_pages[0], two_pages[7], two_pages[8], two_pages[15]),
            (0x8000, 0x81c0, 0x9000, 0x91c0)
        );
    }

    #[test]
    fn no_line_beyond_the_block_is_asked_for() {
        assert_eq!(all(0x8f90, 16), [0x8f90]);
        assert_eq!(all(0x8fc0, 0x100), [0x8fc0, 0x9000, 0x9040, 0x9080]);
        assert!(all(0x8000, 0).is_empty());
    }
}
