//! For the tests of pages: generated bitmaps, and the page-by-page reading of one.
#![forbid(unsafe_code)]

use proptest::prelude::*;
use proptest::test_runner::Config;

use super::chunk::{PAGES, WORD_PAGES, Words};

/// A configuration with so many cases: fewer under Miri, and no files written.
pub(super) fn cases(count: u32) -> Config {
    let cases = if cfg!(miri) { count.div_ceil(200) } else { count };
    Config { cases, failure_persistence: None, ..Config::default() }
}

/// The bitmap in which these pages (first page, how many) are set.
pub(super) fn with_set(ranges: &[(usize, usize)]) -> Words {
    let mut bits = Words::default();
    for page in ranges.iter().flat_map(|&(from, count)| from..from + count) {
        bits[page / WORD_PAGES] |= 1 << (page % WORD_PAGES);
    }
    bits
}

/// The bitmap in which these pages are clear and all others are set.
pub(super) fn with_clear(ranges: &[(usize, usize)]) -> Words {
    with_set(ranges).map(|word| !word)
}

/// Whether page `page` is set.
pub(super) fn is_set(bits: &Words, page: usize) -> bool {
    bits[page / WORD_PAGES] >> (page % WORD_PAGES) & 1 == 1
}

/// Bitmaps of long and short runs, and of noise.
pub(super) fn bitmaps() -> impl Strategy<Value = Words> {
    let length = prop_oneof![1..4usize, 1..70usize, 1..=PAGES];
    let runs = prop::collection::vec((0..PAGES, length), 0..14).prop_map(|runs| {
        runs.iter().fold(Words::default(), |bits, &(from, count)| {
            let flips = with_set(&[(from, count.min(PAGES - from))]);
            core::array::from_fn(|word| bits[word] ^ flips[word])
        })
    });
    prop_oneof![3 => runs, 1 => any::<Words>()]
}
