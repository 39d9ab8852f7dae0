//! Tables, generated sequences, and failures; here is what they share.

mod failures;
mod generated;
mod tables;

use super::*;
use crate::os::sim::SimOs;
use crate::page::samples::is_set;

/// First page, or chunk, and how many.
type Runs<'a> = &'a [(usize, usize)];

fn page(index: usize) -> PageIndex {
    PageIndex::new(index)
}

fn pages(count: usize) -> Pages {
    Pages::new(count)
}

/// The highest run to release in chunks however full, looked for to the end.
fn take_free_run(alloc: &mut PageAlloc, below: PageIndex, most: Pages, align: Pages) -> Option<PageRun> {
    let wanted = WantedRun { most, align, least_free: pages(1), least_free_before: pages(0) };
    let mut below = below;
    loop {
        match alloc.take_free_run(below, &wanted) {
            FreeRun::Taken(run) => return Some(run),
            FreeRun::Further(page) => below = page,
            FreeRun::None => return None,
        }
    }
}

/// An allocator on a simulated system, for a reservation of `chunks` chunks.
fn fresh(chunks: usize) -> PageAlloc {
    let os: Arc<dyn Os> = SimOs::new();
    PageAlloc::new(&os, pages(chunks * chunk::PAGES)).unwrap()
}

/// An allocator whose `grown` chunks are free but for `in_use`; of the free pages, `released` are released. Made by
/// the public functions only.
fn state(chunks: usize, grown: Runs<'_>, in_use: Runs<'_>, released: Runs<'_>) -> PageAlloc {
    let mut alloc = fresh(chunks);
    let covers = |runs: Runs<'_>, index: usize| {
        runs.iter().any(|&(from, count)| (from..from + count).contains(&index))
    };
    for &(first, count) in grown {
        let (base, count) = (first * chunk::PAGES, count * chunk::PAGES);
        alloc.grow(page(base), pages(count));
        let run = alloc.take(pages(count)).unwrap();
        assert_eq!((run.base, run.uncovered), (page(base), pages(count)));
    }
    for index in grown.iter().flat_map(|&(first, count)| first * chunk::PAGES..(first + count) * chunk::PAGES)
    {
        match (covers(in_use, index), covers(released, index)) {
            (true, false) => {}
            (false, false) => alloc.give_back(page(index), pages(1)),
            (false, true) => alloc.put_back_released(page(index), pages(1)),
            (true, true) => panic!("page {index} cannot be in use and released"),
        }
    }
    alloc.check().unwrap();
    alloc
}

/// The runs of grown pages for which `wanted` holds.
fn runs(alloc: &PageAlloc, wanted: impl Fn(&PageAlloc, usize, usize) -> bool) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for chunk in alloc.grown.iter().flat_map(Range::clone) {
        for at in (0..chunk::PAGES).filter(|&at| wanted(alloc, chunk, at)) {
            let index = chunk * chunk::PAGES + at;
            match runs.last_mut() {
                Some((from, count)) if *from + *count == index => *count += 1,
                _ => runs.push((index, 1)),
            }
        }
    }
    runs
}

fn runs_in_use(alloc: &PageAlloc) -> Vec<(usize, usize)> {
    runs(alloc, |alloc, chunk, at| is_set(alloc.in_use.get(chunk), at))
}

fn runs_released(alloc: &PageAlloc) -> Vec<(usize, usize)> {
    runs(alloc, |alloc, chunk, at| is_set(alloc.released.get(chunk), at))
}
