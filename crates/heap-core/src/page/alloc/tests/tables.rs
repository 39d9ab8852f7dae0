//! Before, request, expected, after.
#![forbid(unsafe_code)]

use super::*;

#[test]
fn grown_chunks_that_touch_become_one_range() {
    // The sets of chunks are those of Go's test Grow (runtime/mpagealloc_test.go), and one downwards.
    let table: [(&[usize], Runs<'_>); 8] = [
        (&[0], &[(0, 1)]),
        (&[0, 1], &[(0, 2)]),
        (&[0, 1, 2, 3, 4], &[(0, 5)]),
        (&[0, 2, 4], &[(0, 1), (2, 1), (4, 1)]),
        (&[0, 2, 1, 4], &[(0, 3), (4, 1)]),
        (&[0, 1, 0x10, 0x21], &[(0, 2), (0x10, 1), (0x21, 1)]),
        (&[0, 0x1000], &[(0, 1), (0x1000, 1)]),
        (&[3, 2, 1, 0], &[(0, 4)]),
    ];
    for (chunks, expected) in table {
        let mut alloc = fresh(0x1001);
        for &chunk in chunks {
            alloc.grow(page(chunk * chunk::PAGES), CHUNK_PAGES);
            alloc.check().unwrap();
        }
        let grown: Vec<_> = alloc.grown.iter().map(|range| (range.start, range.len())).collect();
        assert_eq!(grown, expected, "chunks {chunks:?}");
        assert_eq!(alloc.grown(), pages(chunks.len() * chunk::PAGES));
        assert_eq!((alloc.free(), alloc.released()), (alloc.grown(), alloc.grown()));
    }
    let mut alloc = fresh(80);
    for odd in (1..66).step_by(2) {
        alloc.grow(page(odd * chunk::PAGES), CHUNK_PAGES);
    }
    assert_eq!(alloc.grown.len(), 33);
    alloc.check().unwrap();
}

#[test]
fn runs_of_one_length_follow_each_other_until_nothing_is_left() {
    // Go's test Exhaust (runtime/mpagealloc_test.go): four chunks; also at the border between two entries of the root.
    for first in [0, 4094] {
        for count in [1, 2, 3, 4, 5, 8, 16, 64, 1024, 1025, 2048, 2049] {
            let mut alloc = fresh(4098);
            let base = first * chunk::PAGES;
            alloc.grow(page(base), pages(2048));
            for at in 0..2048 / count {
                let run = alloc.take(pages(count));
                let expected =
                    PageRun { base: page(base + at * count), pages: pages(count), uncovered: pages(count) };
                assert_eq!(run, Some(expected), "run {at} of {count} pages");
            }
            assert_eq!(alloc.take(pages(count)), None, "after the last of {count} pages");
            alloc.check().unwrap();
            assert_eq!(alloc.in_use(), pages(2048 / count * count));
        }
    }
}

/// One row: the chunks grown, the pages in use and released; pages wanted, where they are found, what that uncovers; in use and
/// released then.
struct Taking<'a> {
    what: &'a str,
    grown: Runs<'a>,
    in_use: Runs<'a>,
    released: Runs<'a>,
    requests: &'a [(usize, Option<usize>, usize)],
    in_use_after: Runs<'a>,
    released_after: Runs<'a>,
}

