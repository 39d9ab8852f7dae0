use super::*;
use crate::os::sim::SimOs;
use crate::page::chunk::PAGES;

impl Tree {
    /// Breaks B2 of the rows, for the tests of the check.
    pub(in crate::page) fn forget_rows(&mut self) {
        self.rows.fill(Runs::default());
    }
}

/// A tree of `chunks` chunks in which these have these summaries.
fn tree(chunks: usize, leaves: &[(usize, (usize, usize, usize))]) -> Tree {
    let os: Arc<dyn Os> = SimOs::new();
    let mut tree = Tree::new(&os, chunks).unwrap();
    for &(chunk, (start, max, end)) in leaves {
        tree.put_leaf(chunk, Summary::new(start, max, end));
        tree.update(chunk..chunk + 1);
    }
    tree
}

const ALL: (usize, usize, usize) = (PAGES, PAGES, PAGES);

#[test]
fn entries_cover_4_mib_to_16_gib() {
    let mib: Vec<_> = (0..LEVELS).map(|level| entry_pages(level) >> 7).collect();
    assert_eq!(mib, [16 << 10, 2 << 10, 256, 32, 4]);
}

#[test]
fn the_root_is_as_long_as_the_reservation_needs() {
    let os: Arc<dyn Os> = SimOs::new();
    for (chunks, roots) in [(0, 1), (1, 1), (4096, 1), (4097, 2), (1 << 14, 4)] {
        assert_eq!(Tree::new(&os, chunks).unwrap().roots(), roots, "{chunks} chunks");
    }
}

#[test]
fn a_change_reaches_every_level_above_it() {
    let tree = tree(8192, &[(4609, (3, 100, 7))]);
    for (level, index) in [(4, 4609), (3, 576), (2, 72), (1, 9), (0, 1)] {
        let start = if index * entry_pages(level) == 4609 * PAGES { 3 } else { 0 };
        let end = if level == LEAF { 7 } else { 0 };
        assert_eq!(tree.summary(level, index), Summary::new(start, 100, end), "level {level}");
    }
    assert!(tree.summary(0, 0).is_none());
}

#[test]
fn a_run_over_a_border_is_found_at_any_level_of_the_border() {
    // The border before chunk 4096 is one of entries at every level, the others at fewer.
    for border in [1, 8, 64, 512, 4096] {
        let tree = tree(8192, &[(border - 1, (0, 9, 9)), (border, (6, 6, 0))]);
        let at = PageIndex::new(border * PAGES - 9);
        let search = tree.find(15, PageIndex::new(0));
        assert_eq!(search.place, Some(Place::Straddle(at)), "the border before chunk {border}");
        assert!(search.lowest_free.unwrap() <= at);
        assert_eq!(tree.find(16, PageIndex::new(0)).place, None, "the border before chunk {border}");
    }
}

#[test]
fn the_lowest_run_wins_whether_it_straddles_or_not() {
    let straddle_first = tree(4096, &[(10, (0, 5, 5)), (11, (5, 5, 0)), (12, (0, 50, 0))]);
    let at = PageIndex::new(11 * PAGES - 5);
    assert_eq!(straddle_first.find(10, PageIndex::new(0)).place, Some(Place::Straddle(at)));
    let inside_first = tree(4096, &[(9, (0, 10, 0)), (10, (0, 5, 5)), (11, (5, 5, 0))]);
    assert_eq!(inside_first.find(10, PageIndex::new(0)).place, Some(Place::Inside(9)));
    let both_in_one = tree(4096, &[(10, (0, 12, 5)), (11, (5, 5, 0))]);
    assert_eq!(both_in_one.find(10, PageIndex::new(0)).place, Some(Place::Inside(10)));
}

#[test]
fn whole_free_entries_are_carried_across_the_root() {
    let leaves: Vec<_> = (4000..8300).map(|chunk| (chunk, ALL)).collect();
    let mut more = vec![(3999, (0, 1, 1))];
    more.extend(leaves);
    let tree = tree(3 * 4096, &more);
    let at = PageIndex::new(4000 * PAGES - 1);
    let longest = 4300 * PAGES + 1;
    assert_eq!(tree.find(longest, PageIndex::new(0)).place, Some(Place::Straddle(at)));
    assert_eq!(tree.find(longest + 1, PageIndex::new(0)).place, None);
}

#[test]
fn a_failed_search_for_one_page_says_that_nothing_is_free() {
    let search = tree(4096, &[]).find(1, PageIndex::new(0));
    assert_eq!((search.place, search.lowest_free), (None, None));
}

#[test]
fn the_highest_free_chunk_is_found_from_anywhere() {
    let free = [0, 7, 8, 63, 500, 4095, 4096, 9000];
    let leaves: Vec<_> = free.iter().map(|&chunk| (chunk, (0, 1, 0))).collect();
    let tree = tree(3 * 4096, &leaves);
    for below in 0..=3 * 4096 {
        let expected = free.iter().copied().filter(|&chunk| chunk < below).max();
        assert_eq!(tree.highest_free_chunk(below), expected, "below chunk {below}");
    }
}

#[test]
fn a_long_root_is_searched_by_rows() {
    // Four rows, a TiB; the border is that of the second and the third.
    let border = 2 * ROW * 4096;
    let tree = tree(
        2 * border,
        &[(5, (0, 3, 0)), (border - 1, (0, 9, 9)), (border, (6, 6, 0)), (border + 4096, (0, 20, 0))],
    );
    assert_eq!((tree.rows().len(), tree.rows()[1]), (4, Runs { start: 0, max: 9, end: 9 }));
    let at = PageIndex::new(border * PAGES - 9);
    let find = |pages| tree.find(pages, PageIndex::new(0));
    assert_eq!(find(3).place, Some(Place::Inside(5)));
    assert_eq!(find(9).place, Some(Place::Inside(border - 1)));
    assert_eq!(find(15).place, Some(Place::Straddle(at)));
    assert_eq!(find(16).place, Some(Place::Inside(border + 4096)));
    assert_eq!(find(21).place, None);
    assert_eq!(tree.find(15, at).lowest_free.map(|page| page <= at), Some(true));
    assert_eq!(
        tree.find(6, PageIndex::new(border * PAGES)).place,
        Some(Place::Straddle(PageIndex::new(border * PAGES)))
    );
}

#[test]
fn whole_free_rows_are_carried_too() {
    let chunks = 3 * ROW * 4096;
    let os: Arc<dyn Os> = SimOs::new();
    let mut tree = Tree::new(&os, chunks).unwrap();
    for chunk in 100..chunks - 100 {
        tree.put_leaf(chunk, Summary::all(PAGES));
    }
    tree.update(0..chunks);
    let longest = (chunks - 200) * PAGES;
    assert_eq!(
        tree.find(longest, PageIndex::new(0)).place,
        Some(Place::Straddle(PageIndex::new(100 * PAGES)))
    );
    assert_eq!(tree.find(longest + 1, PageIndex::new(0)).place, None);
    assert_eq!(
        tree.rows()[1],
        Runs { start: chunks / 3 * PAGES, max: chunks / 3 * PAGES, end: chunks / 3 * PAGES }
    );
}
