use proptest::prelude::*;

use super::*;
use crate::page::samples::cases;

/// The free runs of a row of pages, page by page.
fn slow(free: &[bool]) -> Summary {
    let start = free.iter().take_while(|&&free| free).count();
    let end = free.iter().rev().take_while(|&&free| free).count();
    let max = free.split(|&free| !free).map(<[bool]>::len).max();
    Summary::new(start, max.unwrap_or(0), end)
}

#[test]
fn three_lengths_fit_a_word_and_come_out_as_they_went_in() {
    for (start, max, end) in
        [(0, 0, 0), (1, 2, 0), (0, 7, 7), (512, 512, 512), (3, MOST - 1, 5), (MOST, MOST, MOST)]
    {
        let summary = Summary::new(start, max, end);
        assert_eq!((summary.start(), summary.max(), summary.end()), (start, max, end));
        assert_eq!(Summary::unpack(summary.pack()), summary);
    }
}

#[test]
fn the_packing_is_start_max_end_from_the_low_bits_and_bit_63_for_all() {
    assert_eq!(Summary::new(1, 5, 2).pack(), 1 | 5 << 21 | 2 << 42);
    assert_eq!(Summary::all(MOST).pack(), 1 << 63);
    assert_eq!(Summary::all(512).pack(), 512 | 512 << 21 | 512 << 42);
    assert_eq!(Summary::NONE.pack(), 0);
}

#[test]
fn eight_free_children_of_the_root_make_the_largest_summary() {
    let child = Summary::all(MOST / 8).pack();
    assert_eq!(Summary::merge(&[child; 8], MOST / 8), Summary::all(MOST));
    let mut but_one = [child; 8];
    but_one[0] = Summary::new(0, MOST / 8 - 1, MOST / 8 - 1).pack();
    assert_eq!(Summary::merge(&but_one, MOST / 8), Summary::new(0, MOST - 1, MOST - 1));
}

#[test]
fn merging_joins_what_straddles_a_border() {
    let table = [
        ([(4, 4, 0), (0, 0, 0)], (4, 4, 0)),
        ([(0, 3, 3), (5, 5, 0)], (0, 8, 0)),
        ([(8, 8, 8), (2, 3, 1)], (10, 10, 1)),
        ([(1, 3, 3), (8, 8, 8)], (1, 11, 11)),
        ([(8, 8, 8), (8, 8, 8)], (16, 16, 16)),
        ([(1, 6, 0), (0, 2, 2)], (1, 6, 2)),
    ];
    for (children, (start, max, end)) in table {
        let packed = children.map(|(start, max, end)| Summary::new(start, max, end).pack());
        assert_eq!(Summary::merge(&packed, 8), Summary::new(start, max, end), "children {children:?}");
    }
}

proptest! {
    #![proptest_config(cases(4000))]

    #[test]
    fn merging_agrees_with_going_page_by_page(
        pages in 1..24usize,
        runs in prop::collection::vec((0..192usize, 1..80usize), 0..8),
    ) {
        let mut free = vec![false; pages * 8];
        for (from, count) in runs {
            for page in free.iter_mut().skip(from).take(count) {
                *page = !*page;
            }
        }
        let children: Vec<u64> = free.chunks(pages).map(|child| slow(child).pack()).collect();
        prop_assert_eq!(Summary::merge(&children, pages), slow(&free));
    }
}