const TAKING: &[Taking<'_>] = &[
    Taking {
        what: "everything free and released",
        grown: &[(0, 1)],
        in_use: &[],
        released: &[(0, 512)],
        requests: &[(1, Some(0), 1), (1, Some(1), 1), (2, Some(2), 2), (5, Some(4), 5), (11, Some(9), 11)],
        in_use_after: &[(0, 20)],
        released_after: &[(20, 492)],
    },
    Taking {
        what: "everything free, some of it released",
        grown: &[(0, 1)],
        in_use: &[],
        released: &[(0, 1), (10, 3), (500, 12)],
        requests: &[(11, Some(0), 2), (2, Some(11), 2), (499, Some(13), 12), (1, None, 0)],
        in_use_after: &[(0, 512)],
        released_after: &[],
    },
    Taking {
        what: "a gap at the end of many chunks",
        grown: &[(0, 16)],
        in_use: &[(0, 8191)],
        released: &[(8191, 1)],
        requests: &[(2, None, 0), (1, Some(8191), 1), (1, None, 0)],
        in_use_after: &[(0, 8192)],
        released_after: &[],
    },
    Taking {
        what: "chunks that are not neighbours are not joined",
        grown: &[(0, 1), (2, 1), (4, 2)],
        in_use: &[],
        released: &[],
        requests: &[
            (513, Some(2048), 0),
            (512, Some(0), 0),
            (512, Some(1024), 0),
            (512, None, 0),
            (511, Some(2561), 0),
        ],
        in_use_after: &[(0, 512), (1024, 512), (2048, 1024)],
        released_after: &[],
    },
    Taking {
        what: "a run that straddles two chunks",
        grown: &[(0, 2)],
        in_use: &[(0, 511), (513, 511)],
        released: &[(512, 1)],
        requests: &[(3, None, 0), (2, Some(511), 1)],
        in_use_after: &[(0, 1024)],
        released_after: &[],
    },
    Taking {
        what: "half of one chunk and half of the next",
        grown: &[(0, 2)],
        in_use: &[(0, 256), (768, 256)],
        released: &[(256, 256)],
        requests: &[(512, Some(256), 256)],
        in_use_after: &[(0, 1024)],
        released_after: &[],
    },
    Taking {
        what: "a run with a whole chunk in its middle",
        grown: &[(0, 3)],
        in_use: &[(0, 511), (1026, 510)],
        released: &[],
        requests: &[(516, None, 0), (515, Some(511), 0)],
        in_use_after: &[(0, 1536)],
        released_after: &[],
    },
    Taking {
        what: "runs over the border of a 32 MiB entry, of a 256 MiB one and of a 16 GiB one",
        grown: &[(7, 2), (63, 2), (4095, 2)],
        in_use: &[(3584, 500), (4100, 508), (32256, 480), (32790, 490), (2_096_640, 450), (2_097_180, 484)],
        released: &[(4096, 4)],
        requests: &[
            (91, None, 0),
            (90, Some(2_097_090), 0),
            (54, Some(32736), 0),
            (17, None, 0),
            (16, Some(4084), 4),
            (1, None, 0),
        ],
        in_use_after: &[(3584, 1024), (32256, 1024), (2_096_640, 1024)],
        released_after: &[],
    },
    Taking {
        what: "the lowest gap that is long enough, not the best one",
        grown: &[(0, 2)],
        in_use: &[(3, 1), (14, 1), (17, 495), (600, 424)],
        released: &[],
        requests: &[(4, Some(4), 0), (3, Some(0), 0), (3, Some(8), 0), (2, Some(11), 0), (60, Some(512), 0)],
        in_use_after: &[(0, 13), (14, 1), (17, 555), (600, 424)],
        released_after: &[],
    },
    Taking {
        what: "a short gap below a long one stays found after the long one was taken",
        grown: &[(0, 8)],
        in_use: &[(0, 100), (101, 2000)],
        released: &[],
        requests: &[(300, Some(2101), 0), (1, Some(100), 0), (1, Some(2401), 0)],
        in_use_after: &[(0, 2402)],
        released_after: &[],
    },
    Taking {
        // After Go's regression test for issue 40191: a failed or far search must not lift the hint past what is free.
        what: "the hint survives searches over chunks that are not grown",
        grown: &[(5, 1), (4000, 1)],
        in_use: &[(2560, 511)],
        released: &[],
        requests: &[(512, Some(2_048_000), 0), (2, None, 0), (1, Some(3071), 0), (1, None, 0)],
        in_use_after: &[(2560, 512), (2_048_000, 512)],
        released_after: &[],
    },
    Taking {
        // After Go's regression test for summaries at the edge of what is mapped.
        what: "nothing beyond the last grown chunk of an entry is promised",
        grown: &[(4096, 1)],
        in_use: &[(2_097_152, 510)],
        released: &[],
        requests: &[(3, None, 0), (2, Some(2_097_662), 0), (1, None, 0)],
        in_use_after: &[(2_097_152, 512)],
        released_after: &[],
    },
    Taking {
        what: "nothing is free",
        grown: &[(0, 2)],
        in_use: &[(0, 1024)],
        released: &[],
        requests: &[(1, None, 0), (64, None, 0), (513, None, 0)],
        in_use_after: &[(0, 1024)],
        released_after: &[],
    },
    Taking {
        what: "more than the reservation",
        grown: &[(0, 2)],
        in_use: &[],
        released: &[],
        requests: &[(1 << 40, None, 0), (1025, None, 0), (1024, Some(0), 0)],
        in_use_after: &[(0, 1024)],
        released_after: &[],
    },
];

