use proptest::prelude::*;

use super::*;
use crate::page::samples::{bitmaps, cases, is_set, with_clear, with_set};

/// The first `pages` free pages from `from` on, page by page.
fn slow_find(bits: &Words, pages: usize, from: usize) -> Option<usize> {
    (from..=PAGES.saturating_sub(pages)).find(|&at| (at..at + pages).all(|page| !is_set(bits, page)))
}

/// The free runs, page by page.
fn slow_summary(bits: &Words) -> Summary {
    let free = |page: &usize| !is_set(bits, *page);
    let start = (0..PAGES).take_while(free).count();
    let end = (0..PAGES).rev().take_while(free).count();
    let max = (0..PAGES).map(|from| (from..PAGES).take_while(free).count()).max();
    Summary::new(start, max.unwrap_or(0), end)
}

/// `keep_whole_groups`, page by page.
fn slow_groups(bits: &Words, align: usize) -> Words {
    let whole: Vec<_> = (0..PAGES)
        .step_by(align)
        .filter(|&group| (group..group + align).all(|page| is_set(bits, page)))
        .map(|group| (group, align))
        .collect();
    with_set(&whole)
}

/// `highest_set_run`, page by page.
fn slow_highest(bits: &Words, most: usize) -> Option<Range<usize>> {
    let end = (0..PAGES).rev().find(|&page| is_set(bits, page))? + 1;
    let length = (0..end).rev().take_while(|&page| is_set(bits, page)).take(most).count();
    Some(end - length..end)
}

#[test]
fn a_run_in_a_word_is_found_where_the_published_table_says() {
    // Go 1.27 runtime/mpallocbits_test.go, FindBitRange64.
    for length in 1..=64 {
        assert_eq!(first_run(u64::MAX, length), Some(0), "{length} in a full word");
        assert_eq!(first_run(0, length), None, "{length} in an empty word");
    }
    let table = [
        (0x8000_0000_0000_0000, 1, Some(63)),
        (0xc000_0100_0101_0000, 2, Some(62)),
        (0xc000_0100_0103_0000, 2, Some(16)),
        (0xe000_0300_0103_0000, 3, Some(61)),
        (0xe000_0300_0107_0000, 3, Some(16)),
        (0xffff_03ff_0107_0000, 16, Some(48)),
        (0xffff_03ff_0107_ffff, 16, Some(0)),
        (0x0fff_03ff_0107_9fff, 16, None),
    ];
    for (bits, length, expected) in table {
        assert_eq!(first_run(bits, length), expected, "{length} in {bits:#x}");
    }
}

#[test]
fn set_pages_are_counted_within_their_bounds() {
    // The first two rows of OddBound are Go's (runtime/mpallocbits_test.go, PopcntRange); the others are of the same kind.
    let odd = with_set(&[(0, 111)]);
    let table =
        [(99, 50, 12), (110, 2, 1), (0, 512, 111), (111, 401, 0), (64, 47, 47), (63, 2, 2), (110, 1, 1)];
    for (from, pages, expected) in table {
        assert_eq!(odd.count(from, pages), expected, "pages {from}+{pages}");
    }
    let scattered = with_set(&[(2, 3), (7, 5), (13, 23), (40, 100), (511, 1)]);
    for (from, pages, expected) in
        [(0, 40, 31), (2, 12, 9), (35, 10, 6), (63, 128, 77), (500, 12, 1), (140, 371, 0)]
    {
        assert_eq!(scattered.count(from, pages), expected, "pages {from}+{pages}");
    }
}

#[test]
fn a_chunk_is_summarized_by_its_free_runs() {
    // (free pages, start, max, end); rows 2 and 3 are Go's (runtime/mpallocbits_test.go, Summarize).
    type Row<'a> = (&'a [(usize, usize)], (usize, usize, usize));
    let table: [Row<'_>; 12] = [
        (&[], (0, 0, 0)),
        (&[(0, 11), (489, 23)], (11, 23, 23)),
        (&[(0, 4), (50, 100), (508, 4)], (4, 100, 4)),
        (&[(0, 512)], (512, 512, 512)),
        (&[(0, 1)], (1, 1, 0)),
        (&[(511, 1)], (0, 1, 1)),
        (&[(0, 1), (511, 1)], (1, 1, 1)),
        (&[(1, 510)], (0, 510, 0)),
        (&[(63, 2)], (0, 2, 0)),
        (&[(1, 62)], (0, 62, 0)),
        (&[(0, 64), (128, 64), (448, 64)], (64, 64, 64)),
        (&[(3, 9), (70, 8), (100, 29)], (0, 29, 0)),
    ];
    for (free, (start, max, end)) in table {
        assert_eq!(with_clear(free).summarize(), Summary::new(start, max, end), "free: {free:?}");
    }
}

