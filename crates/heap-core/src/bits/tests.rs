//! Every function against `bitvec`, which is slow here and right.

use bitvec::prelude::{BitSlice, Lsb0};
use proptest::prelude::*;

use super::*;

/// Up to sixteen words, of the kinds a span has: empty, full, sparse, dense and anything.
fn some_words() -> impl Strategy<Value = Vec<u64>> {
    let word = prop_oneof![
        3 => Just(0),
        3 => Just(u64::MAX),
        2 => any::<u64>(),
        1 => (any::<u64>(), any::<u64>(), any::<u64>()).prop_map(|(a, b, c)| a & b & c),
        1 => (any::<u64>(), any::<u64>(), any::<u64>()).prop_map(|(a, b, c)| a | b | c),
        1 => (0..64u32).prop_map(|bit| 1 << bit),
        1 => (0..64u32).prop_map(|bit| !(1 << bit)),
    ];
    prop::collection::vec(word, 1..=16)
}

/// Words and a range of bits in them, which may be empty.
fn words_and_range() -> impl Strategy<Value = (Vec<u64>, usize, usize)> {
    some_words().prop_flat_map(|words| {
        let bits = words.len() * WORD_BITS;
        (Just(words), 0..=bits, 0..=bits).prop_map(|(words, a, b)| (words, a.min(b), a.max(b)))
    })
}

fn oracle(words: &[u64]) -> &BitSlice<u64, Lsb0> {
    BitSlice::from_slice(words)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 16 } else { 2048 }, failure_persistence: None,
        ..ProptestConfig::default() })]

    #[test]
    fn single_bits_are_set_cleared_and_read_as_bitvec_does((words, from, to) in words_and_range()) {
        prop_assume!(from < to);
        prop_assert_eq!(get(&words, from), oracle(&words)[from]);
        let (mut ours, mut theirs) = (words.clone(), words.clone());
        set(&mut ours, from);
        BitSlice::<u64, Lsb0>::from_slice_mut(&mut theirs).set(from, true);
        prop_assert_eq!(&ours, &theirs);
        clear(&mut ours, from);
        BitSlice::<u64, Lsb0>::from_slice_mut(&mut theirs).set(from, false);
        prop_assert_eq!(&ours, &theirs);
    }

    #[test]
    fn ranges_are_set_cleared_and_counted_as_bitvec_does((words, from, to) in words_and_range()) {
        prop_assert_eq!(count_range(&words, from, to - from), oracle(&words)[from..to].count_ones());
        prop_assert_eq!(count_ones(&words), oracle(&words).count_ones());
        let (mut ours, mut theirs) = (words.clone(), words.clone());
        set_range(&mut ours, from, to - from);
        BitSlice::<u64, Lsb0>::from_slice_mut(&mut theirs)[from..to].fill(true);
        prop_assert_eq!(&ours, &theirs);
        let (mut ours, mut theirs) = (words.clone(), words);
        clear_range(&mut ours, from, to - from);
        BitSlice::<u64, Lsb0>::from_slice_mut(&mut theirs)[from..to].fill(false);
        prop_assert_eq!(&ours, &theirs);
    }

    #[test]
    fn searches_find_what_bitvec_finds((words, from, limit) in words_and_range(), max_len in 1..200usize) {
        let range = &oracle(&words)[from..limit];
        prop_assert_eq!(next_one(&words, from, limit), range.first_one().map(|at| from + at));
        prop_assert_eq!(next_zero(&words, from, limit), range.first_zero().map(|at| from + at));
        let run = range.first_zero().map(|at| (from + at, range[at..].leading_zeros().min(max_len)));
        prop_assert_eq!(next_zero_run(&words, from, limit, max_len), run);
    }

    #[test]
    fn a_search_ignores_what_lies_outside_its_range((words, from, limit) in words_and_range(), noise in any::<u64>()) {
        let mut other = words.clone();
        for index in (0..from).chain(limit..words.len() * WORD_BITS) {
            if noise.rotate_left(u32::try_from(index % 64).unwrap()) & 1 != 0 {
                set(&mut other, index);
            } else {
                clear(&mut other, index);
            }
        }
        prop_assert_eq!(next_one(&words, from, limit), next_one(&other, from, limit));
        prop_assert_eq!(next_zero_run(&words, from, limit, usize::MAX), next_zero_run(&other, from, limit, usize::MAX));
        prop_assert_eq!(count_range(&words, from, limit - from), count_range(&other, from, limit - from));
    }

    #[test]
    fn the_set_bits_come_in_order_and_are_announced(words in some_words()) {
        let want: Vec<usize> = oracle(&words).iter_ones().collect();
        let mut bits = iter_ones(&words);
        let mut by_steps = Vec::new();
        loop {
            prop_assert_eq!(bits.len(), want.len() - by_steps.len());
            let Some(bit) = bits.next() else { break };
            by_steps.push(bit);
        }
        prop_assert_eq!(&by_steps, &want);
        prop_assert_eq!(bits.next(), None);
        let mut by_fold = Vec::new();
        iter_ones(&words).for_each(|bit| by_fold.push(bit));
        prop_assert_eq!(&by_fold, &want);
        // A fold takes up where single steps left off.
        let mut rest = iter_ones(&words);
        let first = rest.next();
        prop_assert_eq!(first.into_iter().chain(rest.collect::<Vec<_>>()).collect::<Vec<_>>(), want);
    }

    #[test]
    fn the_zero_runs_cover_the_clear_bits_and_no_other(words in some_words(), max_len in 1..100usize) {
        let bits = words.len() * WORD_BITS;
        let (mut filled, mut at) = (words.clone(), 0);
        while let Some((start, len)) = next_zero_run(&words, at, bits, max_len) {
            prop_assert!(len >= 1 && len <= max_len);
            prop_assert_eq!(count_range(&filled, start, len), 0);
            set_range(&mut filled, start, len);
            at = start + len;
        }
        prop_assert_eq!(count_ones(&filled), bits);
    }
}