#[test]
fn runs_are_taken_where_the_table_says() {
    for row in TAKING {
        let mut alloc = state(4097, row.grown, row.in_use, row.released);
        for &(count, expected, uncovered) in row.requests {
            let run = alloc.take(pages(count));
            let expected = expected.map(|base| PageRun {
                base: page(base),
                pages: pages(count),
                uncovered: pages(uncovered),
            });
            assert_eq!(run, expected, "{}: {count} pages", row.what);
            alloc.check().unwrap();
        }
        assert_eq!(runs_in_use(&alloc), row.in_use_after, "{}: in use", row.what);
        assert_eq!(runs_released(&alloc), row.released_after, "{}: released", row.what);
    }
}

#[test]
fn runs_are_given_back_where_the_table_says() {
    type Row<'a> = (Runs<'a>, Runs<'a>, Runs<'a>, Runs<'a>);
    // Chunks grown; pages in use, given back, in use then.
    let table: [Row<'_>; 9] = [
        (&[(0, 1)], &[(0, 1)], &[(0, 1)], &[]),
        (&[(0, 1)], &[(511, 1)], &[(511, 1)], &[]),
        (&[(0, 1)], &[(0, 512)], &[(0, 512)], &[]),
        (&[(0, 1)], &[(0, 512)], &[(0, 1), (2, 1), (1, 1)], &[(3, 509)]),
        (&[(0, 1)], &[(0, 512)], &[(63, 2), (127, 130)], &[(0, 63), (65, 62), (257, 255)]),
        (&[(0, 2)], &[(0, 1024)], &[(511, 2)], &[(0, 511), (513, 511)]),
        (&[(0, 2)], &[(0, 1024)], &[(256, 512)], &[(0, 256), (768, 256)]),
        (&[(0, 3)], &[(0, 1536)], &[(511, 514)], &[(0, 511), (1025, 511)]),
        (&[(4095, 2)], &[(2_096_640, 1024)], &[(2_097_151, 2)], &[(2_096_640, 511), (2_097_153, 511)]),
    ];
    for (grown, in_use, given_back, after) in table {
        let mut alloc = state(4097, grown, in_use, &[]);
        for &(from, count) in given_back {
            alloc.give_back(page(from), pages(count));
            alloc.check().unwrap();
        }
        assert_eq!(runs_in_use(&alloc), after, "{given_back:?} given back of {in_use:?}");
        let lowest = grown[0].0 * chunk::PAGES;
        let lowest =
            (lowest..).find(|&page| !after.iter().any(|&(from, count)| (from..from + count).contains(&page)));
        assert_eq!(alloc.take(pages(1)).map(|run| run.base.get()), lowest, "{given_back:?}");
    }
}

#[test]
fn eight_chunks_go_out_and_come_back_again_and_again() {
    let mut alloc = fresh(8);
    alloc.grow(page(0), pages(8 * 512));
    for round in 0..3 {
        let run = alloc.take(pages(8 * 512)).unwrap();
        assert_eq!(run.uncovered, pages(if round == 0 { 8 * 512 } else { 0 }));
        assert_eq!(alloc.take(pages(1)), None);
        alloc.give_back(run.base, run.pages);
        alloc.check().unwrap();
    }
    let one = alloc.take(pages(1)).unwrap();
    assert_eq!(alloc.take(pages(8 * 512)), None);
    alloc.give_back(one.base, one.pages);
    assert_eq!(alloc.take(pages(8 * 512)).unwrap().base, page(0));
    alloc.check().unwrap();
}

#[test]
fn released_pages_are_charged_once_when_used_again() {
    let mut alloc = state(2, &[(0, 2)], &[(0, 1024)], &[]);
    alloc.put_back_released(page(500), pages(24));
    assert_eq!((alloc.in_use(), alloc.free(), alloc.released()), (pages(1000), pages(24), pages(24)));
    let run = alloc.take(pages(20)).unwrap();
    assert_eq!((run.base, run.uncovered), (page(500), pages(20)));
    alloc.give_back(run.base, run.pages);
    assert_eq!((alloc.free(), alloc.released()), (pages(24), pages(4)));
    assert_eq!(alloc.take(pages(24)).unwrap().uncovered, pages(4));
    alloc.check().unwrap();
}

