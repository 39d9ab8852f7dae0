//! What is refused, what fails, and what the check finds.
#![forbid(unsafe_code)]

use super::*;

#[test]
#[should_panic(expected = "12 pages of chunk 0 given back, from 4 on; 10 were in use")]
fn pages_that_are_free_cannot_be_given_back() {
    state(1, &[(0, 1)], &[(4, 10)], &[]).give_back(page(4), pages(12));
}

#[test]
#[should_panic(expected = "given back")]
fn pages_that_are_not_grown_cannot_be_given_back() {
    state(2, &[(0, 1)], &[(0, 512)], &[]).give_back(page(500), pages(13));
}

#[test]
#[should_panic(expected = "were grown before")]
fn a_chunk_grows_once() {
    state(8, &[(2, 3)], &[], &[]).grow(page(4 * 512), pages(1024));
}

#[test]
#[should_panic(expected = "are not whole chunks")]
fn nothing_grows_outside_the_reservation() {
    fresh(8).grow(page(7 * 512), pages(1024));
}

#[test]
#[should_panic(expected = "B7: a cache has")]
fn a_cache_whose_pages_were_given_back_is_refused() {
    let mut alloc = state(1, &[(0, 1)], &[], &[]);
    let cache = alloc.take_cache().unwrap();
    alloc.give_back(page(5), pages(1));
    alloc.put_cache(cache);
}

#[test]
fn a_system_without_room_for_the_tables_is_an_error_and_keeps_nothing() {
    let sim = SimOs::new();
    let os: Arc<dyn Os> = sim.clone();
    drop(PageAlloc::new(&os, pages(1 << 16)).unwrap());
    let calls = sim.calls();
    assert!(calls > 0);
    for nth in 1..=calls {
        sim.fail_nth(nth);
        let error = PageAlloc::new(&os, pages(1 << 16)).unwrap_err();
        assert_eq!(error.op, crate::os::OsOp::Table);
        assert_eq!(sim.live(), 0, "table {nth} refused");
        sim.fail_from(nth);
        PageAlloc::new(&os, pages(1 << 16)).unwrap_err();
        assert_eq!(sim.live(), 0, "all tables from {nth} on refused");
    }
    sim.fail_never();
    let mut alloc = PageAlloc::new(&os, pages(1 << 16)).unwrap();
    alloc.grow(page(0), pages(512));
    assert_eq!(alloc.take(pages(7)).unwrap().base, page(0));
}

#[cfg(not(miri))]
#[test]
fn an_absurd_reservation_is_an_error() {
    for os in [SimOs::new() as Arc<dyn Os>, crate::os::host()] {
        for absurd in [usize::MAX, 1 << 50] {
            let error = PageAlloc::new(&os, pages(absurd)).unwrap_err();
            assert_eq!(
                (error.op, error.code),
                (crate::os::OsOp::Table, libc::ENOMEM),
                "{os:?}: {absurd} pages"
            );
        }
    }
}

#[test]
fn only_making_an_allocator_calls_the_system() {
    let sim = SimOs::new();
    let os: Arc<dyn Os> = sim.clone();
    let mut alloc = PageAlloc::new(&os, pages(1 << 16)).unwrap();
    sim.fail_from(1);
    let calls = sim.calls();
    alloc.grow(page(0), pages(512 * 3));
    let run = alloc.take(pages(700)).unwrap();
    let cache = alloc.take_cache().unwrap();
    alloc.give_back(run.base, run.pages);
    let run = take_free_run(&mut alloc, page(1 << 16), pages(64), pages(8)).unwrap();
    alloc.put_back_released(run.base, run.pages);
    alloc.put_cache(cache);
    alloc.check().unwrap();
    assert_eq!(sim.calls(), calls);
}

#[cfg(not(miri))]
#[test]
fn an_allocator_for_16_tib_starts_at_once() {
    let os = crate::os::host();
    let total = pages(1 << 31);
    let start = || {
        let begin = std::time::Instant::now();
        let alloc = PageAlloc::new(&os, total).unwrap();
        let took = begin.elapsed();
        assert_eq!(alloc.total(), total);
        took
    };
    let best = (0..50).map(|_| start()).min().unwrap();
    // Its tables are over half a GiB: touching them all would take a hundred times as long.
    assert!(best.as_micros() < 1000, "the fastest of 50 took {best:?}");
}

#[test]
fn the_check_names_the_invariant_that_is_broken() {
    // Chunk 0 in use but for pages 100 to 199, of which 150 to 159 are released; chunk 2 not grown.
    let broken = |breaking: fn(&mut PageAlloc)| {
        let mut alloc = state(9, &[(0, 2)], &[(0, 100), (200, 824)], &[(150, 10)]);
        breaking(&mut alloc);
        alloc.check().unwrap_err()
    };
    type Breaking = fn(&mut PageAlloc);
    let table: [(&str, Breaking); 11] = [
        ("B1: chunk 0 ", |alloc| alloc.tree.put_leaf(0, Summary::new(0, 99, 0))),
        ("B1: chunk 0 ", |alloc| alloc.in_use.get_mut(0).set(120, 1)),
        ("B1: entry 2 of level 4", |alloc| alloc.tree.put_leaf(2, Summary::new(0, 1, 0))),
        ("B1: entry 1 of level 3", |alloc| {
            alloc.tree.put_leaf(8, Summary::new(1, 1, 0));
            alloc.tree.update(8..9);
            alloc.tree.put_leaf(8, Summary::NONE);
            alloc.tree.update(0..1);
        }),
        ("B2: entry 0 of level 3", |alloc| {
            alloc.tree.put_leaf(0, Summary::new(0, 99, 0));
            alloc.tree.update(0..1);
            alloc.tree.put_leaf(0, Summary::new(0, 100, 0));
        }),
        ("B2: row 0 of the root", |alloc| alloc.tree.forget_rows()),
        ("B3: page 100 ", |alloc| alloc.hint = Some(page(101))),
        ("B3: page 100 ", |alloc| alloc.hint = None),
        ("B4: page 1000 ", |alloc| alloc.released.get_mut(1).set(488, 1)),
        ("B6: ", |alloc| alloc.released.get_mut(0).set(100, 1)),
        ("B6: ", |alloc| alloc.counts.in_use += pages(1)),
    ];
    for (at, (expected, breaking)) in table.into_iter().enumerate() {
        let found = broken(breaking);
        assert!(found.starts_with(expected), "row {at}: {found}");
    }
}

#[test]
fn the_check_of_caches_names_what_is_broken() {
    let mut alloc = state(1, &[(0, 1)], &[], &[(0, 8)]);
    let cache = alloc.take_cache().unwrap();
    alloc.check_caches(&[&cache]).unwrap();
    let copy = PageCache::new(page(0), 1 << 40, 0);
    let found = alloc.check_caches(&[&cache, &PageCache::empty(), &copy]).unwrap_err();
    assert!(found.ends_with("are in two caches"), "{found}");
    alloc.give_back(page(63), pages(1));
    let found = alloc.check_caches(&[&cache]).unwrap_err();
    assert!(found.starts_with("B7: the cache at PageIndex(0) has 0xffffffffffffffff"), "{found}");
    assert_eq!(alloc.take(pages(1)).unwrap().base, page(63));
    alloc.put_cache(cache);
    alloc.check().unwrap();
}
