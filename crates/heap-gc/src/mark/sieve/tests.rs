use super::Sieve;
use heap_core::racy::kernel::{Kernel, Vectors};
use heap_core::stress::SIFTED_EVERY;
use heap_core::sync::atomic::AtomicUsize;

fn words(word: impl Fn(usize) -> usize) -> [AtomicUsize; 64] {
    core::array::from_fn(|at| AtomicUsize::new(word(at)))
}

fn sift(sieve: &mut Sieve, words: &[AtomicUsize; 64]) -> u64 {
    // SAFETY: sixty-four words of ours.
    unsafe { sieve.sift(words.as_ptr(), u64::MAX) }
}

#[test]
fn without_vectors_nothing_is_ever_due() {
    let mut sieve = Sieve::new(Kernel::SCALAR);
    for _ in 0..100 {
        assert!(!sieve.is_due());
        sieve.let_through(1 << 40);
    }
}

#[test]
fn words_are_let_through_after_few_nulls_and_looked_at_after_many() {
    let wide = [Vectors::Avx2, Vectors::Avx512].into_iter().filter_map(Kernel::of).collect::<Vec<_>>();
    if wide.is_empty() {
        eprintln!("SKIPPED: this processor or this build has no vectors");
    }
    for kernel in wide {
        let mut sieve = Sieve::new(kernel);
        assert!(sieve.is_due());
        assert_eq!(sift(&mut sieve, &words(|at| at % 2 * 8)), 0xAAAA_AAAA_AAAA_AAAA);
        assert!(sieve.is_due(), "every other word is null");
        assert_eq!(sift(&mut sieve, &words(|at| if at == 5 { 0 } else { 8 })), !(1 << 5));
        assert!(!sieve.is_due(), "one in sixty-four is null");
        sieve.let_through(SIFTED_EVERY - 1);
        assert!(!sieve.is_due());
        sieve.let_through(1);
        assert!(sieve.is_due());
    }
}
