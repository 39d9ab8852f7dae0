use proptest::prelude::*;

use super::*;
use crate::page::samples::cases;

/// Takes runs of `wanted` pages from a cache at page 64; where each was found, and what it uncovered.
fn run(free: u64, released: u64, wanted: &[usize]) -> Vec<Option<(usize, usize)>> {
    let mut cache = PageCache::new(PageIndex::new(64), free, released);
    wanted
        .iter()
        .map(|&pages| {
            let run = cache.take(Pages::new(pages))?;
            assert_eq!(run.pages, Pages::new(pages));
            Some((run.base.get() - 64, run.uncovered.get()))
        })
        .collect()
}

#[test]
fn an_empty_cache_has_nothing() {
    assert_eq!(run(0, 0, &[1, 2, 64]), [None, None, None]);
    assert!(PageCache::empty().is_empty());
}

#[test]
fn a_full_cache_is_handed_out_from_the_bottom() {
    assert_eq!(run(u64::MAX, 0, &[1, 1]), [Some((0, 0)), Some((1, 0))]);
    assert_eq!(run(u64::MAX, u64::MAX, &[64, 1]), [Some((0, 64)), None]);
    assert_eq!(run(u64::MAX, 0, &[65]), [None]);
    assert_eq!(run(u64::MAX, 1 << 63, &[63, 1]), [Some((0, 0)), Some((63, 1))]);
}

#[test]
fn a_long_mixed_sequence_empties_the_cache_exactly() {
    let wanted = [4, 1, 1, 1, 1, 8, 16, 1, 2, 2, 3, 4, 5, 6, 1, 1, 1, 1, 1, 3, 1, 1];
    let found = run(u64::MAX, 0, &wanted);
    let mut next = 0;
    for (pages, found) in wanted.into_iter().zip(found) {
        let fits = next + pages <= 64;
        assert_eq!(found, fits.then_some((next, 0)), "{pages} pages after {next}");
        next += if fits { pages } else { 0 };
    }
    assert_eq!(next, 64);
}

#[test]
fn gaps_are_filled_where_they_are_long_enough_and_uncover_what_they_hold() {
    // The words of Go's case Swiss1 (runtime/mpagecache_test.go): free pages 0 2 4 6 8 10 12 14 29, released of them
    // 0 2 8 10 12 14.
    let found = run(0x2000_5555, 0x5505, &[1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
    let expected = [(0, 1), (2, 1), (4, 0), (6, 0), (8, 1), (10, 1), (12, 1), (14, 1), (29, 0)];
    assert_eq!(found[..9], expected.map(Some));
    assert_eq!(found[9], None);
    assert_eq!(run(0x2000_5555, 0x5505, &[2, 1]), [None, Some((0, 1))]);
    assert_eq!(run(0xff00_00f0, 0x8100_0090, &[5, 4, 4]), [Some((24, 1)), Some((4, 2)), None]);
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn every_run_is_the_lowest_and_accounts_for_every_released_page(
        free in any::<u64>(),
        mask in prop_oneof![Just(u64::MAX), any::<u64>(), Just(0)],
        wanted in prop::collection::vec(1..20usize, 0..40),
    ) {
        let free = free | (free << 1);
        let released = free & mask;
        let mut model: Vec<bool> = (0..64).map(|page| free >> page & 1 == 1).collect();
        let mut cache = PageCache::new(PageIndex::new(0), free, released);
        let mut uncovered = 0;
        for pages in wanted {
            let expected = (0..=64 - pages).find(|&at| model[at..at + pages].iter().all(|&free| free));
            let run = cache.take(Pages::new(pages));
            prop_assert_eq!(run.map(|run| run.base.get()), expected);
            if let (Some(at), Some(run)) = (expected, run) {
                model[at..at + pages].fill(false);
                uncovered += run.uncovered.get();
            }
        }
        prop_assert_eq!(cache.free().get(), model.iter().filter(|&&free| free).count());
        prop_assert_eq!(uncovered + cache.released().get(), released.count_ones() as usize);
    }
}