#[test]
fn a_bitmap_without_words_has_nothing_in_it() {
    assert_eq!(count_ones(&[]), 0);
    assert_eq!(next_one(&[], 0, 0), None);
    assert_eq!(next_zero_run(&[], 0, 0, 1), None);
    assert_eq!(iter_ones(&[]).next(), None);
    assert_eq!(words_for(0), 0);
    assert_eq!(words_for(1), 1);
    assert_eq!(words_for(64), 1);
    assert_eq!(words_for(65), 2);
}

#[test]
fn runs_at_the_edges_of_words() {
    type Run = Option<(usize, usize)>;
    let cases: &[(&[u64], usize, usize, usize, Run)] = &[
        (&[0], 0, 64, 1000, Some((0, 64))),
        (&[0, 0, 0], 0, 192, 1000, Some((0, 192))),
        (&[0, 0, 0], 63, 129, 1000, Some((63, 66))),
        (&[0, 0, 0], 63, 192, 65, Some((63, 65))),
        (&[u64::MAX, u64::MAX], 0, 128, 8, None),
        (&[u64::MAX, u64::MAX >> 1], 0, 128, 8, Some((127, 1))),
        (&[u64::MAX, u64::MAX >> 1], 0, 127, 8, None),
        (&[1 << 63, 1], 0, 128, 1000, Some((0, 63))),
        (&[1 << 63, 1], 63, 128, 1000, Some((65, 63))),
        (&[u64::MAX >> 1, 1 << 63], 0, 128, 1000, Some((63, 64))),
        (&[u64::MAX, 0], 64, 64, 1, None),
    ];
    for &(words, from, limit, max_len, want) in cases {
        assert_eq!(
            next_zero_run(words, from, limit, max_len),
            want,
            "{words:x?} {from}..{limit} max {max_len}"
        );
    }
}

#[test]
#[should_panic(expected = "index out of bounds")]
fn a_bit_beyond_the_words_is_refused() {
    set_range(&mut [0], 60, 8);
}