#[test]
fn a_cache_takes_the_rest_of_the_word_of_the_lowest_free_page() {
    // Chunks grown; pages in use, released; base, free and released pages of each cache.
    type Row<'a> = (Runs<'a>, Runs<'a>, Runs<'a>, &'a [(usize, u64, u64)]);
    const ALL: u64 = u64::MAX;
    let table: [Row<'_>; 7] = [
        (&[(0, 1)], &[], &[(1, 1), (64, 64)], &[(0, ALL, 2), (64, ALL, ALL), (128, ALL, 0)]),
        (&[(0, 2)], &[(0, 960)], &[], &[(960, ALL, 0)]),
        (&[(0, 1), (2, 1)], &[(0, 448)], &[], &[(448, ALL, 0), (1024, ALL, 0)]),
        // The word of the first free page, from its border on.
        (&[(0, 1)], &[(0, 32), (33, 31), (96, 32)], &[], &[(0, 1 << 32, 0), (64, ALL >> 32, 0)]),
        // Released pages stay so, those in use do not become so.
        (&[(0, 1)], &[(0, 1), (3, 1)], &[(1, 1), (4, 2)], &[(0, ALL & !0b1001, 0b11_0010)]),
        (
            &[(4095, 2)],
            &[(2_096_640, 511)],
            &[(2_097_151, 1)],
            &[(2_097_088, 1 << 63, 1 << 63), (2_097_152, ALL, 0)],
        ),
        (&[(0, 1)], &[(0, 512)], &[], &[]),
    ];
    for (grown, in_use, released, expected) in table {
        let mut alloc = state(4097, grown, in_use, released);
        let before = (runs_in_use(&alloc), runs_released(&alloc));
        let mut caches = Vec::new();
        for &(base, free, released) in expected {
            let cache = alloc.take_cache().unwrap();
            assert_eq!(
                (cache.base(), cache.free_bits(), cache.released_bits()),
                (page(base), free, released)
            );
            caches.push(cache);
            alloc.check().unwrap();
            alloc.check_caches(&caches.iter().collect::<Vec<_>>()).unwrap();
        }
        if expected.is_empty() {
            assert!(alloc.take_cache().is_none());
        }
        for cache in caches {
            alloc.put_cache(cache);
            alloc.check().unwrap();
        }
        assert_eq!((runs_in_use(&alloc), runs_released(&alloc)), before);
    }
}

#[test]
fn what_was_taken_from_a_cache_stays_in_use_when_the_cache_goes_back() {
    let mut alloc = state(1, &[(0, 1)], &[], &[(0, 512)]);
    let mut cache = alloc.take_cache().unwrap();
    let run = cache.take(pages(5)).unwrap();
    assert_eq!((run.base, run.uncovered), (page(0), pages(5)));
    alloc.put_cache(cache);
    assert_eq!(runs_in_use(&alloc), [(0, 5)]);
    assert_eq!(runs_released(&alloc), [(5, 507)]);
    assert_eq!(alloc.take(pages(1)).unwrap().base, page(5));
    alloc.put_cache(PageCache::empty());
    alloc.check().unwrap();
}