#[test]
fn pages_are_found_where_the_first_gap_is_long_enough() {
    // (pages in use, pages wanted, found, in use then); the row of 161 pages is Go's SomeFree161.
    type Runs = &'static [(usize, usize)];
    let table: [(Runs, usize, Option<usize>); 15] = [
        (&[], 1, Some(0)),
        (&[], 512, Some(0)),
        (&[], 65, Some(0)),
        (&[(0, 512)], 1, None),
        (&[(0, 511)], 1, Some(511)),
        (&[(1, 511)], 1, Some(0)),
        (&[(1, 511)], 2, None),
        (&[(0, 1)], 511, Some(1)),
        (&[(0, 1)], 512, None),
        (&[(0, 185), (331, 1)], 161, Some(332)),
        (&[(0, 60), (66, 446)], 6, Some(60)),
        (&[(0, 60), (66, 446)], 7, None),
        (&[(4, 1), (9, 1), (15, 497)], 5, Some(10)),
        (&[(0, 63), (192, 320)], 129, Some(63)),
        (&[(0, 64), (127, 1), (192, 64)], 65, Some(256)),
    ];
    for (in_use, pages, expected) in table {
        let mut bits = with_set(in_use);
        assert_eq!(bits.find_free(pages, 0), expected, "{pages} pages beside {in_use:?}");
        let Some(at) = expected else { continue };
        bits.set(at, pages);
        let mut all = in_use.to_vec();
        all.push((at, pages));
        assert_eq!(bits, with_set(&all), "{pages} pages set at {at} beside {in_use:?}");
        bits.clear(at, pages);
        assert_eq!(bits, with_set(in_use), "{pages} pages cleared at {at} beside {in_use:?}");
    }
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn finding_agrees_with_going_page_by_page(bits in bitmaps(), pages in 1..=PAGES, from in 0..PAGES) {
        for pages in [pages, pages % 70 + 1, pages % 7 + 1] {
            prop_assert_eq!(bits.find_free(pages, from), slow_find(&bits, pages, from));
            prop_assert_eq!(bits.find_free(pages, 0), slow_find(&bits, pages, 0));
        }
    }

    #[test]
    fn summaries_agree_with_going_page_by_page(bits in bitmaps()) {
        prop_assert_eq!(bits.summarize(), slow_summary(&bits));
    }

    #[test]
    fn setting_clearing_and_counting_agree_with_going_page_by_page(
        bits in bitmaps(), from in 0..PAGES, pages in 1..=PAGES,
    ) {
        let pages = pages.min(PAGES - from);
        let inside = |page: usize| (from..from + pages).contains(&page);
        prop_assert_eq!(bits.count(from, pages), (from..from + pages).filter(|&page| is_set(&bits, page)).count());
        let (mut set, mut clear) = (bits, bits);
        set.set(from, pages);
        clear.clear(from, pages);
        for page in 0..PAGES {
            prop_assert_eq!(is_set(&set, page), inside(page) || is_set(&bits, page));
            prop_assert_eq!(is_set(&clear, page), !inside(page) && is_set(&bits, page));
        }
    }

    #[test]
    fn whole_groups_and_highest_runs_agree_with_going_page_by_page(bits in bitmaps(), most in 1..=PAGES) {
        for align in (0..=9).map(|shift| 1 << shift) {
            let mut kept = bits;
            kept.keep_whole_groups(align);
            prop_assert_eq!(kept, slow_groups(&bits, align), "groups of {}", align);
        }
        prop_assert_eq!(bits.highest_set_run(most), slow_highest(&bits, most));
        prop_assert_eq!(bits.highest_set_run(PAGES), slow_highest(&bits, PAGES));
    }
}
