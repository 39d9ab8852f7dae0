//! Every kernel of this processor against the plain form.

use super::{WordRange, within_reference};
use crate::racy::kernel::{Kernel, Vectors};
use crate::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use proptest::prelude::*;

/// Words of a block.
const BLOCK: usize = 64;
/// Cases of a property.
const CASES: u32 = if cfg!(miri) { 8 } else { 2000 };

/// The kernels that can be tested here. What cannot is said.
fn kernels() -> Vec<Kernel> {
    let here = |vectors| {
        let kernel = Kernel::of(vectors);
        if kernel.is_none() {
            eprintln!("SKIPPED {vectors:?}: this processor or this build does not have it");
        }
        kernel
    };
    Vectors::ALL.into_iter().filter_map(here).collect()
}

/// Words that begin some words after a line does.
#[repr(align(64))]
struct Line([AtomicUsize; BLOCK + 8]);

impl Line {
    fn of(lead: usize, words: &[usize]) -> Self {
        // Around them lies what would be found, were it looked at.
        let word = |at: usize| at.checked_sub(lead).and_then(|at| words.get(at)).copied();
        Self(core::array::from_fn(|at| AtomicUsize::new(word(at).unwrap_or(usize::MAX / 3))))
    }
}

/// Ranges: all but null, a heap somewhere, the ends of the numbers, across them, and none.
fn ranges() -> impl Strategy<Value = WordRange> {
    prop_oneof![
        Just(WordRange::NON_NULL),
        (any::<usize>(), any::<usize>()).prop_map(|(first, len)| WordRange::new(first, len)),
        (0..1_usize << 47, 0..1_usize << 36).prop_map(|(first, len)| WordRange::new(first, len)),
        Just(WordRange::new(0, usize::MAX)),
        Just(WordRange::new(usize::MAX, 2)),
        Just(WordRange::new(1 << 63, 1 << 63)),
        Just(WordRange::new(5, 0)),
    ]
}

/// A word for a range: null, anything, or near one of its ends.
fn words(range: WordRange) -> impl Strategy<Value = usize> {
    let near = |end: usize| (0..4_usize).prop_map(move |by| end.wrapping_add(by).wrapping_sub(2));
    prop_oneof![
        3 => Just(0),
        2 => any::<usize>(),
        2 => near(range.first),
        2 => near(range.first.wrapping_add(range.len)),
        1 => near(1 << 63),
    ]
}

/// A mask: full, of the first so many words, of a repeated element, or anything.
fn masks() -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(u64::MAX),
        (0..BLOCK).prop_map(|words| (1 << words) - 1),
        (1..BLOCK, any::<u64>()).prop_map(|(period, element)| {
            (0..BLOCK).step_by(period).fold(0, |mask, at| mask | (element & ((1 << period) - 1)) << at)
        }),
        any::<u64>(),
        Just(0),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CASES) })]

    #[test]
    fn every_kernel_says_what_the_plain_form_says(
        (range, words) in ranges().prop_flat_map(|range| (Just(range), prop::collection::vec(words(range), BLOCK))),
        mask in masks(),
        lead in 0..8_usize,
    ) {
        let line = Line::of(lead, &words);
        let at = line.0[lead..].as_ptr();
        let told = (0..BLOCK).fold(0, |told, bit| told | u64::from(range.has(words[bit])) << bit) & mask;
        // SAFETY: sixty-four words of ours from `at` on.
        prop_assert_eq!(unsafe { within_reference(at, mask, range) }, told);
        for kernel in kernels() {
            // SAFETY: as above.
            let found = unsafe { kernel.within(at, mask, range) };
            prop_assert_eq!(found, told, "{:?}: mask {:#x}, {:?}", kernel, mask, range);
        }
    }
}

#[test]
fn one_word_alone_is_found_wherever_it_is() {
    for kernel in kernels() {
        for at in 0..BLOCK {
            let mut words = [0; BLOCK];
            words[at] = 8;
            let line = Line::of(1, &words);
            for mask in [u64::MAX, 1 << at, u64::MAX >> (BLOCK - 1 - at), !(1 << at)] {
                // SAFETY: sixty-four words of ours.
                let found = unsafe { kernel.within(line.0[1..].as_ptr(), mask, WordRange::NON_NULL) };
                assert_eq!(found, 1 << at & mask, "{kernel:?}: word {at}, mask {mask:#x}");
            }
        }
    }
}

/// The words end where memory does: what reads on is ended by the system.
#[cfg(all(target_os = "linux", not(miri)))]
#[test]
fn nothing_is_read_past_the_last_word_under_the_mask() {
    use core::ptr::null_mut;
    const PAGE: usize = 1 << 16;
    let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new mapping, wherever the system likes.
    let base = unsafe { libc::mmap(null_mut(), 2 * PAGE, protection, flags, -1, 0) };
    assert_ne!(base, libc::MAP_FAILED);
    let end = base.wrapping_byte_add(PAGE);
    // SAFETY: the second half of our mapping, which nobody has used.
    assert_eq!(unsafe { libc::mprotect(end, PAGE, libc::PROT_NONE) }, 0);
    for kernel in kernels() {
        for len in 1..=BLOCK {
            let at = end.cast::<AtomicUsize>().wrapping_sub(len);
            let mask = u64::MAX >> (BLOCK - len);
            for mask in [mask, 1 << (len - 1), mask & 0x9249_2492_4924_9249 | 1 << (len - 1)] {
                // SAFETY: from `at`, memory is readable up to the last word under the mask, and zero.
                let found = unsafe { kernel.within(at, mask, WordRange::NON_NULL) };
                assert_eq!(found, 0, "{kernel:?}: {len} words");
            }
        }
    }
    // SAFETY: our mapping, which nothing refers to any more.
    assert_eq!(unsafe { libc::munmap(base, 2 * PAGE) }, 0);
}

/// Words that nobody writes are judged exactly, though those beside them are written all the time.
#[cfg(not(loom))]
#[test]
fn words_at_rest_are_judged_exactly_beside_words_that_change() {
    use crate::sync::atomic::AtomicBool;
    use crate::sync::thread;
    const AT_REST: u64 = 0x5555_5555_5555_5555;
    // One word at rest in three leads somewhere.
    let words: Vec<usize> = (0..BLOCK).map(|at| if at % 6 == 0 { 0x10 } else { 0 }).collect();
    let wanted = (0..BLOCK).step_by(6).fold(0, |wanted, at| wanted | 1_u64 << at);
    let line = Line::of(3, &words);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut value = usize::MAX;
            while !is_over.load(Relaxed) {
                line.0[3..3 + BLOCK].iter().skip(1).step_by(2).for_each(|word| word.store(value, Relaxed));
                value = !value;
                #[cfg(miri)]
                thread::yield_now();
            }
        });
        for kernel in kernels() {
            for _ in 0..if cfg!(miri) { 10 } else { 200_000 } {
                // SAFETY: sixty-four words of ours, changed by atomic stores.
                let found = unsafe { kernel.within(line.0[3..].as_ptr(), u64::MAX, WordRange::NON_NULL) };
                assert_eq!(found & AT_REST, wanted, "{kernel:?}");
            }
        }
        is_over.store(true, Relaxed);
    });
}
