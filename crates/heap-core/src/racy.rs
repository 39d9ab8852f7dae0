//! Reads of memory that others may be writing, faster than one byte at a time, and copies of words that may be anything.
//!
//! What is done here has a plain form in Rust with relaxed atomics; assembly says it where Rust has no word for it. An
//! intrinsic that loads sixteen bytes is a data race if another thread writes one of them. A block of assembly that does what
//! sixteen relaxed loads of a byte do is none: the compiler assumes nothing of it but what its operands say.
//!
//! Words that a marker looks at in numbers ([`words`]) have forms for the vectors of the processor ([`kernel`]).
//!
//! Elsewhere than on x86-64, and under Miri and loom, the plain forms are used.

pub mod kernel;
pub mod words;

use crate::sync::atomic::AtomicU8;
#[cfg(all(target_arch = "x86_64", not(any(miri, loom))))]
use crate::sync::atomic::{AtomicPtr, Ordering::Release};
use core::mem::MaybeUninit;

/// Sixty-four bytes as one word: bit `i` is set if byte `i` is `wanted`. Others may write the bytes meanwhile; each is then
/// seen as before or as after.
#[inline]
#[must_use]
pub fn equal_bytes(bytes: &[AtomicU8; 64], wanted: u8) -> u64 {
    #[cfg(all(target_arch = "x86_64", target_feature = "sse2", not(any(miri, loom))))]
    {
        use core::arch::x86_64::_mm_set1_epi8;
        // SAFETY: compiled only where the target has SSE2.
        let wanted = unsafe { _mm_set1_epi8(wanted.cast_signed()) };
        let (a, b, c, d): (u32, u32, u32, u32);
        // SAFETY: reads the 64 bytes, each at once, and writes the registers named, nothing else.
        unsafe {
            core::arch::asm!(
                "movdqu {x}, [{at}]",
                "movdqu {y}, [{at} + 16]",
                "pcmpeqb {x}, {wanted}",
                "pcmpeqb {y}, {wanted}",
                "pmovmskb {a:e}, {x}",
                "pmovmskb {b:e}, {y}",
                "movdqu {x}, [{at} + 32]",
                "movdqu {y}, [{at} + 48]",
                "pcmpeqb {x}, {wanted}",
                "pcmpeqb {y}, {wanted}",
                "pmovmskb {c:e}, {x}",
                "pmovmskb {d:e}, {y}",
                at = in(reg) bytes.as_ptr(),
                wanted = in(xmm_reg) wanted,
                x = out(xmm_reg) _,
                y = out(xmm_reg) _,
                a = out(reg) a,
                b = out(reg) b,
                c = out(reg) c,
                d = lateout(reg) d,
                options(nostack, readonly, preserves_flags),
            );
        }
        u64::from(a) | u64::from(b) << 16 | u64::from(c) << 32 | u64::from(d) << 48
    }
    #[cfg(not(all(target_arch = "x86_64", target_feature = "sse2", not(any(miri, loom)))))]
    {
        equal_bytes_reference(bytes, wanted)
    }
}

/// The plain form of [`equal_bytes`].
#[must_use]
pub fn equal_bytes_reference(bytes: &[AtomicU8; 64], wanted: u8) -> u64 {
    let is_wanted = |byte: &AtomicU8| byte.load(crate::sync::atomic::Ordering::Relaxed) == wanted;
    bytes.iter().enumerate().fold(0, |word, (i, byte)| word | u64::from(is_wanted(byte)) << i)
}

/// Copies a word that may hold a reference, or a number, or was never initialised (an enum's word that the variant does not
/// use), so that a marker may read it meanwhile: as one store, with release.
///
/// # Safety
/// 1. `from` is valid for reads of a word.
/// 2. `to` is valid for writes of a word and aligned; only this thread writes to it, and others read it with atomics.
#[inline(always)]
pub unsafe fn copy_word(from: *const MaybeUninit<usize>, to: *mut MaybeUninit<usize>) {
    #[cfg(all(target_arch = "x86_64", not(any(miri, loom))))]
    {
        let word: *mut u8;
        // SAFETY: reads the word at `from` (duty 1) and writes a register. What was not initialised is some number after that, and
        // what was a pointer may be one still.
        unsafe {
            core::arch::asm!(
                "mov {word}, [{from}]",
                word = lateout(reg) word,
                from = in(reg) from,
                options(nostack, readonly, preserves_flags),
            );
        }
        // SAFETY: valid and aligned; every access to it from another thread is atomic (duty 2).
        unsafe { AtomicPtr::from_ptr(to.cast()) }.store(word, Release);
    }
    #[cfg(not(all(target_arch = "x86_64", not(any(miri, loom)))))]
    {
        // SAFETY: duty 1.
        let word = unsafe { from.read() };
        // SAFETY: duty 2. Not atomic: there is no way to say it here.
        unsafe { to.write_volatile(word) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fast_word_is_the_plain_word() {
        let mut state = 0x1234_5678_9abc_def1_u64;
        for _ in 0..if cfg!(miri) { 5 } else { 2000 } {
            let bytes: [AtomicU8; 64] = core::array::from_fn(|_| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                AtomicU8::new((state >> 60) as u8 % 3)
            });
            for wanted in 0..3 {
                assert_eq!(equal_bytes(&bytes, wanted), equal_bytes_reference(&bytes, wanted));
            }
        }
    }

    #[test]
    fn a_word_is_copied_whole() {
        let from = MaybeUninit::new(0x0123_4567_89AB_CDEF_usize);
        let mut to = MaybeUninit::new(0_usize);
        // SAFETY: both are words of ours.
        unsafe { copy_word(&raw const from, &raw mut to) };
        // SAFETY: written just now.
        assert_eq!(unsafe { to.assume_init() }, 0x0123_4567_89AB_CDEF);
    }
}
