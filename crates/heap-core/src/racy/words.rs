//! Up to sixty-four words looked at together: which of them lie in a range of numbers.
//!
//! This is how a marker passes over what leads nowhere: nulls in a long array ([`WordRange::NON_NULL`]), and numbers that
//! cannot be addresses of the heap among words that may be anything.
//!
//! The answer is a *hint*, a mask of where to look. No word that was in a vector is ever used as a reference: whoever follows
//! one loads it again, eight bytes at once, with acquire. For what does the processor promise? A load of eight aligned bytes
//! is one access; on those with AVX one of sixteen is, too. Neither Intel's manual nor AMD's says that a load of 32 or 64
//! bytes is made of accesses to whole aligned words. (We know of no processor where it is not: they read lines, or halves of
//! lines, and cut no word. But that is an observation.) So a word that is overwritten while a vector is loaded counts as seen
//! as anything, and what the hint says of it may be wrong either way:
//!
//! * *It is said to lie in the range, and does not.* It is loaded again, and judged by what it is then.
//! * *It is said not to, and does.* The marker does not look at it. But a word is overwritten while marking runs, so by a store
//!   with a barrier, and what was there has been shaded before the store. All is then as if the marker had come just
//!   before the store, found what was there, and marked it, which is an order that the barrier is there for.
//!
//! Of a word that nobody writes meanwhile the hint is right.
//!
//! To the program the assembly loads the words under the mask and nothing else. Where a vector takes in a word between those,
//! what that held changes nothing.

use super::kernel::{Kernel, Vectors};
use crate::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Numbers from a first one on, so many of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WordRange {
    first: usize,
    len: usize,
}

impl WordRange {
    /// Every number but zero.
    pub const NON_NULL: Self = Self { first: 1, len: usize::MAX };

    /// The `len` numbers from `first` on, beginning again at zero after the last there is.
    #[must_use]
    pub const fn new(first: usize, len: usize) -> Self {
        Self { first, len }
    }

    /// Whether a number is one of them.
    ///
    /// ```
    /// use heap_core::racy::words::WordRange;
    /// let range = WordRange::new(10, 5);
    /// assert!(range.has(10) && range.has(14) && !range.has(9) && !range.has(15));
    /// assert!(!WordRange::NON_NULL.has(0) && WordRange::NON_NULL.has(usize::MAX));
    /// ```
    #[inline(always)]
    #[must_use]
    pub const fn has(self, word: usize) -> bool {
        word.wrapping_sub(self.first) < self.len
    }
}

impl Kernel {
    /// Those bits of a mask whose words lie in a range: bit `i` stands for word `i` from `at`. Of a word that is overwritten
    /// meanwhile it may say either; see the module's text.
    ///
    /// # Safety
    /// 1. From `at`, which is aligned to words, memory can be read up to the highest word under the mask. It need not be
    ///    initialised, except under the mask.
    /// 2. Words under the mask are changed by atomic stores only.
    #[inline]
    #[must_use]
    pub unsafe fn within(self, at: *const AtomicUsize, mask: u64, range: WordRange) -> u64 {
        match self.vectors() {
            #[cfg(all(target_arch = "x86_64", not(any(miri, loom, pct))))]
            // SAFETY: duties 1 and 2; a kernel of these vectors is proof that the processor has them.
            Vectors::Avx2 => unsafe { vectors::within_avx2(at, mask, range) },
            #[cfg(all(target_arch = "x86_64", not(any(miri, loom, pct))))]
            // SAFETY: as above.
            Vectors::Avx512 => unsafe { vectors::within_avx512(at, mask, range) },
            #[cfg(not(all(target_arch = "x86_64", not(any(miri, loom, pct)))))]
            // SAFETY: duties 1 and 2.
            Vectors::Avx2 | Vectors::Avx512 => unsafe { within_reference(at, mask, range) },
            // SAFETY: duties 1 and 2.
            Vectors::Scalar => unsafe { within_reference(at, mask, range) },
        }
    }
}