#[test]
fn the_highest_free_run_is_taken_for_releasing() {
    // Below which page, at most how many, groups of; where and how many are found.
    type Request = (usize, usize, usize, Option<(usize, usize)>);
    // Chunks grown; pages in use, released, requests.
    type Row<'a> = (Runs<'a>, Runs<'a>, Runs<'a>, &'a [Request]);
    let table: [Row<'_>; 10] = [
        (&[(0, 2)], &[], &[], &[(1024, 16, 1, Some((1008, 16))), (1008, 16, 1, Some((992, 16)))]),
        (&[(0, 2)], &[], &[(0, 1024)], &[(1024, 16, 1, None)]),
        (&[(0, 2)], &[(0, 1024)], &[], &[(1024, 16, 1, None)]),
        (&[(0, 2)], &[], &[(600, 424)], &[(1024, 512, 1, Some((512, 88))), (1024, 512, 1, Some((0, 512)))]),
        (
            &[(0, 1)],
            &[(10, 502)],
            &[],
            &[(512, 4, 1, Some((6, 4))), (6, 100, 1, Some((0, 6))), (512, 1, 1, None)],
        ),
        // Whole groups of eight pages: 64 KiB.
        (
            &[(0, 1)],
            &[(9, 15), (30, 482)],
            &[],
            &[(512, 64, 8, Some((0, 8))), (512, 64, 8, None), (512, 64, 1, Some((24, 6)))],
        ),
        (
            &[(0, 1)],
            &[(100, 412)],
            &[(63, 1)],
            &[(512, 3, 16, Some((80, 16))), (512, 33, 16, Some((64, 16))), (512, 512, 16, Some((0, 48)))],
        ),
        // Below means below, to the page, and a group cut by it is not whole.
        (&[(0, 1)], &[], &[], &[(100, 512, 8, Some((0, 96))), (0, 512, 1, None)]),
        // A huge page, 256 of ours, and a whole chunk.
        (
            &[(0, 2)],
            &[(300, 1)],
            &[],
            &[
                (1024, 256, 256, Some((768, 256))),
                (768, 512, 256, Some((512, 256))),
                (512, 512, 512, None),
                (512, 512, 256, Some((0, 256))),
            ],
        ),
        // Never over the border of two chunks, even where the run goes on.
        (
            &[(4094, 3)],
            &[(2_096_128, 972)],
            &[],
            &[(1 << 30, 4096, 1, Some((2_097_152, 512))), (1 << 30, 4096, 1, Some((2_097_100, 52)))],
        ),
    ];
    for (row, (grown, in_use, released, requests)) in table.into_iter().enumerate() {
        let mut alloc = state(4097, grown, in_use, released);
        for &(below, most, align, expected) in requests {
            let run = take_free_run(&mut alloc, page(below), pages(most), pages(align));
            let found = run.map(|run| (run.base.get(), run.pages.get()));
            assert_eq!(found, expected, "row {row}: below {below}, {most} pages, groups of {align}");
            assert!(run.is_none_or(|run| run.uncovered == Pages::ZERO));
            alloc.check().unwrap();
        }
    }
}

#[test]
fn a_run_being_released_is_nobody_elses() {
    let mut alloc = state(1, &[(0, 1)], &[(0, 500)], &[]);
    let run = take_free_run(&mut alloc, page(512), pages(64), pages(1)).unwrap();
    assert_eq!((run.base, run.pages, alloc.take(pages(1))), (page(500), pages(12), None));
    alloc.put_back_released(run.base, run.pages);
    assert_eq!(
        (alloc.released(), take_free_run(&mut alloc, page(512), pages(64), pages(1))),
        (pages(12), None)
    );
    assert_eq!(alloc.take(pages(12)).unwrap().uncovered, pages(12));
    alloc.check().unwrap();
}

#[test]
fn chunks_with_too_few_free_pages_are_passed_over() {
    // Free pages: 16 in chunk 0, 17 in chunk 1 (of them 10 released), 16 in chunk 2, 512 in chunk 3.
    let in_use = [(0, 496), (512, 495), (1024, 496)];
    let mut alloc = state(4, &[(0, 4)], &in_use, &[(1007, 10)]);
    let sparing = |least| WantedRun {
        most: pages(64),
        align: pages(1),
        least_free: pages(least),
        least_free_before: pages(0),
    };
    let taken = |found: FreeRun| match found {
        FreeRun::Taken(run) => (run.base.get(), run.pages.get()),
        other @ (FreeRun::Further(_) | FreeRun::None) => panic!("{other:?}"),
    };
    let mut put_back = |below: usize, least: usize| {
        let run = taken(alloc.take_free_run(page(below), &sparing(least)));
        alloc.put_back_released(page(run.0), pages(run.1));
        alloc.check().unwrap();
        run
    };
    assert_eq!(put_back(2048, 17), (1984, 64), "the empty chunk first, from its end");
    assert_eq!(
        put_back(1536, 17),
        (1017, 7),
        "17 free pages are enough, and 10 of them are released already"
    );
    assert_eq!(put_back(1536, 16), (1520, 16), "asked for less, the denser chunk counts");
    assert_eq!(alloc.take_free_run(page(1536), &sparing(17)), FreeRun::None);
    assert_eq!(alloc.take_free_run(page(2048), &sparing(513)), FreeRun::None, "no chunk is as empty as that");
}