/// The plain form of [`Kernel::within`].
///
/// # Safety
/// 1. From `at`, which is aligned to words, memory can be read up to the highest word under the mask, and is initialised
///    under it.
/// 2. Words under the mask are changed by atomic stores only.
#[must_use]
pub unsafe fn within_reference(at: *const AtomicUsize, mask: u64, range: WordRange) -> u64 {
    let (mut left, mut found) = (mask, 0);
    while left != 0 {
        let bit = left.trailing_zeros();
        left &= left - 1;
        let word = at.wrapping_add(bit as usize);
        // SAFETY: readable, aligned and initialised (duty 1), and accessed atomically (duty 2).
        let word = unsafe { &*word };
        found |= u64::from(range.has(word.load(Relaxed))) << bit;
    }
    found
}

#[cfg(all(target_arch = "x86_64", not(any(miri, loom, pct))))]
mod vectors {
    use super::{WordRange, within_reference};
    use crate::sync::atomic::AtomicUsize;
    use core::arch::asm;
    use core::arch::x86_64::{__m256i, __m512i, _mm256_set1_epi64x, _mm512_set1_epi64};

    /// Eight words at a time, of which only those under the mask are loaded.
    ///
    /// # Safety
    /// The duties of [`super::Kernel::within`].
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) unsafe fn within_avx512(at: *const AtomicUsize, mask: u64, range: WordRange) -> u64 {
        let first = _mm512_set1_epi64(range.first as i64);
        let len = _mm512_set1_epi64(range.len as i64);
        if mask == !0 {
            // SAFETY: all sixty-four are under the mask (duty 1).
            return unsafe { block_within(at, first, len) };
        }
        let mut found = 0;
        for word in (0..64).step_by(8) {
            let lanes = mask >> word & 0xFF;
            if lanes == 0 {
                continue;
            }
            let within: u64;
            // SAFETY: reads words under the mask (duty 1), and writes the registers named, nothing else. Memory of a lane that is
            // not set is not accessed, and does not fault.
            unsafe {
                asm!(
                    "kmovw {lane}, {lanes:e}",
                    "vmovdqu64 {x} {{{lane}}} {{z}}, [{at}]",
                    "vpsubq {x}, {x}, {first}",
                    "vpcmpltuq {lane} {{{lane}}}, {x}, {len}",
                    "kmovw {within:e}, {lane}",
                    at = in(reg) at.wrapping_add(word),
                    lanes = in(reg) lanes,
                    first = in(zmm_reg) first,
                    len = in(zmm_reg) len,
                    lane = out(kreg) _,
                    x = out(zmm_reg) _,
                    within = lateout(reg) within,
                    options(nostack, readonly, preserves_flags),
                );
            }
            found |= within << word;
        }
        found
    }

    /// Which of sixty-four words, less `first`, are below `len`.
    ///
    /// # Safety
    /// 1. Sixty-four words can be read at `at`.
    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    unsafe fn block_within(at: *const AtomicUsize, first: __m512i, len: __m512i) -> u64 {
        let within: u64;
        // SAFETY: reads sixty-four words (duty 1), and writes the registers named, nothing else.
        unsafe {
            asm!(
                "vmovdqu64 {a}, [{at}]",
                "vmovdqu64 {b}, [{at} + 64]",
                "vpsubq {a}, {a}, {first}",
                "vpsubq {b}, {b}, {first}",
                "vpcmpltuq {k1}, {a}, {len}",
                "vpcmpltuq {k2}, {b}, {len}",
                "vmovdqu64 {a}, [{at} + 128]",
                "vmovdqu64 {b}, [{at} + 192]",
                "vpsubq {a}, {a}, {first}",
                "vpsubq {b}, {b}, {first}",
                "vpcmpltuq {k3}, {a}, {len}",
                "vpcmpltuq {k4}, {b}, {len}",
                "kunpckbw {k1}, {k2}, {k1}",
                "kunpckbw {k3}, {k4}, {k3}",
                "kunpckwd {k1}, {k3}, {k1}",
                "vmovdqu64 {a}, [{at} + 256]",
                "vmovdqu64 {b}, [{at} + 320]",
                "vpsubq {a}, {a}, {first}",
                "vpsubq {b}, {b}, {first}",
                "vpcmpltuq {k2}, {a}, {len}",
                "vpcmpltuq {k3}, {b}, {len}",
                "vmovdqu64 {a}, [{at} + 384]",
                "vmovdqu64 {b}, [{at} + 448]",
                "vpsubq {a}, {a}, {first}",
                "vpsubq {b}, {b}, {first}",
                "vpcmpltuq {k4}, {a}, {len}",
                "vpcmpltuq {k5}, {b}, {len}",
                "kunpckbw {k2}, {k3}, {k2}",
                "kunpckbw {k4}, {k5}, {k4}",
                "kunpckwd {k2}, {k4}, {k2}",
                "kunpckdq {k1}, {k2}, {k1}",
                "kmovq {within}, {k1}",
                at = in(reg) at,
                first = in(zmm_reg) first,
                len = in(zmm_reg) len,
                a = out(zmm_reg) _,
                b = out(zmm_reg) _,
                k1 = out(kreg) _,
                k2 = out(kreg) _,
                k3 = out(kreg) _,
                k4 = out(kreg) _,
                k5 = out(kreg) _,
                within = lateout(reg) within,
                options(nostack, readonly, preserves_flags),
            );
        }
        within
    }

    /// Four words at a time, and what is left at the end one by one.
    ///
    /// # Safety
    /// The duties of [`super::Kernel::within`].
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn within_avx2(at: *const AtomicUsize, mask: u64, range: WordRange) -> u64 {
        // AVX2 compares with a sign. With the top bit of both sides turned, that is a comparison without.
        let first = _mm256_set1_epi64x(range.first as i64 ^ i64::MIN);
        let len = _mm256_set1_epi64x(range.len as i64 ^ i64::MIN);
        let mut found = 0;
        if mask >> 63 == 1 {
            // Unrolled: most masks are long.
            for word in (0..64).step_by(4) {
                // SAFETY: below the highest word under the mask, which is the last (duty 1).
                found |= unsafe { four_within(at.wrapping_add(word), first, len) } << word;
            }
            return mask & found;
        }
        let whole = (64 - mask.leading_zeros()) & !3;
        for word in (0..whole).step_by(4) {
            // SAFETY: below the highest word under the mask (duty 1).
            found |= unsafe { four_within(at.wrapping_add(word as usize), first, len) } << word;
        }
        let rest = mask & (!0 << whole);
        // SAFETY: the same duties, for part of the mask.
        mask & found | unsafe { within_reference(at, rest, range) }
    }

    /// Which of four words, less `first`, are below `len`, both with the top bit turned.
    ///
    /// # Safety
    /// 1. Four words can be read at `at`.
    #[target_feature(enable = "avx2")]
    #[inline]
    unsafe fn four_within(at: *const AtomicUsize, first: __m256i, len: __m256i) -> u64 {
        let within: u64;
        // SAFETY: reads four words (duty 1), and writes the registers named, nothing else.
        unsafe {
            asm!(
                "vmovdqu {x}, [{at}]",
                "vpsubq {x}, {x}, {first}",
                "vpcmpgtq {x}, {len}, {x}",
                "vmovmskpd {within:e}, {x}",
                at = in(reg) at,
                first = in(ymm_reg) first,
                len = in(ymm_reg) len,
                x = out(ymm_reg) _,
                within = lateout(reg) within,
                options(nostack, readonly, preserves_flags),
            );
        }
        within
    }
}

#[cfg(test)]
mod tests;