#[test]
fn a_search_for_a_run_to_release_is_cut_into_pieces() {
    let chunks = 2 * LOOKED_AT + 3;
    let top = (chunks - 1) * chunk::PAGES;
    // One free page in the highest chunk, which is too few; those below are released, since fresh memory is.
    let mut alloc = state(chunks, &[(0, 1), (chunks - 1, 1)], &[(top, chunk::PAGES - 1)], &[]);
    alloc.grow(page(chunk::PAGES), pages((chunks - 2) * chunk::PAGES));
    let wanted =
        WantedRun { most: pages(8), align: pages(1), least_free: pages(2), least_free_before: pages(0) };
    let mut below = chunks * chunk::PAGES;
    for left in [LOOKED_AT + 3, 3] {
        let found = alloc.take_free_run(page(below), &wanted);
        assert_eq!(found, FreeRun::Further(page(left * chunk::PAGES)));
        below = left * chunk::PAGES;
    }
    let FreeRun::Taken(run) = alloc.take_free_run(page(below), &wanted) else { panic!("chunk 0 is free") };
    assert_eq!((run.base, run.pages), (page(504), pages(8)));
    alloc.check().unwrap();
}

#[test]
fn what_is_released_at_the_top_is_not_looked_at_again() {
    let chunks = 2 * LOOKED_AT + 3;
    let mut alloc = state(chunks, &[(0, 1), (chunks - 1, 1)], &[], &[]);
    alloc.grow(page(chunk::PAGES), pages((chunks - 2) * chunk::PAGES));
    let end = page(chunks * chunk::PAGES);
    let wanted =
        WantedRun { most: pages(512), align: pages(1), least_free: pages(1), least_free_before: pages(0) };
    let mut release = |below: PageIndex| {
        let found = alloc.take_free_run(below, &wanted);
        if let FreeRun::Taken(run) = found {
            alloc.put_back_released(run.base, run.pages);
        }
        alloc.check().unwrap();
        found
    };
    let first = release(end);
    assert!(
        matches!(first, FreeRun::Taken(run) if run.base == page((chunks - 1) * chunk::PAGES)),
        "{first:?}"
    );
    // Each search begins at the top again, as one that has forgotten the last does, and gets further.
    assert_eq!(release(end), FreeRun::Further(page((LOOKED_AT + 3) * chunk::PAGES)));
    assert_eq!(release(end), FreeRun::Further(page(3 * chunk::PAGES)));
    let last = release(end);
    assert!(matches!(last, FreeRun::Taken(run) if run.base == page(0)), "{last:?}");
    // A page that is freed above is found at once.
    let run = alloc.take(pages(chunk::PAGES * 2)).unwrap();
    alloc.give_back(run.base, run.pages);
    let found = alloc.take_free_run(end, &wanted);
    assert!(matches!(found, FreeRun::Taken(run) if run.base == page(chunk::PAGES)), "{found:?}");
    alloc.check().unwrap();
}

#[test]
fn chunks_that_were_dense_when_the_cycle_ended_are_told_apart() {
    // In use when the cycle ends: all of chunks 0 and 1, half of chunk 2, all of chunk 3.
    let mut alloc = state(5, &[(0, 4)], &[(0, 1024), (1024, 256), (1536, 512)], &[]);
    let wanted = |before| WantedRun {
        most: pages(512),
        align: pages(1),
        least_free: pages(17),
        least_free_before: pages(before),
    };
    let found = |alloc: &mut PageAlloc, before| match alloc.take_free_run(page(2560), &wanted(before)) {
        FreeRun::Taken(run) => {
            alloc.give_back(run.base, run.pages);
            Some(run.base.get() / chunk::PAGES)
        }
        FreeRun::Further(_) | FreeRun::None => None,
    };
    alloc.cycle_ended();
    // Swept: chunk 3 and chunk 0 lose all, chunk 1 ten pages, chunk 2 nothing.
    alloc.give_back(page(1536), pages(512));
    alloc.give_back(page(0), pages(522));
    assert_eq!(found(&mut alloc, 0), Some(3), "whatever was");
    assert_eq!(found(&mut alloc, 17), Some(2), "what was not dense");
    assert_eq!(found(&mut alloc, 257), None);
    alloc.cycle_ended();
    assert_eq!(found(&mut alloc, 17), Some(3), "a cycle later it has been free for long enough");
    let run = alloc.take(pages(512)).unwrap();
    alloc.give_back(run.base, run.pages);
    assert_eq!(found(&mut alloc, 512), Some(3), "what was in use between two ends does not count");
    alloc.check().unwrap();
}
